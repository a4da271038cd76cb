/* actors/process/dialogue.h - what a node and the process of a worker say to each other
 *
 * The inside of a process worker, for its files: process/dialogue.c turns jobs and words into
 * TRP/1 and back, process/calls.c what the process asks of others, process/mail.c messages,
 * process/watching.c monitors, links and groups, process/looks.c what operators want of it;
 * process/worker.c is the actor, with the life and death of the process; process/memory.c how
 * much memory it has.
 */

#ifndef TROUPE_ACTORS_PROCESS_DIALOGUE_H
#define TROUPE_ACTORS_PROCESS_DIALOGUE_H

#include "actors/given_work.h"
#include "actors/inspection.h"
#include "actors/mail_list.h"
#include "actors/process/child_link.h"
#include "actors/process/child_output.h"
#include "actors/process/family.h"
#include "actors/process/lent_refs.h"
#include "actors/process/monitors.h"
#include "actors/process/worker.h"
#include "actors/worker/errands.h"
#include "base/oom_kills.h"

/* In the id of a reply: it answers an ask of the process, not a call. */
#define TR_DIALOGUE_OF_ASK (UINT64_C(1) << 63)

/* Messages between the process and the node's actors. */
typedef struct tr_process_mail {
    bool is_welcome; /* the process takes messages */
    uint64_t last_receipt;
    tr_mail_list_t next;      /* to be said before what is aside in the mailbox */
    tr_mail_list_t under_way; /* said, and not settled */
    tr_mail_list_t stashed;   /* which the process has put aside, or given back at its end */
    uint64_t first_unbegun;   /* the receipt of the first that it has given back; 0: none */
    tr_idmap_t questions;     /* shares of those that it has not answered, by receipt */
    size_t sweep_at;          /* so many of them */
    tr_lent_refs_t senders;   /* whom the process knows by number */
} tr_process_mail_t;

typedef struct tr_look tr_look_t; /* that the process was asked for */

/* What operators want of the process. */
typedef struct tr_process_looks {
    bool is_told_suspended; /* what was said last, if anything */
    tr_look_t *open;
    size_t n_open;
    uint64_t last_id;
} tr_process_looks_t;

typedef struct tr_process_worker {
    tr_self_t *self;
    const tr_process_plan_t *plan;
    tr_child_link_t *link;
    tr_child_output_t *output;
    tr_process_t process;
    tr_process_family_t family;
    tr_oom_watch_t oom_kills;
    tr_given_work_t work;   /* while it holds a part, nothing is read */
    tr_errands_t errands;   /* what the process has asked of others */
    troupe_reply_t *unsaid; /* answers to that which wait for the process to read */
    troupe_reply_t *last_unsaid;
    size_t n_unsaid;
    tr_process_mail_t mail;
    tr_monitors_t monitors;
    tr_process_looks_t looks;
    bool has_said_stop;
    tr_reason_t stop_reason;
    bool has_verdict;
    tr_reason_t verdict; /* why it ends, whatever its exit status will be */
    bool is_cut_off;     /* the connection is lost, so it must leave */
    bool is_deaf;        /* what the process says is of no interest any more */
    int64_t born_ms;
    int64_t kill_at_ms; /* or TR_NEVER */
    int64_t killed_ms;  /* 0: SIGKILL was not sent */
    bool is_gone;       /* the process is dead and reaped */
    int64_t gone_ms;
    tr_reason_t exit; /* how; valid when is_gone */
} tr_process_worker_t;

/* Why it ends, whatever its exit status will be; the first reason stays. */
void tr_dialogue_decide(tr_process_worker_t *worker, const tr_reason_t *reason);

/* Kill the group now. */
void tr_dialogue_kill(tr_process_worker_t *worker);

/* Both of that. */
void tr_dialogue_fail(tr_process_worker_t *worker, const tr_reason_t *reason);

/* SIGTERM, and SIGCONT: one that is stopped would not see the first. */
void tr_dialogue_terminate(tr_process_worker_t *worker);

/* It goes by itself within that time, or is killed then. */
void tr_dialogue_leave_within(tr_process_worker_t *worker, int64_t time_ms);

/* Say a command, with a payload (borrowed; NULL: none). */
troupe_status_t tr_dialogue_send(tr_process_worker_t *worker, const tr_trp1_t *command,
                                 const troupe_message_t *message);

/* Say a command without headers. */
troupe_status_t tr_dialogue_say(tr_process_worker_t *worker, tr_trp1_command_t word,
                                uint64_t id);

/* Pass a job on to the process; takes the share of it. */
void tr_dialogue_serve(tr_process_worker_t *worker, tr_job_t *job);

/* Pass several on, to be served at once; takes the batch. */
void tr_dialogue_serve_batch(tr_process_worker_t *worker, tr_batch_t *batch);

/* The reader of that job's parts may have room for more. */
void tr_dialogue_pass_on_credit(tr_process_worker_t *worker, uint64_t number);

/* More answers than these do not wait for a process to read them. */
#define TR_DIALOGUE_MOST_UNSAID 100000

/* How the node calls what the process has asked under `id`, and the other way round: what comes
 * late for another life fits none. */
uint64_t tr_dialogue_number(const tr_process_worker_t *worker, uint64_t id);

/* A request of the process to another capability; may take the message. */
void tr_dialogue_take_call(tr_process_worker_t *worker, const tr_trp1_t *request,
                           troupe_message_t **message_p);

