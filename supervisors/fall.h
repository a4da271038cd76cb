/* supervisors/fall.h - what becomes of a child, its siblings and its supervisor when it is down
 *
 * For the supervisor.
 */

#ifndef TROUPE_SUPERVISORS_FALL_H
#define TROUPE_SUPERVISORS_FALL_H

#include "supervisors/supervisor.h"

/* A child that was in the phase `was` is down, for `reason`: it is restarted, stays down, or
 * takes others with it. Who watches it hears when that is decided: its reference says by then
 * whether it will be back, and its name is free if not. The child may be gone after it. */
void tr_fall_child_is_down(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                           tr_child_phase_t was);

/* The supervisor fails, as `child` did what `what` says. The first cause travels up the whole
 * chain: a reason that already names one is kept. */
void tr_fall_give_up(tr_supervisor_t *self, const tr_child_t *child, const tr_reason_t *cause,
                     const char *what);

/* All children go, and then the supervisor, for `reason`. The first one counts. */
void tr_fall_stop_all(tr_supervisor_t *self, const tr_reason_t *reason);

#endif
