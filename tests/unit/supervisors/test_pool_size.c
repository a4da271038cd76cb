/* A pool is told how many workers it may have, and which are to go. The test is its router and
 * its operator, and hears what each of them does, in order; the workers are stubs, whose pulses
 * the test beats.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "supervisors/child_spec.h"
#include "supervisors/command.h"

#define PATIENCE_MS 10000
#define N_WORKERS   4

/* ---- the stub ---- */

static void begin_well(tr_self_t *self, const tr_control_t *word)
{
    if (word && word->word == TR_WORD_RESUME) {
        tr_self_started(self); /* one that is slow to start, until the test says so */
    } else if (word) {
        tr_self_end(self, &word->reason);
    }
}

static bool begin(tr_self_t *self, const void *arg)
{
    self->state = (void *)arg; /* only read */
    return true;
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    begin_well(self, tr_control_in(letter));
    tr_letter_destroy(&letter);
}

static void end(tr_self_t *self)
{
    (void)self;
}

static const tr_actor_class_t stub_class = {
    .kind = "stub", .begin = begin, .receive = receive, .end = end};
static const tr_actor_class_t slow_class = {
    .kind = "stub", .starts_late = true, .begin = begin, .receive = receive, .end = end};

static troupe_status_t start_stub(const tr_birth_t *birth, tr_actor_t **out)
{
    const bool *is_slow = birth->what;
    return tr_actor_start(&(tr_actor_setup_t){.class = *is_slow ? &slow_class : &stub_class,
                                              .name = birth->name,
                                              .runtime = birth->runtime,
                                              .parent = birth->parent,
                                              .limits = {100, 100000},
                                              .arg = birth->what},
                          out);
}

/* ---- the scene ---- */

typedef struct worker {
    uint64_t incarnation;
    tr_mailbox_t *mailbox;
    tr_pulse_t *pulse;
    bool is_doubtful;
} worker_t;

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *router;
    tr_mailbox_t *boss; /* the operator */
    bool is_slow;       /* the workers wait before they are up */
    tr_child_spec_t template;
    tr_supervisor_spec_t spec;
    tr_actor_t *pool;
    worker_t workers[N_WORKERS + 1]; /* by number; each one's last life */
    uint64_t last_token;
} scene_t;

static tr_mailbox_t *mailbox_called(const char *name)
{
    tr_mailbox_t *mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){1000, 1000000});
    assert_non_null(mailbox);
    return mailbox;
}

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->runtime = tr_runtime_new("test");
    assert_non_null(scene->runtime);
    scene->parent = mailbox_called("parent");
    scene->router = mailbox_called("router");
    scene->boss = mailbox_called("operator");
    assert_status(tr_directory_register(scene->runtime->directory, TR_NAMES_CAPABILITY, "cap",
                                        scene->router),
                  TROUPE_OK);
    scene->template = (tr_child_spec_t){
        .name = "cap",
        .kind = "worker",
        .restart = TR_RESTART_PERMANENT,
        .shutdown_ms = PATIENCE_MS,
        .backoff_min_ms = 1,
        .backoff_max_ms = 2,
        .own_restarts = -1,
        .health = {.interval_ms = 50,
                   .misses = 1000,
                   .stall_ms = 60000,
                   .overrun_ms = 60000,
                   .start_stall_ms = 60000},
        .start = start_stub,
        .what = &scene->is_slow,
    };
    scene->spec = (tr_supervisor_spec_t){.name = "cap/pool",
                                         .strategy = TR_SIMPLE_ONE_FOR_ONE,
                                         .max_restarts = 10,
                                         .period_ms = 60000,
                                         .children = &scene->template,
                                         .n_children = 1,
                                         .capability = "cap",
                                         .max_workers = N_WORKERS,
                                         .parallel_starts = N_WORKERS};
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
    if (scene->pool) {
        tr_actor_ask_to_stop(scene->pool, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        if (tr_actor_reap(&scene->pool, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    for (size_t i = 0; i <= N_WORKERS; i++) {
        tr_mailbox_release(&scene->workers[i].mailbox);
        tr_pulse_release(&scene->workers[i].pulse);
    }
    close_and_release(&scene->parent);
    close_and_release(&scene->router);
    close_and_release(&scene->boss);
    tr_runtime_release(&scene->runtime);
    free(scene);
    return 0;
}

/* The next letter, waiting on the bell. */
static tr_letter_t *wait_for_next(tr_mailbox_t *mailbox)
{
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) == NULL) {
        int64_t left_ms = deadline_ms - tr_clock_now_ms();
        if (left_ms <= 0) {
            fail_msg("nothing came to the %s", tr_mailbox_name(mailbox));
        }
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            poll(&bell, 1, (int)left_ms);
            tr_mailbox_unpark(mailbox);
        }
    }
    return letter;
}

