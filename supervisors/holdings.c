/* Holdings are found by number and by incarnation, and otherwise walked: there are as many as
 * workers, and they are walked when something is short, or once a second.
 */

#include "supervisors/holdings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisors/victim.h"

void tr_holdings_init(tr_holdings_t *self, const tr_amounts_t *limits)
{
    assert(self && limits);
    *self = (tr_holdings_t){.n = 0};
    tr_idmap_init(&self->by_number);
    tr_idmap_init(&self->by_incarnation);
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        tr_ledger_init(&self->ledgers[i], limits->of[i]);
    }
}

void tr_holdings_finish(tr_holdings_t *self)
{
    assert(self);
    while (self->n > 0) {
        tr_holding_t *last = self->all[self->n - 1];
        tr_holdings_close(self, &last);
    }
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        tr_ledger_finish(&self->ledgers[i]);
    }
    for (size_t i = 0; i < self->n_tenants; i++) {
        free(self->tenants[i]);
    }
    free(self->tenants);
    free(self->all);
    tr_idmap_finish(&self->by_number);
    tr_idmap_finish(&self->by_incarnation);
    *self = (tr_holdings_t){.n = 0};
}

/* ---- room for one more ---- */

/* Room for one more pointer behind `n` others; NULL when there is no memory, and then `all` is
 * as it was. */
static void *with_room(void *all, size_t n, size_t *n_room)
{
    if (n < *n_room) {
        return all;
    }
    size_t wanted = *n_room ? *n_room * 2 : 16;
    void *more = realloc(all, wanted * sizeof(void *));
    *n_room = more ? wanted : *n_room;
    return more;
}

static tr_tenant_t *find_tenant(const tr_holdings_t *self, const char *capability)
{
    for (size_t i = 0; i < self->n_tenants; i++) {
        if (strcmp(self->tenants[i]->capability, capability) == 0) {
            return self->tenants[i];
        }
    }
    return NULL;
}

static tr_tenant_t *tenant_of(tr_holdings_t *self, const char *capability)
{
    tr_tenant_t *tenant = find_tenant(self, capability);
    if (tenant) {
        return tenant;
    }
    tr_tenant_t **all = with_room(self->tenants, self->n_tenants, &self->n_tenants_room);
    self->tenants = all ? all : self->tenants;
    tenant = all ? calloc(1, sizeof *tenant) : NULL;
    if (tenant) {
        snprintf(tenant->capability, sizeof tenant->capability, "%s", capability);
        self->tenants[self->n_tenants++] = tenant;
    }
    return tenant;
}

/* ---- sums ---- */

tr_amounts_t tr_holdings_charged(const tr_holdings_t *self)
{
    tr_amounts_t charged;
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        charged.of[i] = self->ledgers[i].charged;
    }
    return charged;
}

tr_amounts_t tr_holdings_limits(const tr_holdings_t *self)
{
    tr_amounts_t limits;
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        limits.of[i] = self->ledgers[i].limit;
    }
    return limits;
}

tr_amounts_t tr_holding_amounts(const tr_holding_t *self)
{
    tr_amounts_t amounts;
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        amounts.of[i] = self->charges[i].amount;
    }
    return amounts;
}

static tr_amounts_t sum_of(const tr_holdings_t *self, bool (*counts)(const tr_holding_t *))
{
    tr_amounts_t sum = {{0}};
    for (size_t i = 0; i < self->n; i++) {
        if (counts(self->all[i])) {
            tr_amounts_t held = tr_holding_amounts(self->all[i]);
            tr_amounts_add(&sum, &held);
        }
    }
    return sum;
}

static bool is_hanging(const tr_holding_t *holding)
{
    return holding->pulse && atomic_load(&holding->pulse->is_abandoned) != 0;
}

static bool is_leaving(const tr_holding_t *holding)
{
    return holding->cause && !is_hanging(holding);
}

tr_amounts_t tr_holdings_hanging(const tr_holdings_t *self)
{
    return sum_of(self, is_hanging);
}

tr_amounts_t tr_holdings_leaving(const tr_holdings_t *self)
{
    return sum_of(self, is_leaving);
}

/* ---- giving, and taking back ---- */

static void release_all(tr_holding_t *holding)
{
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        tr_charge_release(&holding->charges[i]);
    }
}

static troupe_status_t charge(tr_holdings_t *self, const tr_amounts_t *amounts,
                              tr_holding_t *holding)
{
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        if (tr_ledger_charge(&self->ledgers[i], amounts->of[i], &holding->charges[i]) !=
            TROUPE_OK) {
            release_all(holding);
            return TROUPE_LIMIT;
        }
    }
    return TROUPE_OK;
}

/* It is charged; what is left is to find it again. */
static troupe_status_t enter(tr_holdings_t *self, tr_holding_t *holding)
{
    tr_holding_t **all = with_room(self->all, self->n, &self->n_room);
    if (!all) {
        return TROUPE_ERR_NOMEM;
    }
    self->all = all;
    troupe_status_t status = tr_idmap_put(&self->by_number, holding->number, holding);
    if (status == TROUPE_OK) {
        holding->place = self->n;
        self->all[self->n++] = holding;
        holding->tenant->n_holdings++;
    }
    return status;
}

