/* capabilities/breaker.h - whether a capability that keeps failing is asked at all
 *
 *            failures in a row           cooldown over           all probes succeed
 *     CLOSED ────────────────────> OPEN ───────────────> TRYING ────────────────────> CLOSED
 *                                   ^                      │
 *                                   └─── a probe fails ────┘
 *
 * Callers that wait for what will fail are better told so at once, and workers that are broken
 * are better left alone. While it is OPEN nothing passes; while it is TRYING as many requests
 * as there are probes.
 *
 * Each change of state begins a new round, and a request's result counts only in the round that
 * it passed in. So what was under way when the breaker opened, or a probe that ends after
 * another one failed, says nothing about what came after.
 *
 * Pure: told the time. One router owns it.
 */

#ifndef TROUPE_CAPABILITIES_BREAKER_H
#define TROUPE_CAPABILITIES_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/outcome.h>

typedef enum tr_breaker_state {
    TR_BREAKER_CLOSED,
    TR_BREAKER_OPEN,
    TR_BREAKER_TRYING,
} tr_breaker_state_t;

typedef struct tr_breaker {
    size_t failures; /* 0: it never opens */
    int64_t cooldown_ms;
    size_t probes;
    tr_breaker_state_t state;
    uint64_t round;     /* number of this stay in this state */
    size_t n_failed;    /* CLOSED: in a row */
    size_t n_trying;    /* TRYING: probes that have not ended */
    size_t n_succeeded; /* TRYING: probes that ended well */
    int64_t cooled_ms;  /* OPEN: when the cooldown is over */
    int64_t tried_ms;   /* TRYING: when the first probe passed */
} tr_breaker_t;

typedef enum tr_pass_kind {
    TR_PASS_NO,
    TR_PASS_YES,
    TR_PASS_PROBE, /* yes, in the place of a probe */
} tr_pass_kind_t;

/* The answer to a request that wants to pass; whoever passed shows it again at the end. */
typedef struct tr_pass {
    tr_pass_kind_t kind;
    uint64_t round;
} tr_pass_t;

typedef enum tr_result {
    TR_RESULT_SUCCESS,
    TR_RESULT_FAILURE,
    TR_RESULT_NEITHER, /* it says nothing about the workers */
} tr_result_t;

/* `probes` > 0 unless `failures` is 0. */
void tr_breaker_init(tr_breaker_t *self, size_t failures, int64_t cooldown_ms, size_t probes);

/* Go by these numbers from now on. Where they differ it begins anew, closed: what was under way
 * says nothing about it. */
void tr_breaker_change(tr_breaker_t *self, size_t failures, int64_t cooldown_ms, size_t probes);

/* May a request pass? If so, tr_breaker_note must be told how it ended. */
tr_pass_t tr_breaker_ask(tr_breaker_t *self, int64_t now_ms);

/* A request that had passed ended like this. Once for each pass; a pass of kind TR_PASS_NO is
 * fine and says nothing. True when this opened the breaker: what waits is to be ended too. */
bool tr_breaker_note(tr_breaker_t *self, tr_result_t result, tr_pass_t pass, int64_t now_ms);

/* How it stands at `now_ms`. It is TRYING from the end of the cooldown on, whether anybody has
 * asked since or not: or a node that gets no requests while it is not ready would stay so. */
tr_breaker_state_t tr_breaker_state(const tr_breaker_t *self, int64_t now_ms);

/* How long one that may not pass should wait before it asks again: the rest of the cooldown;
 * while probes have all places, as long as they have been at it already, so that whoever obeys
 * waits twice as long each time. At least 1, at most the cooldown; 0 when one may pass. */
int64_t tr_breaker_hint_ms(const tr_breaker_t *self, int64_t now_ms);

/* What an outcome says. A timeout is a failure only if a worker had the request: otherwise the
 * queue was too long, which no worker can help. */
tr_result_t tr_breaker_result(troupe_outcome_t outcome, bool was_running);

#endif
