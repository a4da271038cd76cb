/* A pool of stubs, with a governor and a router that are mailboxes of the test. What the pool
 * says to either is heard in order, one word each: "ask", "holds", "home" (a grant came back),
 * "withdraw"; "up", "not_grown", "going", "down", "unavailable".
 */

#include "tests/kit/check.h"
#include "tests/kit/gate.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/report.h"
#include "base/clock.h"
#include "base/log.h"
#include "supervisors/child_spec.h"
#include "supervisors/command.h"
#include "supervisors/governor.h"

#define PATIENCE_MS 10000
#define A_TURN      256
#define MOST        8

/* ---- the stub ---- */

typedef enum birth { WELL, BADLY, OUT_OF_MEMORY } birth_t;

typedef struct stub {
    _Atomic(int) birth; /* of all lives that begin from now on */
    atomic_size_t n_births;
    atomic_bool hangs;
    gate_t gate;
} stub_t;

static bool begin(tr_self_t *self, const void *arg)
{
    stub_t *stub = (stub_t *)arg;
    atomic_fetch_add(&stub->n_births, 1);
    int birth = atomic_load(&stub->birth);
    if (birth != WELL) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "no bed");
        self->reason.is_out_of_memory = birth == OUT_OF_MEMORY;
        return false;
    }
    self->state = stub;
    return true;
}

/* Any word but ping and stop: end for its reason. */
static void receive(tr_self_t *self, tr_letter_t *letter)
{
    stub_t *stub = self->state;
    if (atomic_load(&stub->hangs)) {
        gate_pass(&stub->gate, NULL);
    }
    tr_self_end(self, &tr_control_in(letter)->reason);
    tr_letter_destroy(&letter);
}

static void end(tr_self_t *self)
{
    (void)self;
}

static const tr_actor_class_t stub_class = {
    .kind = "stub", .begin = begin, .receive = receive, .end = end};

static troupe_status_t start_stub(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(&(tr_actor_setup_t){.class = &stub_class,
                                              .name = birth->name,
                                              .runtime = birth->runtime,
                                              .parent = birth->parent,
                                              .limits = {100, 100000},
                                              .arg = birth->what},
                          out);
}

/* ---- the scene ---- */

typedef struct worker {
    char name[80];
    uint64_t incarnation;
    tr_mailbox_t *mailbox;
} worker_t;

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *governor;
    tr_mailbox_t *router;
    stub_t stub;
    tr_child_spec_t template;
    tr_supervisor_spec_t spec;
    tr_actor_t *pool;
    tr_grant_t *asked[MOST]; /* in the order of asking; NULL: answered */
    size_t n_asked;
    size_t n_given;
    size_t n_home;
    bool was_out_of_memory; /* the last that came home */
    char cause[16];         /* likewise */
    uint64_t last_withdrawn;
    worker_t workers[MOST]; /* as they came up */
    size_t n_workers;
    size_t n_doubts;
    bool does_time_pass;     /* while nothing is heard, although the clock is held */
    tr_reason_t last_reason; /* that the router heard */
} scene_t;

static tr_mailbox_t *mailbox_called(const char *name)
{
    tr_mailbox_t *mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){1000, 1 << 28});
    assert_non_null(mailbox);
    return mailbox;
}

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    tr_log_set_level(TR_LOG_OFF);
    scene->runtime = tr_runtime_new("test");
    assert_non_null(scene->runtime);
    scene->parent = mailbox_called("parent");
    scene->governor = mailbox_called("governor");
    scene->router = mailbox_called("router");
    scene->stub.gate = (gate_t)GATE_INITIALIZER;
    assert_status(tr_directory_register(scene->runtime->directory, TR_NAMES_ACTOR,
                                        TR_NAME_GOVERNOR, scene->governor),
                  TROUPE_OK);
    assert_status(tr_directory_register(scene->runtime->directory, TR_NAMES_CAPABILITY, "cap",
                                        scene->router),
                  TROUPE_OK);
    scene->template = (tr_child_spec_t){
        .name = "cap",
        .kind = "stub",
        .restart = TR_RESTART_PERMANENT,
        .shutdown_ms = PATIENCE_MS,
        .backoff_min_ms = 1,
        .backoff_max_ms = 2,
        .own_restarts = -1,
        .health = {60000, 3, 60000, 60000, 60000, 0, 0},
        .needs = {{100}},
        .start = start_stub,
        .what = &scene->stub,
    };
    scene->spec = (tr_supervisor_spec_t){
        .name = "cap/pool",
        .strategy = TR_SIMPLE_ONE_FOR_ONE,
        .max_restarts = 100,
        .period_ms = 60000,
        .children = &scene->template,
        .n_children = 1,
        .capability = "cap",
        .max_workers = 4,
        .parallel_starts = 1,
        .evict_cost = 1,
    };
    *state = scene;
    return 0;
}

