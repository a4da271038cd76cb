/* actors/asks.h - what an actor has asked of others, and who takes the answer
 *
 * One thread owns the table. What comes back lies in the actor's own mailbox.
 */

#ifndef TROUPE_ACTORS_ASKS_H
#define TROUPE_ACTORS_ASKS_H

#include <troupe/behaviour.h>

#include "base/idmap.h"

typedef struct tr_ask {
    troupe_answer_fn *on_answer;
    void *arg;
} tr_ask_t;

typedef struct tr_asks {
    tr_idmap_t open; /* tr_ask_t by id */
} tr_asks_t;

void tr_asks_init(tr_asks_t *self);
void tr_asks_finish(tr_asks_t *self);

/* TROUPE_ERR_NOMEM, TROUPE_EXISTS. */
TROUPE_NODISCARD troupe_status_t tr_asks_open(tr_asks_t *self, uint64_t id,
                                              troupe_answer_fn *on_answer, void *arg);

/* Close it; false when it is not open (any more). */
bool tr_asks_close(tr_asks_t *self, uint64_t id, tr_ask_t *out);

#endif
