/* mailbox/message.h - the inside of a message: its frames
 *
 * A frame is a zmq_msg_t, so that what came from a socket, or goes to one, or is handed from
 * actor to actor, is the same bytes in the same place.
 */

#ifndef TROUPE_MAILBOX_MESSAGE_H
#define TROUPE_MAILBOX_MESSAGE_H

#include <zmq.h>

#include <troupe/message.h>

/* Most messages have one or two frames; these need no allocation of their own. */
#define TR_MESSAGE_INLINE 2

struct troupe_message {
    size_t n_frames;
    size_t n_room;
    zmq_msg_t *frames;          /* `own`, or an array on the heap */
    const struct tr_mail *mail; /* that brings it; NULL: none does */
    zmq_msg_t own[TR_MESSAGE_INLINE];
};

/* Append a frame by moving it in; `frame` is then an empty, initialised zmq_msg_t, which need
 * not be closed. TROUPE_ERR_NOMEM leaves both as they were. */
TROUPE_NODISCARD troupe_status_t tr_message_add_frame(troupe_message_t *self, zmq_msg_t *frame);

/* Append a frame of `other`, which has one of that index: its bytes are shared, not copied.
 * TROUPE_ERR_NOMEM leaves both as they were. */
TROUPE_NODISCARD troupe_status_t tr_message_share_frame(troupe_message_t *self,
                                                        const troupe_message_t *other,
                                                        size_t index);

/* Send all frames from `first` on over `socket`, moving them out; the last one without
 * ZMQ_SNDMORE. `flags` may be ZMQ_DONTWAIT. Returns 0, or -1 with errno of the frame that was
 * refused (only the first can be refused by a multipart socket). An empty rest sends one
 * empty frame. */
int tr_message_send(troupe_message_t *self, size_t first, void *socket, int flags);

/* Read the frames that follow `head`, which was received, into a new message of the caller's;
 * NULL when none do. TROUPE_ERR_NOMEM: frames that found no memory were read and are lost. */
TROUPE_NODISCARD troupe_status_t tr_message_receive_rest(zmq_msg_t *head, void *socket,
                                                         troupe_message_t **out);

#endif
