/* actors/quarantine.h - hung threads wait here for their own end
 *
 * A thread that does not answer cannot be killed, and zactor_destroy would wait for it as long
 * as it pleases. So its actor is put here and replaced. When the thread comes back it ends by
 * itself; sweeping then lets go of what it held. Any thread.
 */

#ifndef TROUPE_ACTORS_QUARANTINE_H
#define TROUPE_ACTORS_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

typedef struct tr_quarantine tr_quarantine_t;
struct tr_actor;

#define TR_QUARANTINE_LIMIT 100 /* unless told otherwise */

/* NULL when out of memory. */
TROUPE_NODISCARD tr_quarantine_t *tr_quarantine_new(void);

/* More threads than this may not hang: then it is full. */
void tr_quarantine_set_limit(tr_quarantine_t *self, size_t limit);

size_t tr_quarantine_limit(const tr_quarantine_t *self);

/* Whether more threads hang than may; sweeps first. */
bool tr_quarantine_is_full(tr_quarantine_t *self);

/* Sweeps, and leaves actors whose threads still hang to the end of the process. */
void tr_quarantine_destroy(tr_quarantine_t **self_p);

/* Take the actor over and set *actor_p to NULL. */
void tr_quarantine_accept(tr_quarantine_t *self, struct tr_actor **actor_p);

/* The actor of that incarnation says that it ends: let go of it, waiting for its thread's last
 * steps up to `timeout_ms`. One that is not here is fine. */
void tr_quarantine_release(tr_quarantine_t *self, uint64_t incarnation, int64_t timeout_ms);

/* Let go of the actors whose threads have ended. Returns how many still hang. */
size_t tr_quarantine_sweep(tr_quarantine_t *self);

#endif