/* Answer one that cannot be made. */
void tr_dialogue_refuse_call(tr_process_worker_t *worker, uint64_t id, troupe_outcome_t outcome,
                             const char *why);

/* The process allows more parts of what it called. */
void tr_dialogue_take_credit(tr_process_worker_t *worker, const tr_trp1_t *credit);

/* What was called has answered; takes the reply. */
void tr_dialogue_answer(tr_process_worker_t *worker, troupe_reply_t *reply);

/* Say what is unsaid, as far as the process reads. */
void tr_dialogue_say_unsaid(tr_process_worker_t *worker);

/* Forget what is unsaid. */
void tr_dialogue_forget_unsaid(tr_process_worker_t *worker);

/* Try again to deliver the part that is held. False when its router still has no room. */
bool tr_dialogue_deliver_held(tr_process_worker_t *worker);

/* What it says is no TRP/1: listen no more, and kill it. */
void tr_dialogue_break_off(tr_process_worker_t *worker, const char *why);

/* Take what it has said, up to a bound. False when there may be more. */
bool tr_dialogue_hear(tr_process_worker_t *worker);

/* What it works on has changed: show it. */
void tr_dialogue_show_work(tr_process_worker_t *worker);

/* ---- process/mail.c ---- */

/* A message for the process, or a notice; takes it. */
void tr_dialogue_take_mail(tr_process_worker_t *worker, tr_mail_t *mail);

/* Let the process have what waits for it, as far as it may. */
void tr_dialogue_hand_over_mail(tr_process_worker_t *worker);

/* The process has received a message, or put it aside. */
void tr_dialogue_take_settled(tr_process_worker_t *worker, const tr_trp1_t *settled);

/* It has answered one that asks; may take the message. */
void tr_dialogue_take_mail_answer(tr_process_worker_t *worker, const tr_trp1_t *answer,
                                  troupe_message_t **message_p);

/* It sends one; may take the message. */
void tr_dialogue_take_send(tr_process_worker_t *worker, const tr_trp1_t *send,
                           troupe_message_t **message_p);

/* It asks an actor; may take the message. */
void tr_dialogue_take_ask(tr_process_worker_t *worker, const tr_trp1_t *request,
                          troupe_message_t **message_p);

/* It has no more use for a number. */
void tr_dialogue_take_release(tr_process_worker_t *worker, const tr_trp1_t *release);

/* Inside the process a message got lost. */
void tr_dialogue_take_lost(tr_process_worker_t *worker, const tr_trp1_t *lost);

/* The process is gone: what it had is lost, what waits is left to the next life, if there may
 * be one. */
void tr_dialogue_leave_mail(tr_process_worker_t *worker);

/* ---- process/watching.c ---- */

/* The process monitors somebody, or does not any more. */
void tr_dialogue_take_monitor(tr_process_worker_t *worker, const tr_trp1_t *monitor);
void tr_dialogue_take_demonitor(tr_process_worker_t *worker, const tr_trp1_t *demonitor);

/* It ties its life to somebody's, or unties it. */
void tr_dialogue_take_link(tr_process_worker_t *worker, const tr_trp1_t *link);
void tr_dialogue_take_unlink(tr_process_worker_t *worker, const tr_trp1_t *unlink);

/* It is a member of a group, or is none any more. */
void tr_dialogue_take_join(tr_process_worker_t *worker, const tr_trp1_t *join);
void tr_dialogue_take_leave(tr_process_worker_t *worker, const tr_trp1_t *leave);

/* It speaks to one; may take the message. */
void tr_dialogue_take_publish(tr_process_worker_t *worker, const tr_trp1_t *publish,
                              troupe_message_t **message_p);

/* Somebody went down; takes the notice. */
void tr_dialogue_take_notice(tr_process_worker_t *worker, tr_mail_t *notice);

/* It is the notice's turn: tell the process, or end it. False: not yet, it does not read. */
bool tr_dialogue_pass_on_notice(tr_process_worker_t *worker, const tr_mail_t *notice);

/* ---- process/looks.c ---- */

/* It is suspended from now on, or goes on, as the actor has it. */
void tr_dialogue_suspend(tr_process_worker_t *worker);

/* Let the process know which, as soon as it is ready and reads. False: not yet. */
bool tr_dialogue_tell_suspension(tr_process_worker_t *worker);

/* Show which in the state of one that is ready. */
void tr_dialogue_show_suspension(tr_process_worker_t *worker);

/* Whoever says this word wants to look into it. */
void tr_dialogue_inspect(tr_process_worker_t *worker, const tr_control_t *word);

/* The process shows itself; borrows the message (NULL: none). */
void tr_dialogue_take_inspected(tr_process_worker_t *worker, const tr_trp1_t *inspected,
                                const troupe_message_t *message);

/* Answer in its place when it has not in time. Returns when to be asked again. */
int64_t tr_dialogue_turn_looks(tr_process_worker_t *worker, int64_t now_ms);

/* The process is gone: nobody waits for it any more. */
void tr_dialogue_end_looks(tr_process_worker_t *worker);

/* ---- process/memory.c ---- */

/* At a ping: tell how much memory the process and what it has started have, and end it when one
 * of them has more than it may. */
void tr_process_worker_measure(tr_process_worker_t *worker, int64_t now_ms);

/* How the process ended that is gone by itself, or by others: by what it was reaped with, its
 * last words, and whether the kernel has killed for want of memory meanwhile. */
tr_reason_t tr_process_worker_reason_of_death(const tr_process_worker_t *worker);

#endif
