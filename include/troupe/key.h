/* troupe/key.h - pairs of keys, by which nodes and their callers know each other
 *
 * The file is a certificate as czmq and pyzmq read it: a name, the public key, the secret one.
 */

#ifndef TROUPE_KEY_H
#define TROUPE_KEY_H

#include <stddef.h>

#include <troupe/api.h>
#include <troupe/status.h>

TROUPE_BEGIN_DECLS

/* A public key is 40 characters of Z85, and a NUL. */
#define TROUPE_KEY_SIZE 41

/* Make a pair, and the file that has it, which nobody but its owner may read; a file that is
 * there is left alone. `name` is who it is for: 1 to 64 of A-Z a-z 0-9 . _ -, first a letter or
 * digit. `public_key` gets what the others are to be given. On failure `why` (of `size` bytes)
 * gets one line. Any thread.
 *
 *   TROUPE_OK
 *   TROUPE_EXISTS       there is something under that path
 *   TROUPE_ERR_INVALID  that is no name
 *   TROUPE_ERR_IO       the file cannot be written
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_key_make(const char *path, const char *name,
                                                            char public_key[TROUPE_KEY_SIZE],
                                                            char *why, size_t size);

TROUPE_END_DECLS

#endif
