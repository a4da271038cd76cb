/* supervisors/change.h - a supervisor goes on with another description
 *
 * OTP's code_change: children that are new are known and not started, those that are gone go
 * on, and those that stay follow their new specs, in what is started from their next life on. A
 * pool follows in its size and its limits too, and replaces its workers when those have
 * changed.
 *
 * For the supervisor; whoever asks uses command.h.
 */

#ifndef TROUPE_SUPERVISORS_CHANGE_H
#define TROUPE_SUPERVISORS_CHANGE_H

#include "supervisors/supervisor.h"

/* Follow `command->change`. Takes the command, and answers it: at once, or, when a pool has to
 * replace its workers, when that is done. */
void tr_supervisor_change(tr_supervisor_t *self, tr_command_t *command);

#endif
