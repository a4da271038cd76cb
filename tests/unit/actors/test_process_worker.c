/* A worker in a process of its own must look to its router and its supervisor like any other,
 * and must leave nothing behind. The test is both of them; the process is this program again,
 * with a behaviour linked in, or speaking TRP/1 by hand, the way a foreign one might. */

#include "tests/kit/check.h"
#include "tests/kit/sanitized.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <troupe/worker_process.h>

#include "actors/process/worker.h"
#include "actors/worker/worker_state.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/job.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"
#include "tests/kit/folder.h"
#include "wire/trp1.h"

#define PATIENCE_MS 20000
#define MIB         ((size_t)1 << 20)
#define N_PARTS     500

/* Requests enough for what a stranger says to come between them. */
#define N_AMONG_STRANGERS 50

/* ---- the process: a behaviour that is linked in ---- */

static void hang(void)
{
    for (;;) {
        pause();
    }
}

static void touch_shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) {
        memset(memory, 1, size);
    }
}

static int wake(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)state_p;
    const char *how = troupe_args_get_or(args, "wake", "well");
    if (strcmp(how, "not") == 0) {
        troupe_worker_explain(self, "no model called x");
        return -1;
    }
    if (strcmp(how, "no need") == 0) {
        return TROUPE_INIT_IGNORE;
    }
    if (strcmp(how, "no memory") == 0) {
        troupe_worker_explain(self, "the device is full");
        return TROUPE_INIT_NO_MEMORY;
    }
    if (strcmp(how, "never") == 0) {
        hang();
    }
    if (strcmp(how, "big") == 0) {
        touch_shared_memory(64 * MIB);
    }
    return TROUPE_INIT_OK;
}

static void die_by(int number)
{
    fputs("the last\n\n", stderr);
    signal(number, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

static void chatter(size_t size)
{
    char text[65536];
    memset(text, 'x', sizeof text);
    for (size_t i = 79; i < sizeof text; i += 80) {
        text[i] = '\n';
    }
    for (size_t n = 0; n < size; n += sizeof text) {
        if (write(2, text, sizeof text) < 0) {
            return;
        }
    }
}

static void send_parts(troupe_request_t *request)
{
    for (unsigned i = 0; i < N_PARTS; i++) {
        troupe_message_t *part = troupe_message_from(&i, sizeof i);
        if (troupe_request_part(request, &part) != TROUPE_OK) {
            return;
        }
    }
}

static void start_a_child(troupe_request_t *request)
{
    pid_t pid = fork();
    if (pid == 0) {
        hang();
    }
    troupe_request_reply_data(request, &pid, sizeof pid);
}

static void say_that_it_runs(troupe_request_t *request)
{
    troupe_message_t *part = troupe_message_from_text("it runs");
    if (troupe_request_part(request, &part) != TROUPE_OK) {
        abort();
    }
}

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    const char *method = troupe_request_method(request);
    if (strstr(method, "crash")) {
        die_by(SIGSEGV);
    } else if (strstr(method, "exit")) {
        fputs("out of ideas\n", stderr);
        _exit(3);
    } else if (strstr(method, "be killed")) {
        raise(SIGKILL);
    } else if (strstr(method, "end as a shell")) {
        _exit(137);
    } else if (strstr(method, "leave")) {
        _exit(0);
    } else if (strstr(method, "hang")) {
        say_that_it_runs(request);
        hang();
    } else if (strstr(method, "heed cancel")) {
        say_that_it_runs(request);
        while (!troupe_request_cancelled(request)) {
            poll(NULL, 0, 1);
        }
        troupe_request_fail(request, "cancelled");
        return 0;
    } else if (strstr(method, "break")) {
        troupe_worker_explain(self, "the device is gone");
        return -1;
    } else if (strstr(method, "refuse")) {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "not like that");
        return 0;
    } else if (strstr(method, "child")) {
        start_a_child(request);
        return 0;
    }
    if (strstr(method, "chatter")) {
        chatter(32 * MIB);
    }
    if (strstr(method, "parts")) {
        send_parts(request);
    }
    troupe_message_t *reply =
        troupe_message_from(troupe_request_data(request), troupe_request_size(request));
    troupe_request_reply(request, &reply);
    return 0;
}

static const troupe_behaviour_t linked_in = {
    .name = "linked_in", .init = wake, .handle = handle};

/* ---- the process: by hand ---- */

static void *connect_socket(void *context)
{
    void *socket = zmq_socket(context, ZMQ_DEALER);
    zmq_connect(socket, getenv("TROUPE_WORKER_ENDPOINT"));
    return socket;
}

static void say_code(void *socket, tr_trp1_command_t word, uint64_t id, const char *token,
                     const char *text, const char *code)
{
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size;
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    command.token = tr_span_of(token);
    command.text = tr_span_of(text);
    command.code = tr_span_of(code);
    if (tr_trp1_encode(&command, head, sizeof head, &size) != TROUPE_OK ||
        zmq_send(socket, head, size, 0) < 0) {
        abort();
    }
}

static void say(void *socket, tr_trp1_command_t word, uint64_t id, const char *token,
                const char *text)
{
    say_code(socket, word, id, token, text, "worker_error");
}

/* Waits for a command, and skips others; returns its id. */
static uint64_t hear(void *socket, tr_trp1_command_t want)
{
    for (;;) {
        unsigned char head[TR_TRP1_MAX_HEADER];
        tr_trp1_t command;
        const char *why;
        int size = zmq_recv(socket, head, sizeof head, 0);
        int more = 0;
        size_t more_size = sizeof more;
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size);
        if (more) {
            char payload[64];
            zmq_recv(socket, payload, sizeof payload, 0);
        }
        if (size > 0 && tr_trp1_decode(head, (size_t)size, &command, &why) == TROUPE_OK &&
            command.command == want) {
            return command.id;
        }
    }
}

/* ---- the process: a puppet ---- */

#define MAX_FRAMES 3

typedef struct heard {
    unsigned char head[TR_TRP1_MAX_HEADER];
    char frames[MAX_FRAMES][TR_TRP1_MAX_HEADER];
    size_t sizes[MAX_FRAMES];
    size_t n_frames;
    tr_trp1_t command;
} heard_t;

static bool take_frame(void *socket, void *bytes, size_t capacity, size_t *size_out)
{
    int size = zmq_recv(socket, bytes, capacity, 0);
    int more = 0;
    size_t more_size = sizeof more;
    zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &more_size);
    if (size < 0 || (size_t)size > capacity) {
        abort();
    }
    *size_out = (size_t)size;
    return more != 0;
}

static void take_all(void *socket, heard_t *heard)
{
    size_t size;
    const char *why;
    bool has_more = take_frame(socket, heard->head, sizeof heard->head, &size);
    for (heard->n_frames = 0; has_more && heard->n_frames < MAX_FRAMES; heard->n_frames++) {
        has_more = take_frame(socket, heard->frames[heard->n_frames], sizeof heard->frames[0],
                              &heard->sizes[heard->n_frames]);
    }
    if (tr_trp1_decode(heard->head, size, &heard->command, &why) != TROUPE_OK) {
        abort();
    }
}

static void add_number(char *text, size_t size, const char *key, int64_t number)
{
    size_t length = strlen(text);
    if (number >= 0) {
        snprintf(text + length, size - length, " %s=%lld", key, (long long)number);
    }
}

static void add_span(char *text, size_t size, const char *key, tr_span_t span)
{
    size_t length = strlen(text);
    if (span.size > 0) {
        snprintf(text + length, size - length, " %s=%.*s", key, (int)span.size, span.data);
    }
}

/* All that is of interest here, as one line. */
static void describe(const heard_t *heard, char *text, size_t size)
{
    const tr_trp1_t *command = &heard->command;
    snprintf(text, size, "%s %llu", tr_trp1_command_name(command->command),
             (unsigned long long)command->id);
    add_number(text, size, "credit", command->credit);
    add_number(text, size, "batch", command->batch);
    add_number(text, size, "sequence", command->sequence);
    add_span(text, size, "code", command->code);
    add_span(text, size, "text", command->text);
    add_number(text, size, "hint", command->hint_ms);
    if (heard->n_frames > 0) {
        add_span(text, size, "payload", (tr_span_t){heard->frames[0], heard->sizes[0]});
    }
}

