/* supervisors/supervisor.h - the inside of a supervisor
 *
 * For supervisor.c and pool.c; others use child_spec.h.
 */

#ifndef TROUPE_SUPERVISORS_SUPERVISOR_H
#define TROUPE_SUPERVISORS_SUPERVISOR_H

#include "actors/report.h"
#include "base/idmap.h"
#include "supervisors/child.h"

typedef struct tr_supervisor {
    tr_self_t *self;
    const tr_supervisor_spec_t *spec;
    tr_child_t **children;  /* in order of their start */
    tr_child_view_t *views; /* room for as many, for the strategy */
    size_t n_children;
    size_t n_room;
    tr_idmap_t by_incarnation; /* of those that are not down */
    tr_intensity_t *intensity;
    uint32_t dice;
    bool has_started;
    bool is_stopping;
    tr_reason_t end_reason;

    /* pools */
    tr_mailbox_t *router;
    int64_t unavailable_until_ms; /* 0: available */
} tr_supervisor_t;

static inline bool tr_supervisor_is_pool(const tr_supervisor_t *self)
{
    return self->spec->strategy == TR_SIMPLE_ONE_FOR_ONE;
}

/* Add a child at the end, down and wanted; NULL when out of memory. */
tr_child_t *tr_supervisor_add(tr_supervisor_t *self, const tr_child_spec_t *spec,
                              const char *name);

/* Answer a survey. */
void tr_supervisor_report(tr_supervisor_t *self, const tr_control_t *survey);

#endif
