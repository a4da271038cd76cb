/* The actor alone, before a node that the test plays: an admin that answers when it is told to,
 * or never. Clients are bare sockets, since what no client would send is what matters here. */

#include "tests/kit/check.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <msgpack.h>

#include "base/clock.h"
#include "mailbox/envelope.h"
#include "mailbox/reply.h"
#include "node/assembly.h"
#include "node/http/address.h"
#include "node/http/http.h"

#define PATIENCE_MS   30000 /* only what hangs takes so long */
#define MOST          4
#define MAX_CLIENTS   32
#define REQUEST(path) "GET " path " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *admin; /* in the directory while there is one */
    tr_http_spec_t spec;
    tr_actor_t *http;
    int clients[MAX_CLIENTS];
    size_t n_clients;
} scene_t;

/* ---- mail ---- */

static tr_letter_t *next_letter(tr_mailbox_t *mailbox)
{
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter;
    while (!(letter = tr_mailbox_next(mailbox, NULL)) && tr_clock_now_ms() < until_ms) {
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            poll(&bell, 1, 1000);
            tr_mailbox_unpark(mailbox);
        }
    }
    assert_non_null(letter);
    return letter;
}

/* Wait for that word from the actor; its reason goes to `text`. */
static void await_word(scene_t *scene, tr_word_t wanted, char text[TR_REASON_TEXT])
{
    for (;;) {
        tr_letter_t *letter = next_letter(scene->parent);
        const tr_control_t *word = tr_control_in(letter);
        bool is_there = word && word->word == wanted;
        if (is_there && text) {
            snprintf(text, TR_REASON_TEXT, "%s", word->reason.text);
        }
        tr_letter_destroy(&letter);
        if (is_there) {
            return;
        }
    }
}

/* ---- the scene ---- */

static void launch(scene_t *scene)
{
    tr_birth_t birth = {.what = &scene->spec,
                        .name = TR_NAME_HTTP,
                        .runtime = scene->runtime,
                        .parent = scene->parent};
    assert_status(tr_http_start(&birth, &scene->http), TROUPE_OK);
}

static void start(scene_t *scene)
{
    launch(scene);
    await_word(scene, TR_WORD_STARTED, NULL);
}

/* A port that nobody has: the socket that was given it has gone, and it is not given again
 * soon.
 */
static void choose_port(scene_t *scene)
{
    static char text[32];
    scene->spec.at =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof scene->spec.at;
    int socket = tr_http_address_listen(&scene->spec.at);
    assert_true(socket >= 0);
    assert_int_equal(getsockname(socket, (struct sockaddr *)&scene->spec.at, &size), 0);
    close(socket);
    snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(scene->spec.at.sin_port));
    scene->spec.address = text;
}

static int make_scene(void **state)
{
    zsys_init();
    zsys_handler_set(NULL);
    scene_t *scene = calloc(1, sizeof *scene);
    scene->runtime = tr_runtime_new("tested");
    scene->parent = tr_mailbox_new("parent", 1, (tr_mailbox_limits_t){1000, 1 << 20});
    scene->admin = tr_mailbox_new("admin", 2, (tr_mailbox_limits_t){1000, 1 << 20});
    atomic_store(&scene->runtime->phase, TR_NODE_READY);
    choose_port(scene);
    scene->spec.most_connections = MOST;
    *state = scene;
    return tr_directory_register(scene->runtime->directory, TR_NAMES_CAPABILITY, TR_NAME_ADMIN,
                                 scene->admin);
}

