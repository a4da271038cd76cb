#include "remote/gateway/lobby.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/message.h"

#define FRAME_COST 64 /* bytes that a frame takes beside its own */

troupe_status_t tr_lobby_enter(tr_lobby_t *self, tr_span_t service, troupe_message_t **body_p,
                               size_t max_bytes)
{
    assert(self && body_p && *body_p);
    size_t bytes = sizeof(tr_waiting_t) + service.size + sizeof **body_p +
                   troupe_message_bytes(*body_p) + troupe_message_count(*body_p) * FRAME_COST;
    if (self->bytes + bytes > max_bytes) {
        return TROUPE_FULL;
    }
    tr_waiting_t *waiting = calloc(1, sizeof *waiting + service.size);
    if (!waiting) {
        return TROUPE_ERR_NOMEM;
    }
    waiting->body = *body_p;
    *body_p = NULL;
    waiting->bytes = bytes;
    waiting->service_size = service.size;
    memcpy(waiting->service, service.data, service.size);
    if (self->last) {
        self->last->next = waiting;
    } else {
        self->first = waiting;
    }
    self->last = waiting;
    self->n++;
    self->bytes += bytes;
    return TROUPE_OK;
}

tr_waiting_t *tr_lobby_call(tr_lobby_t *self)
{
    assert(self);
    tr_waiting_t *waiting = self->first;
    if (waiting) {
        self->first = waiting->next;
        self->last = self->first ? self->last : NULL;
        self->n--;
        self->bytes -= waiting->bytes;
        waiting->next = NULL;
    }
    return waiting;
}

void tr_waiting_destroy(tr_waiting_t **waiting_p)
{
    assert(waiting_p);
    if (*waiting_p) {
        troupe_message_destroy(&(*waiting_p)->body);
        free(*waiting_p);
        *waiting_p = NULL;
    }
}

void tr_lobby_finish(tr_lobby_t *self)
{
    assert(self);
    tr_waiting_t *waiting;
    while ((waiting = tr_lobby_call(self)) != NULL) {
        tr_waiting_destroy(&waiting);
    }
}
