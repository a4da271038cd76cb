/* The frame that libzmq gets has the bytes of the one that it stands for, which is kept until
 * libzmq says that it is done.
 */

#include "remote/gateway/in_flight.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct tr_in_flight {
    atomic_size_t holders; /* the peer, and each frame */
    atomic_size_t n_bytes;
};

typedef struct tr_kept {
    tr_in_flight_t *counted_by;
    zmq_msg_t frame;
} tr_kept_t;

tr_in_flight_t *tr_in_flight_new(void)
{
    tr_in_flight_t *self = calloc(1, sizeof *self);
    if (self) {
        atomic_init(&self->holders, 1);
    }
    return self;
}

void tr_in_flight_release(tr_in_flight_t **self_p)
{
    assert(self_p);
    tr_in_flight_t *self = *self_p;
    *self_p = NULL;
    if (self && atomic_fetch_sub(&self->holders, 1) == 1) {
        free(self);
    }
}

size_t tr_in_flight_bytes(const tr_in_flight_t *self)
{
    assert(self);
    return atomic_load_explicit(&self->n_bytes, memory_order_relaxed);
}

/* libzmq's thread. */
static void let_go(void *data, void *hint)
{
    (void)data;
    tr_kept_t *kept = hint;
    atomic_fetch_sub_explicit(&kept->counted_by->n_bytes, zmq_msg_size(&kept->frame),
                              memory_order_relaxed);
    tr_in_flight_release(&kept->counted_by);
    zmq_msg_close(&kept->frame);
    free(kept);
}

bool tr_in_flight_count(tr_in_flight_t *self, zmq_msg_t *frame)
{
    assert(self && frame);
    tr_kept_t *kept = malloc(sizeof *kept);
    if (!kept) {
        return false;
    }
    kept->counted_by = self;
    zmq_msg_init(&kept->frame);
    zmq_msg_move(&kept->frame, frame); /* leaves an empty one, which holds nothing */
    size_t size = zmq_msg_size(&kept->frame);
    if (zmq_msg_init_data(frame, zmq_msg_data(&kept->frame), size, let_go, kept) != 0) {
        zmq_msg_init(frame);
        zmq_msg_move(frame, &kept->frame);
        free(kept);
        return false;
    }
    atomic_fetch_add(&self->holders, 1);
    atomic_fetch_add_explicit(&self->n_bytes, size, memory_order_relaxed);
    return true;
}
