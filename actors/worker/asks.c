#include "actors/worker/asks.h"

#include <assert.h>

#include "base/slab.h"

void tr_asks_init(tr_asks_t *self)
{
    assert(self);
    tr_idmap_init(&self->open);
}

void tr_asks_finish(tr_asks_t *self)
{
    assert(self);
    for (size_t i = 0; i < self->open.n_slots; i++) {
        tr_ask_t *ask = self->open.slots[i].item;
        if (ask) {
            tr_question_turn_away(&ask->question);
            tr_slab_free(ask, sizeof *ask);
        }
    }
    tr_idmap_finish(&self->open);
}

troupe_status_t tr_asks_open(tr_asks_t *self, const tr_ask_t *ask)
{
    assert(self && ask && ask->on_answer && ask->question);
    tr_ask_t *copy = tr_slab_alloc(sizeof *copy);
    if (!copy) {
        return TROUPE_ERR_NOMEM;
    }
    *copy = *ask;
    troupe_status_t status = tr_idmap_put(&self->open, ask->question->id, copy);
    if (status != TROUPE_OK) {
        tr_slab_free(copy, sizeof *copy);
    }
    return status;
}

tr_ask_t *tr_asks_find(const tr_asks_t *self, uint64_t id)
{
    assert(self);
    return tr_idmap_get(&self->open, id);
}

bool tr_asks_close(tr_asks_t *self, uint64_t id, tr_ask_t *out)
{
    assert(self && out);
    tr_ask_t *ask = tr_idmap_take(&self->open, id);
    if (ask) {
        *out = *ask;
        tr_slab_free(ask, sizeof *ask);
    }
    return ask != NULL;
}
