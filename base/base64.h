/* base/base64.h - bytes as text (RFC 4648, section 4) */

#ifndef TROUPE_BASE_BASE64_H
#define TROUPE_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/api.h>

/* The text for `size` bytes, to be released with free(); NULL when out of memory. */
TROUPE_NODISCARD char *tr_base64_encode(const void *data, size_t size);

/* Write the bytes that `text` means to `out`, which has room for 3/4 of `size`. False when it
 * means none: what is no digit, white space too, wrong padding, and bits that are left over. */
TROUPE_NODISCARD bool tr_base64_decode(const char *text, size_t size, unsigned char *out,
                                       size_t *size_out);

#endif