static void close_and_release(tr_mailbox_t **mailbox_p)
{
    tr_mailbox_close(*mailbox_p);
    tr_mailbox_release(mailbox_p);
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    gate_open(&scene->stub.gate);
    if (scene->pool) {
        tr_actor_ask_to_stop(scene->pool, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        if (tr_actor_reap(&scene->pool, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    for (size_t i = 0; i < scene->n_asked; i++) {
        tr_grant_destroy(&scene->asked[i]);
    }
    for (size_t i = 0; i < scene->n_workers; i++) {
        tr_mailbox_release(&scene->workers[i].mailbox);
    }
    close_and_release(&scene->parent);
    close_and_release(&scene->governor);
    close_and_release(&scene->router);
    tr_runtime_release(&scene->runtime);
    tr_clock_release();
    free(scene);
    return 0;
}

static void open_pool(scene_t *scene, size_t min)
{
    scene->spec.min_workers = min;
    assert_status(tr_supervisor_start(&(tr_birth_t){.what = &scene->spec,
                                                    .name = scene->spec.name,
                                                    .runtime = scene->runtime,
                                                    .parent = scene->parent},
                                      &scene->pool),
                  TROUPE_OK);
}

/* ---- hearing ---- */

static tr_letter_t *wait_for_next(tr_mailbox_t *mailbox)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) == NULL) {
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            int n_rung = poll(&bell, 1, PATIENCE_MS);
            tr_mailbox_unpark(mailbox);
            if (n_rung == 0) {
                fail_msg("nothing came to the %s", tr_mailbox_name(mailbox));
            }
        }
    }
    return letter;
}

static const char *take_paper(scene_t *scene, tr_grant_t *grant)
{
    if (grant->state == TR_GRANT_ASKED) {
        assert_true(scene->n_asked < MOST);
        scene->asked[scene->n_asked++] = grant;
        return "ask";
    }
    assert_int_equal(grant->state, TR_GRANT_RETURNED);
    scene->n_home++;
    scene->was_out_of_memory = grant->was_out_of_memory;
    snprintf(scene->cause, sizeof scene->cause, "%s", grant->cause);
    tr_grant_destroy(&grant);
    return "home";
}

static void note_up(scene_t *scene, const tr_control_t *word)
{
    assert_true(scene->n_workers < MOST);
    worker_t *worker = &scene->workers[scene->n_workers++];
    snprintf(worker->name, sizeof worker->name, "%s", word->name);
    worker->incarnation = word->incarnation;
    worker->mailbox = tr_mailbox_share(word->mailbox);
}

static const char *take(scene_t *scene, tr_letter_t *letter)
{
    tr_grant_t *grant = tr_grant_in(letter);
    if (grant) {
        return take_paper(scene, grant);
    }
    const tr_control_t *word = tr_control_in(letter);
    assert_non_null(word);
    const char *name = tr_word_name(word->word);
    if (word->word == TR_WORD_UP) {
        note_up(scene, word);
    } else if (word->word == TR_WORD_WITHDRAW) {
        scene->last_withdrawn = word->number;
    }
    scene->last_reason = word->reason;
    tr_letter_destroy(&letter);
    return name;
}

/* On a busy machine a stub may be late with a pong: that is another story. */
static bool is_about_doubt(scene_t *scene, const char *word)
{
    bool is_doubt = strcmp(word, "doubtful") == 0;
    bool is_over = strcmp(word, "fine") == 0 && scene->n_doubts > 0;
    scene->n_doubts += is_doubt;
    scene->n_doubts -= is_over;
    return is_doubt || is_over;
}

