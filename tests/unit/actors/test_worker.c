/* A worker keeps what it promises when each job it was given is answered exactly once, finished
 * or handed back untouched, and when its parent hears exactly how its life went. The test is
 * its router and its supervisor at once. What the behaviour does with a request is the
 * request's method; it runs on the worker's thread and only notes what it saw, which is judged
 * on the test's own. */

#include "tests/kit/check.h"

#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/actor.h>

#include "actors/worker/worker.h"
#include "base/clock.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"

#define PATIENCE_MS 10000

/* All stories are told of both kinds: the test is no host, so that one that is inline runs on
 * its own thread too. */
static bool is_inline;

/* ---- the behaviour ---- */

static struct notes {
    sem_t is_waiting; /* a handler has come to the gate */
    sem_t gate;
    troupe_request_t *kept; /* the worker's */
    atomic_int n_handled;
    atomic_int n_terminated;
    atomic_int terminated_as; /* a troupe_reason_kind_t */
    atomic_int n_strange;     /* things that must not happen */
    atomic_int n_batches;
    atomic_int n_in_batches;
    int n_to_send;            /* parts of a stream */
    atomic_int n_room;        /* times that a stream went on */
    atomic_int n_parts_taken; /* of what was asked of others */
    atomic_int n_probed;
    int probe_answers;
} notes;

static int wake(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    const char *how = troupe_args_get_or(args, "wake", "well");
    if (strcmp(how, "not") == 0) {
        troupe_worker_explain(self, "no model called %s", "x");
        return -1;
    }
    if (strcmp(how, "silently not") == 0) {
        return -1;
    }
    if (strcmp(how, "no need") == 0) {
        return TROUPE_INIT_IGNORE;
    }
    if (strcmp(how, "no memory") == 0) {
        troupe_worker_explain(self, "the device is full");
        return TROUPE_INIT_NO_MEMORY;
    }
    if (strcmp(how, "silently no memory") == 0) {
        return TROUPE_INIT_NO_MEMORY;
    }
    *state_p = &notes;
    return TROUPE_INIT_OK;
}

static void stop_at_gate(void)
{
    sem_post(&notes.is_waiting);
    while (sem_wait(&notes.gate) != 0) {
    }
}

static void reply_text(troupe_request_t *request, const char *text)
{
    troupe_request_reply_data(request, text, strlen(text));
}

static troupe_message_t *a_part(void)
{
    return troupe_message_from_text("part");
}

static int go_on(troupe_worker_t *self, troupe_request_t *request, void *arg);

/* As many parts as there is room for; the rest when there is more. */
static int stream(troupe_worker_t *self, troupe_request_t *request, void *arg)
{
    notes.n_strange += arg != &notes || self == NULL;
    troupe_status_t status = TROUPE_OK;
    while (notes.n_to_send > 0 && status == TROUPE_OK) {
        troupe_message_t *part = a_part();
        status = troupe_request_try_part(request, &part);
        notes.n_strange += (part != NULL) != (status == TROUPE_FULL);
        notes.n_to_send -= status == TROUPE_OK;
        troupe_message_destroy(&part);
    }
    if (status == TROUPE_FULL) {
        if (strstr(troupe_request_method(request), "gate")) {
            stop_at_gate();
        }
        troupe_request_on_room(request, go_on, arg);
    } else {
        reply_text(request, status == TROUPE_OK ? "all" : "closed");
    }
    return 0;
}

static int go_on(troupe_worker_t *self, troupe_request_t *request, void *arg)
{
    notes.n_room++;
    if (strstr(troupe_request_method(request), "stumble")) {
        return -1;
    }
    return stream(self, request, arg);
}

static void wait_for_room(troupe_request_t *request)
{
    troupe_status_t status = TROUPE_OK;
    while (notes.n_to_send-- > 0 && status == TROUPE_OK) {
        troupe_message_t *part = a_part();
        status = troupe_request_part(request, &part);
        notes.n_strange += (part != NULL) != (status == TROUPE_FULL);
        troupe_message_destroy(&part);
    }
    reply_text(request, status == TROUPE_OK     ? "all"
                        : status == TROUPE_FULL ? "full"
                                                : "closed");
}

/* The request ends as what it asked of others does. */
static int take_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    troupe_request_t *request = arg;
    if (!troupe_reply_is_final(reply)) {
        notes.n_parts_taken++;
    } else if (request && strstr(troupe_request_method(request), "stumble")) {
        return -1;
    } else if (request) {
        reply_text(request, troupe_outcome_name(troupe_reply_outcome(reply)));
    }
    return 0;
}

static void ask_other(troupe_worker_t *self, troupe_request_t *request, bool is_for_itself)
{
    troupe_message_t *question = troupe_message_from_text("question");
    troupe_call_options_t options = {.method = "answer", .credit = 1};
    uint64_t id = 0;
    notes.n_strange +=
        troupe_worker_call(self, is_for_itself ? NULL : request, "other", &options, &question,
                           take_answer, is_for_itself ? NULL : request, &id) != TROUPE_OK;
    notes.n_strange += id == 0 || question != NULL;
    if (!is_for_itself) {
        troupe_request_keep(request);
    }
    if (strstr(troupe_request_method(request), "drop")) {
        troupe_worker_cancel(self, id);
        troupe_worker_cancel(self, id + 1000); /* of nothing */
    }
}

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    notes.n_strange += state != &notes;
    notes.n_handled++;
    const char *method = troupe_request_method(request);
    int verdict = 0;
    if (strstr(method, "wait")) {
        stop_at_gate();
    }
    if (strstr(method, "stream")) {
        verdict = stream(self, request, &notes);
    }
    if (strstr(method, "parts")) {
        wait_for_room(request);
    }
    if (strstr(method, "ask")) {
        ask_other(self, request, strstr(method, "for itself") != NULL);
    }
    if (strstr(method, "send")) {
        troupe_message_t *message = troupe_message_from_text("hello");
        reply_text(request, troupe_status_name(troupe_send_named(self, "friend", &message)));
    }
    if (strstr(method, "reply")) {
        troupe_request_reply_data(request, troupe_request_data(request),
                                  troupe_request_size(request));
    }
    if (strstr(method, "fail")) {
        troupe_request_fail(request, "cannot do %s", "that");
    }
    if (strstr(method, "keep")) {
        notes.kept = request;
        troupe_request_keep(request);
    }
    if (strstr(method, "explain")) {
        troupe_worker_explain(self, "the device is gone");
    }
    if (strstr(method, "break")) {
        verdict = -1;
    }
    return verdict;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)self;
    notes.n_strange += state != &notes;
    if (troupe_message_size(message, 0) == 5 &&
        memcmp(troupe_message_data(message, 0), "break", 5) == 0) {
        return -1;
    }
    notes.n_strange += notes.kept == NULL;
    if (notes.kept) {
        troupe_request_reply_data(notes.kept, troupe_message_data(message, 0),
                                  troupe_message_size(message, 0));
        notes.kept = NULL;
    }
    return 0;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    notes.n_strange += *state_p != &notes;
    notes.n_terminated++;
    notes.terminated_as = (int)reason.kind;
    *state_p = NULL;
}

