/* actors/worker/asks.h - what an actor has asked of others, and who takes the answer
 *
 * One thread owns the table. What comes back lies in the actor's own mailbox.
 */

#ifndef TROUPE_ACTORS_WORKER_ASKS_H
#define TROUPE_ACTORS_WORKER_ASKS_H

#include <troupe/behaviour.h>

#include "base/idmap.h"
#include "mailbox/question.h"

typedef struct tr_ask {
    troupe_answer_fn *on_answer;
    void *arg;
    troupe_question_t *question; /* a share of who waits */
    int64_t timeout_ms;
    bool is_cancelled; /* its final is still to come */
} tr_ask_t;

typedef struct tr_asks {
    tr_idmap_t open; /* tr_ask_t by id */
} tr_asks_t;

void tr_asks_init(tr_asks_t *self);

/* Nobody waits for any of them any more. */
void tr_asks_finish(tr_asks_t *self);

/* Takes the share of the question, under whose number the ask is open. TROUPE_ERR_NOMEM,
 * TROUPE_EXISTS: the share is still the caller's. */
TROUPE_NODISCARD troupe_status_t tr_asks_open(tr_asks_t *self, const tr_ask_t *ask);

/* The one that is open, or NULL. */
tr_ask_t *tr_asks_find(const tr_asks_t *self, uint64_t id);

/* Close it: whatever comes for it from now on is dropped. False when it is not open (any more).
 * The question in *out is the caller's. */
bool tr_asks_close(tr_asks_t *self, uint64_t id, tr_ask_t *out);

#endif
