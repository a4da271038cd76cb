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

typedef struct tr_child {
    const tr_child_spec_t *spec;
    char name[80];
    size_t slot;       /* of a pool's worker: its number, from 1 */
    tr_actor_t *actor; /* NULL while down */
    uint64_t incarnation;
    tr_child_view_t view;
    tr_health_t health;
    bool is_doubtful;
    bool has_been_tried; /* came up or fell at least once */
    bool is_leaving;     /* goes from the list when it is down */
    int64_t up_since_ms;
    int64_t stop_until_ms; /* STOPPING: when patience ends */
    tr_backoff_t backoff;
    tr_intensity_t *own_intensity;
    uint64_t n_restarts;
    tr_reason_t last_reason;
} tr_child_t;

/* A child of this spec, down and wanted. NULL when out of memory. */
TROUPE_NODISCARD tr_child_t *tr_child_new(const tr_child_spec_t *spec, const char *name);

/* Frees the child, which must be down. */
void tr_child_destroy(tr_child_t **self_p);

/* Start its next incarnation. On failure it stays down. */
TROUPE_NODISCARD troupe_status_t tr_child_start(tr_child_t *self, tr_runtime_t *runtime,
                                                tr_mailbox_t *parent, int64_t now_ms);

/* It said that it is up. */
void tr_child_came_up(tr_child_t *self, int64_t now_ms);

/* Ask it to stop; `stop_until_ms` says how long to wait. */
void tr_child_ask_to_stop(tr_child_t *self, tr_reason_t reason, int64_t now_ms);

/* It said that it has ended: let go of its thread. */
void tr_child_ended(tr_child_t *self, tr_runtime_t *runtime);

/* It does not answer: put its thread into quarantine and be down. */
void tr_child_quarantine(tr_child_t *self, tr_runtime_t *runtime);

/* What its pulse says. */
tr_vital_signs_t tr_child_vital_signs(const tr_child_t *self);

/* "ready", "restarting", … for reports. */
const char *tr_child_state(const tr_child_t *self);

#endif
