/* libmicrohttpd makes no thread: its epoll descriptor is one that the actor watches, and all of
 * it happens in the actor's turns. A request that needs the node's account of itself is
 * suspended until that has come or is given up; the library must find none suspended when it
 * ends.
 *
 * Who is slow, silent or many costs a connection, of which there is a fixed number, and each
 * has a time within which it must have had an answer. What does not fit waits to be accepted.
 */

#include "node/http/http.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "actors/dead_letter.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/envelope.h"
#include "mailbox/reply.h"
#include "node/http/account.h"
#include "node/http/address.h"
#include "node/http/answer.h"

#define MAILBOX_LETTERS 1000
#define MAILBOX_BYTES   ((size_t)64 << 20)

#define MOST_CONNECTIONS  64
#define PATIENCE_MS       30000
#define LOOK_MS           1000
#define LOOK_WHEN_FULL_MS 50
#define CONNECTION_MEMORY ((size_t)16 << 10) /* holds a request's line and headers */

typedef struct visit visit_t;
typedef struct exchange exchange_t;

typedef struct tr_http {
    tr_self_t *self;
    const tr_http_spec_t *spec;
    struct MHD_Daemon *daemon;
    int descriptor; /* of its epoll */
    int64_t due_ms; /* when it wants to run of itself */
    int64_t patience_ms;
    char machine[65];
    visit_t *visits;
    unsigned n_visits;
    unsigned most_visits;
    bool has_room_again;
    bool is_stopping;
    int64_t next_look_ms; /* at those that may have left */
    exchange_t *waiting;
    tr_http_account_t account;
} tr_http_t;

/* A connection. */
struct visit {
    visit_t *next;
    visit_t **link;
    int descriptor;
    int64_t since_ms; /* when it came, or had its last answer */
    bool is_asking;   /* its request is whole, and not answered */
    bool is_cut;
};

/* A request. */
struct exchange {
    exchange_t *next; /* of those that wait for the node's account */
    struct MHD_Connection *connection;
    tr_http_path_t path;
    bool any;
    bool has_waited;
    tr_http_lack_t lack; /* once it has waited */
};

/* ---- answers ---- */

