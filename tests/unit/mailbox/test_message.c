/* The promise is that bytes stay where they are, so most stories compare addresses. Frames
 * below some 30 bytes lie inside the zmq_msg_t and do move; LARGE does not.
 */

#include "tests/kit/check.h"

#include <errno.h>
#include <stdlib.h>

#include "mailbox/message.h"

static char large[64 * 1024];

/* Counts how often a frame was let go of, and checks that it is the right one. */
struct lent {
    void *data;
    int n_freed;
};

static void take_back(void *data, void *hint)
{
    struct lent *lent = hint;
    if (data == lent->data) {
        lent->n_freed++;
    }
}

static troupe_message_t *lend(struct lent *lent, void *data, size_t size)
{
    *lent = (struct lent){.data = data};
    troupe_message_t *message = troupe_message_new();
    assert_non_null(message);
    assert_status(troupe_message_add_owned(message, data, size, take_back, lent), TROUPE_OK);
    return message;
}

static void a_new_message_is_empty(void **state)
{
    (void)state;
    troupe_message_t *message = troupe_message_new();
    assert_non_null(message);
    assert_int_equal(troupe_message_count(message), 0);
    assert_int_equal(troupe_message_bytes(message), 0);
    assert_int_equal(troupe_message_size(message, 0), 0);
    assert_non_null(troupe_message_data(message, 0));
    char *text = troupe_message_text(message, 0);
    assert_string_equal(text, "");
    free(text);
    troupe_message_destroy(&message);
    assert_null(message);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    troupe_message_t *message = NULL;
    troupe_message_destroy(&message);
}

static void added_bytes_are_copied(void **state)
{
    (void)state;
    char bytes[] = "abc";
    troupe_message_t *message = troupe_message_from(bytes, 3);
    assert_non_null(message);
    bytes[0] = 'X';
    assert_int_equal(troupe_message_size(message, 0), 3);
    assert_memory_equal(troupe_message_data(message, 0), "abc", 3);
    assert_ptr_not_equal(troupe_message_data(message, 0), bytes);
    troupe_message_destroy(&message);
}

static void text_comes_back_with_its_nul(void **state)
{
    (void)state;
    troupe_message_t *message = troupe_message_from_text("hello");
    assert_non_null(message);
    assert_int_equal(troupe_message_size(message, 0), 5);
    char *text = troupe_message_text(message, 0);
    assert_string_equal(text, "hello");
    free(text);
    troupe_message_destroy(&message);
}

static void owned_bytes_are_not_copied_and_freed_once(void **state)
{
    (void)state;
    struct lent lent;
    troupe_message_t *message = lend(&lent, large, sizeof large);
    assert_ptr_equal(troupe_message_data(message, 0), large);
    assert_int_equal(troupe_message_size(message, 0), sizeof large);
    assert_int_equal(lent.n_freed, 0);
    troupe_message_destroy(&message);
    assert_int_equal(lent.n_freed, 1);
}

/* Sharing must be safe for any frame, also one that would fit inside a zmq_msg_t. */
static void shared_bytes_are_the_same_and_freed_by_the_last(void **state)
{
    (void)state;
    struct lent lent;
    troupe_message_t *message = lend(&lent, large, 5);
    troupe_message_t *other = troupe_message_share(message);
    troupe_message_t *third = troupe_message_share(other);
    assert_non_null(third);
    assert_ptr_equal(troupe_message_data(other, 0), large);
    assert_ptr_equal(troupe_message_data(third, 0), large);
    assert_int_equal(troupe_message_size(third, 0), 5);

    troupe_message_destroy(&message);
    troupe_message_destroy(&third);
    assert_int_equal(lent.n_freed, 0);
    assert_ptr_equal(troupe_message_data(other, 0), large);
    troupe_message_destroy(&other);
    assert_int_equal(lent.n_freed, 1);
}

static void a_shared_copy_is_shared_too(void **state)
{
    (void)state;
    troupe_message_t *message = troupe_message_from(large, sizeof large);
    assert_non_null(message);
    const void *data = troupe_message_data(message, 0);
    troupe_message_t *other = troupe_message_share(message);
    assert_non_null(other);
    assert_ptr_equal(troupe_message_data(other, 0), data);
    troupe_message_destroy(&message);
    assert_ptr_equal(troupe_message_data(other, 0), data);
    troupe_message_destroy(&other);
}