static void say_line(void *socket, tr_trp1_command_t word, uint64_t id, const char *line)
{
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size;
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    if (tr_trp1_encode(&command, head, sizeof head, &size) != TROUPE_OK ||
        zmq_send(socket, head, size, ZMQ_SNDMORE) < 0 ||
        zmq_send(socket, line, strlen(line), 0) < 0) {
        abort();
    }
}

/* It says what each request of the method `say` has in its frames, and then replies to that.
 * All else that it hears it tells, as a part of the request `tell`, which has room enough. */
static int be_puppet(void *socket)
{
    static heard_t heard;
    uint64_t tell = 0;
    for (;;) {
        take_all(socket, &heard);
        const tr_trp1_t *command = &heard.command;
        if (command->command == TR_TRP1_STOP) {
            return 0;
        }
        bool is_request = command->command == TR_TRP1_REQUEST;
        if (is_request && tr_span_equals(command->method, "tell")) {
            tell = command->id;
        } else if (is_request && tr_span_equals(command->method, "die")) {
            _exit(9);
        } else if (is_request && tr_span_equals(command->method, "say")) {
            for (size_t i = 0; i < heard.n_frames; i++) {
                zmq_send(socket, heard.frames[i], heard.sizes[i],
                         i + 1 < heard.n_frames ? ZMQ_SNDMORE : 0);
            }
            say_line(socket, TR_TRP1_REPLY, command->id, "said");
        } else if (command->command != TR_TRP1_CREDIT || command->id != tell) {
            char line[2 * TR_TRP1_MAX_HEADER];
            describe(&heard, line, sizeof line);
            say_line(socket, TR_TRP1_PART, tell, line);
        }
    }
}

/* A simple worker: ready is its first word, and it answers no ping while it works. */
static int be_foreign(const char *how)
{
    const char *token = getenv("TROUPE_WORKER_TOKEN");
    void *context = zmq_ctx_new();
    if (strcmp(how, "stranger") == 0) {
        void *stranger = connect_socket(context);
        say(stranger, TR_TRP1_READY, 0, "0123456789abcdef0123456789abcdef", "");
        say(stranger, TR_TRP1_ERROR, 0, "", "not to be listened to");
    }
    void *socket = connect_socket(context);
    if (strcmp(how, "fails fast") == 0) {
        say(socket, TR_TRP1_HELLO, 0, token, "");
        say(socket, TR_TRP1_ERROR, 0, "", "no luck");
        zmq_close(socket);
        zmq_ctx_term(context);
        return 1;
    }
    if (strcmp(how, "finds no memory") == 0) {
        say(socket, TR_TRP1_HELLO, 0, token, "");
        say_code(socket, TR_TRP1_ERROR, 0, "", "too small a machine", "memory_exhausted");
        zmq_close(socket);
        zmq_ctx_term(context);
        return 1;
    }
    say(socket, TR_TRP1_READY, 0, token, "");
    if (strcmp(how, "puppet") == 0) {
        return be_puppet(socket);
    }
    uint64_t id = hear(socket, TR_TRP1_REQUEST);
    if (strcmp(how, "stranger") == 0) {
        void *thief = connect_socket(context); /* the token is good once */
        say(thief, TR_TRP1_HELLO, 0, token, "");
        say(thief, TR_TRP1_ERROR, 0, "", "nor is this");
    }
    if (strcmp(how, "mumbles") == 0) {
        zmq_send(socket, "mumble", 6, 0);
    } else if (strcmp(how, "answers twice") == 0) {
        say(socket, TR_TRP1_REPLY, id, "", "");
        say(socket, TR_TRP1_REPLY, id, "", "");
        say(socket, TR_TRP1_PART, id, "", "");
    } else if (strcmp(how, "is busy") == 0) {
        hear(socket, TR_TRP1_CANCEL);
        say(socket, TR_TRP1_ERROR, id, "", "cancelled");
    } else {
        say(socket, TR_TRP1_REPLY, id, "", "");
        while (id < N_AMONG_STRANGERS) {
            id = hear(socket, TR_TRP1_REQUEST);
            say(socket, TR_TRP1_REPLY, id, "", "");
        }
    }
    hear(socket, TR_TRP1_STOP);
    return 0;
}

/* ---- the scene ---- */

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *router;
    tr_mailbox_t *caller; /* closed: what a router tells it is no matter here */
    tr_mailbox_t *upper;  /* of another capability, which the test is too */
    tr_envelope_t *given; /* what was given last: a share */
    uint64_t last_number; /* of what the puppet was told to say */
    char program[4096];
    const char *argv[5];
    tr_process_plan_t plan;
    tr_actor_t *worker;
    uint64_t incarnation;
    int life; /* a pidfd of the process */
    pid_t pid;
    bool was_out_of_memory; /* how it ended last */
} scene_t;

static tr_mailbox_t *mailbox_called(const char *name, size_t n_letters)
{
    tr_mailbox_t *mailbox =
        tr_mailbox_new(name, 1, (tr_mailbox_limits_t){n_letters, 100 * MIB});
    assert_non_null(mailbox);
    return mailbox;
}

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    tr_log_set_level(getenv("TR_TEST_LOG") ? TR_LOG_DEBUG : TR_LOG_OFF);
    scene->runtime = tr_runtime_new("test");
    assert_non_null(scene->runtime);
    scene->parent = mailbox_called("parent", 100);
    scene->router = mailbox_called("router", 10);
    scene->upper = mailbox_called("upper", 10);
    scene->last_number = 1000;
    scene->caller = mailbox_called("caller", 1);
    tr_mailbox_close(scene->caller);
    assert_true(readlink("/proc/self/exe", scene->program, sizeof scene->program - 1) > 0);
    scene->life = -1;
    *state = scene;
    return 0;
}

static void close_and_release(tr_mailbox_t **mailbox_p)
{
    tr_mailbox_close(*mailbox_p);
    tr_mailbox_release(mailbox_p);
}

