/* A short list: each costs its actor time. */

#include "node/admin/traces.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define MOST_TRACES 100

struct tr_trace_item {
    tr_trace_item_t *next;
    troupe_ref_t *actor; /* a share */
    int64_t until_ms;
};

void tr_traces_init(tr_traces_t *self, tr_events_t *events)
{
    assert(self && events);
    *self = (tr_traces_t){.events = events};
}

static tr_trace_item_t **place_of(tr_traces_t *self, const troupe_ref_t *actor)
{
    tr_trace_item_t **place = &self->first;
    while (*place && (*place)->actor != actor) {
        place = &(*place)->next;
    }
    return place;
}

static void end(tr_traces_t *self, tr_trace_item_t **place, const char *why)
{
    tr_trace_item_t *item = *place;
    *place = item->next;
    self->n--;
    atomic_store(&item->actor->is_traced, false);
    tr_event(self->events, TR_LOG_INFO, "trace_ended", TR_TEXT("actor", item->actor->name),
             TR_TEXT("why", why));
    troupe_ref_release(&item->actor);
    free(item);
}

void tr_traces_finish(tr_traces_t *self)
{
    assert(self);
    while (self->first) {
        end(self, &self->first, "the node stops");
    }
}

troupe_status_t tr_traces_begin(tr_traces_t *self, troupe_ref_t *actor, int64_t for_ms,
                                int64_t now_ms)
{
    assert(self && actor && for_ms > 0);
    tr_trace_item_t *item = *place_of(self, actor);
    if (!item) {
        if (self->n == MOST_TRACES) {
            return TROUPE_LIMIT;
        }
        item = calloc(1, sizeof *item);
        if (!item) {
            return TROUPE_ERR_NOMEM;
        }
        item->actor = troupe_ref_share(actor);
        item->next = self->first;
        self->first = item;
        self->n++;
    }
    item->until_ms = tr_clock_after(now_ms, for_ms);
    atomic_store(&actor->is_traced, true);
    tr_event(self->events, TR_LOG_INFO, "trace_started", TR_TEXT("actor", actor->name),
             TR_NUMBER("for_ms", for_ms));
    return TROUPE_OK;
}

bool tr_traces_end(tr_traces_t *self, troupe_ref_t *actor)
{
    assert(self && actor);
    tr_trace_item_t **place = place_of(self, actor);
    bool is_traced = *place != NULL;
    if (is_traced) {
        end(self, place, "an operator ended it");
    }
    return is_traced;
}

bool tr_traces_have(const tr_traces_t *self, const char *actor)
{
    assert(self && actor);
    const tr_trace_item_t *item = self->first;
    while (item && strcmp(item->actor->name, actor) != 0) {
        item = item->next;
    }
    return item != NULL;
}

int64_t tr_traces_expire(tr_traces_t *self, int64_t now_ms)
{
    assert(self);
    int64_t due_ms = TR_NEVER;
    for (tr_trace_item_t **place = &self->first; *place;) {
        if (now_ms >= (*place)->until_ms) {
            end(self, place, "its time is over");
        } else {
            due_ms = tr_clock_earlier(due_ms, (*place)->until_ms);
            place = &(*place)->next;
        }
    }
    return due_ms;
}
