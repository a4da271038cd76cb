/* capabilities/batch.h - when what waits is handed out
 *
 * Some workers do eight requests in the time of one. For them it pays to wait a little for
 * others to come, but never when a batch is full.
 *
 * Pure: told the time.
 */

#ifndef TROUPE_CAPABILITIES_BATCH_H
#define TROUPE_CAPABILITIES_BATCH_H

#include <stddef.h>
#include <stdint.h>

typedef struct tr_batch_plan {
    size_t max;        /* requests at once, at least 1 */
    int64_t window_ms; /* how long the first one waits for others; 0: not at all */
} tr_batch_plan_t;

/* When to hand out. A time that is not after `now_ms`: at once. TR_NEVER when nothing waits.
 * `filling_since_ms` is when the first of the `n_waiting` came, or became the first; without a
 * window nobody needs to know. */
int64_t tr_batch_due_ms(const tr_batch_plan_t *plan, size_t n_waiting, int64_t filling_since_ms,
                        int64_t now_ms);

#endif
