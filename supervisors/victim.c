/* The occupants are sorted by house and, within one, by the memory they hold: so those that
 * stay as the least of a pool are its smallest, which leaves the most to hope for.
 */

#include "supervisors/victim.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

void tr_amounts_add(tr_amounts_t *self, const tr_amounts_t *more)
{
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        uint64_t room = UINT64_MAX - self->of[i];
        self->of[i] += more->of[i] < room ? more->of[i] : room;
    }
}

void tr_amounts_take(tr_amounts_t *self, const tr_amounts_t *less)
{
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        self->of[i] -= less->of[i] < self->of[i] ? less->of[i] : self->of[i];
    }
}

static int compare(const void *one_p, const void *other_p)
{
    const tr_occupant_t *one = one_p;
    const tr_occupant_t *other = other_p;
    if (one->house != other->house) {
        return one->house < other->house ? -1 : 1;
    }
    uint64_t held = one->held.of[TR_MEMORY];
    uint64_t other_held = other->held.of[TR_MEMORY];
    return held < other_held ? -1 : held > other_held;
}

void tr_census_sort(tr_census_t *self)
{
    assert(self);
    if (self->n > 0) {
        qsort(self->occupants, self->n, sizeof self->occupants[0], compare);
    }
}

/* ---- one against another ---- */

static int64_t positive(int64_t n)
{
    return n > 0 ? n : 0;
}

/* Idle ones before busy ones; of the idle the one that was not used for longest, of the busy
 * the one that is up for longest. */
static bool goes_before(const tr_occupant_t *one, const tr_occupant_t *other, int64_t now_ms)
{
    if (one->is_busy != other->is_busy) {
        return other->is_busy;
    }
    int64_t since_ms = one->is_busy ? one->up_since_ms : one->last_used_ms;
    int64_t other_since_ms = other->is_busy ? other->up_since_ms : other->last_used_ms;
    double weight = (double)positive(now_ms - since_ms) / (double)one->evict_cost;
    double other_weight = (double)positive(now_ms - other_since_ms) / (double)other->evict_cost;
    return weight > other_weight ||
           (weight >= other_weight && one->up_since_ms < other->up_since_ms);
}

static bool helps(const tr_amounts_t *held, const tr_amounts_t *shortage)
{
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        if (held->of[i] > 0 && shortage->of[i] > 0) {
            return true;
        }
    }
    return false;
}

static bool can_be_spared(const tr_census_t *self, const tr_occupant_t *occupant, size_t own)
{
    const tr_house_t *house = &self->houses[occupant->house];
    return occupant->house != own && !house->is_pinned && house->n_spare > 0 &&
           !occupant->is_leaving && !occupant->is_chosen;
}

static int64_t may_go_at_ms(const tr_occupant_t *occupant)
{
    return tr_clock_after(occupant->up_since_ms, occupant->residency_ms);
}

/* ---- choosing ---- */

static tr_occupant_t *next_victim(tr_census_t *self, const tr_amounts_t *shortage, size_t own,
                                  tr_mercy_t mercy, int64_t now_ms)
{
    tr_occupant_t *next = NULL;
    for (size_t i = 0; i < self->n; i++) {
        tr_occupant_t *one = &self->occupants[i];
        bool is_of_age = mercy == TR_SPARE_NONE_IDLE || may_go_at_ms(one) <= now_ms;
        bool is_asked = mercy == TR_SPARE_NONE_IDLE || helps(&one->held, shortage);
        if (is_of_age && is_asked && can_be_spared(self, one, own) &&
            (!one->is_busy || mercy == TR_SPARE_NEW) &&
            (!next || goes_before(one, next, now_ms))) {
            next = one;
        }
    }
    return next;
}

static void take_back(tr_census_t *self)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->occupants[i].is_chosen) {
            self->occupants[i].is_chosen = false;
            self->houses[self->occupants[i].house].n_spare++;
        }
    }
}

static int64_t next_of_age_ms(const tr_census_t *self, size_t own, int64_t now_ms)
{
    int64_t at_ms = TR_NEVER;
    for (size_t i = 0; i < self->n; i++) {
        int64_t may_go_ms = may_go_at_ms(&self->occupants[i]);
        if (may_go_ms > now_ms && may_go_ms < at_ms &&
            can_be_spared(self, &self->occupants[i], own)) {
            at_ms = may_go_ms;
        }
    }
    return at_ms;
}

bool tr_census_choose(tr_census_t *self, const tr_amounts_t *shortage, size_t own,
                      tr_mercy_t mercy, int64_t now_ms, int64_t *again_at_ms)
{
    assert(self && shortage && again_at_ms);
    tr_amounts_t left = *shortage;
    for (size_t i = 0; i < self->n; i++) {
        self->occupants[i].is_chosen = false;
    }
    *again_at_ms = next_of_age_ms(self, own, now_ms);
    tr_occupant_t *victim;
    while ((mercy == TR_SPARE_NONE_IDLE || !tr_amounts_are_none(&left)) &&
           (victim = next_victim(self, &left, own, mercy, now_ms)) != NULL) {
        victim->is_chosen = true;
        self->houses[victim->house].n_spare--;
        tr_amounts_take(&left, &victim->held);
    }
    bool is_enough = tr_amounts_are_none(&left);
    if (!is_enough && mercy != TR_SPARE_NONE_IDLE) {
        take_back(self);
    }
    return is_enough;
}

tr_occupant_t *tr_census_choose_one(tr_census_t *self, int64_t idle_ms, int64_t now_ms)
{
    assert(self);
    const tr_amounts_t memory = {.of[TR_MEMORY] = 1};
    tr_occupant_t *next = NULL;
    for (size_t i = 0; i < self->n; i++) {
        tr_occupant_t *one = &self->occupants[i];
        if (!one->is_busy && helps(&one->held, &memory) && may_go_at_ms(one) <= now_ms &&
            now_ms - one->last_used_ms >= idle_ms && can_be_spared(self, one, TR_NO_HOUSE) &&
            (!next || goes_before(one, next, now_ms))) {
            next = one;
        }
    }
    if (next) {
        next->is_leaving = true;
        self->houses[next->house].n_spare--;
    }
    return next;
}

/* ---- what stays ---- */

tr_amounts_t tr_census_fixed(const tr_census_t *self, size_t own)
{
    assert(self);
    tr_amounts_t fixed = {{0}};
    for (size_t begin = 0, end; begin < self->n; begin = end) {
        const tr_house_t *house = &self->houses[self->occupants[begin].house];
        size_t n_staying = 0;
        for (end = begin;
             end < self->n && self->occupants[end].house == self->occupants[begin].house;
             end++) {
            n_staying += !self->occupants[end].is_leaving;
        }
        bool stay_all = house->is_pinned || self->occupants[begin].house == own;
        size_t n_fixed = stay_all                     ? n_staying
                         : n_staying > house->n_spare ? n_staying - house->n_spare
                                                      : 0;
        for (size_t i = begin; i < end && n_fixed > 0; i++) {
            if (!self->occupants[i].is_leaving) {
                tr_amounts_add(&fixed, &self->occupants[i].held);
                n_fixed--;
            }
        }
    }
    return fixed;
}
