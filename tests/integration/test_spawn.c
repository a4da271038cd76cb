/* Actors that start others, asked of a whole node. Each actor here writes into one diary what
 * happens to it; a story tells the parent what to do, by messages, and waits for entries.
 */

#include "tests/kit/rig.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <troupe/actor.h>

static rig_t rig;

/* ---- the diary ---- */

#define MOST_ENTRIES 256
#define ENTRY_SIZE   120

static struct diary {
    pthread_mutex_t mutex;
    pthread_cond_t written;
    size_t n;
    char entries[MOST_ENTRIES][ENTRY_SIZE];
} diary = {.mutex = PTHREAD_MUTEX_INITIALIZER, .written = PTHREAD_COND_INITIALIZER};

static void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&diary.mutex);
    if (diary.n < MOST_ENTRIES) {
        vsnprintf(diary.entries[diary.n++], ENTRY_SIZE, format, arguments);
    }
    pthread_cond_broadcast(&diary.written);
    pthread_mutex_unlock(&diary.mutex);
    va_end(arguments);
}

/* With the lock: where the entry is, MOST_ENTRIES when it is not. */
static size_t find(const char *entry, size_t from)
{
    for (size_t i = from; i < diary.n; i++) {
        if (strcmp(diary.entries[i], entry) == 0) {
            return i;
        }
    }
    return MOST_ENTRIES;
}

static size_t count(const char *entry)
{
    size_t n = 0;
    pthread_mutex_lock(&diary.mutex);
    for (size_t i = find(entry, 0); i < MOST_ENTRIES; i = find(entry, i + 1)) {
        n++;
    }
    pthread_mutex_unlock(&diary.mutex);
    return n;
}

static void print_diary(void)
{
    for (size_t i = 0; i < diary.n; i++) {
        fprintf(stderr, "  %zu: %s\n", i, diary.entries[i]);
    }
}

/* Wait until `n` such entries are there; where the last of them is. */
static size_t await_times(const char *entry, size_t n)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RIG_PATIENCE_MS / 1000;
    size_t place = MOST_ENTRIES;
    int waited = 0;
    pthread_mutex_lock(&diary.mutex);
    while (waited == 0) {
        size_t n_found = 0;
        place = MOST_ENTRIES;
        for (size_t i = find(entry, 0); i < MOST_ENTRIES && n_found < n;
             i = find(entry, i + 1)) {
            place = i;
            n_found++;
        }
        if (n_found == n) {
            break;
        }
        place = MOST_ENTRIES;
        waited = pthread_cond_timedwait(&diary.written, &diary.mutex, &until);
    }
    if (place == MOST_ENTRIES) {
        fprintf(stderr, "there is no entry '%s' (%zu times)\n", entry, n);
        print_diary();
    }
    pthread_mutex_unlock(&diary.mutex);
    assert_true(place < MOST_ENTRIES);
    return place;
}

static size_t await(const char *entry)
{
    return await_times(entry, 1);
}

/* ---- children ---- */

static int be_born(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    const char *how = troupe_args_get_or(args, "how", "well");
    if (strcmp(how, "not") == 0) {
        troupe_worker_explain(self, "it does not want to");
        return -1;
    }
    *state_p = NULL;
    note("%s is born %s", troupe_ref_name(troupe_self(self)), how);
    return 0;
}

static bool says(const troupe_message_t *message, const char *text)
{
    return troupe_message_size(message, 0) == strlen(text) &&
           memcmp(troupe_message_data(message, 0), text, strlen(text)) == 0;
}