static int probe(troupe_worker_t *self, void *state)
{
    (void)self;
    notes.n_strange += state != &notes;
    notes.n_probed++;
    sem_post(&notes.is_waiting);
    return notes.probe_answers;
}

static const troupe_behaviour_t obedient = {
    .name = "obedient",
    .init = wake,
    .handle = handle,
    .receive = receive,
    .probe = probe,
    .terminate = terminate,
};

static int handle_batch(troupe_worker_t *self, troupe_request_t **requests, size_t count,
                        void *state)
{
    notes.n_batches++;
    notes.n_in_batches += (int)count;
    int verdict = 0;
    for (size_t i = 0; i < count; i++) {
        verdict |= handle(self, requests[i], state);
    }
    return verdict;
}

static const troupe_behaviour_t gathering = {
    .name = "gathering",
    .init = wake,
    .handle = handle,
    .handle_batch = handle_batch,
    .receive = receive,
    .terminate = terminate,
};

static const troupe_behaviour_t deaf = {.name = "deaf", .handle = handle, .init = wake};

/* ---- the scene ---- */

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *router;
    tr_mailbox_t *caller; /* closed: what a router tells it is no matter here */
    tr_arg_t arg;
    tr_worker_plan_t plan;
    tr_actor_t *worker;
    uint64_t incarnation;
    bool was_out_of_memory; /* how it ended last */
} scene_t;

