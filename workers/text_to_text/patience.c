#include "patience.h"

static void forgive(tr_patience_t *self, size_t n)
{
    self->n_in_vain -= self->n_in_vain < n ? self->n_in_vain : n;
}

void tr_patience_see(tr_patience_t *self, bool is_right)
{
    if (!is_right) {
        self->n_in_a_row++;
        return;
    }
    self->n_in_a_row = 0;
    if (++self->n_right == TR_PATIENCE_RIGHT) {
        self->n_right = 0;
        forgive(self, 1);
    }
}

bool tr_patience_lasts(const tr_patience_t *self, size_t n_letters)
{
    return n_letters <= TR_PATIENCE_LETTERS && self->n_in_a_row <= TR_PATIENCE_IN_A_ROW &&
           self->n_in_vain < TR_PATIENCE_IN_VAIN;
}

void tr_patience_note(tr_patience_t *self, bool was_in_vain)
{
    if (was_in_vain) {
        self->n_in_vain++;
    } else {
        forgive(self, TR_PATIENCE_REWARD);
    }
}