static void start(scene_t *scene, size_t min, size_t max)
{
    scene->spec.min_workers = min;
    scene->spec.max_workers = max;
    assert_status(tr_supervisor_start(&(tr_birth_t){.what = &scene->spec,
                                                    .name = scene->spec.name,
                                                    .runtime = scene->runtime,
                                                    .parent = scene->parent},
                                      &scene->pool),
                  TROUPE_OK);
}

/* ---- what the router hears, and says ---- */

static worker_t *worker_called(scene_t *scene, const char *name)
{
    int number = 0;
    assert_int_equal(sscanf(name, "cap/%d", &number), 1);
    assert_in_range(number, 1, N_WORKERS);
    return &scene->workers[number];
}

/* On a busy machine one may be late to answer a ping: that is another story. */
static bool is_about_doubt(scene_t *scene, const tr_control_t *word)
{
    assert_non_null(word);
    for (size_t i = 1; i <= N_WORKERS; i++) {
        worker_t *worker = &scene->workers[i];
        bool is_of_it = word->incarnation == worker->incarnation;
        if (is_of_it && (word->word == TR_WORD_DOUBTFUL ||
                         (word->word == TR_WORD_FINE && worker->is_doubtful))) {
            worker->is_doubtful = word->word == TR_WORD_DOUBTFUL;
            return true;
        }
    }
    return false;
}

/* The next word to the router is this one; what it says without shares. */
static tr_control_t hears(scene_t *scene, tr_word_t want)
{
    tr_letter_t *letter = wait_for_next(scene->router);
    while (is_about_doubt(scene, tr_control_in(letter))) {
        tr_letter_destroy(&letter);
        letter = wait_for_next(scene->router);
    }
    const tr_control_t *word = tr_control_in(letter);
    assert_string_equal(tr_word_name(word->word), tr_word_name(want));
    if (word->word == TR_WORD_UP) {
        worker_t *worker = worker_called(scene, word->name);
        tr_mailbox_release(&worker->mailbox);
        tr_pulse_release(&worker->pulse);
        *worker = (worker_t){.incarnation = word->incarnation,
                             .mailbox = tr_mailbox_share(word->mailbox),
                             .pulse = tr_pulse_share(word->pulse)};
    }
    tr_control_t told = *word;
    tr_letter_destroy(&letter);
    told.mailbox = NULL;
    told.pulse = NULL;
    told.keepsake = NULL;
    return told;
}

static void hears_of(scene_t *scene, tr_word_t want, size_t number)
{
    assert_int_equal(hears(scene, want).incarnation, scene->workers[number].incarnation);
}

static void hears_size(scene_t *scene, uint64_t least, size_t most)
{
    tr_control_t size = hears(scene, TR_WORD_SIZE);
    assert_int_equal(size.number, least);
    assert_int_equal(size.depth, most);
}

