/* remote/doors/refusals.h - whose refusal is worth a line of the log
 *
 * Who is refused tries again, often at once and for ever. He is told of once an hour; and when
 * there are too many of them to know them apart, they are only counted. Pure. Not thread-safe.
 */

#ifndef TROUPE_REMOTE_DOORS_REFUSALS_H
#define TROUPE_REMOTE_DOORS_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_REFUSALS_MOST      256
#define TR_REFUSALS_FORGET_MS 3600000
#define TR_REFUSALS_SHED_MS   60000 /* how often those that were only counted are told of */

typedef struct tr_refusals {
    size_t n;
    struct {
        uint64_t mark; /* of why, who and with what */
        int64_t told_ms;
    } all[TR_REFUSALS_MOST];
    uint64_t n_shed; /* that were not told of, and not known */
    int64_t shed_due_ms;
} tr_refusals_t;

/* Somebody is refused. True: it is to be told. The texts say what makes him another one; NULL
 * is as good as "". A zeroed `self` knows nobody. */
bool tr_refusals_note(tr_refusals_t *self, const char *why, const char *address,
                      const char *key, int64_t now_ms);

/* How many were only counted, when it is time to tell that; else 0. They are forgotten then. */
uint64_t tr_refusals_take_shed(tr_refusals_t *self, int64_t now_ms);

/* When that must be asked again; TR_NEVER: not before another is refused. */
int64_t tr_refusals_due_ms(const tr_refusals_t *self);

#endif
