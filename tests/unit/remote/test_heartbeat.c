/* Stories of silence: at these times the heartbeat is looked at, or something is said or heard.
 */

#include "tests/kit/check.h"

#include "base/clock.h"
#include "remote/heartbeat.h"

/* What happens: l look, s we send, h we hear, x the excuse of not having read. What a look
 * must say: '.' nothing, 'p' ping, 'G' gone. One character an event. */
struct story {
    int64_t interval_ms;
    int64_t at_ms[8];
    const char *events;
    const char *answers; /* one for each l */
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    static const char verdicts[] = {
        [TR_HEARTBEAT_QUIET] = '.', [TR_HEARTBEAT_ASK] = 'p', [TR_HEARTBEAT_GONE] = 'G'};
    tr_heartbeat_t heartbeat;
    tr_heartbeat_start(&heartbeat, story->interval_ms, 0);
    const char *answer = story->answers;
    for (size_t i = 0; story->events[i]; i++) {
        int64_t now_ms = story->at_ms[i];
        switch (story->events[i]) {
        case 's':
            tr_heartbeat_note_sent(&heartbeat, now_ms);
            break;
        case 'h':
            tr_heartbeat_note_heard(&heartbeat, now_ms);
            break;
        case 'x':
            tr_heartbeat_excuse(&heartbeat, now_ms);
            break;
        default:
            assert_int_equal(now_ms >= tr_heartbeat_due_ms(&heartbeat), *answer != '.');
            assert_int_equal(verdicts[tr_heartbeat_beat(&heartbeat, now_ms)], *answer++);
        }
    }
    assert_int_equal(*answer, '\0');
}

static void without_an_interval_nothing_is_ever_due(void **state)
{
    (void)state;
    tr_heartbeat_t heartbeat;
    tr_heartbeat_start(&heartbeat, 0, 0);
    assert_true(tr_heartbeat_due_ms(&heartbeat) == TR_NEVER);
    assert_int_equal(tr_heartbeat_beat(&heartbeat, INT64_MAX - 1), TR_HEARTBEAT_QUIET);
}

static void a_huge_interval_does_not_overflow(void **state)
{
    (void)state;
    tr_heartbeat_t heartbeat;
    tr_heartbeat_start(&heartbeat, INT64_MAX, 1000);
    assert_int_equal(tr_heartbeat_beat(&heartbeat, 2000), TR_HEARTBEAT_QUIET);
    assert_true(tr_heartbeat_due_ms(&heartbeat) > 2000);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("a greeting without an answer ends after two intervals", 100, {99, 199, 200},
              "lll", ".pG"),
        STORY("asks when nothing was heard for an interval", 100, {0, 60, 99, 100}, "hsll",
              ".p"),
        STORY("asks when only the other side talks", 100, {0, 90, 100}, "hhl", "p"),
        STORY("is quiet while both talk", 100, {50, 50, 120, 120, 200}, "shshl", "."),
        STORY("three intervals of silence are too many", 100, {0, 100, 200, 299, 300}, "hllll",
              "pp.G"),
        STORY("an answer starts the count anew", 100, {0, 100, 150, 199, 200, 300, 450},
              "hlhllll", "p.ppG"),
        STORY("silence that nobody asked about proves nothing", 100, {0, 10000, 10001}, "hll",
              "p."),
        STORY("what lies unread may be the answer", 100, {0, 100, 290, 299, 490}, "hlxll",
              "ppG"),
        cmocka_unit_test(without_an_interval_nothing_is_ever_due),
        cmocka_unit_test(a_huge_interval_does_not_overflow),
    };
    return cmocka_run_group_tests_name("remote/heartbeat", tests, NULL, NULL) != 0;
}