static void a_shared_message_grows_on_its_own(void **state)
{
    (void)state;
    troupe_message_t *message = troupe_message_from_text("one");
    assert_non_null(message);
    troupe_message_t *other = troupe_message_share(message);
    assert_non_null(other);
    assert_status(troupe_message_add(other, "two", 3), TROUPE_OK);
    assert_int_equal(troupe_message_count(message), 1);
    assert_int_equal(troupe_message_count(other), 2);
    troupe_message_destroy(&message);
    troupe_message_destroy(&other);
}

/* Far more frames than fit inline, small and large in turn, and shared in the end. */
static void growing_keeps_every_frame_in_its_place(void **state)
{
    (void)state;
    enum { N = 37 };
    struct lent lents[N];
    troupe_message_t *message = troupe_message_new();
    assert_non_null(message);
    size_t bytes = 0;
    for (size_t i = 0; i < N; i++) {
        lents[i] = (struct lent){.data = large + i};
        assert_status(troupe_message_add_owned(message, large + i, i, take_back, &lents[i]),
                      TROUPE_OK);
        char letter = (char)('A' + i);
        assert_status(troupe_message_add(message, &letter, 1), TROUPE_OK);
        bytes += i + 1;
    }
    troupe_message_t *other = troupe_message_share(message);
    assert_non_null(other);
    troupe_message_destroy(&message);

    assert_int_equal(troupe_message_count(other), 2 * N);
    assert_int_equal(troupe_message_bytes(other), bytes);
    for (size_t i = 0; i < N; i++) {
        assert_ptr_equal(troupe_message_data(other, 2 * i), large + i);
        assert_int_equal(troupe_message_size(other, 2 * i), i);
        assert_int_equal(*(const char *)troupe_message_data(other, 2 * i + 1), 'A' + (int)i);
        assert_int_equal(lents[i].n_freed, 0);
    }
    assert_int_equal(troupe_message_size(other, 2 * N), 0);
    troupe_message_destroy(&other);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(lents[i].n_freed, 1);
    }
}

static void empty_frames_are_frames(void **state)
{
    (void)state;
    troupe_message_t *message = troupe_message_from(NULL, 0);
    assert_non_null(message);
    assert_status(troupe_message_add(message, "x", 1), TROUPE_OK);
    assert_status(troupe_message_add(message, "", 0), TROUPE_OK);
    assert_int_equal(troupe_message_count(message), 3);
    assert_int_equal(troupe_message_bytes(message), 1);
    assert_int_equal(troupe_message_size(message, 0), 0);
    assert_non_null(troupe_message_data(message, 2));
    char *text = troupe_message_text(message, 2);
    assert_string_equal(text, "");
    free(text);
    troupe_message_destroy(&message);
}

static void an_added_frame_is_moved_in(void **state)
{
    (void)state;
    zmq_msg_t frame;
    assert_int_equal(zmq_msg_init_size(&frame, sizeof large), 0);
    const void *data = zmq_msg_data(&frame);
    troupe_message_t *message = troupe_message_new();
    assert_non_null(message);

    assert_status(tr_message_add_frame(message, &frame), TROUPE_OK);
    assert_ptr_equal(troupe_message_data(message, 0), data);
    assert_int_equal(zmq_msg_size(&frame), 0);
    troupe_message_destroy(&message);
}

/* Two inproc ends on one thread, as a node would have them on two. */
struct line {
    void *context;
    void *from;
    void *to;
};

static int connect_line(void **state)
{
    static struct line line;
    line.context = zmq_ctx_new();
    line.from = zmq_socket(line.context, ZMQ_PAIR);
    line.to = zmq_socket(line.context, ZMQ_PAIR);
    int timeout_ms = 5000;
    zmq_setsockopt(line.to, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(line.from, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms);
    *state = &line;
    return zmq_bind(line.to, "inproc://line") || zmq_connect(line.from, "inproc://line");
}

static int cut_line(void **state)
{
    struct line *line = *state;
    zmq_close(line->from);
    zmq_close(line->to);
    zmq_ctx_term(line->context);
    return 0;
}

static troupe_message_t *receive(struct line *line)
{
    troupe_message_t *message = troupe_message_new();
    assert_non_null(message);
    int more = 1;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        assert_true(zmq_msg_recv(&frame, line->to, 0) >= 0);
        more = zmq_msg_more(&frame);
        assert_status(tr_message_add_frame(message, &frame), TROUPE_OK);
    }
    return message;
}

