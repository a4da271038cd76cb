/* Nothing here blocks out of Ctrl-C's reach: connecting, which only the library can wait for,
 * is done in short slices. The signals are blocked before the client makes its threads, so
 * that none of them catches what is meant for us.
 */

#include "cli/session.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/text.h"

enum {
    CONNECT_SLICE_MS = 100,
    LONGEST_POLL_MS = 1000, /* even a client that forgets to ring is looked at */
};

int64_t cli_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cli_target_init(cli_target_t *self)
{
    *self = (cli_target_t){
        .connect_timeout_ms = 3000,
        .key = getenv("TROUPE_KEY"),
        .server_key = getenv("TROUPE_SERVER_KEY"),
    };
    const char *endpoint = getenv("TROUPE_ENDPOINT");
    if (endpoint && *endpoint) {
        snprintf(self->endpoint, sizeof self->endpoint, "%s", endpoint);
        return;
    }
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (folder && *folder == '/') {
        snprintf(self->endpoint, sizeof self->endpoint, "ipc://%s/troupe.sock", folder);
        if (access(self->endpoint + strlen("ipc://"), F_OK) == 0) {
            return;
        }
    }
    snprintf(self->endpoint, sizeof self->endpoint, "ipc:///tmp/troupe-studio.sock");
}

int cli_target_option(cli_target_t *self, const char *verb, const cli_given_t *given)
{
    if (given->key == 'e') {
        if (!*given->value || strlen(given->value) >= sizeof self->endpoint) {
            return cli_wrong_usage(verb, "'%s' is no endpoint", given->value);
        }
        snprintf(self->endpoint, sizeof self->endpoint, "%s", given->value);
    }
    if (given->key == CLI_KEY_KEY) {
        self->key = given->value;
    }
    if (given->key == CLI_KEY_SERVER_KEY) {
        self->server_key = given->value;
    }
    if (given->key == CLI_KEY_CONNECT_TIMEOUT &&
        !cli_parse_duration(given->value, &self->connect_timeout_ms)) {
        return cli_wrong_usage(verb, "'%s' is no time; say 250ms, 5s or 10m", given->value);
    }
    return CLI_OK;
}

static bool take_signal(cli_session_t *self)
{
    struct signalfd_siginfo info;
    return read(self->signals, &info, sizeof info) == (ssize_t)sizeof info;
}

bool cli_session_pause(cli_session_t *self, int64_t timeout_ms)
{
    assert(timeout_ms >= 0);
    int64_t until_ms = cli_now_ms() + timeout_ms;
    do {
        struct pollfd poller = {.fd = self->signals, .events = POLLIN};
        int64_t left_ms = until_ms - cli_now_ms();
        int n_ready = poll(&poller, 1, left_ms > 0 ? (int)left_ms : 0);
        if (n_ready > 0 && take_signal(self)) {
            return true;
        }
    } while (cli_now_ms() < until_ms);
    return false;
}

static troupe_status_t connect_client(cli_session_t *self, troupe_client_t *client,
                                      int64_t timeout_ms)
{
    int64_t until_ms = cli_now_ms() + timeout_ms;
    for (;;) {
        int64_t left_ms = until_ms - cli_now_ms();
        if (left_ms <= 0) {
            return TROUPE_TIMEOUT;
        }
        troupe_status_t status = troupe_client_connect(
            client, left_ms < CONNECT_SLICE_MS ? left_ms : CONNECT_SLICE_MS);
        if (take_signal(self)) {
            return TROUPE_INTERRUPTED;
        }
        if (status != TROUPE_TIMEOUT) {
            return status;
        }
    }
}

static int open_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int explain_connect(const cli_target_t *target, const troupe_client_t *client,
                           troupe_status_t status)
{
    switch (status) {
    case TROUPE_FORBIDDEN:
        cli_complain("forbidden: %s", troupe_client_refusal(client));
        return CLI_FAILED;
    case TROUPE_TIMEOUT:
        cli_complain(
            "no node answers at %s; is it running? -e or $TROUPE_ENDPOINT names another",
            target->endpoint);
        return CLI_UNREACHABLE;
    case TROUPE_ERR_PROTOCOL:
        cli_complain("what answers at %s is no node that troupe %s can speak to",
                     target->endpoint, troupe_version());
        return CLI_UNREACHABLE;
    case TROUPE_INTERRUPTED:
        cli_complain("interrupted while connecting to %s", target->endpoint);
        return CLI_INTERRUPTED;
    default:
        cli_complain("cannot connect to %s: %s", target->endpoint, troupe_status_text(status));
        return CLI_UNREACHABLE;
    }
}

static bool is_said(const char *text)
{
    return text && *text;
}

