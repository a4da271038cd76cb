/* A round: who is there, then who shall go. It is begun when something is short, and again
 * while it is; routers answer at once, or are not waited for.
 *
 * What a router says of a worker counts for more than what was asked of it: one that was asked
 * to go and is listed as if nothing had been said is not going.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "supervisors/governor_inside.h"

#define ROUND_MS       500  /* a router that has not answered by then is not asked */
#define LISTENING_MS   1000 /* so long a word to go may be under way */
#define IDLE_MS        1000 /* under pressure, who was idle for so long goes */
#define LEAST_PAUSE_MS 10
#define MOST_PAUSE_MS  100

/* ---- asking ---- */

static void drop_answers(tr_round_t *round)
{
    for (size_t i = 0; i < round->n_answers; i++) {
        tr_letter_t *letter = &round->answers[i]->letter;
        tr_letter_destroy(&letter);
    }
    free(round->answers);
    *round = (tr_round_t){.token = round->token};
}

void tr_round_finish(tr_governor_t *self)
{
    drop_answers(&self->round);
}

/* A word that is answered here. Takes it; false when there is no such router, or no word. */
static bool say_to_router(tr_governor_t *self, const char *capability, tr_control_t *word)
{
    tr_mailbox_t *router = tr_directory_find(self->self->runtime->directory,
                                             TR_NAMES_CAPABILITY, tr_span_of(capability));
    bool is_said = router && word;
    if (word) {
        word->mailbox = tr_mailbox_share(self->self->mailbox);
        tr_control_send(word, router);
    }
    tr_mailbox_release(&router);
    return is_said;
}

static bool ask(tr_governor_t *self, const tr_tenant_t *tenant)
{
    tr_control_t *word = tr_control_new(TR_WORD_WHO_IS_THERE, 0);
    if (word) {
        word->number = self->round.token;
    }
    return say_to_router(self, tenant->capability, word);
}

/* How long until it is worth while to look again, when nothing happens meanwhile: workers do
 * not say that they have become idle. */
static int64_t pause_ms(const tr_governor_t *self)
{
    int64_t part_ms = self->spec->residency_ms / 8;
    return part_ms < LEAST_PAUSE_MS  ? LEAST_PAUSE_MS
           : part_ms > MOST_PAUSE_MS ? MOST_PAUSE_MS
                                     : part_ms;
}

void tr_round_begin(tr_governor_t *self, int64_t now_ms)
{
    tr_round_t *round = &self->round;
    assert(!round->is_under_way);
    self->look_at_ms = tr_clock_after(now_ms, pause_ms(self));
    round->answers = calloc(self->holdings.n_tenants + 1, sizeof(tr_residents_t *));
    if (!round->answers) {
        return;
    }
    round->token++;
    round->is_under_way = true;
    round->until_ms = tr_clock_after(now_ms, ROUND_MS);
    for (size_t i = 0; i < self->holdings.n_tenants; i++) {
        const tr_tenant_t *tenant = self->holdings.tenants[i];
        round->n_asked += tenant->n_holdings > 0 && ask(self, tenant);
    }
    if (round->n_asked == 0) {
        round->until_ms = now_ms;
    }
}

void tr_round_take(tr_governor_t *self, tr_residents_t *answer)
{
    tr_round_t *round = &self->round;
    if (round->is_under_way && answer->token == round->token &&
        round->n_answers < round->n_asked) {
        round->answers[round->n_answers++] = answer;
        return;
    }
    tr_letter_t *letter = &answer->letter;
    tr_letter_destroy(&letter);
}

/* ---- what was seen ---- */

