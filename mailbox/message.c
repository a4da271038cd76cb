/* Frames keep their bytes where they are: adding moves a zmq_msg_t, sharing raises its
 * reference count. Only troupe_message_add copies, because its caller asked for that.
 */

#include "mailbox/message.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"

troupe_message_t *troupe_message_new(void)
{
    troupe_message_t *self = tr_slab_alloc(sizeof *self);
    if (self) {
        self->n_frames = 0;
        self->n_room = TR_MESSAGE_INLINE;
        self->frames = self->own;
        self->mail = NULL;
    }
    return self;
}

troupe_message_t *troupe_message_from(const void *data, size_t size)
{
    troupe_message_t *self = troupe_message_new();
    if (self && troupe_message_add(self, data, size) != TROUPE_OK) {
        troupe_message_destroy(&self);
    }
    return self;
}

troupe_message_t *troupe_message_from_text(const char *text)
{
    assert(text);
    return troupe_message_from(text, strlen(text));
}

void troupe_message_destroy(troupe_message_t **self_p)
{
    assert(self_p);
    troupe_message_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->n_frames; i++) {
        zmq_msg_close(&self->frames[i]);
    }
    if (self->frames != self->own) {
        free(self->frames);
    }
    tr_slab_free(self, sizeof *self);
    *self_p = NULL;
}

/* zmq_msg_t may not be moved by memcpy, so growing moves frame by frame. */
static troupe_status_t make_room(troupe_message_t *self)
{
    if (self->n_frames < self->n_room) {
        return TROUPE_OK;
    }
    size_t n_room = self->n_room * 2;
    zmq_msg_t *frames = malloc(n_room * sizeof *frames);
    if (!frames) {
        return TROUPE_ERR_NOMEM;
    }
    for (size_t i = 0; i < self->n_frames; i++) {
        zmq_msg_init(&frames[i]);
        zmq_msg_move(&frames[i], &self->frames[i]);
        zmq_msg_close(&self->frames[i]);
    }
    if (self->frames != self->own) {
        free(self->frames);
    }
    self->frames = frames;
    self->n_room = n_room;
    return TROUPE_OK;
}

troupe_status_t tr_message_add_frame(troupe_message_t *self, zmq_msg_t *frame)
{
    assert(self && frame);
    if (make_room(self) != TROUPE_OK) {
        return TROUPE_ERR_NOMEM;
    }
    zmq_msg_init(&self->frames[self->n_frames]);
    zmq_msg_move(&self->frames[self->n_frames], frame);
    self->n_frames++;
    return TROUPE_OK;
}

troupe_status_t troupe_message_add(troupe_message_t *self, const void *data, size_t size)
{
    assert(self && (data || size == 0));
    if (make_room(self) != TROUPE_OK) {
        return TROUPE_ERR_NOMEM;
    }
    zmq_msg_t *frame = &self->frames[self->n_frames];
    if (zmq_msg_init_size(frame, size) != 0) {
        return TROUPE_ERR_NOMEM;
    }
    if (size > 0) {
        memcpy(zmq_msg_data(frame), data, size);
    }
    self->n_frames++;
    return TROUPE_OK;
}

troupe_status_t troupe_message_add_owned(troupe_message_t *self, void *data, size_t size,
                                         troupe_free_fn *free_fn, void *hint)
{
    assert(self && data && free_fn);
    if (make_room(self) != TROUPE_OK ||
        zmq_msg_init_data(&self->frames[self->n_frames], data, size, free_fn, hint) != 0) {
        return TROUPE_ERR_NOMEM;
    }
    self->n_frames++;
    return TROUPE_OK;
}

/* The source is not changed in anything a reader could see. */
troupe_status_t tr_message_share_frame(troupe_message_t *self, const troupe_message_t *other,
                                       size_t index)
{
    assert(self && other && index < other->n_frames);
    if (make_room(self) != TROUPE_OK) {
        return TROUPE_ERR_NOMEM;
    }
    zmq_msg_t *frame = &self->frames[self->n_frames];
    zmq_msg_init(frame);
    if (zmq_msg_copy(frame, (zmq_msg_t *)&other->frames[index]) != 0) {
        zmq_msg_close(frame);
        return TROUPE_ERR_NOMEM;
    }
    self->n_frames++;
    return TROUPE_OK;
}

troupe_message_t *troupe_message_share(const troupe_message_t *self)
{
    assert(self);
    troupe_message_t *other = troupe_message_new();
    for (size_t i = 0; other && i < self->n_frames; i++) {
        if (tr_message_share_frame(other, self, i) != TROUPE_OK) {
            troupe_message_destroy(&other);
        }
    }
    return other;
}

size_t troupe_message_count(const troupe_message_t *self)
{
    assert(self);
    return self->n_frames;
}

const void *troupe_message_data(const troupe_message_t *self, size_t index)
{
    assert(self);
    return index < self->n_frames ? zmq_msg_data((zmq_msg_t *)&self->frames[index]) : "";
}

size_t troupe_message_size(const troupe_message_t *self, size_t index)
{
    assert(self);
    return index < self->n_frames ? zmq_msg_size(&self->frames[index]) : 0;
}

size_t troupe_message_bytes(const troupe_message_t *self)
{
    size_t bytes = 0;
    for (size_t i = 0; i < troupe_message_count(self); i++) {
        bytes += zmq_msg_size(&self->frames[i]);
    }
    return bytes;
}

char *troupe_message_text(const troupe_message_t *self, size_t index)
{
    size_t size = troupe_message_size(self, index);
    char *text = malloc(size + 1);
    if (text) {
        memcpy(text, troupe_message_data(self, index), size);
        text[size] = '\0';
    }
    return text;
}

int tr_message_send(troupe_message_t *self, size_t first, void *socket, int flags)
{
    assert(self && socket);
    if (first >= self->n_frames) {
        return zmq_send(socket, "", 0, flags) < 0 ? -1 : 0;
    }
    for (size_t i = first; i < self->n_frames; i++) {
        int more = i + 1 < self->n_frames ? ZMQ_SNDMORE : 0;
        if (zmq_msg_send(&self->frames[i], socket, flags | more) < 0) {
            return -1;
        }
    }
    return 0;
}

troupe_status_t tr_message_receive_rest(zmq_msg_t *head, void *socket, troupe_message_t **out)
{
    troupe_status_t status = TROUPE_OK;
    troupe_message_t *message = NULL;
    bool has_more = zmq_msg_more(head);
    while (has_more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            if (errno == EINTR) {
                continue;
            }
            break;
        }
        has_more = zmq_msg_more(&frame);
        if (!message) {
            message = troupe_message_new();
        }
        if (!message || tr_message_add_frame(message, &frame) != TROUPE_OK) {
            status = TROUPE_ERR_NOMEM;
        }
        zmq_msg_close(&frame);
    }
    *out = message;
    return status;
}
