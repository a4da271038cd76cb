/* What becomes of an actor's reference, and of what waits for it, in every way in which an
 * actor or those above it can end: real workers under real supervisors, to which the test sends
 * by the same way as actors do.
 *
 * An actor does what its message says; what it has taken is noted in order. Nothing sleeps: who
 * waits, waits for a note, a word or an answer.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/quarantine.h"
#include "actors/worker/worker.h"
#include "base/log.h"
#include "base/metrics.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"
#include "supervisors/command.h"
#include "tests/kit/gate.h"

#define PATIENCE_MS 60000
#define HOUR_MS     3600000
#define LIMIT       10 /* messages in a mailbox */

/* ---- the behaviour ---- */

static gate_t gate = GATE_INITIALIZER;  /* where one that hangs waits */
static gate_t taken = GATE_INITIALIZER; /* a note of each message */
static gate_t begun = GATE_INITIALIZER; /* of each init */
static gate_t ended = GATE_INITIALIZER; /* of each terminate */
static struct {
    pthread_mutex_t mutex;
    char trace[200];
    const char *init_does; /* once */
    const char *terminate_does;
} notes = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static const char *take_order(const char **order)
{
    pthread_mutex_lock(&notes.mutex);
    const char *taken_order = *order;
    *order = NULL;
    pthread_mutex_unlock(&notes.mutex);
    return taken_order ? taken_order : "";
}

static int obey(troupe_worker_t *self, const char *order)
{
    if (strstr(order, "hang")) {
        gate_pass(&gate, NULL);
    } else if (strcmp(order, "end") == 0) {
        troupe_worker_end(self);
    }
    return strstr(order, "fail") ? -1 : 0;
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    (void)state_p;
    gate_note(&begun);
    return obey(self, take_order(&notes.init_does));
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    char *text = troupe_message_text(message, 0);
    if (!text) {
        abort();
    }
    pthread_mutex_lock(&notes.mutex);
    size_t length = strlen(notes.trace);
    snprintf(notes.trace + length, sizeof notes.trace - length, "%s%s", length ? " " : "",
             text);
    pthread_mutex_unlock(&notes.mutex);
    gate_note(&taken);
    int verdict = obey(self, text);
    free(text);
    return verdict;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)state_p;
    (void)reason;
    gate_note(&ended);
    obey(self, take_order(&notes.terminate_does));
}

static const troupe_behaviour_t obedient = {
    .name = "obedient", .init = init, .receive = receive, .terminate = terminate};

static const tr_worker_plan_t plan = {.behaviour = &obedient,
                                      .idle_after_ms = HOUR_MS,
                                      .is_lasting = true,
                                      .limits = {LIMIT, 5000}};

/* ---- the scene: top has a and mid, which has b; both that are restarted wait an hour ---- */

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *mailbox; /* of the test */
    tr_letter_t *kept;     /* what came while something else was waited for */
    tr_child_spec_t a, b, added;
    tr_child_spec_t upper[2];
    tr_supervisor_spec_t top, mid;
    tr_actor_t *supervisor;
    uint64_t last_token;
} scene_t;

static scene_t scene;

static tr_child_spec_t actor_called(const char *name)
{
    return (tr_child_spec_t){
        .name = name,
        .kind = "worker",
        .restart = TR_RESTART_PERMANENT,
        .shutdown_ms = PATIENCE_MS,
        .backoff_min_ms = 1,
        .backoff_max_ms = 2,
        .own_restarts = -1,
        .health = {HOUR_MS, 3, HOUR_MS, HOUR_MS, HOUR_MS, 0, 0},
        .start = tr_worker_start,
        .what = &plan,
    };
}

static int set_up(void **state)
{
    (void)state;
    scene = (scene_t){.runtime = tr_runtime_new("test"),
                      .mailbox = tr_mailbox_new("test", 1, (tr_mailbox_limits_t){100, 100000})};
    assert_non_null(scene.runtime);
    assert_non_null(scene.mailbox);
    scene.a = actor_called("a");
    scene.b = actor_called("b");
    scene.added = actor_called("added");
    scene.mid = (tr_supervisor_spec_t){
        .name = "mid", .max_restarts = 100, .period_ms = HOUR_MS, .n_children = 1};
    gate_reset(&gate);
    gate_reset(&taken);
    gate_reset(&begun);
    gate_reset(&ended);
    notes.trace[0] = '\0';
    notes.init_does = notes.terminate_does = NULL;
    return 0;
}

