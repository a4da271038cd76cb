#include "remote/spares.h"

#include <assert.h>

#include "mailbox/message.h"

troupe_message_t *tr_spares_take(tr_spares_t *self)
{
    assert(self);
    return self->n_kept > 0 ? self->kept[--self->n_kept] : troupe_message_new();
}

/* One that has grown is not kept: what it holds is too much for most. */
void tr_spares_give(tr_spares_t *self, troupe_message_t **message_p)
{
    assert(self && message_p);
    troupe_message_t *message = *message_p;
    if (!message || message->frames != message->own || self->n_kept == TR_SPARES_KEPT) {
        troupe_message_destroy(message_p);
        return;
    }
    for (size_t i = 0; i < message->n_frames; i++) {
        zmq_msg_close(&message->frames[i]);
    }
    message->n_frames = 0;
    self->kept[self->n_kept++] = message;
    *message_p = NULL;
}

void tr_spares_finish(tr_spares_t *self)
{
    assert(self);
    while (self->n_kept > 0) {
        troupe_message_destroy(&self->kept[--self->n_kept]);
    }
}
