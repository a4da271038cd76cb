/* The test is the node: a raw ROUTER, and nothing of Troupe behind it but the reading and
 * writing of frame 0. The other side is a real process, either troupe-host with the module
 * `echo`, or this program itself with a behaviour linked in.
 *
 * What a worker is doing is learnt by asking it, never by waiting a while.
 */

#include "tests/kit/check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <troupe/actor.h>
#include <troupe/worker_process.h>

#include "actors/host/host.h"
#include "actors/module.h"
#include "base/clock.h"
#include "wire/down.h"
#include "wire/trp1.h"

#define PATIENCE_MS 20000
#define TOKEN       "a secret"
#define MIB         ((size_t)1 << 20)

/* ---- a behaviour that is linked in ---- */

static int wake(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    *state_p = (void *)troupe_args_get_or(args, "mood", "fine");
    troupe_worker_log(self, "woke up \"%s\"", (const char *)*state_p);
    return TROUPE_INIT_OK;
}

static troupe_request_t *kept;

/* What another capability says goes to whoever asked us. */
static int pass_back(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    troupe_request_t *request = arg;
    const troupe_message_t *message = troupe_reply_message(reply);
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    troupe_message_t *copy = troupe_message_share(message);
    if (!copy) {
        return -1;
    }
    if (!troupe_reply_is_final(reply)) {
        return troupe_request_part(request, &copy) == TROUPE_ERR_NOMEM ? -1 : 0;
    }
    if (outcome == TROUPE_OUTCOME_OK) {
        troupe_request_reply(request, &copy);
        return 0;
    }
    troupe_message_destroy(&copy);
    troupe_worker_log(self, "a call ended: %s", troupe_outcome_name(outcome));
    troupe_request_fail(request, "%s, after %lld ms: %s", troupe_outcome_name(outcome),
                        (long long)troupe_reply_hint_ms(reply), troupe_reply_text(reply));
    return 0;
}

/* Call the capability that the request names. */
static int call(troupe_worker_t *self, troupe_request_t *request)
{
    const char *how = troupe_request_method(request);
    troupe_call_options_t options = {.method = "any"};
    if (strstr(how, "in full")) {
        options = (troupe_call_options_t){
            .method = "any",
            .priority = TROUPE_PRIORITY_LOW,
            .traceparent = "00-4bf9-00f0-01",
            .sticky_key = "user 7",
            .dedup_key = "job 9",
            .credit = 4,
        };
    }
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)troupe_request_size(request),
             (const char *)troupe_request_data(request));
    troupe_message_t *message = troupe_message_from_text("please");
    uint64_t id;
    if (troupe_worker_call(self, strstr(how, "alone") ? NULL : request, name, &options,
                           &message, pass_back, request, &id) != TROUPE_OK) {
        return -1;
    }
    troupe_request_keep(request);
    if (strstr(how, "regret")) {
        troupe_worker_cancel(self, id);
    }
    return 0;
}

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    const char *method = troupe_request_method(request);
    if (strcmp(method, "keep") == 0) {
        kept = request;
        troupe_request_keep(request);
    } else if (strcmp(method, "finish kept") == 0) {
        troupe_request_reply_data(kept, "kept", 4);
        troupe_request_reply_data(request, "done", 4);
    } else if (strcmp(method, "reply and break") == 0) {
        troupe_request_reply_data(request, "last", 4);
        return -1;
    } else if (strncmp(method, "call", 4) == 0) {
        return call(self, request);
    } else {
        troupe_request_reply_data(request, state, strlen(state));
    }
    return 0;
}

static void leave(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)state_p;
    troupe_worker_log(self, "leaving, %s",
                      reason.kind == TROUPE_REASON_SHUTDOWN ? "told to" : "broken");
}

static const troupe_behaviour_t linked_in = {
    .name = "linked_in",
    .init = wake,
    .handle = handle,
    .terminate = leave,
};

/* Each learns with how many it was served. */
static int handle_batch(troupe_worker_t *self, troupe_request_t **requests, size_t count,
                        void *state)
{
    (void)self;
    (void)state;
    char text[32];
    int length = snprintf(text, sizeof text, "one of %zu", count);
    for (size_t i = 0; i < count; i++) {
        troupe_request_reply_data(requests[i], text, (size_t)length);
    }
    return 0;
}

static const troupe_behaviour_t gathering = {
    .name = "gathering",
    .init = wake,
    .handle = handle,
    .handle_batch = handle_batch,
};

/* ---- a behaviour that watches others ---- */

/* What it hears, it tells "store", to which it speaks by name. */
typedef struct watchful {
    troupe_ref_t *whom;
    uint64_t id;
    bool puts_aside; /* the next DOWN */
} watchful_t;

static int wake_watchful(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(watchful_t));
    return *state_p ? TROUPE_INIT_OK : TROUPE_INIT_NO_MEMORY;
}

static int tell_store(troupe_worker_t *self, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    return troupe_send_named(self, "store", &message) == TROUPE_OK ? 0 : -1;
}

static int tell_status(troupe_worker_t *self, troupe_status_t status)
{
    return tell_store(self, troupe_status_name(status));
}

static int hear_down(troupe_worker_t *self, const troupe_message_t *message, watchful_t *own)
{
    if (own->puts_aside) {
        own->puts_aside = false;
        return troupe_stash(self) == TROUPE_OK ? 0 : -1;
    }
    troupe_reason_t reason = troupe_message_reason(message);
    bool is_known = troupe_message_sender(message) == own->whom &&
                    troupe_message_number(message) == own->id;
    char text[200];
    snprintf(text, sizeof text, "%s: kind %d, code %d, %s%s",
             troupe_ref_name(troupe_message_sender(message)), (int)reason.kind, reason.code,
             reason.text, is_known ? "" : " (of another one)");
    return tell_store(self, text);
}

