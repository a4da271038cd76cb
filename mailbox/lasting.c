/* Owners that come one after another. Which of them a mailbox has is one atomic: whoever moves
 * an owner out and the owner that steps in again meet there, so that one of them alone has it.
 */

#include "mailbox/mailbox_inside.h"

tr_mailbox_t *tr_mailbox_new_lasting(const char *name, tr_mailbox_limits_t limits)
{
    tr_mailbox_t *self = tr_mailbox_new(name, 0, limits);
    if (self) {
        self->is_lasting = true;
        atomic_store(&self->owner, TR_OWNER_NONE);
    }
    return self;
}

bool tr_mailbox_is_lasting(const tr_mailbox_t *self)
{
    assert(self);
    return self->is_lasting;
}

bool tr_mailbox_is_vacant(const tr_mailbox_t *self)
{
    assert(self);
    return self->is_lasting && atomic_load(&self->owner) == TR_OWNER_NONE;
}

void tr_mailbox_move_in(tr_mailbox_t *self)
{
    assert(self && self->is_lasting && atomic_load(&self->owner) == TR_OWNER_NONE);
    atomic_store(&self->owner, TR_OWNER_INSIDE);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next_control(self)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_put_back(self);
}

void tr_mailbox_leave_for_good(tr_mailbox_t *self)
{
    assert(self && self->is_lasting);
    atomic_store(&self->is_parked, false);
    atomic_store(&self->owner, TR_OWNER_NONE);
}

void tr_mailbox_step_out(tr_mailbox_t *self)
{
    assert(self);
    atomic_store_explicit(&self->owner, TR_OWNER_OUTSIDE, memory_order_release);
}

bool tr_mailbox_step_in(tr_mailbox_t *self)
{
    assert(self);
    int outside = TR_OWNER_OUTSIDE;
    return atomic_compare_exchange_strong(&self->owner, &outside, TR_OWNER_INSIDE);
}

bool tr_mailbox_move_out(tr_mailbox_t *self)
{
    assert(self);
    int outside = TR_OWNER_OUTSIDE;
    return !self->carry &&
           (atomic_compare_exchange_strong(&self->owner, &outside, TR_OWNER_NONE) ||
            outside == TR_OWNER_NONE);
}
