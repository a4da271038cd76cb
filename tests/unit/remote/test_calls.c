/* The table against a plain list of what must be in it, over a few thousand random moves. */

#include "tests/kit/check.h"

#include <string.h>

#include "base/clock.h"
#include "mailbox/reply.h"
#include "remote/client/calls.h"

static const troupe_call_options_t no_options = {.method = NULL};

static tr_call_t *add(tr_calls_t *calls, int64_t deadline_ms)
{
    troupe_message_t *message = troupe_message_from("12345678", 8);
    assert_non_null(message);
    tr_call_t *call = tr_calls_add(calls, "echo", &no_options, &message, deadline_ms);
    assert_non_null(call);
    assert_null(message);
    return call;
}

static void drop(tr_calls_t *calls, tr_call_t *call)
{
    troupe_reply_t *final = tr_calls_remove(calls, &call);
    assert_null(call);
    assert_non_null(final);
    troupe_reply_destroy(&final);
}

static void a_call_keeps_what_it_was_told(void **state)
{
    (void)state;
    tr_calls_t *calls = tr_calls_new();
    assert_non_null(calls);
    char method[] = "describe";
    troupe_call_options_t options = {
        .method = method, .priority = TROUPE_PRIORITY_HIGH, .traceparent = "00-ab"};
    troupe_message_t *message = NULL;
    tr_call_t *call = tr_calls_add(calls, "vision", &options, &message, 5);
    memset(method, 'x', sizeof method - 1);

    assert_true(tr_span_equals(call->capability, "vision"));
    assert_true(tr_span_equals(call->method, "describe"));
    assert_true(tr_span_equals(call->traceparent, "00-ab"));
    assert_int_equal(call->sticky.size, 0);
    assert_int_equal(call->priority, TROUPE_PRIORITY_HIGH);
    assert_int_equal(call->id, 1);
    assert_int_equal(troupe_reply_id(call->final), 1);
    tr_calls_destroy(&calls);
    assert_null(calls);
    tr_calls_destroy(&calls);
}

static void sending_moves_a_call_and_its_bytes(void **state)
{
    (void)state;
    tr_calls_t *calls = tr_calls_new();
    tr_call_t *one = add(calls, 10);
    tr_call_t *two = add(calls, 5);
    tr_call_t *three = add(calls, 7);
    assert_int_equal(tr_calls_unsent_bytes(calls), 24);
    assert_ptr_equal(tr_calls_unsent(calls), one);

    tr_calls_note_sent(calls, one);
    tr_calls_note_sent(calls, three);
    assert_ptr_equal(tr_calls_unsent(calls), two);
    assert_ptr_equal(tr_calls_sent(calls), one);
    assert_int_equal(tr_calls_unsent_bytes(calls), 8);
    assert_int_equal(tr_calls_n_sent(calls), 2);

    drop(calls, one);
    assert_ptr_equal(tr_calls_sent(calls), three);
    assert_int_equal(tr_calls_n_sent(calls), 1);
    drop(calls, two);
    assert_int_equal(tr_calls_unsent_bytes(calls), 0);
    assert_null(tr_calls_unsent(calls));
    assert_int_equal(tr_calls_n_open(calls), 1);
    tr_calls_destroy(&calls);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

enum { N_MODEL = 500 };

static int64_t earliest(tr_call_t *const *model, size_t n_model)
{
    int64_t first_ms = TR_NEVER;
    for (size_t i = 0; i < n_model; i++) {
        first_ms = model[i]->deadline_ms < first_ms ? model[i]->deadline_ms : first_ms;
    }
    return first_ms;
}

static void random_moves_keep_it_sound(void **state)
{
    (void)state;
    tr_calls_t *calls = tr_calls_new();
    tr_call_t *model[N_MODEL];
    size_t n_model = 0;
    uint64_t seed = 42;
    for (int round = 0; round < 20000; round++) {
        uint64_t dice = next_random(&seed);
        size_t which = n_model > 0 ? (size_t)(next_random(&seed) % n_model) : 0;
        int64_t deadline_ms = (int64_t)(next_random(&seed) % 1000);
        if (n_model == 0 || (dice % 8 < 4 && n_model < N_MODEL)) {
            model[n_model++] = add(calls, deadline_ms);
        } else if (dice % 8 < 6) {
            tr_calls_set_deadline(calls, model[which], deadline_ms);
        } else {
            uint64_t id = model[which]->id;
            drop(calls, model[which]);
            model[which] = model[--n_model];
            assert_null(tr_calls_find(calls, id));
        }
        assert_int_equal(tr_calls_n_open(calls), n_model);
        if (n_model > 0) {
            assert_int_equal(tr_calls_next_due(calls)->deadline_ms, earliest(model, n_model));
            which = (size_t)(dice >> 32) % n_model;
            assert_ptr_equal(tr_calls_find(calls, model[which]->id), model[which]);
        }
    }
    for (size_t i = 0; i < n_model; i++) {
        assert_ptr_equal(tr_calls_find(calls, model[i]->id), model[i]);
    }
    tr_calls_destroy(&calls);
}

static void replies_leave_in_order(void **state)
{
    (void)state;
    tr_replies_t replies = {.first = NULL};
    assert_null(tr_replies_pop(&replies));
    for (uint64_t id = 1; id <= 3; id++) {
        tr_replies_push(&replies, tr_reply_new(id, true, TROUPE_OUTCOME_OK, NULL, NULL));
    }
    assert_int_equal(replies.n_replies, 3);
    troupe_reply_t *first = tr_replies_pop(&replies);
    assert_int_equal(troupe_reply_id(first), 1);
    troupe_reply_destroy(&first);
    tr_replies_clear(&replies);
    assert_int_equal(replies.n_replies, 0);
    assert_int_equal(replies.n_bytes, 0);
    assert_null(replies.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_keeps_what_it_was_told),
        cmocka_unit_test(sending_moves_a_call_and_its_bytes),
        cmocka_unit_test(random_moves_keep_it_sound),
        cmocka_unit_test(replies_leave_in_order),
    };
    return cmocka_run_group_tests_name("remote/calls", tests, NULL, NULL) != 0;
}