static tr_mailbox_t *mailbox_called(const char *name)
{
    tr_mailbox_t *mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){100, 100000});
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
    scene->caller = mailbox_called("caller");
    tr_mailbox_close(scene->caller);
    memset(&notes, 0, sizeof notes);
    sem_init(&notes.is_waiting, 0, 0);
    sem_init(&notes.gate, 0, 0);
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
    if (scene->worker) { /* the test has failed */
        sem_post(&notes.gate);
        tr_actor_ask_to_stop(scene->worker, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        if (tr_actor_reap(&scene->worker, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    close_and_release(&scene->parent);
    close_and_release(&scene->router);
    close_and_release(&scene->caller);
    tr_runtime_release(&scene->runtime);
    sem_destroy(&notes.is_waiting);
    sem_destroy(&notes.gate);
    free(scene);
    return 0;
}

static void start(scene_t *scene, const troupe_behaviour_t *behaviour, const char *wake_how)
{
    scene->arg = (tr_arg_t){"wake", wake_how};
    scene->plan = (tr_worker_plan_t){
        .behaviour = behaviour, .args = {&scene->arg, 1}, .idle_after_ms = TR_NEVER};
    tr_start_fn *start_worker = is_inline ? tr_inline_worker_start : tr_worker_start;
    assert_status(start_worker(&(tr_birth_t){.what = &scene->plan,
                                             .name = "worker/1",
                                             .runtime = scene->runtime,
                                             .parent = scene->parent},
                               &scene->worker),
                  TROUPE_OK);
    scene->incarnation = scene->worker->incarnation;
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

/* The next thing that the parent hears. */
static tr_control_t parent_hears(scene_t *scene, tr_word_t want)
{
    tr_letter_t *letter = wait_for_next(scene->parent);
    assert_non_null(tr_control_in(letter));
    tr_control_t word = *tr_control_in(letter); /* the words of a worker hold no shares */
    tr_letter_destroy(&letter);
    assert_string_equal(tr_word_name(word.word), tr_word_name(want));
    assert_int_equal(word.incarnation, scene->incarnation);
    return word;
}

/* The worker has ended so, is reaped, and has left nothing that was not asked about. */
static void worker_ends(scene_t *scene, troupe_reason_kind_t kind, const char *text)
{
    tr_control_t ended = parent_hears(scene, TR_WORD_ENDED);
    assert_string_equal(tr_reason_name(ended.reason.kind), tr_reason_name(kind));
    assert_string_equal(ended.reason.text, text);
    scene->was_out_of_memory = ended.reason.is_out_of_memory;
    assert_status(tr_actor_reap(&scene->worker, PATIENCE_MS), TROUPE_OK);
    assert_null(scene->worker);
    assert_null(tr_mailbox_next(scene->parent, NULL));
    assert_null(tr_mailbox_next(scene->router, NULL));
    assert_int_equal(notes.n_strange, 0);
}

static void worker_was_terminated_as(troupe_reason_kind_t kind)
{
    assert_int_equal(notes.n_terminated, 1);
    assert_string_equal(tr_reason_name((troupe_reason_kind_t)notes.terminated_as),
                        tr_reason_name(kind));
}

static void ask_to_stop(scene_t *scene)
{
    tr_actor_ask_to_stop(scene->worker, tr_reason_of(TROUPE_REASON_SHUTDOWN));
}

static void stops_well(scene_t *scene)
{
    ask_to_stop(scene);
    worker_ends(scene, TROUPE_REASON_SHUTDOWN, "");
}

/* ---- jobs and messages ---- */

static tr_job_t *job_with(scene_t *scene, uint64_t number, const tr_header_t *header)
{
    troupe_message_t *message = troupe_message_from_text("payload");
    tr_envelope_t *envelope = tr_envelope_new(number, scene->caller, header, &message);
    assert_non_null(envelope);
    tr_job_t *job = tr_job_new(envelope, scene->router, number);
    assert_non_null(job);
    tr_envelope_release(&envelope);
    return job;
}

static tr_job_t *job_of(scene_t *scene, uint64_t number, const char *method)
{
    return job_with(scene, number,
                    &(tr_header_t){.capability = tr_span_of("test"),
                                   .method = tr_span_of(method),
                                   .credit = 1});
}

static void post(scene_t *scene, tr_letter_t *letter)
{
    assert_status(tr_mailbox_post(scene->worker->mailbox, TR_LANE_USER, &letter), TROUPE_OK);
}

static void give(scene_t *scene, uint64_t number, const char *method)
{
    post(scene, &job_of(scene, number, method)->letter);
}

static void tell(scene_t *scene, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    tr_mail_t *mail = tr_mail_new(&message, NULL, NULL);
    assert_non_null(mail);
    post(scene, &mail->letter);
}

static void is_at_gate(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    assert_int_equal(sem_timedwait(&notes.is_waiting, &until), 0);
}

/* Give a job whose handler has begun and does not return before the gate is opened. */
static void give_and_hold(scene_t *scene, uint64_t number, const char *method)
{
    give(scene, number, method);
    is_at_gate();
}

static void open_gate(void)
{
    sem_post(&notes.gate);
}

typedef struct answer {
    uint64_t number;
    troupe_outcome_t outcome;
    const char *text; /* what went wrong, or what was replied */
    bool was_not_started;
    bool is_worker_broken;
} answer_t;

/* The next thing that the router hears is this final. */
static void router_hears(scene_t *scene, answer_t want)
{
    tr_letter_t *letter = wait_for_next(scene->router);
    assert_ptr_equal(letter->type, &tr_reply_type);
    const troupe_reply_t *reply = (const troupe_reply_t *)letter;
    assert_true(reply->is_final);
    assert_non_null(reply->job);
    assert_int_equal(reply->job->number, want.number);
    assert_outcome(reply->outcome, want.outcome);
    assert_int_equal(reply->was_not_started, want.was_not_started);
    assert_int_equal(reply->is_worker_broken, want.is_worker_broken);
    const char *want_text = want.text ? want.text : "";
    if (want.outcome == TROUPE_OUTCOME_OK) {
        assert_non_null(reply->message);
        assert_int_equal(troupe_message_size(reply->message, 0), strlen(want_text));
        assert_memory_equal(troupe_message_data(reply->message, 0), want_text,
                            strlen(want_text));
    } else {
        assert_string_equal(reply->text ? reply->text : "", want_text);
    }
    tr_letter_destroy(&letter);
}

static void router_hears_ok(scene_t *scene, uint64_t number)
{
    router_hears(scene, (answer_t){number, TROUPE_OUTCOME_OK, .text = "payload"});
}

static void router_hears_text(scene_t *scene, uint64_t number, const char *text)
{
    router_hears(scene, (answer_t){number, TROUPE_OUTCOME_OK, .text = text});
}

static void router_hears_part(scene_t *scene, const tr_job_t *job)
{
    tr_letter_t *letter = wait_for_next(scene->router);
    assert_ptr_equal(letter->type, &tr_reply_type);
    const troupe_reply_t *reply = (const troupe_reply_t *)letter;
    assert_false(reply->is_final);
    assert_ptr_equal(reply->job, job);
    tr_letter_destroy(&letter);
}

static void say_of_job(scene_t *scene, tr_word_t word, const tr_job_t *job)
{
    tr_control_t *control = tr_control_new(word, scene->incarnation);
    assert_non_null(control);
    control->number = job->number;
    tr_control_send(control, scene->worker->mailbox);
}

/* The callback that ran has returned. */
static void worker_pauses(scene_t *scene)
{
    tr_control_say(scene->worker->mailbox, TR_WORD_PING, scene->incarnation);
    parent_hears(scene, TR_WORD_PONG);
}

static int64_t n_dead_letters(const scene_t *scene)
{
    return tr_metric_value(scene->runtime->dead_letters);
}

/* ---- coming up ---- */

static void a_worker_comes_up_and_stops(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    stops_well(scene);
    worker_was_terminated_as(TROUPE_REASON_SHUTDOWN);
}

/* The thread may not have come as far as its mailbox. */
static void a_stop_that_comes_at_once_is_heard(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    ask_to_stop(scene);
    parent_hears(scene, TR_WORD_STARTED);
    worker_ends(scene, TROUPE_REASON_SHUTDOWN, "");
    worker_was_terminated_as(TROUPE_REASON_SHUTDOWN);
}

static void a_failed_init_is_explained(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "not");
    worker_ends(scene, TROUPE_REASON_FAILED, "no model called x");
    start(scene, &obedient, "silently not");
    worker_ends(scene, TROUPE_REASON_FAILED, "its init returned an error");
    assert_false(scene->was_out_of_memory);
    assert_int_equal(notes.n_terminated, 0); /* it has no state to release */
}

static void an_init_without_memory_is_told_from_others(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "no memory");
    worker_ends(scene, TROUPE_REASON_FAILED, "the device is full");
    assert_true(scene->was_out_of_memory);
    start(scene, &obedient, "silently no memory");
    worker_ends(scene, TROUPE_REASON_FAILED, "its init found too little memory");
    assert_true(scene->was_out_of_memory);
    assert_int_equal(notes.n_terminated, 0);
}

static void a_worker_that_is_not_needed_is_ignored(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "no need");
    worker_ends(scene, TROUPE_REASON_IGNORED, "");
    assert_int_equal(notes.n_terminated, 0);
}

static void a_ping_is_answered(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_control_t *ping = tr_control_new(TR_WORD_PING, scene->incarnation);
    assert_non_null(ping);
    ping->number = 42;
    tr_control_send(ping, scene->worker->mailbox);
    assert_int_equal(parent_hears(scene, TR_WORD_PONG).number, 42);
    stops_well(scene);
}

static void have_it_probed(scene_t *scene)
{
    tr_control_say(scene->worker->mailbox, TR_WORD_PROBE, scene->incarnation);
}

static void one_that_is_idle_checks_itself(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    have_it_probed(scene);
    is_at_gate();
    stops_well(scene);
}

static void work_comes_before_a_check(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give_and_hold(scene, 1, "wait reply");
    give(scene, 2, "reply");
    have_it_probed(scene); /* heard before the second request is taken */
    open_gate();
    router_hears_ok(scene, 1);
    router_hears_ok(scene, 2);
    assert_int_equal(notes.n_probed, 0);
    stops_well(scene);
}

static void one_that_finds_itself_broken_ends(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    notes.probe_answers = -1;
    tr_control_say(scene->worker->mailbox, TR_WORD_PROBE, scene->incarnation);
    worker_ends(scene, TROUPE_REASON_FAILED, "its probe failed");
}

/* ---- requests ---- */

static void a_request_is_served(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "reply");
    router_hears_ok(scene, 1);
    give(scene, 2, "fail");
    router_hears(scene, (answer_t){2, TROUPE_OUTCOME_WORKER_ERROR, .text = "cannot do that"});
    give(scene, 3, "reply"); /* a failed request costs the worker nothing */
    router_hears_ok(scene, 3);
    stops_well(scene);
    assert_int_equal(notes.n_handled, 3);
}