static tr_letter_t *take_kept(const tr_letter_type_t *type)
{
    tr_letter_t **place = &scene.kept;
    while (*place && (*place)->type != type) {
        place = &(*place)->next;
    }
    tr_letter_t *letter = *place;
    if (letter) {
        *place = letter->next;
    }
    return letter;
}

/* The next one of that type: answers overtake replies. */
static tr_letter_t *next_letter(const tr_letter_type_t *type)
{
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter = take_kept(type);
    while (!letter) {
        assert_true(tr_clock_now_ms() < deadline_ms);
        tr_letter_t *next = tr_mailbox_next(scene.mailbox, NULL);
        if (next) {
            next->next = scene.kept;
            scene.kept = next;
            letter = take_kept(type);
        } else if (tr_mailbox_park(scene.mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(scene.mailbox), .events = POLLIN};
            poll(&bell, 1, PATIENCE_MS);
            tr_mailbox_unpark(scene.mailbox);
        }
    }
    return letter;
}

static void top_says(tr_word_t word)
{
    tr_letter_t *letter = next_letter(&tr_control_type);
    assert_string_equal(tr_word_name(tr_control_in(letter)->word), tr_word_name(word));
    tr_letter_destroy(&letter);
}

static void start(void)
{
    scene.mid.children = &scene.b;
    tr_child_spec_t mid = actor_called("mid");
    mid.kind = "supervisor";
    mid.is_supervisor = true;
    mid.start = tr_supervisor_start;
    mid.what = &scene.mid;
    scene.upper[0] = scene.a;
    scene.upper[1] = mid;
    scene.top = (tr_supervisor_spec_t){.name = "top",
                                       .max_restarts = 100,
                                       .period_ms = HOUR_MS,
                                       .children = scene.upper,
                                       .n_children = 2};
    assert_status(tr_supervisor_start(&(tr_birth_t){.what = &scene.top,
                                                    .name = "top",
                                                    .runtime = scene.runtime,
                                                    .parent = scene.mailbox},
                                      &scene.supervisor),
                  TROUPE_OK);
    top_says(TR_WORD_STARTED);
}

