/* capabilities/quota.h - how many requests each peer has here
 *
 * So that one caller cannot fill the queue that all of them share. One router owns it.
 */

#ifndef TROUPE_CAPABILITIES_QUOTA_H
#define TROUPE_CAPABILITIES_QUOTA_H

#include "base/idmap.h"

typedef struct tr_quota {
    size_t most; /* of each peer; 0: nothing is counted */
    tr_idmap_t counts;
} tr_quota_t;

void tr_quota_init(tr_quota_t *self, size_t most);

/* Asserts that everything was given back. */
void tr_quota_finish(tr_quota_t *self);

/* Let each have so many from now on. Where nothing was counted so far, tr_quota_note must then
 * be told of all that are there. */
void tr_quota_change(tr_quota_t *self, size_t most);

/* One of `peer` is there already, whether it may or not. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_quota_note(tr_quota_t *self, uint64_t peer);

/* One more of `peer`. TROUPE_LIMIT when it has as many as it may, TROUPE_ERR_NOMEM; nothing is
 * counted then. */
TROUPE_NODISCARD troupe_status_t tr_quota_take(tr_quota_t *self, uint64_t peer);

/* One less. */
void tr_quota_give(tr_quota_t *self, uint64_t peer);

#endif
