/* remote/workers/remote_worker.h - the actor that stands for a worker elsewhere
 *
 * A temporary child of its capability's pool, started when a peer has offered to serve it. To
 * router and supervisor it is a worker like any other: it takes jobs, answers pings, moves its
 * state, stops and ends with a reason. What it is given it says to the gateway, on its line
 * (remote/workers/line.h), and what the worker answers comes back so.
 *
 * Nothing here waits for the worker: one that does not answer is dropped, by TR_WORD_KILL or
 * because its connection is gone, and what it had ends as that of any worker that is lost.
 */

#ifndef TROUPE_REMOTE_WORKERS_REMOTE_WORKER_H
#define TROUPE_REMOTE_WORKERS_REMOTE_WORKER_H

#include "actors/actor.h"

/* A tr_start_fn: `what` is a tr_line_offer_t, of the birth's keepsake. */
TROUPE_NODISCARD troupe_status_t tr_remote_worker_start(const tr_birth_t *birth,
                                                        tr_actor_t **out);

#endif
