/* capabilities/router_inside.h - the inside of a router, for the files that make it up
 *
 * router.c is the loop. Requests come in by admission.c, are handed out by dispatch.c, what
 * workers say of them is taken by settlement.c, and each leaves by departure.c. Which workers
 * there are to be is said by residency.c, whether there is service at all by closing.c.
 */

#ifndef TROUPE_CAPABILITIES_ROUTER_INSIDE_H
#define TROUPE_CAPABILITIES_ROUTER_INSIDE_H

#include "capabilities/balance.h"
#include "capabilities/batch.h"
#include "capabilities/breaker.h"
#include "capabilities/members.h"
#include "capabilities/quota.h"
#include "capabilities/rouse.h"
#include "capabilities/router.h"
#include "capabilities/router_books.h"
#include "capabilities/sharing.h"
#include "capabilities/wish.h"
#include "mailbox/request_queue.h"

typedef struct tr_router {
    tr_self_t *self;
    const tr_router_spec_t *spec;
    tr_keepsake_t *keepsake; /* what a spec that came later belongs to; NULL: it is the first */
    size_t min;              /* workers, as the pool has it */
    size_t max;
    tr_request_queue_t queue; /* QUEUED, and no sharer */
    tr_envelope_t *newcomer;  /* the same, until the next letter or turn; or NULL */
    tr_lineup_t due;          /* QUEUED or RUNNING */
    tr_sharing_t sharing;
    tr_quota_t quota;
    tr_breaker_t breaker;
    tr_balance_t balance;
    tr_batch_plan_t batch;
    int64_t filling_since_ms; /* when the queue began to fill */
    tr_job_t **hand;          /* jobs that are being handed out; room for a batch */
    tr_members_t members;
    tr_member_t *finisher; /* the last that finished anything since the last turn, or NULL */
    tr_rouse_t rouse;
    tr_router_books_t books;
    uint64_t last_number;
    uint64_t last_dispatch;
    tr_wish_t wish;
    bool is_unavailable;
    bool has_opened; /* the breaker, since the last turn */
    int64_t available_at_ms;
    tr_reason_t trouble; /* why the last start failed */
    bool is_paused;      /* requests wait, and none is given to a worker */
    bool is_draining;    /* takes no new requests */
    bool must_rest; /* draining by itself, and not with its node: then its pool is to rest */
    bool rests;     /* and does: no worker is there, and none will come */
    tr_mailbox_t *drain_to;
    uint64_t drain_number; /* which comes back to it */
    tr_orders_t *orders;   /* the runtime's: what its next life is to hold to */
} tr_router_t;

/* No member is there that could be given work, now or later. */
bool tr_router_has_nobody(const tr_router_t *router);

/* How a request ends for which no worker could be started, and when the pool tries again. */
troupe_outcome_t tr_router_start_failure(const tr_router_t *router);
int64_t tr_router_back_in_ms(const tr_router_t *router);

/* A request waits: tell its caller, if that wants to know. */
static inline void tr_router_tell_waiting(const tr_router_t *router, tr_envelope_t *envelope)
{
    if (envelope->wants_status) {
        bool has_nobody = tr_router_has_nobody(router);
        tr_envelope_send_status(envelope,
                                has_nobody ? TROUPE_STANDING_STARTING : TROUPE_STANDING_QUEUED,
                                router->books.n_waiting);
    }
}

/* What the breaker has let a request pass with: one pass for a run, its lead has it. */
static inline tr_pass_t tr_router_pass_of(const tr_envelope_t *envelope)
{
    return (tr_pass_t){(tr_pass_kind_t)envelope->pass_kind, envelope->pass_round};
}

static inline void tr_router_give_pass(tr_envelope_t *envelope, tr_pass_t pass)
{
    envelope->pass_kind = (int)pass.kind;
    envelope->pass_round = pass.round;
}

/* What belongs to a run and not to one of those who share it goes from lead to lead. */
static inline void tr_router_hand_on(tr_envelope_t *from, tr_envelope_t *to)
{
    to->n_lost = from->n_lost;
    tr_router_give_pass(to, tr_router_pass_of(from));
    tr_router_give_pass(from, (tr_pass_t){TR_PASS_NO, 0});
}

/* ---- residency.c ---- */

/* Tell the pool how many more workers it could use, if that is new. Returns when to look again.
 */
int64_t tr_router_wish(tr_router_t *router, int64_t now_ms);

/* Let the member that was idle longest go when its keep-alive is over. Returns when to look
 * again. */
int64_t tr_router_keep_alive(tr_router_t *router, int64_t now_ms);

/* Say good-bye to members that were to finish what they had, and have. */
void tr_router_let_finished_go(tr_router_t *router);

/* Say to whoever asks (TR_WORD_WHO_IS_THERE) which members there are. */
void tr_router_tell_residents(tr_router_t *router, const tr_control_t *question);

/* Let a member go that is asked to (TR_WORD_YIELD), or say why not. */
void tr_router_yield(tr_router_t *router, const tr_control_t *word);

/* The pool says of it that nothing is wrong, or that it will not let it go. */
void tr_router_keep(tr_router_t *router, tr_member_t *member);

/* So many there may be from now on, at least and at most. */
void tr_router_resize(tr_router_t *router, size_t min, size_t max);