static void stop(void)
{
    tr_actor_ask_to_stop(scene.supervisor, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    top_says(TR_WORD_ENDED);
    assert_status(tr_actor_reap(&scene.supervisor, PATIENCE_MS), TROUPE_OK);
}

static int tear_down(void **state)
{
    (void)state;
    gate_open(&gate);
    if (scene.supervisor) {
        stop();
    }
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    while (tr_quarantine_sweep(scene.runtime->quarantine) > 0) {
        assert_true(tr_clock_now_ms() < deadline_ms);
    }
    tr_runtime_release(&scene.runtime);
    assert_null(scene.kept);
    tr_mailbox_close(scene.mailbox);
    tr_mailbox_release(&scene.mailbox);
    return 0;
}

/* ---- sending and asking ---- */

static troupe_ref_t *refer(const char *name)
{
    return tr_directory_refer(scene.runtime->directory, tr_span_of(name));
}

static troupe_status_t send_to(troupe_ref_t *to, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    tr_mail_t *mail = tr_mail_new(&message, NULL, NULL);
    assert_non_null(mail);
    return tr_runtime_post(scene.runtime, to, TR_LANE_USER, mail);
}

static void sends(troupe_ref_t *to, const char *text)
{
    assert_status(send_to(to, text), TROUPE_OK);
}

static void asks(troupe_ref_t *to, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    troupe_question_t *question = tr_question_new(scene.mailbox, 7, TR_NEVER);
    tr_mail_t *mail = tr_mail_new(&message, NULL, &question);
    assert_non_null(mail);
    assert_status(tr_runtime_post(scene.runtime, to, TR_LANE_USER, mail), TROUPE_OK);
}

static void is_answered_as_lost(void)
{
    tr_letter_t *letter = next_letter(&tr_reply_type);
    assert_outcome(troupe_reply_outcome((troupe_reply_t *)letter), TROUPE_OUTCOME_WORKER_LOST);
    tr_letter_destroy(&letter);
}

static void has_taken(size_t n, const char *trace)
{
    assert_true(gate_await(&taken, n));
    pthread_mutex_lock(&notes.mutex);
    char copy[sizeof notes.trace];
    memcpy(copy, notes.trace, sizeof copy);
    pthread_mutex_unlock(&notes.mutex);
    assert_string_equal(copy, trace);
}

static void dead_letters_are(int64_t n)
{
    assert_int_equal(tr_metric_value(scene.runtime->dead_letters), n);
}

/* It is over, and its name free. */
static void is_over(troupe_ref_t **ref_p, const char *name)
{
    assert_true(troupe_ref_is_over(*ref_p));
    int64_t n_dead = tr_metric_value(scene.runtime->dead_letters);
    assert_status(send_to(*ref_p, "late"), TROUPE_NOT_FOUND);
    dead_letters_are(n_dead + 1);
    troupe_ref_t *known = refer(name);
    assert_ptr_not_equal(known, *ref_p);
    troupe_ref_release(&known);
    troupe_ref_release(ref_p);
}

static void is_the_same(troupe_ref_t **ref_p, const char *name)
{
    assert_false(troupe_ref_is_over(*ref_p));
    troupe_ref_t *known = refer(name);
    assert_ptr_equal(known, *ref_p);
    troupe_ref_release(&known);
    troupe_ref_release(ref_p);
}

/* ---- commands ---- */

static tr_mailbox_t *mailbox_of(const char *supervisor)
{
    tr_mailbox_t *mailbox =
        tr_directory_find(scene.runtime->directory, TR_NAMES_ACTOR, tr_span_of(supervisor));
    assert_non_null(mailbox);
    return mailbox;
}

static void command(const char *supervisor, tr_verb_t verb, const char *child)
{
    tr_command_t *command = tr_command_new(verb, child, scene.mailbox, ++scene.last_token);
    assert_non_null(command);
    command->spec = verb == TR_VERB_ADD ? &scene.added : NULL;
    tr_mailbox_t *to = mailbox_of(supervisor);
    assert_status(tr_command_send(&command, to), TROUPE_OK);
    tr_mailbox_release(&to);
}

/* The state of the child is copied. */
static void answers(tr_answer_code_t code, char *state_out, size_t size)
{
    tr_letter_t *letter = next_letter(&tr_answer_type);
    const tr_answer_t *answer = tr_answer_in(letter);
    assert_string_equal(tr_answer_name(answer->code), tr_answer_name(code));
    if (state_out) {
        snprintf(state_out, size, "%s", answer->state);
    }
    tr_letter_destroy(&letter);
}

static void does(const char *supervisor, tr_verb_t verb, const char *child)
{
    command(supervisor, verb, child);
    answers(TR_ANSWER_DONE, NULL, 0);
}

static void comes_to_be(const char *supervisor, const char *child, const char *wanted)
{
    char state[40] = "";
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    while (strcmp(state, wanted) != 0) {
        assert_true(tr_clock_now_ms() < deadline_ms);
        command(supervisor, TR_VERB_FIND, child);
        answers(TR_ANSWER_DONE, state, sizeof state);
    }
}

/* From the first time it is restarted at once, from the second an hour later. */
static void fails_twice(const char *supervisor, const char *child)
{
    troupe_ref_t *ref = refer(child);
    sends(ref, "fail");
    sends(ref, "fail");
    assert_true(gate_await(&taken, 2));
    comes_to_be(supervisor, child, "restarting");
    troupe_ref_release(&ref);
    dead_letters_are(2);
}

static void be_restarted_in_an_hour(tr_child_spec_t *spec)
{
    spec->backoff_min_ms = spec->backoff_max_ms = HOUR_MS;
}

static void a_waits_to_be_restarted(void)
{
    be_restarted_in_an_hour(&scene.a);
    start();
    fails_twice("top", "a");
}

/* ---- it is restarted ---- */

static void what_waits_is_taken_by_the_next_life(void **state)
{
    (void)state;
    a_waits_to_be_restarted();
    troupe_ref_t *a = refer("a");
    sends(a, "1");
    sends(a, "2");
    does("top", TR_VERB_REPLACE, "a");
    has_taken(4, "fail fail 1 2");
    dead_letters_are(2);
    is_the_same(&a, "a");
}

static void who_asked_by_what_it_had_is_told(void **state)
{
    (void)state;
    start();
    troupe_ref_t *a = refer("a");
    asks(a, "fail");
    is_answered_as_lost();
    sends(a, "1");
    has_taken(2, "fail 1");
    dead_letters_are(1);
    is_the_same(&a, "a");
}

static void one_that_may_not_take_its_time_keeps_its_reference(void **state)
{
    (void)state;
    scene.a.shutdown_ms = 0;
    start();
    troupe_ref_t *a = refer("a");
    for (size_t i = 1; i <= 20; i++) {
        does("top", TR_VERB_REPLACE, "a");
        sends(a, "1");
        assert_true(gate_await(&taken, i));
    }
    is_the_same(&a, "a");
}

static void it_waits_for_an_actor_below_a_supervisor_that_is_restarted(void **state)
{
    (void)state;
    scene.mid.max_restarts = 0;
    start();
    troupe_ref_t *b = refer("b");
    sends(b, "fail");
    sends(b, "1");
    does("top", TR_VERB_REPLACE, "mid");
    sends(b, "2");
    has_taken(3, "fail 1 2");
    dead_letters_are(1);
    is_the_same(&b, "b");
}

static void its_mailbox_has_bounds_also_between_lives(void **state)
{
    (void)state;
    a_waits_to_be_restarted();
    troupe_ref_t *a = refer("a");
    for (int i = 0; i < LIMIT; i++) {
        sends(a, "x");
    }
    assert_status(send_to(a, "x"), TROUPE_FULL);
    dead_letters_are(3);
    does("top", TR_VERB_REPLACE, "a");
    assert_true(gate_await(&taken, 2 + LIMIT));
    is_the_same(&a, "a");
}

/* ---- it hangs ---- */

/* Not so soon that one that only waits for a processor would be taken for hung. */
#define SOON_MS 1000

static void let_hang_be_seen_soon(tr_child_spec_t *spec)
{
    spec->health.interval_ms = SOON_MS / 10;
    spec->health.misses = 1000;
    spec->health.stall_ms = SOON_MS;
}

static void one_that_hangs_with_a_message_loses_it_alone(void **state)
{
    (void)state;
    let_hang_be_seen_soon(&scene.a);
    start();
    troupe_ref_t *a = refer("a");
    asks(a, "hang");
    assert_true(gate_await(&gate, 1));
    sends(a, "1");
    sends(a, "2");
    is_answered_as_lost();
    has_taken(3, "hang 1 2");
    dead_letters_are(1);
    gate_open(&gate);
    assert_true(gate_await(&ended, 1)); /* the one that hung */
    sends(a, "3");
    has_taken(4, "hang 1 2 3");
    dead_letters_are(1);
    is_the_same(&a, "a");
}

static void one_that_hangs_when_it_begins_loses_nothing(void **state)
{
    (void)state;
    scene.a.health.start_stall_ms = SOON_MS;
    a_waits_to_be_restarted();
    troupe_ref_t *a = refer("a");
    sends(a, "1");
    pthread_mutex_lock(&notes.mutex);
    notes.init_does = "hang";
    pthread_mutex_unlock(&notes.mutex);
    command("top", TR_VERB_REPLACE, "a");
    assert_true(gate_await(&gate, 1));
    answers(TR_ANSWER_FAILED, NULL, 0);
    sends(a, "2");
    does("top", TR_VERB_REPLACE, "a");
    has_taken(4, "fail fail 1 2");
    gate_open(&gate);
    assert_true(gate_await(&ended, 3)); /* those that failed, and that which hung */
    sends(a, "3");
    has_taken(5, "fail fail 1 2 3");
    dead_letters_are(2);
    is_the_same(&a, "a");
}

static void one_that_hangs_at_its_end_loses_nothing(void **state)
{
    (void)state;
    scene.a.shutdown_ms = SOON_MS;
    start();
    troupe_ref_t *a = refer("a");
    notes.terminate_does = "hang";
    command("top", TR_VERB_REPLACE, "a");
    assert_true(gate_await(&gate, 1));
    sends(a, "1");
    answers(TR_ANSWER_DONE, NULL, 0);
    has_taken(1, "1");
    gate_open(&gate);
    sends(a, "2");
    has_taken(2, "1 2");
    dead_letters_are(0);
    is_the_same(&a, "a");
}

static void one_that_hangs_and_is_terminated_leaves_nothing_lying(void **state)
{
    (void)state;
    scene.a.shutdown_ms = SOON_MS;
    start();
    troupe_ref_t *a = refer("a");
    sends(a, "hang");
    assert_true(gate_await(&gate, 1));
    asks(a, "1");
    command("top", TR_VERB_TERMINATE, "a");
    is_answered_as_lost();
    answers(TR_ANSWER_DONE, NULL, 0);
    dead_letters_are(2);
    is_over(&a, "a");
}

/* A thread of the crew is given up with it. */
static void what_waits_for_one_that_hangs_inline_is_taken_by_its_next_life(void **state)
{
    (void)state;
    let_hang_be_seen_soon(&scene.a);
    scene.a.start = tr_inline_worker_start;
    start();
    troupe_ref_t *a = refer("a");
    sends(a, "hang");
    assert_true(gate_await(&gate, 1));
    sends(a, "1");
    has_taken(2, "hang 1");
    dead_letters_are(1);
    gate_open(&gate);
    assert_true(gate_await(&ended, 1));
    sends(a, "2");
    has_taken(3, "hang 1 2");
    is_the_same(&a, "a");
}

static void one_that_was_carried_wakes_in_its_next_life(void **state)
{
    (void)state;
    static const int n_rounds = 20;
    scene.a.start = tr_inline_worker_start;
    start();
    troupe_ref_t *a = refer("a");
    tr_supervisor_spec_t changed = scene.top;
    tr_child_spec_t children[2] = {scene.upper[0], scene.upper[1]};
    children[0].start = tr_worker_start;
    changed.children = children;
    tr_command_t *change = tr_command_new(TR_VERB_CHANGE, NULL, scene.mailbox, 1);
    change->change = &changed;
    tr_mailbox_t *to = mailbox_of("top");
    assert_status(tr_command_send(&change, to), TROUPE_OK);
    tr_mailbox_release(&to);
    answers(TR_ANSWER_DONE, NULL, 0);
    does("top", TR_VERB_REPLACE, "a");
    bool was_host = tr_mailbox_set_host(true);
    for (size_t i = 1; i <= (size_t)n_rounds; i++) {
        sends(a, "x");
        assert_true(gate_await(&taken, i));
    }
    tr_mailbox_set_host(was_host);
    is_the_same(&a, "a");
    stop();
}

/* ---- it ends for good ---- */

static void what_waits_for_one_that_is_terminated_is_dead(void **state)
{
    (void)state;
    a_waits_to_be_restarted();
    troupe_ref_t *a = refer("a");
    sends(a, "1");
    asks(a, "2");
    does("top", TR_VERB_TERMINATE, "a");
    dead_letters_are(4); /* by the time that it is done */
    is_answered_as_lost();
    is_over(&a, "a");
    does("top", TR_VERB_RESTART, "a");
    a = refer("a");
    sends(a, "3");
    has_taken(3, "fail fail 3");
    is_the_same(&a, "a");
}

static void one_that_ends_well_and_is_not_wanted_is_over(void **state)
{
    (void)state;
    scene.a.restart = TR_RESTART_TRANSIENT;
    start();
    troupe_ref_t *a = refer("a");
    notes.terminate_does = "hang";
    sends(a, "end");
    assert_true(gate_await(&gate, 1));
    sends(a, "1");
    gate_open(&gate);
    comes_to_be("top", "a", "stopped");
    dead_letters_are(1);
    is_over(&a, "a");
}

static void one_that_cannot_be_added_is_over(void **state)
{
    (void)state;
    start();
    notes.init_does = "hang and fail";
    command("top", TR_VERB_ADD, "added");
    assert_true(gate_await(&gate, 1));
    troupe_ref_t *added = refer("added");
    asks(added, "1");
    gate_open(&gate);
    is_answered_as_lost();
    answers(TR_ANSWER_FAILED, NULL, 0);
    dead_letters_are(1);
    is_over(&added, "added");
}

static void all_below_a_supervisor_that_is_terminated_are_over(void **state)
{
    (void)state;
    be_restarted_in_an_hour(&scene.b);
    start();
    fails_twice("mid", "b");
    troupe_ref_t *b = refer("b");
    sends(b, "1");
    does("top", TR_VERB_TERMINATE, "mid");
    dead_letters_are(3);
    is_over(&b, "b");
}

static void one_that_was_added_to_a_former_life_is_over(void **state)
{
    (void)state;
    be_restarted_in_an_hour(&scene.added);
    start();
    does("mid", TR_VERB_ADD, "added");
    troupe_ref_t *added = refer("added");
    troupe_ref_t *b = refer("b");
    fails_twice("mid", "added");
    asks(added, "1");
    command("top", TR_VERB_REPLACE, "mid");
    is_answered_as_lost();
    answers(TR_ANSWER_DONE, NULL, 0);
    dead_letters_are(3);
    is_over(&added, "added");
    is_the_same(&b, "b");
}

static void a_name_that_is_another_ones_is_left_to_it(void **state)
{
    (void)state;
    start();
    scene.added.name = "b";
    troupe_ref_t *b = refer("b");
    command("top", TR_VERB_ADD, "b");
    answers(TR_ANSWER_FAILED, NULL, 0);
    sends(b, "1");
    has_taken(1, "1");
    is_the_same(&b, "b");
}

/* What waits may even be from itself, and so hold its own mailbox. */
static void what_waits_when_nobody_comes_back_is_dead(void **state)
{
    (void)state;
    a_waits_to_be_restarted();
    troupe_ref_t *a = refer("a");
    troupe_message_t *message = troupe_message_from_text("to myself");
    tr_mail_t *mail = tr_mail_new(&message, a, NULL);
    assert_status(tr_runtime_post(scene.runtime, a, TR_LANE_USER, mail), TROUPE_OK);
    asks(a, "1");
    stop();
    assert_false(troupe_ref_is_over(a));
    tr_runtime_retire_all(scene.runtime);
    is_answered_as_lost();
    dead_letters_are(4);
    is_over(&a, "a");
}

static void what_is_left_goes_with_the_runtime(void **state)
{
    (void)state;
    a_waits_to_be_restarted();
    troupe_ref_t *a = refer("a");
    troupe_message_t *message = troupe_message_from_text("to myself");
    tr_mail_t *mail = tr_mail_new(&message, a, NULL);
    assert_status(tr_runtime_post(scene.runtime, a, TR_LANE_USER, mail), TROUPE_OK);
    troupe_ref_release(&a); /* a sanitizer sees what becomes of it */
}

int main(void)
{
    tr_log_set_level(TR_LOG_OFF);
    const struct CMUnitTest tests[] = {
#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        STORY(what_waits_is_taken_by_the_next_life),
        STORY(who_asked_by_what_it_had_is_told),
        STORY(one_that_may_not_take_its_time_keeps_its_reference),
        STORY(it_waits_for_an_actor_below_a_supervisor_that_is_restarted),
        STORY(its_mailbox_has_bounds_also_between_lives),
        STORY(one_that_hangs_with_a_message_loses_it_alone),
        STORY(one_that_hangs_when_it_begins_loses_nothing),
        STORY(one_that_hangs_at_its_end_loses_nothing),
        STORY(one_that_hangs_and_is_terminated_leaves_nothing_lying),
        STORY(what_waits_for_one_that_hangs_inline_is_taken_by_its_next_life),
        STORY(one_that_was_carried_wakes_in_its_next_life),
        STORY(what_waits_for_one_that_is_terminated_is_dead),
        STORY(one_that_ends_well_and_is_not_wanted_is_over),
        STORY(one_that_cannot_be_added_is_over),
        STORY(all_below_a_supervisor_that_is_terminated_are_over),
        STORY(one_that_was_added_to_a_former_life_is_over),
        STORY(a_name_that_is_another_ones_is_left_to_it),
        STORY(what_waits_when_nobody_comes_back_is_dead),
        STORY(what_is_left_goes_with_the_runtime),
    };
    return cmocka_run_group_tests_name("supervisors/references", tests, NULL, NULL) != 0;
}
