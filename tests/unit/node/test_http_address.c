#include "tests/kit/check.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/http/address.h"

struct address {
    const char *text;
    const char *host; /* NULL: refused */
    unsigned port;
    const char *problem; /* a part of it */
};

static void is_read(void **state)
{
    const struct address *row = *state;
    struct sockaddr_in out;
    char host[INET_ADDRSTRLEN];
    assert_null(tr_http_address_problem(row->text, &out));
    assert_string_equal(inet_ntop(AF_INET, &out.sin_addr, host, sizeof host), row->host);
    assert_int_equal(ntohs(out.sin_port), row->port);
}

static void is_refused(void **state)
{
    const struct address *row = *state;
    struct sockaddr_in out;
    const char *problem = tr_http_address_problem(row->text, &out);
    assert_non_null(problem);
    assert_non_null(strstr(problem, row->problem));
}

struct host {
    const char *text;
    bool is_ours;
};

static void is_judged(void **state)
{
    const struct host *row = *state;
    assert_int_equal(tr_http_host_is_ours(row->text, "studio"), row->is_ours);
}

static void a_machine_without_a_name_has_none(void **state)
{
    (void)state;
    assert_false(tr_http_host_is_ours("", ""));
    assert_false(tr_http_host_is_ours(":80", ""));
    assert_true(tr_http_host_is_ours("127.0.0.1", ""));
}

static void where_it_listens_nobody_else_can(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listener = tr_http_address_listen(&address);
    socklen_t size = sizeof address;
    assert_true(listener >= 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_true(tr_http_address_listen(&address) < 0);
    close(listener);
}

/* clang-format off */
#define READ(text, ...) \
    { .name = "reads " text, .test_func = is_read, .initial_state = &(struct address){text, __VA_ARGS__, ""} }
#define REFUSE(text, problem) \
    { .name = "refuses " text, .test_func = is_refused, .initial_state = &(struct address){text, NULL, 0, problem} }
#define OURS(text) \
    { .name = "ours is " text, .test_func = is_judged, .initial_state = &(struct host){text, true} }
#define NOT_OURS(text) \
    { .name = "not ours is " text, .test_func = is_judged, .initial_state = &(struct host){text, false} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        READ("127.0.0.1:8670", "127.0.0.1", 8670),
        READ("localhost:1", "127.0.0.1", 1),
        READ("0.0.0.0:65535", "0.0.0.0", 65535),
        REFUSE("", "a host and a port"),
        REFUSE("127.0.0.1", "a host and a port"),
        REFUSE(":8670", "a host and a port"),
        REFUSE("127.0.0.1:", "port"),
        REFUSE("127.0.0.1:0", "port"),
        REFUSE("127.0.0.1:65536", "port"),
        REFUSE("127.0.0.1:80x", "port"),
        REFUSE("127.0.0.1:+80", "port"),
        REFUSE("example.com:80", "IPv4"),
        REFUSE("127.1:80", "IPv4"),
        REFUSE("localhost:80808080808080808080808080", "port"),
        REFUSE("[::1]:80", "IPv6"),
        REFUSE("http://127.0.0.1:80", "only the host"),
        OURS("127.0.0.1"),
        OURS("127.0.0.1:8670"),
        OURS("10.1.2.3:80"),
        OURS("localhost"),
        OURS("LocalHost:8670"),
        OURS("studio:8670"),
        OURS("[::1]"),
        OURS("[::1]:8670"),
        NOT_OURS(""),
        NOT_OURS("evil.example"),
        NOT_OURS("evil.example:8670"),
        NOT_OURS("127.0.0.1.evil.example"),
        NOT_OURS("127.0.0.1:80:80"),
        NOT_OURS("localhost.evil.example"),
        NOT_OURS("studio.evil.example"),
        NOT_OURS("[::1"),
        NOT_OURS("[evil]"),
        NOT_OURS("[::1]x"),
        cmocka_unit_test(a_machine_without_a_name_has_none),
        cmocka_unit_test(where_it_listens_nobody_else_can),
    };
    return cmocka_run_group_tests_name("node/http_address", tests, NULL, NULL) != 0;
}
