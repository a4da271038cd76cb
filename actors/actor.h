/* actors/actor.h - something that runs, and can be asked to stop
 *
 * An actor is a zactor with a mailbox. `tr_actor_t` is its parent's end of it, `tr_self_t` its
 * own. What it does is a class: a few callbacks, of which one runs at a time. Starting never
 * waits for more than the thread's birth: whether the actor came up is told later, in a word to
 * its parent's mailbox (started, or ended with a reason).
 *
 * The zactor's pipe carries nothing up but the signal of the end, which is looked at and never
 * read: zactor_destroy would wait for ever for a signal that was read before.
 */

#ifndef TROUPE_ACTORS_ACTOR_H
#define TROUPE_ACTORS_ACTOR_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include <czmq.h>

#include <troupe/status.h>

#include "actors/control.h"
#include "actors/grant.h"
#include "actors/pulse.h"
#include "actors/rest.h"
#include "actors/runtime.h"
#include "base/clock.h"
#include "base/reason.h"
#include "mailbox/mailbox.h"

typedef struct tr_self tr_self_t;
typedef struct tr_actor tr_actor_t;

/* What an actor does, on its own thread, or on that of whoever carries it. */
typedef struct tr_actor_class {
    const char *kind; /* "worker", "router", … */

    /* The class says tr_self_started itself; otherwise it is said when begin is done. */
    bool starts_late;

    /* Its work is brief and never blocks: whoever posts to it may do that work at once, on its
     * own thread. One thread at a time does. The callbacks must not care which, but for begin
     * and end, which run on the actor's own; so do those of what it watches. Those whose
     * mailbox is lasting are carried by the runtime's crew. */
    bool is_carried;
    tr_carriers_t carriers;

    /* Take `arg` and make self->state. False: it did not start; self->reason says why. */
    bool (*begin)(tr_self_t *self, const void *arg);

    /* Take one letter that is neither ping nor stop. */
    void (*receive)(tr_self_t *self, tr_letter_t *letter);

    /* Asked for a sign of life: true when the class will say TR_WORD_PONG itself, with the
     * ping's number, whenever it is sure. NULL or false: it is said at once. */
    bool (*ping)(tr_self_t *self, const tr_control_t *ping);

    /* After each round of letters: decide, flush. Returns when to be called again at the
     * latest, or TR_NEVER. May be NULL. */
    int64_t (*turn)(tr_self_t *self, int64_t now_ms);

    /* Suspended from now on: nothing comes but words, and it does nothing of its own accord; or
     * woken. Not twice in a row. NULL: it cannot be suspended, and such words go to receive. */
    void (*suspend)(tr_self_t *self, bool is_suspended);

    /* Asked to stop: end now (tr_self_end), or soon. NULL: ends at once. */
    void (*stop)(tr_self_t *self, const tr_reason_t *reason);

    /* It ends, and its mailbox is about to be left to its next life, or closed: what is to be
     * in it then is put there now. Called with a NULL state as `end` is. May be NULL. */
    void (*leave)(tr_self_t *self);

    /* Take a letter that was still in the mailbox at the end. NULL: a dead letter. */
    void (*leftover)(tr_self_t *self, tr_letter_t *letter);

    /* Release self->state. Called after begin succeeded, and with a NULL state if it failed
     * before making one. */
    void (*end)(tr_self_t *self);
} tr_actor_class_t;

#define TR_SELF_MAX_WATCHES 64
#define TR_SELF_MAX_NAMES   2

/* The actor's own end. Classes read it and use the functions below; only the shell writes. */
struct tr_self {
    const tr_actor_class_t *class;
    void *state; /* the class's */
    char *name;
    char *home; /* the path of its supervisor; or NULL */
    uint64_t incarnation;
    tr_runtime_t *runtime;
    tr_mailbox_t *mailbox;
    tr_mailbox_t *parent;
    troupe_ref_t *ref; /* NULL: nobody can refer to it */
    tr_pulse_t *pulse;
    tr_reason_t reason; /* why it ends */
    bool is_ending;
    bool is_moved_out; /* its mailbox is another life's now */
    bool is_suspended;
    tr_time_t now; /* as of a few letters ago at most, callbacks aside */

    /* the shell's */
    const void *arg;
    tr_keepsake_t *keepsake;
    sem_t is_let_go; /* by whoever carried it when it was moved out */
    zsock_t *door;
    int door_descriptor;
    int pipe_descriptor;
    tr_rest_t rest;
    size_t n_watches;
    struct {
        void *socket; /* or NULL */
        int descriptor;
        void (*ready)(tr_self_t *self, void *socket, int descriptor); /* NULL: it is over */
    } watches[TR_SELF_MAX_WATCHES];
    size_t n_names;
    struct {
        tr_name_space_t space;
        char *name;
    } names[TR_SELF_MAX_NAMES];
};

/* Say to the parent that the actor is up, with self->reason.text for whoever asked for the
 * start. Once. */
void tr_self_started(tr_self_t *self);

/* Answer the ping of that number. */
void tr_self_pong(tr_self_t *self, uint64_t number);

/* End after this callback, for that reason; the first reason stays. */
void tr_self_end(tr_self_t *self, const tr_reason_t *reason);

