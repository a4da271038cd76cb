#include "tests/kit/check.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tcp_address.h"

/* One row, one text: what is wrong with it, or where it is. */
struct story {
    const char *text;
    tr_tcp_fault_t fault;
    const char *host;
    unsigned port;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    struct sockaddr_in address = {.sin_port = 7};
    char host[INET_ADDRSTRLEN];
    assert_int_equal(tr_tcp_address_read(story->text, &address), story->fault);
    if (story->fault == TR_TCP_FINE) {
        assert_string_equal(inet_ntop(AF_INET, &address.sin_addr, host, sizeof host),
                            story->host);
        assert_int_equal(ntohs(address.sin_port), story->port);
        assert_int_equal(address.sin_family, AF_INET);
    } else {
        assert_int_equal(address.sin_port, 7); /* untouched */
    }
}

/* Somewhere on this machine. */
static struct sockaddr_in local(void)
{
    struct sockaddr_in address;
    assert_int_equal(tr_tcp_address_read("127.0.0.1:0", &address), TR_TCP_FINE);
    return address;
}

static void a_port_that_is_taken_is_not_free(void **state)
{
    (void)state;
    char why[256] = "";
    struct sockaddr_in address = local();
    socklen_t size = sizeof address;
    int listener = tr_tcp_address_bind(&address);
    assert_true(listener >= 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_status(tr_tcp_address_check(&address, why, sizeof why), TROUPE_EXISTS);
    assert_string_equal(why, "Address already in use");
    assert_true(tr_tcp_address_bind(&address) < 0);
    close(listener);
    assert_status(tr_tcp_address_check(&address, why, sizeof why), TROUPE_OK);
}

static void an_address_of_another_machine_is_not_ours(void **state)
{
    (void)state;
    char why[256] = "";
    struct sockaddr_in address;
    assert_int_equal(tr_tcp_address_read("203.0.113.7:8670", &address), TR_TCP_FINE);
    assert_status(tr_tcp_address_check(&address, why, sizeof why), TROUPE_ERR_IO);
    assert_string_equal(why, "Cannot assign requested address");
}

/* clang-format off */
#define READS(text, ...) \
    { .name = "reads " text, .test_func = story_holds, \
      .initial_state = &(struct story){text, TR_TCP_FINE, __VA_ARGS__} }
#define REFUSES(text, fault) \
    { .name = "refuses " text, .test_func = story_holds, .initial_state = &(struct story){text, fault, NULL, 0} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        READS("127.0.0.1:5670", "127.0.0.1", 5670),
        READS("0.0.0.0:65535", "0.0.0.0", 65535),
        READS("255.255.255.255:1", "255.255.255.255", 1),
        READS("127.0.0.1:0", "127.0.0.1", 0),
        REFUSES("", TR_TCP_LACKS_PART),
        REFUSES("127.0.0.1", TR_TCP_LACKS_PART),
        REFUSES(":5670", TR_TCP_LACKS_PART),
        REFUSES("127.0.0.1:", TR_TCP_BAD_PORT),
        REFUSES("127.0.0.1:00", TR_TCP_BAD_PORT),
        REFUSES("127.0.0.1:05670", TR_TCP_BAD_PORT),
        REFUSES("127.0.0.1:65536", TR_TCP_BAD_PORT),
        REFUSES("127.0.0.1:99999999999999999999", TR_TCP_BAD_PORT),
        REFUSES("127.0.0.1:-1", TR_TCP_BAD_PORT),
        REFUSES("127.0.0.1: 1", TR_TCP_BAD_PORT),
        REFUSES("127.0.0.1:1x", TR_TCP_BAD_PORT),
        REFUSES("localhost:1", TR_TCP_BAD_HOST),
        REFUSES("127.1:1", TR_TCP_BAD_HOST),
        REFUSES("127.0.0.256:1", TR_TCP_BAD_HOST),
        REFUSES("[::1]:1", TR_TCP_BAD_HOST),
        REFUSES("127.0.0.1:1:1", TR_TCP_BAD_HOST),
        REFUSES("a.host.with.a.name.that.is.longer.than.any.address:1", TR_TCP_BAD_HOST),
        cmocka_unit_test(a_port_that_is_taken_is_not_free),
        cmocka_unit_test(an_address_of_another_machine_is_not_ours),
    };
    return cmocka_run_group_tests_name("base/tcp_address", tests, NULL, NULL) != 0;
}