static int obey(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    note("%s hears %.*s", troupe_worker_name(self), (int)troupe_message_size(message, 0),
         (const char *)troupe_message_data(message, 0));
    if (says(message, "end")) {
        troupe_worker_end(self);
    }
    if (says(message, "beget")) {
        static const troupe_behaviour_t grandchild = {
            .name = "grandchild", .init = be_born, .receive = obey};
        troupe_ref_t *ref;
        troupe_status_t status = troupe_spawn(
            self, &(troupe_child_t){.name = "grandchild", .behaviour = &grandchild}, &ref);
        note("%s begets %s", troupe_worker_name(self), troupe_status_name(status));
        if (status == TROUPE_OK) {
            troupe_ref_release(&ref);
        }
    }
    if (troupe_message_kind(message) == TROUPE_MESSAGE_ASK) {
        troupe_message_t *answer = troupe_message_from_text("here");
        troupe_answer(self, &answer);
    }
    return says(message, "fail") ? -1 : 0;
}

static void die(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)state_p;
    note("%s dies %d", troupe_worker_name(self), (int)reason.kind);
}

static const troupe_behaviour_t child_behaviour = {
    .name = "child", .init = be_born, .receive = obey, .terminate = die};

/* ---- the parent ---- */

#define MOST_CHILDREN 16

typedef struct family {
    size_t n;
    troupe_ref_t *children[MOST_CHILDREN];
} family_t;

static int wake(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    *state_p = calloc(1, sizeof(family_t));
    note("%s wakes", troupe_worker_name(self));
    return 0;
}

static void rest(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)reason;
    family_t *family = *state_p;
    for (size_t i = 0; i < family->n; i++) {
        troupe_ref_release(&family->children[i]);
    }
    free(family);
    *state_p = NULL;
    note("%s rests", troupe_worker_name(self));
}

/* "spawn NAME RESTART HOW", where a name of "-" is none. */
static void spawn(troupe_worker_t *self, family_t *family, const char *text)
{
    char name[40] = "";
    char restart[20] = "";
    char how[20] = "well";
    sscanf(text, "spawn %39s %19s %19s", name, restart, how);
    const char *const args[] = {"how", how, NULL};
    troupe_child_t child = {
        .name = strcmp(name, "-") == 0 ? NULL : name,
        .behaviour = &child_behaviour,
        .args = args,
        .restart = strcmp(restart, "temporary") == 0   ? TROUPE_RESTART_TEMPORARY
                   : strcmp(restart, "transient") == 0 ? TROUPE_RESTART_TRANSIENT
                                                       : TROUPE_RESTART_PERMANENT,
        .spawns = strcmp(restart, "breeding") == 0 ? 2 : 0,
    };
    troupe_ref_t *ref = NULL;
    uint64_t id;
    troupe_status_t status = troupe_spawn(self, &child, &ref);
    note("spawned %s %s", ref ? troupe_ref_name(ref) : name, troupe_status_name(status));
    if (status == TROUPE_OK && family->n < MOST_CHILDREN) {
        family->children[family->n++] = ref;
        troupe_message_t *hello = troupe_message_from_text("hello");
        if (troupe_send(self, ref, &hello) != TROUPE_OK ||
            troupe_monitor(self, ref, &id) != TROUPE_OK) {
            note("a child cannot be spoken to");
        }
    } else {
        troupe_ref_release(&ref);
    }
}

static troupe_ref_t *child_called(family_t *family, const char *name)
{
    for (size_t i = family->n; i-- > 0;) {
        if (strcmp(troupe_ref_name(family->children[i]), name) == 0) {
            return family->children[i];
        }
    }
    return NULL;
}

static void stop_child(troupe_worker_t *self, family_t *family, const char *name)
{
    troupe_ref_t *ref = child_called(family, name);
    if (ref) {
        troupe_stop_child(self, ref);
    }
}

/* "tell NAME TEXT" */
static void tell_child(troupe_worker_t *self, family_t *family, const char *text)
{
    char name[40] = "";
    char what[40] = "";
    sscanf(text, "tell %39s %39s", name, what);
    troupe_ref_t *ref = child_called(family, name);
    troupe_message_t *message = troupe_message_from_text(what);
    note("told %s %s", name,
         ref ? troupe_status_name(troupe_send(self, ref, &message)) : "nobody");
    troupe_message_destroy(&message);
}