/* The pool has taken all that was said to it, and has had a turn since. */
static void settle(scene_t *scene)
{
    for (size_t i = 0; i < A_TURN; i++) {
        tr_control_say(scene->pool->mailbox, TR_WORD_UP, 0); /* nothing to a pool */
    }
    tr_control_t *survey = tr_control_new(TR_WORD_SURVEY, 0);
    assert_non_null(survey);
    survey->mailbox = tr_mailbox_share(scene->parent);
    tr_control_send(survey, scene->pool->mailbox);
    tr_letter_t *letter;
    do {
        letter = wait_for_next(scene->parent);
        bool is_report = letter->type == &tr_report_type;
        tr_letter_destroy(&letter);
        if (is_report) {
            return;
        }
    } while (true);
}

static void hears_at(scene_t *scene, tr_mailbox_t *mailbox, const char *want, int line)
{
    char heard[200] = "";
    while (strlen(heard) < strlen(want)) {
        for (size_t i = 0; scene->does_time_pass && i < 1000; i++) {
            if (tr_mailbox_depth(mailbox) > 0) {
                break;
            }
            tr_clock_advance(10);
            settle(scene);
        }
        const char *one = take(scene, wait_for_next(mailbox));
        if (is_about_doubt(scene, one)) {
            continue;
        }
        size_t size = strlen(heard);
        snprintf(heard + size, sizeof heard - size, "%s%s", size ? " " : "", one);
    }
    if (strcmp(heard, want) != 0) {
        fail_msg("line %d: heard \"%s\", not \"%s\"", line, heard, want);
    }
}

#define governor_hears(scene, want) hears_at(scene, (scene)->governor, want, __LINE__)
#define router_hears(scene, want)   hears_at(scene, (scene)->router, want, __LINE__)

static void nobody_hears_anything(scene_t *scene)
{
    settle(scene);
    assert_null(tr_mailbox_next(scene->governor, NULL));
    assert_null(tr_mailbox_next(scene->router, NULL));
}

/* What the pool says of its first child. */
static tr_report_child_t first_child(scene_t *scene)
{
    tr_control_t *survey = tr_control_new(TR_WORD_SURVEY, 0);
    assert_non_null(survey);
    survey->mailbox = tr_mailbox_share(scene->parent);
    tr_control_send(survey, scene->pool->mailbox);
    tr_report_child_t child = {.name = ""};
    for (bool is_there = false; !is_there;) {
        tr_letter_t *letter = wait_for_next(scene->parent);
        is_there = letter->type == &tr_report_type;
        if (is_there) {
            const tr_report_t *report = (const tr_report_t *)letter;
            assert_true(report->n_children > 0);
            child = report->children[0];
            child.mailbox = NULL;
        }
        tr_letter_destroy(&letter);
    }
    return child;
}

/* ---- saying ---- */

static void give(scene_t *scene)
{
    tr_grant_t **asked = &scene->asked[scene->n_asked - 1];
    assert_non_null(*asked);
    (*asked)->state = TR_GRANT_GIVEN;
    scene->n_given++;
    tr_grant_answer(asked);
}

static void refuse(scene_t *scene)
{
    tr_grant_t **asked = &scene->asked[scene->n_asked - 1];
    assert_non_null(*asked);
    (*asked)->state = TR_GRANT_REFUSED;
    (*asked)->reason = tr_reason_format(TROUPE_REASON_FAILED, "no room");
    (*asked)->reason.is_out_of_memory = true;
    tr_grant_answer(asked);
}

static const tr_grant_t *last_asked(const scene_t *scene)
{
    return scene->asked[scene->n_asked - 1];
}

static void wish(scene_t *scene, uint64_t n)
{
    tr_control_t *grow = tr_control_new(TR_WORD_GROW, 0);
    assert_non_null(grow);
    grow->number = n;
    tr_control_send(grow, scene->pool->mailbox);
}

