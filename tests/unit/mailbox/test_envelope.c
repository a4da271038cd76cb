/* Exactly one final for each request, whoever lets go of it and in which order. */

#include <string.h>

#include "tests/kit/check.h"

#include "mailbox/envelope.h"
#include "mailbox/reply.h"

typedef struct world {
    tr_mailbox_t *caller;
    tr_envelope_t *envelope;
} world_t;

static int begin(void **state)
{
    static world_t world;
    troupe_message_t *message = troupe_message_from_text("do it");
    world.caller = tr_mailbox_new("caller", 1, (tr_mailbox_limits_t){3, 100000});
    world.envelope = tr_envelope_new(7, world.caller,
                                     &(tr_header_t){.capability = tr_span_of("cap"),
                                                    .method = tr_span_of("method"),
                                                    .traceparent = tr_span_of("00-a-b-01"),
                                                    .sticky = {"s\0s", 3},
                                                    .dedup = tr_span_of("d"),
                                                    .timeout_ms = 250,
                                                    .priority = TROUPE_PRIORITY_HIGH,
                                                    .peer = 5,
                                                    .depth = 2},
                                     &message);
    *state = &world;
    return world.caller && world.envelope ? 0 : -1;
}

static int end(void **state)
{
    world_t *world = *state;
    tr_envelope_release(&world->envelope);
    tr_mailbox_close(world->caller);
    tr_mailbox_release(&world->caller);
    return 0;
}

static void expect_reply(world_t *world, bool is_final, troupe_outcome_t outcome,
                         uint64_t sequence)
{
    tr_letter_t *letter = tr_mailbox_next(world->caller, NULL);
    assert_non_null(letter);
    troupe_reply_t *reply = (troupe_reply_t *)letter;
    assert_int_equal(troupe_reply_id(reply), 7);
    assert_int_equal(troupe_reply_is_final(reply), is_final);
    assert_outcome(troupe_reply_outcome(reply), outcome);
    assert_int_equal(troupe_reply_sequence(reply), sequence);
    tr_letter_destroy(&letter);
}

static void expect_nothing(world_t *world)
{
    assert_null(tr_mailbox_next(world->caller, NULL));
}

static bool forward(world_t *world, bool is_final)
{
    troupe_reply_t *reply = tr_reply_new(99, is_final, TROUPE_OUTCOME_OK, NULL, NULL);
    assert_non_null(reply);
    bool is_sent = tr_envelope_forward(world->envelope, &reply);
    assert_null(reply);
    return is_sent;
}

static void it_keeps_what_was_asked(void **state)
{
    world_t *world = *state;
    assert_string_equal(world->envelope->capability, "cap");
    assert_string_equal(world->envelope->method, "method");
    assert_string_equal(world->envelope->traceparent, "00-a-b-01");
    assert_int_equal(world->envelope->sticky.size, 3);
    assert_memory_equal(world->envelope->sticky.data, "s\0s", 3);
    assert_true(tr_span_equals(world->envelope->dedup, "d"));
    assert_int_equal(world->envelope->peer, 5);
    assert_int_equal(world->envelope->depth, 2);
    assert_int_equal(world->envelope->timeout_ms, 250);
    assert_int_equal(world->envelope->priority, TROUPE_PRIORITY_HIGH);
    assert_true(tr_envelope_answer(world->envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL));
}

static void callers_with_names_share_with_themselves(void **state)
{
    static const struct {
        const char *caller;
        const char *dedup;
        tr_span_t kept;
    } rows[] = {
        {"", "d", {"d", 1}},
        {"anna", "d", {"anna\0d", 6}},
        {"anna", "", {"", 0}},
        {"ann", "ad", {"ann\0ad", 6}},
    };
    world_t *world = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        troupe_message_t *message = NULL;
        tr_envelope_t *envelope =
            tr_envelope_new(1, world->caller,
                            &(tr_header_t){.capability = tr_span_of("cap"),
                                           .dedup = tr_span_of(rows[i].dedup),
                                           .caller = tr_span_of(rows[i].caller)},
                            &message);
        assert_non_null(envelope);
        assert_string_equal(envelope->caller, rows[i].caller);
        assert_int_equal(envelope->dedup.size, rows[i].kept.size);
        assert_memory_equal(envelope->dedup.data, rows[i].kept.data, rows[i].kept.size);
        atomic_store(&envelope->is_answered, true);
        tr_envelope_release(&envelope);
    }
    assert_true(tr_envelope_answer(world->envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL));
    expect_reply(world, true, TROUPE_OUTCOME_CANCELLED, 0);
}

static void the_second_answer_is_refused(void **state)
{
    world_t *world = *state;
    assert_true(tr_envelope_answer(world->envelope, TROUPE_OUTCOME_TIMEOUT, 5, "late"));
    assert_false(tr_envelope_answer(world->envelope, TROUPE_OUTCOME_WORKER_LOST, 0, "gone"));
    assert_false(forward(world, true));
    assert_false(forward(world, false));
    expect_reply(world, true, TROUPE_OUTCOME_TIMEOUT, 0);
    expect_nothing(world);
}

