/* capabilities/router_inside.h - the inside of a router, for router.c and request_life.c */

#ifndef TROUPE_CAPABILITIES_ROUTER_INSIDE_H
#define TROUPE_CAPABILITIES_ROUTER_INSIDE_H

#include "base/heap.h"
#include "capabilities/members.h"
#include "capabilities/router.h"
#include "capabilities/router_books.h"
#include "mailbox/request_queue.h"

typedef struct tr_router {
    tr_self_t *self;
    const tr_router_spec_t *spec;
    tr_request_queue_t queue;
    tr_heap_t deadlines; /* of all that are QUEUED or RUNNING */
    tr_members_t members;
    tr_balance_t balance;
    tr_router_books_t books;
    uint64_t last_number;
    uint64_t last_dispatch;
    bool has_asked_to_grow;
    bool is_unavailable;
    int64_t available_at_ms;
    tr_reason_t trouble; /* why the last start failed */
    bool is_draining;
    tr_mailbox_t *drain_to;
} tr_router_t;

/* No member is there that could be given work, now or later. */
bool tr_router_has_nobody(const tr_router_t *router);

/* A request arrived: queue it, or refuse it. Takes the share. */
void tr_router_admit(tr_router_t *router, tr_envelope_t *envelope);

/* End a request that was not accepted. Takes the share. */
void tr_router_refuse(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                      int64_t hint_ms, const char *why);

/* Its caller wants it no more. */
void tr_router_cancel(tr_router_t *router, tr_envelope_t *envelope);

/* Hand out what waits, as far as members have room. */
void tr_router_dispatch_all(tr_router_t *router, int64_t now_ms);

/* What workers sent. Take the reply. */
void tr_router_on_part(tr_router_t *router, troupe_reply_t *part);
void tr_router_on_final(tr_router_t *router, troupe_reply_t *reply);

/* End what is past its deadline. */
void tr_router_expire(tr_router_t *router, int64_t now_ms);

/* A member is gone, with what it had. */
void tr_router_lose_member(tr_router_t *router, tr_member_t *member, const tr_reason_t *reason);

/* No worker will come soon: end what waits as `spawn_failed`. */
void tr_router_fail_queue(tr_router_t *router);

/* The router stops: nobody is left to finish anything. */
void tr_router_end_all(tr_router_t *router);

#endif