static void a_request_that_is_dropped_is_an_error(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "nothing");
    router_hears(scene,
                 (answer_t){1, TROUPE_OUTCOME_WORKER_ERROR,
                            .text = "the handler returned without finishing the request"});
    give(scene, 2, "reply");
    router_hears_ok(scene, 2);
    stops_well(scene);
}

static void a_second_finish_is_caught(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "reply and fail");
    router_hears_ok(scene, 1);
    give(scene, 2, "reply and fail and keep"); /* what is finished cannot be kept */
    router_hears_ok(scene, 2);
    give(scene, 3, "reply");
    router_hears_ok(scene, 3);
    stops_well(scene);
}

static void a_kept_request_is_finished_later(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "keep");
    give(scene, 2, "reply");
    router_hears_ok(scene, 2); /* the first has been handled by now, and is not answered */
    assert_null(tr_mailbox_next(scene->router, NULL));
    tell(scene, "later");
    router_hears(scene, (answer_t){1, TROUPE_OUTCOME_OK, .text = "later"});
    stops_well(scene);
    assert_int_equal(n_dead_letters(scene), 0);
}

static void a_cancelled_request_is_skipped(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *cancelled = job_of(scene, 1, "reply");
    cancelled->cancelled_ms = tr_clock_now_ms();
    post(scene, &cancelled->letter);
    tr_job_t *late = job_of(scene, 2, "reply");
    atomic_store(&late->deadline_ms, tr_clock_now_ms() - 1);
    post(scene, &late->letter);
    give(scene, 3, "reply");
    router_hears(scene, (answer_t){1, .outcome = TROUPE_OUTCOME_CANCELLED});
    router_hears(scene, (answer_t){2, .outcome = TROUPE_OUTCOME_CANCELLED});
    router_hears_ok(scene, 3);
    stops_well(scene);
    assert_int_equal(notes.n_handled, 1);
}

/* ---- breaking ---- */

static void a_broken_worker_loses_its_request(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "break");
    router_hears(scene, (answer_t){1, TROUPE_OUTCOME_WORKER_LOST,
                                   .text = "the worker broke while it had the request",
                                   .is_worker_broken = true});
    worker_ends(scene, TROUPE_REASON_FAILED, "its handler returned an error");
    worker_was_terminated_as(TROUPE_REASON_FAILED);
}

static void a_broken_worker_may_explain(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "explain and break");
    router_hears(scene, (answer_t){1, TROUPE_OUTCOME_WORKER_LOST, .text = "the device is gone",
                                   .is_worker_broken = true});
    worker_ends(scene, TROUPE_REASON_FAILED, "the device is gone");
}

static void a_worker_may_break_after_it_has_finished(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "reply and break");
    router_hears_ok(scene, 1);
    worker_ends(scene, TROUPE_REASON_FAILED, "its handler returned an error");
}

/* A kept request that is never finished is answered by nobody here: the router misses it. */
static void a_worker_may_break_over_a_message(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "keep");
    tell(scene, "break");
    worker_ends(scene, TROUPE_REASON_FAILED, "its receive returned an error");
    worker_was_terminated_as(TROUPE_REASON_FAILED);
}

static void what_a_broken_worker_had_not_begun_is_handed_back(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give_and_hold(scene, 1, "wait and break");
    give(scene, 2, "reply");
    tell(scene, "too late");
    give(scene, 3, "reply");
    open_gate();
    router_hears(scene, (answer_t){1, TROUPE_OUTCOME_WORKER_LOST,
                                   .text = "the worker broke while it had the request",
                                   .is_worker_broken = true});
    for (uint64_t number = 2; number <= 3; number++) {
        router_hears(scene,
                     (answer_t){number, TROUPE_OUTCOME_WORKER_LOST, .was_not_started = true});
    }
    worker_ends(scene, TROUPE_REASON_FAILED, "its handler returned an error");
    assert_int_equal(notes.n_handled, 1);
    assert_int_equal(n_dead_letters(scene), 1);
}

/* ---- stopping ---- */

static void a_stop_finishes_what_was_given(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give_and_hold(scene, 1, "wait and reply");
    give(scene, 2, "reply");
    give(scene, 3, "reply");
    ask_to_stop(scene);
    ask_to_stop(scene); /* saying it again changes nothing */
    open_gate();
    for (uint64_t number = 1; number <= 3; number++) {
        router_hears_ok(scene, number);
    }
    worker_ends(scene, TROUPE_REASON_SHUTDOWN, "");
    worker_was_terminated_as(TROUPE_REASON_SHUTDOWN);
}

static void a_stop_waits_for_what_is_kept(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give_and_hold(scene, 1, "wait and keep");
    ask_to_stop(scene);
    open_gate();
    /* Once it has answered this ping it knows that it is to stop. */
    tr_control_say(scene->worker->mailbox, TR_WORD_PING, scene->incarnation);
    parent_hears(scene, TR_WORD_PONG);
    tell(scene, "at last");
    router_hears(scene, (answer_t){1, TROUPE_OUTCOME_OK, .text = "at last"});
    worker_ends(scene, TROUPE_REASON_SHUTDOWN, "");
    worker_was_terminated_as(TROUPE_REASON_SHUTDOWN);
}

static void a_worker_may_break_while_it_stops(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give_and_hold(scene, 1, "wait and reply");
    give(scene, 2, "break");
    give(scene, 3, "reply");
    ask_to_stop(scene);
    open_gate();
    router_hears_ok(scene, 1);
    router_hears(scene, (answer_t){2, TROUPE_OUTCOME_WORKER_LOST,
                                   .text = "the worker broke while it had the request",
                                   .is_worker_broken = true});
    router_hears(scene, (answer_t){3, TROUPE_OUTCOME_WORKER_LOST, .was_not_started = true});
    worker_ends(scene, TROUPE_REASON_FAILED, "its handler returned an error");
    worker_was_terminated_as(TROUPE_REASON_FAILED);
}