static void sending_hands_the_same_bytes_over(void **state)
{
    struct lent lent;
    troupe_message_t *message = lend(&lent, large, sizeof large);
    assert_status(troupe_message_add(message, "tail", 4), TROUPE_OK);
    assert_int_equal(tr_message_send(message, 0, ((struct line *)*state)->from, 0), 0);
    troupe_message_destroy(&message);
    assert_int_equal(lent.n_freed, 0);

    message = receive(*state);
    assert_int_equal(troupe_message_count(message), 2);
    assert_ptr_equal(troupe_message_data(message, 0), large);
    assert_memory_equal(troupe_message_data(message, 1), "tail", 4);
    troupe_message_destroy(&message);
    assert_int_equal(lent.n_freed, 1);
}

static void sending_begins_where_it_is_told(void **state)
{
    troupe_message_t *message = troupe_message_from_text("envelope");
    assert_non_null(message);
    assert_status(troupe_message_add(message, "body", 4), TROUPE_OK);
    assert_int_equal(tr_message_send(message, 1, ((struct line *)*state)->from, 0), 0);
    troupe_message_destroy(&message);

    message = receive(*state);
    assert_int_equal(troupe_message_count(message), 1);
    assert_memory_equal(troupe_message_data(message, 0), "body", 4);
    troupe_message_destroy(&message);
}

static void an_empty_rest_is_sent_as_one_empty_frame(void **state)
{
    troupe_message_t *message = troupe_message_from_text("envelope");
    assert_non_null(message);
    assert_int_equal(tr_message_send(message, 1, ((struct line *)*state)->from, 0), 0);
    troupe_message_destroy(&message);

    message = receive(*state);
    assert_int_equal(troupe_message_count(message), 1);
    assert_int_equal(troupe_message_size(message, 0), 0);
    troupe_message_destroy(&message);
}

static void a_refused_message_keeps_its_frames(void **state)
{
    (void)state;
    void *context = zmq_ctx_new();
    void *alone = zmq_socket(context, ZMQ_PUSH);
    struct lent lent;
    troupe_message_t *message = lend(&lent, large, sizeof large);
    assert_status(troupe_message_add(message, "tail", 4), TROUPE_OK);

    assert_int_equal(tr_message_send(message, 0, alone, ZMQ_DONTWAIT), -1);
    assert_int_equal(zmq_errno(), EAGAIN);
    assert_int_equal(troupe_message_count(message), 2);
    assert_ptr_equal(troupe_message_data(message, 0), large);
    assert_int_equal(troupe_message_bytes(message), sizeof large + 4);
    troupe_message_destroy(&message);
    assert_int_equal(lent.n_freed, 1);
    zmq_close(alone);
    zmq_ctx_term(context);
}

#define WITH_LINE(story) cmocka_unit_test_setup_teardown(story, connect_line, cut_line)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_message_is_empty),
        cmocka_unit_test(destroying_nothing_is_fine),
        cmocka_unit_test(added_bytes_are_copied),
        cmocka_unit_test(text_comes_back_with_its_nul),
        cmocka_unit_test(owned_bytes_are_not_copied_and_freed_once),
        cmocka_unit_test(shared_bytes_are_the_same_and_freed_by_the_last),
        cmocka_unit_test(a_shared_copy_is_shared_too),
        cmocka_unit_test(a_shared_message_grows_on_its_own),
        cmocka_unit_test(growing_keeps_every_frame_in_its_place),
        cmocka_unit_test(empty_frames_are_frames),
        cmocka_unit_test(an_added_frame_is_moved_in),
        WITH_LINE(sending_hands_the_same_bytes_over),
        WITH_LINE(sending_begins_where_it_is_told),
        WITH_LINE(an_empty_rest_is_sent_as_one_empty_frame),
        cmocka_unit_test(a_refused_message_keeps_its_frames),
    };
    return cmocka_run_group_tests_name("mailbox/message", tests, NULL, NULL) != 0;
}