static void forget_letters(tr_mailbox_t *mailbox)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    if (scene->worker) { /* the test has failed */
        tr_control_t *word = tr_control_new(TR_WORD_KILL, scene->incarnation);
        tr_control_send(word, scene->worker->mailbox);
        if (tr_actor_reap(&scene->worker, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    if (scene->life >= 0) {
        close(scene->life);
    }
    close_and_release(&scene->parent);
    close_and_release(&scene->router);
    close_and_release(&scene->caller);
    tr_envelope_release(&scene->given);
    forget_letters(scene->upper);
    tr_directory_forget(scene->runtime->directory, scene->upper);
    close_and_release(&scene->upper);
    tr_runtime_release(&scene->runtime);
    free(scene);
    return 0;
}

static void start_program(scene_t *scene, const char *program, const char *mode,
                          const char *arg)
{
    scene->argv[0] = program;
    scene->argv[1] = mode;
    scene->argv[2] = arg;
    scene->plan.argv = scene->argv;
    scene->plan.capability = "test";
    if (scene->plan.idle_after_ms == 0) {
        scene->plan.idle_after_ms = TR_NEVER;
    }
    assert_status(tr_process_worker_start(&(tr_birth_t){.what = &scene->plan,
                                                        .name = "worker/1",
                                                        .runtime = scene->runtime,
                                                        .parent = scene->parent},
                                          &scene->worker),
                  TROUPE_OK);
    assert_true(scene->worker->can_be_killed);
    scene->incarnation = scene->worker->incarnation;
}

static void start(scene_t *scene, const char *how)
{
    static char arg[64];
    snprintf(arg, sizeof arg, "wake=%s", how);
    start_program(scene, scene->program, "--behaviour", arg);
}

static void start_foreign(scene_t *scene, const char *how)
{
    start_program(scene, scene->program, "--foreign", how);
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

static tr_control_t parent_hears(scene_t *scene, tr_word_t want)
{
    tr_letter_t *letter = wait_for_next(scene->parent);
    assert_non_null(tr_control_in(letter));
    tr_control_t word = *tr_control_in(letter); /* the words of a worker hold no shares */
    tr_letter_destroy(&letter);
    if (word.word == TR_WORD_ENDED && want != TR_WORD_ENDED) {
        char shown[400];
        fail_msg("ended instead of %s: %s", tr_word_name(want),
                 tr_reason_show(&word.reason, shown, sizeof shown));
    }
    assert_string_equal(tr_word_name(word.word), tr_word_name(want));
    assert_int_equal(word.incarnation, scene->incarnation);
    return word;
}

/* Take hold of the process while it is there. */
static void hold_process(scene_t *scene)
{
    scene->pid = atomic_load(&scene->worker->pulse->pid);
    assert_true(scene->pid > 0);
    scene->life = (int)syscall(SYS_pidfd_open, scene->pid, 0);
    assert_true(scene->life >= 0);
}

static void comes_up(scene_t *scene)
{
    parent_hears(scene, TR_WORD_STARTED);
    assert_string_equal(
        tr_worker_state_name((tr_worker_state_t)atomic_load(&scene->worker->pulse->state)),
        "ready");
    hold_process(scene);
}

/* Ended so, reaped, and nothing is left: no process, no zombie, no word that was not asked
 * about. */
static void ends_as(scene_t *scene, troupe_reason_kind_t kind, int code, const char *text)
{
    tr_control_t ended = parent_hears(scene, TR_WORD_ENDED);
    char shown[400];
    tr_reason_show(&ended.reason, shown, sizeof shown);
    scene->was_out_of_memory = ended.reason.is_out_of_memory;
    if (ended.reason.kind != kind || ended.reason.code != code ||
        !strstr(ended.reason.text, text) || (!*text && ended.reason.text[0])) {
        fail_msg("it ended otherwise: %s", shown);
    }
    assert_int_equal(atomic_load(&scene->worker->pulse->state), TR_WORKER_DEAD);
    assert_int_equal(atomic_load(&scene->worker->pulse->pid), 0);
    assert_status(tr_actor_reap(&scene->worker, PATIENCE_MS), TROUPE_OK);
    if (scene->life >= 0) {
        assert_int_equal(syscall(SYS_pidfd_send_signal, scene->life, 0, NULL, 0), -1);
        assert_int_equal(errno, ESRCH);
    }
    assert_null(tr_mailbox_next(scene->parent, NULL));
    tr_letter_t *more = tr_mailbox_next(scene->router, NULL);
    if (more) {
        const troupe_reply_t *reply = (const troupe_reply_t *)more;
        fail_msg("the router hears of %d: %s", (int)reply->job->number, reply->text);
    }
}

static void ask_to_stop(scene_t *scene)
{
    tr_actor_ask_to_stop(scene->worker, tr_reason_of(TROUPE_REASON_SHUTDOWN));
}

static void stops_well(scene_t *scene)
{
    ask_to_stop(scene);
    ends_as(scene, TROUPE_REASON_SHUTDOWN, 0, "");
}

static void kill_it(scene_t *scene, uint64_t grace_ms)
{
    tr_control_t *word = tr_control_new(TR_WORD_KILL, scene->incarnation);
    assert_non_null(word);
    word->number = grace_ms;
    word->reason = tr_reason_format(TROUPE_REASON_HUNG, "silent");
    tr_control_send(word, scene->worker->mailbox);
}

static void ping(scene_t *scene, uint64_t number)
{
    tr_control_t *word = tr_control_new(TR_WORD_PING, scene->incarnation);
    assert_non_null(word);
    word->number = number;
    tr_control_send(word, scene->worker->mailbox);
}

/* ---- jobs ---- */

static tr_job_t *job_of(scene_t *scene, uint64_t number, const tr_header_t *header,
                        troupe_message_t *message)
{
    tr_envelope_t *envelope = tr_envelope_new(number, scene->caller, header, &message);
    assert_non_null(envelope);
    envelope->deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_job_t *job = tr_job_new(envelope, scene->router, number);
    assert_non_null(job);
    tr_envelope_release(&scene->given);
    scene->given = envelope;
    return job;
}

static void post(scene_t *scene, tr_letter_t *letter)
{
    assert_status(tr_mailbox_post(scene->worker->mailbox, TR_LANE_USER, &letter), TROUPE_OK);
}

static void give_payload(scene_t *scene, uint64_t number, const char *method,
                         troupe_message_t *message)
{
    const tr_header_t header = {.capability = tr_span_of("test"), .method = tr_span_of(method)};
    post(scene, &job_of(scene, number, &header, message)->letter);
}

static void give(scene_t *scene, uint64_t number, const char *method)
{
    give_payload(scene, number, method, troupe_message_from_text("payload"));
}

/* The caller behind the router has taken it, and the router passes that on. */
static void take_part(scene_t *scene, const troupe_reply_t *part)
{
    tr_control_t *room = tr_flow_grant(&part->job->envelope->flow, 1, tr_reply_flow_bytes(part))
                             ? tr_control_new(TR_WORD_ROOM, scene->incarnation)
                             : NULL;
    if (room) {
        room->number = part->job->number;
        tr_control_send(room, scene->worker->mailbox);
    }
}

/* Nobody has taken it yet. */
static troupe_reply_t *router_hears(scene_t *scene, uint64_t number)
{
    tr_letter_t *letter = wait_for_next(scene->router);
    assert_ptr_equal(letter->type, &tr_reply_type);
    troupe_reply_t *reply = (troupe_reply_t *)letter;
    assert_non_null(reply->job);
    assert_int_equal(reply->job->number, number);
    return reply;
}

static troupe_reply_t *router_takes(scene_t *scene, uint64_t number)
{
    troupe_reply_t *reply = router_hears(scene, number);
    if (!reply->is_final) {
        take_part(scene, reply);
    }
    return reply;
}

static void router_hears_ok(scene_t *scene, uint64_t number)
{
    troupe_reply_t *reply = router_takes(scene, number);
    assert_true(reply->is_final);
    assert_outcome(reply->outcome, TROUPE_OUTCOME_OK);
    assert_int_equal(troupe_message_size(reply->message, 0), strlen("payload"));
    troupe_reply_destroy(&reply);
}

static void router_hears_error(scene_t *scene, uint64_t number, troupe_outcome_t outcome,
                               const char *text)
{
    troupe_reply_t *reply = router_takes(scene, number);
    assert_true(reply->is_final);
    assert_outcome(reply->outcome, outcome);
    assert_string_equal(reply->text ? reply->text : "", text);
    assert_int_equal(reply->is_worker_broken, outcome == TROUPE_OUTCOME_WORKER_LOST);
    troupe_reply_destroy(&reply);
}

/* Its handler has begun, and does not return yet. */
static void runs(scene_t *scene, uint64_t number)
{
    troupe_reply_t *part = router_takes(scene, number);
    assert_false(part->is_final);
    troupe_reply_destroy(&part);
}

/* ---- coming up ---- */

static void it_comes_up_and_stops(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    stops_well(scene);
}

static void a_failed_init_is_explained(void **state)
{
    scene_t *scene = *state;
    start(scene, "not");
    ends_as(scene, TROUPE_REASON_FAILED, 0, "no model called x");
    assert_false(scene->was_out_of_memory);
}

static void an_init_without_memory_is_told_from_others(void **state)
{
    scene_t *scene = *state;
    start(scene, "no memory");
    ends_as(scene, TROUPE_REASON_FAILED, 0, "the device is full");
    assert_true(scene->was_out_of_memory);
}

static void a_foreign_one_tells_it_by_the_code(void **state)
{
    scene_t *scene = *state;
    start_foreign(scene, "finds no memory");
    ends_as(scene, TROUPE_REASON_FAILED, 0, "too small a machine");
    assert_true(scene->was_out_of_memory);
}

static void one_that_is_not_needed_is_ignored(void **state)
{
    start(*state, "no need");
    ends_as(*state, TROUPE_REASON_IGNORED, 0, "");
}

static void last_words_are_heard_however_fast_it_dies(void **state)
{
    start_foreign(*state, "fails fast");
    ends_as(*state, TROUPE_REASON_FAILED, 0, "no luck");
}

static void a_program_that_is_not_there_is_told(void **state)
{
    start_program(*state, "/no/such/program", NULL, NULL);
    ends_as(*state, TROUPE_REASON_EXITED, 127, "cannot run /no/such/program");
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    scene_t *scene = *state;
    scene->plan.directory = "/no/folder";
    start(scene, "well");
    ends_as(scene, TROUPE_REASON_FAILED, 0, "/no/folder: No such file or directory");
}

static void one_that_ends_well_by_itself_is_normal(void **state)
{
    start_program(*state, "/bin/true", NULL, NULL);
    ends_as(*state, TROUPE_REASON_NORMAL, 0, "");
}

static void one_that_loads_can_be_stopped(void **state)
{
    scene_t *scene = *state;
    start_program(scene, "/bin/sleep", "1000", NULL); /* will never say hello */
    stops_well(scene);
}

static void one_that_loads_for_ever_can_be_killed(void **state)
{
    scene_t *scene = *state;
    start(scene, "never");
    ask_to_stop(scene);
    kill_it(scene, 0);
    ends_as(scene, TROUPE_REASON_HUNG, 0, "silent");
}

/* ---- requests ---- */

static void requests_are_served(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "echo");
    router_hears_ok(scene, 1);
    give(scene, 2, "refuse");
    router_hears_error(scene, 2, TROUPE_OUTCOME_BAD_REQUEST, "not like that");
    give(scene, 3, "echo");
    give(scene, 4, "echo");
    router_hears_ok(scene, 3);
    router_hears_ok(scene, 4);
    assert_int_equal(atomic_load(&scene->worker->pulse->n_done), 4);
    assert_int_equal(atomic_load(&scene->worker->pulse->running_since_ms), 0);
    stops_well(scene);
}

static void a_large_payload_goes_there_and_back(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    size_t size = 16 * MIB;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'z', size);
    give_payload(scene, 1, "echo", troupe_message_from(bytes, size));
    troupe_reply_t *reply = router_takes(scene, 1);
    assert_int_equal(troupe_message_size(reply->message, 0), size);
    assert_memory_equal(troupe_message_data(reply->message, 0), bytes, size);
    troupe_reply_destroy(&reply);
    free(bytes);
    stops_well(scene);
}

/* The router's mailbox takes ten letters; no part may be lost or come out of order. */
static void parts_wait_for_a_slow_router(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "parts");
    for (unsigned i = 0; i < N_PARTS; i++) {
        troupe_reply_t *part = router_takes(scene, 1);
        assert_false(part->is_final);
        assert_int_equal(troupe_message_size(part->message, 0), sizeof i);
        assert_memory_equal(troupe_message_data(part->message, 0), &i, sizeof i);
        troupe_reply_destroy(&part);
    }
    router_hears_ok(scene, 1);
    stops_well(scene);
}