static void shrink(scene_t *scene, const worker_t *worker, const char *cause)
{
    tr_control_t *word = tr_control_new(TR_WORD_SHRINK, worker->incarnation);
    assert_non_null(word);
    snprintf(word->name, sizeof word->name, "%s", cause);
    tr_control_send(word, scene->pool->mailbox);
}

static void end_worker(const worker_t *worker, bool is_out_of_memory)
{
    tr_control_t *word = tr_control_new(TR_WORD_DRAIN, 0);
    assert_non_null(word);
    word->reason = tr_reason_format(TROUPE_REASON_FAILED, "told to");
    word->reason.is_out_of_memory = is_out_of_memory;
    tr_control_send(word, worker->mailbox);
}

static const worker_t *last_worker(const scene_t *scene)
{
    return &scene->workers[scene->n_workers - 1];
}

/* One child asks, is granted, and comes up. */
static void one_comes_up(scene_t *scene)
{
    governor_hears(scene, "ask");
    give(scene);
    governor_hears(scene, "holds");
    router_hears(scene, "up");
}

static void stops(scene_t *scene)
{
    tr_actor_ask_to_stop(scene->pool, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    assert_status(tr_actor_reap(&scene->pool, PATIENCE_MS), TROUPE_OK);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene->governor, NULL)) != NULL) {
        (void)take(scene, letter);
    }
    assert_int_equal(scene->n_given, scene->n_home);
}

/* ---- stories: asking ---- */

static void a_worker_starts_when_it_is_granted(void **state)
{
    scene_t *scene = *state;
    open_pool(scene, 1);
    router_hears(scene, "available");
    governor_hears(scene, "ask");
    const tr_grant_t *grant = last_asked(scene);
    assert_string_equal(grant->capability, "cap");
    assert_string_equal(grant->worker, "cap/1");
    assert_true(grant->amount.of[TR_MEMORY] == 100);
    assert_true(grant->is_first && !grant->is_beyond_min && !grant->wants_all_room);
    nobody_hears_anything(scene);
    assert_int_equal(atomic_load(&scene->stub.n_births), 0);
    give(scene);
    governor_hears(scene, "holds");
    router_hears(scene, "up");
    end_worker(last_worker(scene), false);
    router_hears(scene, "down");
    governor_hears(scene, "home ask"); /* in this order: the old one is really gone */
    assert_false(scene->was_out_of_memory);
    give(scene);
    governor_hears(scene, "holds");
    router_hears(scene, "up");
    stops(scene);
}

static void one_that_needs_nothing_does_not_ask(void **state)
{
    scene_t *scene = *state;
    scene->template.needs = (tr_amounts_t){{0}};
    open_pool(scene, 1);
    router_hears(scene, "available up");
    nobody_hears_anything(scene);
    stops(scene);
}

static void a_process_asks_even_if_it_needs_nothing(void **state)
{
    scene_t *scene = *state;
    scene->template.needs = (tr_amounts_t){{0}};
    scene->template.isolation = TR_ISOLATION_PROCESS;
    open_pool(scene, 1);
    router_hears(scene, "available");
    one_comes_up(scene);
    stops(scene);
}

static void without_a_governor_all_start(void **state)
{
    scene_t *scene = *state;
    tr_directory_remove(scene->runtime->directory, TR_NAMES_ACTOR, TR_NAME_GOVERNOR,
                        scene->governor);
    open_pool(scene, 1);
    router_hears(scene, "available up");
    stops(scene);
}

static void a_governor_that_has_just_ended_holds_up_nobody(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_close(scene->governor);
    open_pool(scene, 1);
    router_hears(scene, "available up");
    stops(scene);
}

static void a_start_that_fails_gives_its_grant_back(void **state)
{
    scene_t *scene = *state;
    atomic_store(&scene->stub.birth, BADLY);
    open_pool(scene, 1);
    router_hears(scene, "available");
    governor_hears(scene, "ask");
    give(scene);
    governor_hears(scene, "holds home ask");
    router_hears(scene, "not_grown");
    assert_false(last_asked(scene)->wants_all_room);
    stops(scene);
}

