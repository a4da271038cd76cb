/* supervisors/strategy.h - who stops and who starts, in which order
 *
 * The order in which a supervisor acts on its children is decided here, one step at a time,
 * from what they are doing and what is wanted of them. Children start in order, each only when
 * the one before it is up, and stop in reverse order, each only when the one after it is gone;
 * except that a child that fell alone starts again alone, that one that is told to stop alone
 * does so at once, and that a pool starts and stops all at once. The strategies are OTP's.
 *
 * Pure: it sees an array of children and answers with one action.
 */

#ifndef TROUPE_SUPERVISORS_STRATEGY_H
#define TROUPE_SUPERVISORS_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum tr_strategy {
    TR_ONE_FOR_ONE,
    TR_ONE_FOR_ALL,
    TR_REST_FOR_ONE,
    TR_SIMPLE_ONE_FOR_ONE, /* pools: children of one template, no order among them */
} tr_strategy_t;

/* "one_for_one", … */
const char *tr_strategy_name(tr_strategy_t strategy);

/* What a child is doing. */
typedef enum tr_child_phase {
    TR_CHILD_DOWN,
    TR_CHILD_STARTING,
    TR_CHILD_UP,
    TR_CHILD_STOPPING,
} tr_child_phase_t;

/* What is wanted of a child, as the supervisor knows it. */
typedef struct tr_child_view {
    tr_child_phase_t phase;
    bool is_wanted;      /* should be up */
    bool must_stop;      /* should go down before anything else happens to it */
    bool is_in_turn;     /* starts only after those before it, stops only after those behind it
                            (first start, group restart, the supervisor's stop) */
    int64_t start_at_ms; /* not before this */
    bool is_held;        /* what it needs for its start is not there yet */
} tr_child_view_t;

/* The children that fall with child `failed` of `n`: *first_out up to the last one. */
void tr_strategy_affected(tr_strategy_t strategy, size_t n, size_t failed, size_t *first_out,
                          size_t *end_out);

typedef enum tr_step_kind {
    TR_STEP_NOTHING, /* wait: until `at_ms`, or until something happens */
    TR_STEP_START,
    TR_STEP_STOP,
} tr_step_kind_t;

typedef struct tr_step {
    tr_step_kind_t kind;
    size_t child;
    int64_t at_ms; /* NOTHING: when a start becomes due, or TR_NEVER */
} tr_step_t;

/* The next thing to do. The caller does it, so that the child's phase changes, and asks again
 * until there is nothing. */
tr_step_t tr_strategy_next(tr_strategy_t strategy, const tr_child_view_t *children, size_t n,
                           int64_t now_ms);

#endif
