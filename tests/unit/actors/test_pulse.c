/* The rate of messages is what was taken in the last full second, whoever looks when. */

#include "tests/kit/check.h"

#include <string.h>

#include "actors/pulse.h"

#define MOST_STEPS 6

/* One row, one story: so many messages at these times, and the rate as it is seen at `seen_ms`.
 */
struct story {
    struct {
        int64_t at_ms;
        int n;
    } taken[MOST_STEPS];
    int64_t seen_ms;
    uint64_t rate;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_pulse_t *pulse = tr_pulse_new();
    assert_non_null(pulse);
    uint64_t n_taken = 0;
    for (int i = 0; i < MOST_STEPS; i++) {
        for (int j = 0; j < story->taken[i].n; j++) {
            tr_pulse_count_message(pulse, story->taken[i].at_ms);
            n_taken++;
        }
    }
    assert_int_equal(tr_pulse_rate(pulse, story->seen_ms), story->rate);
    assert_int_equal(atomic_load(&pulse->n_messages), n_taken);
    tr_pulse_release(&pulse);
}

#define STORY(said, ...)                                                                       \
    {                                                                                          \
        .name = said, .test_func = story_holds, .initial_state = &(struct story)__VA_ARGS__    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("one that never took any has no rate", {.seen_ms = 5000, .rate = 0}),
        STORY("nor has it when the clock begins", {.seen_ms = 0, .rate = 0}),
        STORY("the second that runs does not count yet",
              {.taken = {{5000, 3}, {5900, 4}}, .seen_ms = 5999, .rate = 0}),
        STORY("it counts when the next one has begun",
              {.taken = {{5000, 3}, {5999, 4}}, .seen_ms = 6000, .rate = 7}),
        STORY("until that is over", {.taken = {{5000, 3}}, .seen_ms = 6999, .rate = 3}),
        STORY("then it is idle", {.taken = {{5000, 3}}, .seen_ms = 7000, .rate = 0}),
        STORY("what came after does not hide it",
              {.taken = {{5000, 3}, {6000, 9}}, .seen_ms = 6500, .rate = 3}),
        STORY("each second has its own",
              {.taken = {{5000, 3}, {6000, 9}, {7000, 1}}, .seen_ms = 7500, .rate = 9}),
        STORY("a second without any is not skipped",
              {.taken = {{5000, 3}, {7000, 1}}, .seen_ms = 7500, .rate = 0}),
        STORY("a look may be older than what was taken",
              {.taken = {{5000, 3}, {6000, 9}}, .seen_ms = 5990, .rate = 3}),
        STORY("the first second of a clock counts too",
              {.taken = {{0, 2}}, .seen_ms = 1000, .rate = 2}),
    };
    return cmocka_run_group_tests_name("actors/pulse", tests, NULL, NULL) != 0;
}