/* ---- messages ---- */

static void a_message_that_nobody_takes_is_a_dead_letter(void **state)
{
    scene_t *scene = *state;
    start(scene, &deaf, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tell(scene, "hello");
    give(scene, 1, "reply"); /* after the message, so it has been dealt with */
    router_hears_ok(scene, 1);
    assert_int_equal(n_dead_letters(scene), 1);
    stops_well(scene);
}

static void a_message_may_be_sent_to_another(void **state)
{
    scene_t *scene = *state;
    troupe_ref_t *friend;
    assert_status(tr_directory_claim(scene->runtime->directory, "friend", "",
                                     (tr_mailbox_limits_t){10, 10000}, false, &friend),
                  TROUPE_OK);
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "send");
    router_hears_text(scene, 1, troupe_status_name(TROUPE_OK));
    tr_letter_t *letter = wait_for_next(friend->mailbox);
    assert_ptr_equal(letter->type, &tr_mail_type);
    tr_letter_destroy(&letter);
    tr_directory_forget(scene->runtime->directory, friend->mailbox);
    give(scene, 2, "send");
    router_hears_text(scene, 2, troupe_status_name(TROUPE_NOT_FOUND));
    assert_int_equal(n_dead_letters(scene), 1);
    stops_well(scene);
    tr_mailbox_close(friend->mailbox);
    troupe_ref_release(&friend);
}

/* ---- batches ---- */

static void give_batch(scene_t *scene, tr_job_t **jobs, size_t n_jobs)
{
    tr_batch_t *batch = tr_batch_new(n_jobs);
    assert_non_null(batch);
    for (size_t i = 0; i < n_jobs; i++) {
        jobs[i]->unit = jobs[0]->number;
        tr_batch_add(batch, jobs[i]);
    }
    post(scene, &batch->letter);
}

