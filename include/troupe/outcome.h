/* troupe/outcome.h - how a request ended, and whether to try again
 *
 * Every accepted request ends in exactly one of these. The names travel on the
 * wire, in metrics and in logs.
 */

#ifndef TROUPE_OUTCOME_H
#define TROUPE_OUTCOME_H

#include <stdbool.h>

#include <troupe/api.h>

TROUPE_BEGIN_DECLS

/* X(NAME, name, retryable, text) */
#define TROUPE_OUTCOME_MAP(X)                                                                  \
    X(OK, ok, false, "the reply")                                                              \
    X(WORKER_ERROR, worker_error, false, "the handler failed the request")                     \
    X(WORKER_LOST, worker_lost, true, "the worker crashed, hung or was cut off")               \
    X(TIMEOUT, timeout, true, "the deadline passed")                                           \
    X(CANCELLED, cancelled, false, "the caller cancelled it")                                  \
    X(OVERLOADED, overloaded, true, "the queue is full")                                       \
    X(NO_CAPABILITY, no_capability, false, "nobody offers that capability")                    \
    X(NO_WORKERS, no_workers, true, "no worker could be had in time")                          \
    X(CIRCUIT_OPEN, circuit_open, true, "the circuit breaker is open")                         \
    X(MEMORY_EXHAUSTED, memory_exhausted, true, "no worker fits the memory budget")            \
    X(SPAWN_FAILED, spawn_failed, true, "a needed worker did not start")                       \
    X(SPAWN_TIMEOUT, spawn_timeout, true, "a needed worker did not start in time")             \
    X(SHUTTING_DOWN, shutting_down, true, "the node is draining")                              \
    X(BAD_REQUEST, bad_request, false, "malformed or invalid")                                 \
    X(TOO_LARGE, too_large, false, "above the size limit")                                     \
    X(FORBIDDEN, forbidden, false, "this peer may not call this")                              \
    X(INTERNAL, internal, false, "a bug in Troupe")

/* How a request ended: one for each line of TROUPE_OUTCOME_MAP. */
typedef enum troupe_outcome {
#define X(NAME, name, retryable, text) TROUPE_OUTCOME_##NAME,
    TROUPE_OUTCOME_MAP(X)
#undef X
        TROUPE_N_OUTCOMES
} troupe_outcome_t;

/* The outcome's name as it travels, "worker_lost"; "internal" for a value that is
 * none. Constant. Any thread. */
TROUPE_API const char *troupe_outcome_name(troupe_outcome_t outcome);

/* What it means, in a few words. Constant, never NULL. Any thread. */
TROUPE_API const char *troupe_outcome_text(troupe_outcome_t outcome);

/* Whether the same request may do better later. Any thread. */
TROUPE_API bool troupe_outcome_is_retryable(troupe_outcome_t outcome);

/* Find the outcome called `name`; false, and *out untouched, when there is none. */
TROUPE_API bool troupe_outcome_parse(const char *name, troupe_outcome_t *out);

TROUPE_END_DECLS

#endif