static void hears_yield(scene_t *scene, size_t number)
{
    tr_control_t yield = hears(scene, TR_WORD_YIELD);
    assert_int_equal(yield.incarnation, scene->workers[number].incarnation);
    assert_int_equal(yield.number, 0);
    assert_string_equal(yield.name, "asked");
    assert_string_equal(yield.reason.text, "an operator");
}

static void say(scene_t *scene, tr_word_t word, size_t worker, uint64_t number)
{
    tr_control_t *control = tr_control_new(word, scene->workers[worker].incarnation);
    assert_non_null(control);
    control->number = number;
    snprintf(control->name, sizeof control->name, "%s", word == TR_WORD_SHRINK ? "asked" : "");
    snprintf(control->reason.text, sizeof control->reason.text, "%s",
             word == TR_WORD_NOT_YIELDED ? "it is busy" : "");
    tr_control_send(control, scene->pool->mailbox);
}

/* So many are up from the beginning. */
static void starts_with(scene_t *scene, size_t min, size_t max)
{
    start(scene, min, max);
    hears(scene, TR_WORD_AVAILABLE);
    for (size_t i = 0; i < min; i++) {
        hears(scene, TR_WORD_UP);
    }
}

static void goes(scene_t *scene, size_t number)
{
    hears_of(scene, TR_WORD_GOING, number);
    hears_of(scene, TR_WORD_DOWN, number);
}

/* ---- what the operator says, and hears ---- */

static uint64_t command(scene_t *scene, tr_verb_t verb, const char *name, size_t least,
                        size_t most)
{
    tr_command_t *command = tr_command_new(verb, name, scene->boss, ++scene->last_token);
    assert_non_null(command);
    command->least = least;
    command->most = most;
    assert_status(tr_command_send(&command, scene->pool->mailbox), TROUPE_OK);
    return scene->last_token;
}

static tr_answer_t is_answered(scene_t *scene, uint64_t token, tr_answer_code_t code,
                               const char *text)
{
    tr_letter_t *letter = wait_for_next(scene->boss);
    assert_non_null(tr_answer_in(letter));
    tr_answer_t answer = *tr_answer_in(letter);
    tr_letter_destroy(&letter);
    assert_string_equal(tr_answer_name(answer.code), tr_answer_name(code));
    if (text) {
        assert_string_equal(answer.text, text);
    }
    assert_int_equal(answer.token, token);
    return answer;
}

static size_t count_active(scene_t *scene)
{
    uint64_t token = command(scene, TR_VERB_COUNT, NULL, 0, 0);
    return is_answered(scene, token, TR_ANSWER_DONE, NULL).n_active;
}

/* Ask until so many are. */
static void await_active(scene_t *scene, size_t n)
{
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    size_t n_active;
    while ((n_active = count_active(scene)) != n) {
        if (tr_clock_now_ms() > deadline_ms) {
            fail_msg("%zu are active, not %zu", n_active, n);
        }
    }
}

/* ---- scale ---- */

static void more_come_when_more_are_to_be(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 0, 1);
    uint64_t token = command(scene, TR_VERB_SCALE, NULL, 2, 3);
    is_answered(scene, token, TR_ANSWER_DONE, "between 2 and 3 workers");
    hears_size(scene, 2, 3);
    hears(scene, TR_WORD_UP);
    hears(scene, TR_WORD_UP);
    say(scene, TR_WORD_GROW, 0, 2); /* of which it may have one */
    hears(scene, TR_WORD_UP);
    assert_int_equal(count_active(scene), 3);
}

static void a_wish_is_fulfilled_when_it_may_be(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 0, 1);
    say(scene, TR_WORD_GROW, 0, 2);
    hears(scene, TR_WORD_UP);
    assert_int_equal(count_active(scene), 1);
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 0, 4), TR_ANSWER_DONE, NULL);
    hears_size(scene, 0, 4);
    hears(scene, TR_WORD_UP);
    assert_int_equal(count_active(scene), 2); /* as it was wished, and no more */
}

