/* Descriptors of real sockets: only the one that is meant is shut. */

#include "tests/kit/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote/doors/descriptor.h"

typedef struct world {
    int listener;
    int near; /* as a node has it */
    int far;
    char endpoint[64];
    char other[64];
} world_t;

static int begin(void **state)
{
    static world_t world;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    world.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(world.listener, (struct sockaddr *)&address, size) != 0 ||
        listen(world.listener, 10) != 0 ||
        getsockname(world.listener, (struct sockaddr *)&address, &size) != 0) {
        return -1;
    }
    world.far = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(world.far, (struct sockaddr *)&address, size) != 0) {
        return -1;
    }
    world.near = accept(world.listener, NULL, NULL);
    snprintf(world.endpoint, sizeof world.endpoint, "tcp://127.0.0.1:%d",
             ntohs(address.sin_port));
    snprintf(world.other, sizeof world.other, "tcp://127.0.0.1:%d",
             ntohs(address.sin_port) ^ 1);
    *state = &world;
    return world.near < 0;
}

static int end(void **state)
{
    world_t *world = *state;
    close(world->listener);
    close(world->near);
    close(world->far);
    return 0;
}

static bool is_open(const world_t *world)
{
    char byte;
    return recv(world->far, &byte, 1, MSG_DONTWAIT) < 0; /* nothing to read, and no end */
}

static void the_one_that_is_meant_is_shut(void **state)
{
    world_t *world = *state;
    uint64_t cookie = tr_descriptor_cookie(world->near, world->endpoint);
    assert_true(cookie > 0);
    assert_true(is_open(world));
    assert_true(tr_descriptor_shut(world->near, cookie));
    assert_false(is_open(world));
}

static void what_is_no_connection_of_the_endpoint_has_no_number(void **state)
{
    world_t *world = *state;
    assert_int_equal(tr_descriptor_cookie(world->near, world->other), 0);
    assert_int_equal(tr_descriptor_cookie(world->near, "ipc:///tmp/x"), 0);
    assert_int_equal(tr_descriptor_cookie(0, world->endpoint), 0); /* what tests read from */
    assert_int_equal(tr_descriptor_cookie(-1, world->endpoint), 0);
    assert_false(tr_descriptor_shut(world->near, 0));
    assert_true(is_open(world));
}

static void a_descriptor_that_stands_for_another_now_is_let_be(void **state)
{
    world_t *world = *state;
    uint64_t cookie = tr_descriptor_cookie(world->near, world->endpoint);
    int another = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(another >= 0);
    int kept = dup(world->near);
    assert_true(kept >= 0);
    assert_int_equal(dup2(another, world->near), world->near);
    assert_false(tr_descriptor_shut(world->near, cookie));
    assert_true(is_open(world));
    close(another);
    close(kept);
}

static void what_has_come_is_known(void **state)
{
    world_t *world = *state;
    char bytes[1000] = {0};
    assert_int_equal(send(world->far, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(recv(world->near, bytes, sizeof bytes, MSG_WAITALL), sizeof bytes);
    assert_int_equal(tr_descriptor_received(world->near), sizeof bytes);
    assert_int_equal(tr_descriptor_received(0), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_one_that_is_meant_is_shut),
        TEST(what_is_no_connection_of_the_endpoint_has_no_number),
        TEST(what_has_come_is_known),
        TEST(a_descriptor_that_stands_for_another_now_is_let_be),
    };
    return cmocka_run_group_tests_name("remote/descriptor", tests, NULL, NULL) != 0;
}
