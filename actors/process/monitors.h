/* actors/process/monitors.h - whom a process monitors, and whom it is linked to
 *
 * A process gives its monitors numbers as it likes, and may use one again. So each has another
 * number here, which no other one of any life has: a notice that is still on its way fits none
 * that was opened later. One thread owns the table.
 */

#ifndef TROUPE_ACTORS_PROCESS_MONITORS_H
#define TROUPE_ACTORS_PROCESS_MONITORS_H

#include "actors/worker/watching.h"

/* As many may be open at a time. */
#define TR_MONITORS_MOST 100000

typedef struct tr_monitors {
    tr_watching_t watching; /* by our numbers */
    tr_idmap_t by_id;       /* tr_monitor_t by the number of the process */
    tr_idmap_t by_number;   /* the same by ours */
    uint64_t last_number;
} tr_monitors_t;

void tr_monitors_init(tr_monitors_t *self, tr_mailbox_t *mailbox, troupe_ref_t *ref,
                      uint64_t incarnation);

/* Watch nobody any more. */
void tr_monitors_finish(tr_monitors_t *self);

/* Have a notice come when `whom` ends.
 *
 *   TROUPE_OK
 *   TROUPE_EXISTS  the process has one of that number
 *   TROUPE_LIMIT   it has too many
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_monitors_open(tr_monitors_t *self, troupe_ref_t *whom,
                                                  uint64_t id);

/* No notice is wanted any more. False when there is none of that number. */
bool tr_monitors_close(tr_monitors_t *self, uint64_t id);

/* How the process calls the monitor that the notice is for; 0: it is not wanted. */
uint64_t tr_monitors_id_of(const tr_monitors_t *self, const tr_mail_t *notice);

/* The process has the notice, and that is the end of the monitor. */
void tr_monitors_settle(tr_monitors_t *self, const tr_mail_t *notice);

#endif