static void the_router_says_who_is_too_many(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 3, 3);
    say(scene, TR_WORD_SHRINK, 2, 0);
    hears_of(scene, TR_WORD_FINE, 2); /* all are needed */
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 1, 1), TR_ANSWER_DONE,
                "between 1 and 1 workers");
    hears_size(scene, 1, 1);
    assert_int_equal(count_active(scene), 3); /* those that are up may be busy */
    say(scene, TR_WORD_SHRINK, 2, 0);
    goes(scene, 2);
    say(scene, TR_WORD_SHRINK, 3, 0);
    goes(scene, 3);
    say(scene, TR_WORD_SHRINK, 1, 0);
    hears_of(scene, TR_WORD_FINE, 1);
    assert_int_equal(count_active(scene), 1);
}

static void those_that_are_not_up_are_not_needed_any_more(void **state)
{
    scene_t *scene = *state;
    scene->is_slow = true;
    start(scene, 3, 3);
    hears(scene, TR_WORD_AVAILABLE);
    await_active(scene, 3);
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 0, 1), TR_ANSWER_DONE, NULL);
    hears_size(scene, 0, 1);
    hears(scene, TR_WORD_GOING);
    hears(scene, TR_WORD_GOING);
    hears(scene, TR_WORD_DOWN);
    hears(scene, TR_WORD_DOWN);
    assert_int_equal(count_active(scene), 1);
    tr_mailbox_t *first =
        tr_directory_find(scene->runtime->directory, TR_NAMES_ACTOR, tr_span_of("cap/1"));
    assert_non_null(first);
    tr_control_say(first, TR_WORD_RESUME, 0);
    tr_mailbox_release(&first);
    hears(scene, TR_WORD_UP);
}

/* What cannot be, and what is said of it. */
struct size {
    size_t least;
    size_t most;
    const char *says;
};

static void what_cannot_be_is_refused(void **state)
{
    const struct size *row = *state;
    void *inner = NULL;
    assert_int_equal(set_up(&inner), 0);
    scene_t *scene = inner;
    starts_with(scene, 0, 1);
    scene->runtime->max_actors = atomic_load(&scene->runtime->n_actors) + 2;
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, row->least, row->most),
                TR_ANSWER_REFUSED, row->says);
    say(scene, TR_WORD_GROW, 0, 4); /* and nothing has changed */
    hears(scene, TR_WORD_UP);
    assert_int_equal(count_active(scene), 1);
    assert_int_equal(tear_down(&inner), 0);
}

static void only_a_pool_is_scaled(void **state)
{
    scene_t *scene = *state;
    scene->spec.capability = NULL;
    scene->spec.min_workers = 0;
    start(scene, 0, 1);
    static const tr_verb_t verbs[] = {TR_VERB_SCALE, TR_VERB_EVICT, TR_VERB_DRAIN,
                                      TR_VERB_RESUME};
    for (size_t i = 0; i < 4; i++) {
        is_answered(scene, command(scene, verbs[i], NULL, 0, 1), TR_ANSWER_REFUSED,
                    "only a pool has workers that can be scaled, evicted, drained or resumed");
    }
}

static tr_answer_t change(scene_t *scene, const tr_supervisor_spec_t *spec)
{
    tr_command_t *change =
        tr_command_new(TR_VERB_CHANGE, NULL, scene->boss, ++scene->last_token);
    assert_non_null(change);
    change->change = spec;
    assert_status(tr_command_send(&change, scene->pool->mailbox), TROUPE_OK);
    return is_answered(scene, scene->last_token, TR_ANSWER_DONE, NULL);
}

/* Until the description says something else about it. */
static void what_was_scaled_stays_so(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 1, 1);
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 2, 2), TR_ANSWER_DONE, NULL);
    hears_size(scene, 2, 2);
    hears(scene, TR_WORD_UP);
    tr_supervisor_spec_t next = scene->spec;
    next.max_restarts = 7;
    change(scene, &next);
    say(scene, TR_WORD_SHRINK, 1, 0);
    hears_of(scene, TR_WORD_FINE, 1);
    tr_supervisor_spec_t last = next;
    last.min_workers = 0;
    last.max_workers = 3;
    change(scene, &last);
    hears_size(scene, 0, 3);
    say(scene, TR_WORD_SHRINK, 1, 0);
    goes(scene, 1);
}