/* Make the mailbox known under `name`, until the end. TROUPE_EXISTS, TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_self_register(tr_self_t *self, tr_name_space_t space,
                                                  const char *name);

/* Call `ready (self, socket, -1)` whenever the ZeroMQ socket can be read. The class drains it:
 * it is asked again only when more comes or more is left. TROUPE_LIMIT when too many. */
TROUPE_NODISCARD troupe_status_t tr_self_watch_socket(tr_self_t *self, void *socket,
                                                      void (*ready)(tr_self_t *self,
                                                                    void *socket,
                                                                    int descriptor));

/* The same for a descriptor: `ready (self, NULL, descriptor)`. */
TROUPE_NODISCARD troupe_status_t tr_self_watch_descriptor(tr_self_t *self, int descriptor,
                                                          void (*ready)(tr_self_t *self,
                                                                        void *socket,
                                                                        int descriptor));

/* Watch that socket, or (with a NULL socket) that descriptor, no more. */
void tr_self_unwatch(tr_self_t *self, void *socket, int descriptor);

/* ---- an actor without a thread, moved by whoever made it ----
 *
 * Each of its callbacks runs on the caller's thread. It has no door, and watches nothing. */

typedef struct tr_actor_setup tr_actor_setup_t;

/* Its life begins; the caller's, to be finished. NULL when out of memory. */
TROUPE_NODISCARD tr_self_t *tr_self_new(const tr_actor_setup_t *setup);

/* Let it begin. False: it did not start, and must be finished; self->reason says why. */
TROUPE_NODISCARD bool tr_self_begin(tr_self_t *self);

/* Let it take this letter, which came out of its mailbox (NULL: none), and decide. Returns when
 * to be called again; self->is_ending: it must be finished. */
int64_t tr_self_move(tr_self_t *self, tr_letter_t *letter);

/* Its life ends; those who wait for that are told. Sets *self_p to NULL. */
void tr_self_finish(tr_self_t **self_p);

/* ---- the parent's end ---- */

struct tr_actor {
    zactor_t *zactor;
    tr_mailbox_t *mailbox;
    troupe_ref_t *ref; /* or NULL */
    tr_pulse_t *pulse;
    uint64_t incarnation;
    bool can_be_killed; /* it owns a process: TR_WORD_KILL ends it, whatever that does */
    tr_grant_t *grant;  /* what it uses of the node, or NULL; goes home when it is reaped */
    tr_actor_t *next_quarantined;
};

struct tr_actor_setup {
    const tr_actor_class_t *class;
    const char *name;
    tr_runtime_t *runtime;
    tr_mailbox_t *parent; /* where the words about this actor go */
    const char *home;     /* the path of its supervisor, copied; NULL: none */
    tr_mailbox_limits_t limits;
    troupe_ref_t *ref; /* shared: whose life this is, with its mailbox; NULL: a mailbox of its
                          own, within `limits` */
    const void *arg;   /* goes to begin; borrowed: it outlives the actor */
    tr_keepsake_t *keepsake; /* what `arg` belongs to, shared; NULL: to the runtime's own */
};

/* Start an actor; waits only for its thread's birth.
 *
 *   TROUPE_OK          *out is the caller's, until reaped or quarantined
 *   TROUPE_LIMIT       the runtime has as many actors as it may have
 *   TROUPE_ERR_NOMEM, TROUPE_ERR_IO (no thread to be had)
 */
TROUPE_NODISCARD troupe_status_t tr_actor_start(const tr_actor_setup_t *setup,
                                                tr_actor_t **out);

/* What a supervisor says to start an actor of any kind. */
typedef struct tr_birth {
    const void *what; /* to start, as the kind of actor has it; goes to its class's begin */
    const char *name;
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    const char *home;        /* the path of its supervisor; NULL: none */
    tr_keepsake_t *keepsake; /* what `what` belongs to, or NULL */
} tr_birth_t;

/* Start it; statuses as tr_actor_start. */
typedef troupe_status_t(tr_start_fn)(const tr_birth_t *birth, tr_actor_t **out);

/* Ask it to stop, for that reason. Never waits. */
void tr_actor_ask_to_stop(tr_actor_t *self, tr_reason_t reason);

/* Move its thread, which does not answer, out of its mailbox, so that it can be abandoned and
 * nothing is lost of what waits there. False: it is back at this very moment, and hears what it
 * is told. It ends when it can, in any case. */
TROUPE_NODISCARD bool tr_actor_move_out(tr_actor_t *self);

/* Its thread does not answer, and will be replaced: what it had in its hands is lost. Its
 * mailbox is left to its next life, where that is possible; else its reference is over, what
 * waits there becomes dead letters, and those who watch are told, for that reason. Its
 * supervisor's thread. */
void tr_actor_abandon(tr_actor_t *self, tr_runtime_t *runtime, const tr_reason_t *reason);

/* Let go of an actor whose thread has ended, waiting for that up to `timeout_ms`, and set
 * *self_p to NULL. TROUPE_TIMEOUT when it still runs; then it is still the caller's. */
TROUPE_NODISCARD troupe_status_t tr_actor_reap(tr_actor_t **self_p, int64_t timeout_ms);

#endif
