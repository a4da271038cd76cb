/* cli/histogram.h - how long many things took, in room that does not grow with them
 *
 * Steps as HdrHistogram has them: 64 to each power of two, so that no answer is off by more
 * than a 128th of it, from a nanosecond to three centuries. The largest is kept exactly.
 */

#ifndef TROUPE_CLI_HISTOGRAM_H
#define TROUPE_CLI_HISTOGRAM_H

#include <stdint.h>

#include <troupe/api.h>

typedef struct cli_histogram cli_histogram_t;

/* An empty one, the caller's to destroy. */
TROUPE_NODISCARD cli_histogram_t *cli_histogram_new(void);
void cli_histogram_destroy(cli_histogram_t **self_p);

/* Note a value `n` times; one below zero counts as zero. */
void cli_histogram_add(cli_histogram_t *self, int64_t value, uint64_t n);

/* Add all that `other` has noted. */
void cli_histogram_merge(cli_histogram_t *self, const cli_histogram_t *other);

/* How many were noted. */
uint64_t cli_histogram_n(const cli_histogram_t *self);

/* The value that `share` (0..1) of all do not exceed; 0 when there are none. With share 1 it is
 * the largest, exactly. */
int64_t cli_histogram_quantile(const cli_histogram_t *self, double share);

/* 0 when there are none. */
double cli_histogram_mean(const cli_histogram_t *self);

#endif
