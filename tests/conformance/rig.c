/* What a stub has to say is said when its keepsake goes, which is after its supervisor was told
 * of the end. That it is up it says before its supervisor can say that it is up itself; who
 * hears it waits until the supervisor was told too.
 */

#include "tests/conformance/rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the stub ---- */

/* One life of a stub. */
typedef struct life {
    rig_script_t *script;
    char name[80];
    char sign; /* what is told at its end; 0: it was never born */
    bool has_begun;
    tr_reason_t reason;
} life_t;

static void say(const life_t *life, char sign)
{
    tr_control_t *note = tr_control_new(TR_WORD_UP, 0);
    if (note) {
        snprintf(note->name, sizeof note->name, "%c%.70s", sign, life->name);
        note->reason = life->reason;
        tr_control_send(note, life->script->rig->story);
    }
}

static void bury(void *what)
{
    life_t *life = what;
    if (life->sign) {
        say(life, life->sign);
    }
    free(life);
}

static void hang(life_t *life, char sign)
{
    say(life, sign);
    while (sem_wait(&life->script->gate) != 0) {
    }
}

static char next_birth(rig_script_t *script)
{
    const char *births = atomic_load(&script->births);
    size_t n = atomic_fetch_add(&script->n_births, 1);
    atomic_fetch_add(&script->n_all_births, 1);
    size_t last = strlen(births) - 1;
    return births[n < last ? n : last];
}

static bool begin(tr_self_t *self, const void *arg)
{
    life_t *life = (life_t *)arg; /* made for this life alone */
    char birth = next_birth(life->script);
    if (birth == 'h') {
        hang(life, '?');
    }
    if (birth == 'f') {
        life->sign = 'x';
        life->reason = self->reason = tr_reason_format(TROUPE_REASON_FAILED, "no bed");
        return false;
    }
    if (birth == 'i') {
        life->sign = 'i';
        life->reason = self->reason = tr_reason_of(TROUPE_REASON_IGNORED);
        return false;
    }
    life->sign = '-';
    self->state = life;
    if (life->script->words) {
        self->reason = tr_reason_format(TROUPE_REASON_NORMAL, "%s", life->script->words);
    }
    return true;
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    (void)now_ms;
    life_t *life = self->state;
    if (!life->has_begun) {
        life->has_begun = true;
        pthread_mutex_lock(&life->script->rig->telling);
        say(life, '+');
        tr_self_started(self);
        pthread_mutex_unlock(&life->script->rig->telling);
    }
    return TR_NEVER;
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    const tr_control_t *word = tr_control_in(letter);
    if (word && word->word == TR_WORD_KILL) {
        tr_reason_t killed = {.kind = TROUPE_REASON_CRASHED, .code = 9};
        tr_self_end(self, &killed);
    } else if (word && word->word == TR_WORD_UNAVAILABLE) {
        hang(self->state, '~');
    } else if (word && word->word == TR_WORD_DRAIN) {
        tr_self_end(self, &word->reason);
    }
    tr_letter_destroy(&letter);
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    life_t *life = self->state;
    switch (life->script->on_stop) {
    case RIG_STOPS:
        tr_self_end(self, reason);
        break;
    case RIG_STOPS_ODDLY:
        tr_self_end(self, &life->script->odd_reason);
        break;
    case RIG_IGNORES_STOP:
        say(life, '~');
        break;
    case RIG_HANGS_ON_STOP:
        hang(life, '~');
        tr_self_end(self, reason);
        break;
    }
}

static void end(tr_self_t *self)
{
    life_t *life = self->state;
    if (life) {
        life->reason = self->reason;
    }
}

static const tr_actor_class_t stub_class = {
    .kind = "stub",
    .starts_late = true,
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .stop = stop,
    .end = end,
};

static life_t *life_new(const tr_birth_t *birth, tr_keepsake_t **keepsake_out)
{
    life_t *life = calloc(1, sizeof *life);
    *keepsake_out = life ? tr_keepsake_new(life, bury) : NULL;
    if (!*keepsake_out) {
        free(life);
        return NULL;
    }
    life->script = (rig_script_t *)birth->what;
    snprintf(life->name, sizeof life->name, "%s", birth->name);
    return life;
}

