/* Beside the number of messages their bytes are bounded; one is let in however large it is. */

#include "remote/client/inbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES ((size_t)64 << 20)

static bool has_room(const tr_inbox_t *self, size_t n_bytes)
{
    return self->n_waiting == 0 ||
           (self->n_waiting < self->most && self->n_bytes + n_bytes <= MAX_BYTES);
}

static tr_inbox_item_t *new_item(tr_span_t from, troupe_message_t **message_p)
{
    tr_inbox_item_t *item = calloc(1, sizeof *item);
    troupe_message_t *message = *message_p ? *message_p : troupe_message_new();
    *message_p = NULL;
    if (!item || !message) {
        free(item);
        troupe_message_destroy(&message);
        return NULL;
    }
    memcpy(item->from, from.data, from.size);
    item->message = message;
    return item;
}

static void append(tr_inbox_t *self, tr_inbox_item_t *item)
{
    if (self->last) {
        self->last->next = item;
    } else {
        self->first = item;
    }
    self->last = item;
    self->n_waiting++;
    self->n_bytes += troupe_message_bytes(item->message);
}

void tr_inbox_put(tr_inbox_t *self, tr_span_t from, troupe_message_t **message_p)
{
    assert(self && from.size <= TR_TRP1_MAX_NAME && message_p);
    size_t n_bytes = *message_p ? troupe_message_bytes(*message_p) : 0;
    bool is_wanted = self->most > 0;
    tr_inbox_item_t *item =
        is_wanted && has_room(self, n_bytes) ? new_item(from, message_p) : NULL;
    if (item) {
        append(self, item);
    } else {
        self->n_missed += is_wanted;
        troupe_message_destroy(message_p);
    }
}

troupe_message_t *tr_inbox_take(tr_inbox_t *self)
{
    assert(self);
    tr_inbox_item_t *item = self->first;
    if (!item) {
        return NULL;
    }
    self->first = item->next;
    if (!self->first) {
        self->last = NULL;
    }
    troupe_message_t *message = item->message;
    self->n_waiting--;
    self->n_bytes -= troupe_message_bytes(message);
    memcpy(self->from, item->from, sizeof self->from);
    free(item);
    return message;
}

void tr_inbox_clear(tr_inbox_t *self)
{
    assert(self);
    troupe_message_t *message;
    while ((message = tr_inbox_take(self)) != NULL) {
        troupe_message_destroy(&message);
    }
}
