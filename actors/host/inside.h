/* actors/host/inside.h - the inside of a worker's process, for its files
 *
 * host.c is the loop, with the life and death of the worker; host/jobs.c what the node asks of
 * it, host/calls.c what it asks of others, host/mail.c messages, host/watching.c monitors,
 * links and groups, host/looks.c what operators want, host/signs.c what is told of how it is.
 *
 * Everything that goes to the node about a request passes the proxy's mailbox: what the worker
 * answers, and what the proxy itself has to answer in its place. So there is one order, and one
 * place that waits when the node does not read: letters are taken only while the socket has
 * room. A worker that sends parts then waits at the mailbox, as it would before a slow router.
 * Pongs and progress do not wait; a node that does not read does not need them.
 */

#ifndef TROUPE_ACTORS_HOST_INSIDE_H
#define TROUPE_ACTORS_HOST_INSIDE_H

#include "actors/host/host.h"

#include "actors/host/uplink.h"
#include "actors/host/wish.h"
#include "actors/inspection.h"
#include "base/idmap.h"
#include "mailbox/job.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"

struct tr_host {
    tr_uplink_t *uplink;
    tr_runtime_t *runtime;
    tr_mailbox_t *mailbox;
    tr_actor_t *worker;
    tr_idmap_t jobs;    /* tr_job_t by id */
    size_t batch_room;  /* how many the batch is to have */
    tr_batch_t *batch;  /* what came of one that is not whole yet; NULL: none */
    int64_t give_by_ms; /* when the worker gets it as it is */
    tr_idmap_t
        calls; /* a request of the worker to somebody else, by the id that the node knows */
    tr_idmap_t asks; /* the questions of the worker to actors of the node, likewise */
    uint64_t last_call;
    size_t n_messages; /* of the node that the worker has; those that it has put aside too */
    int signals;
    char *name;
    bool is_to_serve;    /* a capability */
    bool takes_messages; /* its behaviour does */
    bool is_started;
    bool has_ended;
    bool is_stopping;   /* the worker was asked to stop */
    bool is_terminated; /* by SIGTERM */
    bool is_lost;       /* the node is */
    tr_reason_t reason; /* why the worker ended */
    int64_t connect_by_ms;
    int64_t leave_by_ms; /* whatever the worker does */
    int64_t progress_ms; /* what the node knows of */
    int64_t look_ms;     /* when to look for progress again */
};

/* ---- what the node asks of the worker ---- */

/* A request; takes the message. */
void tr_host_take_request(tr_host_t *self, const tr_trp1_t *request,
                          troupe_message_t **message_p);

/* What the worker has answered. */
void tr_host_take_reply(tr_host_t *self, troupe_reply_t *reply);

/* Answer in the worker's place, behind what it has answered already. */
void tr_host_answer(tr_host_t *self, uint64_t id, troupe_outcome_t outcome,
                    bool was_not_started, const char *text);

/* The worker may send more parts. */
void tr_host_take_credit(tr_host_t *self, const tr_trp1_t *credit);

/* What there is of the batch, if anything, goes to the worker. */
void tr_host_hand_over_batch(tr_host_t *self);

/* Nobody waits for that one any more, or for any. */
void tr_host_cancel_job(tr_host_t *self, uint64_t id);
void tr_host_cancel_jobs(tr_host_t *self, int64_t now_ms);

/* Let go of those that have had no final. */
void tr_host_drop_jobs(tr_host_t *self);

/* ---- what the worker asks of others ---- */

/* A request; takes the share. */
void tr_host_take_call(tr_host_t *self, tr_envelope_t *envelope);

/* The worker wants it no more. */
void tr_host_cancel_call(tr_host_t *self, tr_envelope_t *envelope);

/* The worker may have taken parts. */
void tr_host_pass_on_credit(tr_host_t *self, uint64_t id);

/* What came back; may take the message. */
void tr_host_take_answer(tr_host_t *self, const tr_trp1_t *answer,
                         troupe_message_t **message_p);

/* What the code of an error stands for. */
troupe_outcome_t tr_host_outcome_of(tr_span_t code);

/* What came back was lost for want of memory: with a hole in it the answer is worth nothing. */
void tr_host_give_up_call(tr_host_t *self, uint64_t id);

/* Nothing will come back any more. */
void tr_host_end_calls(tr_host_t *self, const char *why);

/* ---- messages ---- */

/* One for the worker; takes the payload. */
void tr_host_take_message(tr_host_t *self, const tr_trp1_t *message,
                          troupe_message_t **message_p);

/* There was no memory for it. */
void tr_host_lose_message(tr_host_t *self, uint64_t receipt);

/* The worker has received one, or put it aside. */
void tr_host_take_settled(tr_host_t *self, const tr_control_t *word);

/* What the worker has answered to a message that asks; false when this is something else. */
bool tr_host_take_mail_answer(tr_host_t *self, troupe_reply_t *reply);

/* A message of the worker to somebody else; borrows it. */
void tr_host_send_mail(tr_host_t *self, tr_mail_t *mail);

/* Say whom a command means; borrows from the reference. */
void tr_host_address(tr_trp1_t *command, const troupe_ref_t *whom);

/* What came back to one that asks; may take the message. False when it is something else's. */
bool tr_host_take_ask_answer(tr_host_t *self, const tr_trp1_t *answer,
                             troupe_message_t **message_p);

/* The same, when it found no memory. */
void tr_host_give_up_ask(tr_host_t *self, uint64_t id);

/* Nothing will come back any more. */
void tr_host_end_asks(tr_host_t *self);

/* A message of the worker became a dead letter in here. */
void tr_host_tell_lost(tr_host_t *self, const tr_control_t *word);

/* ---- monitors, links and groups ---- */

/* The worker wants something about others; borrows it. */
void tr_host_take_wish(tr_host_t *self, const tr_wish_t *wish);

/* One whom it monitors went down. */
void tr_host_take_down(tr_host_t *self, const tr_trp1_t *down);

/* ---- what operators want ---- */

/* The worker is to take nothing but words from now on, or to go on. */
void tr_host_suspend(tr_host_t *self, bool is_suspended);

/* It is to show itself, under that id. */
void tr_host_inspect(tr_host_t *self, uint64_t id);

/* It does. */
void tr_host_tell_inspected(tr_host_t *self, const tr_inspection_t *inspection);

/* ---- how the worker is ---- */

/* It loads, or has requests. */
bool tr_host_is_busy(const tr_host_t *self);

void tr_host_answer_ping(tr_host_t *self, uint64_t id);

/* If it is busy and has got on. */
void tr_host_tell_progress(tr_host_t *self, int64_t now_ms);

#endif
