/* base/keepsake.h - something that goes with the last of those who borrow from it
 *
 * Actors borrow their plans and specs for their whole lives, and a hung thread may live longer
 * than anybody who knew it. So what is borrowed belongs to a keepsake, and each borrower holds
 * a share. Any thread.
 */

#ifndef TROUPE_BASE_KEEPSAKE_H
#define TROUPE_BASE_KEEPSAKE_H

#include <troupe/status.h>

typedef struct tr_keepsake tr_keepsake_t;

/* A keepsake of `what`, whose first share is the caller's; `free_what (what)` runs when the
 * last share is released. NULL when out of memory; `what` is still the caller's then. */
TROUPE_NODISCARD tr_keepsake_t *tr_keepsake_new(void *what, void (*free_what)(void *what));

/* One more share. Returns `self`; NULL is fine and stays NULL: nothing to keep. */
tr_keepsake_t *tr_keepsake_share(tr_keepsake_t *self);

/* Let go of a share and set *self_p to NULL; NULL is fine. */
void tr_keepsake_release(tr_keepsake_t **self_p);

#endif
