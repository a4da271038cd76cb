/* mailbox/envelope.h - a request, from its caller to its one outcome
 *
 * The caller fills the envelope and posts it to a router. From then on the header is immutable
 * and shared: the caller may keep a share as a handle for cancelling, the router keeps one
 * until the request is over, and each job (a dispatch to one worker) holds one. What a router
 * notes on an envelope is that router's alone.
 *
 * Exactly one final reply: `tr_envelope_answer` sends the first one and refuses the second; an
 * envelope whose last holder lets go of it unanswered answers `internal` by itself.
 */

#ifndef TROUPE_MAILBOX_ENVELOPE_H
#define TROUPE_MAILBOX_ENVELOPE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <troupe/call.h>
#include <troupe/message.h>
#include <troupe/outcome.h>

#include "base/lineup.h"
#include "base/span.h"
#include "mailbox/flow.h"
#include "mailbox/letter.h"
#include "mailbox/mailbox.h"

#define TR_ENVELOPE_BODY_KEY 16

typedef struct tr_envelope tr_envelope_t;
typedef struct tr_queue_line tr_queue_line_t; /* mailbox/request_queue.c */
typedef struct troupe_request tr_job_t;       /* actors/request.h */

/* Where a request is; only its router moves it on, and only forwards. */
typedef enum tr_phase {
    TR_PHASE_NEW,     /* not seen by a router yet */
    TR_PHASE_QUEUED,  /* waits for a worker */
    TR_PHASE_RUNNING, /* a worker has it */
    TR_PHASE_OVER,    /* answered; a worker may still be busy with it */
} tr_phase_t;

/* What a caller says of a request. A field that is zero is not said. */
typedef struct tr_header {
    tr_span_t capability;
    tr_span_t method;
    tr_span_t traceparent;
    tr_span_t sticky;   /* any bytes: goes to the worker that others with it went to */
    tr_span_t dedup;    /* any bytes: shares a run with others of that caller that have it */
    tr_span_t caller;   /* name of the peer that asks, as its key proves */
    int64_t timeout_ms; /* 0: the capability's own */
    troupe_priority_t priority;
    uint64_t credit; /* parts that may be sent before more is granted; 0: the default */
    bool wants_status;
    bool is_shut;    /* no part at all before the first grant, whatever `credit` says */
    uint64_t peer;   /* among whom turns are taken; 0: all who do not say */
    unsigned depth;  /* how many requests it is called from within, one inside the other */
    uint64_t parent; /* number of the job that it is called for; 0: none */
} tr_header_t;

/* What workers read of a plain request is in front. */
struct tr_envelope {
    tr_letter_t letter;
    atomic_uint holders;
    atomic_bool is_answered;
    troupe_message_t *message;
    tr_span_t dedup; /* behind the name of its caller, if that has one */
    const char *method;

    const char *capability;
    const char *traceparent;
    const char *caller;
    tr_span_t sticky;
    size_t size; /* with its texts */
    uint64_t id; /* as the caller numbered it; comes back with every reply */
    tr_mailbox_t *reply_to;
    tr_mailbox_t *router; /* a share: to whom it was submitted; NULL: to nobody */
    uint64_t peer;
    uint64_t parent;
    unsigned depth;
    troupe_priority_t priority;
    int64_t timeout_ms;  /* asked for; 0: the capability's own */
    int64_t sent_ms;     /* when the caller posted it: the deadline counts from here */
    int64_t deadline_ms; /* set by the router when it admits, before anybody else sees it */
    tr_flow_t flow;      /* of the parts */

    /* The router's own notes. */
    tr_phase_t phase;
    uint64_t number; /* order of arrival */
    int64_t admitted_us;
    int64_t dispatched_us;
    uint64_t n_parts; /* passed on so far */
    uint64_t n_bytes; /* in them */
    unsigned n_lost;  /* workers that were lost with it */
    bool is_traced;   /* its trace is to be recorded */
    bool wants_status;
    int pass_kind; /* that of the breaker; capabilities/breaker.h */
    uint64_t pass_round;
    uint64_t stalled_at; /* what its reader had taken when it had no room last */
    unsigned char
        body_key[TR_ENVELOPE_BODY_KEY]; /* its dedup key, if that is made of its body */
    tr_queue_line_t *line;              /* while it waits: the one it is in */
    tr_lineup_place_t place_in_line;
    tr_lineup_place_t place_by_arrival;
    int64_t due_ms; /* when the router must look at it at the latest */
    tr_lineup_place_t place_by_due;
    tr_job_t *job; /* RUNNING, and not a sharer: borrowed, the member's list holds it */

