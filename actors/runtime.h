/* actors/runtime.h - what all actors of one node share
 *
 * Everything in it is immutable or safe from any thread. Each actor holds a share, so that a
 * hung thread that comes back late still finds it.
 */

#ifndef TROUPE_ACTORS_RUNTIME_H
#define TROUPE_ACTORS_RUNTIME_H

#include <stdatomic.h>
#include <stdint.h>

#include <troupe/status.h>

#include "actors/event.h"
#include "actors/orders.h"
#include "actors/process/private_folder.h"
#include "actors/process/spawner.h"
#include "actors/quarantine.h"
#include "base/keepsake.h"
#include "base/metrics.h"
#include "mailbox/crew.h"
#include "mailbox/directory.h"
#include "mailbox/envelope.h"
#include "mailbox/ref.h"

struct tr_mail;
struct tr_groups;

typedef enum tr_node_phase {
    TR_NODE_STARTING,
    TR_NODE_READY,
    TR_NODE_DRAINING,
    TR_NODE_STOPPING,
} tr_node_phase_t;

/* How the node's memory stands: the governor writes it, anybody reads. Each number is one
 * relaxed atomic, so that two of them may be of different moments. */
typedef struct tr_memory_view {
    _Atomic(int64_t) budget_bytes; /* -1: there is no budget */
    _Atomic(int64_t) charged_bytes;
    _Atomic(int64_t) measured_bytes; /* resident: the node and its workers' processes */
    _Atomic(int64_t) residency_ms;   /* a worker may stay for so long at least */
    _Atomic(int) pressure;           /* a tr_pressure_t */
} tr_memory_view_t;

typedef enum tr_pressure {
    TR_PRESSURE_LOW,      /* below 50 % of the budget */
    TR_PRESSURE_NORMAL,   /* below 70 % */
    TR_PRESSURE_HIGH,     /* below 85 %: idle workers lose their keep-alive */
    TR_PRESSURE_CRITICAL, /* no pool that has a worker grows beyond its least */
} tr_pressure_t;

typedef struct tr_runtime {
    atomic_uint holders;
    _Atomic(uint64_t) last_incarnation;
    _Atomic(int) phase;  /* a tr_node_phase_t, set by the node's keeper */
    atomic_bool is_held; /* likewise: it drains as an operator wished, and may be resumed */
    int64_t spin_us; /* how long to look for letters before sleeping. Set before the start */
    atomic_size_t n_actors;
    size_t
        max_actors; /* as many as sockets were provided for; 0: not known. Set before the start
                     */
    char *node;
    char boot[17];      /* changes with every start */
    int64_t started_us; /* since 1970 */
    tr_directory_t *directory;
    tr_metrics_t *metrics;
    tr_metric_t *dead_letters;
    tr_events_t *events;
    tr_memory_view_t memory;
    _Atomic(uint64_t) last_grant;
    tr_quarantine_t *quarantine;
    struct tr_groups *groups;   /* actors/groups.h */
    tr_order_book_t *orders;    /* what operators have ordered of capabilities */
    struct tr_outside *outside; /* actors/host/outside.h; in a worker's process; else NULL */
    tr_mailbox_t *beyond; /* where requests for others go, in a worker's process; else NULL */
    tr_private_folder_t *folder;
    tr_spawner_t *spawner; /* has no thread before the first process */
    tr_crew_t *crew;       /* nor has this before there is a message for an inline actor */

    /* What the actors borrow from the node, such as their specs: it goes with the last of them.
     */
    tr_keepsake_t *keepsake;
} tr_runtime_t;

/* For a node of that name. NULL when out of memory. */
TROUPE_NODISCARD tr_runtime_t *tr_runtime_new(const char *node);
tr_runtime_t *tr_runtime_share(tr_runtime_t *self);
void tr_runtime_release(tr_runtime_t **self_p);

/* A number that no other grant of this node has; never 0. */
uint64_t tr_runtime_next_grant(tr_runtime_t *self);

/* A number that no other life of any actor of this node has; never 0. */
uint64_t tr_runtime_next_incarnation(tr_runtime_t *self);

/* Hand a request to the router that was found for it, or answer it here; as tr_envelope_submit.
 * A router that is not there any more since the node is stopping is not one that never was. */
void tr_runtime_submit(tr_runtime_t *self, tr_envelope_t *envelope, tr_mailbox_t *router,
                       bool may_wait);

/* Whether what is not found here may have been here before the node began to stop. */
bool tr_runtime_is_leaving(const tr_runtime_t *self);

/* The actor called `name`, a share; in a worker's process one of the node's may be meant that
 * is not there. NULL when there is none, or no memory. */
troupe_ref_t *tr_runtime_refer(tr_runtime_t *self, const char *name);

/* Post a mail to `to`; takes it. When that is not to be, its question is answered, and the mail
 * becomes a dead letter.
 *
 *   TROUPE_OK         in its mailbox
 *   TROUPE_NOT_FOUND  it has ended for good
 *   TROUPE_FULL       its mailbox is full
 */
TROUPE_NODISCARD troupe_status_t tr_runtime_post(tr_runtime_t *self, troupe_ref_t *to,
                                                 tr_lane_t lane, struct tr_mail *mail);

/* The same to the actor called `name`, which may not be there: TROUPE_NOT_FOUND. */
TROUPE_NODISCARD troupe_status_t tr_runtime_post_named(tr_runtime_t *self, const char *name,
                                                       tr_lane_t lane, struct tr_mail *mail);

/* Take what is sent to nobody, or by nobody any more: a dead letter; whoever asked hears of it
 * as `no_capability`. Returns TROUPE_NOT_FOUND. */
TROUPE_NODISCARD troupe_status_t tr_runtime_drop(tr_runtime_t *self, const char *why,
                                                 struct tr_mail *mail);

/* The actor called `name`, or below such a supervisor, of that home, will not come back: what
 * waits in the mailboxes of those that have no life now becomes dead letters, their references
 * are over, and what was ordered of capabilities is forgotten. */
void tr_runtime_retire(tr_runtime_t *self, const char *home, const char *name,
                       bool is_supervisor);

/* The same of all below the supervisor of that path, or everywhere (""), that are, or are
 * below, a child for which `is_gone (arg, child)` says true. */
void tr_runtime_retire_those(tr_runtime_t *self, const char *path,
                             bool (*is_gone)(const void *arg, tr_span_t child),
                             const void *arg);

/* The same of all: nobody comes back. */
void tr_runtime_retire_all(tr_runtime_t *self);

/* The same of this one, which is known to nobody new. One that has a life now does it itself at
 * its end. Takes the share. */
void tr_runtime_bury(tr_runtime_t *self, troupe_ref_t *ref, const char *why);

#endif
