#include "actors/asks.h"

#include <assert.h>
#include <stdlib.h>

#include "base/slab.h"

void tr_asks_init(tr_asks_t *self)
{
    assert(self);
    tr_idmap_init(&self->open);
}

void tr_asks_finish(tr_asks_t *self)
{
    assert(self);
    uint64_t id;
    tr_ask_t ask;
    while (tr_idmap_any(&self->open, &id)) {
        tr_asks_close(self, id, &ask);
    }
    tr_idmap_finish(&self->open);
}

troupe_status_t tr_asks_open(tr_asks_t *self, uint64_t id, troupe_answer_fn *on_answer,
                             void *arg)
{
    assert(self && id > 0 && on_answer);
    tr_ask_t *ask = tr_slab_alloc(sizeof *ask);
    if (!ask) {
        return TROUPE_ERR_NOMEM;
    }
    *ask = (tr_ask_t){on_answer, arg};
    troupe_status_t status = tr_idmap_put(&self->open, id, ask);
    if (status != TROUPE_OK) {
        tr_slab_free(ask, sizeof *ask);
    }
    return status;
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