static void hold(const char *path)
{
    while (access(path, F_OK) != 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static int watch(troupe_worker_t *self, watchful_t *own)
{
    return tell_status(self, troupe_monitor(self, own->whom, &own->id));
}

static int publish(troupe_worker_t *self, const char *group)
{
    char text[80];
    troupe_message_t *message = troupe_message_from_text("extra!");
    size_t n_told = troupe_publish(self, group, &message);
    snprintf(text, sizeof text, "%zu of %zu", n_told, troupe_group_size(self, group));
    return tell_store(self, text);
}

static int do_as_told(troupe_worker_t *self, const char *verb, const char *name,
                      watchful_t *own)
{
    if (strcmp(verb, "monitor") == 0) {
        return watch(self, own);
    }
    if (strcmp(verb, "hold") == 0) {
        hold(name);
    }
    if (strcmp(verb, "demonitor") == 0 || strcmp(verb, "hold") == 0) {
        return tell_store(self, troupe_demonitor(self, own->id) ? "it was open" : "it was not");
    }
    if (strcmp(verb, "link") == 0) {
        return tell_status(self, troupe_link(self, own->whom));
    }
    if (strcmp(verb, "unlink") == 0) {
        troupe_unlink(self, own->whom);
    } else if (strcmp(verb, "join") == 0) {
        return tell_status(self, troupe_join(self, name));
    } else if (strcmp(verb, "leave") == 0) {
        return tell_status(self, troupe_leave(self, name));
    } else if (strcmp(verb, "publish") == 0) {
        return publish(self, name);
    } else if (strcmp(verb, "aside") == 0) {
        own->puts_aside = true;
    } else if (strcmp(verb, "open") == 0) {
        troupe_unstash(self);
    } else if (strcmp(verb, "over?") == 0) {
        return tell_store(self, troupe_ref_is_over(own->whom) ? "over" : "not over");
    }
    return 0;
}

/* "me" is who sends, a name any other. */
static void mean(troupe_worker_t *self, const troupe_message_t *message, const char *name,
                 watchful_t *own)
{
    if (*name) {
        troupe_ref_t *sender = troupe_message_sender(message);
        troupe_ref_release(&own->whom);
        own->whom = strcmp(name, "me") == 0       ? troupe_ref_share(sender)
                    : strcmp(name, "nobody") == 0 ? NULL
                                                  : troupe_find(self, name);
    }
}

static int receive_watchful(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    watchful_t *own = state;
    if (troupe_message_kind(message) == TROUPE_MESSAGE_DOWN) {
        return hear_down(self, message, own);
    }
    char *verb = troupe_message_text(message, 0);
    char *name = troupe_message_text(message, 1);
    mean(self, message, name, own);
    int verdict = do_as_told(self, verb, name, own);
    free(verb);
    free(name);
    return verdict;
}

static void end_watchful(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    watchful_t *own = *state_p;
    troupe_ref_release(&own->whom);
    free(own);
}

static const troupe_behaviour_t watchful = {
    .name = "watchful",
    .init = wake_watchful,
    .receive = receive_watchful,
    .terminate = end_watchful,
};

/* ---- a behaviour that takes messages, and does what they say ---- */

static int get_up(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    static int n_taken;
    (void)args;
    *state_p = &n_taken;
    return troupe_timer_start(self, 3600000, 0, NULL, NULL) == TROUPE_OK ? TROUPE_INIT_OK : -1;
}

static int tick(troupe_worker_t *self)
{
    troupe_message_t *message = troupe_message_from_text("tick");
    return troupe_send_named(self, "clock", &message) == TROUPE_OK ? 0 : -1;
}

static int obey(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    if (troupe_message_kind(message) == TROUPE_MESSAGE_TICK) {
        return tick(self);
    }
    char *what = troupe_message_text(message, 0);
    int verdict = 0;
    *(int *)state += 1;
    if (strcmp(what, "tick") == 0) {
        verdict = troupe_timer_start(self, 1, 1, NULL, NULL) == TROUPE_OK ? 0 : -1;
    } else if (strcmp(what, "put aside") == 0) {
        verdict = troupe_stash(self) == TROUPE_OK ? 0 : -1;
    } else if (strcmp(what, "fail") == 0) {
        verdict = -1;
    } else if (strcmp(what, "hang") == 0) {
        for (;;) {
            pause();
        }
    }
    free(what);
    return verdict;
}

/* In msgpack: how many it has taken, if they are few. */
static troupe_message_t *show_taken(troupe_worker_t *self, const void *state)
{
    (void)self;
    unsigned char n_taken = (unsigned char)*(const int *)state;
    return troupe_message_from(&n_taken, 1);
}

static const troupe_behaviour_t obedient = {
    .name = "obedient", .init = get_up, .receive = obey, .state = show_taken};

/* ---- the node ---- */

typedef struct play {
    char folder[64];
    char endpoint[128];
    void *context;
    void *router;
    pid_t pid;
    int output; /* what the process writes to stdout and stderr */
    unsigned char identity[256];
    size_t identity_size;
    unsigned char head[TR_TRP1_MAX_HEADER]; /* of what was heard last */
    tr_trp1_t heard;                        /* borrows from head */
    size_t n_progress;                      /* heard so far */
    size_t n_frames;                        /* of its payload */
    size_t n_bytes;
    zmq_msg_t first;
} play_t;

static int open_play(void **state)
{
    play_t *play = calloc(1, sizeof *play);
    assert_non_null(play);
    strcpy(play->folder, "/tmp/troupe-host-XXXXXX");
    assert_non_null(mkdtemp(play->folder));
    snprintf(play->endpoint, sizeof play->endpoint, "ipc://%s/worker", play->folder);
    play->context = zmq_ctx_new();
    play->router = zmq_socket(play->context, ZMQ_ROUTER);
    int linger = 0;
    int high_water = 10; /* so that a worker can be made to wait */
    zmq_setsockopt(play->router, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(play->router, ZMQ_RCVHWM, &high_water, sizeof high_water);
    assert_int_equal(zmq_bind(play->router, play->endpoint), 0);
    zmq_msg_init(&play->first);
    play->output = -1;
    *state = play;
    return 0;
}

static void close_router(play_t *play)
{
    if (play->router) {
        zmq_close(play->router);
        play->router = NULL;
    }
}

static int close_play(void **state)
{
    play_t *play = *state;
    if (play->pid > 0) {
        kill(play->pid, SIGKILL);
        waitpid(play->pid, NULL, 0);
    }
    if (play->output >= 0) {
        close(play->output);
    }
    close_router(play);
    zmq_ctx_term(play->context);
    zmq_msg_close(&play->first);
    char path[128];
    snprintf(path, sizeof path, "%s/worker", play->folder);
    unlink(path);
    rmdir(play->folder);
    free(play);
    return 0;
}

static void start(play_t *play, const char *program, const char *const *arguments)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    setenv("TROUPE_WORKER_ENDPOINT", play->endpoint, 1);
    setenv("TROUPE_WORKER_TOKEN", TOKEN, 1);
    setenv("TROUPE_WORKER_NAME", "echo/1", 1);
    int rc =
        posix_spawn(&play->pid, program, &actions, NULL, (char *const *)arguments, environ);
    assert_int_equal(rc, 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    play->output = ends[0];
}

static const char *path_of(const char *setting)
{
    const char *path = getenv(setting);
    if (!path) {
        fail_msg("%s is not set: run this test by meson", setting);
    }
    return path;
}

static void start_module(play_t *play, const char *module, const char *arg)
{
    const char *program = path_of("TROUPE_HOST");
    start(play, program, (const char *[]){"troupe-host", "--module", module, arg, NULL});
}

static void start_echo(play_t *play, const char *arg)
{
    start_module(play, path_of("TROUPE_ECHO"), arg);
}

static void start_linked_in(play_t *play, const char *arg)
{
    start(play, "/proc/self/exe", (const char *[]){"test_host", "be a worker", arg, NULL});
}

static void start_gathering(play_t *play)
{
    start(play, "/proc/self/exe", (const char *[]){"test_host", "gather", NULL});
}

static void start_watchful(play_t *play)
{
    start(play, "/proc/self/exe", (const char *[]){"test_host", "watch", NULL});
}

/* The exit status, or 1000 and the signal. */
static int end_of(play_t *play)
{
    int fd = (int)syscall(SYS_pidfd_open, play->pid, 0);
    assert_true(fd >= 0);
    struct pollfd item = {.fd = fd, .events = POLLIN};
    int n_ready = poll(&item, 1, PATIENCE_MS);
    close(fd);
    if (n_ready != 1) {
        fail_msg("the process does not end");
    }
    int status = 0;
    assert_int_equal(waitpid(play->pid, &status, 0), play->pid);
    play->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* All that it has written; after its end. */
static const char *output_of(play_t *play)
{
    static char text[65536];
    size_t size = 0;
    ssize_t n;
    while (size < sizeof text - 1 &&
           (n = read(play->output, text + size, sizeof text - 1 - size)) > 0) {
        size += (size_t)n;
    }
    text[size] = '\0';
    return text;
}

static bool take_frame(play_t *play, zmq_msg_t *frame)
{
    zmq_msg_close(frame);
    zmq_msg_init(frame);
    assert_true(zmq_msg_recv(frame, play->router, ZMQ_DONTWAIT) >= 0);
    return zmq_msg_more(frame);
}

static void take_payload(play_t *play, bool has_more)
{
    play->n_frames = play->n_bytes = 0;
    zmq_msg_t rest;
    zmq_msg_init(&rest);
    while (has_more) {
        zmq_msg_t *frame = play->n_frames == 0 ? &play->first : &rest;
        has_more = take_frame(play, frame);
        play->n_bytes += zmq_msg_size(frame);
        play->n_frames++;
    }
    zmq_msg_close(&rest);
}

/* Whatever comes next. */
static const tr_trp1_t *hear_any(play_t *play)
{
    zmq_pollitem_t item = {.socket = play->router, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, PATIENCE_MS) != 1) {
        fail_msg("the worker says nothing; so far: %s",
                 tr_trp1_command_name(play->heard.command));
    }
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    assert_true(take_frame(play, &frame));
    play->identity_size = zmq_msg_size(&frame);
    assert_true(play->identity_size <= sizeof play->identity);
    memcpy(play->identity, zmq_msg_data(&frame), play->identity_size);
    bool has_more = take_frame(play, &frame);
    size_t size = zmq_msg_size(&frame);
    assert_true(size <= sizeof play->head);
    memcpy(play->head, zmq_msg_data(&frame), size);
    zmq_msg_close(&frame);
    const char *reason = "";
    if (tr_trp1_decode(play->head, size, &play->heard, &reason) != TROUPE_OK) {
        fail_msg("the worker says what cannot be read: %s", reason);
    }
    take_payload(play, has_more);
    play->n_progress += play->heard.command == TR_TRP1_PROGRESS;
    return &play->heard;
}

/* The next that is not about progress. */
static const tr_trp1_t *hear_next(play_t *play)
{
    const tr_trp1_t *heard;
    do {
        heard = hear_any(play);
    } while (heard->command == TR_TRP1_PROGRESS);
    return heard;
}

/* The same, which must be this. */
static const tr_trp1_t *hear(play_t *play, tr_trp1_command_t command, uint64_t id)
{
    const tr_trp1_t *heard = hear_next(play);
    if (heard->command != command || heard->id != id) {
        fail_msg("%s %llu instead of %s %llu: %.*s", tr_trp1_command_name(heard->command),
                 (unsigned long long)heard->id, tr_trp1_command_name(command),
                 (unsigned long long)id, (int)heard->text.size,
                 heard->text.size ? heard->text.data : "");
    }
    return heard;
}

static void assert_span(tr_span_t span, const char *want)
{
    char got[TR_TRP1_MAX_TEXT + 1];
    snprintf(got, sizeof got, "%.*s", (int)span.size, span.size ? span.data : "");
    assert_string_equal(got, want);
}

static void hear_error(play_t *play, uint64_t id, const char *code, const char *text)
{
    const tr_trp1_t *error = hear(play, TR_TRP1_ERROR, id);
    assert_span(error->code, code);
    assert_span(error->text, text);
    troupe_outcome_t outcome = TROUPE_OUTCOME_INTERNAL;
    assert_true(troupe_outcome_parse(code, &outcome));
    assert_int_equal(error->retryable, troupe_outcome_is_retryable(outcome));
}

static void hear_reply(play_t *play, uint64_t id, const char *text)
{
    hear(play, TR_TRP1_REPLY, id);
    assert_int_equal(zmq_msg_size(&play->first), strlen(text));
    assert_memory_equal(zmq_msg_data(&play->first), text, strlen(text));
}

static void say_bytes(play_t *play, const void *head, size_t size, bool has_more)
{
    assert_true(zmq_send(play->router, play->identity, play->identity_size, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(play->router, head, size, has_more ? ZMQ_SNDMORE : 0) >= 0);
}

static void say_command(play_t *play, const tr_trp1_t *command, bool has_more)
{
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size = 0;
    assert_status(tr_trp1_encode(command, head, sizeof head, &size), TROUPE_OK);
    say_bytes(play, head, size, has_more);
}

static void say(play_t *play, tr_trp1_command_t command, uint64_t id)
{
    tr_trp1_t plain;
    tr_trp1_init(&plain, command, id);
    say_command(play, &plain, false);
}

static tr_trp1_t request_of(uint64_t id, const char *method)
{
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, id);
    request.capability = tr_span_of("echo");
    request.method = tr_span_of(method);
    return request;
}

static void say_with(play_t *play, const tr_trp1_t *command, const char *text)
{
    say_command(play, command, true);
    assert_true(zmq_send(play->router, text, strlen(text), 0) >= 0);
}

static void ask_within(play_t *play, uint64_t id, const char *method, const char *text,
                       int64_t timeout_ms)
{
    tr_trp1_t request = request_of(id, method);
    request.timeout_ms = timeout_ms;
    say_with(play, &request, text);
}

static void ask_with_credit(play_t *play, uint64_t id, const char *method, const char *text,
                            int64_t credit)
{
    tr_trp1_t request = request_of(id, method);
    request.credit = credit;
    say_with(play, &request, text);
}

static void ask_in_batch(play_t *play, uint64_t id, int64_t n_to_follow)
{
    tr_trp1_t request = request_of(id, "");
    request.batch = n_to_follow;
    say_with(play, &request, "");
}

static void grant(play_t *play, uint64_t id, int64_t n_parts)
{
    tr_trp1_t credit;
    tr_trp1_init(&credit, TR_TRP1_CREDIT, id);
    credit.credit = n_parts;
    say_command(play, &credit, false);
}

static void ask(play_t *play, uint64_t id, const char *method, const char *text)
{
    ask_within(play, id, method, text, -1);
}

static void start_obedient(play_t *play)
{
    start(play, "/proc/self/exe", (const char *[]){"test_host", "obey", NULL});
    hear(play, TR_TRP1_HELLO, 0);
    assert_true(hear(play, TR_TRP1_READY, 0)->messages);
}

static void hear_ready(play_t *play)
{
    hear(play, TR_TRP1_HELLO, 0);
    hear(play, TR_TRP1_READY, 0);
}

/* Ping until the handler of request `id` has run for so long. */
static const tr_trp1_t *await_running(play_t *play, uint64_t id, int64_t at_least_ms)
{
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    const tr_trp1_t *pong;
    do {
        if (tr_clock_now_ms() > until_ms) {
            fail_msg("request %llu does not run", (unsigned long long)id);
        }
        say(play, TR_TRP1_PING, 0);
        pong = hear(play, TR_TRP1_PONG, 0);
    } while (pong->running != (int64_t)id || pong->running_for < at_least_ms);
    return pong;
}

/* ---- stories ---- */

static void greets_with_its_token_first(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    const tr_trp1_t *hello = hear_any(play);
    assert_int_equal(hello->command, TR_TRP1_HELLO);
    assert_int_equal(hello->id, 0);
    assert_int_equal(hello->version_min, 1);
    assert_int_equal(hello->version_max, 1);
    assert_span(hello->token, TOKEN);
    assert_span(hello->state, "loading");
    const tr_trp1_t *ready = hear(play, TR_TRP1_READY, 0);
    assert_int_equal(ready->concurrency, -1);
}

static void replies_with_all_frames(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, INT64_MAX);
    request.capability = tr_span_of("echo");
    say_command(play, &request, true);
    zmq_send(play->router, "one", 3, ZMQ_SNDMORE);
    zmq_send(play->router, "", 0, ZMQ_SNDMORE);
    zmq_send(play->router, "three", 5, 0);
    hear_reply(play, INT64_MAX, "one");
    assert_int_equal(play->n_frames, 3);
    assert_int_equal(play->n_bytes, 8);

    say_command(play, &request, false);
    hear(play, TR_TRP1_REPLY, INT64_MAX);
    assert_int_equal(play->n_bytes, 0);
}

static void large_payloads_pass(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    unsigned char *bytes = malloc(8 * MIB);
    assert_non_null(bytes);
    for (size_t i = 0; i < 8 * MIB; i++) {
        bytes[i] = (unsigned char)(i * 2654435761u >> 24);
    }
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, 5);
    request.capability = tr_span_of("echo");
    say_command(play, &request, true);
    assert_int_equal(zmq_send(play->router, bytes, 8 * MIB, 0), 8 * MIB);
    hear(play, TR_TRP1_REPLY, 5);
    assert_int_equal(zmq_msg_size(&play->first), 8 * MIB);
    assert_memory_equal(zmq_msg_data(&play->first), bytes, 8 * MIB);
    free(bytes);
}

static void hear_parts_from(play_t *play, uint64_t id, int first, int count, size_t size)
{
    for (int i = first; i < first + count; i++) {
        const tr_trp1_t *part = hear(play, TR_TRP1_PART, id);
        assert_int_equal(part->sequence, i);
        assert_int_equal(play->n_frames, 1);
        assert_int_equal(zmq_msg_size(&play->first), size);
        assert_int_equal(*(char *)zmq_msg_data(&play->first), 'a' + i % 26);
    }
}

static void hear_parts(play_t *play, uint64_t id, int count, size_t size)
{
    hear_parts_from(play, id, 0, count, size);
}

static void parts_come_in_order(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 3, "parts", "200 10");
    hear_parts(play, 3, 200, 10);
    hear_reply(play, 3, "200 10");
    ask(play, 4, "parts", "2 5");
    hear_parts(play, 4, 2, 5);
    hear_reply(play, 4, "2 5");
}