/* Anything but CLI_OK was explained. */
static int make_client(const cli_target_t *target, troupe_client_t **out)
{
    char why[512];
    if (is_said(target->key) != is_said(target->server_key)) {
        cli_complain("--key and --server-key go together: who we are, and who the node is");
        return CLI_USAGE;
    }
    *out = troupe_client_new(target->endpoint);
    if (!*out) {
        cli_complain("'%s' is no endpoint; say ipc:///PATH or tcp://HOST:PORT",
                     target->endpoint);
        return CLI_USAGE;
    }
    if (is_said(target->key) && troupe_client_set_keys(*out, target->key, target->server_key,
                                                       why, sizeof why) != TROUPE_OK) {
        cli_complain("%s", why);
        troupe_client_destroy(out);
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cli_session_open(cli_session_t *self, const cli_target_t *target)
{
    *self = (cli_session_t){.signals = open_signals()};
    if (self->signals < 0) {
        cli_complain("cannot watch for signals: %s", strerror(errno));
        return CLI_FAILED;
    }
    int wrong = make_client(target, &self->client);
    if (wrong != CLI_OK) {
        cli_session_close(self);
        return wrong;
    }
    troupe_status_t status = connect_client(self, self->client, target->connect_timeout_ms);
    if (status != TROUPE_OK) {
        int code = explain_connect(target, self->client, status);
        cli_session_close(self);
        return code;
    }
    return CLI_OK;
}

void cli_session_close(cli_session_t *self)
{
    troupe_client_destroy(&self->client);
    if (self->signals >= 0) {
        close(self->signals);
        self->signals = -1;
    }
}

troupe_status_t cli_session_probe(cli_session_t *self, const cli_target_t *target,
                                  int64_t timeout_ms, troupe_client_t **out)
{
    troupe_client_t *client = NULL;
    if (make_client(target, &client) != CLI_OK) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = connect_client(self, client, timeout_ms);
    if (status != TROUPE_OK) {
        troupe_client_destroy(&client);
        return status;
    }
    *out = client;
    return TROUPE_OK;
}

troupe_status_t cli_session_next(cli_session_t *self, troupe_client_t *client,
                                 int64_t timeout_ms, troupe_reply_t **out)
{
    int64_t until_ms = timeout_ms < 0 ? INT64_MAX : cli_now_ms() + timeout_ms;
    for (;;) {
        troupe_status_t status = troupe_client_next(client, 0, out);
        if (status != TROUPE_TIMEOUT) {
            return status;
        }
        if (take_signal(self)) {
            return TROUPE_INTERRUPTED;
        }
        int64_t left_ms = until_ms - cli_now_ms();
        if (left_ms <= 0) {
            return TROUPE_TIMEOUT;
        }
        struct pollfd pollers[] = {
            {.fd = troupe_client_fd(client), .events = POLLIN},
            {.fd = self->signals, .events = POLLIN},
        };
        poll(pollers, 2, left_ms < LONGEST_POLL_MS ? (int)left_ms : LONGEST_POLL_MS);
    }
}

troupe_status_t cli_session_admin(cli_session_t *self, troupe_client_t *client,
                                  const char *method, int64_t timeout_ms,
                                  troupe_message_t **message_p, troupe_reply_t **out)
{
    troupe_call_options_t options = {.method = method, .timeout_ms = timeout_ms};
    troupe_message_t *empty = NULL;
    uint64_t id;
    troupe_status_t status =
        troupe_client_start(client, CLI_ADMIN, &options, message_p ? message_p : &empty, &id);
    while (status == TROUPE_OK) {
        troupe_reply_t *reply = NULL;
        status = cli_session_next(self, client, -1, &reply);
        if (status != TROUPE_OK) {
            break;
        }
        if (troupe_reply_id(reply) == id && troupe_reply_is_final(reply)) {
            *out = reply;
            return TROUPE_OK;
        }
        troupe_reply_destroy(&reply);
    }
    return status;
}

int cli_explain_outcome(const char *capability, const troupe_reply_t *reply)
{
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    const char *text = troupe_reply_text(reply);
    int64_t hint_ms = troupe_reply_hint_ms(reply);
    char advice[64] = "";
    if (hint_ms >= 1000) {
        snprintf(advice, sizeof advice, " (worth trying in %.1f s)", (double)hint_ms / 1000);
    } else if (hint_ms > 0) {
        snprintf(advice, sizeof advice, " (worth trying in %d ms)", (int)hint_ms);
    }
    cli_complain("%s: %s: %s%s", capability, troupe_outcome_name(outcome),
                 *text ? text : troupe_outcome_text(outcome), advice);
    return outcome == TROUPE_OUTCOME_TIMEOUT ? CLI_TIMEOUT : CLI_FAILED;
}

int cli_explain_status(const char *capability, troupe_status_t status)
{
    if (status == TROUPE_INTERRUPTED) {
        cli_complain("%s: interrupted", capability);
        return CLI_INTERRUPTED;
    }
    cli_complain("%s: %s", capability, troupe_status_text(status));
    return status == TROUPE_TIMEOUT ? CLI_TIMEOUT : CLI_FAILED;
}
