/* What is charged is always the sum of the charges that are out; both change together and
 * only here. A limit may be lowered below what is charged: then nothing more fits until
 * enough has come back, but nothing is taken away. The same goes for a charge that has grown
 * beyond it.
 */

#include "base/ledger.h"

#include <assert.h>
#include <stddef.h>

void tr_ledger_init(tr_ledger_t *self, uint64_t limit)
{
    assert(self);
    *self = (tr_ledger_t){.limit = limit};
}

void tr_ledger_finish(tr_ledger_t *self)
{
    assert(self);
    assert(self->n_charges == 0 && self->charged == 0);
    *self = (tr_ledger_t){0};
}

uint64_t tr_ledger_room(const tr_ledger_t *self)
{
    assert(self);
    return self->charged < self->limit ? self->limit - self->charged : 0;
}

troupe_status_t tr_ledger_charge(tr_ledger_t *self, uint64_t amount, tr_charge_t *charge)
{
    assert(self && charge);
    assert(!charge->ledger);

    if (amount > tr_ledger_room(self)) {
        return TROUPE_LIMIT;
    }
    self->charged += amount;
    self->n_charges++;
    *charge = (tr_charge_t){.ledger = self, .amount = amount};
    return TROUPE_OK;
}

void tr_charge_resize(tr_charge_t *charge, uint64_t amount)
{
    assert(charge);
    tr_ledger_t *ledger = charge->ledger;
    if (ledger) {
        uint64_t others = ledger->charged - charge->amount;
        charge->amount = amount < UINT64_MAX - others ? amount : UINT64_MAX - others;
        ledger->charged = others + charge->amount;
    }
}

void tr_charge_release(tr_charge_t *charge)
{
    assert(charge);
    tr_ledger_t *ledger = charge->ledger;
    if (ledger) {
        assert(ledger->n_charges > 0 && ledger->charged >= charge->amount);
        ledger->charged -= charge->amount;
        ledger->n_charges--;
        *charge = (tr_charge_t){0};
    }
}

void tr_charge_move(tr_charge_t *from, tr_charge_t *to)
{
    assert(from && to && from != to);
    assert(!to->ledger);
    *to = *from;
    *from = (tr_charge_t){0};
}