troupe_status_t tr_holdings_open(tr_holdings_t *self, const tr_grant_t *grant, int64_t now_ms,
                                 tr_holding_t **out)
{
    assert(self && grant && out);
    tr_tenant_t *tenant = tenant_of(self, grant->capability);
    tr_holding_t *holding = tenant ? calloc(1, sizeof *holding) : NULL;
    if (!holding) {
        return TROUPE_ERR_NOMEM;
    }
    holding->number = grant->number;
    holding->tenant = tenant;
    holding->granted = grant->amount;
    holding->granted_ms = now_ms;
    snprintf(holding->worker, sizeof holding->worker, "%s", grant->worker);
    troupe_status_t status = charge(self, &grant->amount, holding);
    if (status == TROUPE_OK) {
        status = enter(self, holding);
    }
    if (status != TROUPE_OK) {
        release_all(holding);
        free(holding);
        return status;
    }
    tenant->is_pinned = grant->is_pinned;
    tenant->evict_cost = grant->evict_cost > 0 ? grant->evict_cost : 1;
    *out = holding;
    return TROUPE_OK;
}

void tr_holdings_close(tr_holdings_t *self, tr_holding_t **holding_p)
{
    assert(self && holding_p && *holding_p);
    tr_holding_t *holding = *holding_p;
    *holding_p = NULL;
    release_all(holding);
    tr_idmap_take(&self->by_number, holding->number);
    if (holding->incarnation) {
        tr_idmap_take(&self->by_incarnation, holding->incarnation);
    }
    holding->tenant->n_holdings--;
    self->measured_bytes -= holding->measured_bytes;
    self->all[holding->place] = self->all[--self->n];
    self->all[holding->place]->place = holding->place;
    tr_pulse_release(&holding->pulse);
    free(holding);
}

tr_holding_t *tr_holdings_numbered(const tr_holdings_t *self, uint64_t number)
{
    return tr_idmap_get(&self->by_number, number);
}

tr_holding_t *tr_holdings_of_worker(const tr_holdings_t *self, uint64_t incarnation)
{
    return incarnation ? tr_idmap_get(&self->by_incarnation, incarnation) : NULL;
}

troupe_status_t tr_holdings_note_worker(tr_holdings_t *self, tr_holding_t *holding,
                                        uint64_t incarnation, tr_pulse_t *pulse)
{
    assert(self && holding && pulse && incarnation);
    if (holding->incarnation) {
        return TROUPE_EXISTS;
    }
    troupe_status_t status = tr_idmap_put(&self->by_incarnation, incarnation, holding);
    if (status == TROUPE_OK) {
        holding->incarnation = incarnation;
        holding->pulse = tr_pulse_share(pulse);
    }
    return status;
}

/* ---- what they really use ---- */

static uint64_t larger(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

void tr_holdings_measure(tr_holdings_t *self)
{
    assert(self);
    self->measured_bytes = 0;
    for (size_t i = 0; i < self->n; i++) {
        tr_holding_t *holding = self->all[i];
        int64_t bytes = holding->pulse ? atomic_load(&holding->pulse->memory_bytes) : 0;
        holding->measured_bytes = bytes > 0 ? (uint64_t)bytes : 0;
        self->measured_bytes += holding->measured_bytes;
        tr_charge_resize(&holding->charges[TR_MEMORY],
                         larger(holding->granted.of[TR_MEMORY], holding->measured_bytes));
    }
}

uint64_t tr_holdings_learn(tr_holdings_t *self, tr_holding_t *holding)
{
    assert(self && holding);
    uint64_t used = larger(holding->charges[TR_MEMORY].amount, holding->measured_bytes);
    uint64_t limit = self->ledgers[TR_MEMORY].limit;
    uint64_t more = used / 4;
    uint64_t wanted = used < limit && more < limit - used ? used + more : limit;
    holding->tenant->corrected_bytes = larger(holding->tenant->corrected_bytes, wanted);
    return holding->tenant->corrected_bytes;
}

void tr_holdings_correct(const tr_holdings_t *self, tr_grant_t *grant)
{
    assert(self && grant);
    const tr_tenant_t *tenant = find_tenant(self, grant->capability);
    uint64_t limit = self->ledgers[TR_MEMORY].limit;
    if (tenant && tenant->corrected_bytes > grant->amount.of[TR_MEMORY]) {
        uint64_t corrected = tenant->corrected_bytes < limit ? tenant->corrected_bytes : limit;
        grant->amount.of[TR_MEMORY] = larger(grant->amount.of[TR_MEMORY], corrected);
    }
}

/* ---- other limits ---- */

static void move_charges(tr_holdings_t *self, tr_holding_t *holding, const size_t *moved)
{
    tr_amounts_t held = {{0}};
    tr_amounts_t granted = {{0}};
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        if (moved[i] < TR_N_RESOURCES) {
            held.of[moved[i]] = holding->charges[i].amount;
            granted.of[moved[i]] = holding->granted.of[i];
        }
    }
    release_all(holding);
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        /* An empty charge fits always, and may grow whatever the limit. */
        troupe_status_t status = tr_ledger_charge(&self->ledgers[i], 0, &holding->charges[i]);
        assert(status == TROUPE_OK);
        (void)status;
        tr_charge_resize(&holding->charges[i], held.of[i]);
    }
    holding->granted = granted;
}

void tr_holdings_respec(tr_holdings_t *self, const tr_amounts_t *limits, const size_t *moved)
{
    assert(self && limits && moved);
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        self->ledgers[i].limit = limits->of[i];
    }
    for (size_t i = 0; i < self->n; i++) {
        move_charges(self, self->all[i], moved);
    }
}