static void a_batch_handler_gets_what_is_awaited(void **state)
{
    scene_t *scene = *state;
    start(scene, &gathering, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *jobs[] = {job_of(scene, 1, "reply"), job_of(scene, 2, "keep"),
                        job_of(scene, 3, "reply"), job_of(scene, 4, "nothing"),
                        job_of(scene, 5, "fail")};
    atomic_store(&jobs[0]->cancelled_ms, tr_clock_now_ms());
    give_batch(scene, jobs, 5);
    router_hears(scene, (answer_t){1, .outcome = TROUPE_OUTCOME_CANCELLED});
    router_hears_ok(scene, 3);
    router_hears(scene, (answer_t){5, TROUPE_OUTCOME_WORKER_ERROR, .text = "cannot do that"});
    router_hears(scene,
                 (answer_t){4, TROUPE_OUTCOME_WORKER_ERROR,
                            .text = "the handler returned without finishing the request"});
    tell(scene, "later");
    router_hears_text(scene, 2, "later");
    give(scene, 6, "reply"); /* one that comes alone is handled alone */
    router_hears_ok(scene, 6);
    stops_well(scene);
    assert_int_equal(notes.n_batches, 1);
    assert_int_equal(notes.n_in_batches, 4);
}

static void a_batch_that_nobody_waits_for_is_skipped(void **state)
{
    scene_t *scene = *state;
    start(scene, &gathering, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *jobs[] = {job_of(scene, 1, "reply"), job_of(scene, 2, "reply")};
    atomic_store(&jobs[0]->cancelled_ms, tr_clock_now_ms());
    atomic_store(&jobs[1]->deadline_ms, tr_clock_now_ms() - 1);
    give_batch(scene, jobs, 2);
    router_hears(scene, (answer_t){1, .outcome = TROUPE_OUTCOME_CANCELLED});
    router_hears(scene, (answer_t){2, .outcome = TROUPE_OUTCOME_CANCELLED});
    stops_well(scene);
    assert_int_equal(notes.n_batches, 0);
}

/* Its router says by the first of a batch that nobody waits for any of it. */
static void the_pulse_speaks_of_a_batch_by_its_head(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *jobs[] = {job_of(scene, 11, "reply"), job_of(scene, 12, "wait and reply")};
    give_batch(scene, jobs, 2);
    is_at_gate();
    assert_int_equal(atomic_load(&scene->worker->pulse->running), 11);
    open_gate();
    router_hears_ok(scene, 11);
    router_hears_ok(scene, 12);
    stops_well(scene);
}

static void a_batch_has_the_time_of_its_latest(void **state)
{
    scene_t *scene = *state;
    start(scene, &gathering, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *jobs[] = {job_of(scene, 11, "reply"), job_of(scene, 12, "wait and reply")};
    int64_t now_ms = tr_clock_now_ms();
    atomic_store(&jobs[0]->deadline_ms, now_ms + 2 * PATIENCE_MS);
    atomic_store(&jobs[1]->deadline_ms, now_ms + PATIENCE_MS);
    give_batch(scene, jobs, 2);
    is_at_gate();
    assert_int_equal(atomic_load(&scene->worker->pulse->running), 11);
    assert_int_equal(atomic_load(&scene->worker->pulse->running_until_ms),
                     now_ms + 2 * PATIENCE_MS);
    open_gate();
    router_hears_ok(scene, 11);
    router_hears_ok(scene, 12);
    stops_well(scene);
}

static void a_broken_batch_is_lost_but_for_what_was_finished(void **state)
{
    scene_t *scene = *state;
    start(scene, &gathering, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *jobs[] = {job_of(scene, 1, "wait and reply"), job_of(scene, 2, "break"),
                        job_of(scene, 3, "nothing")};
    give_batch(scene, jobs, 3);
    is_at_gate();
    tr_job_t *more[] = {job_of(scene, 4, "reply"), job_of(scene, 5, "reply")};
    give_batch(scene, more, 2);
    open_gate();
    router_hears_ok(scene, 1);
    for (uint64_t number = 2; number <= 3; number++) {
        router_hears(scene, (answer_t){number, TROUPE_OUTCOME_WORKER_LOST,
                                       .text = "the worker broke while it had the request",
                                       .is_worker_broken = true});
    }
    for (uint64_t number = 4; number <= 5; number++) {
        router_hears(scene,
                     (answer_t){number, TROUPE_OUTCOME_WORKER_LOST, .was_not_started = true});
    }
    worker_ends(scene, TROUPE_REASON_FAILED, "its batch handler returned an error");
    assert_int_equal(notes.n_batches, 1);
}

static void without_a_batch_handler_they_are_served_one_by_one(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *jobs[] = {job_of(scene, 1, "reply"), job_of(scene, 2, "fail"),
                        job_of(scene, 3, "reply"), job_of(scene, 4, "break"),
                        job_of(scene, 5, "reply")};
    atomic_store(&jobs[2]->cancelled_ms, tr_clock_now_ms());
    give_batch(scene, jobs, 5);
    router_hears_ok(scene, 1);
    router_hears(scene, (answer_t){2, TROUPE_OUTCOME_WORKER_ERROR, .text = "cannot do that"});
    router_hears(scene, (answer_t){3, .outcome = TROUPE_OUTCOME_CANCELLED});
    router_hears(scene, (answer_t){4, TROUPE_OUTCOME_WORKER_LOST,
                                   .text = "the worker broke while it had the request",
                                   .is_worker_broken = true});
    router_hears(scene, (answer_t){5, TROUPE_OUTCOME_WORKER_LOST, .was_not_started = true});
    worker_ends(scene, TROUPE_REASON_FAILED, "its handler returned an error");
    assert_int_equal(notes.n_handled, 3);
}

/* ---- streams ---- */

static void a_stream_goes_on_when_there_is_room(void **state)
{
    scene_t *scene = *state;
    notes.n_to_send = 4;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_of(scene, 1, "stream");
    post(scene, &tr_job_share(job)->letter);
    for (int i = 0; i < 3; i++) {
        router_hears_part(scene, job);
        worker_pauses(scene);
        give(scene, 10 + (uint64_t)i, "reply"); /* it serves others meanwhile */
        router_hears_ok(scene, 10 + (uint64_t)i);
        say_of_job(scene, TR_WORD_ROOM, job); /* which is not so: it asks again */
        worker_pauses(scene);
        assert_int_equal(notes.n_room, 2 * i + 1);
        assert_true(tr_flow_grant(&job->envelope->flow, 1, 4));
        say_of_job(scene, TR_WORD_ROOM, job);
    }
    router_hears_part(scene, job);
    router_hears_text(scene, 1, "all");
    say_of_job(scene, TR_WORD_ROOM, job); /* it is over */
    stops_well(scene);
    tr_job_release(&job);
}

static void room_that_comes_just_then_is_not_missed(void **state)
{
    scene_t *scene = *state;
    notes.n_to_send = 2;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_of(scene, 1, "stream at the gate");
    post(scene, &tr_job_share(job)->letter);
    is_at_gate();
    assert_false(tr_flow_grant(&job->envelope->flow, 1, 4)); /* it has not asked yet */
    open_gate();
    router_hears_part(scene, job);
    router_hears_part(scene, job);
    router_hears_text(scene, 1, "all");
    assert_int_equal(notes.n_room, 1);
    stops_well(scene);
    tr_job_release(&job);
}

static void a_stream_goes_on_when_nobody_waits_any_more(void **state)
{
    scene_t *scene = *state;
    notes.n_to_send = 2;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_of(scene, 1, "stream");
    post(scene, &tr_job_share(job)->letter);
    router_hears_part(scene, job);
    worker_pauses(scene);
    assert_int_equal(atomic_load(&scene->worker->pulse->wants_cancels), 1);
    tr_job_flag_cancelled(job, tr_clock_now_ms());
    say_of_job(scene, TR_WORD_CANCEL, job);
    router_hears_text(scene, 1, "closed");
    assert_int_equal(notes.n_room, 1);
    stops_well(scene);
    tr_job_release(&job);
}

static void a_cancel_that_comes_just_then_is_not_missed(void **state)
{
    scene_t *scene = *state;
    notes.n_to_send = 2;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_of(scene, 1, "stream at the gate");
    post(scene, &tr_job_share(job)->letter);
    router_hears_part(scene, job);
    is_at_gate();
    tr_job_flag_cancelled(job, tr_clock_now_ms());
    open_gate();
    router_hears_text(scene, 1, "closed");
    stops_well(scene);
    tr_job_release(&job);
}

static void a_worker_may_break_over_a_stream(void **state)
{
    scene_t *scene = *state;
    notes.n_to_send = 2;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_of(scene, 1, "stream and stumble");
    post(scene, &tr_job_share(job)->letter);
    router_hears_part(scene, job);
    worker_pauses(scene);
    assert_true(tr_flow_grant(&job->envelope->flow, 1, 4));
    say_of_job(scene, TR_WORD_ROOM, job);
    worker_ends(scene, TROUPE_REASON_FAILED, "going on with a stream, it returned an error");
    tr_job_release(&job);
}

static void a_writer_may_wait_for_its_reader(void **state)
{
    if (is_inline) {
        skip();
    }
    scene_t *scene = *state;
    notes.n_to_send = 3;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_of(scene, 1, "parts");
    post(scene, &tr_job_share(job)->letter);
    for (int i = 0; i < 2; i++) {
        router_hears_part(scene, job);
        assert_null(tr_mailbox_next(scene->router, NULL));
        assert_false(tr_flow_grant(&job->envelope->flow, 1, 4)); /* it needs no word */
    }
    router_hears_part(scene, job);
    router_hears_text(scene, 1, "all");
    stops_well(scene);
    tr_job_release(&job);
}

static void a_writer_that_waits_hears_of_a_cancel(void **state)
{
    if (is_inline) {
        skip();
    }
    scene_t *scene = *state;
    notes.n_to_send = 3;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_of(scene, 1, "parts");
    post(scene, &tr_job_share(job)->letter);
    router_hears_part(scene, job);
    tr_job_flag_cancelled(job, tr_clock_now_ms());
    router_hears_text(scene, 1, "closed");
    stops_well(scene);
    tr_job_release(&job);
}

/* The reader may be on the thread that it is on. */
static void an_inline_writer_does_not_wait(void **state)
{
    if (!is_inline) {
        skip();
    }
    scene_t *scene = *state;
    notes.n_to_send = 3;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_of(scene, 1, "parts");
    post(scene, &tr_job_share(job)->letter);
    router_hears_part(scene, job);
    router_hears_text(scene, 1, "full");
    stops_well(scene);
    tr_job_release(&job);
}

/* ---- asking others ---- */

/* The test is the router of what is asked, too. */
static tr_mailbox_t *open_other(scene_t *scene)
{
    tr_mailbox_t *other = mailbox_called("other");
    assert_status(
        tr_directory_register(scene->runtime->directory, TR_NAMES_CAPABILITY, "other", other),
        TROUPE_OK);
    return other;
}

static void close_other(scene_t *scene, tr_mailbox_t **other_p)
{
    tr_directory_forget(scene->runtime->directory, *other_p);
    close_and_release(other_p);
}

static tr_envelope_t *is_asked(tr_mailbox_t *other)
{
    tr_letter_t *letter = wait_for_next(other);
    assert_ptr_equal(letter->type, &tr_envelope_type);
    return tr_envelope_of(letter);
}

static void hears_note(tr_mailbox_t *other, const tr_letter_type_t *type,
                       const tr_envelope_t *envelope)
{
    tr_letter_t *letter = wait_for_next(other);
    assert_ptr_equal(letter->type, type);
    assert_ptr_equal(((tr_note_t *)letter)->envelope, envelope);
    tr_letter_destroy(&letter);
}

static void an_answer_comes_to_who_asked(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_t *other = open_other(scene);
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_with(scene, 7,
                             &(tr_header_t){.capability = tr_span_of("test"),
                                            .method = tr_span_of("ask"),
                                            .traceparent = tr_span_of("00-trace"),
                                            .priority = TROUPE_PRIORITY_HIGH,
                                            .peer = 99,
                                            .depth = 3});
    atomic_store(&job->deadline_ms, tr_clock_now_ms() + PATIENCE_MS);
    post(scene, &job->letter);
    tr_envelope_t *question = is_asked(other);
    assert_string_equal(question->capability, "other");
    assert_string_equal(question->method, "answer");
    assert_string_equal(question->traceparent, "00-trace");
    assert_int_equal(question->priority, TROUPE_PRIORITY_HIGH);
    assert_int_equal(question->peer, 99);
    assert_int_equal(question->depth, 4);
    assert_int_equal(question->parent, 7);
    assert_in_range(question->timeout_ms, 1, PATIENCE_MS);
    assert_memory_equal(troupe_message_data(question->message, 0), "question", 8);
    worker_pauses(scene);
    assert_null(tr_mailbox_next(scene->router, NULL));
    troupe_reply_t *reply = tr_reply_new(0, true, TROUPE_OUTCOME_OK, NULL, NULL);
    assert_true(tr_envelope_forward(question, &reply));
    router_hears_text(scene, 7, "ok");
    tr_envelope_release(&question);
    stops_well(scene);
    close_other(scene, &other);
}

static void what_is_asked_for_its_own_sake_is_nobodys_share(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_t *other = open_other(scene);
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "ask for itself and reply");
    router_hears_ok(scene, 1);
    tr_envelope_t *question = is_asked(other);
    assert_int_equal(question->parent, 0);
    assert_int_equal(question->depth, 1);
    assert_int_equal(question->peer, scene->incarnation);
    assert_int_equal(question->timeout_ms, 0);
    assert_int_equal(question->priority, TROUPE_PRIORITY_NORMAL);
    ask_to_stop(scene); /* nobody waits for the answer: it ends, and says so */
    hears_note(other, &tr_cancel_type, question);
    worker_ends(scene, TROUPE_REASON_SHUTDOWN, "");
    assert_true(tr_envelope_answer(question, TROUPE_OUTCOME_CANCELLED, 0, NULL));
    tr_envelope_release(&question);
    close_other(scene, &other);
}

static void parts_of_an_answer_make_room_for_others(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_t *other = open_other(scene);
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "ask");
    tr_envelope_t *question = is_asked(other);
    tr_flow_spent_t spent = {0};
    for (int i = 0; i < 5; i++) {
        troupe_message_t *part = a_part();
        troupe_reply_t *reply = tr_reply_new(0, false, TROUPE_OUTCOME_OK, NULL, &part);
        assert_non_null(reply);
        tr_flow_spend(&spent, tr_reply_flow_bytes(reply));
        assert_true(tr_envelope_forward(question, &reply));
        if (tr_flow_ask_for_word(&question->flow, &spent)) {
            hears_note(other, &tr_credit_type, question);
        }
        assert_int_equal(tr_flow_parts_left(&question->flow, &spent), 1);
        assert_int_equal(atomic_load(&question->flow.bytes_taken), spent.n_bytes);
        assert_int_equal(notes.n_parts_taken, i + 1);
    }
    assert_true(tr_envelope_answer(question, TROUPE_OUTCOME_WORKER_ERROR, 0, "no"));
    router_hears_text(scene, 1, "worker_error");
    tr_envelope_release(&question);
    stops_well(scene);
    close_other(scene, &other);
}

static void what_was_asked_can_be_cancelled(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_t *other = open_other(scene);
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give_and_hold(scene, 1, "wait");
    tr_job_t *job = job_of(scene, 2, "ask and drop");
    post(scene, &job->letter);
    open_gate();
    router_hears(scene,
                 (answer_t){1, TROUPE_OUTCOME_WORKER_ERROR,
                            .text = "the handler returned without finishing the request"});
    worker_pauses(scene);
    tr_letter_t *letter = wait_for_next(other); /* which overtakes */
    tr_envelope_t *question = NULL;
    if (letter->type == &tr_cancel_type) {
        question = is_asked(other);
        assert_ptr_equal(((tr_note_t *)letter)->envelope, question);
        tr_letter_destroy(&letter);
    } else {
        question = tr_envelope_of(letter);
        hears_note(other, &tr_cancel_type, question);
    }
    assert_null(tr_mailbox_next(other, NULL));
    assert_true(tr_envelope_answer(question, TROUPE_OUTCOME_CANCELLED, 0, NULL));
    router_hears_text(scene, 2, "cancelled");
    tr_envelope_release(&question);
    stops_well(scene);
    close_other(scene, &other);
}

static void who_is_cancelled_cancels_what_it_asked(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_t *other = open_other(scene);
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *jobs[] = {job_of(scene, 1, "ask"), job_of(scene, 2, "ask")};
    tr_envelope_t *questions[2];
    for (int i = 0; i < 2; i++) {
        post(scene, &tr_job_share(jobs[i])->letter);
        questions[i] = is_asked(other);
    }
    assert_int_equal(atomic_load(&scene->worker->pulse->wants_cancels), 1);
    tr_job_flag_cancelled(jobs[1], tr_clock_now_ms());
    say_of_job(scene, TR_WORD_CANCEL, jobs[1]);
    hears_note(other, &tr_cancel_type, questions[1]);
    worker_pauses(scene);
    assert_null(tr_mailbox_next(other, NULL)); /* not what was asked for the other one */
    assert_true(tr_envelope_answer(questions[1], TROUPE_OUTCOME_CANCELLED, 0, NULL));
    router_hears_text(scene, 2, "cancelled");
    assert_true(tr_envelope_answer(questions[0], TROUPE_OUTCOME_OK, 0, NULL));
    router_hears_text(scene, 1, "ok");
    for (int i = 0; i < 2; i++) {
        tr_envelope_release(&questions[i]);
        tr_job_release(&jobs[i]);
    }
    stops_well(scene);
    close_other(scene, &other);
}

static void for_who_was_cancelled_nothing_is_asked(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_t *other = open_other(scene);
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    tr_job_t *job = job_of(scene, 1, "wait and ask");
    post(scene, &tr_job_share(job)->letter);
    is_at_gate();
    tr_job_flag_cancelled(job, tr_clock_now_ms());
    open_gate();
    router_hears_text(scene, 1, "cancelled");
    assert_null(tr_mailbox_next(other, NULL));
    tr_job_release(&job);
    stops_well(scene);
    close_other(scene, &other);
}

static void a_circle_of_calls_ends(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_t *other = open_other(scene);
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    for (unsigned depth = TR_ERRAND_MAX_DEPTH - 1; depth <= TR_ERRAND_MAX_DEPTH; depth++) {
        tr_job_t *job = job_with(scene, depth,
                                 &(tr_header_t){.capability = tr_span_of("test"),
                                                .method = tr_span_of("ask"),
                                                .depth = depth});
        post(scene, &job->letter);
        if (depth < TR_ERRAND_MAX_DEPTH) {
            tr_envelope_t *question = is_asked(other);
            assert_true(tr_envelope_answer(question, TROUPE_OUTCOME_OK, 0, NULL));
            tr_envelope_release(&question);
            router_hears_text(scene, depth, "ok");
        } else {
            router_hears_text(scene, depth, "bad_request");
        }
    }
    assert_null(tr_mailbox_next(other, NULL));
    stops_well(scene);
    close_other(scene, &other);
}

static void what_cannot_be_asked_is_answered_all_the_same(void **state)
{
    scene_t *scene = *state;
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "ask");
    router_hears_text(scene, 1, "no_capability");
    tr_mailbox_t *other = open_other(scene);
    tr_mailbox_close(other);
    give(scene, 2, "ask");
    router_hears_text(scene, 2, "shutting_down");
    close_other(scene, &other);
    other = open_other(scene);
    tr_mailbox_let_wait(other, PATIENCE_MS, 1);
    tr_mailbox_hold_place(other);
    give(scene, 3, "ask"); /* a worker never waits */
    router_hears_text(scene, 3, "overloaded");
    tr_mailbox_give_place(other);
    stops_well(scene);
    close_other(scene, &other);
}

static void a_worker_may_break_over_an_answer(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_t *other = open_other(scene);
    start(scene, &obedient, "well");
    parent_hears(scene, TR_WORD_STARTED);
    give(scene, 1, "ask and stumble");
    tr_envelope_t *question = is_asked(other);
    assert_true(tr_envelope_answer(question, TROUPE_OUTCOME_OK, 0, NULL));
    worker_ends(scene, TROUPE_REASON_FAILED, "taking an answer, it returned an error");
    assert_null(tr_mailbox_next(other, NULL)); /* that one is not cancelled: it has ended */
    tr_envelope_release(&question);
    close_other(scene, &other);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_worker_comes_up_and_stops),
        story(a_stop_that_comes_at_once_is_heard),
        story(a_failed_init_is_explained),
        story(an_init_without_memory_is_told_from_others),
        story(a_worker_that_is_not_needed_is_ignored),
        story(a_ping_is_answered),
        story(one_that_is_idle_checks_itself),
        story(work_comes_before_a_check),
        story(one_that_finds_itself_broken_ends),
        story(a_request_is_served),
        story(a_request_that_is_dropped_is_an_error),
        story(a_second_finish_is_caught),
        story(a_kept_request_is_finished_later),
        story(a_cancelled_request_is_skipped),
        story(a_broken_worker_loses_its_request),
        story(a_broken_worker_may_explain),
        story(a_worker_may_break_after_it_has_finished),
        story(a_worker_may_break_over_a_message),
        story(what_a_broken_worker_had_not_begun_is_handed_back),
        story(a_stop_finishes_what_was_given),
        story(a_stop_waits_for_what_is_kept),
        story(a_worker_may_break_while_it_stops),
        story(a_message_that_nobody_takes_is_a_dead_letter),
        story(a_message_may_be_sent_to_another),
        story(a_batch_handler_gets_what_is_awaited),
        story(a_batch_that_nobody_waits_for_is_skipped),
        story(the_pulse_speaks_of_a_batch_by_its_head),
        story(a_batch_has_the_time_of_its_latest),
        story(a_broken_batch_is_lost_but_for_what_was_finished),
        story(without_a_batch_handler_they_are_served_one_by_one),
        story(a_stream_goes_on_when_there_is_room),
        story(room_that_comes_just_then_is_not_missed),
        story(a_stream_goes_on_when_nobody_waits_any_more),
        story(a_cancel_that_comes_just_then_is_not_missed),
        story(a_worker_may_break_over_a_stream),
        story(a_writer_may_wait_for_its_reader),
        story(a_writer_that_waits_hears_of_a_cancel),
        story(an_inline_writer_does_not_wait),
        story(an_answer_comes_to_who_asked),
        story(what_is_asked_for_its_own_sake_is_nobodys_share),
        story(parts_of_an_answer_make_room_for_others),
        story(what_was_asked_can_be_cancelled),
        story(who_is_cancelled_cancels_what_it_asked),
        story(for_who_was_cancelled_nothing_is_asked),
        story(a_circle_of_calls_ends),
        story(what_cannot_be_asked_is_answered_all_the_same),
        story(a_worker_may_break_over_an_answer),
    };
    int n_failed = cmocka_run_group_tests_name("actors/worker", tests, NULL, NULL);
    is_inline = true;
    n_failed += cmocka_run_group_tests_name("actors/worker, inline", tests, NULL, NULL);
    return n_failed != 0;
}
