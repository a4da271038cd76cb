/* remote/majordomo/mmi.h - Majordomo clients ask whether a service can be had
 *
 * Only a capability's router knows. It is surveyed, and its report comes as a letter; until
 * then the question waits here, for a bounded time. The interface is that of RFC 8: 200, 404,
 * 501.
 *
 * Not thread-safe: one gateway owns it. It does not own the peers.
 */

#ifndef TROUPE_REMOTE_MAJORDOMO_MMI_H
#define TROUPE_REMOTE_MAJORDOMO_MMI_H

#include <stdint.h>

#include "actors/report.h"
#include "remote/gateway/peer.h"

#define TR_MMI_MAX_QUESTIONS 1000 /* that wait at a time, of all peers */

typedef struct tr_mmi_question tr_mmi_question_t;

/* A zeroed one is empty. */
typedef struct tr_mmi {
    tr_mmi_question_t *first; /* the oldest */
    tr_mmi_question_t *last;
    size_t n_questions;
    uint64_t last_token;
} tr_mmi_t;

void tr_mmi_finish(tr_mmi_t *self);

/* Note a question of `peer`; its report is to bear the token that is returned. 0: there are too
 * many, or no memory. */
uint64_t tr_mmi_ask(tr_mmi_t *self, tr_peer_t *peer, int64_t now_ms);

/* Who asked what is answered by that token, which is forgotten; NULL: nobody, any more. */
tr_peer_t *tr_mmi_take(tr_mmi_t *self, uint64_t token);

/* Who has waited for too long, and is forgotten; NULL: nobody. */
tr_peer_t *tr_mmi_take_late(tr_mmi_t *self, int64_t now_ms);

/* When to ask that again; TR_NEVER. */
int64_t tr_mmi_due_ms(const tr_mmi_t *self);

/* The peer has gone: forget what it asked. */
void tr_mmi_forget(tr_mmi_t *self, const tr_peer_t *peer);

/* Whether the capability can serve now: a worker is up, or one can be started. Pure. */
bool tr_mmi_can_serve(const tr_report_t *report);

#endif
