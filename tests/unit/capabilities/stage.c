/* The clock stands still, but the router's poll does not: so it is nudged after each move. */

#include "tests/unit/capabilities/stage.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 10000
#define NOW_MS      1000000
#define A_TURN      256 /* letters that an actor reads between two turns at most */

static tr_mailbox_t *mailbox_called(const char *name)
{
    tr_mailbox_t *mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){1000, 1 << 28});
    assert_non_null(mailbox);
    return mailbox;
}

/* The next letter, waiting on the bell: the clock is no help here. */
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

/* ---- the stage ---- */

int stage_begin(void **state)
{
    stage_t *self = calloc(1, sizeof *self);
    if (!self) {
        return -1;
    }
    self->row = *state;
    *state = self;
    tr_clock_hold(NOW_MS);
    self->spec = (tr_router_spec_t){
        .capability = "cap",
        .pool = "pool",
        .max_workers = STAGE_N_WORKERS,
        .concurrency = 1,
        .queue_limit = 20,
        .timeout_ms = 10000,
        .keep_alive_ms = TR_NEVER,
        .poison = 3,
        .breaker_probes = 1,
        .batch_max = 1,
        .reader_stall_ms = 2000,
    };
    self->runtime = tr_runtime_new("test");
    self->parent = mailbox_called("parent");
    self->pool = mailbox_called("pool");
    self->reports = mailbox_called("asker");
    return self->runtime && tr_directory_register(self->runtime->directory, TR_NAMES_ACTOR,
                                                  "pool", self->pool) == TROUPE_OK
               ? 0
               : -1;
}

static void close_and_release(tr_mailbox_t **mailbox_p)
{
    if (*mailbox_p) {
        tr_mailbox_close(*mailbox_p);
        tr_mailbox_release(mailbox_p);
    }
}

static size_t take_finals(call_t *call)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(call->mailbox, NULL)) != NULL) {
        call->n_finals += troupe_reply_is_final((troupe_reply_t *)letter);
        tr_letter_destroy(&letter);
    }
    return call->n_finals;
}

/* What is wrong with a call when all is over; NULL: nothing. */
static const char *what_is_wrong_with(call_t *call)
{
    return take_finals(call) != 1                            ? "has not got one final"
           : atomic_load(&call->envelope->holders) != 1      ? "is still held by somebody"
           : call->envelope->lead || call->envelope->sharers ? "still shares a run"
                                                             : NULL;
}

