/* Owners that come one after another. Who the owner is, and whether it is inside, is one
 * number, so that an owner that steps in and whoever moves it out meet in one atomic, and one
 * of them alone has the mailbox. Each owner has a number of its own: one that comes back late
 * must not take the place of the next one, which may be outside as well.
 */

#include "mailbox/mailbox_inside.h"

#define NO_OWNER   UINT64_C(0)
#define LAST_OWNER UINT64_MAX

static uint64_t outside(uint64_t owner)
{
    return owner << 1;
}

static uint64_t inside(uint64_t owner)
{
    return owner << 1 | 1;
}

tr_mailbox_t *tr_mailbox_new_lasting(const char *name, tr_mailbox_limits_t limits)
{
    tr_mailbox_t *self = tr_mailbox_new(name, 0, limits);
    if (self) {
        self->is_lasting = true;
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
    return self->is_lasting && atomic_load(&self->owner) == NO_OWNER;
}

void tr_mailbox_move_in(tr_mailbox_t *self, uint64_t owner)
{
    assert(tr_mailbox_is_vacant(self) && owner > 0);
    atomic_store(&self->owner, inside(owner));
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
    atomic_store(&self->owner, NO_OWNER);
}

void tr_mailbox_step_out(tr_mailbox_t *self, uint64_t owner)
{
    assert(self && atomic_load(&self->owner) == inside(owner));
    atomic_store_explicit(&self->owner, outside(owner), memory_order_release);
}

bool tr_mailbox_step_in(tr_mailbox_t *self, uint64_t owner)
{
    assert(self);
    uint64_t expected = outside(owner);
    return atomic_compare_exchange_strong(&self->owner, &expected, inside(owner));
}

bool tr_mailbox_move_out(tr_mailbox_t *self, uint64_t owner)
{
    assert(self);
    uint64_t expected = outside(owner);
    return atomic_compare_exchange_strong(&self->owner, &expected, NO_OWNER) ||
           expected != inside(owner);
}

bool tr_mailbox_seize(tr_mailbox_t *self)
{
    assert(self && self->is_lasting);
    uint64_t expected = NO_OWNER;
    return atomic_compare_exchange_strong(&self->owner, &expected, LAST_OWNER);
}
