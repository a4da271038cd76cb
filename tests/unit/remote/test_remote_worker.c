/* The actor that stands for a worker elsewhere. The test is its supervisor, its router and its
 * gateway, and so the worker, too: each job that it is given is answered exactly once or handed
 * back, whatever the worker does, and the worker hears how it ends.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "actors/worker/worker.h"
#include "actors/worker/worker_state.h"
#include "base/clock.h"
#include "mailbox/job.h"
#include "mailbox/reply.h"
#include "remote/workers/line.h"
#include "remote/workers/remote_worker.h"

#define PATIENCE_MS 10000
#define LINE        5

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *router;
    tr_mailbox_t *gateway;
    tr_mailbox_t *caller; /* closed: the router's answers are looked at, not the caller's */
    tr_line_offer_t offer;
    tr_keepsake_t *keepsake;
    tr_actor_t *worker;
    uint64_t incarnation;
} scene_t;

static tr_mailbox_t *mailbox_called(const char *name)
{
    tr_mailbox_t *mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){100000, 1 << 30});
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
    scene->gateway = mailbox_called("gateway");
    scene->caller = mailbox_called("caller");
    tr_mailbox_close(scene->caller);
    scene->offer = (tr_line_offer_t){.line = LINE,
                                     .gateway = scene->gateway,
                                     .peer = 77,
                                     .concurrency = 4,
                                     .memory_bytes = 1234,
                                     .hears_pings = true,
                                     .dialect = "trp1",
                                     .who = "alice"};
    *state = scene;
    return 0;
}

