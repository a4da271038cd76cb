/* Nothing but counting holders. */

#include "base/keepsake.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

struct tr_keepsake {
    atomic_uint holders;
    void *what;
    void (*free_what)(void *what);
};

tr_keepsake_t *tr_keepsake_new(void *what, void (*free_what)(void *what))
{
    assert(free_what);
    tr_keepsake_t *self = malloc(sizeof *self);
    if (self) {
        atomic_init(&self->holders, 1);
        self->what = what;
        self->free_what = free_what;
    }
    return self;
}

tr_keepsake_t *tr_keepsake_share(tr_keepsake_t *self)
{
    if (self) {
        atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    }
    return self;
}

void tr_keepsake_release(tr_keepsake_t **self_p)
{
    assert(self_p);
    tr_keepsake_t *self = *self_p;
    *self_p = NULL;
    if (self && atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) == 1) {
        self->free_what(self->what);
        free(self);
    }
}
