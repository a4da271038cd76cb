/* A caller's own end of a stream: each part that the application has taken grants one. The
 * router is played here, on the same thread where nothing blocks.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <pthread.h>

#include <troupe/caller.h>

#include "mailbox/envelope.h"
#include "mailbox/reply.h"
#include "node/node.h"

#define PATIENCE_MS 10000
#define LIMITS      ((tr_mailbox_limits_t){100, 1 << 20})

typedef struct world {
    troupe_node_t node; /* of which a caller uses the runtime only */
    tr_mailbox_t *router;
    troupe_caller_t *caller;
    tr_envelope_t *envelope; /* of the last request */
} world_t;

static int begin(void **state)
{
    static world_t world;
    world = (world_t){.node.runtime = tr_runtime_new("studio")};
    world.router = tr_mailbox_new("stream", 1, LIMITS);
    world.caller = troupe_caller_new(&world.node);
    *state = &world;
    return world.router && world.caller &&
                   tr_directory_register(world.node.runtime->directory, TR_NAMES_CAPABILITY,
                                         "stream", world.router) == TROUPE_OK
               ? 0
               : -1;
}

static int end(void **state)
{
    world_t *world = *state;
    tr_envelope_release(&world->envelope);
    troupe_caller_destroy(&world->caller);
    tr_directory_forget(world->node.runtime->directory, world->router);
    tr_mailbox_close(world->router);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(world->router, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&world->router);
    tr_runtime_release(&world->node.runtime);
    return 0;
}

static uint64_t start(world_t *world, uint64_t credit)
{
    troupe_message_t *none = NULL;
    uint64_t id;
    troupe_call_options_t options = {.credit = credit, .sticky_key = "s", .dedup_key = "d"};
    assert_status(troupe_caller_start(world->caller, "stream", &options, &none, &id),
                  TROUPE_OK);
    tr_letter_t *letter = tr_mailbox_next(world->router, NULL);
    assert_non_null(letter);
    tr_envelope_release(&world->envelope);
    world->envelope = tr_envelope_of(letter);
    return id;
}

static void answer(world_t *world, bool is_final, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    troupe_reply_t *reply = tr_reply_new(0, is_final, TROUPE_OUTCOME_OK, NULL, &message);
    assert_non_null(reply);
    assert_true(tr_envelope_forward(world->envelope, &reply));
}

static void take(world_t *world, uint64_t id, bool is_final)
{
    troupe_reply_t *reply = NULL;
    assert_status(troupe_caller_next(world->caller, 0, &reply), TROUPE_OK);
    assert_int_equal(troupe_reply_id(reply), id);
    assert_int_equal(troupe_reply_is_final(reply), is_final);
    troupe_reply_destroy(&reply);
}

static void expect_flow(const world_t *world, uint64_t n_parts, uint64_t n_bytes)
{
    const tr_flow_t *flow = &world->envelope->flow;
    assert_int_equal(atomic_load(&flow->parts_granted), n_parts);
    assert_int_equal(atomic_load(&flow->bytes_taken), n_bytes);
}

static void the_window_is_what_was_asked_for(void **state)
{
    world_t *world = *state;
    start(world, 0);
    expect_flow(world, TR_FLOW_PARTS, 0);
    start(world, 3);
    expect_flow(world, 3, 0);
    start(world, UINT64_MAX);
    expect_flow(world, TR_FLOW_MOST, 0);
    assert_true(tr_span_equals(world->envelope->sticky, "s"));
    assert_true(tr_span_equals(world->envelope->dedup, "d"));
}

static void a_part_that_is_taken_grants_one(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, 2);
    answer(world, false, "four");
    answer(world, false, "");
    expect_flow(world, 2, 0); /* they wait, nobody has them */
    take(world, id, false);
    expect_flow(world, 3, 4);
    take(world, id, false);
    expect_flow(world, 4, 4);
    answer(world, true, "final");
    take(world, id, true);
    expect_flow(world, 4, 4);
}

static void a_status_grants_nothing(void **state)
{
    world_t *world = *state;
    troupe_message_t *none = NULL;
    uint64_t id;
    troupe_call_options_t options = {.credit = 2, .wants_status = true};
    assert_status(troupe_caller_start(world->caller, "stream", &options, &none, &id),
                  TROUPE_OK);
    tr_envelope_release(&world->envelope);
    world->envelope = tr_envelope_of(tr_mailbox_next(world->router, NULL));
    tr_envelope_tell(world->envelope, TROUPE_STANDING_QUEUED, 7);
    answer(world, false, "part");
    troupe_reply_t *reply = NULL;
    assert_status(troupe_caller_next(world->caller, 0, &reply), TROUPE_OK);
    assert_int_equal(troupe_reply_standing(reply), TROUPE_STANDING_QUEUED);
    assert_int_equal(troupe_reply_position(reply), 7);
    assert_int_equal(troupe_message_count(troupe_reply_message(reply)), 0);
    troupe_reply_destroy(&reply);
    expect_flow(world, 2, 0);
    take(world, id, false);
    expect_flow(world, 3, 4);
    answer(world, true, "final");
    tr_envelope_tell(world->envelope, TROUPE_STANDING_RUNNING, 0); /* it is over */
    take(world, id, true);
    assert_status(troupe_caller_next(world->caller, 0, &reply), TROUPE_NOT_FOUND);
}

