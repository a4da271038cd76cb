/* supervisors/care.h - how a supervisor looks after the health of its children
 *
 * For the supervisor. What is healthy is decided in health.h.
 */

#ifndef TROUPE_SUPERVISORS_CARE_H
#define TROUPE_SUPERVISORS_CARE_H

#include "supervisors/supervisor.h"

/* Look after all children for which something is due. */
void tr_care_look_after_due(tr_supervisor_t *self, int64_t now_ms);

/* A child has answered a ping. */
void tr_care_take_pong(tr_supervisor_t *self, tr_child_t *child, const tr_control_t *pong);

#endif