static bool is_allowed(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
           strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

/* Takes the answer's text. */
static enum MHD_Result say(struct MHD_Connection *connection, tr_http_answer_t *answer)
{
    struct MHD_Response *response =
        answer->text
            ? MHD_create_response_from_buffer(answer->size, answer->text, MHD_RESPMEM_MUST_FREE)
        : answer->page ? MHD_create_response_from_buffer(answer->size, (void *)answer->page,
                                                         MHD_RESPMEM_PERSISTENT)
                       : NULL;
    if (!response) {
        free(answer->text);
        return MHD_NO; /* out of memory: the connection is closed */
    }
    bool is_made =
        MHD_add_response_header(response, "Content-Type", answer->type) &&
        MHD_add_response_header(response, "Content-Security-Policy", answer->policy) &&
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") &&
        MHD_add_response_header(response, "Referrer-Policy", "no-referrer") &&
        MHD_add_response_header(response, "Cache-Control", "no-store");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        is_made = is_made && MHD_add_response_header(response, "Allow", "GET, HEAD");
    }
    enum MHD_Result result =
        is_made ? MHD_queue_response(connection, answer->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const char *why)
{
    tr_http_answer_t answer = tr_http_plain(status, why);
    return say(connection, &answer);
}

/* ---- requests ---- */

static bool has_body(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* What is wrong with a request whatever it is for: the status, and 0 when nothing is. */
static unsigned fault_of(const tr_http_t *http, struct MHD_Connection *connection,
                         const char *method, const char *version, const char **why_out)
{
    const char *host =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (!is_allowed(method)) {
        *why_out = "there is nothing to change here: GET and HEAD only\n";
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    if (has_body(connection)) {
        *why_out = "a request has no body here\n";
        return MHD_HTTP_BAD_REQUEST;
    }
    if (!host) {
        *why_out = "the Host header is missing\n";
        return strcmp(version, MHD_HTTP_VERSION_1_1) == 0 ? MHD_HTTP_BAD_REQUEST : 0;
    }
    if (!tr_http_host_is_ours(host, http->machine)) {
        *why_out = "this node does not go by the name in the Host header: use its address\n";
        return MHD_HTTP_FORBIDDEN;
    }
    return 0;
}

static visit_t *visit_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static enum MHD_Result begin_exchange(tr_http_t *http, struct MHD_Connection *connection,
                                      const char *path, const char *method, const char *version,
                                      void **exchange_p)
{
    const char *why = "";
    visit_t *visit = visit_of(connection);
    if (visit) {
        visit->is_asking = true;
    }
    unsigned fault = fault_of(http, connection, method, version, &why);
    if (fault) {
        return refuse(connection, fault, why);
    }
    exchange_t *exchange = calloc(1, sizeof *exchange);
    if (!exchange) {
        return MHD_NO;
    }
    exchange->connection = connection;
    exchange->path = tr_http_path_of(path);
    exchange->any = MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "any",
                                                  strlen("any"), NULL, NULL) == MHD_YES;
    *exchange_p = exchange;
    return MHD_YES;
}

/* True when the request is to be looked at again later. */
static bool wait_for_account(tr_http_t *http, exchange_t *exchange)
{
    int64_t now_ms = tr_clock_now_ms();
    if (exchange->has_waited || tr_http_account_now(&http->account, now_ms)) {
        return false;
    }
    if (http->is_stopping) {
        exchange->lack = TR_HTTP_LACKS_NODE;
        return false;
    }
    if (!tr_http_account_ask(&http->account, now_ms)) {
        exchange->lack = TR_HTTP_LACKS_MEMORY;
        return false;
    }
    exchange->next = http->waiting;
    http->waiting = exchange;
    MHD_suspend_connection(exchange->connection);
    return true;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *body,
                              size_t *body_size, void **exchange_p)
{
    (void)body;
    tr_http_t *http = arg;
    exchange_t *exchange = *exchange_p;
    if (!exchange) {
        return begin_exchange(http, connection, path, method, version, exchange_p);
    }
    if (*body_size > 0) {
        return MHD_NO; /* one that was not announced */
    }
    if (tr_http_needs_account(exchange->path.place) && wait_for_account(http, exchange)) {
        return MHD_YES;
    }
    const msgpack_object *account =
        exchange->lack == TR_HTTP_LACKS_NOTHING ? tr_http_account_last(&http->account) : NULL;
    tr_http_answer_t answer = tr_http_answer(&exchange->path, exchange->any,
                                             http->self->runtime, account, exchange->lack);
    return say(connection, &answer);
}

/* Those who wait have waited, with this result. */
static void wake_all(tr_http_t *http, tr_http_lack_t lack)
{
    while (http->waiting) {
        exchange_t *exchange = http->waiting;
        http->waiting = exchange->next;
        exchange->has_waited = true;
        exchange->lack = lack;
        MHD_resume_connection(exchange->connection);
        http->due_ms = 0;
    }
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **exchange_p,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)code;
    visit_t *visit = visit_of(connection);
    if (visit) {
        visit->is_asking = false;
        visit->since_ms = tr_clock_now_ms();
    }
    free(*exchange_p);
    *exchange_p = NULL;
}

/* ---- connections ---- */

static void begin_visit(tr_http_t *http, struct MHD_Connection *connection, void **visit_p)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    visit_t *visit = info ? calloc(1, sizeof *visit) : NULL;
    if (visit) {
        visit->descriptor = info->connect_fd;
        visit->since_ms = tr_clock_now_ms();
        visit->next = http->visits;
        visit->link = &http->visits;
        if (visit->next) {
            visit->next->link = &visit->next;
        }
        http->visits = visit;
        http->n_visits++;
    }
    *visit_p = visit;
}

static void end_visit(tr_http_t *http, visit_t *visit)
{
    http->has_room_again |= http->n_visits == http->most_visits;
    http->n_visits--;
    *visit->link = visit->next;
    if (visit->next) {
        visit->next->link = visit->link;
    }
    free(visit);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **visit_p,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        begin_visit(arg, connection, visit_p);
    } else if (*visit_p) {
        end_visit(arg, *visit_p);
        *visit_p = NULL;
    }
}

/* The library sees it, and closes. */
static void cut(visit_t *visit)
{
    visit->is_cut = true;
    shutdown(visit->descriptor, SHUT_RDWR);
}

/* Cut those whose time is up; returns when the next one's is. Whoever sends a byte now and then
 * is no better than whoever sends none, so the library's own timeout does not do. */
static int64_t cut_the_slow(tr_http_t *http, int64_t now_ms)
{
    int64_t due_ms = TR_NEVER;
    for (visit_t *visit = http->visits; visit; visit = visit->next) {
        int64_t until_ms = tr_clock_after(visit->since_ms, http->patience_ms);
        if (!visit->is_cut && now_ms >= until_ms) {
            cut(visit);
        } else if (!visit->is_cut && until_ms < due_ms) {
            due_ms = until_ms;
        }
    }
    return due_ms;
}

