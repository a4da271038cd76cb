/* supervisors/holdings.h - the governor's books: who holds what
 *
 * A holding is what one grant stands for, from the moment at which it is given until the paper
 * comes home. It is charged what was declared, or what its worker was measured to use when that
 * is more. Of each pool it is remembered what its workers have turned out to need.
 *
 * One governor owns them. No clock, no letters.
 */

#ifndef TROUPE_SUPERVISORS_HOLDINGS_H
#define TROUPE_SUPERVISORS_HOLDINGS_H

#include "actors/grant.h"
#include "actors/pulse.h"
#include "base/idmap.h"
#include "base/ledger.h"

/* A pool that holds something, or of which something is remembered. */
typedef struct tr_tenant {
    char capability[80];
    size_t n_holdings;
    bool is_pinned;
    int64_t evict_cost;
    uint64_t corrected_bytes; /* what its workers have turned out to need; 0: as declared */
} tr_tenant_t;

typedef struct tr_holding {
    uint64_t number; /* of the grant */
    tr_tenant_t *tenant;
    char worker[80];
    tr_amounts_t granted;
    tr_charge_t charges[TR_N_RESOURCES];
    uint64_t measured_bytes; /* the last time; 0: not measured */
    int64_t granted_ms;
    uint64_t incarnation; /* of the worker that has it; 0: none yet */
    tr_pulse_t *pulse;
    size_t place;

    /* It was asked to give way. */
    const char *cause; /* NULL: it was not */
    int64_t asked_ms;  /* when */
    uint64_t for_ask;  /* number of the grant that waits for it; 0: none */
    char for_whom[80];
} tr_holding_t;

typedef struct tr_holdings {
    tr_ledger_t ledgers[TR_N_RESOURCES];
    tr_holding_t **all; /* in no order */
    size_t n;
    size_t n_room;
    tr_idmap_t by_number;
    tr_idmap_t by_incarnation;
    tr_tenant_t **tenants;
    size_t n_tenants;
    size_t n_tenants_room;
    uint64_t measured_bytes; /* of all together */
} tr_holdings_t;

void tr_holdings_init(tr_holdings_t *self, const tr_amounts_t *limits);

/* What is still out is charged to nobody from now on. */
void tr_holdings_finish(tr_holdings_t *self);

/* Ask no less than what the workers of that capability have turned out to need, though never
 * more than there is. */
void tr_holdings_correct(const tr_holdings_t *self, tr_grant_t *grant);

/* How much of each is charged. */
tr_amounts_t tr_holdings_charged(const tr_holdings_t *self);

/* And how much may be. */
tr_amounts_t tr_holdings_limits(const tr_holdings_t *self);

/* From now on that may be charged. `moved[i]` says which resource number i is now;
 * TR_N_RESOURCES: there is none like it any more, and its charges are gone. */
void tr_holdings_respec(tr_holdings_t *self, const tr_amounts_t *limits, const size_t *moved);

/* Charge what the grant asks for.
 *
 *   TROUPE_OK     *out is the books'
 *   TROUPE_LIMIT  it does not fit, and nothing was charged
 *   TROUPE_EXISTS that number is out already
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_holdings_open(tr_holdings_t *self, const tr_grant_t *grant,
                                                  int64_t now_ms, tr_holding_t **out);

/* The grant has come home: its charge is released. */
void tr_holdings_close(tr_holdings_t *self, tr_holding_t **holding_p);

tr_holding_t *tr_holdings_numbered(const tr_holdings_t *self, uint64_t number);
tr_holding_t *tr_holdings_of_worker(const tr_holdings_t *self, uint64_t incarnation);

/* This worker has it. TROUPE_ERR_NOMEM: it cannot be asked to give way. */
TROUPE_NODISCARD troupe_status_t tr_holdings_note_worker(tr_holdings_t *self,
                                                         tr_holding_t *holding,
                                                         uint64_t incarnation,
                                                         tr_pulse_t *pulse);

/* What is charged for it now. */
tr_amounts_t tr_holding_amounts(const tr_holding_t *self);

/* Read what the workers' processes use, and charge what is larger. */
void tr_holdings_measure(tr_holdings_t *self);

/* Its worker ended for want of memory: the next one is to have more. Returns how much. */
uint64_t tr_holdings_learn(tr_holdings_t *self, tr_holding_t *holding);

/* Of threads that hang: nobody can say when it comes home. */
tr_amounts_t tr_holdings_hanging(const tr_holdings_t *self);

/* Of those that were asked to give way, and have not come home. */
tr_amounts_t tr_holdings_leaving(const tr_holdings_t *self);

#endif
