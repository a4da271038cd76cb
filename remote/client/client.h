/* remote/client/client.h - the inside of a client: what its turn works on
 *
 * remote/client/client.c is the face of it: calls begin there, and somebody waits;
 * remote/client/talk.c has what is about actors. remote/client/turn.c is what happens
 * meanwhile: requests leave, answers come, deadlines pass.
 */

#ifndef TROUPE_REMOTE_CLIENT_CLIENT_H
#define TROUPE_REMOTE_CLIENT_CLIENT_H

#include <troupe/client.h>

#include "remote/client/calls.h"
#include "remote/client/inbox.h"
#include "remote/client/link.h"

/* How long a node that cannot be reached is waited for, without a deadline. */
#define TR_CLIENT_PATIENCE_MS 30000

struct troupe_client {
    int epoll_fd;
    int timer_fd;
    int event_fd;
    int64_t armed_ms;  /* when the timer goes off; TR_NEVER: it does not */
    int64_t turned_ms; /* when the last turn was */
    bool is_watched;   /* somebody has the descriptor */
    bool is_raised;    /* event_fd */
    bool must_look;    /* the link was touched and not read dry since */
    bool is_draining;  /* the node said goaway */
    bool owes_words;   /* some call wants_cancel or wants_credit */
    int n_held;        /* requests that are held back, to leave together */
    bool just_held;    /* one of them by what the application did last */
    int64_t pace_ms;   /* when the application last started a call */
    int n_started;     /* how many it did in that millisecond */
    int n_before;      /* and in the one before */
    tr_link_t *link;
    tr_calls_t *calls;
    tr_replies_t ready;
    tr_inbox_t inbox;
};

/* What an application wants done. */
typedef struct tr_order {
    tr_call_kind_t kind;
    const char *name; /* of the capability or actor */
    bool is_urgent;
    troupe_call_options_t options;
} tr_order_t;

/* Start it; what comes back goes to `sink`. As troupe_client_start, but without leaving. */
TROUPE_NODISCARD troupe_status_t tr_client_start(troupe_client_t *self, const tr_order_t *order,
                                                 troupe_message_t **message_p,
                                                 tr_replies_t *sink, uint64_t *id_out);

/* Start it and wait for its end, as troupe_client_call. */
TROUPE_NODISCARD troupe_status_t tr_client_finish(troupe_client_t *self,
                                                  const tr_order_t *order,
                                                  troupe_message_t **message_p,
                                                  troupe_part_fn *on_part, void *arg,
                                                  troupe_reply_t **out);

typedef bool(tr_client_done_fn)(const troupe_client_t *self, const void *arg);

/* Work until `is_done`, at most until then; false when the time is over. */
bool tr_client_work_until(troupe_client_t *self, int64_t until_ms, bool may_hold,
                          tr_client_done_fn *is_done, const void *arg);

/* The end of every function that may have changed something: the descriptor tells the truth. */
void tr_client_leave(troupe_client_t *self);

/* Do all that can be done now: read, keep the connection, end what is due, send. With
 * `may_hold` reading stops when enough replies wait to be taken; without it, a stream that
 * nobody takes is cut off then. Afterwards, the link's descriptors tell of anything new, or
 * `must_look` is set. */
void tr_client_turn(troupe_client_t *self, bool may_hold);

/* A call was just made. Send it, unless it may be held back for a moment: see client/turn.c. */
void tr_client_send_or_hold(troupe_client_t *self, int64_t now_ms);

/* The application takes a reply that is there: what is held must not wait for long if it starts
 * nothing. */
void tr_client_note_pause(troupe_client_t *self);

/* Whether a reply is there without looking any further; reads on in the bundle that the link is
 * in, if need be. */
bool tr_client_has_ready(troupe_client_t *self);

/* Send requests that wait, as far as they can go now; sets `must_look` when it touched the
 * link. */
void tr_client_flush(troupe_client_t *self, int64_t now_ms);

/* Tell the node that a call under way is not wanted any more, which ends a monitor, unless that
 * has to wait for room. */
void tr_client_cancel(troupe_client_t *self, tr_call_t *call, int64_t now_ms);

/* The application has this reply: a part makes room for another one. */
void tr_client_note_taken(troupe_client_t *self, const troupe_reply_t *reply);

/* End the call, without a payload. */
void tr_client_end(troupe_client_t *self, tr_call_t *call, troupe_outcome_t outcome,
                   const char *text);

#endif