/* ---- the next life ---- */

static void comes_back(scene_t *scene, size_t min, size_t max)
{
    tr_actor_ask_to_stop(scene->pool, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    assert_status(tr_actor_reap(&scene->pool, PATIENCE_MS), TROUPE_OK);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene->router, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    start(scene, min, max);
}

static void what_was_scaled_stays_so_in_its_next_life(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 1, 1);
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 2, 3), TR_ANSWER_DONE, NULL);
    comes_back(scene, 1, 1);
    hears_size(scene, 2, 3);
    hears(scene, TR_WORD_AVAILABLE);
    hears(scene, TR_WORD_UP);
    hears(scene, TR_WORD_UP);
    assert_int_equal(count_active(scene), 2);
}

/* Then the description has the last word. */
static void unless_it_is_described_otherwise_since(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 1, 1);
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 2, 3), TR_ANSWER_DONE, NULL);
    comes_back(scene, 0, 1);
    hears(scene, TR_WORD_AVAILABLE);
    assert_int_equal(count_active(scene), 0);
}

static void also_when_that_was_taken_back(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 1, 1);
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 2, 3), TR_ANSWER_DONE, NULL);
    tr_supervisor_spec_t next = scene->spec;
    next.max_workers = 2;
    change(scene, &next);
    comes_back(scene, 1, 1);
    hears(scene, TR_WORD_AVAILABLE);
    hears(scene, TR_WORD_UP);
    assert_int_equal(count_active(scene), 1);
}

static void one_whose_capability_is_drained_rests_from_the_start(void **state)
{
    scene_t *scene = *state;
    tr_orders_t *orders = tr_order_book_of(scene->runtime->orders, "cap", "");
    assert_non_null(orders);
    atomic_store(&orders->rests, true);
    start(scene, 2, 3);
    hears(scene, TR_WORD_AVAILABLE);
    assert_int_equal(count_active(scene), 0);
    atomic_store(&orders->rests, false); /* as a router does, before it says so */
    say(scene, TR_WORD_REST, 0, 0);
    hears(scene, TR_WORD_UP);
    hears(scene, TR_WORD_UP);
}

/* ---- evict ---- */

static void one_is_evicted_when_its_router_lets_it_go(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 2, 2);
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 1, 2), TR_ANSWER_DONE, NULL);
    hears_size(scene, 1, 2);
    uint64_t token = command(scene, TR_VERB_EVICT, "cap/2", 0, 0);
    hears_yield(scene, 2);
    say(scene, TR_WORD_SHRINK, 2, 0);
    goes(scene, 2);
    is_answered(scene, token, TR_ANSWER_DONE, "");
    is_answered(scene, command(scene, TR_VERB_EVICT, "cap/2", 0, 0), TR_ANSWER_NOT_FOUND, NULL);
    assert_int_equal(count_active(scene), 1);
}

static void why_one_is_not_evicted_is_said(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 1, 2);
    uint64_t token = command(scene, TR_VERB_EVICT, "cap/1", 0, 0);
    hears_yield(scene, 1);
    uint64_t second = command(scene, TR_VERB_EVICT, "cap/1", 0, 0); /* after the first one */
    say(scene, TR_WORD_NOT_YIELDED, 1, 0);
    is_answered(scene, token, TR_ANSWER_REFUSED, "it is busy");
    hears_yield(scene, 1);
    say(scene, TR_WORD_NOT_YIELDED, 1, 0);
    is_answered(scene, second, TR_ANSWER_REFUSED, "it is busy");
    say(scene, TR_WORD_NOT_YIELDED, 1, 0); /* nobody has asked */
    assert_int_equal(count_active(scene), 1);
}