static void a_hung_thread_keeps_its_grant_until_it_ends(void **state)
{
    scene_t *scene = *state;
    atomic_store(&scene->stub.hangs, true);
    scene->template.shutdown_ms = 1;
    open_pool(scene, 0);
    router_hears(scene, "available");
    wish(scene, 1);
    one_comes_up(scene);
    end_worker(last_worker(scene), false); /* it goes to its gate, and hangs there */
    assert_true(gate_await(&scene->stub.gate, 1));
    shrink(scene, last_worker(scene), "room");
    router_hears(scene, "going down");
    nobody_hears_anything(scene);
    gate_open(&scene->stub.gate);
    governor_hears(scene, "home");
    stops(scene);
}

/* ---- stories: growing ---- */

static void so_many_start_at_once_as_may(void **state)
{
    scene_t *scene = *state;
    scene->spec.parallel_starts = 2;
    open_pool(scene, 0);
    router_hears(scene, "available");
    wish(scene, 3);
    governor_hears(scene, "ask ask");
    nobody_hears_anything(scene);
    assert_true(scene->asked[0]->is_first && scene->asked[0]->is_beyond_min);
    give(scene);
    governor_hears(scene, "holds");
    router_hears(scene, "up");
    nobody_hears_anything(scene); /* the router will say what it wishes for now */
    wish(scene, 2);
    governor_hears(scene, "ask");
    assert_false(last_asked(scene)->is_first);
    stops(scene);
}

static void no_more_than_wished_for(void **state)
{
    scene_t *scene = *state;
    scene->spec.parallel_starts = 4;
    open_pool(scene, 0);
    router_hears(scene, "available");
    wish(scene, 2);
    governor_hears(scene, "ask ask");
    nobody_hears_anything(scene);
    stops(scene);
}

static void nor_than_the_pool_may_have(void **state)
{
    scene_t *scene = *state;
    scene->spec.parallel_starts = 10;
    scene->spec.max_workers = 3;
    open_pool(scene, 0);
    router_hears(scene, "available");
    wish(scene, 9);
    governor_hears(scene, "ask ask ask");
    nobody_hears_anything(scene);
    stops(scene);
}

static void a_wish_that_is_over_is_withdrawn(void **state)
{
    scene_t *scene = *state;
    scene->spec.parallel_starts = 2;
    open_pool(scene, 1);
    router_hears(scene, "available");
    governor_hears(scene, "ask");
    wish(scene, 2);
    governor_hears(scene, "ask");
    uint64_t number = last_asked(scene)->number;
    wish(scene, 0);
    governor_hears(scene, "withdraw");
    assert_true(scene->last_withdrawn == number);
    nobody_hears_anything(scene); /* the one that the pool needs at least waits on */
    give(scene);                  /* the two have crossed */
    governor_hears(scene, "home");
    assert_int_equal(atomic_load(&scene->stub.n_births), 0);
    stops(scene);
}

/* ---- stories: refused ---- */

static void one_beyond_the_least_that_is_refused_is_given_up(void **state)
{
    scene_t *scene = *state;
    open_pool(scene, 0);
    router_hears(scene, "available");
    wish(scene, 1);
    governor_hears(scene, "ask");
    refuse(scene);
    router_hears(scene, "not_grown");
    assert_true(scene->last_reason.is_out_of_memory);
    assert_string_equal(scene->last_reason.text, "no room");
    nobody_hears_anything(scene);
    wish(scene, 1); /* nobody else is there: it is tried at once when it is wished for again */
    governor_hears(scene, "ask");
    stops(scene);
}

/* A router that goes on wishing would else be refused as fast as it can ask. */
static void with_others_there_it_is_tried_again_after_a_pause(void **state)
{
    scene_t *scene = *state;
    scene->template.backoff_min_ms = 50;
    scene->template.backoff_max_ms = 100;
    open_pool(scene, 1);
    router_hears(scene, "available");
    one_comes_up(scene);
    tr_clock_hold(tr_clock_now_ms());
    wish(scene, 1);
    governor_hears(scene, "ask");
    refuse(scene);
    router_hears(scene, "not_grown");
    wish(scene, 1);
    nobody_hears_anything(scene);
    tr_clock_advance(200);
    settle(scene);
    governor_hears(scene, "ask");
    tr_clock_release();
    stops(scene);
}

