/* mailbox/flow.h - how far the writer of a stream may be ahead of its reader
 *
 * The reader grants, the writer spends. What is granted is counted in parts, by the reader's
 * own window, and what lies between the two in bytes, so that neither many parts nor large ones
 * fill the node. A flow belongs to a request and lives in its envelope; both ends touch it only
 * through these functions, whose state is a few atomics.
 *
 * A writer that found no room waits in one of two ways. Asleep: on a futex, which a grant, or a
 * ring, wakes. Or by a word: then the grant says that somebody must be told, and whoever
 * granted posts a credit (mailbox/envelope.h) to the request's router.
 *
 * Documented exception to "nothing shared but messages": see docs/architecture.md.
 */

#ifndef TROUPE_MAILBOX_FLOW_H
#define TROUPE_MAILBOX_FLOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Parts that a reader who does not say otherwise may leave lying. */
#define TR_FLOW_PARTS 64

/* A writer sends nothing more while so many bytes, or more, have not been taken. */
#define TR_FLOW_BYTES ((uint64_t)4 << 20)

typedef struct tr_flow {
    _Atomic(uint32_t) bell;          /* the futex: moves with each grant and ring */
    _Atomic(int) waiting;            /* how the writer waits; flow.c */
    _Atomic(uint64_t) parts_granted; /* since the beginning */
    _Atomic(uint64_t) bytes_taken;   /* likewise */
} tr_flow_t;

/* What a writer has sent so far: its own, on its own thread. */
typedef struct tr_flow_spent {
    uint64_t n_parts;
    uint64_t n_bytes;
} tr_flow_spent_t;

/* The most that can be granted in all; what is granted beyond it does not count. */
#define TR_FLOW_MOST ((uint64_t)INT64_MAX)

/* A flow whose reader grants `n_parts` to begin with; 0: TR_FLOW_PARTS. */
void tr_flow_init(tr_flow_t *self, uint64_t n_parts);

/* A flow whose reader has granted nothing yet. */
void tr_flow_init_shut(tr_flow_t *self);

/* ---- the reader, on any thread ---- */

/* Allow `n_parts` more, and say that `n_bytes` have been taken. True: the writer waits for a
 * word; it is told once. */
bool tr_flow_grant(tr_flow_t *self, uint64_t n_parts, uint64_t n_bytes);

/* ---- the writer ---- */

/* Whether one more part may be sent now. */
bool tr_flow_has_room(const tr_flow_t *self, const tr_flow_spent_t *spent);

/* Parts that were granted and not spent. */
uint64_t tr_flow_parts_left(const tr_flow_t *self, const tr_flow_spent_t *spent);

/* Note a part of `n_bytes` as sent. */
void tr_flow_spend(tr_flow_spent_t *spent, uint64_t n_bytes);

/* Sleep until there may be room, or the flow was rung, at most `timeout_ms`. */
void tr_flow_wait(tr_flow_t *self, const tr_flow_spent_t *spent, int64_t timeout_ms);

/* Ask to be told by a word of the next grant. False: there is room already, nobody will say
 * so. */
bool tr_flow_ask_for_word(tr_flow_t *self, const tr_flow_spent_t *spent);

/* ---- who stands between the two, for a writer that is elsewhere ---- */

/* How many parts to allow it now, when this much was heard from it and `*told_p` were allowed
 * in all, which is brought up to date. 0: none, and when that may change without anything being
 * heard, a word is asked for. Grants are told in lumps, and large parts are allowed few at a
 * time. */
uint64_t tr_flow_pass_on(tr_flow_t *self, const tr_flow_spent_t *heard, uint64_t *told_p);

/* ---- anybody ---- */

/* Wake a writer that sleeps, to look at something else: its request was cancelled. */
void tr_flow_ring(tr_flow_t *self);

#endif
