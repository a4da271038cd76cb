#include "remote/doors/rights.h"

#include <assert.h>

void tr_rights_finish(tr_rights_t *self)
{
    assert(self);
    tr_allowed_finish(&self->calls);
    tr_allowed_finish(&self->offers);
    tr_allowed_finish(&self->actors);
    self->is_admin = false;
}

troupe_status_t tr_rights_set(tr_rights_t *self, const tr_rights_spec_t *spec)
{
    assert(self && spec);
    self->is_admin = spec->is_admin;
    troupe_status_t calls = tr_allowed_set(&self->calls, spec->calls, spec->n_calls);
    troupe_status_t offers = tr_allowed_set(&self->offers, spec->offers, spec->n_offers);
    troupe_status_t actors = tr_allowed_set(&self->actors, spec->actors, spec->n_actors);
    bool is_whole = calls == TROUPE_OK && offers == TROUPE_OK && actors == TROUPE_OK;
    return is_whole ? TROUPE_OK : TROUPE_ERR_NOMEM;
}
