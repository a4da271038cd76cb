/* Open addressing with at least half of all slots free. A slot that becomes free is filled with
 * the next of its run that may stand there, so that a search ends at the first free slot.
 */

#include "cli/outstanding.h"

#include <assert.h>
#include <stdlib.h>

#include "cli/output.h"

struct cli_outstanding {
    size_t most;
    size_t n;
    size_t mask;
    cli_sent_t *slots; /* mask + 1 of them; id 0: free */
};

cli_outstanding_t *cli_outstanding_new(size_t most)
{
    assert(most > 0 && most <= SIZE_MAX / 8 / sizeof(cli_sent_t));
    cli_outstanding_t *self = cli_need(calloc(1, sizeof *self));
    size_t n_slots = 8;
    while (n_slots < 2 * most) {
        n_slots *= 2;
    }
    self->most = most;
    self->mask = n_slots - 1;
    self->slots = cli_need(calloc(n_slots, sizeof *self->slots));
    return self;
}

void cli_outstanding_destroy(cli_outstanding_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->slots);
        free(*self_p);
        *self_p = NULL;
    }
}

/* Ids may be in sequence or have a pattern: their bits are mixed. */
static size_t home_of(const cli_outstanding_t *self, uint64_t id)
{
    return (size_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & self->mask;
}

/* Where it stands, or would. */
static size_t place_of(const cli_outstanding_t *self, uint64_t id)
{
    size_t place = home_of(self, id);
    while (self->slots[place].id != 0 && self->slots[place].id != id) {
        place = (place + 1) & self->mask;
    }
    return place;
}

void cli_outstanding_add(cli_outstanding_t *self, const cli_sent_t *sent)
{
    assert(self && sent->id != 0 && self->n < self->most);
    size_t place = place_of(self, sent->id);
    assert(self->slots[place].id == 0);
    self->slots[place] = *sent;
    self->n++;
}

cli_sent_t *cli_outstanding_find(cli_outstanding_t *self, uint64_t id)
{
    assert(self);
    cli_sent_t *slot = &self->slots[place_of(self, id)];
    return id != 0 && slot->id == id ? slot : NULL;
}

/* Whether what stands at `place` would be found at `hole`, too: the hole is not before its
 * home, going round. */
static bool may_move(const cli_outstanding_t *self, size_t place, size_t hole)
{
    size_t home = home_of(self, self->slots[place].id);
    return ((place - home) & self->mask) >= ((place - hole) & self->mask);
}

static void close_hole(cli_outstanding_t *self, size_t hole)
{
    size_t place = (hole + 1) & self->mask;
    for (; self->slots[place].id != 0; place = (place + 1) & self->mask) {
        if (may_move(self, place, hole)) {
            self->slots[hole] = self->slots[place];
            hole = place;
        }
    }
    self->slots[hole] = (cli_sent_t){.id = 0};
}

bool cli_outstanding_take(cli_outstanding_t *self, uint64_t id, cli_sent_t *out)
{
    cli_sent_t *slot = cli_outstanding_find(self, id);
    if (!slot) {
        return false;
    }
    *out = *slot;
    close_hole(self, (size_t)(slot - self->slots));
    self->n--;
    return true;
}

size_t cli_outstanding_n(const cli_outstanding_t *self)
{
    assert(self);
    return self->n;
}

void cli_outstanding_each(const cli_outstanding_t *self,
                          void (*each)(void *arg, const cli_sent_t *sent), void *arg)
{
    assert(self && each);
    for (size_t i = 0; i <= self->mask; i++) {
        if (self->slots[i].id != 0) {
            each(arg, &self->slots[i]);
        }
    }
}