static int64_t larger(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

static void stay(tr_holding_t *holding)
{
    holding->cause = NULL;
    holding->for_ask = 0;
    holding->for_whom[0] = '\0';
}

static tr_occupant_t occupant_of(const tr_governor_t *self, const tr_resident_t *resident,
                                 tr_holding_t *holding, size_t house, int64_t now_ms)
{
    bool is_heard = now_ms - holding->asked_ms >= LISTENING_MS;
    if (holding->cause && !resident->is_leaving && is_heard) {
        stay(holding);
    }
    return (tr_occupant_t){
        .house = house,
        .up_since_ms = resident->up_since_ms,
        .last_used_ms = larger(resident->last_used_ms, resident->up_since_ms),
        .residency_ms =
            larger(self->spec->residency_ms, resident->up_since_ms - holding->granted_ms),
        .evict_cost = holding->tenant->evict_cost,
        .held = tr_holding_amounts(holding),
        .is_busy = resident->n_pending > 0,
        .is_leaving = resident->is_leaving || holding->cause,
        .what = holding,
    };
}

/* False when out of memory. */
static bool count_all(tr_governor_t *self, tr_census_t *census, int64_t now_ms)
{
    const tr_round_t *round = &self->round;
    size_t n = 0;
    for (size_t i = 0; i < round->n_answers; i++) {
        n += round->answers[i]->n;
    }
    *census = (tr_census_t){
        .occupants = calloc(n + 1, sizeof(tr_occupant_t)),
        .houses = calloc(round->n_answers + 1, sizeof(tr_house_t)),
        .n_houses = round->n_answers,
    };
    if (!census->occupants || !census->houses) {
        return false;
    }
    for (size_t i = 0; i < round->n_answers; i++) {
        const tr_residents_t *answer = round->answers[i];
        census->houses[i].n_spare = answer->n_spare;
        for (size_t k = 0; k < answer->n; k++) {
            const tr_resident_t *resident = &answer->all[k];
            tr_holding_t *holding =
                tr_holdings_of_worker(&self->holdings, resident->incarnation);
            if (holding) {
                census->houses[i].is_pinned = holding->tenant->is_pinned;
                census->occupants[census->n++] =
                    occupant_of(self, resident, holding, i, now_ms);
            }
        }
    }
    tr_census_sort(census);
    return true;
}

static size_t house_of(const tr_governor_t *self, const char *capability)
{
    for (size_t i = 0; i < self->round.n_answers; i++) {
        if (strcmp(self->round.answers[i]->capability, capability) == 0) {
            return i;
        }
    }
    return TR_NO_HOUSE;
}

/* ---- letting go ---- */

static void yield(tr_governor_t *self, tr_occupant_t *occupant, const char *cause,
                  const tr_grant_t *grant, bool even_if_busy, int64_t now_ms)
{
    tr_holding_t *holding = occupant->what;
    occupant->is_leaving = true;
    occupant->is_chosen = false;
    holding->cause = cause;
    holding->asked_ms = now_ms;
    holding->for_ask = grant ? grant->number : 0;
    snprintf(holding->for_whom, sizeof holding->for_whom, "%s", grant ? grant->worker : "");
    tr_governor_tell(self, "evicting", holding->tenant->capability, holding->worker,
                     holding->charges[TR_MEMORY].amount, cause, holding->for_whom);
    tr_control_t *word = tr_control_new(TR_WORD_YIELD, holding->incarnation);
    if (word) {
        word->number = even_if_busy;
        snprintf(word->name, sizeof word->name, "%s", cause);
        snprintf(word->reason.text, sizeof word->reason.text, "%s", holding->for_whom);
    }
    (void)say_to_router(self, holding->tenant->capability, word); /* else it is asked again */
}

void tr_round_not_yielded(tr_governor_t *self, uint64_t incarnation)
{
    tr_holding_t *holding = tr_holdings_of_worker(&self->holdings, incarnation);
    if (holding && holding->cause) {
        for (size_t i = 0; i < self->n_line; i++) {
            if (self->line[i].grant->number == holding->for_ask) {
                self->line[i].is_promised = false;
            }
        }
        stay(holding);
    }
}

/* ---- deciding ---- */

typedef struct tr_plan_of_room {
    tr_census_t census;
    tr_amounts_t taken; /* charged, or promised to those before in the line */
    tr_amounts_t there; /* may be charged, or comes free when those that leave have left */
    bool is_complete;   /* all were asked, and all have answered */
    int64_t again_at_ms;
} tr_plan_of_room_t;

static void yield_chosen(tr_governor_t *self, tr_plan_of_room_t *plan, const tr_grant_t *grant,
                         bool even_if_busy, int64_t now_ms)
{
    for (size_t i = 0; i < plan->census.n; i++) {
        tr_occupant_t *occupant = &plan->census.occupants[i];
        if (occupant->is_chosen) {
            tr_amounts_add(&plan->there, &occupant->held);
            yield(self, occupant, "room", grant, even_if_busy, now_ms);
        }
    }
}

/* What is missing for `wanted`. */
static tr_amounts_t shortage_of(const tr_plan_of_room_t *plan, const tr_amounts_t *wanted)
{
    tr_amounts_t needed = plan->taken;
    tr_amounts_add(&needed, wanted);
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        if (wanted->of[i] == 0) {
            needed.of[i] = 0;
        }
    }
    tr_amounts_take(&needed, &plan->there);
    return needed;
}