static void one_of_the_least_asks_again(void **state)
{
    scene_t *scene = *state;
    open_pool(scene, 1);
    router_hears(scene, "available");
    governor_hears(scene, "ask");
    refuse(scene);
    router_hears(scene, "not_grown");
    assert_true(scene->last_reason.is_out_of_memory);
    governor_hears(scene, "ask");
    tr_report_child_t child = first_child(scene);
    assert_string_equal(child.state, "waiting");
    assert_string_equal(child.reason, "waits for memory: no room");
    give(scene);
    governor_hears(scene, "holds");
    router_hears(scene, "up");
    child = first_child(scene);
    assert_string_equal(child.reason, "");
    stops(scene);
}

static void who_waits_says_for_what(void **state)
{
    scene_t *scene = *state;
    atomic_store(&scene->runtime->memory.budget_bytes, 700);
    atomic_store(&scene->runtime->memory.charged_bytes, 650);
    open_pool(scene, 1);
    governor_hears(scene, "ask");
    tr_report_child_t child = first_child(scene);
    assert_string_equal(child.state, "waiting");
    assert_string_equal(child.reason,
                        "waits for memory: 100 B, when 650 B of 700 B are charged");
    stops(scene);
}

/* So that a request whose time is over says what it waited for. */
static void its_router_hears_for_what_too(void **state)
{
    scene_t *scene = *state;
    atomic_store(&scene->runtime->memory.budget_bytes, 700);
    atomic_store(&scene->runtime->memory.charged_bytes, 650);
    tr_clock_hold(tr_clock_now_ms());
    open_pool(scene, 1);
    governor_hears(scene, "ask");
    tr_clock_advance(100);
    tr_control_say(scene->pool->mailbox, TR_WORD_UP, 0);
    tr_letter_t *letter = wait_for_next(scene->router);
    while (tr_control_in(letter)->word != TR_WORD_NOT_GROWN) {
        tr_letter_destroy(&letter);
        letter = wait_for_next(scene->router);
    }
    const tr_control_t *word = tr_control_in(letter);
    assert_int_equal(word->number, 1); /* it goes on to wait */
    assert_true(word->reason.is_out_of_memory);
    assert_string_equal(word->reason.text,
                        "waits for memory: 100 B, when 650 B of 700 B are charged");
    tr_letter_destroy(&letter);
    tr_clock_advance(100);
    nobody_hears_anything(scene); /* once */
    tr_clock_release();
    stops(scene);
}

/* It may wait long, and those behind it in the tree start meanwhile. */
static void a_pool_that_waits_for_room_counts_as_started(void **state)
{
    scene_t *scene = *state;
    tr_clock_hold(tr_clock_now_ms());
    open_pool(scene, 1);
    governor_hears(scene, "ask");
    for (size_t i = 0; i < A_TURN; i++) {
        tr_control_say(scene->pool->mailbox, TR_WORD_UP, 0);
    }
    tr_control_say(scene->pool->mailbox, TR_WORD_PING, 0);
    tr_letter_t *letter = wait_for_next(scene->parent);
    assert_int_equal(tr_control_in(letter)->word, TR_WORD_PONG); /* and no `started` before */
    tr_letter_destroy(&letter);
    tr_clock_advance(1000);
    tr_control_say(scene->pool->mailbox, TR_WORD_UP, 0);
    letter = wait_for_next(scene->parent);
    assert_int_equal(tr_control_in(letter)->word, TR_WORD_STARTED);
    tr_letter_destroy(&letter);
    tr_clock_release();
    stops(scene);
}

/* ---- stories: going ---- */