static void parts_are_numbered_and_counted(void **state)
{
    world_t *world = *state;
    assert_true(forward(world, false));
    assert_true(forward(world, false));
    assert_true(forward(world, true));
    expect_reply(world, false, TROUPE_OUTCOME_OK, 0);
    expect_reply(world, false, TROUPE_OUTCOME_OK, 1);
    expect_reply(world, true, TROUPE_OUTCOME_OK, 2);
}

static void parts_wait_for_room_and_finals_do_not(void **state)
{
    world_t *world = *state;
    for (int i = 0; i < 3; i++) {
        assert_true(forward(world, false));
    }
    assert_false(forward(world, false));
    assert_true(forward(world, true));
    for (uint64_t i = 0; i < 3; i++) {
        expect_reply(world, false, TROUPE_OUTCOME_OK, i);
    }
    tr_letter_t *letter = tr_mailbox_next(world->caller, NULL);
    assert_true(letter && troupe_reply_is_final((troupe_reply_t *)letter));
    tr_letter_destroy(&letter);
}

static void let_go_of_unanswered_it_answers_by_itself(void **state)
{
    world_t *world = *state;
    tr_envelope_t *share = tr_envelope_share(world->envelope);
    tr_envelope_release(&world->envelope);
    expect_nothing(world);
    tr_envelope_release(&share);
    expect_reply(world, true, TROUPE_OUTCOME_INTERNAL, 0);
}

static void a_router_that_is_gone_leaves_the_caller_his_share(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = tr_mailbox_new("router", 2, (tr_mailbox_limits_t){1, 1000});
    assert_non_null(router);
    tr_mailbox_close(router);
    assert_status(tr_envelope_post(world->envelope, router), TROUPE_CLOSED);
    expect_nothing(world);
    tr_envelope_cancel(world->envelope, router); /* nobody hears it, and nothing leaks */
    tr_mailbox_release(&router);
    assert_true(tr_envelope_answer(world->envelope, TROUPE_OUTCOME_SHUTTING_DOWN, 0, NULL));
}

static void a_cancel_carries_its_request(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = tr_mailbox_new("router", 2, (tr_mailbox_limits_t){4, 10000});
    assert_non_null(router);
    assert_status(tr_envelope_post(world->envelope, router), TROUPE_OK);
    tr_envelope_cancel(world->envelope, router);
    tr_lane_t lane;
    tr_letter_t *letter = tr_mailbox_next(router, &lane);
    assert_true(letter && letter->type == &tr_cancel_type && lane == TR_LANE_CONTROL);
    assert_ptr_equal(((tr_note_t *)letter)->envelope, world->envelope);
    tr_letter_destroy(&letter);
    letter = tr_mailbox_next(router, &lane);
    tr_envelope_t *read = tr_envelope_of(letter);
    assert_ptr_equal(read, world->envelope);
    tr_envelope_release(&read);
    tr_mailbox_release(&router);
    assert_true(tr_envelope_answer(world->envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL));
}

/* The caller's own share does not answer it, and others may have one too. */
static void what_a_router_leaves_unread_is_answered(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = tr_mailbox_new("router", 2, (tr_mailbox_limits_t){4, 10000});
    assert_non_null(router);
    assert_status(tr_envelope_post(world->envelope, router), TROUPE_OK);
    tr_mailbox_close(router);
    tr_mailbox_release(&router);
    expect_reply(world, true, TROUPE_OUTCOME_INTERNAL, 0);
}

/* ---- handing in ---- */

/* How the mailbox of the router stands, and what the caller is told at once. */
struct handing_in {
    bool is_nowhere; /* nobody offers the capability */
    bool is_closed;
    bool is_full;
    bool may_wait;
    int64_t lets_wait_ms;
    troupe_outcome_t outcome; /* OK: nothing yet */
};

static void it_is_handed_in_or_answered(void **state)
{
    const struct handing_in *row = *state;
    void *begun = NULL;
    assert_int_equal(begin(&begun), 0);
    world_t *world = begun;
    tr_mailbox_t *router = tr_mailbox_new("router", 2, (tr_mailbox_limits_t){1, 10000});
    assert_non_null(router);
    if (row->lets_wait_ms) {
        tr_mailbox_let_wait(router, row->lets_wait_ms, 1);
    }
    if (row->is_full) {
        tr_mailbox_hold_place(router);
    }
    if (row->is_closed) {
        tr_mailbox_close(router);
    }
    tr_envelope_submit(world->envelope, row->is_nowhere ? NULL : router, row->may_wait);
    tr_letter_t *letter = tr_mailbox_next(router, NULL);
    if (row->outcome == TROUPE_OUTCOME_OK) {
        assert_non_null(letter);
        assert_ptr_equal(tr_envelope_of(letter), world->envelope);
        expect_nothing(world);
        assert_true(tr_envelope_answer(world->envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL));
    } else {
        assert_null(letter);
        expect_reply(world, true, row->outcome, 0);
    }
    tr_letter_destroy(&letter);
    assert_int_equal(atomic_load(&world->envelope->holders), 1);
    if (row->is_full) {
        tr_mailbox_give_place(router);
    }
    tr_mailbox_release(&router);
    assert_int_equal(end(&begun), 0);
}