static void standings_have_names(void **state)
{
    (void)state;
    troupe_standing_t found;
    for (int i = TROUPE_STANDING_QUEUED; i <= TROUPE_STANDING_RUNNING; i++) {
        assert_true(troupe_standing_parse(troupe_standing_name((troupe_standing_t)i), &found));
        assert_int_equal(found, i);
    }
    assert_false(troupe_standing_parse("", &found));
    assert_false(troupe_standing_parse("dancing", &found));
    assert_string_equal(troupe_standing_name((troupe_standing_t)99), "");
    assert_string_equal(troupe_standing_name(TROUPE_STANDING_UNTOLD), "");
}

static void a_writer_that_waits_for_a_word_is_told(void **state)
{
    world_t *world = *state;
    uint64_t id = start(world, 1);
    tr_flow_spent_t spent = {0};
    answer(world, false, "x");
    tr_flow_spend(&spent, 1);
    assert_true(tr_flow_ask_for_word(&world->envelope->flow, &spent));
    take(world, id, false);
    tr_letter_t *letter = tr_mailbox_next(world->router, NULL);
    assert_non_null(letter);
    assert_ptr_equal(letter->type, &tr_credit_type);
    tr_letter_destroy(&letter);
    assert_true(tr_flow_has_room(&world->envelope->flow, &spent));
}

/* ---- a call that blocks, and a writer on a thread of its own ---- */

#define N_PARTS 5

static void *write_stream(void *arg)
{
    world_t *world = arg;
    struct pollfd bell = {.fd = tr_mailbox_bell(world->router), .events = POLLIN};
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(world->router, NULL)) == NULL) {
        if (tr_mailbox_park(world->router)) {
            poll(&bell, 1, PATIENCE_MS);
        }
        tr_mailbox_unpark(world->router);
    }
    tr_envelope_t *envelope = tr_envelope_of(letter);
    tr_flow_spent_t spent = {0};
    for (int i = 0; i < N_PARTS; i++) {
        if (!tr_flow_has_room(&envelope->flow, &spent)) {
            tr_flow_wait(&envelope->flow, &spent, PATIENCE_MS);
        }
        troupe_message_t *message = troupe_message_from_text("part");
        troupe_reply_t *part = tr_reply_new(0, false, TROUPE_OUTCOME_OK, NULL, &message);
        if (part && tr_flow_has_room(&envelope->flow, &spent) &&
            tr_envelope_forward(envelope, &part)) {
            tr_flow_spend(&spent, 4);
        }
    }
    tr_envelope_answer(envelope, TROUPE_OUTCOME_OK, 0, NULL);
    tr_envelope_release(&envelope);
    return NULL;
}

static void count(void *arg, const troupe_reply_t *part)
{
    size_t *n_parts = arg;
    assert_int_equal(troupe_reply_sequence(part), *n_parts);
    ++*n_parts;
}

static void a_blocking_call_grants_its_own_parts_only(void **state)
{
    world_t *world = *state;
    uint64_t other = start(world, 2);
    answer(world, false, "kept");

    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_stream, world), 0);
    size_t n_parts = 0;
    troupe_message_t *none = NULL;
    troupe_reply_t *reply = NULL;
    assert_status(troupe_caller_call(world->caller, "stream",
                                     &(troupe_call_options_t){.credit = 1}, &none, count,
                                     &n_parts, &reply),
                  TROUPE_OK);
    pthread_join(thread, NULL);
    assert_int_equal(n_parts, N_PARTS);
    assert_int_equal(troupe_reply_sequence(reply), N_PARTS);
    troupe_reply_destroy(&reply);

    expect_flow(world, 2, 0);
    take(world, other, false);
    expect_flow(world, 3, 4);
}

#define STORY(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(the_window_is_what_was_asked_for),
        STORY(a_part_that_is_taken_grants_one),
        STORY(a_status_grants_nothing),
        cmocka_unit_test(standings_have_names),
        STORY(a_writer_that_waits_for_a_word_is_told),
        STORY(a_blocking_call_grants_its_own_parts_only),
    };
    return cmocka_run_group_tests_name("node/caller", tests, NULL, NULL) != 0;
}