static void a_pool_that_stops_withdraws(void **state)
{
    scene_t *scene = *state;
    open_pool(scene, 1);
    governor_hears(scene, "ask");
    tr_actor_ask_to_stop(scene->pool, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    governor_hears(scene, "withdraw");
    assert_status(tr_actor_reap(&scene->pool, PATIENCE_MS), TROUPE_OK);
    give(scene); /* to nobody: it comes home by itself */
    governor_hears(scene, "home");
    assert_int_equal(atomic_load(&scene->stub.n_births), 0);
}

static void an_eviction_is_counted_with_its_cause(void **state)
{
    scene_t *scene = *state;
    open_pool(scene, 0);
    router_hears(scene, "available");
    const char *const causes[] = {"room", "pressure", "asked", ""};
    for (size_t i = 0; i < 4; i++) {
        wish(scene, 1);
        one_comes_up(scene);
        shrink(scene, last_worker(scene), causes[i]);
        router_hears(scene, "going down");
        governor_hears(scene, "home");
        const char *cause = causes[i][0] ? causes[i] : "keep_alive";
        assert_string_equal(scene->cause, cause);
        assert_int_equal(
            tr_metric_value(tr_metrics_series(
                scene->runtime->metrics, TR_METRIC_COUNTER, "troupe_worker_evictions_total", "",
                (tr_label_t){"capability", "cap"}, (tr_label_t){"cause", cause})),
            1);
    }
    stops(scene);
}

static void who_ends_of_itself_has_no_cause(void **state)
{
    scene_t *scene = *state;
    open_pool(scene, 1);
    router_hears(scene, "available");
    one_comes_up(scene);
    shrink(scene, last_worker(scene), "room"); /* the pool has no more than its least */
    router_hears(scene, "fine");
    end_worker(last_worker(scene), false);
    governor_hears(scene, "home");
    assert_string_equal(scene->cause, "");
    stops(scene);
}

/* ---- stories: out of memory ---- */

static void three_starts_without_memory_are_enough(void **state)
{
    scene_t *scene = *state;
    atomic_store(&scene->stub.birth, OUT_OF_MEMORY);
    open_pool(scene, 1);
    router_hears(scene, "available");
    for (size_t i = 0; i < 3; i++) {
        governor_hears(scene, "ask");
        assert_int_equal(last_asked(scene)->wants_all_room, i == 1); /* once */
        give(scene);
        governor_hears(scene, "holds home");
        assert_true(scene->was_out_of_memory);
        router_hears(scene, "not_grown");
    }
    router_hears(scene, "unavailable");
    assert_true(scene->last_reason.is_out_of_memory);
    router_hears(scene, "available"); /* and one try decides */
    governor_hears(scene, "ask");
    give(scene);
    governor_hears(scene, "holds home");
    router_hears(scene, "not_grown unavailable available");
    atomic_store(&scene->stub.birth, WELL);
    one_comes_up(scene);
    stops(scene);
}

static void another_end_between_breaks_the_row(void **state)
{
    scene_t *scene = *state;
    open_pool(scene, 1);
    router_hears(scene, "available");
    for (size_t i = 0; i < 6; i++) {
        one_comes_up(scene);
        end_worker(last_worker(scene), i != 2);
        router_hears(scene, "down");
        governor_hears(scene, "home");
        assert_int_equal(scene->was_out_of_memory, i != 2);
        if (i == 5) {
            router_hears(scene, "unavailable");
        }
    }
    stops(scene);
}

/* ---- stories: replacing ---- */

/* So that it is seen soon that a worker has nothing to do. */
static void look_often(scene_t *scene)
{
    scene->template.health.interval_ms = 5;
    scene->template.health.misses = 10000;
}

static void roll(scene_t *scene)
{
    tr_command_t *command = tr_command_new(TR_VERB_ROLL, NULL, scene->parent, 1);
    assert_non_null(command);
    assert_status(tr_command_send(&command, scene->pool->mailbox), TROUPE_OK);
}

static tr_answer_code_t answer_to_roll(scene_t *scene)
{
    for (;;) {
        tr_letter_t *letter = wait_for_next(scene->parent);
        const tr_answer_t *answer = tr_answer_in(letter);
        tr_answer_code_t code = answer ? answer->code : TR_ANSWER_DONE;
        bool is_answer = answer != NULL;
        tr_letter_destroy(&letter);
        if (is_answer) {
            return code;
        }
    }
}

static void with_room_the_new_one_comes_before_the_old_one_goes(void **state)
{
    scene_t *scene = *state;
    look_often(scene);
    open_pool(scene, 1);
    router_hears(scene, "available");
    one_comes_up(scene);
    roll(scene);
    one_comes_up(scene);
    assert_string_equal(last_worker(scene)->name, "cap/2");
    router_hears(scene, "going going down"); /* retired, and then stopped */
    governor_hears(scene, "home");
    assert_int_equal(answer_to_roll(scene), TR_ANSWER_DONE);
    stops(scene);
}

static void without_room_it_goes_first_and_comes_back(void **state)
{
    scene_t *scene = *state;
    look_often(scene);
    open_pool(scene, 1);
    router_hears(scene, "available");
    one_comes_up(scene);
    roll(scene);
    governor_hears(scene, "ask");
    refuse(scene);
    router_hears(scene, "going going down");
    governor_hears(scene, "home");
    one_comes_up(scene);
    assert_string_equal(last_worker(scene)->name, "cap/1");
    assert_int_equal(answer_to_roll(scene), TR_ANSWER_DONE);
    assert_string_equal(first_child(scene).state, "ready");
    nobody_hears_anything(scene);
    stops(scene);
}

static void so_it_does_when_room_does_not_come(void **state)
{
    scene_t *scene = *state;
    look_often(scene);
    atomic_store(&scene->runtime->memory.residency_ms, 300);
    open_pool(scene, 1);
    router_hears(scene, "available");
    one_comes_up(scene);
    tr_clock_hold(tr_clock_now_ms());
    roll(scene);
    governor_hears(scene, "ask");
    tr_clock_advance(2290);
    nobody_hears_anything(scene);
    tr_clock_advance(20);
    settle(scene);
    governor_hears(scene, "withdraw");
    router_hears(scene, "going");
    scene->does_time_pass = true; /* it may have had a ping before it */
    router_hears(scene, "going down");
    scene->does_time_pass = false;
    tr_clock_release();
    governor_hears(scene, "home");
    one_comes_up(scene);
    assert_int_equal(answer_to_roll(scene), TR_ANSWER_DONE);
    stops(scene);
}

static void a_start_that_fails_then_stops_the_roll_and_is_made_again(void **state)
{
    scene_t *scene = *state;
    look_often(scene);
    open_pool(scene, 1);
    router_hears(scene, "available");
    one_comes_up(scene);
    roll(scene);
    governor_hears(scene, "ask");
    refuse(scene);
    atomic_store(&scene->stub.birth, BADLY);
    router_hears(scene, "going going down");
    governor_hears(scene, "home ask");
    give(scene);
    governor_hears(scene, "holds home");
    router_hears(scene, "not_grown");
    assert_int_equal(answer_to_roll(scene), TR_ANSWER_FAILED);
    atomic_store(&scene->stub.birth, WELL);
    one_comes_up(scene);
    stops(scene);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_worker_starts_when_it_is_granted),
        story(one_that_needs_nothing_does_not_ask),
        story(a_process_asks_even_if_it_needs_nothing),
        story(without_a_governor_all_start),
        story(a_governor_that_has_just_ended_holds_up_nobody),
        story(a_start_that_fails_gives_its_grant_back),
        story(a_hung_thread_keeps_its_grant_until_it_ends),
        story(so_many_start_at_once_as_may),
        story(no_more_than_wished_for),
        story(nor_than_the_pool_may_have),
        story(a_wish_that_is_over_is_withdrawn),
        story(one_beyond_the_least_that_is_refused_is_given_up),
        story(with_others_there_it_is_tried_again_after_a_pause),
        story(one_of_the_least_asks_again),
        story(who_waits_says_for_what),
        story(its_router_hears_for_what_too),
        story(a_pool_that_waits_for_room_counts_as_started),
        story(a_pool_that_stops_withdraws),
        story(an_eviction_is_counted_with_its_cause),
        story(who_ends_of_itself_has_no_cause),
        story(three_starts_without_memory_are_enough),
        story(another_end_between_breaks_the_row),
        story(with_room_the_new_one_comes_before_the_old_one_goes),
        story(without_room_it_goes_first_and_comes_back),
        story(so_it_does_when_room_does_not_come),
        story(a_start_that_fails_then_stops_the_roll_and_is_made_again),
    };
    return cmocka_run_group_tests_name("supervisors/claims", tests, NULL, NULL) != 0;
}
