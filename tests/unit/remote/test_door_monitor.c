#include "tests/kit/check.h"

#include "remote/doors/door_monitor.h"

/* Wait for an event of that kind; its value. */
static int wait_for(zsock_t *monitor, int what)
{
    tr_door_event_t event;
    for (;;) {
        while (tr_door_monitor_next(monitor, &event)) {
            if (event.what == what) {
                return event.value;
            }
        }
        zmq_pollitem_t item = {.socket = zsock_resolve(monitor), .events = ZMQ_POLLIN};
        assert_int_equal(zmq_poll(&item, 1, 20000), 1);
    }
}

static void it_tells_who_comes_and_who_goes(void **state)
{
    (void)state;
    zsock_t *door = zsock_new(ZMQ_ROUTER);
    int port = zsock_bind(door, "tcp://127.0.0.1:*");
    zsock_t *monitor = tr_door_monitor_new(door);
    assert_non_null(monitor);
    tr_door_event_t event;
    assert_false(tr_door_monitor_next(monitor, &event));
    for (int i = 0; i < 3; i++) {
        zsock_t *peer = zsock_new(ZMQ_DEALER);
        assert_int_equal(zsock_connect(peer, "tcp://127.0.0.1:%d", port), 0);
        int descriptor = wait_for(monitor, ZMQ_EVENT_ACCEPTED);
        assert_true(descriptor >= 0);
        zsock_destroy(&peer);
        assert_int_equal(wait_for(monitor, ZMQ_EVENT_DISCONNECTED), descriptor);
    }
    tr_door_monitor_destroy(&monitor, door);
    assert_null(monitor);
    zsock_destroy(&door);
}

static void it_ends_with_events_that_nobody_has_read(void **state)
{
    (void)state;
    zsock_t *door = zsock_new(ZMQ_ROUTER);
    int port = zsock_bind(door, "tcp://127.0.0.1:*");
    zsock_t *monitor = tr_door_monitor_new(door);
    assert_non_null(monitor);
    zsock_t *peer = zsock_new(ZMQ_DEALER);
    assert_int_equal(zsock_connect(peer, "tcp://127.0.0.1:%d", port), 0);
    zsock_destroy(&peer);
    tr_door_monitor_destroy(&monitor, door);
    tr_door_monitor_destroy(&monitor, door); /* nothing is fine */
    zsock_destroy(&door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_who_comes_and_who_goes),
        cmocka_unit_test(it_ends_with_events_that_nobody_has_read),
    };
    return cmocka_run_group_tests_name("remote/door_monitor", tests, NULL, NULL) != 0;
}