static void a_cancel_is_passed_on(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 7, "heed cancel");
    runs(scene, 7);
    tr_control_t *cancel = tr_control_new(TR_WORD_CANCEL, scene->incarnation);
    assert_non_null(cancel);
    cancel->number = 7;
    tr_control_send(cancel, scene->worker->mailbox);
    router_hears_error(scene, 7, TROUPE_OUTCOME_WORKER_ERROR, "cancelled");
    stops_well(scene);
}

static void a_stop_finishes_what_was_given(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    for (uint64_t number = 1; number <= 5; number++) {
        give(scene, number, "echo");
    }
    ask_to_stop(scene);
    for (uint64_t number = 1; number <= 5; number++) {
        router_hears_ok(scene, number);
    }
    ends_as(scene, TROUPE_REASON_SHUTDOWN, 0, "");
}

static void output_without_end_holds_nothing_up(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "chatter");
    ping(scene, 5);
    assert_int_equal(parent_hears(scene, TR_WORD_PONG).number, 5);
    router_hears_ok(scene, 1);
    stops_well(scene);
}

static void a_message_is_a_dead_letter(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    troupe_message_t *message = troupe_message_from_text("hello");
    tr_letter_t *letter = &tr_mail_new(&message, NULL, NULL)->letter;
    assert_status(tr_mailbox_post(scene->worker->mailbox, TR_LANE_USER, &letter), TROUPE_OK);
    give(scene, 1, "echo");
    router_hears_ok(scene, 1);
    assert_int_equal(tr_metric_value(scene->runtime->dead_letters), 1);
    stops_well(scene);
}

/* ---- signs of life ---- */

static void a_ping_is_answered_while_it_works(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    int64_t before_ms = tr_clock_now_ms();
    give(scene, 1, "hang");
    runs(scene, 1);
    ping(scene, 5);
    assert_int_equal(parent_hears(scene, TR_WORD_PONG).number, 5);
    const tr_pulse_t *pulse = scene->worker->pulse;
    assert_int_equal(atomic_load(&pulse->running), 1);
    assert_in_range(atomic_load(&pulse->running_since_ms), before_ms - 100, tr_clock_now_ms());
    assert_true(atomic_load(&pulse->running_until_ms) < tr_clock_now_ms() + PATIENCE_MS + 1);
    assert_int_equal(atomic_load(&pulse->state), TR_WORKER_PROCESSING);
    assert_in_range(atomic_load(&pulse->memory_bytes), 100000, 1 << 30);
    kill_it(scene, 0);
    ends_as(scene, TROUPE_REASON_HUNG, 0, "silent");
}

static void one_with_nothing_to_do_is_idle(void **state)
{
    scene_t *scene = *state;
    scene->plan.idle_after_ms = 1;
    start(scene, "well");
    parent_hears(scene, TR_WORD_STARTED);
    hold_process(scene);
    for (uint64_t n = 1; atomic_load(&scene->worker->pulse->state) != TR_WORKER_IDLE; n++) {
        ping(scene, n);
        parent_hears(scene, TR_WORD_PONG);
    }
    give(scene, 1, "echo");
    router_hears_ok(scene, 1);
    stops_well(scene);
}

static void too_much_memory_is_the_end(void **state)
{
#ifdef TR_TEST_SANITIZED
    (void)state;
    skip(); /* a sanitized program does not start within any limit */
#else
    scene_t *scene = *state;
    scene->plan.limits.memory_bytes = 48 << 20;
    start(scene, "big");
    comes_up(scene);
    ping(scene, 1);
    ends_as(scene, TROUPE_REASON_FAILED, 0, "MiB, above its limit of 48 MiB");
    assert_true(scene->was_out_of_memory);
#endif
}

/* A shell that waits for one that is larger than itself by far. */
static void what_it_has_started_counts(void **state)
{
    scene_t *scene = *state;
    char script[4200];
    snprintf(script, sizeof script, "'%s' --behaviour wake=big & wait", scene->program);
    start_program(scene, "/bin/sh", "-c", script);
    comes_up(scene);
    ping(scene, 1);
    parent_hears(scene, TR_WORD_PONG);
    assert_true(atomic_load(&scene->worker->pulse->memory_bytes) >= (int64_t)(64 * MIB));
    stops_well(scene);
}

static void one_that_it_has_started_is_too_large(void **state)
{
#ifdef TR_TEST_SANITIZED
    (void)state;
    skip(); /* a sanitized program does not start within any limit */
#else
    scene_t *scene = *state;
    char script[4200];
    snprintf(script, sizeof script, "'%s' --behaviour wake=big & wait", scene->program);
    scene->plan.limits.memory_bytes = 48 << 20;
    start_program(scene, "/bin/sh", "-c", script);
    comes_up(scene);
    ping(scene, 1);
    ends_as(scene, TROUPE_REASON_FAILED, 0, "MiB, above its limit of 48 MiB");
    assert_true(scene->was_out_of_memory);
#endif
}

/* ---- killed, and by whom ---- */

/* One row: how it dies while the kernel's counter goes from 1 to `counter`, and what that is.
 */
struct death {
    const char *method;
    int counter;
    troupe_reason_kind_t kind;
    int code;
    const char *text;
    bool is_out_of_memory;
};

