/* actors/given_work.h - the jobs of a worker that gives them to somebody else
 *
 * To router and supervisor an actor that stands for a process, or for a worker elsewhere, is a
 * worker like any other. What both kinds share is here: who has which job, the parts that come
 * back and the credit for them, what the pulse shows, and how a job ends or goes back to its
 * router. How it is said to whoever does the work is the owner's matter.
 *
 * A job is with the other side from when it was said until its final is heard, and the pulse
 * always tells of the one that is worked on; what nobody has begun goes back to its router in
 * the end. One actor owns it.
 */

#ifndef TROUPE_ACTORS_GIVEN_WORK_H
#define TROUPE_ACTORS_GIVEN_WORK_H

#include "actors/actor.h"
#include "actors/given_jobs.h"
#include "actors/worker/worker_state.h"
#include "mailbox/reply.h"
#include "wire/trp1.h"

typedef struct tr_given_work {
    tr_self_t *self;
    tr_given_jobs_t given;   /* the other side has them */
    tr_given_jobs_t unbegun; /* nobody has begun them; to be handed back */
    int64_t hand_back_ms;    /* at the latest, or TR_NEVER */
    troupe_reply_t *held;    /* a part that its router has no room for */
    uint64_t reported;       /* the job whose handler runs, as was told; 0: none */
    bool is_ready;           /* it can be given work */
    bool is_stopping;        /* its state is not moved by work any more */
    bool is_at_else;         /* it works on what is no job */
    bool has_met_unknown;
    int64_t ready_since_ms; /* ready, and without work */
} tr_given_work_t;

void tr_given_work_init(tr_given_work_t *self, tr_self_t *actor);

/* Hand back what nobody has begun, and let go of the rest, which the router ends when it hears
 * of the actor's end. */
void tr_given_work_finish(tr_given_work_t *self);

/* ---- the pulse ---- */

/* Move the state of the worker. The supervisor may have written it off; then it ends, and knows
 * by the word. */
void tr_given_work_move_to(tr_given_work_t *self, tr_worker_state_t state);

/* It gets on. */
void tr_given_work_note_progress(tr_given_work_t *self);

/* What it works on has changed: show it. */
void tr_given_work_show(tr_given_work_t *self);

/* What it said of itself in a pong; its numbers are those of the jobs. `waits_for_others`: what
 * it has asked of others is open, and they have their own time. */
void tr_given_work_take_pong(tr_given_work_t *self, const tr_trp1_t *pong,
                             bool waits_for_others);

/* Call it idle when it has been ready without work for so long. Returns when to look again. */
int64_t tr_given_work_turn_idle(tr_given_work_t *self, int64_t idle_after_ms, int64_t now_ms);

/* The end of the actor, for the reason that it has. */
void tr_given_work_show_end(tr_given_work_t *self);

/* ---- jobs ---- */

/* Note that the other side will have it; takes the share. False: out of memory, and it is
 * finished. */
TROUPE_NODISCARD bool tr_given_work_add(tr_given_work_t *self, tr_job_t *job);

/* What is said of that job when it is given. One that others may join has no end of its own:
 * the worker hears when the last has left. `n_to_follow` of its batch come after it; -1: it is
 * in none. */
tr_trp1_t tr_given_work_request(tr_job_t *job, int64_t n_to_follow);

/* It could not be said. TROUPE_CLOSED: it goes back to its router; TROUPE_LIMIT: its texts are
 * too long; else it is lost, because of `why`. */
void tr_given_work_not_given(tr_given_work_t *self, uint64_t number, troupe_status_t status,
                             const char *why);

/* The job has its final. What is not open is told once, and ignored. */
void tr_given_work_finish_job(tr_given_work_t *self, uint64_t number, troupe_outcome_t outcome,
                              const char *text, troupe_message_t **message_p,
                              bool is_worker_broken);

/* The same with what an error says. Whether that is that it breaks. */
bool tr_given_work_take_error(tr_given_work_t *self, const tr_trp1_t *error);

/* An answer, or the like, came for what is not open. It is told once. */
void tr_given_work_meet_unknown(tr_given_work_t *self, uint64_t number);

/* It has not begun that job, and will not. */
void tr_given_work_put_off(tr_given_work_t *self, uint64_t number);

/* Keep a job that nobody has; takes the share. */
void tr_given_work_keep_unbegun(tr_given_work_t *self, tr_job_t *job);

/* Give the jobs that nobody has begun back to their router. */
void tr_given_work_hand_back(tr_given_work_t *self);

/* ---- parts ---- */

/* How many parts more to allow it of that job; 0: none now. */
int64_t tr_given_work_credit(tr_given_work_t *self, uint64_t number);

/* It sent a part; takes the message. False: it is held, for its router has no room. */
TROUPE_NODISCARD bool tr_given_work_take_part(tr_given_work_t *self, uint64_t number,
                                              troupe_message_t **message_p);

/* Try again to deliver the part that is held. False when its router still has no room. */
TROUPE_NODISCARD bool tr_given_work_deliver_held(tr_given_work_t *self);

#endif
