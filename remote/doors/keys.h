/* remote/doors/keys.h - who may come in by CURVE, by what name, and what for
 *
 * Immutable once it is made, and shared by count: the gateway and its doorkeeper each have one
 * table, and are given another when the configuration has changed.
 */

#ifndef TROUPE_REMOTE_DOORS_KEYS_H
#define TROUPE_REMOTE_DOORS_KEYS_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/span.h"
#include "remote/doors/rights.h"
#include "wire/curve_key.h"

#define TR_KEYS_MAX_NAME 64

typedef struct tr_key_spec {
    const char *name; /* of at most TR_KEYS_MAX_NAME bytes, none twice */
    const char *key;  /* public, as text; none twice */
    tr_rights_spec_t rights;
} tr_key_spec_t;

typedef struct tr_key {
    char name[TR_KEYS_MAX_NAME + 1];
    char text[TR_CURVE_KEY_TEXT];
    unsigned char bytes[TR_CURVE_KEY_BYTES];
    tr_rights_t rights;
} tr_key_t;

typedef struct tr_keys {
    atomic_uint holders;
    size_t n;
    tr_key_t all[];
} tr_keys_t;

/* The table of these; its one share is the caller's. NULL when out of memory. */
TROUPE_NODISCARD tr_keys_t *tr_keys_new(const tr_key_spec_t *specs, size_t n);

tr_keys_t *tr_keys_share(tr_keys_t *self);

/* Let go of a share and set *self_p to NULL; NULL is fine. */
void tr_keys_release(tr_keys_t **self_p);

/* Whose key that is; NULL: nobody's. */
const tr_key_t *tr_keys_find(const tr_keys_t *self, tr_span_t bytes);

/* The entry of that name, if it has that key; NULL else, also for texts that are NULL. */
const tr_key_t *tr_keys_check(const tr_keys_t *self, const char *name, const char *text);

#endif
