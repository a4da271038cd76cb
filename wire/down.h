/* wire/down.h - why an actor ended, as `down` says it
 *
 * Pure.
 */

#ifndef TROUPE_WIRE_DOWN_H
#define TROUPE_WIRE_DOWN_H

#include "base/reason.h"
#include "wire/trp1.h"

/* Say that in a `down`, which borrows from the reason. */
void tr_down_say_reason(tr_trp1_t *down, const tr_reason_t *reason);

/* What a `down` has said. A word that is not known, or none, counts as failed. */
tr_reason_t tr_down_reason(const tr_trp1_t *down);

#endif
