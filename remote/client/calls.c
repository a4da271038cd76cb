/* The deadlines are a binary heap in which each call knows its place, because most calls end
 * long before their deadline and leave from the middle. Each place has a copy of the deadline,
 * so that to compare two is not to fetch two calls; and a call that has no deadline is in none.
 *
 * Invariants: a call is among the open ones, in the heap if it has a deadline, and in just one
 * of the two lists. The heap has room for all that are open.
 */

#include "remote/client/calls.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/idmap.h"
#include "mailbox/flow.h"
#include "mailbox/message.h"
#include "mailbox/reply.h"

#define FIRST_ROOM 64
#define MAX_SPARE  64  /* calls that ended, kept for those to come */
#define SPARE_TEXT 128 /* bytes of texts that each of them has room for */
#define NOWHERE    SIZE_MAX

struct place {
    int64_t deadline_ms;
    tr_call_t *call;
};

struct list {
    tr_call_t *first;
    tr_call_t *last;
};

struct tr_calls {
    uint64_t last_id;
    tr_idmap_t open; /* by id */
    size_t n_sent;
    size_t unsent_bytes;
    struct list unsent;
    struct list sent;
    struct place *heap; /* by deadline */
    size_t n_due;       /* in it */
    size_t n_room;
    tr_call_t *spare; /* by `next` */
    size_t n_spare;
};

void tr_replies_push(tr_replies_t *self, troupe_reply_t *reply)
{
    assert(self && reply);
    reply->letter.next = NULL;
    if (self->last) {
        self->last->letter.next = &reply->letter;
    } else {
        self->first = reply;
    }
    self->last = reply;
    self->n_replies++;
    self->n_bytes += reply->letter.bytes;
}

troupe_reply_t *tr_replies_pop(tr_replies_t *self)
{
    assert(self);
    troupe_reply_t *reply = self->first;
    if (reply) {
        self->first = (troupe_reply_t *)reply->letter.next;
        if (!self->first) {
            self->last = NULL;
        }
        reply->letter.next = NULL;
        self->n_replies--;
        self->n_bytes -= reply->letter.bytes;
    }
    return reply;
}

void tr_replies_clear(tr_replies_t *self)
{
    for (troupe_reply_t *reply = tr_replies_pop(self); reply; reply = tr_replies_pop(self)) {
        troupe_reply_destroy(&reply);
    }
}

static void append(struct list *list, tr_call_t *call)
{
    call->previous = list->last;
    call->next = NULL;
    if (list->last) {
        list->last->next = call;
    } else {
        list->first = call;
    }
    list->last = call;
}

static void unlink_call(struct list *list, tr_call_t *call)
{
    if (call->previous) {
        call->previous->next = call->next;
    } else {
        list->first = call->next;
    }
    if (call->next) {
        call->next->previous = call->previous;
    } else {
        list->last = call->previous;
    }
}

static void put_at(tr_calls_t *self, struct place item, size_t place)
{
    self->heap[place] = item;
    item.call->place = place;
}

/* Let the item rise or sink from that place to where its deadline belongs. */
static void settle(tr_calls_t *self, struct place item, size_t place)
{
    while (place > 0 && self->heap[(place - 1) / 2].deadline_ms > item.deadline_ms) {
        put_at(self, self->heap[(place - 1) / 2], place);
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < self->n_due &&
            self->heap[child + 1].deadline_ms < self->heap[child].deadline_ms) {
            child++;
        }
        if (child >= self->n_due || self->heap[child].deadline_ms >= item.deadline_ms) {
            break;
        }
        put_at(self, self->heap[child], place);
        place = child;
    }
    put_at(self, item, place);
}

static void leave_heap(tr_calls_t *self, tr_call_t *call)
{
    size_t place = call->place;
    if (place == NOWHERE) {
        return;
    }
    call->place = NOWHERE;
    struct place last = self->heap[--self->n_due];
    if (last.call != call) {
        settle(self, last, place);
    }
}

static bool make_room(tr_calls_t *self)
{
    if (self->open.n_items < self->n_room) {
        return true;
    }
    struct place *heap = realloc(self->heap, self->n_room * 2 * sizeof *heap);
    if (heap) {
        self->heap = heap;
        self->n_room *= 2;
    }
    return heap;
}

tr_calls_t *tr_calls_new(void)
{
    tr_calls_t *self = calloc(1, sizeof *self);
    if (self) {
        tr_idmap_init(&self->open);
        self->n_room = FIRST_ROOM;
        self->heap = calloc(FIRST_ROOM, sizeof *self->heap);
        if (!self->heap) {
            tr_calls_destroy(&self);
        }
    }
    return self;
}

static void free_call(tr_call_t **call_p)
{
    tr_call_t *call = *call_p;
    troupe_reply_destroy(&call->final);
    troupe_message_destroy(&call->message);
    free(call);
    *call_p = NULL;
}

/* The call is over: let another one have its memory. */
static void recycle(tr_calls_t *self, tr_call_t **call_p)
{
    tr_call_t *call = *call_p;
    troupe_message_destroy(&call->message);
    if (self->n_spare == MAX_SPARE || call->room > SPARE_TEXT) {
        free_call(call_p);
        return;
    }
    call->next = self->spare;
    self->spare = call;
    self->n_spare++;
    *call_p = NULL;
}