static void close_and_release(tr_mailbox_t **mailbox_p)
{
    tr_letter_t *letter;
    tr_mailbox_close(*mailbox_p);
    while ((letter = tr_mailbox_next(*mailbox_p, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(mailbox_p);
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    if (scene->worker) { /* the test has failed */
        tr_control_t *kill = tr_control_new(TR_WORD_KILL, 0);
        tr_control_send(kill, scene->worker->mailbox);
        if (tr_actor_reap(&scene->worker, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    tr_keepsake_release(&scene->keepsake);
    close_and_release(&scene->parent);
    close_and_release(&scene->router);
    close_and_release(&scene->gateway);
    close_and_release(&scene->caller);
    tr_runtime_release(&scene->runtime);
    free(scene);
    return 0;
}

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

/* ---- the supervisor ---- */

static tr_control_t parent_hears(scene_t *scene, tr_word_t want)
{
    tr_letter_t *letter = wait_for_next(scene->parent);
    assert_non_null(tr_control_in(letter));
    tr_control_t word = *tr_control_in(letter);
    tr_letter_destroy(&letter);
    assert_string_equal(tr_word_name(word.word), tr_word_name(want));
    assert_int_equal(word.incarnation, scene->incarnation);
    return word;
}

static void say(scene_t *scene, tr_word_t word, uint64_t number)
{
    tr_control_t *control = tr_control_new(word, scene->incarnation);
    assert_non_null(control);
    control->number = number;
    control->reason = tr_reason_format(TROUPE_REASON_HUNG, "it hangs");
    tr_control_send(control, scene->worker->mailbox);
}

static void ask_to_stop(scene_t *scene)
{
    tr_actor_ask_to_stop(scene->worker, tr_reason_of(TROUPE_REASON_SHUTDOWN));
}

static void ends(scene_t *scene, troupe_reason_kind_t kind, const char *text)
{
    tr_control_t ended = parent_hears(scene, TR_WORD_ENDED);
    assert_string_equal(tr_reason_name(ended.reason.kind), tr_reason_name(kind));
    assert_string_equal(ended.reason.text, text);
    assert_status(tr_actor_reap(&scene->worker, PATIENCE_MS), TROUPE_OK);
    assert_null(tr_mailbox_next(scene->router, NULL));
}

static bool has_state(const scene_t *scene, tr_worker_state_t state)
{
    return atomic_load(&scene->worker->pulse->state) == (int)state;
}

/* ---- the gateway, and so the worker ---- */

/* The worker is told this; the letter is the caller's. */
static tr_line_letter_t *is_told(scene_t *scene, tr_trp1_command_t want, uint64_t id)
{
    tr_letter_t *letter = wait_for_next(scene->gateway);
    tr_line_letter_t *word = tr_line_letter_in(letter);
    assert_non_null(word);
    assert_int_equal(word->line, LINE);
    assert_string_equal(tr_trp1_command_name(word->command.command),
                        tr_trp1_command_name(want));
    assert_int_equal(word->command.id, id);
    return word;
}

static void forget(tr_line_letter_t *word)
{
    tr_letter_t *letter = &word->letter;
    tr_letter_destroy(&letter);
}

static void hears(scene_t *scene, tr_trp1_command_t want, uint64_t id)
{
    forget(is_told(scene, want, id));
}

static void says(scene_t *scene, const tr_trp1_t *command, const char *payload)
{
    troupe_message_t *message = payload ? troupe_message_from_text(payload) : NULL;
    tr_line_letter_t *word = tr_line_letter_new(LINE, command, &message);
    assert_non_null(word);
    tr_letter_t *letter = &word->letter;
    assert_status(tr_mailbox_post(scene->worker->mailbox, TR_LANE_USER, &letter), TROUPE_OK);
}

static void says_word(scene_t *scene, tr_trp1_command_t word, uint64_t id, const char *payload)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    says(scene, &command, payload);
}

static void says_error(scene_t *scene, uint64_t id, const char *code, const char *state)
{
    tr_trp1_t error;
    tr_trp1_init(&error, TR_TRP1_ERROR, id);
    error.code = tr_span_of(code);
    error.text = tr_span_of("no such luck");
    error.state = tr_span_of(state);
    says(scene, &error, NULL);
}

static void says_bye(scene_t *scene, const char *text, const char *state)
{
    tr_trp1_t bye;
    tr_trp1_init(&bye, TR_TRP1_BYE, 0);
    bye.text = tr_span_of(text);
    bye.state = tr_span_of(state);
    says(scene, &bye, NULL);
}

/* All that was said so far has been taken. */
static void has_heard_all(scene_t *scene)
{
    says_word(scene, TR_TRP1_PONG, 1000, NULL);
    assert_int_equal(parent_hears(scene, TR_WORD_PONG).number, 1000);
}

static void start(scene_t *scene)
{
    const tr_line_offer_t *offer = NULL;
    scene->keepsake = tr_line_offer_new(&scene->offer, &offer);
    assert_non_null(scene->keepsake);
    assert_status(tr_remote_worker_start(&(tr_birth_t){.what = offer,
                                                       .name = "upper/1",
                                                       .runtime = scene->runtime,
                                                       .parent = scene->parent,
                                                       .keepsake = scene->keepsake},
                                         &scene->worker),
                  TROUPE_OK);
    scene->incarnation = scene->worker->incarnation;
    assert_true(scene->worker->can_be_killed);
    tr_line_letter_t *hello = is_told(scene, TR_TRP1_HELLO, 0);
    assert_ptr_equal(hello->mailbox, scene->worker->mailbox);
    forget(hello);
    parent_hears(scene, TR_WORD_STARTED);
    assert_true(has_state(scene, TR_WORKER_READY));
    assert_int_equal(atomic_load(&scene->worker->pulse->memory_bytes), 1234);
}

/* ---- the router ---- */

static tr_job_t *job(scene_t *scene, uint64_t number, uint64_t credit)
{
    troupe_message_t *message = troupe_message_from_text("payload");
    tr_header_t header = {
        .capability = tr_span_of("upper"), .method = tr_span_of("any"), .credit = credit};
    tr_envelope_t *envelope = tr_envelope_new(number, scene->caller, &header, &message);
    assert_non_null(envelope);
    envelope->deadline_ms = tr_clock_now_ms() + 60000;
    tr_job_t *job = tr_job_new(envelope, scene->router, number);
    assert_non_null(job);
    atomic_store(&job->deadline_ms, envelope->deadline_ms);
    tr_envelope_release(&envelope);
    return job;
}

static void post(scene_t *scene, tr_letter_t *letter)
{
    assert_status(tr_mailbox_post(scene->worker->mailbox, TR_LANE_USER, &letter), TROUPE_OK);
}

/* It is given to the worker. Returns a share. */
static tr_job_t *give(scene_t *scene, uint64_t number, uint64_t credit)
{
    tr_job_t *one = job(scene, number, credit);
    post(scene, &tr_job_share(one)->letter);
    tr_line_letter_t *word = is_told(scene, TR_TRP1_REQUEST, number);
    assert_true(tr_span_equals(word->command.capability, "upper"));
    assert_true(tr_span_equals(word->command.method, "any"));
    assert_in_range(word->command.timeout_ms, 1, 60000);
    assert_int_equal(word->command.credit, credit);
    assert_int_equal(troupe_message_size(word->message, 0), strlen("payload"));
    forget(word);
    return one;
}

static void let_go(tr_job_t *one)
{
    tr_job_release(&one);
}

static troupe_reply_t *reply_of(tr_letter_t *letter, uint64_t number, bool is_final)
{
    assert_ptr_equal(letter->type, &tr_reply_type);
    troupe_reply_t *reply = (troupe_reply_t *)letter;
    assert_non_null(reply->job);
    assert_int_equal(reply->job->number, number);
    assert_int_equal(reply->is_final, is_final);
    return reply;
}

static void router_hears(scene_t *scene, uint64_t number, bool is_final, const char *text)
{
    tr_letter_t *letter = wait_for_next(scene->router);
    const troupe_reply_t *reply = reply_of(letter, number, is_final);
    assert_outcome(reply->outcome, TROUPE_OUTCOME_OK);
    assert_int_equal(troupe_message_size(reply->message, 0), strlen(text));
    assert_memory_equal(troupe_message_data(reply->message, 0), text, strlen(text));
    tr_letter_destroy(&letter);
}

static void router_hears_error(scene_t *scene, uint64_t number, troupe_outcome_t outcome)
{
    tr_letter_t *letter = wait_for_next(scene->router);
    assert_outcome(reply_of(letter, number, true)->outcome, outcome);
    tr_letter_destroy(&letter);
}

static void is_handed_back(scene_t *scene, uint64_t number)
{
    tr_letter_t *letter = wait_for_next(scene->router);
    assert_true(reply_of(letter, number, true)->was_not_started);
    tr_letter_destroy(&letter);
}

static void stops_well(scene_t *scene)
{
    ask_to_stop(scene);
    hears(scene, TR_TRP1_STOP, 0);
    ends(scene, TROUPE_REASON_SHUTDOWN, "");
}

/* ---- stories ---- */

static void a_job_is_given_and_answered(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 1, 8));
    says_word(scene, TR_TRP1_PART, 1, "half");
    router_hears(scene, 1, false, "half");
    assert_true(has_state(scene, TR_WORKER_PROCESSING));
    says_word(scene, TR_TRP1_REPLY, 1, "all");
    router_hears(scene, 1, true, "all");
    assert_int_equal(atomic_load(&scene->worker->pulse->n_done), 1);
    stops_well(scene);
}

static void several_are_with_it_at_once(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 1, 8));
    let_go(give(scene, 2, 8));
    tr_batch_t *batch = tr_batch_new(2);
    assert_non_null(batch);
    tr_batch_add(batch, job(scene, 3, 8));
    tr_batch_add(batch, job(scene, 4, 8));
    post(scene, &batch->letter);
    hears(scene, TR_TRP1_REQUEST, 3);
    hears(scene, TR_TRP1_REQUEST, 4);
    says_word(scene, TR_TRP1_REPLY, 3, "c");
    router_hears(scene, 3, true, "c");
    says_error(scene, 1, "bad_request", "");
    router_hears_error(scene, 1, TROUPE_OUTCOME_BAD_REQUEST);
    says_error(scene, 2, "what", "");
    router_hears_error(scene, 2, TROUPE_OUTCOME_WORKER_ERROR);
    says_error(scene, 4, "worker_error", "queued"); /* it has not begun it */
    has_heard_all(scene);
    ask_to_stop(scene);
    hears(scene, TR_TRP1_STOP, 0);
    is_handed_back(scene, 4);
    ends(scene, TROUPE_REASON_SHUTDOWN, "");
}

static void what_is_cancelled_is_told(void **state)
{
    scene_t *scene = *state;
    start(scene);
    tr_job_t *one = give(scene, 1, 8);
    tr_job_flag_cancelled(one, tr_clock_now_ms());
    say(scene, TR_WORD_CANCEL, 1);
    hears(scene, TR_TRP1_CANCEL, 1);
    say(scene, TR_WORD_CANCEL, 9); /* it has no such */
    says_word(scene, TR_TRP1_PART, 1, "for nobody");
    says_error(scene, 1, "cancelled", "");
    router_hears_error(scene, 1, TROUPE_OUTCOME_CANCELLED);
    let_go(one);
    tr_job_t *other = job(scene, 2, 8);
    tr_job_flag_cancelled(other, tr_clock_now_ms());
    post(scene, &other->letter);
    router_hears_error(scene, 2, TROUPE_OUTCOME_CANCELLED);
    stops_well(scene);
}

static void what_has_no_room_waits_in_its_order(void **state)
{
    scene_t *scene = *state;
    start(scene);
    tr_job_t *one = give(scene, 1, 1);
    let_go(give(scene, 2, 8));
    says_word(scene, TR_TRP1_PART, 1, "a");
    says_word(scene, TR_TRP1_PART, 1, "b");
    says_word(scene, TR_TRP1_PART, 2, "x");
    says_word(scene, TR_TRP1_REPLY, 1, "c");
    router_hears(scene, 1, false, "a");
    say(scene, TR_WORD_PING, 3); /* pongs do not wait */
    hears(scene, TR_TRP1_PING, 3);
    says_word(scene, TR_TRP1_PONG, 3, NULL);
    parent_hears(scene, TR_WORD_PONG);
    assert_null(tr_mailbox_next(scene->router, NULL));
    tr_flow_grant(&one->envelope->flow, 3, 1);
    router_hears(scene, 1, false, "b");
    router_hears(scene, 2, false, "x");
    router_hears(scene, 1, true, "c");
    let_go(one);
    says_word(scene, TR_TRP1_REPLY, 2, "y");
    router_hears(scene, 2, true, "y");
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene->gateway, NULL)) != NULL) {
        assert_int_equal(tr_line_letter_in(letter)->command.command, TR_TRP1_CREDIT);
        tr_letter_destroy(&letter);
    }
    stops_well(scene);
}