static size_t resident_bytes(const play_t *play)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)play->pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*s %ld", &pages), 1);
    fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* What may lie between its worker and the node: the flow's bytes, and what ZeroMQ queues. */
static void await_full_flow(const play_t *play, size_t before)
{
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    while (resident_bytes(play) < before + 4 * MIB) {
        assert_true(tr_clock_now_ms() < until_ms);
    }
    assert_true(resident_bytes(play) < before + 64 * MIB);
}

static void a_slow_node_loses_nothing(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    size_t before = resident_bytes(play);
    ask(play, 3, "parts", "3000 65536");
    await_full_flow(play, before);
    hear_parts(play, 3, 3000, 65536);
    hear_reply(play, 3, "3000 65536");
}

static void a_cancel_reaches_a_worker_that_waits_for_room(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    size_t before = resident_bytes(play);
    ask(play, 3, "parts", "1000000 65536");
    hear(play, TR_TRP1_PART, 3);
    await_full_flow(play, before);
    say(play, TR_TRP1_CANCEL, 3);
    const tr_trp1_t *heard;
    do {
        heard = hear_any(play);
    } while (heard->command == TR_TRP1_PART || heard->command == TR_TRP1_PROGRESS);
    assert_int_equal(heard->command, TR_TRP1_ERROR);
    assert_span(heard->text, "nobody takes the parts any more");
}

static void failures_have_their_text(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 1, "fail", "no such page");
    hear_error(play, 1, "worker_error", "no such page");
    ask(play, 2, "dance", "");
    hear_error(play, 2, "bad_request", "echo has no method 'dance'");
    ask(play, 3, "echo", "still here");
    hear_reply(play, 3, "still here");
}

static void a_cancel_reaches_the_handler(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 1, "sleep", "3600000");
    await_running(play, 1, 0);
    say(play, TR_TRP1_CANCEL, 2); /* not open: nothing happens */
    say(play, TR_TRP1_CANCEL, 1);
    hear_error(play, 1, "worker_error", "cancelled while it took its time");
}

static void what_is_cancelled_before_its_turn_is_not_begun(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 1, "sleep", "3600000");
    ask(play, 2, "crash", "");
    await_running(play, 1, 0);
    say(play, TR_TRP1_CANCEL, 2);
    say(play, TR_TRP1_CANCEL, 1);
    hear_error(play, 1, "worker_error", "cancelled while it took its time");
    const tr_trp1_t *error = hear(play, TR_TRP1_ERROR, 2);
    assert_span(error->code, "cancelled");
}