static void one_that_is_not_up_is_not_evicted(void **state)
{
    scene_t *scene = *state;
    scene->is_slow = true;
    start(scene, 1, 1);
    hears(scene, TR_WORD_AVAILABLE);
    is_answered(scene, command(scene, TR_VERB_EVICT, "cap/1", 0, 0), TR_ANSWER_REFUSED,
                "it is not up");
    is_answered(scene, command(scene, TR_VERB_DRAIN, "cap/1", 0, 0), TR_ANSWER_REFUSED,
                "it is not up");
}

static void one_that_falls_first_was_not_evicted(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 1, 2);
    uint64_t token = command(scene, TR_VERB_EVICT, "cap/1", 0, 0);
    hears_yield(scene, 1);
    tr_control_say(scene->workers[1].mailbox, TR_WORD_KILL, 0);
    hears_of(scene, TR_WORD_DOWN, 1);
    is_answered(scene, token, TR_ANSWER_FAILED,
                "it ended by itself first, and is started again");
    say(scene, TR_WORD_NOT_YIELDED, 1, 0); /* of the life before */
    hears(scene, TR_WORD_UP);
    assert_int_equal(count_active(scene), 1);
}

static void all_that_are_idle_are_evicted(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 3, 3);
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 1, 3), TR_ANSWER_DONE, NULL);
    hears_size(scene, 1, 3);
    uint64_t token = command(scene, TR_VERB_EVICT, NULL, 0, 0);
    for (size_t i = 1; i <= 3; i++) {
        hears_yield(scene, i);
    }
    uint64_t other = command(scene, TR_VERB_EVICT, NULL, 0, 0);
    is_answered(scene, other, TR_ANSWER_REFUSED,
                "its idle workers are on their way out already");
    uint64_t named = command(scene, TR_VERB_EVICT, "cap/2", 0, 0); /* has been asked for */
    say(scene, TR_WORD_SHRINK, 1, 0);
    goes(scene, 1);
    say(scene, TR_WORD_NOT_YIELDED, 2, 0);
    is_answered(scene, named, TR_ANSWER_REFUSED, "it is busy");
    say(scene, TR_WORD_SHRINK, 3, 0);
    goes(scene, 3);
    tr_answer_t answer = is_answered(scene, token, TR_ANSWER_DONE, "2 workers went");
    assert_int_equal(answer.n_workers, 2);
    token = command(scene, TR_VERB_EVICT, NULL, 0, 0);
    hears_yield(scene, 2);
    say(scene, TR_WORD_NOT_YIELDED, 2, 0);
    is_answered(scene, token, TR_ANSWER_DONE, "0 workers went");
}

/* Its router was asked already, and asked twice would say that it goes. */
static void one_that_is_being_evicted_is_not_asked_again(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 1, 1);
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 0, 1), TR_ANSWER_DONE, NULL);
    hears_size(scene, 0, 1);
    uint64_t named = command(scene, TR_VERB_EVICT, "cap/1", 0, 0);
    hears_yield(scene, 1);
    is_answered(scene, command(scene, TR_VERB_EVICT, NULL, 0, 0), TR_ANSWER_DONE,
                "0 workers went");
    say(scene, TR_WORD_SHRINK, 1, 0);
    goes(scene, 1);
    is_answered(scene, named, TR_ANSWER_DONE, "");
}

static void where_nobody_is_nobody_goes(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 0, 1);
    is_answered(scene, command(scene, TR_VERB_EVICT, NULL, 0, 0), TR_ANSWER_DONE,
                "0 workers went");
}