static troupe_status_t start_stub(const tr_birth_t *birth, tr_actor_t **out)
{
    tr_keepsake_t *keepsake;
    life_t *life = life_new(birth, &keepsake);
    if (!life) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = tr_actor_start(&(tr_actor_setup_t){.class = &stub_class,
                                                                .name = birth->name,
                                                                .runtime = birth->runtime,
                                                                .parent = birth->parent,
                                                                .limits = {100, 100000},
                                                                .arg = life,
                                                                .keepsake = keepsake},
                                            out);
    if (status == TROUPE_OK) {
        (*out)->can_be_killed = ((const rig_script_t *)birth->what)->can_be_killed;
    }
    tr_keepsake_release(&keepsake);
    return status;
}

static troupe_status_t start_inner(const tr_birth_t *birth, tr_actor_t **out)
{
    tr_birth_t inner = *birth;
    life_t *life = life_new(birth, &inner.keepsake);
    if (!life) {
        return TROUPE_ERR_NOMEM;
    }
    life->sign = '-';
    inner.what = life->script->inner;
    troupe_status_t status = tr_supervisor_start(&inner, out);
    tr_keepsake_release(&inner.keepsake);
    return status;
}

/* ---- the cast ---- */

static size_t index_of(char letter)
{
    assert_in_range(letter, 'a', 'z');
    return (size_t)(letter - 'a');
}

rig_script_t *script_of(rig_t *rig, char letter)
{
    return &rig->scripts[index_of(letter)];
}

tr_child_spec_t *spec_of(rig_t *rig, char letter)
{
    return &rig->specs[index_of(letter)];
}

void set_births(rig_t *rig, char letter, const char *births)
{
    rig_script_t *script = script_of(rig, letter);
    atomic_store(&script->n_births, 0);
    atomic_store(&script->births, births);
}

void make_supervisor(rig_t *rig, char letter, const tr_supervisor_spec_t *what)
{
    tr_child_spec_t *spec = spec_of(rig, letter);
    spec->name = what->name;
    spec->kind = "supervisor";
    spec->is_supervisor = true;
    spec->start = start_inner;
    script_of(rig, letter)->inner = what;
    spec->shutdown_ms = TR_NEVER;
}

tr_supervisor_spec_t supervisor_spec(const char *name, tr_strategy_t strategy,
                                     const tr_child_spec_t *children, size_t n_children)
{
    return (tr_supervisor_spec_t){.name = name,
                                  .strategy = strategy,
                                  .max_restarts = 10,
                                  .period_ms = 60000,
                                  .children = children,
                                  .n_children = n_children};
}

void release(rig_t *rig, char letter)
{
    sem_post(&script_of(rig, letter)->gate);
}

/* ---- a case begins and ends ---- */

int rig_set_up(void **state)
{
    static const char *const names[RIG_N_SCRIPTS] = {
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
        "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"};
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->runtime = tr_runtime_new("conformance");
    rig->story = tr_mailbox_new("story", 1, (tr_mailbox_limits_t){100, 100000});
    rig->replies = tr_mailbox_new("replies", 1, (tr_mailbox_limits_t){100, 100000});
    assert_non_null(rig->runtime);
    assert_non_null(rig->story);
    assert_non_null(rig->replies);
    for (size_t i = 0; i < RIG_N_SCRIPTS; i++) {
        rig->scripts[i].rig = rig;
        atomic_init(&rig->scripts[i].births, "o");
        atomic_init(&rig->scripts[i].n_births, 0);
        atomic_init(&rig->scripts[i].n_all_births, 0);
        sem_init(&rig->scripts[i].gate, 0, 0);
        rig->specs[i] = (tr_child_spec_t){
            .name = names[i],
            .kind = "stub",
            .restart = TR_RESTART_PERMANENT,
            .shutdown_ms = RIG_PATIENCE_MS,
            .backoff_min_ms = 1,
            .backoff_max_ms = 2,
            .own_restarts = -1,
            .health = {60000, 3, 60000, 60000, 60000, 0, 0},
            .start = start_stub,
            .what = &rig->scripts[i],
        };
    }
    rig->spec = supervisor_spec("top", TR_ONE_FOR_ONE, rig->specs, 0);
    pthread_mutex_init(&rig->telling, NULL);
    *state = rig;
    return 0;
}

static int64_t real_now_ms(void)
{
    return tr_clock_now_us() / 1000;
}