int stage_end(void **state)
{
    stage_t *self = *state;
    int status = 0;
    if (self->router) {
        tr_actor_ask_to_stop(self->router, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        if (tr_actor_reap(&self->router, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    for (size_t i = 0; i < STAGE_N_WORKERS; i++) {
        close_and_release(&self->workers[i].mailbox);
        tr_pulse_release(&self->workers[i].pulse);
    }
    for (size_t i = 0; i < self->n_calls; i++) {
        call_t *call = &self->calls[i];
        const char *wrong = what_is_wrong_with(call);
        if (wrong) {
            fprintf(stderr, "request %zu %s\n", i + 1, wrong);
            status = -1;
        }
        tr_envelope_release(&call->envelope);
        close_and_release(&call->mailbox);
    }
    close_and_release(&self->parent);
    close_and_release(&self->pool);
    close_and_release(&self->reports);
    tr_runtime_release(&self->runtime);
    tr_clock_release();
    free(self);
    return status;
}

static void parent_hears(stage_t *self, tr_word_t want)
{
    tr_letter_t *letter = wait_for_next(self->parent);
    assert_non_null(tr_control_in(letter));
    assert_int_equal(tr_control_in(letter)->word, want);
    tr_letter_destroy(&letter);
}

void stage_open(stage_t *self, size_t n_workers)
{
    assert_status(tr_router_start(&(tr_birth_t){.what = &self->spec,
                                                .name = "router",
                                                .runtime = self->runtime,
                                                .parent = self->parent,
                                                .home = self->home},
                                  &self->router),
                  TROUPE_OK);
    parent_hears(self, TR_WORD_STARTED);
    for (size_t i = 0; i < n_workers; i++) {
        stage_up(self, i);
    }
}

void stage_reopen(stage_t *self)
{
    tr_actor_ask_to_stop(self->router, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    parent_hears(self, TR_WORD_ENDED);
    assert_status(tr_actor_reap(&self->router, PATIENCE_MS), TROUPE_OK);
    stage_open(self, 0);
}

/* A request that is too late when it arrives, behind all others. */
static void wait_for_user_lane(stage_t *self)
{
    tr_mailbox_t *mailbox = mailbox_called("latecomer");
    troupe_message_t *message = NULL;
    tr_envelope_t *late = tr_envelope_new(
        1, mailbox, &(tr_header_t){.capability = {"cap", 3}, .timeout_ms = 1}, &message);
    assert_non_null(late);
    late->sent_ms -= 1000;
    tr_letter_t *letter = &late->letter;
    assert_status(tr_mailbox_post_answer(self->router->mailbox, TR_LANE_USER, &letter),
                  TROUPE_OK);
    letter = wait_for_next(mailbox);
    tr_letter_destroy(&letter);
    close_and_release(&mailbox);
}

/* More pings than fit between two turns. */
static void wait_for_turn(stage_t *self)
{
    for (size_t i = 0; i <= A_TURN; i++) {
        tr_control_t *ping = tr_control_new(TR_WORD_PING, self->router->incarnation);
        assert_non_null(ping);
        ping->number = ++self->n_pings;
        tr_control_send(ping, self->router->mailbox);
    }
    uint64_t number = 0;
    while (number < self->n_pings) {
        tr_letter_t *letter = wait_for_next(self->parent);
        assert_non_null(tr_control_in(letter));
        assert_int_equal(tr_control_in(letter)->word, TR_WORD_PONG);
        number = tr_control_in(letter)->number;
        tr_letter_destroy(&letter);
    }
}

void stage_settle(stage_t *self)
{
    wait_for_user_lane(self);
    wait_for_turn(self);
}

void stage_advance(stage_t *self, int64_t delta_ms)
{
    stage_settle(self);
    tr_clock_advance(delta_ms);
    stage_settle(self);
}

tr_report_t *stage_survey(stage_t *self)
{
    stage_settle(self);
    tr_control_t *survey = tr_control_new(TR_WORD_SURVEY, 0);
    assert_non_null(survey);
    survey->mailbox = tr_mailbox_share(self->reports);
    tr_control_send(survey, self->router->mailbox);
    tr_letter_t *letter = wait_for_next(self->reports);
    assert_ptr_equal(letter->type, &tr_report_type);
    return (tr_report_t *)letter;
}

void stage_has(stage_t *self, uint64_t n_queued, uint64_t n_pending)
{
    tr_report_t *report = stage_survey(self);
    assert_int_equal(report->n_queued, n_queued);
    assert_int_equal(report->n_pending, n_pending);
    assert_int_equal(report->n_accepted, report->n_finished + n_queued + n_pending);
    tr_letter_t *letter = &report->letter;
    tr_letter_destroy(&letter);
}

/* ---- the pool ---- */

void stage_say(stage_t *self, tr_word_t word, const player_t *worker, tr_reason_t reason,
               uint64_t number)
{
    tr_control_t *control = tr_control_new(word, worker ? worker->incarnation : 0);
    assert_non_null(control);
    control->reason = reason;
    control->number = number;
    if (word == TR_WORD_UP) {
        control->mailbox = tr_mailbox_share(worker->mailbox);
        control->pulse = tr_pulse_share(worker->pulse);
        snprintf(control->name, sizeof control->name, "%s", worker->name);
    }
    tr_control_send(control, self->router->mailbox);
}

player_t *stage_up(stage_t *self, size_t index)
{
    assert_in_range(index, 0, STAGE_N_WORKERS - 1);
    player_t *worker = &self->workers[index];
    close_and_release(&worker->mailbox);
    tr_pulse_release(&worker->pulse);
    snprintf(worker->name, sizeof worker->name, "cap/%zu", index + 1);
    worker->incarnation = tr_runtime_next_incarnation(self->runtime);
    worker->mailbox = mailbox_called(worker->name);
    worker->pulse = tr_pulse_new();
    assert_non_null(worker->pulse);
    stage_say(self, TR_WORD_UP, worker, tr_reason_of(TROUPE_REASON_NORMAL), 0);
    return worker;
}

void stage_down(stage_t *self, const player_t *worker)
{
    stage_say(self, TR_WORD_DOWN, worker, tr_reason_of(TROUPE_REASON_CRASHED), 0);
}

void stage_ask_to_yield(stage_t *self, const player_t *worker, const char *cause,
                        bool may_finish)
{
    tr_control_t *yield = tr_control_new(TR_WORD_YIELD, worker->incarnation);
    assert_non_null(yield);
    yield->number = may_finish;
    yield->mailbox = tr_mailbox_share(self->reports);
    snprintf(yield->name, sizeof yield->name, "%s", cause);
    snprintf(yield->reason.text, sizeof yield->reason.text, "somebody else");
    tr_control_send(yield, self->router->mailbox);
}

void stage_refuses_to_yield(stage_t *self, const player_t *worker, const char *why)
{
    tr_letter_t *letter = wait_for_next(self->reports);
    const tr_control_t *word = tr_control_in(letter);
    assert_non_null(word);
    assert_string_equal(tr_word_name(word->word), "not_yielded");
    assert_int_equal(word->incarnation, worker->incarnation);
    assert_string_equal(word->reason.text, why);
    tr_letter_destroy(&letter);
}

void stage_says_nothing(stage_t *self)
{
    stage_settle(self);
    assert_null(tr_mailbox_next(self->reports, NULL));
}

tr_residents_t *stage_who_is_there(stage_t *self)
{
    stage_settle(self);
    tr_control_t *question = tr_control_new(TR_WORD_WHO_IS_THERE, 0);
    assert_non_null(question);
    question->number = 7;
    question->mailbox = tr_mailbox_share(self->reports);
    tr_control_send(question, self->router->mailbox);
    tr_letter_t *letter = wait_for_next(self->reports);
    assert_ptr_equal(letter->type, &tr_residents_type);
    assert_int_equal(((tr_residents_t *)letter)->token, 7);
    return (tr_residents_t *)letter;
}

tr_request_list_t *stage_list(stage_t *self, size_t most)
{
    stage_settle(self);
    tr_control_t *question = tr_control_new(TR_WORD_LIST, 0);
    assert_non_null(question);
    question->number = 7;
    question->depth = most;
    question->mailbox = tr_mailbox_share(self->reports);
    tr_control_send(question, self->router->mailbox);
    tr_letter_t *letter = wait_for_next(self->reports);
    assert_ptr_equal(letter->type, &tr_request_list_type);
    tr_request_list_t *list = (tr_request_list_t *)letter;
    assert_int_equal(list->token, 7);
    assert_string_equal(list->capability, "cap");
    return list;
}

tr_control_t stage_pool_hears(stage_t *self, tr_word_t want)
{
    tr_letter_t *letter = wait_for_next(self->pool);
    assert_non_null(tr_control_in(letter));
    tr_control_t word = *tr_control_in(letter); /* such words hold no shares */
    tr_letter_destroy(&letter);
    assert_string_equal(tr_word_name(word.word), tr_word_name(want));
    return word;
}

void stage_pool_hears_nothing(stage_t *self)
{
    stage_settle(self);
    assert_null(tr_mailbox_next(self->pool, NULL));
}

/* ---- callers ---- */

call_t *stage_prepare(stage_t *self, const tr_header_t *header)
{
    assert_in_range(self->n_calls, 0, STAGE_N_CALLS - 1);
    call_t *call = &self->calls[self->n_calls++];
    call->id = self->n_calls;
    char name[32];
    snprintf(name, sizeof name, "caller of %llu", (unsigned long long)call->id);
    call->mailbox = mailbox_called(name);
    troupe_message_t *message = NULL;
    call->envelope = tr_envelope_new(call->id, call->mailbox, header, &message);
    assert_non_null(call->envelope);
    return call;
}

call_t *stage_ask(stage_t *self, const tr_header_t *header)
{
    call_t *call = stage_prepare(self, header);
    tr_envelope_submit(call->envelope, self->router->mailbox, false);
    return call;
}

call_t *ask(stage_t *self)
{
    return stage_ask(self, &(tr_header_t){.capability = {"cap", 3}, .method = {"do", 2}});
}

void stage_cancel(stage_t *self, call_t *call)
{
    stage_settle(self); /* it does not overtake its own request */
    tr_envelope_cancel(call->envelope, self->router->mailbox);
}

void stage_grant(stage_t *self, call_t *call, uint64_t n_parts, uint64_t n_bytes)
{
    tr_envelope_grant(call->envelope, self->router->mailbox, n_parts, n_bytes);
}

troupe_reply_t *stage_hears(call_t *call)
{
    tr_letter_t *letter = wait_for_next(call->mailbox);
    assert_ptr_equal(letter->type, &tr_reply_type);
    return (troupe_reply_t *)letter;
}

void expect_part(call_t *call, uint64_t sequence)
{
    troupe_reply_t *reply = stage_hears(call);
    assert_false(troupe_reply_is_final(reply));
    assert_int_equal(troupe_reply_standing(reply), TROUPE_STANDING_UNTOLD);
    assert_int_equal(troupe_reply_id(reply), call->id);
    assert_int_equal(troupe_reply_sequence(reply), sequence);
    troupe_reply_destroy(&reply);
}

void expect_final(call_t *call, troupe_outcome_t outcome)
{
    troupe_reply_t *reply = stage_hears(call);
    assert_true(troupe_reply_is_final(reply));
    assert_int_equal(troupe_reply_id(reply), call->id);
    call->n_finals++;
    snprintf(call->text, sizeof call->text, "%s", troupe_reply_text(reply));
    call->hint_ms = troupe_reply_hint_ms(reply);
    assert_outcome(troupe_reply_outcome(reply), outcome);
    troupe_reply_destroy(&reply);
}

void expect_silence(call_t *call)
{
    assert_null(tr_mailbox_next(call->mailbox, NULL));
}

/* ---- workers ---- */

tr_job_t *gets(player_t *worker, const call_t *call)
{
    tr_job_t *job = tr_job_in(wait_for_next(worker->mailbox));
    assert_non_null(job);
    if (call) {
        assert_ptr_equal(job->envelope, call->envelope);
    }
    return job;
}

tr_batch_t *gets_batch(player_t *worker, size_t n_jobs)
{
    tr_batch_t *batch = tr_batch_in(wait_for_next(worker->mailbox));
    assert_non_null(batch);
    assert_int_equal(batch->n_jobs, n_jobs);
    return batch;
}

void gets_nothing(player_t *worker)
{
    assert_null(tr_mailbox_next(worker->mailbox, NULL));
}

void gets_word(player_t *worker, tr_word_t want, const tr_job_t *job)
{
    tr_letter_t *letter = wait_for_next(worker->mailbox);
    const tr_control_t *word = tr_control_in(letter);
    assert_non_null(word);
    assert_string_equal(tr_word_name(word->word), tr_word_name(want));
    assert_int_equal(word->number, job->number);
    tr_letter_destroy(&letter);
}

void finish(tr_job_t **job_p, troupe_outcome_t outcome)
{
    tr_request_finish(*job_p, outcome, NULL, NULL, false);
    tr_job_release(job_p);
}

void breaks(tr_job_t **job_p)
{
    tr_request_finish(*job_p, TROUPE_OUTCOME_WORKER_LOST, "it broke", NULL, true);
    tr_job_release(job_p);
}

void send_parts(tr_job_t *job, size_t n_parts, size_t n_bytes)
{
    void *bytes = calloc(1, n_bytes + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < n_parts; i++) {
        troupe_message_t *part = troupe_message_from(bytes, n_bytes);
        assert_non_null(part);
        assert_status(troupe_request_try_part(job, &part), TROUPE_OK);
    }
    free(bytes);
}
