/* base/slab.h - memory for small things that come and go by the million
 *
 * Requests are made on one thread and let go of on another, which general allocators pay for
 * with locks. Here each thread keeps what was given back on it, some of each size, and hands on
 * lumps of what is too much to those that have too little; beyond a bound it goes back to
 * malloc. Sizes are rounded up; large ones are malloc's own.
 *
 * Under a sanitizer all of this is malloc and free, so that nothing is hidden from it.
 */

#ifndef TROUPE_BASE_SLAB_H
#define TROUPE_BASE_SLAB_H

#include <stddef.h>

/* Memory that is not initialised; NULL when there is none. Any thread. */
void *tr_slab_alloc(size_t size);

/* Give back what was allocated with that size; NULL is fine. Any thread. */
void tr_slab_free(void *memory, size_t size);

#endif