/* The first resource of which it cannot have enough, however long it waits. */
static size_t hopeless(const tr_governor_t *self, const tr_plan_of_room_t *plan,
                       const tr_grant_t *grant, uint64_t *fixed_out)
{
    if (!plan->is_complete) {
        return TR_N_RESOURCES;
    }
    tr_amounts_t fixed = tr_census_fixed(&plan->census, house_of(self, grant->capability));
    tr_amounts_t hanging = tr_holdings_hanging(&self->holdings);
    tr_amounts_add(&fixed, &hanging);
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        uint64_t limit = self->holdings.ledgers[i].limit;
        if (grant->amount.of[i] > 0 &&
            (fixed.of[i] > limit || limit - fixed.of[i] < grant->amount.of[i])) {
            *fixed_out = fixed.of[i];
            return i;
        }
    }
    return TR_N_RESOURCES;
}

static void refuse_hopeless(tr_governor_t *self, size_t index, size_t resource, uint64_t fixed)
{
    const tr_grant_t *grant = self->line[index].grant;
    char why[TR_REASON_TEXT], wanted[32], limit[32], held[32];
    uint64_t most = self->holdings.ledgers[resource].limit;
    if (resource == TR_MEMORY) {
        snprintf(why, sizeof why,
                 "it needs %s of memory, and of %s there are %s with workers that do not give "
                 "way",
                 tr_text_show_size(grant->amount.of[resource], wanted, sizeof wanted),
                 tr_text_show_size(most, limit, sizeof limit),
                 tr_text_show_size(fixed, held, sizeof held));
    } else {
        snprintf(
            why, sizeof why,
            "it needs %llu %s, and of %llu there are %llu with workers that do not give way",
            (unsigned long long)grant->amount.of[resource], self->spec->names[resource],
            (unsigned long long)most, (unsigned long long)fixed);
    }
    tr_governor_refuse(self, index, why);
}

/* Let others go for it, if that is enough. */
static bool make_room(tr_governor_t *self, tr_plan_of_room_t *plan, const tr_ask_t *ask,
                      const tr_amounts_t *shortage, int64_t now_ms)
{
    tr_census_t *census = &plan->census;
    size_t own = house_of(self, ask->grant->capability);
    bool is_aged = tr_governor_is_aged(self, ask, now_ms);
    int64_t again_at_ms;
    bool is_enough =
        tr_census_choose(census, shortage, own, TR_SPARE_BUSY, now_ms, &again_at_ms);
    if (!is_enough && is_aged) {
        is_enough = tr_census_choose(census, shortage, own, TR_SPARE_NEW, now_ms, &again_at_ms);
    }
    if (again_at_ms < plan->again_at_ms) {
        plan->again_at_ms = again_at_ms;
    }
    if (is_enough) {
        yield_chosen(self, plan, ask->grant, is_aged, now_ms);
    }
    return is_enough;
}