static void dies_as(scene_t *scene, const struct death *death)
{
    folder_t machine;
    char counter[64];
    folder_begin(&machine);
    folder_put(&machine, "/proc/vmstat", "nr_free_pages 5\noom_kill 1\n");
    snprintf(counter, sizeof counter, "nr_free_pages 5\noom_kill %d\n", death->counter);
    scene->plan.machine = machine.path;
    start(scene, "well");
    comes_up(scene);
    folder_put(&machine, "/proc/vmstat", counter);
    give(scene, 1, death->method);
    ends_as(scene, death->kind, death->code, death->text);
    assert_int_equal(scene->was_out_of_memory, death->is_out_of_memory);
    close(scene->life);
    scene->life = -1;
    folder_end(&machine);
}

static void who_is_killed_for_want_of_memory_is_told(void **state)
{
    static const char want[] = "the kernel killed it for want of memory (out of memory)";
    static const struct death rows[] = {
        {"be killed", 1, TROUPE_REASON_CRASHED, SIGKILL, "", false},
        {"be killed", 2, TROUPE_REASON_CRASHED, SIGKILL, want, true},
        {"end as a shell whose child was killed", 2, TROUPE_REASON_EXITED, 137, want, true},
        {"end as a shell whose child was killed", 1, TROUPE_REASON_EXITED, 137, "", false},
        {"crash", 2, TROUPE_REASON_CRASHED, SIGSEGV, "the last", false},
        {"exit", 2, TROUPE_REASON_EXITED, 3, "out of ideas", false},
        {"leave", 2, TROUPE_REASON_NORMAL, 0, "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dies_as(*state, &rows[i]);
    }
}

static void whom_the_node_kills_is_not(void **state)
{
    scene_t *scene = *state;
    folder_t machine;
    folder_begin(&machine);
    folder_put(&machine, "/proc/vmstat", "oom_kill 1\n");
    scene->plan.machine = machine.path;
    start(scene, "well");
    comes_up(scene);
    folder_put(&machine, "/proc/vmstat", "oom_kill 2\n");
    kill_it(scene, 0);
    ends_as(scene, TROUPE_REASON_HUNG, 0, "silent");
    assert_false(scene->was_out_of_memory);
    folder_end(&machine);
}

/* ---- dying ---- */

static void a_crash_in_a_request_is_told(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "echo");
    router_hears_ok(scene, 1);
    give(scene, 2, "crash"); /* nobody answers it: the router ends it when the worker is down */
    ends_as(scene, TROUPE_REASON_CRASHED, SIGSEGV, "the last");
}

static void so_is_an_exit(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "exit");
    ends_as(scene, TROUPE_REASON_EXITED, 3, "out of ideas");
}

static void leaving_in_a_request_is_normal(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "leave");
    ends_as(scene, TROUPE_REASON_NORMAL, 0, "");
}

static void one_that_breaks_explains_and_hands_back(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "break");
    router_hears_error(scene, 1, TROUPE_OUTCOME_WORKER_LOST, "the device is gone");
    ends_as(scene, TROUPE_REASON_FAILED, 0, "the device is gone");
}

static void what_it_had_not_begun_is_handed_back(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "heed cancel");
    runs(scene, 1);
    give(scene, 2, "break");
    give(scene, 3, "echo");
    ping(scene, 1); /* both are with the process now */
    parent_hears(scene, TR_WORD_PONG);
    tr_control_t *cancel = tr_control_new(TR_WORD_CANCEL, scene->incarnation);
    cancel->number = 1;
    tr_control_send(cancel, scene->worker->mailbox);
    router_hears_error(scene, 1, TROUPE_OUTCOME_WORKER_ERROR, "cancelled");
    router_hears_error(scene, 2, TROUPE_OUTCOME_WORKER_LOST, "the device is gone");
    troupe_reply_t *back = router_takes(scene, 3);
    assert_true(back->was_not_started);
    troupe_reply_destroy(&back);
    ends_as(scene, TROUPE_REASON_FAILED, 0, "the device is gone");
}

static void what_it_started_goes_with_it(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "child");
    troupe_reply_t *reply = router_takes(scene, 1);
    pid_t pid;
    assert_int_equal(troupe_message_size(reply->message, 0), sizeof pid);
    memcpy(&pid, troupe_message_data(reply->message, 0), sizeof pid);
    troupe_reply_destroy(&reply);
    struct pollfd child = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    assert_true(child.fd >= 0);
    kill(scene->pid, SIGKILL);
    ends_as(scene, TROUPE_REASON_CRASHED, SIGKILL, "");
    assert_int_equal(poll(&child, 1, PATIENCE_MS), 1);
    close(child.fd);
}

static void a_stopped_one_can_be_killed(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    kill(scene->pid, SIGSTOP);
    kill_it(scene, 0);
    ends_as(scene, TROUPE_REASON_HUNG, 0, "silent");
}

static void a_stopped_one_still_gets_its_grace(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    kill(scene->pid, SIGSTOP);
    int64_t before_ms = tr_clock_now_ms();
    kill_it(scene, PATIENCE_MS);
    ends_as(scene, TROUPE_REASON_HUNG, 0, "silent");
    assert_true(tr_clock_now_ms() - before_ms < PATIENCE_MS);
}

static void grace_has_an_end(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "hang"); /* SIGTERM is heard, but cannot be followed */
    runs(scene, 1);
    kill_it(scene, 20);
    ends_as(scene, TROUPE_REASON_HUNG, 0, "silent");
}

static void one_that_was_replaced_goes_at_once(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "hang");
    runs(scene, 1);
    atomic_store(&scene->worker->pulse->is_abandoned, 1);
    tr_actor_ask_to_stop(scene->worker, tr_reason_of(TROUPE_REASON_HUNG));
    ends_as(scene, TROUPE_REASON_HUNG, 0, "");
}

static void destroying_the_actor_takes_the_process_along(void **state)
{
    scene_t *scene = *state;
    start(scene, "well");
    comes_up(scene);
    give(scene, 1, "hang");
    runs(scene, 1);
    zstr_send(scene->worker->zactor, "$TERM");
    ends_as(scene, TROUPE_REASON_SHUTDOWN, 0, "");
}

/* ---- foreign ones ---- */

static void strangers_are_not_listened_to(void **state)
{
    scene_t *scene = *state;
    start_foreign(scene, "stranger");
    comes_up(scene);
    for (uint64_t number = 1; number <= N_AMONG_STRANGERS; number++) {
        give(scene, number, "");
        troupe_reply_t *reply = router_takes(scene, number);
        assert_outcome(reply->outcome, TROUPE_OUTCOME_OK);
        troupe_reply_destroy(&reply);
    }
    stops_well(scene);
}

static void one_that_mumbles_is_killed(void **state)
{
    scene_t *scene = *state;
    start_foreign(scene, "mumbles");
    comes_up(scene);
    give(scene, 1, "");
    ends_as(scene, TROUPE_REASON_FAILED, 0, "it sent what is no TRP/1");
}

static void a_second_answer_is_dropped(void **state)
{
    scene_t *scene = *state;
    start_foreign(scene, "answers twice");
    comes_up(scene);
    give(scene, 1, "");
    troupe_reply_t *reply = router_takes(scene, 1);
    troupe_reply_destroy(&reply);
    stops_well(scene);
}

/* It answers no ping; its pulse says that it works, and since when. */
static void one_without_a_second_thread_is_seen_to_work(void **state)
{
    scene_t *scene = *state;
    start_foreign(scene, "is busy");
    comes_up(scene);
    const tr_pulse_t *pulse = scene->worker->pulse;
    assert_int_equal(atomic_load(&pulse->running_since_ms), 0);
    give(scene, 9, "");
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    while (atomic_load(&pulse->running_since_ms) == 0 && tr_clock_now_ms() < until_ms) {
        sched_yield();
    }
    assert_int_equal(atomic_load(&pulse->running), 9);
    assert_true(atomic_load(&pulse->running_since_ms) > 0 || atomic_load(&pulse->running) == 9);
    tr_control_t *cancel = tr_control_new(TR_WORD_CANCEL, scene->incarnation);
    cancel->number = 9;
    tr_control_send(cancel, scene->worker->mailbox);
    router_hears_error(scene, 9, TROUPE_OUTCOME_WORKER_ERROR, "cancelled");
    stops_well(scene);
}