/* ---- credit ---- */

static void only_a_writer_who_waits_for_a_word_is_told_of_credit(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = tr_mailbox_new("router", 2, (tr_mailbox_limits_t){1, 1});
    assert_non_null(router);
    tr_flow_t *flow = &world->envelope->flow;
    tr_flow_spent_t spent = {.n_parts = TR_FLOW_PARTS};
    tr_envelope_grant(world->envelope, router, 1, 10);
    assert_null(tr_mailbox_next(router, NULL));
    assert_int_equal(tr_flow_parts_left(flow, &spent), 1);
    spent.n_parts++;
    assert_true(tr_flow_ask_for_word(flow, &spent));
    tr_envelope_cancel(world->envelope, router); /* the lane is full, and this fits still */
    tr_envelope_grant(world->envelope, router, 2, 0);
    tr_envelope_grant(world->envelope, router, 2, 0);
    tr_letter_t *letter = tr_mailbox_next(router, NULL);
    assert_ptr_equal(letter->type, &tr_cancel_type);
    tr_letter_destroy(&letter);
    tr_lane_t lane;
    letter = tr_mailbox_next(router, &lane);
    assert_non_null(letter);
    assert_true(letter->type == &tr_credit_type && lane == TR_LANE_CONTROL);
    assert_ptr_equal(((tr_note_t *)letter)->envelope, world->envelope);
    tr_letter_destroy(&letter);
    assert_null(tr_mailbox_next(router, NULL)); /* told once */
    tr_mailbox_release(&router);
    assert_true(tr_envelope_answer(world->envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL));
}

static void what_is_over_grants_nothing_more(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = tr_mailbox_new("router", 2, (tr_mailbox_limits_t){1, 10000});
    assert_non_null(router);
    tr_flow_spent_t spent = {.n_parts = TR_FLOW_PARTS};
    assert_true(tr_flow_ask_for_word(&world->envelope->flow, &spent));
    assert_true(tr_envelope_answer(world->envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL));
    tr_envelope_grant(world->envelope, router, 1, 10);
    assert_int_equal(tr_flow_parts_left(&world->envelope->flow, &spent), 0);
    assert_null(tr_mailbox_next(router, NULL));
    assert_true(tr_flow_grant(&world->envelope->flow, 1, 0)); /* the word is still to be had */
    tr_mailbox_release(&router);
}

/* clang-format off */
#define HANDING_IN(title, ...) \
    { .name = title, .test_func = it_is_handed_in_or_answered, \
      .initial_state = &(struct handing_in){__VA_ARGS__} }
/* clang-format on */

/* clang-format off */
#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(it_keeps_what_was_asked),
        STORY(callers_with_names_share_with_themselves),
        STORY(the_second_answer_is_refused),
        STORY(parts_are_numbered_and_counted),
        STORY(parts_wait_for_room_and_finals_do_not),
        STORY(let_go_of_unanswered_it_answers_by_itself),
        STORY(a_router_that_is_gone_leaves_the_caller_his_share),
        STORY(a_cancel_carries_its_request),
        STORY(what_a_router_leaves_unread_is_answered),
        HANDING_IN("a router with room takes it", .outcome = TROUPE_OUTCOME_OK),
        HANDING_IN("a capability that is not there", .is_nowhere = true,
                   .outcome = TROUPE_OUTCOME_NO_CAPABILITY),
        HANDING_IN("a router that has ended", .is_closed = true,
                   .outcome = TROUPE_OUTCOME_SHUTTING_DOWN),
        HANDING_IN("a router that is full", .is_full = true, .may_wait = true,
                   .outcome = TROUPE_OUTCOME_OVERLOADED),
        HANDING_IN("one that lets wait, and a caller who will not", .is_full = true,
                   .lets_wait_ms = 10, .outcome = TROUPE_OUTCOME_OVERLOADED),
        HANDING_IN("one that lets wait, in vain", .is_full = true, .may_wait = true,
                   .lets_wait_ms = 10, .outcome = TROUPE_OUTCOME_TIMEOUT),
        STORY(only_a_writer_who_waits_for_a_word_is_told_of_credit),
        STORY(what_is_over_grants_nothing_more),
    };
    return cmocka_run_group_tests_name("mailbox/envelope", tests, NULL, NULL) != 0;
}