    /* Requests that share one run: the lead has it, the others hang on the lead. */
    tr_envelope_t *lead;    /* borrowed; NULL: it is one itself */
    tr_envelope_t *sharers; /* of a lead: a share of each */
    tr_envelope_t *next_sharer;
    tr_envelope_t *previous_sharer;
};

extern const tr_letter_type_t tr_envelope_type;

/* A request of `reply_to` (shared, not taken); takes the message (NULL inside: empty). Spans
 * are copied. Its one share is the caller's. NULL when out of memory; the message is gone then
 * too. */
TROUPE_NODISCARD tr_envelope_t *tr_envelope_new(uint64_t id, tr_mailbox_t *reply_to,
                                                const tr_header_t *header,
                                                troupe_message_t **message_p);

tr_envelope_t *tr_envelope_share(tr_envelope_t *self);

/* Let go of a share and set *self_p to NULL; NULL is fine. */
void tr_envelope_release(tr_envelope_t **self_p);

/* Post `self` to the router at `to`: the mailbox takes a share of its own. On failure the
 * caller's share is untouched and nothing is answered. Any thread. */
TROUPE_NODISCARD troupe_status_t tr_envelope_post(tr_envelope_t *self, tr_mailbox_t *to);

/* The same, with tr_mailbox_leave. */
TROUPE_NODISCARD troupe_status_t tr_envelope_leave(tr_envelope_t *self, tr_mailbox_t *to);

/* The same as posting, once for each envelope, which keeps a share of `to`; and answer it here
 * when `to` does not take it. A NULL `to` offers nothing. With `may_wait` it waits for room
 * where the mailbox allows that, within the request's time. */
void tr_envelope_submit(tr_envelope_t *self, tr_mailbox_t *to, bool may_wait);

/* The envelope whose letter this is; the letter's share becomes the caller's. */
tr_envelope_t *tr_envelope_of(tr_letter_t *letter);

/* Send the one final reply, made here. `text` may be NULL. False when it was answered before.
 */
bool tr_envelope_answer(tr_envelope_t *self, troupe_outcome_t outcome, int64_t hint_ms,
                        const char *format, ...) TROUPE_PRINTF(4, 5);

/* The same with a text as it is. */
bool tr_envelope_answer_text(tr_envelope_t *self, troupe_outcome_t outcome, int64_t hint_ms,
                             const char *why);

/* Send `*reply_p`, which came from a worker, under the caller's own number; takes it. For a
 * final the same rule holds. False when it was answered before, or the caller is gone or has
 * no room; the reply is destroyed then. */
bool tr_envelope_forward(tr_envelope_t *self, troupe_reply_t **reply_p);

/* Tell whoever asks, if it wants to know, how the request stands, and how many wait. What finds
 * no room, or no memory, is left out. */
void tr_envelope_send_status(tr_envelope_t *self, troupe_standing_t standing,
                             uint64_t position);
static inline void tr_envelope_tell(tr_envelope_t *self, troupe_standing_t standing,
                                    uint64_t position)
{
    if (self->wants_status) {
        tr_envelope_send_status(self, standing, position);
    }
}

/* What the reader of a request's answer says to the router that has it. */
typedef struct tr_note {
    tr_letter_t letter;
    tr_envelope_t *envelope; /* a share */
} tr_note_t;

extern const tr_letter_type_t tr_cancel_type; /* it is wanted no more */
extern const tr_letter_type_t tr_credit_type; /* its writer, who waits, may go on */

/* Ask the router at `to` to cancel. Best effort: a router that is gone has answered. */
void tr_envelope_cancel(tr_envelope_t *self, tr_mailbox_t *to);

/* Allow `n_parts` more of the stream, of which `n_bytes` have been taken; the router at `to`
 * tells a writer that waits for a word. Nothing once it was answered: those who share the run
 * may have a reader of their own. */
void tr_envelope_grant(tr_envelope_t *self, tr_mailbox_t *to, uint64_t n_parts,
                       uint64_t n_bytes);

#endif
