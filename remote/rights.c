#include "remote/rights.h"

#include <assert.h>

void tr_rights_finish(tr_rights_t *self)
{
    assert(self);
    tr_allowed_finish(&self->calls);
    tr_allowed_finish(&self->offers);
    tr_allowed_finish(&self->actors);
    self->is_admin = false;
}
