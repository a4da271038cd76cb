/* actors/worker/errands.h - the calls that a worker has made to others
 *
 * A worker is a caller like any other, but one that never waits: what comes back lies in its
 * own mailbox, between its requests. One thread owns the table.
 */

#ifndef TROUPE_ACTORS_WORKER_ERRANDS_H
#define TROUPE_ACTORS_WORKER_ERRANDS_H

#include <troupe/behaviour.h>

#include "actors/actor.h"
#include "base/idmap.h"
#include "mailbox/job.h"

/* How deep calls may be nested: what is deeper is a circle. */
#define TR_ERRAND_MAX_DEPTH 32

typedef struct tr_errand {
    tr_envelope_t *envelope; /* a share, for cancelling */
    tr_mailbox_t *router;    /* a share; NULL: nobody was there */
    troupe_answer_fn *on_answer;
    void *arg;
    bool grants_itself; /* of a process: it says how many parts are welcome */
} tr_errand_t;

typedef struct tr_errands {
    tr_self_t *self;
    tr_idmap_t open; /* tr_errand_t by id */
} tr_errands_t;

void tr_errands_init(tr_errands_t *self, tr_self_t *actor);

/* Cancel what is open, and forget it. */
void tr_errands_finish(tr_errands_t *self);

/* What a worker says of a call on behalf of `parent` (NULL: for its own sake), with `options`
 * and else the parent's. Borrows from both. */
tr_header_t tr_errands_header(const tr_errands_t *self, const tr_job_t *parent,
                              const char *capability, const troupe_call_options_t *options);

/* Start a call under an id that no open one has. Takes the message. However it goes, a final
 * comes by the worker's mailbox.
 *
 *   TROUPE_OK
 *   TROUPE_EXISTS     that id is in use
 *   TROUPE_ERR_NOMEM  nothing was started, the message is gone; likewise above
 */
TROUPE_NODISCARD troupe_status_t tr_errands_start(tr_errands_t *self, uint64_t id,
                                                  const tr_job_t *parent,
                                                  const tr_header_t *header,
                                                  troupe_message_t **message_p,
                                                  troupe_answer_fn *on_answer, void *arg);

/* The open call of that id, or NULL. */
tr_errand_t *tr_errands_get(const tr_errands_t *self, uint64_t id);

/* Whose answer that is; NULL when its call is not open any more. */
tr_errand_t *tr_errands_find(const tr_errands_t *self, const troupe_reply_t *reply);

/* The reader allows so many parts more, and has taken so many bytes. */
void tr_errands_grant(tr_errands_t *self, uint64_t id, uint64_t n_parts, uint64_t n_bytes);

/* It was taken: a part makes room for the next one, a final ends the call. */
void tr_errands_taken(tr_errands_t *self, const troupe_reply_t *reply);

void tr_errands_cancel(tr_errands_t *self, uint64_t id);

/* Nobody waits for that job any more: nor does it for what it asked of others. */
void tr_errands_cancel_of(tr_errands_t *self, uint64_t parent);

#endif
