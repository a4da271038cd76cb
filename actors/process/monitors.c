/* Each is found by both its numbers; the reference is with the watching. */

#include "actors/process/monitors.h"

#include <assert.h>
#include <stdlib.h>

/* The numbers of a life begin with its own, so that what comes late for another one fits none.
 */
#define NUMBERS_OF_A_LIFE 40

typedef struct tr_monitor {
    uint64_t id;
    uint64_t number;
} tr_monitor_t;

void tr_monitors_init(tr_monitors_t *self, tr_mailbox_t *mailbox, troupe_ref_t *ref,
                      uint64_t incarnation)
{
    assert(self && incarnation > 0);
    tr_watching_init(&self->watching, mailbox, ref, incarnation);
    tr_idmap_init(&self->by_id);
    tr_idmap_init(&self->by_number);
    self->last_number = incarnation << NUMBERS_OF_A_LIFE;
}

void tr_monitors_finish(tr_monitors_t *self)
{
    assert(self);
    uint64_t id;
    tr_monitor_t *monitor;
    while ((monitor = tr_idmap_any(&self->by_id, &id)) != NULL) {
        tr_idmap_take(&self->by_id, id);
        free(monitor);
    }
    tr_idmap_finish(&self->by_id);
    tr_idmap_finish(&self->by_number);
    tr_watching_finish(&self->watching);
}

static troupe_status_t note(tr_monitors_t *self, tr_monitor_t *monitor)
{
    troupe_status_t status = tr_idmap_put(&self->by_id, monitor->id, monitor);
    if (status == TROUPE_OK &&
        (status = tr_idmap_put(&self->by_number, monitor->number, monitor)) != TROUPE_OK) {
        tr_idmap_take(&self->by_id, monitor->id);
    }
    return status;
}

static void forget(tr_monitors_t *self, tr_monitor_t *monitor)
{
    tr_idmap_take(&self->by_id, monitor->id);
    tr_idmap_take(&self->by_number, monitor->number);
    free(monitor);
}

static troupe_status_t open_new(tr_monitors_t *self, troupe_ref_t *whom, uint64_t id)
{
    tr_monitor_t *monitor = malloc(sizeof *monitor);
    if (!monitor) {
        return TROUPE_ERR_NOMEM;
    }
    *monitor = (tr_monitor_t){.id = id, .number = ++self->last_number};
    troupe_status_t status = note(self, monitor);
    if (status != TROUPE_OK) {
        free(monitor);
        return status;
    }
    status = tr_watching_monitor(&self->watching, whom, monitor->number);
    if (status != TROUPE_OK) {
        forget(self, monitor);
    }
    return status;
}

troupe_status_t tr_monitors_open(tr_monitors_t *self, troupe_ref_t *whom, uint64_t id)
{
    assert(self && whom && id > 0);
    return tr_idmap_get(&self->by_id, id)            ? TROUPE_EXISTS
           : self->by_id.n_items >= TR_MONITORS_MOST ? TROUPE_LIMIT
                                                     : open_new(self, whom, id);
}

bool tr_monitors_close(tr_monitors_t *self, uint64_t id)
{
    assert(self);
    tr_monitor_t *monitor = tr_idmap_get(&self->by_id, id);
    if (!monitor) {
        return false;
    }
    tr_watching_stop(&self->watching, monitor->number);
    forget(self, monitor);
    return true;
}

uint64_t tr_monitors_id_of(const tr_monitors_t *self, const tr_mail_t *notice)
{
    assert(self && notice && !notice->is_link);
    const tr_monitor_t *monitor = tr_idmap_get(&self->by_number, notice->number);
    return monitor ? monitor->id : 0;
}

void tr_monitors_settle(tr_monitors_t *self, const tr_mail_t *notice)
{
    assert(self && notice && !notice->is_link);
    tr_monitor_t *monitor = tr_idmap_get(&self->by_number, notice->number);
    if (monitor) {
        tr_watching_take(&self->watching, notice);
        forget(self, monitor);
    }
}