static tr_call_t *new_memory(tr_calls_t *self, size_t n_text)
{
    tr_call_t *call = self->spare;
    size_t room = n_text > SPARE_TEXT ? n_text : SPARE_TEXT;
    if (call && room == SPARE_TEXT) {
        self->spare = call->next;
        self->n_spare--;
    } else {
        call = malloc(sizeof *call + room);
    }
    if (call) {
        *call = (tr_call_t){.room = room};
    }
    return call;
}

static void free_list(struct list *list)
{
    while (list->first) {
        tr_call_t *call = list->first;
        list->first = call->next;
        free_call(&call);
    }
}

void tr_calls_destroy(tr_calls_t **self_p)
{
    assert(self_p);
    tr_calls_t *self = *self_p;
    if (!self) {
        return;
    }
    free_list(&self->unsent);
    free_list(&self->sent);
    free_list(&(struct list){.first = self->spare});
    tr_idmap_finish(&self->open);
    free(self->heap);
    free(self);
    *self_p = NULL;
}

static tr_span_t keep(char **room, tr_span_t text)
{
    tr_span_t kept = {*room, text.size};
    memcpy(*room, text.data, text.size);
    *room += text.size;
    return kept;
}

static uint64_t window_of(const troupe_call_options_t *options)
{
    return options->credit == 0             ? TR_FLOW_PARTS
           : options->credit > TR_FLOW_MOST ? TR_FLOW_MOST
                                            : options->credit;
}

static tr_call_t *new_call(tr_calls_t *self, const char *capability,
                           const troupe_call_options_t *options)
{
    tr_span_t name = tr_span_of(capability);
    tr_span_t method = tr_span_of(options->method);
    tr_span_t traceparent = tr_span_of(options->traceparent);
    tr_span_t sticky = tr_span_of(options->sticky_key);
    tr_span_t dedup = tr_span_of(options->dedup_key);
    tr_call_t *call =
        new_memory(self, name.size + method.size + traceparent.size + sticky.size + dedup.size);
    if (!call) {
        return NULL;
    }
    char *room = (char *)(call + 1);
    call->capability = keep(&room, name);
    call->method = keep(&room, method);
    call->traceparent = keep(&room, traceparent);
    call->sticky = keep(&room, sticky);
    call->dedup = keep(&room, dedup);
    call->priority = options->priority;
    call->window = window_of(options);
    call->final = tr_reply_new(0, true, TROUPE_OUTCOME_INTERNAL, NULL, NULL);
    if (!call->final) {
        free_call(&call);
    }
    return call;
}

tr_call_t *tr_calls_add(tr_calls_t *self, const char *capability,
                        const troupe_call_options_t *options, troupe_message_t **message_p,
                        int64_t deadline_ms)
{
    assert(self && capability && options && message_p);
    tr_call_t *call = make_room(self) ? new_call(self, capability, options) : NULL;
    if (call && tr_idmap_put(&self->open, self->last_id + 1, call) != TROUPE_OK) {
        free_call(&call);
    }
    if (!call) {
        return NULL;
    }
    call->id = ++self->last_id;
    call->final->id = call->id;
    call->place = NOWHERE;
    call->message = *message_p;
    *message_p = NULL;
    call->bytes = call->message ? troupe_message_bytes(call->message) : 0;

    append(&self->unsent, call);
    self->unsent_bytes += call->bytes;
    tr_calls_set_deadline(self, call, deadline_ms);
    return call;
}

tr_call_t *tr_calls_find(const tr_calls_t *self, uint64_t id)
{
    assert(self);
    return tr_idmap_get(&self->open, id);
}

tr_call_t *tr_calls_next_due(const tr_calls_t *self)
{
    assert(self);
    return self->n_due > 0 ? self->heap[0].call : NULL;
}

void tr_calls_set_deadline(tr_calls_t *self, tr_call_t *call, int64_t deadline_ms)
{
    assert(self && call);
    call->deadline_ms = deadline_ms;
    if (deadline_ms == TR_NEVER) {
        leave_heap(self, call);
    } else {
        settle(self, (struct place){deadline_ms, call},
               call->place == NOWHERE ? self->n_due++ : call->place);
    }
}

tr_call_t *tr_calls_unsent(const tr_calls_t *self)
{
    assert(self);
    return self->unsent.first;
}

tr_call_t *tr_calls_sent(const tr_calls_t *self)
{
    assert(self);
    return self->sent.first;
}

void tr_calls_note_sent(tr_calls_t *self, tr_call_t *call)
{
    assert(self && call && !call->is_sent);
    unlink_call(&self->unsent, call);
    append(&self->sent, call);
    self->unsent_bytes -= call->bytes;
    self->n_sent++;
    call->is_sent = true;
    troupe_message_destroy(&call->message);
}

troupe_reply_t *tr_calls_remove(tr_calls_t *self, tr_call_t **call_p)
{
    assert(self && call_p && *call_p);
    tr_call_t *call = *call_p;
    if (call->is_sent) {
        unlink_call(&self->sent, call);
        self->n_sent--;
    } else {
        unlink_call(&self->unsent, call);
        self->unsent_bytes -= call->bytes;
    }
    tr_idmap_take(&self->open, call->id);
    leave_heap(self, call);
    troupe_reply_t *final = call->final;
    call->final = NULL;
    recycle(self, call_p);
    return final;
}

size_t tr_calls_n_open(const tr_calls_t *self)
{
    assert(self);
    return self->open.n_items;
}

size_t tr_calls_n_sent(const tr_calls_t *self)
{
    assert(self);
    return self->n_sent;
}

size_t tr_calls_unsent_bytes(const tr_calls_t *self)
{
    assert(self);
    return self->unsent_bytes;
}
