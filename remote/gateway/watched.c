/* A monitor may share a watch only if the actor is in the same life, or in the same pause
 * between two, as when that watch began: else the notice of another life may be on its way. So
 * what the watch was for is asked before it begins; if that changes meanwhile nobody shares it.
 *
 * Always true: a life in the table has a watch and somebody who waits. One that was taken is in
 * no table, and its calls may still be removed before they are popped.
 */

#include "remote/gateway/watched.h"

#include <assert.h>
#include <stdlib.h>

struct tr_watched_life {
    uint64_t number;           /* of the watch */
    uint64_t stage;            /* of the actor, when it began */
    const troupe_ref_t *actor; /* borrowed of the watch */
    bool is_taken;
    tr_open_call_t *first;
    tr_open_call_t *last;
};

void tr_watched_init(tr_watched_t *self, tr_mailbox_t *mailbox, uint64_t incarnation)
{
    assert(self);
    *self = (tr_watched_t){.last_number = 0};
    tr_watching_init(&self->watching, mailbox, NULL, incarnation);
    tr_idmap_init(&self->by_number);
    tr_idmap_init(&self->by_actor);
}

void tr_watched_finish(tr_watched_t *self)
{
    assert(self && self->by_number.n_items == 0 && self->by_actor.n_items == 0);
    tr_watching_finish(&self->watching);
    tr_idmap_finish(&self->by_number);
    tr_idmap_finish(&self->by_actor);
}

static uint64_t key_of(const troupe_ref_t *actor)
{
    return (uint64_t)(uintptr_t)actor;
}

/* It is the newest from now on. */
static troupe_status_t put_newest(tr_watched_t *self, tr_watched_life_t *life)
{
    tr_watched_life_t *former = tr_idmap_take(&self->by_actor, key_of(life->actor));
    troupe_status_t status = tr_idmap_put(&self->by_actor, key_of(life->actor), life);
    if (status != TROUPE_OK && former) {
        /* There is room for what was there before. */
        status = tr_idmap_put(&self->by_actor, key_of(life->actor), former);
        assert(status == TROUPE_OK);
        status = TROUPE_ERR_NOMEM;
    }
    return status;
}

static void take_out(tr_watched_t *self, const tr_watched_life_t *life)
{
    tr_idmap_take(&self->by_number, life->number);
    if (tr_idmap_get(&self->by_actor, key_of(life->actor)) == life) {
        tr_idmap_take(&self->by_actor, key_of(life->actor));
    }
}

/* NULL when out of memory. */
static tr_watched_life_t *new_life(tr_watched_t *self, troupe_ref_t *whom, uint64_t stage)
{
    tr_watched_life_t *life = malloc(sizeof *life);
    if (!life) {
        return NULL;
    }
    *life = (tr_watched_life_t){.number = ++self->last_number, .stage = stage, .actor = whom};
    if (tr_idmap_put(&self->by_number, life->number, life) != TROUPE_OK ||
        put_newest(self, life) != TROUPE_OK ||
        tr_watching_monitor(&self->watching, whom, life->number) != TROUPE_OK) {
        take_out(self, life);
        free(life);
        return NULL;
    }
    return life;
}

static void append(tr_watched_life_t *life, tr_open_call_t *call)
{
    call->watched = life;
    call->next_monitor = NULL;
    call->previous_monitor = life->last;
    *(life->last ? &life->last->next_monitor : &life->first) = call;
    life->last = call;
}

static void unlink_call(tr_open_call_t *call)
{
    tr_watched_life_t *life = call->watched;
    *(call->previous_monitor ? &call->previous_monitor->next_monitor : &life->first) =
        call->next_monitor;
    *(call->next_monitor ? &call->next_monitor->previous_monitor : &life->last) =
        call->previous_monitor;
    call->watched = NULL;
}

troupe_status_t tr_watched_add(tr_watched_t *self, troupe_ref_t *whom, tr_open_call_t *call)
{
    assert(self && whom && call && !call->watched);
    uint64_t stage = tr_ref_stage(whom);
    tr_watched_life_t *life = tr_idmap_get(&self->by_actor, key_of(whom));
    if (!life || life->stage != stage) {
        life = new_life(self, whom, stage);
    }
    if (!life) {
        return TROUPE_ERR_NOMEM;
    }
    append(life, call);
    return TROUPE_OK;
}

void tr_watched_remove(tr_watched_t *self, tr_open_call_t *call)
{
    assert(self && call);
    tr_watched_life_t *life = call->watched;
    if (!life) {
        return;
    }
    unlink_call(call);
    if (!life->first && !life->is_taken) {
        take_out(self, life);
        tr_watching_stop(&self->watching, life->number);
        free(life);
    }
}

tr_watched_life_t *tr_watched_take(tr_watched_t *self, const tr_mail_t *notice)
{
    assert(self && notice && !notice->is_link);
    tr_watched_life_t *life = tr_idmap_get(&self->by_number, notice->number);
    if (life) {
        take_out(self, life);
        life->is_taken = true;
        (void)tr_watching_take(&self->watching, notice);
    }
    return life;
}

tr_open_call_t *tr_watched_pop(tr_watched_life_t **life_p)
{
    assert(life_p && *life_p && (*life_p)->is_taken);
    tr_open_call_t *call = (*life_p)->first;
    if (call) {
        unlink_call(call);
    } else {
        free(*life_p);
        *life_p = NULL;
    }
    return call;
}
