/* base/ledger.h - every byte and slot is charged to someone
 *
 * A ledger has a limit and what is charged against it. A charge is an object with one owner;
 * it is released exactly once, and moving it moves the duty to release it. Destroying a
 * ledger that still has charges is a bug and asserts. A ledger belongs to one thread.
 */

#ifndef TROUPE_BASE_LEDGER_H
#define TROUPE_BASE_LEDGER_H

#include <stdint.h>

#include <troupe/status.h>

typedef struct tr_ledger {
    uint64_t limit;
    uint64_t charged; /* never above limit, except by a lowered limit, and by what grew */
    uint64_t n_charges;
} tr_ledger_t;

typedef struct tr_charge {
    tr_ledger_t *ledger; /* NULL: nothing is charged */
    uint64_t amount;
} tr_charge_t;

void tr_ledger_init(tr_ledger_t *self, uint64_t limit);

/* Asserts that nothing is charged any more. */
void tr_ledger_finish(tr_ledger_t *self);

/* Charge `amount`, which may be 0, to an empty `charge`. TROUPE_LIMIT when it does not fit;
 * then nothing was charged. Never overflows. */
TROUPE_NODISCARD troupe_status_t tr_ledger_charge(tr_ledger_t *self, uint64_t amount,
                                                  tr_charge_t *charge);

/* What it is for has turned out to use `amount`: charge that instead, whatever the limit. As
 * much as can be counted, if that is less; an empty charge stays empty. */
void tr_charge_resize(tr_charge_t *charge, uint64_t amount);

/* What could be charged at this moment. */
uint64_t tr_ledger_room(const tr_ledger_t *self);

/* Give the charge back; an empty one is fine. Afterwards it is empty. */
void tr_charge_release(tr_charge_t *charge);

/* Hand the charge to `to`, which must be empty; `from` is empty afterwards. */
void tr_charge_move(tr_charge_t *from, tr_charge_t *to);

#endif
