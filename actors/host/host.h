/* actors/host/host.h - a worker in a process of its own: the process's side
 *
 * A mini runtime with one ordinary worker on its own thread, and the calling thread as its
 * proxy: it says in TRP/1 to the node what a worker says in words and replies, and the other
 * way round. docs/protocol.md, "Workers", is the normative text of that conversation.
 *
 * The proxy never runs the behaviour's code, so a ping is answered at once whatever a handler
 * does. It ends when the worker has ended; a worker that hangs is for the node to kill. Only
 * when the node itself is lost does the process not wait for ever.
 */

#ifndef TROUPE_ACTORS_HOST_HOST_H
#define TROUPE_ACTORS_HOST_HOST_H

#include <troupe/status.h>

#include "actors/worker/worker.h"

typedef struct tr_host tr_host_t;

/* Exit statuses. Whoever speaks to the node tells it the reason before it leaves. */
enum {
    TR_HOST_DONE = 0,   /* stopped as asked, or not needed here */
    TR_HOST_FAILED = 1, /* the behaviour failed, the node was lost, or SIGTERM came */
};

/* Where a worker process belongs. Texts are borrowed for the call. */
typedef struct tr_host_place {
    const char *endpoint;   /* of the node, for this worker alone */
    const char *token;      /* shown to the node; at most TR_TRP1_MAX_WORD bytes */
    const char *name;       /* of the worker */
    const char *capability; /* that it serves; NULL or "": none */
} tr_host_place_t;

/* Begin to connect to the node and say hello. Blocks SIGTERM and SIGINT in the calling thread,
 * for good: make it before other threads, which inherit that. The first is then read by
 * tr_host_serve; the second is what a terminal sends to every process, and the node, which gets
 * it too, says what is to be done. NULL with errno. */
TROUPE_NODISCARD tr_host_t *tr_host_new(const tr_host_place_t *place);

/* Run one worker by that plan (which outlives the call) until it has ended, and tell the node
 * why. Once. Returns an exit status.
 *
 * When the node is lost the worker has two seconds to come back; then the process ends here,
 * with TR_HOST_FAILED, without running exit handlers. */
TROUPE_NODISCARD int tr_host_serve(tr_host_t *self, const tr_worker_plan_t *plan);

/* Tell the node that there will be no worker, and why: one line. Returns an exit status. */
TROUPE_NODISCARD int tr_host_refuse(tr_host_t *self, const char *why);

/* Wait until what was said has left, up to a second, and set *self_p to NULL; NULL is fine. */
void tr_host_destroy(tr_host_t **self_p);

#endif
