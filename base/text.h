/* base/text.h - durations, sizes and shares as people write them
 *
 * Pure. Parsing takes the whole text or nothing: no sign, no space around, no overflow.
 */

#ifndef TROUPE_BASE_TEXT_H
#define TROUPE_BASE_TEXT_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

/* "250ms", "5s", "10m", "1h", "2d", with one decimal fraction allowed where it comes out in
 * whole milliseconds ("1.5s"). TROUPE_ERR_INVALID when it is no duration (a bare number is
 * none, except "0"), TROUPE_LIMIT when it does not fit into int64_t ms. */
TROUPE_NODISCARD troupe_status_t tr_text_duration(const char *text, int64_t *ms_out);

/* "50us", "1ms": a time too short to be counted in milliseconds. Same statuses. */
TROUPE_NODISCARD troupe_status_t tr_text_moment(const char *text, int64_t *us_out);

/* "0", "512B", "512KiB", "4GiB", "1.5MiB", "10kB", "1MB": powers of 1024 and of 1000. Same
 * statuses. */
TROUPE_NODISCARD troupe_status_t tr_text_size(const char *text, uint64_t *bytes_out);

/* "80%", "0.5%": thousandths of a percent go unsaid; gives a share of 0..1. */
TROUPE_NODISCARD troupe_status_t tr_text_share(const char *text, double *share_out);

/* A whole number without sign. */
TROUPE_NODISCARD troupe_status_t tr_text_number(const char *text, int64_t *out);

/* "0", "0,2", "0-3,8": processors as the kernel numbers them. TROUPE_ERR_INVALID when it is no
 * such list, TROUPE_LIMIT when a number is above what a set holds. */
TROUPE_NODISCARD troupe_status_t tr_text_cpus(const char *text, cpu_set_t *out);

/* Print so that parsing gives the same back: the largest unit that divides it. Writes at
 * most `size` bytes with the NUL; 32 always suffice. Returns `buffer`. */
char *tr_text_print_duration(int64_t ms, char *buffer, size_t size);
char *tr_text_print_size(uint64_t bytes, char *buffer, size_t size);

/* For eyes: "1.2 ms", "3.4 s", "12 MiB". */
char *tr_text_show_duration_us(int64_t us, char *buffer, size_t size);
char *tr_text_show_size(uint64_t bytes, char *buffer, size_t size);

/* Whether a name of a node, capability, actor or supervisor is one: 1 to 64 of
 * [A-Za-z0-9._-], beginning with a letter or digit. */
bool tr_text_is_name(const char *text);

/* How far apart two words are (Damerau-Levenshtein, at most 32 bytes each; longer: 99), for
 * "did you mean". */
size_t tr_text_distance(const char *one, const char *other);

#endif
