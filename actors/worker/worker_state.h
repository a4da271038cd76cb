/* actors/worker/worker_state.h - which state may follow which
 *
 * The state of a worker is one atomic that whoever runs the worker and its supervisor move.
 * One function moves it, and it alone knows the table of allowed transitions.
 */

#ifndef TROUPE_ACTORS_WORKER_WORKER_STATE_H
#define TROUPE_ACTORS_WORKER_WORKER_STATE_H

#include <stdatomic.h>
#include <stdbool.h>

/* X(NAME, name) */
#define TR_WORKER_STATE_MAP(X)                                                                 \
    X(SPAWNING, spawning)                                                                      \
    X(LOADING, loading)                                                                        \
    X(READY, ready)                                                                            \
    X(PROCESSING, processing)                                                                  \
    X(IDLE, idle)                                                                              \
    X(PAUSED, paused)                                                                          \
    X(DRAINING, draining)                                                                      \
    X(HUNG, hung)                                                                              \
    X(EVICTING, evicting)                                                                      \
    X(FAILED, failed)                                                                          \
    X(DEAD, dead)

typedef enum tr_worker_state {
#define X(NAME, name) TR_WORKER_##NAME,
    TR_WORKER_STATE_MAP(X)
#undef X
        TR_N_WORKER_STATES
} tr_worker_state_t;

/* "ready" for TR_WORKER_READY, and so on. */
const char *tr_worker_state_name(tr_worker_state_t state);

/* Whether the table allows it. Pure. */
bool tr_worker_state_may_follow(tr_worker_state_t from, tr_worker_state_t to);

/* Move `*state` from whatever it is to `to`. A move that the table does not allow changes
 * nothing, is logged as an error with `who`, and asserts in debug builds. True when moved, or
 * when it was there already. Any thread. */
bool tr_worker_state_move(_Atomic(int) *state, tr_worker_state_t to, const char *who);

/* The same, but a move that is not allowed is simply refused: for a thread that may find
 * that others have written it off meanwhile. */
bool tr_worker_state_try(_Atomic(int) *state, tr_worker_state_t to);

#endif