/* A life hangs at most in its begin, in a callback and when it is told to stop. */
static void open_gates(rig_t *rig)
{
    for (size_t i = 0; i < RIG_N_SCRIPTS; i++) {
        for (size_t n = 3 * rig->scripts[i].n_all_births + 100; n > 0; n--) {
            sem_post(&rig->scripts[i].gate);
        }
    }
}

/* Whatever still hangs goes on and ends. The quarantine has no bell: it is asked until it is
 * empty. */
static bool is_everybody_gone(rig_t *rig)
{
    open_gates(rig);
    int64_t until_ms = real_now_ms() + RIG_PATIENCE_MS;
    size_t n_hanging;
    while ((n_hanging = tr_quarantine_sweep(rig->runtime->quarantine)) > 0 &&
           real_now_ms() < until_ms) {
        poll(NULL, 0, 1);
    }
    return n_hanging == 0;
}

int rig_tear_down(void **state)
{
    rig_t *rig = *state;
    tr_clock_release();
    if (rig->supervisor) { /* the test has failed, or wants no more of it */
        tr_actor_ask_to_stop(rig->supervisor, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        open_gates(rig);
        if (tr_actor_reap(&rig->supervisor, RIG_PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    if (!is_everybody_gone(rig)) {
        return -1;
    }
    tr_mailbox_close(rig->story);
    tr_mailbox_close(rig->replies);
    tr_mailbox_release(&rig->story);
    tr_mailbox_release(&rig->replies);
    tr_runtime_release(&rig->runtime);
    pthread_mutex_destroy(&rig->telling);
    for (size_t i = 0; i < RIG_N_SCRIPTS; i++) {
        sem_destroy(&rig->scripts[i].gate);
    }
    free(rig);
    return 0;
}

void start_top(rig_t *rig, tr_strategy_t strategy, size_t n_children)
{
    rig->spec.strategy = strategy;
    rig->spec.n_children = n_children;
    assert_status(tr_supervisor_start(&(tr_birth_t){.what = &rig->spec,
                                                    .name = rig->spec.name,
                                                    .runtime = rig->runtime,
                                                    .parent = rig->story},
                                      &rig->supervisor),
                  TROUPE_OK);
}

void ask_top_to_stop(rig_t *rig, troupe_reason_kind_t kind)
{
    tr_actor_ask_to_stop(rig->supervisor, tr_reason_of(kind));
}

void reap_top(rig_t *rig)
{
    assert_status(tr_actor_reap(&rig->supervisor, RIG_PATIENCE_MS), TROUPE_OK);
    hears_nothing(rig);
}

/* ---- the story ---- */

/* The next letter, waiting on the bell; NULL when none comes in time. */
static tr_letter_t *wait_for_next(tr_mailbox_t *mailbox)
{
    int64_t deadline_ms = real_now_ms() + RIG_PATIENCE_MS;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) == NULL) {
        int64_t left_ms = deadline_ms - real_now_ms();
        if (left_ms <= 0) {
            return NULL;
        }
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            poll(&bell, 1, (int)left_ms);
            tr_mailbox_unpark(mailbox);
        }
    }
    return letter;
}

/* Write what this word tells to `out`, and note why whoever ended did so. */
static void note(rig_t *rig, const tr_control_t *word, char *out, size_t size)
{
    if (word->word == TR_WORD_STARTED) {
        snprintf(out, size, "*");
    } else if (word->word == TR_WORD_ENDED) {
        snprintf(out, size, "!");
        rig->end_reason = word->reason;
    } else {
        snprintf(out, size, "%s", word->name);
        if (word->name[0] == '+') {
            pthread_mutex_lock(&rig->telling);
            pthread_mutex_unlock(&rig->telling);
        }
        if (strchr("-xi", word->name[0])) {
            rig->last_end = word->reason;
            if (word->name[1] >= 'a' && word->name[1] <= 'z' && !word->name[2]) {
                rig->ends[word->name[1] - 'a'] = word->reason;
            }
        }
    }
}

/* The next word of the story that is not muted. */
static tr_letter_t *wait_for_word(rig_t *rig)
{
    tr_letter_t *letter;
    while ((letter = wait_for_next(rig->story)) != NULL && rig->muted &&
           tr_control_in(letter)->name[0] == rig->muted) {
        tr_letter_destroy(&letter);
    }
    return letter;
}

#define MAX_WORDS 64
#define WORD_SIZE 96

static size_t split(const char *story, char (*words)[WORD_SIZE])
{
    size_t n = 0;
    for (const char *at = story; *at;) {
        size_t length = strcspn(at, " ");
        assert_true(n < MAX_WORDS && length < WORD_SIZE);
        snprintf(words[n++], WORD_SIZE, "%.*s", (int)length, at);
        at += length + strspn(at + length, " ");
    }
    return n;
}

static int compare_words(const void *one, const void *other)
{
    return strcmp(one, other);
}

void hears_at(rig_t *rig, const char *want, bool is_ordered, const char *file, int line)
{
    char wanted[MAX_WORDS][WORD_SIZE], heard[MAX_WORDS][WORD_SIZE];
    char told[MAX_WORDS * WORD_SIZE] = "";
    size_t n = split(want, wanted);
    for (size_t i = 0; i < n; i++) {
        tr_letter_t *letter = wait_for_word(rig);
        if (!letter) {
            print_error("heard%s and then nothing, not %s\n", told, want);
            _fail(file, line);
            return; /* not reached, which the compiler does not know */
        }
        note(rig, tr_control_in(letter), heard[i], WORD_SIZE);
        tr_letter_destroy(&letter);
        if (strlen(told) + strlen(heard[i]) + 2 < sizeof told) {
            strcat(strcat(told, " "), heard[i]);
        }
    }
    if (!is_ordered) {
        qsort(wanted, n, WORD_SIZE, compare_words);
        qsort(heard, n, WORD_SIZE, compare_words);
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(wanted[i], heard[i]) != 0) {
            print_error("heard%s, not %s\n", told, want);
            _fail(file, line);
        }
    }
}

