/* remote/heartbeat.h - when to ask whether the other side lives, and when to stop hoping
 *
 * Whoever has sent or heard nothing for an interval asks, and asks again each interval. Only an
 * unanswered question makes silence suspicious: a client that nobody ran for a while could not
 * have heard anything. From the last sign of life to the verdict it takes three intervals, the
 * first of which passes before the question.
 *
 * Pure: it is told the time. Lives inside its owner.
 */

#ifndef TROUPE_REMOTE_HEARTBEAT_H
#define TROUPE_REMOTE_HEARTBEAT_H

#include <stdint.h>

typedef struct tr_heartbeat {
    int64_t interval_ms; /* 0: nobody asks */
    int64_t heard_ms;
    int64_t sent_ms;
    int64_t pinged_ms; /* the last question */
    int64_t asked_ms;  /* the first one without an answer; TR_NEVER: none */
} tr_heartbeat_t;

typedef enum tr_heartbeat_verdict {
    TR_HEARTBEAT_QUIET, /* nothing to do */
    TR_HEARTBEAT_ASK,   /* send a ping; it counts as sent */
    TR_HEARTBEAT_GONE,  /* three intervals passed */
} tr_heartbeat_verdict_t;

/* Begin with a question just asked and nothing heard yet. */
void tr_heartbeat_start(tr_heartbeat_t *self, int64_t interval_ms, int64_t now_ms);

void tr_heartbeat_note_sent(tr_heartbeat_t *self, int64_t now_ms);
void tr_heartbeat_note_heard(tr_heartbeat_t *self, int64_t now_ms);

/* What was said may lie unread: begin to wait anew, if an answer is waited for. */
void tr_heartbeat_excuse(tr_heartbeat_t *self, int64_t now_ms);

/* What to do at `now_ms`. */
tr_heartbeat_verdict_t tr_heartbeat_beat(tr_heartbeat_t *self, int64_t now_ms);

/* When the answer to that changes, if nothing happens before; TR_NEVER: it does not. */
int64_t tr_heartbeat_due_ms(const tr_heartbeat_t *self);

#endif
