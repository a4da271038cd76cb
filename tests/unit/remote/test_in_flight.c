#include "tests/kit/check.h"

#include <string.h>

#include "remote/gateway/in_flight.h"

#define SIZE 100000

static void fill(zmq_msg_t *frame)
{
    assert_int_equal(zmq_msg_init_size(frame, SIZE), 0);
    memset(zmq_msg_data(frame), 'x', SIZE);
}

static void what_is_let_go_of_counts_no_more(void **state)
{
    (void)state;
    tr_in_flight_t *all = tr_in_flight_new();
    assert_non_null(all);
    zmq_msg_t frames[3];
    for (size_t i = 0; i < 3; i++) {
        fill(&frames[i]);
        assert_true(tr_in_flight_count(all, &frames[i]));
        assert_int_equal(zmq_msg_size(&frames[i]), SIZE);
        assert_int_equal(tr_in_flight_bytes(all), (i + 1) * SIZE);
    }
    assert_int_equal(((char *)zmq_msg_data(&frames[1]))[SIZE - 1], 'x');
    for (size_t i = 0; i < 3; i++) {
        zmq_msg_close(&frames[i]);
        assert_int_equal(tr_in_flight_bytes(all), (2 - i) * SIZE);
    }
    tr_in_flight_release(&all);
    assert_null(all);
    tr_in_flight_release(&all);
}

static void a_frame_outlives_the_peer(void **state)
{
    (void)state;
    tr_in_flight_t *all = tr_in_flight_new();
    assert_non_null(all);
    zmq_msg_t frame;
    zmq_msg_t copy;
    fill(&frame);
    zmq_msg_init(&copy);
    zmq_msg_copy(&copy, &frame); /* somebody else has its bytes too */
    assert_true(tr_in_flight_count(all, &frame));
    tr_in_flight_release(&all);
    zmq_msg_close(&frame);
    assert_int_equal(((char *)zmq_msg_data(&copy))[0], 'x');
    zmq_msg_close(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_let_go_of_counts_no_more),
        cmocka_unit_test(a_frame_outlives_the_peer),
    };
    return cmocka_run_group_tests_name("remote/in_flight", tests, NULL, NULL) != 0;
}
