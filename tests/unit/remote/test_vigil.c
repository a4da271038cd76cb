/* Stories of a worker and its node: at which times what happened, and what was done about it.
 *
 *   h  it is heard, and needs no answer     H  it is heard, and is to be answered, and is
 *   b  it gets a request                    i  it has answered that
 *   .  we look: nothing                     B  we look: a heartbeat is sent
 *   G  we look: it is gone
 */

#include "tests/kit/check.h"

#include "remote/majordomo/vigil.h"

#define MOST 16

struct story {
    tr_vigil_rule_t rule;
    int64_t at_ms[MOST];
    const char *events;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_vigil_t vigil;
    tr_vigil_start(&vigil, 0);
    for (size_t i = 0; story->events[i]; i++) {
        int64_t now_ms = story->at_ms[i];
        char event = story->events[i];
        char got = event;
        if (event == 'h' || event == 'H') {
            got = tr_vigil_hear(&vigil, &story->rule, now_ms) ? 'H' : 'h';
            if (got == 'H') {
                tr_vigil_note_sent(&vigil, now_ms);
            }
        } else if (event == 'b' || event == 'i') {
            tr_vigil_set_busy(&vigil, event == 'b', now_ms);
        } else {
            tr_vigil_verdict_t verdict = tr_vigil_look(&vigil, &story->rule, now_ms);
            got = verdict == TR_VIGIL_GONE ? 'G' : verdict == TR_VIGIL_BEAT ? 'B' : '.';
            if (got == 'B') {
                tr_vigil_note_sent(&vigil, now_ms);
            }
        }
        if (got != event) {
            fail_msg("at %lld ms it is %c, not %c", (long long)now_ms, got, event);
        }
    }
}

/* clang-format off */
#define RULE {400, 3}
#define STORY(title, rule, events, ...) \
    { .name = title, .test_func = story_holds, \
      .initial_state = &(struct story){rule, {__VA_ARGS__}, events} }

int main(void)
{
    static const tr_vigil_rule_t rule = RULE;
    const struct CMUnitTest tests[] = {
        STORY("a heartbeat goes out each interval",
              rule, ".B.B", 399, 400, 799, 800),
        STORY("whoever beats as we do is not answered twice",
              rule, "B.hBh", 400, 410, 420, 800, 820),
        STORY("silent for three intervals, it is gone",
              rule, "BBB.G", 400, 800, 1200, 1200, 1201),
        STORY("each sign of life begins the silence anew",
              rule, "BBBhBB.", 400, 800, 1200, 1201, 1601, 2001, 2002),
        STORY("a busy worker may be silent for ever",
              rule, "bBBBBB", 10, 400, 800, 1200, 1600, 2000),
        STORY("and then has all its time again",
              rule, "bBBBBiBBB.G", 10, 400, 800, 1200, 1600, 1700, 2000, 2400, 2800, 2900, 2901),
        STORY("whoever beats faster hears us as often",
              rule, "HHHHH", 100, 200, 300, 400, 500),
        STORY("but not more often than it can matter",
              rule, "hHhhH", 99, 100, 110, 199, 200),
        STORY("whoever beats slower is given its own time",
              rule, "BBHBBHBBB", 400, 800, 1100, 1500, 1900, 2200, 2600, 3000, 3400),
        STORY("but is gone in time as well",
              rule, "BBH.BBBBBBB.G",
              400, 800, 1100, 1100, 1500, 1900, 2300, 2700, 3100, 3500, 3900, 4000, 4401),
        STORY("time that we slept through is not its silence",
              rule, "BB.", 400, 5000, 5100),
        STORY("nor all of it",
              rule, "BBB.G", 400, 5000, 5400, 5799, 6201),
    };
    return cmocka_run_group_tests_name("remote/vigil", tests, NULL, NULL) != 0;
}
/* clang-format on */
