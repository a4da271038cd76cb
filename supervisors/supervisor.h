/* supervisors/supervisor.h - the inside of a supervisor
 *
 * For the files of this folder; others use child_spec.h and command.h.
 */

#ifndef TROUPE_SUPERVISORS_SUPERVISOR_H
#define TROUPE_SUPERVISORS_SUPERVISOR_H

#include "actors/report.h"
#include "supervisors/children.h"
#include "supervisors/command.h"
#include "supervisors/pings.h"

typedef struct tr_supervisor {
    tr_self_t *self;
    char *path; /* by which what is below it is known; mailbox/directory.h */
    const tr_supervisor_spec_t *spec;
    tr_keepsake_t *keepsake; /* what the spec belongs to; NULL: to the node's description */
    tr_children_t children;
    tr_child_view_t *views; /* for the strategy */
    size_t n_views_room;
    bool must_act; /* something has changed since the strategy was asked */
    int64_t act_at_ms;
    tr_intensity_t *intensity;
    uint32_t dice;
    bool has_started;
    bool must_shut_down; /* its significant children have ended */
    bool is_stopping;
    tr_reason_t end_reason;
    tr_pings_t pings;

    size_t last_slot; /* of a template: up to it no number is free */

    /* pools */
    tr_mailbox_t *router;
    int64_t unavailable_until_ms; /* 0: available */
    size_t least;                 /* workers, from now on */
    size_t most;
    bool rests;            /* its capability is drained: there are no workers */
    bool has_looked_again; /* whether it is to rest */
    tr_orders_t *orders;   /* the runtime's: what its next life is to hold to */
    struct {
        tr_command_t *command; /* all that are idle are to go: whoever asked for it */
        size_t n_asked;        /* workers that it is not known of yet */
        size_t n_gone;
    } sweep;
    size_t wish;        /* so many more workers the router could use */
    int64_t grow_at_ms; /* not before: there was no room for more */
    tr_backoff_t growth;
    size_t n_held;          /* children that wait for a grant */
    size_t n_out_of_memory; /* workers in a row that ended for want of memory */
    struct {
        tr_child_t *replacement; /* starts in place of `old`; NULL: none does */
        tr_child_t *old;         /* NULL when it has gone by itself */
        tr_child_t *alone;       /* it is replaced by itself, without another; NULL: none is */
        int64_t not_before_ms;   /* after one that failed */
        tr_command_t *roll;      /* all are being replaced: those who asked for it */
    } recycle;
} tr_supervisor_t;

/* Its children are made from one template. */
static inline bool tr_supervisor_is_template(const tr_supervisor_t *self)
{
    return self->spec->strategy == TR_SIMPLE_ONE_FOR_ONE;
}

/* And they are the workers of a capability. */
static inline bool tr_supervisor_is_pool(const tr_supervisor_t *self)
{
    return self->spec->capability != NULL;
}

/* Add a child of the template, down and wanted, under the next free name. NULL when out of
 * memory. */
tr_child_t *tr_supervisor_add_from_template(tr_supervisor_t *self);

/* The same of the spec that a pool has for its guests. */
tr_child_t *tr_supervisor_add_guest(tr_supervisor_t *self);

/* Take a child, which must be down, out of the list and destroy it. */
void tr_supervisor_remove(tr_supervisor_t *self, tr_child_t *child);

/* Ask this child to stop, alone and at once, before anything else happens to it. */
void tr_supervisor_stop_alone(tr_supervisor_t *self, tr_child_t *child);

/* When it is down and not wanted any more: nobody comes back to what waits for it. */
void tr_supervisor_retire_unwanted(tr_supervisor_t *self, const tr_child_t *child);

/* A random number. */
uint32_t tr_supervisor_roll_dice(tr_supervisor_t *self);

/* Answer a survey. */
void tr_supervisor_report(tr_supervisor_t *self, const tr_control_t *survey);

#endif
