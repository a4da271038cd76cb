/* tests/kit/valid.h - whether what was written can be read by those it was written for
 *
 * Strict readers of one's own, so that a writer is not judged by itself.
 */

#ifndef TROUPE_TESTS_KIT_VALID_H
#define TROUPE_TESTS_KIT_VALID_H

#include <stdbool.h>
#include <stddef.h>

/* Whole characters of UTF-8, none written too long, no surrogates. */
bool is_utf8(const char *text, size_t size);

/* Exactly one JSON value as RFC 8259 has it, in UTF-8. */
bool is_json(const char *text, size_t size);

/* Metrics in Prometheus's text format 0.0.4, as far as a node writes it: lines of HELP, TYPE
 * and samples, each of the family that was typed last. */
bool is_exposition(const char *text, size_t size);

#endif