static void credit_is_passed_on(void **state)
{
    scene_t *scene = *state;
    start(scene);
    tr_job_t *one = give(scene, 1, 1);
    says_word(scene, TR_TRP1_PART, 1, "a");
    router_hears(scene, 1, false, "a");
    tr_flow_grant(&one->envelope->flow, 2, 1);
    say(scene, TR_WORD_ROOM, 1);
    tr_line_letter_t *credit = is_told(scene, TR_TRP1_CREDIT, 1);
    assert_int_equal(credit->command.credit, 2);
    forget(credit);
    let_go(one);
    says_word(scene, TR_TRP1_REPLY, 1, "b");
    router_hears(scene, 1, true, "b");
    stops_well(scene);
}

static void far_too_much_is_the_end_of_it(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 1, 1));
    char *text = malloc(1 << 20);
    assert_non_null(text);
    memset(text, 'x', 1 << 20);
    text[(1 << 20) - 1] = '\0';
    for (int i = 0; i < 70; i++) {
        tr_trp1_t part;
        tr_trp1_init(&part, TR_TRP1_PART, 1);
        troupe_message_t *message = troupe_message_from_text(text);
        tr_line_letter_t *word = tr_line_letter_new(LINE, &part, &message);
        tr_letter_t *letter = word ? &word->letter : NULL;
        assert_non_null(letter);
        if (tr_mailbox_post(scene->worker->mailbox, TR_LANE_USER, &letter) != TROUPE_OK) {
            tr_letter_destroy(&letter); /* it has ended already */
        }
    }
    free(text);
    tr_letter_t *letter = wait_for_next(scene->router);
    tr_letter_destroy(&letter); /* the first part */
    hears(scene, TR_TRP1_BYE, 0);
    ends(scene, TROUPE_REASON_FAILED,
         "it sends far more than it has credit for, and than is read");
}