static void a_deadline_reaches_the_handler(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask_within(play, 1, "sleep", "3600000", 50);
    hear_error(play, 1, "worker_error", "cancelled while it took its time");
}

static void pongs_tell_what_runs(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 6, "echo", "x");
    hear_reply(play, 6, "x");
    say(play, TR_TRP1_PING, 9);
    const tr_trp1_t *pong = hear(play, TR_TRP1_PONG, 9);
    assert_true(pong->memory > (int64_t)MIB && pong->memory < 1024 * (int64_t)MIB);
    assert_int_equal(pong->running_for, pong->running < 0 ? -1 : pong->running_for);

    ask(play, 7, "hang", "");
    await_running(play, 7, 0);
    pong = await_running(play, 7, 30);
    assert_span(pong->state, "processing");
    assert_true(pong->progress_age >= 30 && pong->progress_age <= pong->running_for);
    assert_int_equal(pong->done, 1);
}

static void progress_of_a_handler_is_told(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 4, "progress", "3600000");
    for (int n = 0; n < 3;) {
        const tr_trp1_t *heard = hear_any(play);
        assert_int_equal(heard->command, TR_TRP1_PROGRESS);
        n += heard->id == 4;
    }
    say(play, TR_TRP1_CANCEL, 4);
    hear(play, TR_TRP1_ERROR, 4);
}

static void that_time_passes_is_no_progress(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 7, "hang", "");
    await_running(play, 7, 450);
    assert_true(play->n_progress <= 1); /* that it began */
}

static void progress_of_init_is_told(void **state)
{
    play_t *play = *state;
    start_echo(play, "init-ms=3600000");
    hear(play, TR_TRP1_HELLO, 0);
    for (int n = 0; n < 3; n++) {
        const tr_trp1_t *progress = hear_any(play);
        assert_int_equal(progress->command, TR_TRP1_PROGRESS);
        assert_int_equal(progress->id, 0);
    }
    say(play, TR_TRP1_PING, 0);
    const tr_trp1_t *pong = hear(play, TR_TRP1_PONG, 0);
    assert_span(pong->state, "loading");
    assert_true(pong->progress_age >= 0 && pong->progress_age < PATIENCE_MS);
    assert_int_equal(pong->running, -1);
}

static void an_id_that_is_open_is_refused(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 1, "sleep", "3600000");
    ask(play, 1, "echo", "");
    hear_error(play, 1, "bad_request", "a request with that id is open already");
    say(play, TR_TRP1_CANCEL, 1);
    hear(play, TR_TRP1_ERROR, 1);
    ask(play, 1, "echo", "free again");
    hear_reply(play, 1, "free again");
}

static void what_cannot_be_read_does_no_harm(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    say_bytes(play, "\x93noise", 6, false);
    say_bytes(play, "", 0, true);
    zmq_send(play->router, "more noise", 10, 0);
    say(play, TR_TRP1_GOAWAY, 0);
    say(play, TR_TRP1_DRAIN, 0);
    ask(play, 1, "echo", "well?");
    hear_reply(play, 1, "well?");
}

static void a_broken_worker_answers_all_and_leaves(void **state)
{
    play_t *play = *state;
    start_echo(play, "init-ms=20");
    hear(play, TR_TRP1_HELLO, 0);
    ask(play, 1, "broken", "the device is gone");
    ask(play, 2, "echo", "not begun");
    hear(play, TR_TRP1_READY, 0);
    hear_error(play, 1, "worker_lost", "the device is gone");
    assert_int_equal(play->heard.state.size, 0);
    /* Whether it had reached the worker or came too late for that, nobody has begun with it. */
    assert_span(hear(play, TR_TRP1_ERROR, 2)->code, "worker_lost");
    assert_span(play->heard.state, "queued");
    hear_error(play, 0, "worker_error", "the device is gone");
    assert_int_equal(end_of(play), TR_HOST_FAILED);
}

static void a_reply_before_breaking_counts(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask(play, 1, "reply and break", "");
    hear_reply(play, 1, "last");
    hear_error(play, 0, "worker_error", "its handler returned an error");
    assert_int_equal(end_of(play), TR_HOST_FAILED);
    assert_string_equal(output_of(play), "woke up \"fine\"\nleaving, broken\n");
}

static void kept_requests_are_finished_later(void **state)
{
    play_t *play = *state;
    start_linked_in(play, "mood=mild=so so");
    hear_ready(play);
    ask(play, 1, "keep", "");
    ask(play, 2, "mood?", "");
    hear_reply(play, 2, "mild=so so");
    ask(play, 3, "finish kept", "");
    hear_reply(play, 1, "kept");
    hear_reply(play, 3, "done");
}

static void not_needed_here(void **state)
{
    play_t *play = *state;
    start_echo(play, "init=ignore");
    hear(play, TR_TRP1_HELLO, 0);
    const tr_trp1_t *bye = hear(play, TR_TRP1_BYE, 0);
    assert_span(bye->state, "ignored");
    assert_int_equal(end_of(play), TR_HOST_DONE);
}

static void an_init_without_memory_is_told_by_its_code(void **state)
{
    play_t *play = *state;
    start_echo(play, "init=no-memory");
    hear(play, TR_TRP1_HELLO, 0);
    hear_error(play, 0, "memory_exhausted", "no memory, as asked");
    assert_int_equal(end_of(play), TR_HOST_FAILED);
}

static void stops_when_told(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    say(play, TR_TRP1_STOP, 0);
    assert_int_equal(end_of(play), TR_HOST_DONE);
    assert_string_equal(output_of(play), "woke up \"fine\"\nleaving, told to\n");
}

static void finishes_what_it_has_before_it_stops(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 1, "sleep", "30");
    ask(play, 2, "parts", "3 8388608");
    say(play, TR_TRP1_STOP, 0);
    hear_reply(play, 1, "30");
    hear_parts(play, 2, 3, 8 * MIB);
    hear_reply(play, 2, "3 8388608");
    assert_int_equal(end_of(play), TR_HOST_DONE);
}

static void is_stopped_while_it_loads(void **state)
{
    play_t *play = *state;
    start_echo(play, "init-ms=50");
    hear(play, TR_TRP1_HELLO, 0);
    say(play, TR_TRP1_STOP, 0);
    assert_int_equal(end_of(play), TR_HOST_DONE);
}

static void ends_with_its_node(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    int64_t before_ms = tr_clock_now_ms();
    close_router(play);
    assert_int_equal(end_of(play), TR_HOST_FAILED);
    assert_true(tr_clock_now_ms() - before_ms < 2000); /* that is for those that hang */
    assert_string_equal(output_of(play), "woke up \"fine\"\n"
                                         "the connection to the node is lost\n"
                                         "leaving, told to\n");
}

static void ends_with_its_node_though_it_hangs(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 1, "hang", "");
    await_running(play, 1, 0);
    int64_t before_ms = tr_clock_now_ms();
    close_router(play);
    assert_int_equal(end_of(play), TR_HOST_FAILED);
    assert_in_range(tr_clock_now_ms() - before_ms, 1500, 6000);
}

static void ends_when_nobody_is_there(void **state)
{
    play_t *play = *state;
    snprintf(play->endpoint, sizeof play->endpoint, "ipc://%s/nobody", play->folder);
    start_echo(play, NULL);
    assert_int_equal(end_of(play), TR_HOST_FAILED);
    assert_string_equal(output_of(play),
                        "there is no node where this worker was told to find it\n");
}

static void a_node_that_says_bye_is_gone(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    say(play, TR_TRP1_BYE, 0);
    assert_int_equal(end_of(play), TR_HOST_FAILED);
}

static void sigterm_ends_it_in_order(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    kill(play->pid, SIGINT); /* as from a terminal: the node says what is to be done */
    kill(play->pid, SIGTERM);
    hear_error(play, 0, "worker_error", "it was told to end by SIGTERM");
    assert_int_equal(end_of(play), TR_HOST_FAILED);
    assert_string_equal(output_of(play), "woke up \"fine\"\nleaving, told to\n");
}

static void sigterm_loses_what_runs(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 1, "sleep", "3600000");
    await_running(play, 1, 0);
    kill(play->pid, SIGTERM);
    hear_error(play, 1, "worker_lost", "cancelled while it took its time");
    hear_error(play, 0, "worker_error", "it was told to end by SIGTERM");
    assert_int_equal(end_of(play), TR_HOST_FAILED);
}

static void deaths_are_those_of_the_process(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask(play, 1, "exit", "42");
    assert_int_equal(end_of(play), 42);
}

/* ---- credit ---- */

/* A part without credit would come between the pongs. */
static void sends_nothing_more(play_t *play, uint64_t id)
{
    await_running(play, id, await_running(play, id, 0)->running_for + 30);
}

