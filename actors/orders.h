/* actors/orders.h - what an operator has ordered of a capability, and holds
 *
 * A router and a pool that fail are started anew as they are described. What was said since, by
 * `scale`, `pause` and `drain`, is kept here, where their next lives find it: until it is said
 * otherwise, or the capability is stopped or taken out, or its node ends.
 *
 * One book for a node; an entry, once made, lasts as long as the book. Any thread.
 */

#ifndef TROUPE_ACTORS_ORDERS_H
#define TROUPE_ACTORS_ORDERS_H

#include <stdatomic.h>
#include <stdint.h>

#include <troupe/status.h>

#include "base/span.h"

typedef enum tr_service {
    TR_SERVICE_OPEN,
    TR_SERVICE_PAUSED,
    TR_SERVICE_DRAINED, /* or about to be */
} tr_service_t;

typedef struct tr_orders {
    _Atomic(int) service; /* a tr_service_t: the router writes, its next life reads */
    atomic_bool rests; /* the pool is to have no workers: the router writes, the pool reads */
    _Atomic(uint64_t) size; /* see tr_orders_set_size; 0: as described */
} tr_orders_t;

/* Of a pool, in workers. */
typedef struct tr_pool_size {
    size_t least;
    size_t most;
} tr_pool_size_t;

typedef struct tr_order_book tr_order_book_t;

/* NULL when out of memory. */
TROUPE_NODISCARD tr_order_book_t *tr_order_book_new(void);
void tr_order_book_destroy(tr_order_book_t **self_p);

/* The entry of a capability, whose supervisor has the path `home` (mailbox/directory.h), made
 * when there is none; the book's. NULL when out of memory. */
TROUPE_NODISCARD tr_orders_t *tr_order_book_of(tr_order_book_t *self, const char *capability,
                                               const char *home);

/* Nothing is ordered any more of those that are, or are below, such a child of the supervisor
 * of that path: `is_gone (arg, child)` says which. */
void tr_order_book_forget(tr_order_book_t *self, const char *path,
                          bool (*is_gone)(const void *arg, tr_span_t child), const void *arg);

/* So many workers, where `described` is what its description says. Neither is more than
 * TR_ORDERS_MOST_WORKERS. */
#define TR_ORDERS_MOST_WORKERS 65535
void tr_orders_set_size(tr_orders_t *self, tr_pool_size_t size, tr_pool_size_t described);

/* How many it is to have: as was ordered, unless the description has changed since. */
tr_pool_size_t tr_orders_size(const tr_orders_t *self, tr_pool_size_t described);

/* As described again. */
void tr_orders_drop_size(tr_orders_t *self);

#endif