/* A worker of elsewhere wants to join (TR_WORD_JOIN): its pool decides. */
void tr_router_let_join(tr_router_t *router, const tr_control_t *word);

/* Send the word to the pool; takes it. NULL is fine. */
void tr_router_tell_pool(tr_router_t *router, tr_control_t *word);

/* ---- closing.c ---- */

/* Be as closed as its last life was ordered to be. False when out of memory. */
TROUPE_NODISCARD bool tr_router_recall_orders(tr_router_t *router);

void tr_router_pause(tr_router_t *router);
void tr_router_drain(tr_router_t *router, const tr_control_t *word);
void tr_router_resume(tr_router_t *router);

/* Whether it takes no such request while it drains. */
bool tr_router_is_closed_to(const tr_router_t *router, const tr_envelope_t *envelope);

/* There will be work for the pool that rests. */
void tr_router_wake(tr_router_t *router);

/* Say so when all that was accepted is done. */
void tr_router_finish_drain(tr_router_t *router);

/* Nothing of what was accepted is left, for the router ends: say so to whoever waits for it. */
void tr_router_end_drain(tr_router_t *router);

/* ---- respec.c ---- */

/* Let the mailbox take as much as the spec says, from the begin on. */
void tr_router_open_mailbox(tr_router_t *router, const tr_router_spec_t *spec);

/* Go by another spec from now on, of the keepsake (shared). */
void tr_router_respec(tr_router_t *router, const tr_router_spec_t *spec,
                      tr_keepsake_t *keepsake);

/* ---- router_report.c ---- */

/* Answer a survey. */
void tr_router_report(tr_router_t *router, const tr_control_t *survey);

/* ---- router_list.c ---- */

/* Say to whoever asks (TR_WORD_LIST) which requests there are. */
void tr_router_list(tr_router_t *router, const tr_control_t *question);

/* ---- admission.c ---- */

/* A request arrived: queue it, let it share a run, or refuse it. Takes the share. */
void tr_router_admit(tr_router_t *router, tr_envelope_t *envelope);

/* End a request that was not accepted. Takes the share. */
void tr_router_refuse(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                      int64_t hint_ms, const char *format, ...) TROUPE_PRINTF(5, 6);

/* Put a lead into the queue, with its sharers: it waits from now on. Its due time is set. Takes
 * a share. */
void tr_router_enqueue(tr_router_t *router, tr_envelope_t *lead, bool is_back);

/* Put the newcomer, if there is one, where the others wait. */
void tr_router_queue_newcomer(tr_router_t *router);

/* One more, or one less, is QUEUED. */
void tr_router_begin_wait(tr_router_t *router);
void tr_router_end_wait(tr_router_t *router);

/* ---- dispatch.c ---- */

/* Hand out the newcomer, or put it where the others wait. */
void tr_router_dispatch_newcomer(tr_router_t *router, int64_t now_ms);

/* Hand out what waits, as far as members have room. Returns when to look again. */
int64_t tr_router_dispatch_all(tr_router_t *router, int64_t now_ms);

/* ---- settlement.c ---- */

/* What workers sent. Take the reply. */
void tr_router_on_part(tr_router_t *router, troupe_reply_t *part);
void tr_router_on_final(tr_router_t *router, troupe_reply_t *reply);

/* A reader that had no room: has it some now, has it at least taken something, or is it to be
 * cut off? */
void tr_router_look_at_reader(tr_router_t *router, tr_envelope_t *lead);

/* A reader has made room for a writer who waits for a word. */
void tr_router_on_credit(tr_router_t *router, tr_envelope_t *envelope);

/* The same, for a run whose lead reads by another flow than its worker writes by. */
void tr_router_relay_credit(tr_router_t *router, tr_envelope_t *lead);

/* A member is gone, with what it had. */
void tr_router_lose_member(tr_router_t *router, tr_member_t *member, const tr_reason_t *reason);

/* ---- departure.c ---- */

/* One request, QUEUED or RUNNING, ends; a run that it shares goes on for the others. */
void tr_router_end(tr_router_t *router, tr_envelope_t *envelope, troupe_outcome_t outcome,
                   int64_t hint_ms, const char *format, ...) TROUPE_PRINTF(5, 6);

/* A run is over: its lead and all who share it get `reply`, which is taken. The lead is RUNNING
 * and has no job any more; its share is taken. */
void tr_router_end_run(tr_router_t *router, tr_envelope_t *lead, troupe_reply_t *reply);

/* Its caller wants it no more. */
void tr_router_cancel(tr_router_t *router, tr_envelope_t *envelope);

/* Note when to look at it next. */
void tr_router_set_due(tr_router_t *router, tr_envelope_t *envelope, int64_t due_ms);

/* End what is past its time. */
void tr_router_expire(tr_router_t *router, int64_t now_ms);

/* No worker will come soon, or none is to be asked: end all that waits. */
void tr_router_end_queue(tr_router_t *router, troupe_outcome_t outcome, int64_t hint_ms,
                         const char *why);

/* The router stops: nobody is left to finish anything. */
void tr_router_end_all(tr_router_t *router);

/* ---- router_trace.c ---- */

/* Write a line to the log about a request that is traced. `worker` and `outcome` may be NULL.
 */
void tr_router_trace(tr_router_t *router, const tr_envelope_t *envelope, const char *event,
                     const char *worker, const char *outcome);

#endif