static void one_that_falls_has_not_been_asked_in_vain(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 2, 2);
    uint64_t token = command(scene, TR_VERB_EVICT, NULL, 0, 0);
    hears_yield(scene, 1);
    hears_yield(scene, 2);
    tr_control_say(scene->workers[1].mailbox, TR_WORD_KILL, 0);
    hears_of(scene, TR_WORD_DOWN, 1);
    hears(scene, TR_WORD_UP);
    say(scene, TR_WORD_NOT_YIELDED, 2, 0);
    is_answered(scene, token, TR_ANSWER_DONE, "0 workers went");
}

static void when_the_pool_ends_whoever_waits_hears_of_it(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 2, 2);
    uint64_t all = command(scene, TR_VERB_EVICT, NULL, 0, 0);
    hears_yield(scene, 1);
    hears_yield(scene, 2);
    tr_actor_ask_to_stop(scene->pool, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    tr_answer_t answer = is_answered(scene, all, TR_ANSWER_DONE, NULL);
    assert_int_equal(answer.n_workers, 2); /* which is true */
    assert_status(tr_actor_reap(&scene->pool, PATIENCE_MS), TROUPE_OK);
}

/* ---- drain, and resume ---- */

static void be_busy(scene_t *scene, size_t number, bool is_busy)
{
    atomic_store(&scene->workers[number].pulse->running_since_ms,
                 is_busy ? tr_clock_now_ms() : 0);
    atomic_store(&scene->workers[number].pulse->progress_ms, tr_clock_now_ms());
    atomic_store(&scene->workers[number].pulse->running_until_ms, TR_NEVER);
}

static void one_that_drains_finishes_and_is_replaced_if_needed(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 1, 2);
    be_busy(scene, 1, true);
    uint64_t token = command(scene, TR_VERB_DRAIN, "cap/1", 0, 0);
    hears_of(scene, TR_WORD_GOING, 1);
    assert_int_equal(count_active(scene), 1);
    is_answered(scene, command(scene, TR_VERB_EVICT, NULL, 0, 0), TR_ANSWER_DONE,
                "0 workers went"); /* it goes already */
    be_busy(scene, 1, false);
    goes(scene, 1);
    is_answered(scene, token, TR_ANSWER_DONE, "");
    hears(scene, TR_WORD_UP);
    assert_int_equal(count_active(scene), 1);
}

static void one_that_is_not_needed_is_not_replaced(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 0, 2);
    say(scene, TR_WORD_GROW, 0, 1);
    hears(scene, TR_WORD_UP);
    uint64_t token = command(scene, TR_VERB_DRAIN, "cap/1", 0, 0);
    hears_of(scene, TR_WORD_GOING, 1);
    goes(scene, 1);
    is_answered(scene, token, TR_ANSWER_DONE, "");
    assert_int_equal(count_active(scene), 0);
}

static void one_that_drains_can_be_held_back(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 1, 2);
    be_busy(scene, 1, true);
    uint64_t drain = command(scene, TR_VERB_DRAIN, "cap/1", 0, 0);
    hears_of(scene, TR_WORD_GOING, 1);
    uint64_t resume = command(scene, TR_VERB_RESUME, "cap/1", 0, 0);
    is_answered(scene, drain, TR_ANSWER_REFUSED, "it was told to resume");
    is_answered(scene, resume, TR_ANSWER_DONE, "");
    hears_of(scene, TR_WORD_FINE, 1);
    be_busy(scene, 1, false);
    is_answered(scene, command(scene, TR_VERB_RESUME, "cap/1", 0, 0), TR_ANSWER_REFUSED,
                "it is not draining");
    is_answered(scene, command(scene, TR_VERB_RESUME, "cap/2", 0, 0), TR_ANSWER_NOT_FOUND,
                NULL);
    drain = command(scene, TR_VERB_DRAIN, "cap/1", 0, 0); /* now it goes */
    hears_of(scene, TR_WORD_GOING, 1);
    goes(scene, 1);
    is_answered(scene, drain, TR_ANSWER_DONE, "");
}

/* ---- rest ---- */