static troupe_status_t try_to_spawn(troupe_worker_t *self, const troupe_child_t *child)
{
    troupe_ref_t *ref = NULL;
    troupe_status_t status = troupe_spawn(self, child, &ref);
    troupe_ref_release(&ref);
    return status;
}

static troupe_status_t try_name(troupe_worker_t *self, const char *name)
{
    return try_to_spawn(self, &(troupe_child_t){.name = name, .behaviour = &child_behaviour});
}

static void try_nonsense(troupe_worker_t *self)
{
    static const troupe_behaviour_t deaf = {.name = "deaf"};
    static const char *const odd[] = {"how", "well", "key", NULL};
    const troupe_child_t children[] = {
        {.name = "x"},
        {.behaviour = &deaf},
        {.name = "x", .behaviour = &child_behaviour, .args = odd},
        {.name = "x", .behaviour = &child_behaviour, .shutdown_ms = -1},
    };
    for (size_t i = 0; i < sizeof children / sizeof children[0]; i++) {
        note("nonsense %zu: %s", i, troupe_status_name(try_to_spawn(self, &children[i])));
    }
}

/* A name of so many bytes. */
static const char *name_of_size(char name[100], size_t size)
{
    memset(name, 'n', size);
    name[size] = '\0';
    return name;
}

static void try_names(troupe_worker_t *self)
{
    char name[100];
    const char *const names[] = {
        "",         "two\nlines", "a\x7f",        "\t",
        "\xff\xfe", "caf\xc3",    "\xed\xa0\x80", name_of_size(name, 65)};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        note("name %zu: %s", i, troupe_status_name(try_name(self, names[i])));
    }
    note("name of 64: %s", troupe_status_name(try_name(self, name_of_size(name, 64))));
    note("caf\xc3\xa9: %s", troupe_status_name(try_name(self, "caf\xc3\xa9")));
}

/* The first child of all, whatever has become of it, and one that is nobody's. */
static void stop_first(troupe_worker_t *self, const family_t *family)
{
    troupe_stop_child(self, family->children[0]);
    troupe_stop_child(self, NULL);
    troupe_stop_child(self, troupe_self(self));
}

static int command(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    family_t *family = state;
    if (troupe_message_kind(message) == TROUPE_MESSAGE_DOWN) {
        troupe_ref_t *who = troupe_message_sender(message);
        note("%s is down %d %s%s", troupe_ref_name(who),
             (int)troupe_message_reason(message).kind, troupe_message_reason(message).text,
             troupe_ref_is_over(who) ? "" : ", not for good");
        return 0;
    }
    char *text = troupe_message_text(message, 0);
    if (strncmp(text, "spawn", 5) == 0) {
        spawn(self, family, text);
    } else if (strncmp(text, "stop child ", 11) == 0) {
        stop_child(self, family, text + 11);
    } else if (strncmp(text, "tell ", 5) == 0) {
        tell_child(self, family, text);
    } else if (strcmp(text, "stop first") == 0) {
        stop_first(self, family);
    } else if (strcmp(text, "nonsense") == 0) {
        try_nonsense(self);
    } else if (strcmp(text, "names") == 0) {
        try_names(self);
    }
    bool fails = strcmp(text, "fail") == 0;
    free(text);
    return fails ? -1 : 0;
}

static const troupe_behaviour_t parent_behaviour = {
    .name = "parent", .init = wake, .receive = command, .terminate = rest};

/* ---- the stories ---- */

#define PARENT(more)                                                                           \
    "    - {actor: parent, worker: {module: parent}, backoff: {min: 1ms}" more "}\n"

static void start(const char *children)
{
    static const troupe_behaviour_t *const behaviours[] = {&parent_behaviour, &child_behaviour,
                                                           NULL};
    pthread_mutex_lock(&diary.mutex);
    diary.n = 0;
    pthread_mutex_unlock(&diary.mutex);
    rig_start(&rig, behaviours, "", children);
}

