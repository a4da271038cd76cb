/* A body is made with the first command, and kept for the next bundle. */

#include "remote/bundle.h"

#include <assert.h>
#include <stdlib.h>

#include "mailbox/message.h"

/* ["TRP1", "bundle", 0, {}] */
static const char head[] = "\x94\xa4TRP1\xa6"
                           "bundle\x00\x80";

tr_span_t tr_bundle_head(void)
{
    return (tr_span_t){head, sizeof head - 1};
}

static bool put_all(tr_writer_t *writer, const tr_trp1_t *command,
                    const troupe_message_t *payload)
{
    size_t n_frames = payload ? payload->n_frames : 0;
    bool is_in = tr_bundle_put(writer, command, n_frames);
    for (size_t i = 0; is_in && i < n_frames; i++) {
        is_in = tr_bundle_put_frame(writer, zmq_msg_data(&payload->frames[i]),
                                    zmq_msg_size(&payload->frames[i]));
    }
    return is_in;
}

bool tr_bundle_add(tr_bundle_t *self, size_t max_body, const tr_trp1_t *command,
                   const troupe_message_t *payload)
{
    assert(self && command);
    if (payload && troupe_message_bytes(payload) > TR_BUNDLE_MAX_PAYLOAD) {
        return false;
    }
    if (!self->body && !(self->body = malloc(TR_BUNDLE_BODY))) {
        return false;
    }
    size_t end = max_body < TR_BUNDLE_BODY ? max_body : TR_BUNDLE_BODY;
    if (self->size >= end) {
        return false;
    }
    tr_writer_t writer = {.at = self->body + self->size, .end = self->body + end};
    if (!put_all(&writer, command, payload)) {
        return false;
    }
    self->size = (size_t)(writer.at - self->body);
    self->n_commands++;
    return true;
}

void tr_bundle_empty(tr_bundle_t *self)
{
    assert(self);
    self->size = self->n_commands = 0;
}

void tr_bundle_finish(tr_bundle_t *self)
{
    assert(self);
    free(self->body);
    *self = (tr_bundle_t){.body = NULL};
}

troupe_status_t tr_bundle_take_payload(tr_reader_t *reader, uint64_t n_frames,
                                       uint64_t max_frames, troupe_message_t **out)
{
    assert(reader && out);
    troupe_status_t status = TROUPE_OK;
    troupe_message_t *message = n_frames > 0 ? troupe_message_new() : NULL;
    for (uint64_t i = 0; i < n_frames; i++) {
        tr_span_t frame;
        if (!tr_bundle_take_frame(reader, &frame)) {
            troupe_message_destroy(&message);
            return TROUPE_ERR_PROTOCOL;
        }
        if (i < max_frames &&
            (!message || troupe_message_add(message, frame.data, frame.size) != TROUPE_OK)) {
            status = TROUPE_ERR_NOMEM;
        }
    }
    *out = message;
    return status;
}