/* ---- with a puppet ---- */

#define TELL 1 /* the request by which it tells what it hears */

static void start_puppet(scene_t *scene)
{
    start_foreign(scene, "puppet");
    comes_up(scene);
    give(scene, TELL, "tell");
}

static void puppet_tells(scene_t *scene, const char *want)
{
    troupe_reply_t *part = router_takes(scene, TELL);
    char text[1000];
    snprintf(text, sizeof text, "%.*s", (int)troupe_message_size(part->message, 0),
             (const char *)troupe_message_data(part->message, 0));
    troupe_reply_destroy(&part);
    assert_string_equal(text, want);
}

/* It is told to say this; returns the number under which it will reply that it has. */
static uint64_t tell_to_say(scene_t *scene, const tr_trp1_t *command, const char *payload)
{
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size;
    assert_status(tr_trp1_encode(command, head, sizeof head, &size), TROUPE_OK);
    troupe_message_t *frames = troupe_message_from(head, size);
    assert_non_null(frames);
    if (payload) {
        assert_status(troupe_message_add(frames, payload, strlen(payload)), TROUPE_OK);
    }
    give_payload(scene, ++scene->last_number, "say", frames);
    return scene->last_number;
}

static void hears_that_it_said(scene_t *scene, uint64_t number)
{
    troupe_reply_t *reply = router_takes(scene, number);
    assert_true(reply->is_final);
    troupe_reply_destroy(&reply);
}

static void say_command(scene_t *scene, const tr_trp1_t *command, const char *payload)
{
    hears_that_it_said(scene, tell_to_say(scene, command, payload));
}

static void say_word(scene_t *scene, tr_trp1_command_t word, uint64_t id)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    say_command(scene, &command, NULL);
}

static void finish_request(scene_t *scene, uint64_t number)
{
    tr_trp1_t reply;
    tr_trp1_init(&reply, TR_TRP1_REPLY, number);
    uint64_t said = tell_to_say(scene, &reply, "payload");
    router_hears_ok(scene, number);
    hears_that_it_said(scene, said);
}

static void puppet_stops(scene_t *scene)
{
    finish_request(scene, TELL);
    stops_well(scene);
}

/* The actor has taken all that was posted to it before. */
static void has_looked(scene_t *scene)
{
    int64_t before = tr_metric_value(scene->runtime->dead_letters);
    troupe_message_t *message = troupe_message_from_text("are you there?");
    post(scene, &tr_mail_new(&message, NULL, NULL)->letter);
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    while (tr_metric_value(scene->runtime->dead_letters) == before) {
        assert_true(tr_clock_now_ms() < until_ms);
        sched_yield();
    }
}

/* ---- credit ---- */

static void give_with_credit(scene_t *scene, uint64_t number, uint64_t credit)
{
    const tr_header_t header = {
        .capability = tr_span_of("test"), .credit = credit, .is_shut = credit == 0};
    post(scene, &job_of(scene, number, &header, NULL)->letter);
}

/* The reader of what was given last does so. */
static void reader_grants(scene_t *scene, tr_envelope_t *envelope, uint64_t number,
                          uint64_t n_parts)
{
    if (tr_flow_grant(&envelope->flow, n_parts, 0)) {
        tr_control_t *room = tr_control_new(TR_WORD_ROOM, scene->incarnation);
        assert_non_null(room);
        room->number = number;
        tr_control_send(room, scene->worker->mailbox);
    }
}

static uint64_t tell_to_send_part(scene_t *scene, uint64_t number, int64_t sequence)
{
    tr_trp1_t part;
    tr_trp1_init(&part, TR_TRP1_PART, number);
    part.sequence = sequence;
    char payload[32];
    snprintf(payload, sizeof payload, "part %lld", (long long)sequence);
    return tell_to_say(scene, &part, payload);
}

static void router_hears_part(scene_t *scene, uint64_t number, int sequence)
{
    char want[32];
    snprintf(want, sizeof want, "part %d", sequence);
    troupe_reply_t *part = router_hears(scene, number);
    assert_false(part->is_final);
    assert_int_equal(troupe_message_size(part->message, 0), strlen(want));
    assert_memory_equal(troupe_message_data(part->message, 0), want, strlen(want));
    troupe_reply_destroy(&part);
}

static void credit_is_passed_on(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    give_with_credit(scene, 3, 2);
    puppet_tells(scene, "request 3 credit=2");
    tr_envelope_t *envelope = tr_envelope_share(scene->given);
    for (int i = 0; i < 2; i++) {
        uint64_t said = tell_to_send_part(scene, 3, i);
        router_hears_part(scene, 3, i);
        hears_that_it_said(scene, said);
    }
    reader_grants(scene, envelope, 3, 5);
    puppet_tells(scene, "credit 3 credit=5");
    tr_envelope_release(&envelope);
    finish_request(scene, 3);
    puppet_stops(scene);
}

static void so_is_that_there_is_none_yet(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    give_with_credit(scene, 3, 0);
    puppet_tells(scene, "request 3 credit=0");
    reader_grants(scene, scene->given, 3, 1);
    puppet_tells(scene, "credit 3 credit=1");
    finish_request(scene, 3);
    puppet_stops(scene);
}

/* More than that is never of use: it comes as parts are heard. */
static void a_large_credit_is_passed_on_bit_by_bit(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    give_with_credit(scene, 3, 1000000);
    puppet_tells(scene, "request 3 credit=64");
    for (int i = 0; i < 32; i++) {
        uint64_t said = tell_to_send_part(scene, 3, i);
        router_hears_part(scene, 3, i);
        hears_that_it_said(scene, said);
    }
    puppet_tells(scene, "credit 3 credit=32");
    finish_request(scene, 3);
    puppet_stops(scene);
}

static void who_ignores_credit_is_held_back(void **state)
{
    enum { N = 5 };
    scene_t *scene = *state;
    start_puppet(scene);
    give_with_credit(scene, 3, 1);
    puppet_tells(scene, "request 3 credit=1");
    tr_envelope_t *envelope = tr_envelope_share(scene->given);
    uint64_t said[N];
    for (int i = 0; i < N; i++) {
        said[i] = tell_to_send_part(scene, 3, i);
    }
    router_hears_part(scene, 3, 0);
    hears_that_it_said(scene, said[0]);
    for (int i = 1; i < N; i++) {
        has_looked(scene);
        assert_null(tr_mailbox_next(scene->router, NULL));
        reader_grants(scene, envelope, 3, 1);
        router_hears_part(scene, 3, i);
        hears_that_it_said(scene, said[i]);
    }
    for (int i = 1; i < N; i++) {
        puppet_tells(scene, "credit 3 credit=1");
    }
    tr_envelope_release(&envelope);
    finish_request(scene, 3);
    puppet_stops(scene);
}

static void say_cancel(scene_t *scene, uint64_t number)
{
    tr_control_t *cancel = tr_control_new(TR_WORD_CANCEL, scene->incarnation);
    assert_non_null(cancel);
    cancel->number = number;
    tr_control_send(cancel, scene->worker->mailbox);
}

/* Its reader has left: the parts are of no use, but what comes after them is. */
static void a_part_that_is_held_goes_with_its_request(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    const tr_header_t header = {.capability = tr_span_of("test"), .is_shut = true};
    tr_job_t *job = tr_job_share(job_of(scene, 3, &header, NULL));
    post(scene, &job->letter);
    puppet_tells(scene, "request 3 credit=0");
    uint64_t first = tell_to_send_part(scene, 3, 0);
    uint64_t second = tell_to_send_part(scene, 3, 1);
    has_looked(scene);
    tr_job_flag_cancelled(job, tr_clock_now_ms());
    say_cancel(scene, 3);
    hears_that_it_said(scene, first);
    hears_that_it_said(scene, second);
    puppet_tells(scene, "cancel 3");
    tr_job_release(&job);
    finish_request(scene, 3);
    puppet_stops(scene);
}

/* ---- batches ---- */