static void tell(const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    assert_status(troupe_node_send(rig.node, "parent", &message), TROUPE_OK);
}

static int tear_down(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static void children_are_spoken_to_before_they_are_up(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a permanent");
    tell("spawn b permanent");
    tell("spawn - permanent");
    await("a hears hello");
    await("b hears hello");
    await("parent/1 hears hello");
    assert_true(await("a is born well") < await("a hears hello"));
    rig_end(&rig);
    assert_int_equal(count("a dies 1"), 1);
    assert_int_equal(count("b dies 1"), 1);
    assert_int_equal(count("parent/1 dies 1"), 1);
}

static void a_child_is_restarted_and_its_reference_stays_valid(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a permanent");
    tell("spawn b permanent");
    await("a hears hello");
    tell("tell a fail");
    tell("tell a more"); /* waits for its next life */
    await("a hears more");
    assert_int_equal(count("a is born well"), 2);
    await("a is down 2 its receive returned an error, not for good");
    tell("tell b still");
    await("b hears still");
    assert_int_equal(count("b is born well"), 1);
    assert_int_equal(count("parent wakes"), 1);
}

static void a_child_that_ends_well_is_gone(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a transient");
    await("a hears hello");
    tell("tell a end");
    await("a is down 0 ");
    tell("tell a more");
    await("told a not_found");
    tell("spawn a transient"); /* its name is free by then */
    await_times("a hears hello", 2);
}

static void a_child_that_does_not_start_is_told_of(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a permanent not");
    await("spawned a ok");
    await("a is down 2 it does not want to");
    assert_int_equal(count("a hears hello"), 0);
    tell("tell a hello");
    await("told a not_found");
    tell("spawn b permanent");
    await("b hears hello");
    assert_int_equal(count("parent wakes"), 1);
}

static void children_are_gone_before_their_parent_is_there_again(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a permanent");
    tell("spawn b temporary");
    await("a hears hello");
    await("b hears hello");
    tell("fail");
    size_t wakes = await_times("parent wakes", 2);
    assert_true(await("a dies 1") < wakes);
    assert_true(await("b dies 1") < wakes);
    tell("spawn a permanent");
    await_times("a hears hello", 2);
    assert_int_equal(count("spawned a ok"), 2);
}

static void what_waits_for_a_parent_is_taken_by_its_next_life(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a permanent");
    await("a hears hello");
    tell("fail");
    tell("spawn b permanent");
    await_times("parent wakes", 2);
    await("b hears hello");
}

static void a_child_can_be_stopped(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a permanent");
    tell("spawn b permanent");
    await("a hears hello");
    tell("stop child a");
    tell("stop child a");
    await("a dies 1");
    await("b hears hello");
    tell("stop child b");
    await("b dies 1");
    assert_int_equal(count("a is born well"), 1);
}

static void children_that_fail_too_often_take_their_parent_along(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a permanent");
    await("a hears hello");
    for (size_t i = 1; i <= 6; i++) {
        tell("tell a fail");
        await_times("a hears fail", i);
    }
    await_times("parent wakes", 2);
    tell("spawn a permanent");
    await_times("spawned a ok", 2);
    await_times("a hears hello", 2);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4") "    - {actor: childless, worker: {module: child}}\n");
    tell("nonsense");
    for (int i = 0; i < 4; i++) {
        char entry[40];
        snprintf(entry, sizeof entry, "nonsense %d: err_invalid", i);
        await(entry);
    }
    tell("spawn childless permanent");
    await("spawned childless exists");
    tell("spawn a permanent");
    await("a hears hello");
    tell("spawn a permanent");
    await("spawned a exists");
    troupe_message_t *message = troupe_message_from_text("beget");
    assert_status(troupe_node_send(rig.node, "childless", &message), TROUPE_OK);
    await("childless begets not_found");
}

static void names_can_be_read(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("names");
    for (int i = 0; i < 8; i++) {
        char entry[40];
        snprintf(entry, sizeof entry, "name %d: err_invalid", i);
        await(entry);
    }
    await("name of 64: ok");
    await("caf\xc3\xa9: ok");
    await("caf\xc3\xa9 is born well");
}

static void one_without_a_name_takes_one_that_is_free(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn parent/1 permanent");
    tell("spawn - permanent");
    tell("spawn - permanent");
    await("parent/2 hears hello");
    await("parent/3 hears hello");
}

#define LONG_NAME "a-name-that-is-so-long-that-it-is-cut-for-its-children"

/* As long as the name of a child would be with all of it. */
static void a_long_name_is_cut_for_children(void **state)
{
    (void)state;
    start("    - {actor: " LONG_NAME ", worker: {module: parent}, spawns: 2}\n");
    for (int i = 0; i < 2; i++) {
        troupe_message_t *message = troupe_message_from_text("spawn - permanent");
        assert_status(troupe_node_send(rig.node, LONG_NAME, &message), TROUPE_OK);
    }
    await("a-name-that-is-so-long-that-it-is-cut-for-its-ch/1 hears hello");
    await("a-name-that-is-so-long-that-it-is-cut-for-its-ch/2 hears hello");
}

/* It has ended, and another one is called so. */
static void one_that_is_over_is_not_stopped_in_another(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a transient");
    await("a hears hello");
    tell("tell a end");
    await("a is down 0 ");
    tell("spawn a transient");
    await_times("a hears hello", 2);
    tell("stop first");
    tell("spawn b permanent"); /* what was to be stopped is told so before this one is there */
    await("b hears hello");
    tell("tell a still");
    await("a hears still");
    tell("stop child a");
    await_times("a dies 1", 1);
}

static void children_have_children(void **state)
{
    (void)state;
    start(PARENT(", spawns: 4"));
    tell("spawn a breeding");
    await("a hears hello");
    tell("tell a beget");
    await("a begets ok");
    await("grandchild is born well");
    tell("tell a fail");
    await_times("a is born well", 2);
    tell("tell a beget");
    await_times("a begets ok", 2);
    await_times("grandchild is born well", 2);
    tell("fail");
    await_times("parent wakes", 2);
    tell("spawn a breeding");
    await_times("a hears hello", 2);
}

static void an_actor_that_ends_well_takes_its_children_along(void **state)
{
    (void)state;
    start(
        "    - {actor: child, worker: {module: child}, restart: transient, spawns: 1}\n" PARENT(
            ""));
    troupe_message_t *message = troupe_message_from_text("beget");
    assert_status(troupe_node_send(rig.node, "child", &message), TROUPE_OK);
    await("grandchild is born well");
    message = troupe_message_from_text("end");
    assert_status(troupe_node_send(rig.node, "child", &message), TROUPE_OK);
    await("child dies 0");
    tell("spawn a permanent"); /* the node goes on; this one has none */
    await("spawned a not_found");
}

#define story(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest stories[] = {
        story(children_are_spoken_to_before_they_are_up),
        story(a_child_is_restarted_and_its_reference_stays_valid),
        story(a_child_that_ends_well_is_gone),
        story(a_child_that_does_not_start_is_told_of),
        story(children_are_gone_before_their_parent_is_there_again),
        story(what_waits_for_a_parent_is_taken_by_its_next_life),
        story(a_child_can_be_stopped),
        story(children_that_fail_too_often_take_their_parent_along),
        story(nonsense_is_refused),
        story(names_can_be_read),
        story(one_without_a_name_takes_one_that_is_free),
        story(a_long_name_is_cut_for_children),
        story(one_that_is_over_is_not_stopped_in_another),
        story(children_have_children),
        story(an_actor_that_ends_well_takes_its_children_along),
    };
    return cmocka_run_group_tests_name("spawn", stories, NULL, NULL);
}
