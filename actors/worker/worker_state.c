/* The table is a bit mask a row. */

#include "actors/worker/worker_state.h"

#include <assert.h>

#include "base/log.h"

#define BIT(NAME) (1u << TR_WORKER_##NAME)

static const unsigned successors[TR_N_WORKER_STATES] = {
    [TR_WORKER_SPAWNING] = BIT(LOADING) | BIT(EVICTING) | BIT(FAILED),
    [TR_WORKER_LOADING] = BIT(READY) | BIT(EVICTING) | BIT(HUNG) | BIT(FAILED),
    [TR_WORKER_READY] = BIT(PROCESSING) | BIT(IDLE) | BIT(PAUSED) | BIT(DRAINING) |
                        BIT(EVICTING) | BIT(HUNG) | BIT(FAILED),
    [TR_WORKER_PROCESSING] = BIT(READY) | BIT(PAUSED) | BIT(DRAINING) | BIT(HUNG) | BIT(FAILED),
    [TR_WORKER_IDLE] = BIT(READY) | BIT(PROCESSING) | BIT(PAUSED) | BIT(DRAINING) |
                       BIT(EVICTING) | BIT(HUNG) | BIT(FAILED),
    [TR_WORKER_PAUSED] = BIT(READY) | BIT(DRAINING) | BIT(EVICTING) | BIT(HUNG) | BIT(FAILED),
    [TR_WORKER_DRAINING] = BIT(EVICTING) | BIT(HUNG) | BIT(FAILED),
    [TR_WORKER_HUNG] = BIT(FAILED) | BIT(DEAD),
    [TR_WORKER_EVICTING] = BIT(DEAD) | BIT(HUNG),
    [TR_WORKER_FAILED] = BIT(DEAD),
    [TR_WORKER_DEAD] = 0,
};

const char *tr_worker_state_name(tr_worker_state_t state)
{
    static const char *const names[] = {
#define X(NAME, name) [TR_WORKER_##NAME] = #name,
        TR_WORKER_STATE_MAP(X)
#undef X
    };
    return state < TR_N_WORKER_STATES ? names[state] : "unknown";
}

bool tr_worker_state_may_follow(tr_worker_state_t from, tr_worker_state_t to)
{
    return from < TR_N_WORKER_STATES && to < TR_N_WORKER_STATES &&
           (successors[from] >> to & 1u) != 0;
}

bool tr_worker_state_try(_Atomic(int) *state, tr_worker_state_t to)
{
    assert(state);
    int from = atomic_load(state);
    while (from != (int)to) {
        if (!tr_worker_state_may_follow((tr_worker_state_t)from, to)) {
            return false;
        }
        if (atomic_compare_exchange_weak(state, &from, (int)to)) {
            break;
        }
    }
    return true;
}

bool tr_worker_state_move(_Atomic(int) *state, tr_worker_state_t to, const char *who)
{
    bool is_moved = tr_worker_state_try(state, to);
    if (!is_moved) {
        tr_log(TR_LOG_ERROR, "illegal_state", TR_TEXT("worker", who),
               TR_TEXT("from", tr_worker_state_name((tr_worker_state_t)atomic_load(state))),
               TR_TEXT("to", tr_worker_state_name(to)));
        assert(is_moved && "a worker state that the table does not allow");
    }
    return is_moved;
}
