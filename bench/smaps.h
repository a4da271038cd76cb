/* bench/smaps.h - how much of this process is in memory, and how much of that is stacks
 *
 * What /proc/PID/smaps says of each mapping, added up.
 */

#ifndef TROUPE_BENCH_SMAPS_H
#define TROUPE_BENCH_SMAPS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct bench_resident {
    int64_t all_bytes;
    int64_t marked_bytes; /* of mappings that hold one of the marks */
} bench_resident_t;

/* Add up the text in `file`. `marks` are `n` addresses, in order. Pure, but for reading. */
bench_resident_t bench_smaps_sum(FILE *file, const uintptr_t *marks, size_t n);

/* The same of this process, with the marks in any order: they get sorted. */
bench_resident_t bench_smaps_of_self(uintptr_t *marks, size_t n);

#endif
