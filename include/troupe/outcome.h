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

/* X(NAME, name, retryable, text, advice) */
/* clang-format off */
#define TROUPE_OUTCOME_MAP(X) \
    X(OK, ok, false, "the reply", \
      "") \
    X(WORKER_ERROR, worker_error, false, "the handler failed the request", \
      "") \
    X(WORKER_LOST, worker_lost, true, "the worker crashed, hung or was cut off", \
      "try again if it may be done twice") \
    X(TIMEOUT, timeout, true, "the deadline passed", \
      "allow more time, or try again later") \
    X(CANCELLED, cancelled, false, "the caller cancelled it", \
      "") \
    X(OVERLOADED, overloaded, true, "the queue is full", \
      "try again later, and more slowly") \
    X(NO_CAPABILITY, no_capability, false, "nobody offers that capability", \
      "check the name and the node") \
    X(NO_WORKERS, no_workers, true, "no worker could be had in time", \
      "try again later") \
    X(CIRCUIT_OPEN, circuit_open, true, "the circuit breaker is open", \
      "try again when it has cooled down") \
    X(MEMORY_EXHAUSTED, memory_exhausted, true, "no worker fits the memory budget", \
      "try again when others are done") \
    X(SPAWN_FAILED, spawn_failed, true, "a needed worker did not start", \
      "try again later; the log of the node says more") \
    X(SPAWN_TIMEOUT, spawn_timeout, true, "a needed worker did not start in time", \
      "try again later; the log of the node says more") \
    X(SHUTTING_DOWN, shutting_down, true, "the node is draining", \
      "try another node, or this one later") \
    X(BAD_REQUEST, bad_request, false, "malformed or invalid", \
      "mend the request") \
    X(TOO_LARGE, too_large, false, "above the size limit", \
      "send less") \
    X(FORBIDDEN, forbidden, false, "this peer may not call this", \
      "ask the operator for the right") \
    X(INTERNAL, internal, false, "a bug in Troupe", \
      "report it")
/* clang-format on */

/* How a request ended: one for each line of TROUPE_OUTCOME_MAP. */
typedef enum troupe_outcome {
#define X(NAME, name, retryable, text, advice) TROUPE_OUTCOME_##NAME,
    TROUPE_OUTCOME_MAP(X)
#undef X
        TROUPE_N_OUTCOMES
} troupe_outcome_t;

/* The outcome's name as it travels, "worker_lost"; "internal" for a value that is
 * none. Constant. Any thread. */
TROUPE_API const char *troupe_outcome_name(troupe_outcome_t outcome);

/* What it means, in a few words. Constant, never NULL. Any thread. */
TROUPE_API const char *troupe_outcome_text(troupe_outcome_t outcome);

/* What its caller can do, in a few words; "" when there is nothing to say. The texts of
 * requests that a node has ended itself close with it. Constant, never NULL. Any thread. */
TROUPE_API const char *troupe_outcome_advice(troupe_outcome_t outcome);

/* Whether the same request may do better later. Any thread. */
TROUPE_API bool troupe_outcome_is_retryable(troupe_outcome_t outcome);

/* Find the outcome called `name`; false, and *out untouched, when there is none. */
TROUPE_API bool troupe_outcome_parse(const char *name, troupe_outcome_t *out);

TROUPE_END_DECLS

#endif