static void pings_go_over_the_line(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 8, 1));
    say(scene, TR_WORD_PING, 41);
    hears(scene, TR_TRP1_PING, 41);
    assert_null(tr_mailbox_next(scene->parent, NULL));
    tr_trp1_t pong;
    tr_trp1_init(&pong, TR_TRP1_PONG, 41);
    pong.running = 8;
    pong.running_for = 500;
    pong.progress_age = 100;
    pong.memory = 4321;
    says(scene, &pong, NULL);
    assert_int_equal(parent_hears(scene, TR_WORD_PONG).number, 41);
    int64_t now_ms = tr_clock_now_ms();
    const tr_pulse_t *pulse = scene->worker->pulse;
    assert_true(now_ms - atomic_load(&pulse->running_since_ms) >= 500);
    assert_true(now_ms - atomic_load(&pulse->progress_ms) >= 100);
    assert_int_equal(atomic_load(&pulse->memory_bytes), 4321);
    says_word(scene, TR_TRP1_REPLY, 8, "done");
    router_hears(scene, 8, true, "done");
    stops_well(scene);
}

static void one_that_cannot_be_asked_is_well(void **state)
{
    scene_t *scene = *state;
    scene->offer.hears_pings = false;
    start(scene);
    say(scene, TR_WORD_PING, 7);
    assert_int_equal(parent_hears(scene, TR_WORD_PONG).number, 7);
    stops_well(scene);
}