static void a_pool_that_rests_has_no_workers(void **state)
{
    scene_t *scene = *state;
    starts_with(scene, 2, 3);
    say(scene, TR_WORD_REST, 0, 1);
    hears(scene, TR_WORD_GOING);
    hears(scene, TR_WORD_GOING);
    hears(scene, TR_WORD_DOWN);
    hears(scene, TR_WORD_DOWN);
    say(scene, TR_WORD_GROW, 0, 2);
    is_answered(scene, command(scene, TR_VERB_ROLL, NULL, 0, 0), TR_ANSWER_REFUSED,
                "its capability is drained");
    is_answered(scene, command(scene, TR_VERB_SCALE, NULL, 1, 3), TR_ANSWER_DONE, NULL);
    hears_size(scene, 1, 3);
    assert_int_equal(count_active(scene), 0);
    say(scene, TR_WORD_REST, 0, 0);
    hears(scene, TR_WORD_UP);
    assert_int_equal(count_active(scene), 1);
    say(scene, TR_WORD_GROW, 0, 2);
    hears(scene, TR_WORD_UP);
    hears(scene, TR_WORD_UP);
}

static void also_those_that_start_and_those_that_wait_to(void **state)
{
    scene_t *scene = *state;
    scene->is_slow = true;
    start(scene, 2, 2);
    hears(scene, TR_WORD_AVAILABLE);
    await_active(scene, 2);
    say(scene, TR_WORD_REST, 0, 1);
    hears(scene, TR_WORD_GOING);
    hears(scene, TR_WORD_GOING);
    hears(scene, TR_WORD_DOWN);
    hears(scene, TR_WORD_DOWN);
    assert_int_equal(count_active(scene), 0);
    scene->is_slow = false;
    say(scene, TR_WORD_REST, 0, 0);
    hears(scene, TR_WORD_UP);
    hears(scene, TR_WORD_UP);
}

/* clang-format off */
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define SIZE(title, ...) \
    { .name = title, .test_func = what_cannot_be_is_refused, \
      .initial_state = &(struct size){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(more_come_when_more_are_to_be),
        STORY(a_wish_is_fulfilled_when_it_may_be),
        STORY(the_router_says_who_is_too_many),
        STORY(those_that_are_not_up_are_not_needed_any_more),
        SIZE("none at all", 0, 0,
             "a pool without workers serves nobody: drain its capability instead"),
        SIZE("more than there may be", 0, 10001, "a pool may have 10000 workers at most"),
        SIZE("at least more than at most", 3, 2, "at least 3 workers are more than at most 2"),
        SIZE("more than the node is made for", 0, 3,
             "this node has sockets for 2 workers more, so that there may be 2"),
        STORY(only_a_pool_is_scaled),
        STORY(what_was_scaled_stays_so),
        STORY(what_was_scaled_stays_so_in_its_next_life),
        STORY(unless_it_is_described_otherwise_since),
        STORY(also_when_that_was_taken_back),
        STORY(one_whose_capability_is_drained_rests_from_the_start),
        STORY(one_is_evicted_when_its_router_lets_it_go),
        STORY(why_one_is_not_evicted_is_said),
        STORY(one_that_is_not_up_is_not_evicted),
        STORY(one_that_falls_first_was_not_evicted),
        STORY(all_that_are_idle_are_evicted),
        STORY(one_that_is_being_evicted_is_not_asked_again),
        STORY(where_nobody_is_nobody_goes),
        STORY(one_that_falls_has_not_been_asked_in_vain),
        STORY(when_the_pool_ends_whoever_waits_hears_of_it),
        STORY(one_that_drains_finishes_and_is_replaced_if_needed),
        STORY(one_that_is_not_needed_is_not_replaced),
        STORY(one_that_drains_can_be_held_back),
        STORY(a_pool_that_rests_has_no_workers),
        STORY(also_those_that_start_and_those_that_wait_to),
    };
    return cmocka_run_group_tests_name("supervisors/pool_size", tests, NULL, NULL) != 0;
}
