/* base/siphash.h - a hash of bytes that nobody without the key can make collide
 *
 * SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012; the variant of 128 bits is theirs
 * too). For keys made of what others send: two different inputs have the same hash by an
 * accident of one in 2^128, and on purpose only for whoever knows the key.
 *
 * Pure.
 */

#ifndef TROUPE_BASE_SIPHASH_H
#define TROUPE_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define TR_SIPHASH_KEY_SIZE 16
#define TR_SIPHASH_SIZE     16

typedef struct tr_siphash {
    uint64_t v[4];
    uint64_t tail; /* bytes that do not make a word yet */
    uint64_t size; /* of all */
} tr_siphash_t;

void tr_siphash_start(tr_siphash_t *self, const unsigned char key[TR_SIPHASH_KEY_SIZE]);

/* How the input is cut into pieces makes no difference. */
void tr_siphash_add(tr_siphash_t *self, const void *bytes, size_t size);

void tr_siphash_finish(tr_siphash_t *self, unsigned char hash[TR_SIPHASH_SIZE]);

#endif