static void answers_to_nothing_are_ignored(void **state)
{
    scene_t *scene = *state;
    start(scene);
    says_word(scene, TR_TRP1_REPLY, 99, "what");
    says_word(scene, TR_TRP1_PART, 99, "what");
    says_error(scene, 99, "worker_error", "");
    says_error(scene, 99, "worker_error", "queued");
    let_go(give(scene, 1, 8));
    says_word(scene, TR_TRP1_REPLY, 1, "right");
    says_word(scene, TR_TRP1_REPLY, 1, "twice");
    router_hears(scene, 1, true, "right");
    stops_well(scene);
}

static void stopping_waits_for_what_it_has(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 1, 8));
    ask_to_stop(scene);
    hears(scene, TR_TRP1_DRAIN, 0);
    assert_true(has_state(scene, TR_WORKER_DRAINING));
    says_word(scene, TR_TRP1_REPLY, 1, "the last");
    router_hears(scene, 1, true, "the last");
    hears(scene, TR_TRP1_STOP, 0);
    ends(scene, TROUPE_REASON_SHUTDOWN, "");
}

static void one_that_wants_no_more_gets_no_more(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 1, 8));
    says_word(scene, TR_TRP1_DRAIN, 0, NULL);
    parent_hears(scene, TR_WORD_RETIRE);
    post(scene, &job(scene, 2, 8)->letter);
    is_handed_back(scene, 2);
    says_word(scene, TR_TRP1_REPLY, 1, "the last");
    router_hears(scene, 1, true, "the last");
    parent_hears(scene, TR_WORD_RETIRE); /* nothing is left to do */
    stops_well(scene);
}

static void killing_it_is_told_to_the_worker(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 1, 8));
    say(scene, TR_WORD_KILL, 500);
    hears(scene, TR_TRP1_BYE, 0);
    ends(scene, TROUPE_REASON_HUNG, "it hangs");
}

static void a_lost_connection_is_the_end(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 1, 8));
    says_word(scene, TR_TRP1_REPLY, 1, "before it");
    let_go(give(scene, 2, 8));
    says_bye(scene, "disconnected", "");
    router_hears(scene, 1, true, "before it");
    hears(scene, TR_TRP1_BYE, 0); /* so that the gateway knows how it ended */
    ends(scene, TROUPE_REASON_LOST, "disconnected");
}