static void stop(scene_t *scene)
{
    if (scene->http) {
        tr_actor_ask_to_stop(scene->http, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        assert_status(tr_actor_reap(&scene->http, PATIENCE_MS), TROUPE_OK);
    }
}

/* What lies in a mailbox may hold it. */
static void close_mailbox(tr_mailbox_t **mailbox)
{
    tr_letter_t *letter;
    tr_mailbox_close(*mailbox);
    while ((letter = tr_mailbox_next(*mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(mailbox);
}

static int destroy_scene(void **state)
{
    scene_t *scene = *state;
    stop(scene);
    for (size_t i = 0; i < scene->n_clients; i++) {
        close(scene->clients[i]);
    }
    tr_directory_remove(scene->runtime->directory, TR_NAMES_CAPABILITY, TR_NAME_ADMIN,
                        scene->admin);
    close_mailbox(&scene->admin);
    close_mailbox(&scene->parent);
    tr_runtime_release(&scene->runtime);
    free(scene);
    return 0;
}

/* ---- the admin ---- */

static tr_envelope_t *next_question(scene_t *scene)
{
    for (;;) {
        tr_letter_t *letter = next_letter(scene->admin);
        if (letter->type == &tr_envelope_type) {
            return tr_envelope_of(letter);
        }
        tr_letter_destroy(&letter);
    }
}

/* A node of one capability, in that state. Takes the share. */
static void answer(tr_envelope_t *question, const char *state)
{
    char text[64];
    char data[64];
    snprintf(text, sizeof text, "%s", state);
    size_t size = (size_t)snprintf(data, sizeof data,
                                   "\x82\xa5state\xa5ready\xac"
                                   "capabilities\x91\x82\xa4name\xa1"
                                   "a\xa5state%c%s",
                                   (char)(0xa0 | strlen(text)), text);
    troupe_message_t *message = troupe_message_new();
    assert_status(troupe_message_add(message, data, size), TROUPE_OK);
    troupe_reply_t *reply = tr_reply_new(question->id, true, TROUPE_OUTCOME_OK, NULL, &message);
    tr_envelope_forward(question, &reply);
    tr_envelope_release(&question);
}

/* ---- clients ---- */

static int client(scene_t *scene)
{
    assert_true(scene->n_clients < MAX_CLIENTS);
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        connect(socket_, (struct sockaddr *)&scene->spec.at, sizeof scene->spec.at), 0);
    scene->clients[scene->n_clients++] = socket_;
    return socket_;
}

static void say(int socket, const char *text)
{
    assert_int_equal(send(socket, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static int asks(scene_t *scene, const char *request)
{
    int socket = client(scene);
    say(socket, request);
    return socket;
}

/* Read until there is `end` of it, or the connection is over; what was read. */
static const char *hear(int socket, const char *end)
{
    static char heard[1 << 16];
    size_t size = 0;
    heard[0] = '\0';
    while (size < sizeof heard - 1 && !(end && strstr(heard, end))) {
        struct pollfd readable = {.fd = socket, .events = POLLIN};
        assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
        ssize_t n = recv(socket, heard + size, sizeof heard - 1 - size, 0);
        if (n <= 0) {
            break;
        }
        size += (size_t)n;
        heard[size] = '\0';
    }
    return heard;
}

static void assert_hears(int socket, const char *status, const char *body)
{
    const char *heard = hear(socket, body);
    char line[64];
    snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    if (strncmp(heard, line, strlen(line)) != 0 || !strstr(heard, body)) {
        fail_msg("heard:\n%s\nand not %s with %s", heard, status, body);
    }
}

/* Nothing more comes but the end. */
static void assert_cut(int socket)
{
    const char *heard = hear(socket, NULL);
    assert_string_equal(heard, "");
}

static bool has_something(int socket)
{
    struct pollfd readable = {.fd = socket, .events = POLLIN};
    return poll(&readable, 1, 0) == 1;
}

/* ---- stories ---- */

static void it_answers_without_the_node(void **state)
{
    scene_t *scene = *state;
    start(scene);
    assert_hears(asks(scene, REQUEST("/healthz")), "200", "alive\n");
}

static void one_connection_serves_many_requests(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int socket = client(scene);
    for (int i = 0; i < 100; i++) {
        say(socket, REQUEST("/healthz"));
        assert_hears(socket, "200", "alive\n");
    }
}

static void requests_may_come_in_one_piece(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int socket = asks(scene, REQUEST("/healthz") REQUEST("/nothing"));
    const char *heard = hear(socket, "there is nothing here");
    assert_non_null(strstr(heard, "HTTP/1.1 200 "));
    assert_non_null(strstr(heard, "HTTP/1.1 404 "));
}

static void one_question_does_for_all_who_wait(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int sockets[MOST];
    for (size_t i = 0; i < MOST; i++) {
        sockets[i] = asks(scene, i % 2 ? REQUEST("/readyz") : REQUEST("/readyz/a"));
    }
    tr_envelope_t *question = next_question(scene);
    assert_string_equal(question->method, "tree");
    answer(question, "ready");
    for (size_t i = 0; i < MOST; i++) {
        assert_hears(sockets[i], "200", "ready\n");
    }
    /* Whoever came too late for that one had one of his own, or the last one did for him. */
    tr_letter_t *letter = tr_mailbox_next(scene->admin, NULL);
    assert_null(letter);
}

static void what_is_known_does_for_a_moment(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int socket = asks(scene, REQUEST("/readyz"));
    answer(next_question(scene), "unavailable");
    assert_hears(socket, "503", "a is unavailable\n");
    /* Asked until it is too old: then there is another question, with another answer. */
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter = NULL;
    while (!(letter = tr_mailbox_next(scene->admin, NULL)) && tr_clock_now_ms() < until_ms) {
        if (!has_something(socket)) {
            say(socket, REQUEST("/healthz"));
            assert_hears(socket, "200", "alive\n");
            say(socket, REQUEST("/readyz"));
            struct pollfd either[] = {{.fd = socket, .events = POLLIN},
                                      {.fd = tr_mailbox_bell(scene->admin), .events = POLLIN}};
            if (tr_mailbox_park(scene->admin)) {
                poll(either, 2, PATIENCE_MS);
                tr_mailbox_unpark(scene->admin);
            }
        }
        if (has_something(socket)) {
            assert_hears(socket, "503", "a is unavailable\n");
        }
    }
    assert_non_null(letter);
    answer(tr_envelope_of(letter), "ready");
    assert_hears(socket, "200", "ready\n");
}

static void an_admin_that_says_nothing_is_not_waited_for_for_ever(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int ready = asks(scene, REQUEST("/readyz"));
    int account = asks(scene, REQUEST("/state"));
    int metrics = asks(scene, REQUEST("/metrics"));
    tr_envelope_t *question = next_question(scene);
    assert_hears(ready, "503", "did not give an account");
    assert_hears(account, "504", "did not give an account");
    assert_hears(metrics, "200", "troupe_node_info{version=");
    assert_true(tr_envelope_answer(question, TROUPE_OUTCOME_OK, 0, NULL)); /* too late */
    tr_envelope_release(&question);
    say(ready, REQUEST("/readyz"));
    answer(next_question(scene), "ready");
    assert_hears(ready, "200", "ready\n");
}

static void a_node_without_admin_is_not_ready(void **state)
{
    scene_t *scene = *state;
    tr_directory_remove(scene->runtime->directory, TR_NAMES_CAPABILITY, TR_NAME_ADMIN,
                        scene->admin);
    start(scene);
    assert_hears(asks(scene, REQUEST("/readyz")), "503", "the node is stopping");
    assert_hears(asks(scene, REQUEST("/state")), "503", "the node is stopping");
}

static void an_account_that_cannot_be_read_is_none(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int socket = asks(scene, REQUEST("/state"));
    tr_envelope_t *question = next_question(scene);
    assert_true(tr_envelope_answer(question, TROUPE_OUTCOME_OK, 0, NULL));
    tr_envelope_release(&question);
    assert_hears(socket, "503", "the node");
}

static void who_waits_is_told_that_it_stops(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int socket = asks(scene, REQUEST("/readyz") REQUEST("/state")); /* and asks on then */
    tr_envelope_t *question = next_question(scene);
    stop(scene);
    assert_hears(socket, "503", "the node is stopping");
    tr_envelope_release(&question);
}

static void a_port_that_is_taken_is_said(void **state)
{
    scene_t *scene = *state;
    char why[TR_REASON_TEXT];
    int taken = tr_http_address_listen(&scene->spec.at);
    launch(scene);
    await_word(scene, TR_WORD_ENDED, why);
    assert_non_null(strstr(why, "cannot listen on 127.0.0.1:"));
    assert_non_null(strstr(why, "Address already in use"));
    assert_status(tr_actor_reap(&scene->http, PATIENCE_MS), TROUPE_OK);
    close(taken);
    start(scene);
}

struct odd {
    const char *request;
    const char *status;
    const char *body;
};

static void is_answered(void **state)
{
    scene_t *scene;
    const struct odd *odd = *state;
    assert_int_equal(make_scene((void **)&scene), 0);
    start(scene);
    assert_hears(asks(scene, odd->request), odd->status, odd->body);
    assert_hears(asks(scene, REQUEST("/healthz")), "200", "alive\n");
    destroy_scene((void **)&scene);
}

static void a_head_has_no_body(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int socket = asks(scene, "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_hears(socket, "200", "Content-Length: 6\r\n");
    say(socket, "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const char *heard = hear(socket, "nothing here");
    assert_null(strstr(heard, "alive"));
}

static void large_headers_are_refused(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int socket = asks(scene, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Large: ");
    char piece[4096];
    memset(piece, 'x', sizeof piece);
    ssize_t n = 1;
    for (size_t i = 0; i < 64 && n > 0; i++) {
        n = send(socket, piece, sizeof piece, MSG_NOSIGNAL);
    }
    const char *heard = hear(socket, NULL);
    assert_true(heard[0] == '\0' || strncmp(heard, "HTTP/1.1 4", 10) == 0);
    assert_hears(asks(scene, REQUEST("/healthz")), "200", "alive\n");
}

static void nobody_is_waited_for_longer_than_patience_lasts(void **state)
{
    scene_t *scene = *state;
    scene->spec.patience_ms = 150;
    start(scene);
    int silent = client(scene);
    int slow = asks(scene, "GET /hea");
    int served = asks(scene, REQUEST("/healthz"));
    assert_hears(served, "200", "alive\n");
    /* A byte now and then makes no difference. */
    while (!has_something(slow)) {
        (void)send(slow, "l", 1, MSG_NOSIGNAL);
        struct pollfd readable = {.fd = slow, .events = POLLIN};
        poll(&readable, 1, 20);
    }
    assert_cut(slow);
    assert_cut(silent);
    assert_cut(served); /* it asked for nothing more */
}

/* Asks for more than all buffers on the way hold. */
static void whoever_does_not_read_is_cut(void **state)
{
    scene_t *scene = *state;
    scene->spec.patience_ms = 300;
    start(scene);
    int greedy = client(scene);
    assert_int_equal(setsockopt(greedy, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int)), 0);
    for (int i = 0; i < 1000; i++) {
        if (send(greedy, REQUEST("/"), strlen(REQUEST("/")), MSG_NOSIGNAL) < 0) {
            break; /* cut already, on a slow machine */
        }
    }
    struct pollfd over = {.fd = greedy, .events = POLLRDHUP};
    assert_int_equal(poll(&over, 1, PATIENCE_MS), 1);
    assert_hears(asks(scene, REQUEST("/healthz")), "200", "alive\n");
}

static void one_too_many_waits_for_another_to_go(void **state)
{
    scene_t *scene = *state;
    start(scene);
    int sockets[MOST];
    for (size_t i = 0; i < MOST; i++) {
        sockets[i] = asks(scene, REQUEST("/healthz"));
        assert_hears(sockets[i], "200", "alive\n");
    }
    int late = asks(scene, REQUEST("/healthz"));
    say(sockets[0], REQUEST("/nothing"));
    assert_hears(sockets[0], "404", "nothing here");
    assert_false(has_something(late));
    close(sockets[1]);
    for (size_t i = 0; i < scene->n_clients; i++) {
        if (scene->clients[i] == sockets[1]) {
            scene->clients[i] = dup(sockets[2]);
        }
    }
    assert_hears(late, "200", "alive\n");
}

static void many_come_and_go(void **state)
{
    scene_t *scene = *state;
    start(scene);
    for (int i = 0; i < 300; i++) {
        int socket = asks(scene, i % 3 ? REQUEST("/healthz") : "GET /read");
        if (i % 3) {
            assert_hears(socket, "200", "alive\n");
        }
        close(scene->clients[--scene->n_clients]);
    }
    assert_hears(asks(scene, REQUEST("/healthz")), "200", "alive\n");
}

/* clang-format off */
#define ODD(title, ...) \
    { .name = title, .test_func = is_answered, .initial_state = &(struct odd){__VA_ARGS__} }
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scene, destroy_scene)
/* clang-format on */

#define HOST "Host: 127.0.0.1:8670\r\n"

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_answers_without_the_node),
        TEST(one_connection_serves_many_requests),
        TEST(requests_may_come_in_one_piece),
        TEST(one_question_does_for_all_who_wait),
        TEST(what_is_known_does_for_a_moment),
        TEST(an_admin_that_says_nothing_is_not_waited_for_for_ever),
        TEST(a_node_without_admin_is_not_ready),
        TEST(an_account_that_cannot_be_read_is_none),
        TEST(who_waits_is_told_that_it_stops),
        TEST(a_port_that_is_taken_is_said),
        ODD("a body is refused", "GET /healthz HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx",
            "400", "no body"),
        ODD("an announced body is refused before it comes",
            "GET /healthz HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", "400",
            "no body"),
        ODD("nothing can be posted", "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
            "405", "Allow: GET, HEAD\r\n"),
        ODD("nothing can be put", "PUT /state HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
            "405", "GET and HEAD only"),
        ODD("nothing can be deleted", "DELETE /state HTTP/1.1\r\n" HOST "\r\n", "405", "only"),
        ODD("a method that nobody knows", "BREW /pot HTTP/1.1\r\n" HOST "\r\n", "405", "only"),
        ODD("options are none", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "405", "only"),
        ODD("a host that is not ours", "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403",
            "use its address"),
        ODD("no host", "GET / HTTP/1.1\r\n\r\n", "400", "Host"),
        ODD("an old client has none", "GET /healthz HTTP/1.0\r\n\r\n", "200", "alive\n"),
        ODD("a NUL that is escaped", "GET /healthz%00 HTTP/1.1\r\n" HOST "\r\n", "404",
            "nothing"),
        ODD("a path that climbs", "GET /..//healthz HTTP/1.1\r\n" HOST "\r\n", "404",
            "nothing"),
        ODD("a query that means nothing", "GET /healthz?a=%00&b HTTP/1.1\r\n" HOST "\r\n",
            "200", "alive\n"),
        TEST(a_head_has_no_body),
        TEST(large_headers_are_refused),
        TEST(nobody_is_waited_for_longer_than_patience_lasts),
        TEST(whoever_does_not_read_is_cut),
        TEST(one_too_many_waits_for_another_to_go),
        TEST(many_come_and_go),
    };
    return cmocka_run_group_tests_name("node/http", tests, NULL, NULL) != 0;
}
