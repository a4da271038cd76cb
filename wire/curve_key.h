/* wire/curve_key.h - pairs of keys for CURVE, and the file that one is kept in
 *
 * The file is the one that czmq calls a certificate, and that pyzmq reads: a name, the public
 * key, the secret one. Who may read it may be taken for its owner, so it is refused when others
 * than the owner of the file may read or write it.
 */

#ifndef TROUPE_WIRE_CURVE_KEY_H
#define TROUPE_WIRE_CURVE_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>

/* A key as text is 40 characters of Z85, and as bytes 32. */
#define TR_CURVE_KEY_TEXT  41
#define TR_CURVE_KEY_BYTES 32

typedef struct tr_curve_pair {
    char public_key[TR_CURVE_KEY_TEXT];
    char secret_key[TR_CURVE_KEY_TEXT];
} tr_curve_pair_t;

/* Whether the text is a key; `bytes`, unless it is NULL, gets it. */
bool tr_curve_key_decode(const char *text, unsigned char bytes[TR_CURVE_KEY_BYTES]);

/* Read a pair. On failure `why` (of `size` bytes) gets one line, and *out is empty.
 *
 *   TROUPE_OK
 *   TROUPE_ERR_IO       it cannot be read, is no plain file, or is open to others
 *   TROUPE_ERR_INVALID  it has no pair of keys, or the two do not belong together
 */
TROUPE_NODISCARD troupe_status_t tr_curve_pair_read(const char *path, tr_curve_pair_t *out,
                                                    char *why, size_t size);

/* Make a pair, and the file that has it, which nobody else may read. `name` is a name as
 * tr_text_is_name has it.
 *
 *   TROUPE_OK       *out is the pair
 *   TROUPE_EXISTS   there is something under that path
 *   TROUPE_ERR_IO   `why` says why
 */
TROUPE_NODISCARD troupe_status_t tr_curve_pair_write(const char *path, const char *name,
                                                     tr_curve_pair_t *out, char *why,
                                                     size_t size);

/* Leave nothing of it in memory. */
void tr_curve_pair_forget(tr_curve_pair_t *self);

#endif