static void a_batch_says_how_many_follow(void **state)
{
    enum { N = 3 };
    scene_t *scene = *state;
    start_puppet(scene);
    const tr_header_t header = {.capability = tr_span_of("test")};
    tr_batch_t *batch = tr_batch_new(N);
    assert_non_null(batch);
    for (uint64_t number = 3; number < 3 + N; number++) {
        tr_batch_add(batch, job_of(scene, number, &header, NULL));
    }
    post(scene, &batch->letter);
    puppet_tells(scene, "request 3 credit=64 batch=2");
    puppet_tells(scene, "request 4 credit=64 batch=1");
    puppet_tells(scene, "request 5 credit=64 batch=0");
    for (uint64_t number = 3; number < 3 + N; number++) {
        finish_request(scene, number);
    }
    puppet_stops(scene);
}

static void who_has_left_is_not_counted_in_a_batch(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    const tr_header_t header = {.capability = tr_span_of("test")};
    tr_batch_t *batch = tr_batch_new(3);
    assert_non_null(batch);
    tr_batch_add(batch, job_of(scene, 3, &header, NULL));
    tr_job_t *left = job_of(scene, 4, &header, NULL);
    tr_job_flag_cancelled(left, tr_clock_now_ms());
    tr_batch_add(batch, left);
    tr_batch_add(batch, job_of(scene, 5, &header, NULL));
    post(scene, &batch->letter);
    router_hears_error(scene, 4, TROUPE_OUTCOME_CANCELLED, "");
    puppet_tells(scene, "request 3 credit=64 batch=1");
    puppet_tells(scene, "request 5 credit=64 batch=0");
    finish_request(scene, 3);
    finish_request(scene, 5);
    puppet_stops(scene);
}

/* ---- calls to others ---- */

static tr_trp1_t call_of(uint64_t id, int64_t parent)
{
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, id);
    request.capability = tr_span_of("upper");
    request.method = tr_span_of("any");
    request.parent = parent;
    return request;
}

static void start_caller(scene_t *scene)
{
    assert_status(tr_directory_register(scene->runtime->directory, TR_NAMES_CAPABILITY, "upper",
                                        scene->upper),
                  TROUPE_OK);
    start_puppet(scene);
}

/* What was called gets the request; the share is the test's. */
static tr_envelope_t *upper_gets(scene_t *scene)
{
    tr_letter_t *letter = wait_for_next(scene->upper);
    assert_string_equal(letter->type->name, tr_envelope_type.name);
    return tr_envelope_of(letter);
}

static void upper_hears(scene_t *scene, const tr_letter_type_t *type,
                        const tr_envelope_t *envelope)
{
    tr_letter_t *letter = wait_for_next(scene->upper);
    assert_string_equal(letter->type->name, type->name);
    assert_ptr_equal(((tr_note_t *)letter)->envelope, envelope);
    tr_letter_destroy(&letter);
}

static void upper_sends(tr_envelope_t *envelope, bool is_final, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    troupe_reply_t *reply = tr_reply_new(0, is_final, TROUPE_OUTCOME_OK, NULL, &message);
    assert_non_null(reply);
    assert_true(tr_envelope_forward(envelope, &reply));
}

/* The id of the call is that of the request that it is for: they have nothing to do with each
 * other. */
static void what_it_asks_of_others_is_answered(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(TELL, TELL);
    request.sticky = tr_span_of("user 7");
    request.dedup = tr_span_of("job 9");
    request.traceparent = tr_span_of("00-4bf9-00f0-01");
    request.priority = TROUPE_PRIORITY_HIGH;
    say_command(scene, &request, "please");
    tr_envelope_t *envelope = upper_gets(scene);
    assert_string_equal(envelope->capability, "upper");
    assert_string_equal(envelope->method, "any");
    assert_string_equal(envelope->traceparent, "00-4bf9-00f0-01");
    assert_int_equal(envelope->sticky.size, 6);
    assert_int_equal(envelope->dedup.size, 5);
    assert_int_equal(envelope->priority, TROUPE_PRIORITY_HIGH);
    assert_int_equal(envelope->depth, 1);
    assert_int_equal(troupe_message_size(envelope->message, 0), strlen("please"));
    assert_in_range(envelope->timeout_ms, 1, PATIENCE_MS); /* what its parent has left */
    upper_sends(envelope, false, "PLE");
    upper_sends(envelope, true, "PLEASE");
    puppet_tells(scene, "part 1 sequence=0 payload=PLE");
    puppet_tells(scene, "reply 1 payload=PLEASE");
    tr_envelope_release(&envelope);
    puppet_stops(scene);
}

static void for_its_own_sake_it_may_ask_too(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(5, -1);
    say_command(scene, &request, NULL);
    tr_envelope_t *envelope = upper_gets(scene);
    assert_int_equal(envelope->depth, 1);
    assert_int_equal(envelope->timeout_ms, 0);
    assert_int_equal(envelope->peer, scene->incarnation);
    tr_envelope_answer(envelope, TROUPE_OUTCOME_OVERLOADED, 250, "too much");
    puppet_tells(scene, "error 5 code=overloaded text=too much; try again later, "
                        "and more slowly hint=250");
    tr_envelope_release(&envelope);
    puppet_stops(scene);
}

static void a_call_has_no_more_time_than_its_parent(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(5, TELL);
    request.timeout_ms = 10 * (int64_t)PATIENCE_MS;
    say_command(scene, &request, NULL);
    tr_envelope_t *envelope = upper_gets(scene);
    assert_in_range(envelope->timeout_ms, 1, PATIENCE_MS);
    tr_envelope_answer(envelope, TROUPE_OUTCOME_TIMEOUT, 0, "too late");
    tr_envelope_release(&envelope);
    puppet_tells(scene, "error 5 code=timeout text=too late; allow more time, or "
                        "try again later");
    puppet_stops(scene);
}

static void a_call_without_time_is_over(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(5, TELL);
    request.timeout_ms = 0;
    say_command(scene, &request, NULL);
    puppet_tells(scene, "error 5 code=timeout text=no time was left for it");
    puppet_stops(scene);
}

static void a_call_that_nobody_serves_is_answered(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    tr_trp1_t request = call_of(5, TELL);
    say_command(scene, &request, "please");
    puppet_tells(scene, "error 5 code=no_capability text=nobody offers 'upper' here; "
                        "check the name and the node");
    puppet_stops(scene);
}

static void a_call_for_what_is_over_is_refused(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(5, 77);
    say_command(scene, &request, "please");
    puppet_tells(scene, "error 5 code=cancelled "
                        "text=the request that it was called for is not open any more");
    puppet_stops(scene);
}

static void an_id_in_use_is_refused(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(5, TELL);
    say_command(scene, &request, "one");
    tr_envelope_t *envelope = upper_gets(scene);
    say_command(scene, &request, "two");
    puppet_tells(scene, "error 5 code=bad_request text=that id is in use");
    request.parent = 77; /* whatever is wrong with it besides */
    say_command(scene, &request, "three");
    puppet_tells(scene, "error 5 code=cancelled "
                        "text=the request that it was called for is not open any more");
    say_word(scene, TR_TRP1_CANCEL, 5); /* the first is still open, and can be spoken of */
    upper_hears(scene, &tr_cancel_type, envelope);
    upper_sends(envelope, true, "ONE");
    puppet_tells(scene, "reply 5 payload=ONE");
    tr_envelope_release(&envelope);

    say_command(scene, &request, NULL); /* free again */
    puppet_tells(scene, "error 5 code=cancelled "
                        "text=the request that it was called for is not open any more");
    puppet_stops(scene);
}

static void it_may_cancel_what_it_asked(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(5, TELL);
    say_command(scene, &request, NULL);
    tr_envelope_t *envelope = upper_gets(scene);
    say_word(scene, TR_TRP1_CANCEL, 6); /* not open: nothing happens */
    say_word(scene, TR_TRP1_CANCEL, 5);
    upper_hears(scene, &tr_cancel_type, envelope);
    tr_envelope_answer(envelope, TROUPE_OUTCOME_CANCELLED, 0, "as you like");
    puppet_tells(scene, "error 5 code=cancelled text=as you like");
    tr_envelope_release(&envelope);
    puppet_stops(scene);
}

