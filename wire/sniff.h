/* wire/sniff.h - which language somebody speaks, by how it begins
 *
 * Pure. Whatever could be TRP/1 is taken for it, well-formed or not: there it can be told what
 * is wrong.
 */

#ifndef TROUPE_WIRE_SNIFF_H
#define TROUPE_WIRE_SNIFF_H

#include "wire/mdp.h"

typedef enum tr_sniff {
    TR_SNIFF_TRP1,
    TR_SNIFF_MAJORDOMO,
    TR_SNIFF_OTHER, /* none that is spoken here */
} tr_sniff_t;

/* The language of a message that begins with these frames: the first two, or the only one.
 * `mdp_out` says which Majordomo it is. Of others `what_out` says what it looks like: a
 * constant, in words. */
tr_sniff_t tr_sniff(const tr_span_t *frames, size_t n_frames, tr_mdp_dialect_t *mdp_out,
                    const char **what_out);

#endif
