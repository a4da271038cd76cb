/* A long request among short ones halves what is thought of them, so that one that was merely
 * interrupted changes little, and a few in a row change all.
 *
 * Of the processors one is left to those who call.
 */

#include "capabilities/rouse.h"

#include <assert.h>

#define ENOUGH_SHORT     64
#define MOST_SHORT       1024
#define WAITING_A_WORKER 32

void tr_rouse_init(tr_rouse_t *self, size_t n_processors)
{
    assert(self && n_processors > 0);
    *self = (tr_rouse_t){.n_processors = n_processors};
}

void tr_rouse_note(tr_rouse_t *self, int64_t took_us, int64_t now_us)
{
    assert(self);
    self->last_us = now_us;
    if (took_us >= TR_ROUSE_SHORT_US) {
        self->n_short /= 2;
    } else if (self->n_short < MOST_SHORT) {
        self->n_short++;
    }
}

bool tr_rouse_can_wait(const tr_rouse_t *self, size_t n_waiting, size_t n_awake, int64_t now_us)
{
    assert(self);
    bool are_enough =
        n_awake + 1 >= self->n_processors || n_waiting <= WAITING_A_WORKER * n_awake;
    bool are_at_it = now_us - self->last_us < TR_ROUSE_MOMENT_MS * 1000;
    return n_awake > 0 && are_enough && are_at_it && self->n_short >= ENOUGH_SHORT;
}