void hears_many(rig_t *rig, char sign, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tr_letter_t *letter = wait_for_word(rig);
        if (!letter) {
            fail_msg("heard %zu of %zu '%c' and then nothing", i, n, sign);
            return;
        }
        char heard[WORD_SIZE];
        note(rig, tr_control_in(letter), heard, sizeof heard);
        tr_letter_destroy(&letter);
        if (heard[0] != sign) {
            fail_msg("heard %s after %zu of %zu '%c'", heard, i, n, sign);
        }
    }
}

void hears_nothing(rig_t *rig)
{
    tr_letter_t *letter = tr_mailbox_next(rig->story, NULL);
    while (letter && rig->muted && tr_control_in(letter)->name[0] == rig->muted) {
        tr_letter_destroy(&letter);
        letter = tr_mailbox_next(rig->story, NULL);
    }
    if (letter) {
        char heard[WORD_SIZE];
        note(rig, tr_control_in(letter), heard, sizeof heard);
        tr_letter_destroy(&letter);
        fail_msg("heard %s, and nobody asked for that", heard);
    }
}

/* ---- what is done to children ---- */

static void tell(rig_t *rig, const char *name, tr_word_t kind, const tr_reason_t *reason)
{
    tr_mailbox_t *mailbox =
        tr_directory_find(rig->runtime->directory, TR_NAMES_ACTOR, tr_span_of(name));
    if (!mailbox) {
        fail_msg("%s does not live", name);
    }
    tr_control_t *word = tr_control_new(kind, 0);
    assert_non_null(word);
    word->reason = *reason;
    tr_control_send(word, mailbox);
    tr_mailbox_release(&mailbox);
}

void end_child(rig_t *rig, const char *name, troupe_reason_kind_t kind, const char *words)
{
    tr_reason_t reason = tr_reason_format(kind, "%s", words);
    tell(rig, name, TR_WORD_DRAIN, &reason);
}

void break_child(rig_t *rig, const char *name)
{
    end_child(rig, name, TROUPE_REASON_FAILED, "boom");
}

void kill_child(rig_t *rig, const char *name)
{
    tr_reason_t killed = {.kind = TROUPE_REASON_CRASHED, .code = 9};
    tell(rig, name, TR_WORD_DRAIN, &killed);
}

void hang_child(rig_t *rig, const char *name)
{
    tr_reason_t none = {0};
    tell(rig, name, TR_WORD_UNAVAILABLE, &none);
}

/* ---- commands ---- */