static void parts_wait_for_credit(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask_with_credit(play, 1, "parts", "7 10", 2);
    hear_parts_from(play, 1, 0, 2, 10);
    sends_nothing_more(play, 1);
    grant(play, 1, 1);
    hear_parts_from(play, 1, 2, 1, 10);
    sends_nothing_more(play, 1);
    grant(play, 1, 2);
    grant(play, 1, 1);
    hear_parts_from(play, 1, 3, 3, 10);
    sends_nothing_more(play, 1);
    grant(play, 1, 100);
    hear_parts_from(play, 1, 6, 1, 10);
    hear_reply(play, 1, "7 10");
}

static void without_credit_no_part_comes(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask_with_credit(play, 1, "parts", "3 10", 0);
    sends_nothing_more(play, 1);
    grant(play, 1, 3);
    hear_parts(play, 1, 3, 10);
    hear_reply(play, 1, "3 10");
}

static void a_final_needs_no_credit(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask_with_credit(play, 1, "echo", "well?", 0);
    hear_reply(play, 1, "well?");
    grant(play, 1, 5); /* came too late: ignored, as is what grants nothing */
    ask_with_credit(play, 1, "parts", "1 10", 0);
    say(play, TR_TRP1_CREDIT, 1);
    grant(play, 1, 0);
    sends_nothing_more(play, 1);
    grant(play, 1, 1);
    hear_parts(play, 1, 1, 10);
    hear_reply(play, 1, "1 10");
}

static void credit_without_end_is_no_less(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask_with_credit(play, 1, "parts", "300 10", INT64_MAX);
    grant(play, 1, INT64_MAX);
    grant(play, 1, INT64_MAX);
    hear_parts(play, 1, 300, 10);
    hear_reply(play, 1, "300 10");
}

static void a_cancel_reaches_a_worker_that_waits_for_credit(void **state)
{
    play_t *play = *state;
    start_echo(play, NULL);
    hear_ready(play);
    ask_with_credit(play, 1, "parts", "2 10", 1);
    hear_parts(play, 1, 1, 10);
    say(play, TR_TRP1_CANCEL, 1);
    hear_error(play, 1, "worker_error", "nobody takes the parts any more");
}

/* ---- batches ---- */

static void a_batch_is_served_at_once(void **state)
{
    play_t *play = *state;
    start_gathering(play);
    hear_ready(play);
    ask_in_batch(play, 1, 2);
    ask_in_batch(play, 2, 1);
    ask_in_batch(play, 3, 0);
    for (uint64_t id = 1; id <= 3; id++) {
        hear_reply(play, id, "one of 3");
    }
    ask_in_batch(play, 4, 0);
    hear_reply(play, 4, "one of 1");
    ask(play, 5, "alone", "");
    hear_reply(play, 5, "fine");
}

static void what_is_left_of_a_batch_is_not_waited_for(void **state)
{
    play_t *play = *state;
    start_gathering(play);
    hear_ready(play);
    ask_in_batch(play, 1, 9);
    ask_in_batch(play, 2, 8);
    hear(play, TR_TRP1_REPLY, 1);
    hear(play, TR_TRP1_REPLY, 2);
    ask_in_batch(play, 3, INT64_MAX); /* that will never come: it is served alone */
    hear_reply(play, 3, "fine");
}

static void who_cannot_serve_batches_gets_one_after_the_other(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask_in_batch(play, 1, 1);
    ask_in_batch(play, 2, 0);
    hear_reply(play, 1, "fine");
    hear_reply(play, 2, "fine");
}

static void who_is_cancelled_leaves_the_batch(void **state)
{
    play_t *play = *state;
    start_gathering(play);
    hear_ready(play);
    ask_in_batch(play, 1, 2);
    ask_in_batch(play, 2, 1);
    say(play, TR_TRP1_CANCEL, 1);
    ask_in_batch(play, 3, 0);
    assert_span(hear(play, TR_TRP1_ERROR, 1)->code, "cancelled");
    hear_reply(play, 2, "one of 2");
    hear_reply(play, 3, "one of 2");
}

static void a_stop_finishes_what_gathers(void **state)
{
    play_t *play = *state;
    start_gathering(play);
    hear_ready(play);
    ask_in_batch(play, 1, 2);
    ask_in_batch(play, 2, 1);
    say(play, TR_TRP1_STOP, 0);
    hear_reply(play, 1, "one of 2");
    hear_reply(play, 2, "one of 2");
    assert_int_equal(end_of(play), TR_HOST_DONE);
}

/* ---- calls to others ---- */

/* The request that the worker makes of "upper"; returns its id. */
static uint64_t hear_call(play_t *play, int64_t parent)
{
    const tr_trp1_t *request = hear_next(play);
    assert_string_equal(tr_trp1_command_name(request->command), "request");
    assert_span(request->capability, "upper");
    assert_span(request->method, "any");
    assert_int_equal(request->parent, parent);
    assert_int_equal(play->n_frames, 1);
    assert_memory_equal(zmq_msg_data(&play->first), "please", 6);
    return request->id;
}

static void answer_with(play_t *play, tr_trp1_command_t command, uint64_t id, const char *text)
{
    tr_trp1_t answer;
    tr_trp1_init(&answer, command, id);
    answer.sequence = command == TR_TRP1_PART ? 0 : -1;
    say_with(play, &answer, text);
}

static void answer_error(play_t *play, uint64_t id, const char *code, const char *text,
                         int64_t hint_ms)
{
    tr_trp1_t error;
    tr_trp1_init(&error, TR_TRP1_ERROR, id);
    error.code = tr_span_of(code);
    error.text = tr_span_of(text);
    error.hint_ms = hint_ms;
    say_command(play, &error, false);
}

static void a_call_goes_out_and_its_reply_comes_back(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask(play, 7, "call", "upper");
    uint64_t id = hear_call(play, 7);
    assert_int_equal(play->heard.credit, 64);
    assert_int_equal(play->heard.timeout_ms, -1);
    answer_with(play, TR_TRP1_REPLY, id, "PLEASE");
    hear_reply(play, 7, "PLEASE");
}

static void a_call_says_all_that_it_was_told(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    tr_trp1_t request = request_of(7, "call in full");
    request.timeout_ms = PATIENCE_MS;
    say_with(play, &request, "upper");
    hear_call(play, 7);
    const tr_trp1_t *call = &play->heard;
    assert_int_equal(call->priority, TROUPE_PRIORITY_LOW);
    assert_span(call->traceparent, "00-4bf9-00f0-01");
    assert_span(call->sticky, "user 7");
    assert_span(call->dedup, "job 9");
    assert_int_equal(call->credit, 4);
    assert_in_range(call->timeout_ms, 1, PATIENCE_MS);

    request = request_of(8, "call");
    request.priority = TROUPE_PRIORITY_HIGH;
    request.traceparent = tr_span_of("00-aaaa-bbbb-01");
    say_with(play, &request, "upper");
    hear_call(play, 8);
    assert_int_equal(call->priority, TROUPE_PRIORITY_HIGH);
    assert_span(call->traceparent, "00-aaaa-bbbb-01");

    ask(play, 9, "call alone", "upper");
    hear_call(play, -1);
}

static void ids_of_both_ways_are_apart(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask_with_credit(play, 1, "call", "upper", 0);
    uint64_t id = hear_call(play, 1);
    assert_int_equal(id, 1); /* else there would be nothing to mix up */
    ask(play, 2, "mood?", "");
    hear_reply(play, 2, "fine");
    answer_with(play, TR_TRP1_REPLY, 2, "to whom?");
    answer_with(play, TR_TRP1_PART, 2, "to whom?");
    answer_error(play, 2, "timeout", "whose?", -1);
    answer_with(play, TR_TRP1_PART, id, "a part");
    await_running(play, 1, 0); /* it passes the part on, and has no room for that */
    grant(play, 1, 1);
    hear(play, TR_TRP1_PART, 1);
    assert_memory_equal(zmq_msg_data(&play->first), "a part", 6);
    answer_with(play, TR_TRP1_REPLY, id, "the end");
    hear_reply(play, 1, "the end");
}

static void parts_for_the_worker_come_by_its_credit(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask(play, 1, "call in full", "upper");
    uint64_t id = hear_call(play, 1);
    int64_t n_granted = play->heard.credit;
    for (int n_sent = 0, n_heard = 0; n_heard < 100;) {
        for (; n_sent < n_granted && n_sent < 100; n_sent++) {
            answer_with(play, TR_TRP1_PART, id, "a part");
        }
        const tr_trp1_t *heard = hear_next(play);
        n_granted += heard->command == TR_TRP1_CREDIT ? heard->credit : 0;
        n_heard += heard->command == TR_TRP1_PART;
        /* Its window, and what it has taken already: that is on its way back. */
        assert_true(n_granted <= n_heard + 4 + TR_FLOW_PARTS);
    }
    answer_with(play, TR_TRP1_REPLY, id, "100");
    const tr_trp1_t *heard;
    while ((heard = hear_next(play))->command != TR_TRP1_REPLY) {
        assert_int_equal(heard->command, TR_TRP1_CREDIT);
    }
    assert_int_equal(heard->id, 1);
}

