/* capabilities/sharing.h - requests with one dedup key share one run
 *
 * The first of them is the lead: it stands in the queue, and the job runs for it. The others
 * hang on it; each has its own deadline, its own cancel and its own final. When the lead leaves
 * early, the first of the others takes its place, so the work stops only when the last one has
 * left. A run can be joined until it has sent a part.
 *
 * The table finds the lead of a key; it owns nothing. One router owns it.
 */

#ifndef TROUPE_CAPABILITIES_SHARING_H
#define TROUPE_CAPABILITIES_SHARING_H

#include <czmq.h>

#include "base/siphash.h"
#include "mailbox/envelope.h"

typedef struct tr_sharing {
    unsigned char secret[TR_SIPHASH_KEY_SIZE]; /* by which bodies become keys */
    zhashx_t *leads;                           /* by dedup key */
    size_t n_sharers;
} tr_sharing_t;

/* TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_sharing_init(tr_sharing_t *self);

/* Asserts that nobody shares anything any more. */
void tr_sharing_finish(tr_sharing_t *self);

/* Give a request that has no key one that stands for its method and all its frames. It must be
 * in no table yet. */
void tr_sharing_key_by_body(const tr_sharing_t *self, tr_envelope_t *envelope);

/* The lead whose run `envelope` can join; NULL when there is none, or it has no key. */
tr_envelope_t *tr_sharing_find(const tr_sharing_t *self, const tr_envelope_t *envelope);

/* Let others with its key join `lead` from now on; one without a key is fine. For want of
 * memory nobody will find it, and runs are not shared. */
void tr_sharing_open(tr_sharing_t *self, tr_envelope_t *lead);

/* Nobody can join it any more. */
void tr_sharing_close(tr_sharing_t *self, tr_envelope_t *lead);

/* Hang `sharer` on `lead`; takes its share. */
void tr_sharing_join(tr_sharing_t *self, tr_envelope_t *lead, tr_envelope_t *sharer);

/* Take `sharer` off its lead; its share is the caller's. */
void tr_sharing_leave(tr_sharing_t *self, tr_envelope_t *sharer);

/* `lead` leaves: the first of its sharers is the lead of the others from now on, also for those
 * who join. Its share is the caller's. NULL when there is none; then the run cannot be joined
 * any more either. */
tr_envelope_t *tr_sharing_pass_on(tr_sharing_t *self, tr_envelope_t *lead);

#endif