static void calls_are_cancelled_with_their_parent(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    give(scene, 3, "for which it calls");
    puppet_tells(scene, "request 3 credit=64 payload=payload");
    tr_trp1_t request = call_of(5, 3);
    say_command(scene, &request, NULL);
    tr_envelope_t *envelope = upper_gets(scene);
    say_cancel(scene, 3);
    upper_hears(scene, &tr_cancel_type, envelope);
    puppet_tells(scene, "cancel 3");
    tr_envelope_answer(envelope, TROUPE_OUTCOME_CANCELLED, 0, "too");
    puppet_tells(scene, "error 5 code=cancelled text=too");
    tr_envelope_release(&envelope);
    finish_request(scene, 3);
    puppet_stops(scene);
}

static void a_death_cancels_what_it_asked(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(5, TELL);
    say_command(scene, &request, NULL);
    tr_envelope_t *envelope = upper_gets(scene);
    give(scene, 3, "die");
    upper_hears(scene, &tr_cancel_type, envelope);
    tr_envelope_release(&envelope);
    ends_as(scene, TROUPE_REASON_EXITED, 9, "");
}

static void parts_for_it_come_by_its_credit(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(5, TELL);
    request.credit = 0;
    say_command(scene, &request, NULL);
    tr_envelope_t *envelope = upper_gets(scene);
    tr_flow_spent_t spent = {0};
    assert_false(tr_flow_has_room(&envelope->flow, &spent));
    assert_true(tr_flow_ask_for_word(&envelope->flow, &spent));
    tr_trp1_t credit;
    tr_trp1_init(&credit, TR_TRP1_CREDIT, 6); /* not open: nothing happens */
    credit.credit = 7;
    say_command(scene, &credit, NULL);
    credit.id = 5;
    credit.credit = 2;
    say_command(scene, &credit, NULL);
    upper_hears(scene, &tr_credit_type, envelope);
    assert_int_equal(tr_flow_parts_left(&envelope->flow, &spent), 2);
    upper_sends(envelope, false, "P");
    puppet_tells(scene, "part 5 sequence=0 payload=P");
    tr_flow_spend(&spent, 1);
    assert_int_equal(tr_flow_parts_left(&envelope->flow, &spent), 1);
    upper_sends(envelope, true, "PLEASE");
    puppet_tells(scene, "reply 5 payload=PLEASE");
    tr_envelope_release(&envelope);
    puppet_stops(scene);
}

/* The node grants in its place, as they leave. */
static void who_grants_nothing_gets_all_parts(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    tr_trp1_t request = call_of(5, TELL);
    say_command(scene, &request, NULL);
    tr_envelope_t *envelope = upper_gets(scene);
    tr_trp1_t credit;
    tr_trp1_init(&credit, TR_TRP1_CREDIT, 5);
    credit.credit = 1000; /* ignored then */
    say_command(scene, &credit, NULL);
    tr_flow_spent_t spent = {0};
    assert_int_equal(tr_flow_parts_left(&envelope->flow, &spent), 64);
    for (int i = 0; i < 200; i++) {
        if (!tr_flow_has_room(&envelope->flow, &spent) &&
            tr_flow_ask_for_word(&envelope->flow, &spent)) {
            upper_hears(scene, &tr_credit_type, envelope);
        }
        upper_sends(envelope, false, "P");
        tr_flow_spend(&spent, 1);
        char want[64];
        snprintf(want, sizeof want, "part 5 sequence=%d payload=P", i);
        puppet_tells(scene, want);
    }
    upper_sends(envelope, true, "PLEASE");
    puppet_tells(scene, "reply 5 payload=PLEASE");
    tr_envelope_release(&envelope);
    puppet_stops(scene);
}

/* Who answers pings, and says that no handler of his runs, waits for another: that may take as
 * long as it takes. */
static void who_waits_for_others_is_not_stalled(void **state)
{
    scene_t *scene = *state;
    start_caller(scene);
    _Atomic(int64_t) *progress_ms = &scene->worker->pulse->progress_ms;
    has_looked(scene);
    atomic_store(progress_ms, 1);
    say_word(scene, TR_TRP1_PONG, 0);
    assert_int_equal(atomic_load(progress_ms), 1); /* it waits for nobody */
    tr_trp1_t request = call_of(5, TELL);
    say_command(scene, &request, NULL);
    tr_envelope_t *envelope = upper_gets(scene);
    assert_int_equal(atomic_load(progress_ms), 1);
    say_word(scene, TR_TRP1_PONG, 0);
    assert_true(atomic_load(progress_ms) > 1);
    upper_sends(envelope, true, "PLEASE");
    puppet_tells(scene, "reply 5 payload=PLEASE");
    tr_envelope_release(&envelope);
    puppet_stops(scene);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_stories(void)
{
    const struct CMUnitTest tests[] = {
        story(it_comes_up_and_stops),
        story(a_failed_init_is_explained),
        story(an_init_without_memory_is_told_from_others),
        story(a_foreign_one_tells_it_by_the_code),
        story(one_that_is_not_needed_is_ignored),
        story(last_words_are_heard_however_fast_it_dies),
        story(a_program_that_is_not_there_is_told),
        story(a_folder_that_is_not_there_is_told),
        story(one_that_ends_well_by_itself_is_normal),
        story(one_that_loads_can_be_stopped),
        story(one_that_loads_for_ever_can_be_killed),
        story(requests_are_served),
        story(a_large_payload_goes_there_and_back),
        story(parts_wait_for_a_slow_router),
        story(a_cancel_is_passed_on),
        story(a_stop_finishes_what_was_given),
        story(output_without_end_holds_nothing_up),
        story(a_message_is_a_dead_letter),
        story(a_ping_is_answered_while_it_works),
        story(one_with_nothing_to_do_is_idle),
        story(too_much_memory_is_the_end),
        story(what_it_has_started_counts),
        story(one_that_it_has_started_is_too_large),
        story(who_is_killed_for_want_of_memory_is_told),
        story(whom_the_node_kills_is_not),
        story(a_crash_in_a_request_is_told),
        story(so_is_an_exit),
        story(leaving_in_a_request_is_normal),
        story(one_that_breaks_explains_and_hands_back),
        story(what_it_had_not_begun_is_handed_back),
        story(what_it_started_goes_with_it),
        story(a_stopped_one_can_be_killed),
        story(a_stopped_one_still_gets_its_grace),
        story(grace_has_an_end),
        story(one_that_was_replaced_goes_at_once),
        story(destroying_the_actor_takes_the_process_along),
        story(strangers_are_not_listened_to),
        story(one_that_mumbles_is_killed),
        story(a_second_answer_is_dropped),
        story(one_without_a_second_thread_is_seen_to_work),
        story(credit_is_passed_on),
        story(so_is_that_there_is_none_yet),
        story(a_large_credit_is_passed_on_bit_by_bit),
        story(who_ignores_credit_is_held_back),
        story(a_part_that_is_held_goes_with_its_request),
        story(a_batch_says_how_many_follow),
        story(who_has_left_is_not_counted_in_a_batch),
        story(what_it_asks_of_others_is_answered),
        story(for_its_own_sake_it_may_ask_too),
        story(a_call_has_no_more_time_than_its_parent),
        story(a_call_without_time_is_over),
        story(a_call_that_nobody_serves_is_answered),
        story(a_call_for_what_is_over_is_refused),
        story(an_id_in_use_is_refused),
        story(it_may_cancel_what_it_asked),
        story(calls_are_cancelled_with_their_parent),
        story(a_death_cancels_what_it_asked),
        story(parts_for_it_come_by_its_credit),
        story(who_grants_nothing_gets_all_parts),
        story(who_waits_for_others_is_not_stalled),
    };
    return cmocka_run_group_tests_name("actors/process_worker", tests, NULL, NULL) != 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--behaviour") == 0) {
        return troupe_worker_process_run(&linked_in, argc - 2, argv + 2);
    }
    if (argc > 2 && strcmp(argv[1], "--foreign") == 0) {
        return be_foreign(argv[2]);
    }
    return run_stories();
}
