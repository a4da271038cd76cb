/* tests/kit/fault_point.h - faults are parameters
 *
 * A point in the code under test that fails on command: after so many passes, so many times.
 * The one that comes with it is memory: a test linked with --wrap for malloc, calloc, realloc,
 * realloc, strdup, aligned_alloc and tr_slab_alloc has all allocations of the library go by
 * tr_fault_memory. One thread is to be struck at a time; others may pass while the point is
 * quiet.
 */

#ifndef TROUPE_TESTS_KIT_FAULT_POINT_H
#define TROUPE_TESTS_KIT_FAULT_POINT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tr_fault_point {
    _Atomic size_t n_passes; /* before the first failure */
    _Atomic size_t n_faults; /* to come after that; 0: the point is quiet */
    _Atomic size_t n_hits;   /* failures so far */
} tr_fault_point_t;

/* Arm the point anew. */
void tr_fault_arm(tr_fault_point_t *self, size_t after_passes, size_t n_faults);

/* Let it be quiet. */
void tr_fault_disarm(tr_fault_point_t *self);

/* The code under test passes: true when it must fail. */
bool tr_fault_strikes(tr_fault_point_t *self);

/* Memory that is not to be had. */
extern tr_fault_point_t tr_fault_memory;

#endif