static void credit_is_told_in_lumps(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask_with_credit(play, 1, "call", "upper", 64);
    uint64_t id = hear_call(play, 1);
    assert_int_equal(play->heard.credit, 64);
    for (int i = 0; i < 31; i++) {
        answer_with(play, TR_TRP1_PART, id, "a part");
    }
    for (int i = 0; i < 31; i++) {
        hear(play, TR_TRP1_PART, 1);
    }
    answer_with(play, TR_TRP1_PART, id, "a part"); /* which may come back sooner or later */
    const tr_trp1_t *heard;
    while ((heard = hear_next(play))->command != TR_TRP1_CREDIT) {
        assert_int_equal(heard->command, TR_TRP1_PART);
    }
    assert_in_range(heard->credit, 30, 32); /* as far as they have been taken */
}

static void a_call_is_cancelled_with_its_parent(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask(play, 7, "call", "upper");
    uint64_t id = hear_call(play, 7);
    ask(play, 8, "call", "upper");
    uint64_t other = hear_call(play, 8);
    say(play, TR_TRP1_CANCEL, 7);
    hear(play, TR_TRP1_CANCEL, id);
    answer_error(play, id, "cancelled", "by the caller", -1);
    hear_error(play, 7, "worker_error", "cancelled, after 0 ms: by the caller");
    answer_with(play, TR_TRP1_REPLY, other, "still wanted");
    hear_reply(play, 8, "still wanted");
}

/* The cancel may overtake the request, which then never leaves. */
static void a_worker_may_cancel_its_call(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask(play, 7, "call, and regret it", "upper");
    const tr_trp1_t *heard = hear_next(play);
    if (heard->command == TR_TRP1_REQUEST) {
        uint64_t id = heard->id;
        hear(play, TR_TRP1_CANCEL, id);
        answer_error(play, id, "cancelled", "", -1);
        hear_next(play);
    }
    assert_int_equal(play->heard.command, TR_TRP1_ERROR);
    assert_int_equal(play->heard.id, 7);
    assert_span(play->heard.text, "cancelled, after 0 ms: ");
}

struct ending {
    const char *code;
    int64_t hint_ms;
    const char *told; /* what the worker makes of it */
};

static void a_call_that_fails_says_how(void **state)
{
    static const struct ending rows[] = {
        {"no_capability", -1, "no_capability, after 0 ms: why"},
        {"overloaded", 250, "overloaded, after 250 ms: why"},
        {"worker_lost", 0, "worker_lost, after 0 ms: why"},
        {"gone_fishing", -1, "internal, after 0 ms: why"}, /* of a later version */
        {"ok", -1, "internal, after 0 ms: why"},
    };
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask(play, 7, "call", "upper");
        answer_error(play, hear_call(play, 7), rows[i].code, "why", rows[i].hint_ms);
        hear_error(play, 7, "worker_error", rows[i].told);
    }
}

static void what_cannot_be_said_is_a_bad_request(void **state)
{
    play_t *play = *state;
    char name[200];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    start_linked_in(play, NULL);
    hear_ready(play);
    ask(play, 7, "call", name);
    hear_error(
        play, 7, "worker_error",
        "bad_request, after 0 ms: "
        "the capability, the method, a key or the trace context is too long; mend the request");
}

static void a_lost_node_ends_all_calls(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask(play, 7, "call alone", "upper");
    hear_call(play, -1);
    close_router(play);
    assert_int_equal(end_of(play), TR_HOST_FAILED);
    assert_string_equal(output_of(play), "woke up \"fine\"\n"
                                         "the connection to the node is lost\n"
                                         "a call ended: worker_lost\n"
                                         "leaving, told to\n");
}

/* Its requests are not finished before its calls are. */
static void a_stop_waits_for_calls(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    ask(play, 7, "call", "upper");
    uint64_t id = hear_call(play, 7);
    say(play, TR_TRP1_STOP, 0);
    say(play, TR_TRP1_PING, 1);
    hear(play, TR_TRP1_PONG, 1);
    answer_with(play, TR_TRP1_REPLY, id, "in time");
    hear_reply(play, 7, "in time");
    assert_int_equal(end_of(play), TR_HOST_DONE);
}

/* ---- monitors, links and groups ---- */

#define GUEST 9 /* the number of who sends */