static void leaving_is_no_failure_with_nothing_to_do(void **state)
{
    scene_t *scene = *state;
    start(scene);
    says_bye(scene, "", "normal");
    ends(scene, TROUPE_REASON_NORMAL, "");
    assert_null(tr_mailbox_next(scene->gateway, NULL));
}

static void leaving_with_work_is(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 1, 8));
    says_bye(scene, "", "normal");
    hears(scene, TR_TRP1_BYE, 0);
    ends(scene, TROUPE_REASON_LOST, "it left with 1 requests");
}

static void what_it_said_before_it_left_is_passed_on(void **state)
{
    scene_t *scene = *state;
    start(scene);
    tr_job_t *one = give(scene, 1, 1);
    says_word(scene, TR_TRP1_PART, 1, "a");
    says_word(scene, TR_TRP1_PART, 1, "b");
    says_word(scene, TR_TRP1_REPLY, 1, "c");
    says_bye(scene, "", "normal");
    router_hears(scene, 1, false, "a");
    parent_hears(scene, TR_WORD_RETIRE);
    say(scene, TR_WORD_PING, 3); /* nobody is there who could be asked */
    parent_hears(scene, TR_WORD_PONG);
    tr_flow_grant(&one->envelope->flow, 3, 1);
    router_hears(scene, 1, false, "b");
    router_hears(scene, 1, true, "c");
    let_go(one);
    ends(scene, TROUPE_REASON_NORMAL, "");
}

static void one_that_breaks_ends_for_its_reason(void **state)
{
    scene_t *scene = *state;
    start(scene);
    let_go(give(scene, 1, 8));
    let_go(give(scene, 2, 8));
    says_error(scene, 1, "worker_lost", "");
    router_hears_error(scene, 1, TROUPE_OUTCOME_WORKER_LOST);
    says_error(scene, 0, "worker_error", "");
    post(scene, &job(scene, 3, 8)->letter); /* it gets nothing new */
    says_bye(scene, "", "normal");
    hears(scene, TR_TRP1_BYE, 0);
    is_handed_back(scene, 3);
    ends(scene, TROUPE_REASON_FAILED, "it said that it is breaking");
}

static void without_its_gateway_it_ends(void **state)
{
    scene_t *scene = *state;
    start(scene);
    tr_mailbox_close(scene->gateway);
    post(scene, &job(scene, 1, 8)->letter);
    is_handed_back(scene, 1);
    ends(scene, TROUPE_REASON_LOST, "its gateway has ended");
}

static void it_does_not_start_without_its_gateway(void **state)
{
    scene_t *scene = *state;
    const tr_line_offer_t *offer = NULL;
    scene->keepsake = tr_line_offer_new(&scene->offer, &offer);
    assert_non_null(scene->keepsake);
    tr_mailbox_close(scene->gateway);
    assert_status(tr_remote_worker_start(&(tr_birth_t){.what = offer,
                                                       .name = "upper/1",
                                                       .runtime = scene->runtime,
                                                       .parent = scene->parent,
                                                       .keepsake = scene->keepsake},
                                         &scene->worker),
                  TROUPE_OK);
    scene->incarnation = scene->worker->incarnation;
    ends(scene, TROUPE_REASON_FAILED, "its gateway has ended");
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_job_is_given_and_answered),
        STORY(several_are_with_it_at_once),
        STORY(what_is_cancelled_is_told),
        STORY(what_has_no_room_waits_in_its_order),
        STORY(credit_is_passed_on),
        STORY(far_too_much_is_the_end_of_it),
        STORY(pings_go_over_the_line),
        STORY(one_that_cannot_be_asked_is_well),
        STORY(answers_to_nothing_are_ignored),
        STORY(stopping_waits_for_what_it_has),
        STORY(one_that_wants_no_more_gets_no_more),
        STORY(killing_it_is_told_to_the_worker),
        STORY(a_lost_connection_is_the_end),
        STORY(leaving_is_no_failure_with_nothing_to_do),
        STORY(leaving_with_work_is),
        STORY(what_it_said_before_it_left_is_passed_on),
        STORY(one_that_breaks_ends_for_its_reason),
        STORY(without_its_gateway_it_ends),
        STORY(it_does_not_start_without_its_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
