/* Stops come before starts, so that a group is down before it rises. */

#include "supervisors/strategy.h"

#include <assert.h>

#include "base/clock.h"

const char *tr_strategy_name(tr_strategy_t strategy)
{
    static const char *const names[] = {
        [TR_ONE_FOR_ONE] = "one_for_one",
        [TR_ONE_FOR_ALL] = "one_for_all",
        [TR_REST_FOR_ONE] = "rest_for_one",
        [TR_SIMPLE_ONE_FOR_ONE] = "simple_one_for_one",
    };
    return names[strategy];
}

void tr_strategy_affected(tr_strategy_t strategy, size_t n, size_t failed, size_t *first_out,
                          size_t *end_out)
{
    assert(failed < n && first_out && end_out);
    switch (strategy) {
    case TR_ONE_FOR_ALL:
        *first_out = 0;
        *end_out = n;
        break;
    case TR_REST_FOR_ONE:
        *first_out = failed;
        *end_out = n;
        break;
    default:
        *first_out = failed;
        *end_out = failed + 1;
    }
}

static bool has_to_go(const tr_child_view_t *child)
{
    return child->must_stop &&
           (child->phase == TR_CHILD_UP || child->phase == TR_CHILD_STARTING);
}

static bool is_going(const tr_child_view_t *child)
{
    return child->phase == TR_CHILD_STOPPING || has_to_go(child);
}

/* One that has to go alone; else the last one that has to, unless a later one is still going.
 */
static bool next_stop(tr_strategy_t strategy, const tr_child_view_t *children, size_t n,
                      tr_step_t *step)
{
    bool is_later_going = false;
    for (size_t i = n; i-- > 0;) {
        bool has_to_wait = children[i].is_in_turn && strategy != TR_SIMPLE_ONE_FOR_ONE;
        if (has_to_go(&children[i]) && !(has_to_wait && is_later_going)) {
            *step = (tr_step_t){.kind = TR_STEP_STOP, .child = i};
            return true;
        }
        is_later_going = is_later_going || (has_to_wait && is_going(&children[i]));
    }
    return false;
}

tr_step_t tr_strategy_next(tr_strategy_t strategy, const tr_child_view_t *children, size_t n,
                           int64_t now_ms)
{
    assert(children || n == 0);
    tr_step_t step = {.kind = TR_STEP_NOTHING, .at_ms = TR_NEVER};
    if (next_stop(strategy, children, n, &step)) {
        return step;
    }
    bool is_group_going = false;
    for (size_t i = 0; i < n; i++) {
        is_group_going = is_group_going || (children[i].is_in_turn && children[i].must_stop &&
                                            children[i].phase != TR_CHILD_DOWN);
    }
    bool are_earlier_up = true;
    for (size_t i = 0; i < n; i++) {
        const tr_child_view_t *child = &children[i];
        bool may_start = child->is_wanted && !child->is_held && child->phase == TR_CHILD_DOWN;
        if (child->is_in_turn) {
            may_start = may_start && are_earlier_up && !is_group_going;
        }
        if (may_start && child->start_at_ms <= now_ms) {
            return (tr_step_t){.kind = TR_STEP_START, .child = i};
        }
        if (may_start && child->start_at_ms < step.at_ms) {
            step.at_ms = child->start_at_ms;
        }
        if (child->is_wanted && child->phase != TR_CHILD_UP) {
            are_earlier_up = false;
        }
    }
    return step;
}