tr_command_t *command(rig_t *rig, tr_verb_t verb, const char *name)
{
    tr_command_t *self = tr_command_new(verb, name, rig->replies, ++rig->last_token);
    assert_non_null(self);
    return self;
}

uint64_t give(rig_t *rig, tr_command_t *command)
{
    uint64_t token = command->token;
    assert_status(tr_command_send(&command, rig->supervisor->mailbox), TROUPE_OK);
    return token;
}

uint64_t give_to(rig_t *rig, const char *supervisor, tr_command_t *command)
{
    uint64_t token = command->token;
    tr_mailbox_t *mailbox =
        tr_directory_find(rig->runtime->directory, TR_NAMES_ACTOR, tr_span_of(supervisor));
    assert_non_null(mailbox);
    assert_status(tr_command_send(&command, mailbox), TROUPE_OK);
    tr_mailbox_release(&mailbox);
    return token;
}

tr_answer_t await(rig_t *rig, uint64_t token)
{
    for (size_t i = 0; i < rig->n_kept; i++) {
        if (rig->kept[i].token == token) {
            tr_answer_t answer = rig->kept[i];
            rig->kept[i] = rig->kept[--rig->n_kept];
            return answer;
        }
    }
    for (;;) {
        tr_letter_t *letter = wait_for_next(rig->replies);
        if (!letter) {
            fail_msg("no answer");
        }
        tr_answer_t answer = *tr_answer_in(letter);
        tr_letter_destroy(&letter);
        if (answer.token == token) {
            return answer;
        }
        assert_true(rig->n_kept < RIG_N_KEPT);
        rig->kept[rig->n_kept++] = answer;
    }
}

tr_letter_t *next_reply(rig_t *rig)
{
    return wait_for_next(rig->replies);
}

tr_answer_t ask(rig_t *rig, tr_verb_t verb, const char *name)
{
    return await(rig, give(rig, command(rig, verb, name)));
}

tr_answer_t ask_life(rig_t *rig, tr_verb_t verb, uint64_t incarnation)
{
    tr_command_t *asked = command(rig, verb, NULL);
    asked->incarnation = incarnation;
    return await(rig, give(rig, asked));
}

tr_answer_t add(rig_t *rig, const tr_child_spec_t *spec)
{
    tr_command_t *asked = command(rig, TR_VERB_ADD, NULL);
    asked->spec = spec;
    return await(rig, give(rig, asked));
}

tr_answer_t add_from_template(rig_t *rig)
{
    return ask(rig, TR_VERB_ADD, NULL);
}

void prepare_change(rig_t *rig)
{
    memcpy(rig->next_specs, rig->specs, sizeof rig->specs);
    rig->next = rig->spec;
    rig->next.children = rig->next_specs;
}

tr_answer_t change(rig_t *rig)
{
    tr_command_t *asked = command(rig, TR_VERB_CHANGE, NULL);
    asked->change = &rig->next;
    return await(rig, give(rig, asked));
}

uint64_t incarnation_of(rig_t *rig, const char *name)
{
    return ask(rig, TR_VERB_FIND, name).incarnation;
}

void counts_at(tr_answer_t got, const size_t want[4], const char *file, int line)
{
    if (got.n_specs != want[0] || got.n_active != want[1] || got.n_supervisors != want[2] ||
        got.n_workers != want[3]) {
        print_error("counted [%zu,%zu,%zu,%zu], not [%zu,%zu,%zu,%zu]\n", got.n_specs,
                    got.n_active, got.n_supervisors, got.n_workers, want[0], want[1], want[2],
                    want[3]);
        _fail(file, line);
    }
}

void assert_goes_on(rig_t *rig, char letter)
{
    char up[8], down[8];
    tr_child_spec_t *spec = spec_of(rig, letter);
    snprintf(up, sizeof up, "+%c", letter);
    snprintf(down, sizeof down, "-%c", letter);
    assert_answer(add(rig, spec), TR_ANSWER_DONE);
    hears(rig, up);
    assert_answer(ask(rig, TR_VERB_TERMINATE, spec->name), TR_ANSWER_DONE);
    hears(rig, down);
    if (spec->restart != TR_RESTART_TEMPORARY) {
        assert_answer(ask(rig, TR_VERB_REMOVE, spec->name), TR_ANSWER_DONE);
    }
}