static bool has_left(const visit_t *visit)
{
    char byte;
    return !visit->is_asking &&
           recv(visit->descriptor, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* An end that comes together with the half of a request is not seen by the library, which waits
 * for another event. Returns when to look again. */
static int64_t cut_those_who_left(tr_http_t *http, int64_t now_ms)
{
    int64_t wait_ms = http->n_visits < http->most_visits ? LOOK_MS : LOOK_WHEN_FULL_MS;
    if (now_ms < http->next_look_ms && http->next_look_ms - now_ms <= wait_ms) {
        return http->visits ? http->next_look_ms : TR_NEVER;
    }
    for (visit_t *visit = http->visits; visit; visit = visit->next) {
        if (!visit->is_cut && has_left(visit)) {
            cut(visit);
        }
    }
    http->next_look_ms = tr_clock_after(now_ms, wait_ms);
    return http->visits ? http->next_look_ms : TR_NEVER;
}

/* ---- turns ---- */

/* At its limit the library accepts nobody, and begins again only in the run after that in which
 * somebody left. */
static void run(tr_http_t *http)
{
    do {
        http->has_room_again = false;
        MHD_run(http->daemon);
    } while (http->has_room_again);
    MHD_UNSIGNED_LONG_LONG left_ms;
    http->due_ms = MHD_get_timeout(http->daemon, &left_ms) == MHD_YES
                       ? tr_clock_after(tr_clock_now_ms(), (int64_t)left_ms)
                       : TR_NEVER;
}

static void on_readable(tr_self_t *self, void *socket, int descriptor)
{
    (void)socket;
    (void)descriptor;
    run(self->state);
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    tr_http_t *http = self->state;
    if (tr_http_account_expire(&http->account, now_ms)) {
        wake_all(http, TR_HTTP_LACKS_TIME);
    }
    int64_t due_ms =
        tr_clock_earlier(cut_the_slow(http, now_ms), cut_those_who_left(http, now_ms));
    if (now_ms >= http->due_ms) {
        run(http);
    }
    return tr_clock_earlier(tr_clock_earlier(due_ms, http->due_ms),
                            tr_http_account_due_ms(&http->account));
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    tr_http_t *http = self->state;
    if (letter->type == &tr_reply_type) {
        tr_http_lack_t lack;
        if (tr_http_account_take(&http->account, (troupe_reply_t *)letter, tr_clock_now_ms(),
                                 &lack)) {
            wake_all(http, lack);
        }
    } else if (tr_control_in(letter)) {
        tr_letter_destroy(&letter);
    } else {
        tr_dead_letter_take(self->runtime, self->name, "it takes no messages", &letter);
    }
}

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    (void)self;
    tr_letter_destroy(&letter);
}

/* ---- life ---- */

static void note(void *arg, const char *format, va_list args)
{
    (void)arg;
    char text[300];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    tr_log(TR_LOG_DEBUG, "http_says", TR_TEXT("text", text));
}

/* A path is taken as it is written. */
static size_t leave_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

/* From here on the socket is the library's. */
static struct MHD_Daemon *start_daemon(tr_http_t *http, int listener)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle,
        http, MHD_OPTION_EXTERNAL_LOGGER, note, NULL, /* must be first */
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, http->most_visits,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_escaped, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_END);
}

static bool listen_there(tr_http_t *http)
{
    tr_self_t *self = http->self;
    int listener = tr_http_address_listen(&http->spec->at);
    if (listener < 0) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "cannot listen on %.100s: %s",
                                        http->spec->address, strerror(errno));
        return false;
    }
    http->daemon = start_daemon(http, listener);
    const union MHD_DaemonInfo *info =
        http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    http->descriptor = info ? info->epoll_fd : -1;
    if (http->descriptor < 0 ||
        tr_self_watch_descriptor(self, http->descriptor, on_readable) != TROUPE_OK) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "cannot serve HTTP on %.100s",
                                        http->spec->address);
        return false;
    }
    tr_log(TR_LOG_INFO, "listening", TR_TEXT("http", http->spec->address));
    return true;
}

static bool begin(tr_self_t *self, const void *arg)
{
    tr_http_t *http = calloc(1, sizeof *http);
    self->state = http;
    if (!http) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        return false;
    }
    http->self = self;
    http->spec = arg;
    http->patience_ms = http->spec->patience_ms > 0 ? http->spec->patience_ms : PATIENCE_MS;
    http->most_visits =
        http->spec->most_connections > 0 ? http->spec->most_connections : MOST_CONNECTIONS;
    if (gethostname(http->machine, sizeof http->machine - 1) != 0) {
        http->machine[0] = '\0';
    }
    tr_http_account_init(&http->account, self);
    return listen_there(http);
}

static void end(tr_self_t *self)
{
    tr_http_t *http = self->state;
    if (!http) {
        return;
    }
    if (http->daemon) {
        http->is_stopping = true;
        wake_all(http, TR_HTTP_LACKS_NODE);
        MHD_run(http->daemon); /* who waited is told */
        MHD_run(http->daemon);
        MHD_stop_daemon(http->daemon);
    }
    assert(!http->waiting && !http->visits);
    tr_http_account_finish(&http->account);
    free(http);
    self->state = NULL;
}

bool tr_http_is_there(void)
{
    return true;
}

static const tr_actor_class_t http_class = {
    .kind = "http",
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .leftover = leftover,
    .end = end,
};

troupe_status_t tr_http_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &http_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
}
