/* A heap whose order is the order of service. */

#include "mailbox/request_queue.h"

static bool is_served_before(const void *one_item, const void *other_item)
{
    const tr_envelope_t *one = one_item;
    const tr_envelope_t *other = other_item;
    if (one->priority != other->priority) {
        return one->priority < other->priority;
    }
    if (one->deadline_ms != other->deadline_ms) {
        return one->deadline_ms < other->deadline_ms;
    }
    return one->number < other->number;
}

static size_t *place_of(void *item)
{
    return &((tr_envelope_t *)item)->queue_place;
}

void tr_request_queue_init(tr_request_queue_t *self, size_t limit)
{
    assert(self && limit > 0);
    tr_heap_init(&self->order, is_served_before, place_of);
    self->limit = limit;
}

void tr_request_queue_finish(tr_request_queue_t *self)
{
    assert(self && self->order.n_items == 0);
    tr_heap_finish(&self->order);
}

troupe_status_t tr_request_queue_push(tr_request_queue_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope);
    if (self->order.n_items >= self->limit) {
        return TROUPE_FULL;
    }
    return tr_heap_push(&self->order, envelope);
}

troupe_status_t tr_request_queue_return(tr_request_queue_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope);
    return tr_heap_push(&self->order, envelope);
}

tr_envelope_t *tr_request_queue_pop(tr_request_queue_t *self)
{
    assert(self);
    tr_envelope_t *envelope = tr_heap_first(&self->order);
    if (envelope) {
        tr_heap_remove(&self->order, envelope);
    }
    return envelope;
}

void tr_request_queue_remove(tr_request_queue_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope && envelope->queue_place != TR_HEAP_NOWHERE);
    tr_heap_remove(&self->order, envelope);
}

size_t tr_request_queue_count(const tr_request_queue_t *self)
{
    assert(self);
    return self->order.n_items;
}