/* A start has failed for want of memory, whatever was charged: all that is idle goes. */
static void make_all_room(tr_governor_t *self, tr_plan_of_room_t *plan, tr_ask_t *ask,
                          int64_t now_ms)
{
    int64_t again_at_ms;
    (void)tr_census_choose(&plan->census, &ask->grant->amount,
                           house_of(self, ask->grant->capability), TR_SPARE_NONE_IDLE, now_ms,
                           &again_at_ms);
    yield_chosen(self, plan, ask->grant, false, now_ms);
    tr_amounts_add(&plan->taken, &ask->grant->amount);
    ask->grant->wants_all_room = false;
    ask->waits_for_all = true;
    ask->is_promised = true;
}

static void decide_line(tr_governor_t *self, tr_plan_of_room_t *plan, int64_t now_ms)
{
    for (size_t i = 0; i < self->n_line;) {
        tr_ask_t *ask = &self->line[i];
        const tr_amounts_t wanted = ask->grant->amount;
        uint64_t fixed = 0;
        size_t resource = hopeless(self, plan, ask->grant, &fixed);
        if (resource < TR_N_RESOURCES) {
            refuse_hopeless(self, i, resource, fixed);
            continue;
        }
        i++;
        if (tr_governor_holds_back(self, ask)) {
            continue;
        }
        if (ask->grant->wants_all_room) {
            make_all_room(self, plan, ask, now_ms);
            continue;
        }
        tr_amounts_t shortage = shortage_of(plan, &wanted);
        bool is_coming = tr_amounts_are_none(&shortage);
        if (!is_coming) {
            is_coming = make_room(self, plan, ask, &shortage, now_ms);
            ask->is_promised = is_coming;
        }
        if (is_coming || tr_governor_is_aged(self, ask, now_ms)) {
            tr_amounts_add(&plan->taken, &wanted);
        }
    }
}

/* Above the budget as many as it takes; under pressure one, and then it is looked again. */
static void decide_relief(tr_governor_t *self, tr_plan_of_room_t *plan, int64_t now_ms)
{
    if (!self->wants_relief) {
        return;
    }
    const tr_ledger_t *memory = &self->holdings.ledgers[TR_MEMORY];
    tr_amounts_t leaving = tr_holdings_leaving(&self->holdings);
    uint64_t still =
        memory->charged > leaving.of[TR_MEMORY] ? memory->charged - leaving.of[TR_MEMORY] : 0;
    bool is_over = still > memory->limit;
    tr_occupant_t *next = NULL;
    do {
        next = tr_census_choose_one(&plan->census, is_over ? 0 : IDLE_MS, now_ms);
        if (next) {
            still -= next->held.of[TR_MEMORY] < still ? next->held.of[TR_MEMORY] : still;
            yield(self, next, "pressure", NULL, false, now_ms);
        }
    } while (next && still > memory->limit);
}

static void decide(tr_governor_t *self, int64_t now_ms)
{
    tr_plan_of_room_t plan = {
        .taken = tr_holdings_charged(&self->holdings),
        .there = tr_holdings_limits(&self->holdings),
        .is_complete = self->round.n_answers == self->round.n_asked,
        .again_at_ms = TR_NEVER,
    };
    if (count_all(self, &plan.census, now_ms)) {
        tr_amounts_t leaving = tr_holdings_leaving(&self->holdings);
        for (size_t i = 0; i < plan.census.n; i++) {
            const tr_occupant_t *occupant = &plan.census.occupants[i];
            if (occupant->is_leaving && !((tr_holding_t *)occupant->what)->cause) {
                tr_amounts_add(&leaving, &occupant->held); /* of its own accord */
            }
        }
        tr_amounts_add(&plan.there, &leaving);
        decide_line(self, &plan, now_ms);
        decide_relief(self, &plan, now_ms);
        if (plan.again_at_ms < self->look_at_ms) {
            self->look_at_ms = plan.again_at_ms;
        }
    }
    self->wants_relief = false;
    free(plan.census.occupants);
    free(plan.census.houses);
}

bool tr_round_turn(tr_governor_t *self, int64_t now_ms)
{
    tr_round_t *round = &self->round;
    bool is_over = round->is_under_way &&
                   (round->n_answers == round->n_asked || now_ms >= round->until_ms);
    if (is_over) {
        decide(self, now_ms);
        drop_answers(round);
    }
    return is_over;
}
