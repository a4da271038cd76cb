/* node/http/account.h - the node's account of itself, as the last who asked got it
 *
 * Whoever asks while one is under way shares it, and one that has just come will do for whoever
 * asks next: however many look, the tree is surveyed a few times a second at most.
 */

#ifndef TROUPE_NODE_HTTP_ACCOUNT_H
#define TROUPE_NODE_HTTP_ACCOUNT_H

#include <msgpack.h>

#include "actors/actor.h"
#include "mailbox/envelope.h"
#include "node/admin/account.h"
#include "node/http/answer.h"

typedef struct tr_http_account {
    tr_self_t *self;
    tr_envelope_t *question; /* under way; or NULL */
    uint64_t last_id;
    int64_t until_ms;      /* for how long it is waited for */
    troupe_reply_t *reply; /* the last that could be read; or NULL */
    tr_account_t answer;   /* lies in it */
    int64_t came_ms;
} tr_http_account_t;

void tr_http_account_init(tr_http_account_t *self, tr_self_t *actor);
void tr_http_account_finish(tr_http_account_t *self);

/* What came last; or NULL. Borrowed until the next reply is taken. */
const msgpack_object *tr_http_account_last(const tr_http_account_t *self);

/* The same, if that is still good. */
const msgpack_object *tr_http_account_now(const tr_http_account_t *self, int64_t now_ms);

/* See to it that one comes. False: out of memory. */
TROUPE_NODISCARD bool tr_http_account_ask(tr_http_account_t *self, int64_t now_ms);

/* A reply came; takes it. True when it is the end of the question that is under way, with what
 * is lacking now. */
bool tr_http_account_take(tr_http_account_t *self, troupe_reply_t *reply, int64_t now_ms,
                          tr_http_lack_t *lack_out);

/* Give up a question whose time is over; true when that was so. */
bool tr_http_account_expire(tr_http_account_t *self, int64_t now_ms);

/* When to look again. */
int64_t tr_http_account_due_ms(const tr_http_account_t *self);

#endif
