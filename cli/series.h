/* cli/series.h - reading the metrics that a node tells: what `stats` of troupe.admin answers
 *
 * Metrics come from outside, and from nodes of other versions: what is missing counts as zero.
 * Where two looks are compared, the earlier may be NULL: then all counts from the node's start.
 */

#ifndef TROUPE_CLI_SERIES_H
#define TROUPE_CLI_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include <msgpack.h>
#include <troupe/api.h>

#include "cli/histogram.h"

/* Whether the value of `key` is that text. */
bool cli_says(const msgpack_object *map, const char *key, const char *text);

/* The series of that name after `*place`, about that capability (NULL: about any, or
 * none); NULL: no more. */
const msgpack_object *cli_series_next(const msgpack_object *stats, const char *name,
                                      const char *capability, uint32_t *place);

/* What a series of the node stands at; 0 when there is none. */
uint64_t cli_series_value(const msgpack_object *stats, const char *name);

typedef struct cli_counts {
    uint64_t n_ok;
    uint64_t n_failed; /* ended otherwise, but for those that were cancelled */
    uint64_t n_all;
} cli_counts_t;

/* The requests to a capability (NULL: to all) that have ended since the earlier look. */
cli_counts_t cli_series_counts(const msgpack_object *earlier, const msgpack_object *stats,
                               const char *capability);

/* The seconds between two looks by the node's own clock; 0 when that cannot be told, or when
 * the node was started anew in between. */
double cli_series_seconds(const msgpack_object *earlier, const msgpack_object *stats);

/* Add to `out` the times, in ns, that the histogram `name` of a capability has had since the
 * earlier look. False when the node does not tell its steps. */
bool cli_series_times(const msgpack_object *earlier, const msgpack_object *stats,
                      const char *name, const char *capability, cli_histogram_t *out);

#endif
