/* Listening to events in C, by a caller inside the program and by a client from outside, as
 * docs/how-to.md shows it: the same stream for both.
 */

#include "tests/kit/rig.h"

#include <stdio.h>
#include <string.h>

static rig_t rig;
static line_t line;
static line_t other;

static int set_up(void **state)
{
    (void)state;
    rig_start(&rig, (const troupe_behaviour_t *const[]){NULL}, "",
              "    - {capability: echo, worker: {module: echo}, workers: {min: 1, max: 2}}\n"
              "    - {actor: audit, worker: {module: echo}}\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    line_close(&line);
    line_close(&other);
    rig_end(&rig);
    return 0;
}

/* Whoever calls after it is heard: what was sent before has been read. */
static uint64_t listen_to(line_t *who, const char *filter, uint64_t credit)
{
    const troupe_call_options_t options = {.method = "events", .credit = credit};
    uint64_t id = line_start(who, "troupe.admin", &options, filter);
    assert_outcome(
        line_call(who, "troupe.admin", &(troupe_call_options_t){.method = "help"}, ""),
        TROUPE_OUTCOME_OK);
    return id;
}

static bool has(const troupe_reply_t *part, const char *text)
{
    const troupe_message_t *message = troupe_reply_message(part);
    return memmem(troupe_message_data(message, 0), troupe_message_size(message, 0), text,
                  strlen(text)) != NULL;
}

static void hears(line_t *who, uint64_t id, const char *event, const char *about)
{
    troupe_reply_t *part = line_take(who, id);
    assert_false(troupe_reply_is_final(part));
    assert_int_equal(troupe_message_count(troupe_reply_message(part)), 1);
    assert_true(has(part, event));
    assert_true(has(part, about));
    troupe_reply_destroy(&part);
}

static void a_listener_hears_and_is_heard_no_more(void **state)
{
    side_t side = *(side_t *)*state;
    line_open(&line, &rig, side);
    uint64_t id = listen_to(&line, "ended started", 0);
    assert_outcome(rig_operate(&rig, "restart", "audit"), TROUPE_OUTCOME_OK);
    hears(&line, id, "ended", "audit");
    hears(&line, id, "started", "audit");
    line_cancel(&line, id);
    assert_outcome(line_outcome(&line, id), TROUPE_OUTCOME_CANCELLED);
    assert_outcome(rig_operate(&rig, "restart", "audit"), TROUPE_OUTCOME_OK);
    line_assert_quiet(&line);
}

static void it_ends_at_its_deadline(void **state)
{
    side_t side = *(side_t *)*state;
    line_open(&line, &rig, side);
    const troupe_call_options_t options = {.method = "events", .timeout_ms = 50};
    assert_outcome(line_call(&line, "troupe.admin", &options, "none"), TROUPE_OUTCOME_TIMEOUT);
}

/* One that takes nothing holds neither the node nor another listener. */
static void a_sleeper_holds_nobody(void **state)
{
    side_t side = *(side_t *)*state;
    line_open(&line, &rig, side);
    line_open(&other, &rig, side);
    uint64_t sleeper = listen_to(&line, "operation", 1);
    uint64_t awake = listen_to(&other, "operation", 0);
    enum { N = 400 }; /* more than wait for a reader */
    for (int i = 0; i < N; i++) {
        assert_outcome(rig_operate(&rig, "resume", "echo"), TROUPE_OUTCOME_OK);
        hears(&other, awake, "operation", "echo");
    }
    int n_heard = 0;
    for (bool is_shed = false; !is_shed; n_heard++) {
        troupe_reply_t *part = line_take(&line, sleeper);
        assert_false(troupe_reply_is_final(part));
        is_shed = has(part, "events_shed");
        troupe_reply_destroy(&part);
        assert_true(n_heard < N);
    }
    assert_outcome(rig_operate(&rig, "resume", "echo"), TROUPE_OUTCOME_OK);
    hears(&line, sleeper, "operation", "echo");
}

static void the_end_of_the_node_is_heard(void **state)
{
    side_t side = *(side_t *)*state;
    line_open(&line, &rig, side);
    uint64_t id = listen_to(&line, "node_stopping", 0);
    troupe_node_stop(rig.node);
    troupe_outcome_t outcome = line_outcome(&line, id);
    assert_outcome(outcome, TROUPE_OUTCOME_SHUTTING_DOWN);
    int code = -1;
    assert_status(troupe_node_wait(rig.node, RIG_PATIENCE_MS, &code), TROUPE_OK);
    assert_int_equal(code, TROUPE_EXIT_OK);
}

static side_t inside = INSIDE;
static side_t over_ipc = OVER_IPC;

/* clang-format off */
#define STORY(function, side) \
    { .name = #function " (" #side ")", .test_func = function, .initial_state = &(side), \
      .setup_func = set_up_keeping, .teardown_func = tear_down }
/* clang-format on */

/* The state is the side: cmocka would hand the setup's own to the test. */
static int set_up_keeping(void **state)
{
    void *kept = *state;
    int result = set_up(state);
    *state = kept;
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_listener_hears_and_is_heard_no_more, inside),
        STORY(a_listener_hears_and_is_heard_no_more, over_ipc),
        STORY(it_ends_at_its_deadline, inside),
        STORY(it_ends_at_its_deadline, over_ipc),
        STORY(a_sleeper_holds_nobody, inside),
        STORY(a_sleeper_holds_nobody, over_ipc),
        STORY(the_end_of_the_node_is_heard, inside),
        STORY(the_end_of_the_node_is_heard, over_ipc),
    };
    return cmocka_run_group_tests_name("listening", tests, NULL, NULL) != 0;
}
