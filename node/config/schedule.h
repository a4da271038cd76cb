/* node/config/schedule.h - whether each errand of a schedule is one thing at one time */

#ifndef TROUPE_NODE_CONFIG_SCHEDULE_H
#define TROUPE_NODE_CONFIG_SCHEDULE_H

#include "node/config/notes.h"

/* A schedule has at most so many errands. */
enum { TR_CONFIG_ERRANDS_MAX = 256 };

/* Note each problem. */
void tr_config_check_schedule(tr_config_notes_t *notes, const tr_config_t *config);

#endif