static void bid(play_t *play, uint64_t id, const char *verb, const char *name)
{
    tr_trp1_t message;
    tr_trp1_init(&message, TR_TRP1_MESSAGE, id);
    message.from = tr_span_of("guest");
    message.ref = GUEST;
    say_command(play, &message, true);
    assert_true(zmq_send(play->router, verb, strlen(verb), ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(play->router, name, strlen(name), 0) >= 0);
}

/* It tells "store". */
static void hear_told(play_t *play, const char *want)
{
    const tr_trp1_t *send = hear(play, TR_TRP1_SEND, 0);
    assert_span(send->actor, "store");
    assert_span((tr_span_t){zmq_msg_data(&play->first), zmq_msg_size(&play->first)}, want);
}

static void hear_done(play_t *play, uint64_t id, const char *told)
{
    hear_told(play, told);
    hear(play, TR_TRP1_SETTLED, id);
}

static void say_down(play_t *play, uint64_t id, troupe_reason_kind_t kind, int code,
                     const char *text)
{
    tr_reason_t reason = tr_reason_format(kind, "%s", text);
    reason.code = code;
    tr_trp1_t down;
    tr_trp1_init(&down, TR_TRP1_DOWN, id);
    tr_down_say_reason(&down, &reason);
    say_command(play, &down, false);
}

/* The id of the monitor. */
static uint64_t has_it_monitor(play_t *play, uint64_t receipt, const char *name)
{
    bid(play, receipt, "monitor", name);
    const tr_trp1_t *monitor = hear_next(play);
    assert_string_equal(tr_trp1_command_name(monitor->command), "monitor");
    uint64_t id = monitor->id;
    assert_true(id > 0);
    bool is_guest = strcmp(name, "me") == 0;
    assert_int_equal(monitor->ref, is_guest ? GUEST : -1);
    assert_span(monitor->actor, is_guest ? "" : name);
    hear_done(play, receipt, "ok");
    return id;
}

/* Whatever was said has been taken. */
static void has_read_all(play_t *play)
{
    say(play, TR_TRP1_PING, 77);
    hear(play, TR_TRP1_PONG, 77);
}

static void a_monitored_one_is_told_of(void **state)
{
    play_t *play = *state;
    start_watchful(play);
    hear_ready(play);
    uint64_t id = has_it_monitor(play, 1, "room");
    say_down(play, id, TROUPE_REASON_CRASHED, 11, "a fault");
    hear_told(play, "room: kind 3, code 11, a fault");
    say_down(play, id, TROUPE_REASON_CRASHED, 11, "again"); /* it has been told */
    say_down(play, id + 1, TROUPE_REASON_CRASHED, 11, "of nobody");
    say_down(play, 0, TROUPE_REASON_CRASHED, 11, "of nobody");
    bid(play, 2, "demonitor", "");
    hear_done(play, 2, "it was not");
    id = has_it_monitor(play, 3, "me");
    bid(play, 4, "over?", "");
    say_down(play, id, TROUPE_REASON_NORMAL, 0, "");
    bid(play, 5, "over?", "");
    hear_done(play, 4, "not over"); /* all in order */
    hear_told(play, "guest: kind 0, code 0, ");
    hear_done(play, 5, "not over");
}

/* By its name it may come back, by its number it does not. */
static void of_one_that_is_gone_it_is_known(void **state)
{
    play_t *play = *state;
    start_watchful(play);
    hear_ready(play);
    uint64_t id = has_it_monitor(play, 1, "room");
    say_down(play, id, TROUPE_REASON_GONE, 0, "");
    hear_told(play, "room: kind 9, code 0, ");
    bid(play, 2, "over?", "");
    hear_done(play, 2, "not over");
    id = has_it_monitor(play, 3, "me");
    say_down(play, id, TROUPE_REASON_GONE, 0, "");
    hear_told(play, "guest: kind 9, code 0, ");
    bid(play, 4, "over?", "");
    hear_done(play, 4, "over");
}

static void who_is_not_monitored_any_more_is_not_told_of(void **state)
{
    play_t *play = *state;
    start_watchful(play);
    hear_ready(play);
    uint64_t id = has_it_monitor(play, 1, "room");
    bid(play, 2, "demonitor", "");
    hear(play, TR_TRP1_DEMONITOR, id);
    hear_done(play, 2, "it was open");
    say_down(play, id, TROUPE_REASON_FAILED, 0, ""); /* it was under way */
    bid(play, 3, "demonitor", "");
    hear_done(play, 3, "it was not");
}

/* Nor when it lies in the mailbox. */
static void not_even_when_it_is_known_already(void **state)
{
    play_t *play = *state;
    char gate[128];
    snprintf(gate, sizeof gate, "%s/gate", play->folder);
    start_watchful(play);
    hear_ready(play);
    uint64_t id = has_it_monitor(play, 1, "me");
    bid(play, 2, "hold", gate);
    say_down(play, id, TROUPE_REASON_FAILED, 0, "");
    has_read_all(play);
    close(open(gate, O_CREAT | O_CLOEXEC, 0600));
    hear_done(play, 2, "it was open");
    bid(play, 3, "demonitor", "");
    hear_done(play, 3, "it was not");
    unlink(gate);
}

static void a_notice_can_be_put_aside(void **state)
{
    play_t *play = *state;
    start_watchful(play);
    hear_ready(play);
    uint64_t id = has_it_monitor(play, 1, "room");
    bid(play, 2, "aside", "");
    say_down(play, id, TROUPE_REASON_HUNG, 0, "");
    bid(play, 3, "demonitor", ""); /* it comes again nevertheless */
    bid(play, 4, "open", "");
    hear(play, TR_TRP1_SETTLED, 2);
    hear_done(play, 3, "it was not");
    hear(play, TR_TRP1_SETTLED, 4);
    hear_told(play, "room: kind 5, code 0, ");
}

static void links_are_the_nodes(void **state)
{
    play_t *play = *state;
    start_watchful(play);
    hear_ready(play);
    bid(play, 1, "link", "room");
    assert_span(hear(play, TR_TRP1_LINK, 0)->actor, "room");
    hear_done(play, 1, "ok");
    bid(play, 2, "unlink", "");
    assert_span(hear(play, TR_TRP1_UNLINK, 0)->actor, "room");
    hear(play, TR_TRP1_SETTLED, 2);
    bid(play, 3, "link", "me");
    assert_int_equal(hear(play, TR_TRP1_LINK, 0)->ref, GUEST);
    hear_done(play, 3, "ok");
}

static void it_speaks_to_groups(void **state)
{
    play_t *play = *state;
    start_watchful(play);
    hear_ready(play);
    bid(play, 1, "join", "news");
    assert_span(hear(play, TR_TRP1_JOIN, 0)->group, "news");
    hear_done(play, 1, "ok");
    bid(play, 2, "join", "news");
    hear_done(play, 2, "exists");
    bid(play, 3, "publish", "news");
    assert_span(hear(play, TR_TRP1_PUBLISH, 0)->group, "news");
    assert_span((tr_span_t){zmq_msg_data(&play->first), zmq_msg_size(&play->first)}, "extra!");
    hear_done(play, 3, "0 of 0");
    bid(play, 4, "leave", "news");
    assert_span(hear(play, TR_TRP1_LEAVE, 0)->group, "news");
    hear_done(play, 4, "ok");
    bid(play, 5, "leave", "news");
    hear_done(play, 5, "not_found");
    bid(play, 6, "join", "news");
    hear(play, TR_TRP1_JOIN, 0);
    hear_done(play, 6, "ok");
}

static void what_cannot_be_is_not_said(void **state)
{
    play_t *play = *state;
    char too_long[TR_TRP1_MAX_NAME + 1];
    memset(too_long, 'g', TR_TRP1_MAX_NAME);
    too_long[TR_TRP1_MAX_NAME] = '\0';
    start_watchful(play);
    hear_ready(play);
    bid(play, 1, "monitor", "nobody");
    hear_done(play, 1, "err_invalid");
    bid(play, 2, "link", "nobody");
    hear_done(play, 2, "err_invalid");
    bid(play, 3, "unlink", "nobody");
    hear(play, TR_TRP1_SETTLED, 3);
    bid(play, 4, "join", "");
    hear_done(play, 4, "err_invalid");
    bid(play, 5, "join", too_long);
    hear_done(play, 5, "err_invalid");
    bid(play, 6, "leave", too_long);
    hear_done(play, 6, "not_found");
    bid(play, 7, "publish", "");
    hear_done(play, 7, "0 of 0");
    bid(play, 8, "monitor", "echo/1"); /* itself, which is nobody else's concern */
    hear_done(play, 8, "ok");
    bid(play, 9, "link", "");
    hear_done(play, 9, "ok");
    bid(play, 10, "demonitor", "");
    hear_done(play, 10, "it was open");
}

static void it_ends_with_all_that_it_watches(void **state)
{
    play_t *play = *state;
    start_watchful(play);
    hear_ready(play);
    has_it_monitor(play, 1, "room");
    uint64_t id = has_it_monitor(play, 2, "me");
    bid(play, 3, "aside", "");
    say_down(play, id, TROUPE_REASON_HUNG, 0, "");
    hear(play, TR_TRP1_SETTLED, 3);
    say(play, TR_TRP1_STOP, 0);
    assert_int_equal(end_of(play), TR_HOST_DONE);
}

/* ---- what operators want ---- */

static void tell(play_t *play, uint64_t id, bool is_urgent, const char *text)
{
    tr_trp1_t message;
    tr_trp1_init(&message, TR_TRP1_MESSAGE, id);
    message.urgent = is_urgent;
    say_with(play, &message, text);
}

static void hear_settled(play_t *play, uint64_t id, const char *how)
{
    assert_span(hear(play, TR_TRP1_SETTLED, id)->state, how);
}

/* Ping until its worker lies still. What else it says before is passed. */
static void await_pause(play_t *play)
{
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    do {
        assert_true(tr_clock_now_ms() < until_ms);
        say(play, TR_TRP1_PING, 0);
        while (hear_next(play)->command != TR_TRP1_PONG) {
        }
    } while (!tr_span_equals(play->heard.state, "paused"));
}

static void suspended_it_takes_nothing(void **state)
{
    play_t *play = *state;
    start_obedient(play);
    tell(play, 1, false, "one");
    hear_settled(play, 1, "");
    say(play, TR_TRP1_SUSPEND, 0);
    say(play, TR_TRP1_SUSPEND, 0);
    await_pause(play);
    tell(play, 2, false, "two");
    say(play, TR_TRP1_PING, 5);
    assert_int_equal(hear(play, TR_TRP1_PONG, 5)->running_for, -1);
    tell(play, 3, true, "three");
    say(play, TR_TRP1_PING, 6);
    assert_span(hear(play, TR_TRP1_PONG, 6)->state, "paused");
    say(play, TR_TRP1_RESUME, 0);
    hear_settled(play, 3, "");
    hear_settled(play, 2, "");
}

/* It has a tick a millisecond. Time has to pass for that; pings tell when it has. */
static void its_ticks_wait(void **state)
{
    play_t *play = *state;
    start_obedient(play);
    tell(play, 1, false, "tick");
    hear_settled(play, 1, "");
    hear(play, TR_TRP1_SEND, 0);
    say(play, TR_TRP1_SUSPEND, 0);
    await_pause(play);
    await_pause(play); /* so that all that it has sent has left */
    int64_t until_ms = tr_clock_now_ms() + 20;
    while (tr_clock_now_ms() < until_ms) {
        say(play, TR_TRP1_PING, 9);
        hear(play, TR_TRP1_PONG, 9);
    }
    say(play, TR_TRP1_RESUME, 0);
    hear(play, TR_TRP1_SEND, 0);
}

static void the_callback_in_progress_goes_on(void **state)
{
    play_t *play = *state;
    start_obedient(play);
    tell(play, 1, false, "hang");
    const tr_trp1_t *pong;
    do {
        say(play, TR_TRP1_PING, 1);
        pong = hear(play, TR_TRP1_PONG, 1);
    } while (pong->running_for < 0);
    say(play, TR_TRP1_SUSPEND, 0);
    say(play, TR_TRP1_PING, 2);
    assert_true(hear(play, TR_TRP1_PONG, 2)->running_for >= 0);
    assert_span(play->heard.state, "processing");
}

static bool has_shown(play_t *play, const char *bytes, size_t size)
{
    return memmem(zmq_msg_data(&play->first), zmq_msg_size(&play->first), bytes, size) != NULL;
}

#define HAS_SHOWN(bytes) assert_true(has_shown(play, bytes, sizeof(bytes) - 1))

static void it_shows_what_it_has(void **state)
{
    play_t *play = *state;
    start_obedient(play);
    tell(play, 1, false, "put aside");
    hear_settled(play, 1, "stashed");
    say(play, TR_TRP1_SUSPEND, 0);
    say(play, TR_TRP1_INSPECT, 7);
    assert_span(hear(play, TR_TRP1_INSPECTED, 7)->text, "");
    assert_int_equal(play->n_frames, 2);
    HAS_SHOWN("\xa9"
              "behaviour\xa8"
              "obedient");
    HAS_SHOWN("\xa6timers\x01");
    HAS_SHOWN("\xa8monitors\x00");
    HAS_SHOWN("\xa4"
              "asks\x00");
    HAS_SHOWN("\xa5"
              "calls\x00");
    HAS_SHOWN("\xa5"
              "aside\x01");
    assert_int_equal(play->n_bytes - zmq_msg_size(&play->first), 1);
}

static void what_is_too_much_is_not_sent(void **state)
{
    play_t *play = *state;
    start_echo(play, "shows=too-much");
    hear_ready(play);
    say(play, TR_TRP1_INSPECT, 1);
    assert_span(hear(play, TR_TRP1_INSPECTED, 1)->text,
                "its behaviour shows a state of 2097152 bytes, and 1048576 are the most");
    assert_int_equal(play->n_frames, 1);
}

static void what_has_no_callback_says_so(void **state)
{
    play_t *play = *state;
    start_linked_in(play, NULL);
    hear_ready(play);
    say(play, TR_TRP1_INSPECT, 1);
    assert_span(hear(play, TR_TRP1_INSPECTED, 1)->text,
                "its behaviour has no callback to show its state");
    assert_int_equal(play->n_frames, 1);
    HAS_SHOWN("\xa9linked_in");
}

/* Whoever asks is answered by whoever gets it next. */
static void stopped_it_gives_back_what_it_has_not_begun(void **state)
{
    play_t *play = *state;
    start_obedient(play);
    tell(play, 1, false, "put aside");
    hear_settled(play, 1, "stashed");
    say(play, TR_TRP1_SUSPEND, 0);
    await_pause(play);
    tr_trp1_t question;
    tr_trp1_init(&question, TR_TRP1_MESSAGE, 2);
    question.ask = true;
    say_with(play, &question, "well?");
    tell(play, 3, false, "three");
    tell(play, 4, true, "four");
    say(play, TR_TRP1_STOP, 0);
    hear_settled(play, 4, "queued");
    hear_settled(play, 1, "queued");
    hear_settled(play, 2, "queued");
    hear_settled(play, 3, "queued");
    assert_int_equal(end_of(play), TR_HOST_DONE);
}

static void failing_it_gives_back_the_rest(void **state)
{
    play_t *play = *state;
    start_obedient(play);
    say(play, TR_TRP1_SUSPEND, 0);
    tell(play, 1, false, "fail");
    tell(play, 2, false, "two");
    await_pause(play);
    say(play, TR_TRP1_RESUME, 0);
    hear_settled(play, 2, "queued");
    hear_error(play, 0, "worker_error", "its receive returned an error");
    assert_int_equal(end_of(play), TR_HOST_FAILED);
}

/* ---- those that do not start ---- */

struct refusal {
    const char *module; /* a setting that names it; NULL: one that is not there */
    const char *arg;
    const char *words; /* among those of the error */
};

static void does_not_start_and_says_why(void **state)
{
    const struct refusal *row = *state;
    open_play(state);
    play_t *play = *state;
    start_module(play, row->module ? path_of(row->module) : "/nowhere/at.so", row->arg);
    hear(play, TR_TRP1_HELLO, 0);
    const tr_trp1_t *error = hear(play, TR_TRP1_ERROR, 0);
    assert_span(error->code, "worker_error");
    char text[TR_TRP1_MAX_TEXT + 1];
    snprintf(text, sizeof text, "%.*s", (int)error->text.size, error->text.data);
    if (!strstr(text, row->words)) {
        fail_msg("'%s' does not say '%s'", text, row->words);
    }
    assert_int_equal(end_of(play), TR_HOST_FAILED);
    close_play(state);
}

static void without_a_node_it_says_so(void **state)
{
    play_t *play = *state;
    play->endpoint[0] = '\0';
    start_echo(play, NULL);
    assert_int_equal(end_of(play), TR_HOST_FAILED);
    assert_string_equal(output_of(play), "this is a worker that a node starts: "
                                         "TROUPE_WORKER_ENDPOINT is not set\n");
}

/* clang-format off */
#define STORY(story) cmocka_unit_test_setup_teardown(story, open_play, close_play)
#define REFUSAL(title, ...) \
    { .name = title, .test_func = does_not_start_and_says_why, \
      .initial_state = &(struct refusal){__VA_ARGS__} }
/* clang-format on */

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "be a worker") == 0) {
        return troupe_worker_process_run(&linked_in, argc - 2, argv + 2);
    }
    if (argc > 1 && strcmp(argv[1], "gather") == 0) {
        return troupe_worker_process_run(&gathering, argc - 2, argv + 2);
    }
    if (argc > 1 && strcmp(argv[1], "watch") == 0) {
        return troupe_worker_process_run(&watchful, argc - 2, argv + 2);
    }
    if (argc > 1 && strcmp(argv[1], "obey") == 0) {
        return troupe_worker_process_run(&obedient, argc - 2, argv + 2);
    }
    const struct CMUnitTest tests[] = {
        STORY(greets_with_its_token_first),
        STORY(replies_with_all_frames),
        STORY(large_payloads_pass),
        STORY(parts_come_in_order),
        STORY(a_slow_node_loses_nothing),
        STORY(a_cancel_reaches_a_worker_that_waits_for_room),
        STORY(failures_have_their_text),
        STORY(a_cancel_reaches_the_handler),
        STORY(what_is_cancelled_before_its_turn_is_not_begun),
        STORY(a_deadline_reaches_the_handler),
        STORY(pongs_tell_what_runs),
        STORY(progress_of_a_handler_is_told),
        STORY(that_time_passes_is_no_progress),
        STORY(progress_of_init_is_told),
        STORY(an_id_that_is_open_is_refused),
        STORY(what_cannot_be_read_does_no_harm),
        STORY(a_broken_worker_answers_all_and_leaves),
        STORY(a_reply_before_breaking_counts),
        STORY(kept_requests_are_finished_later),
        STORY(not_needed_here),
        STORY(an_init_without_memory_is_told_by_its_code),
        STORY(stops_when_told),
        STORY(finishes_what_it_has_before_it_stops),
        STORY(is_stopped_while_it_loads),
        STORY(ends_with_its_node),
        STORY(ends_with_its_node_though_it_hangs),
        STORY(ends_when_nobody_is_there),
        STORY(a_node_that_says_bye_is_gone),
        STORY(sigterm_ends_it_in_order),
        STORY(sigterm_loses_what_runs),
        STORY(deaths_are_those_of_the_process),
        STORY(parts_wait_for_credit),
        STORY(without_credit_no_part_comes),
        STORY(a_final_needs_no_credit),
        STORY(credit_without_end_is_no_less),
        STORY(a_cancel_reaches_a_worker_that_waits_for_credit),
        STORY(a_batch_is_served_at_once),
        STORY(what_is_left_of_a_batch_is_not_waited_for),
        STORY(who_cannot_serve_batches_gets_one_after_the_other),
        STORY(who_is_cancelled_leaves_the_batch),
        STORY(a_stop_finishes_what_gathers),
        STORY(a_call_goes_out_and_its_reply_comes_back),
        STORY(a_call_says_all_that_it_was_told),
        STORY(ids_of_both_ways_are_apart),
        STORY(parts_for_the_worker_come_by_its_credit),
        STORY(credit_is_told_in_lumps),
        STORY(a_call_is_cancelled_with_its_parent),
        STORY(a_worker_may_cancel_its_call),
        STORY(a_call_that_fails_says_how),
        STORY(what_cannot_be_said_is_a_bad_request),
        STORY(a_lost_node_ends_all_calls),
        STORY(a_stop_waits_for_calls),
        STORY(a_monitored_one_is_told_of),
        STORY(of_one_that_is_gone_it_is_known),
        STORY(who_is_not_monitored_any_more_is_not_told_of),
        STORY(not_even_when_it_is_known_already),
        STORY(a_notice_can_be_put_aside),
        STORY(links_are_the_nodes),
        STORY(it_speaks_to_groups),
        STORY(what_cannot_be_is_not_said),
        STORY(it_ends_with_all_that_it_watches),
        STORY(suspended_it_takes_nothing),
        STORY(its_ticks_wait),
        STORY(the_callback_in_progress_goes_on),
        STORY(it_shows_what_it_has),
        STORY(what_is_too_much_is_not_sent),
        STORY(what_has_no_callback_says_so),
        STORY(stopped_it_gives_back_what_it_has_not_begun),
        STORY(failing_it_gives_back_the_rest),
        REFUSAL("a failing init tells why", "TROUPE_ECHO", "init=fail", "init failed as asked"),
        REFUSAL("a module must be there", NULL, NULL, "/nowhere/at.so"),
        REFUSAL("a module must be one", "TROUPE_HOST", NULL, "troupe-host"),
        REFUSAL("a module must be of this ABI", "TROUPE_OTHER_ABI", NULL, "build it again"),
        REFUSAL("args are key=value", "TROUPE_ECHO", "loudly", "'loudly' is no argument"),
        REFUSAL("args have a key", "TROUPE_ECHO", "=x", "'=x' is no argument"),
        STORY(without_a_node_it_says_so),
    };
    return cmocka_run_group_tests_name("actors/host", tests, NULL, NULL) != 0;
}
