/* supervisors/child.h - one child, as its supervisor keeps it
 *
 * A child outlives its incarnations: it is started, falls, waits, is started again. Functions
 * here do one thing to one child and decide nothing.
 */

#ifndef TROUPE_SUPERVISORS_CHILD_H
#define TROUPE_SUPERVISORS_CHILD_H

#include "supervisors/backoff.h"
#include "supervisors/child_spec.h"
#include "supervisors/intensity.h"

struct tr_command;

/* What a child asks for before it is started. */
typedef struct tr_claim {
    uint64_t number;   /* of the grant that it waits for; 0: it waits for none */
    tr_grant_t *grant; /* given, and not used yet; or NULL */
    int64_t asked_ms;
    bool wants_all_room;          /* the next time that it asks */
    bool has_had_all_room;        /* since it was up last */
    char trouble[TR_REASON_TEXT]; /* why it was refused the last time; or "" */
    bool is_told;                 /* the router, that it waits */
} tr_claim_t;

typedef struct tr_child {
    const tr_child_spec_t *spec;
    tr_keepsake_t *spec_keepsake; /* what it belongs to; NULL: to the node's description */
    const void *what;             /* to start; the spec's unless a command said otherwise */
    tr_keepsake_t *keepsake;      /* what that belongs to, likewise */
    char name[80];
    size_t slot;       /* of a template's child: its number, from 1 */
    tr_actor_t *actor; /* NULL while down */
    uint64_t incarnation;
    troupe_ref_t *ref; /* a share, from its first life on, if it can be referred to */
    tr_child_view_t view;
    tr_claim_t claim;
    tr_health_t health;
    bool is_guest;      /* of a pool: it has come by itself, and goes so */
    size_t concurrency; /* of a guest: requests that it takes at once */
    bool is_doubtful;
    bool has_been_tried; /* came up or fell at least once */
    bool is_leaving;     /* goes from the list when it is down */
    bool is_restarting;  /* fell, and is not up again */
    bool is_condemned;   /* STOPPING because of `fate`, and not because it was told to */
    tr_reason_t fate;
    bool was_starting;           /* when it was condemned */
    bool has_been_killed;        /* STOPPING: nothing worse can be done to it */
    char words[TR_REASON_TEXT];  /* what it said when it came up; or "" */
    struct tr_command *commands; /* those that wait for it, in order; the first is under way */
    bool is_outdated;            /* of a pool: its worker is another since it was started */
    bool is_swept;               /* of a pool: asked to go, with all others that are idle */
    bool must_be_replaced;       /* of a pool: its time has come */
    bool is_retiring;            /* its replacement is up: it goes when it has nothing to do */
    bool is_replacing_itself;    /* there is no room for a replacement beside it: it goes in the
                                    same way, and comes back */
    uint64_t recycle_requests;   /* after so many its time comes; 0: never */
    int64_t recycle_at_ms;       /* likewise; TR_NEVER: never */
    int64_t due_ms;              /* when to look at it again */
    size_t due_place;            /* in the supervisor's heap */
    int64_t up_since_ms;
    int64_t stop_until_ms; /* STOPPING: when patience ends */
    tr_backoff_t backoff;
    tr_intensity_t *own_intensity;
    uint64_t n_restarts;
    uint64_t n_messages; /* taken by those of its lives that have ended */
    tr_reason_t last_reason;
} tr_child_t;

/* A child of this spec, down and wanted. NULL when out of memory. */
TROUPE_NODISCARD tr_child_t *tr_child_new(const tr_child_spec_t *spec, const char *name);

/* Follow `spec`, of `keepsake` (shared): in how it is treated from now on, in what is started
 * from the next life on, and keep what a command gave it to start. TROUPE_ERR_NOMEM changes
 * nothing. */
TROUPE_NODISCARD troupe_status_t tr_child_adopt(tr_child_t *self, const tr_child_spec_t *spec,
                                                tr_keepsake_t *keepsake);

/* Frees the child, which must be down. */
void tr_child_destroy(tr_child_t **self_p);

/* Start its next incarnation, as a child of the supervisor with that mailbox and path. On
 * failure it stays down. */
TROUPE_NODISCARD troupe_status_t tr_child_start(tr_child_t *self, tr_runtime_t *runtime,
                                                tr_mailbox_t *parent, const char *home,
                                                int64_t now_ms);

/* It said that it is up. */
void tr_child_came_up(tr_child_t *self, int64_t now_ms);

/* Ask it to stop; `stop_until_ms` says how long to wait. */
void tr_child_ask_to_stop(tr_child_t *self, tr_reason_t reason, int64_t now_ms);

/* It said that it has ended: let go of its thread. */
void tr_child_ended(tr_child_t *self, tr_runtime_t *runtime);

/* End it whatever it does: its process is killed, `grace_ms` after being asked (0: at once),
 * and `stop_until_ms` says when to give even that up. True when that is so; false when it
 * cannot be killed, and nothing was done. */
bool tr_child_kill(tr_child_t *self, const tr_reason_t *reason, int64_t grace_ms,
                   int64_t now_ms);

/* It was told to go, and its thread is there to hear it: `stop_until_ms` says when to give up.
 */
void tr_child_expect_end(tr_child_t *self, int64_t now_ms);

/* It does not answer: put its thread into quarantine, for that reason, and be down. */
void tr_child_quarantine(tr_child_t *self, tr_runtime_t *runtime, const tr_reason_t *reason);

/* What its pulse says. */
tr_vital_signs_t tr_child_vital_signs(const tr_child_t *self);

/* How many messages were taken, in all its lives. */
uint64_t tr_child_messages(const tr_child_t *self);

/* "ready", "restarting", … for reports. */
const char *tr_child_state(const tr_child_t *self);

#endif
