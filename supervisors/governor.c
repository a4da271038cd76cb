/* Papers come in, and go out given or refused; between the two they wait in line, where the
 * governor owns them. Each turn the line is walked once, from whoever came first: what fits is
 * given, unless its room is kept for one before it. Room is kept for those that have waited
 * long, and for those for whom others were asked to go.
 *
 * A paper that was given is out until it comes home; the holding of its number stands for it.
 */

#include "supervisors/governor.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "supervisors/governor_inside.h"

#define MAILBOX_LETTERS 100000
#define MAILBOX_BYTES   ((size_t)64 << 20)
#define TICK_MS         1000

/* ---- the line ---- */

bool tr_governor_is_aged(const tr_governor_t *self, const tr_ask_t *ask, int64_t now_ms)
{
    return now_ms > tr_clock_after(ask->since_ms, self->spec->residency_ms);
}

bool tr_governor_holds_back(const tr_governor_t *self, const tr_ask_t *ask)
{
    return self->pressure == TR_PRESSURE_CRITICAL && ask->grant->is_beyond_min &&
           !ask->grant->is_first;
}

/* Out of the line; the paper is the caller's. */
static tr_grant_t *leave_line(tr_governor_t *self, size_t index)
{
    tr_grant_t *grant = self->line[index].grant;
    self->n_line--;
    memmove(&self->line[index], &self->line[index + 1],
            (self->n_line - index) * sizeof self->line[0]);
    return grant;
}

static void refuse(tr_governor_t *self, tr_grant_t *grant, const char *why)
{
    grant->state = TR_GRANT_REFUSED;
    grant->reason = tr_reason_format(TROUPE_REASON_FAILED, "%s", why);
    grant->reason.is_out_of_memory = true;
    tr_event(self->self->runtime->events, TR_LOG_WARNING, "not_granted",
             TR_TEXT("capability", grant->capability), TR_TEXT("worker", grant->worker),
             TR_TEXT("reason", why));
    tr_grant_answer(&grant);
}

void tr_governor_refuse(tr_governor_t *self, size_t index, const char *why)
{
    refuse(self, leave_line(self, index), why);
}

/* It is not in the line any more. */
static void give(tr_governor_t *self, tr_grant_t *grant, int64_t now_ms)
{
    tr_holding_t *holding = NULL;
    troupe_status_t status = tr_holdings_open(&self->holdings, grant, now_ms, &holding);
    if (status != TROUPE_OK) {
        refuse(self, grant, troupe_status_text(status));
        return;
    }
    grant->state = TR_GRANT_GIVEN;
    tr_governor_tell(self, "granted", grant->capability, grant->worker,
                     grant->amount.of[TR_MEMORY], NULL, NULL);
    tr_governor_show(self);
    tr_grant_answer(&grant);
}

static bool fits(const tr_governor_t *self, const tr_amounts_t *wanted,
                 const tr_amounts_t *kept)
{
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        uint64_t room = tr_ledger_room(&self->holdings.ledgers[i]);
        if (wanted->of[i] > 0 && (room < kept->of[i] || room - kept->of[i] < wanted->of[i])) {
            return false;
        }
    }
    return true;
}

/* Those that were asked to go for it have gone, or do not go. */
static bool has_all_room(const tr_governor_t *self, const tr_ask_t *ask)
{
    for (size_t i = 0; i < self->holdings.n; i++) {
        const tr_holding_t *holding = self->holdings.all[i];
        if (holding->cause && holding->for_ask == ask->grant->number) {
            return false;
        }
    }
    return true;
}

/* The first resource of which there never was so much; TR_N_RESOURCES: there is. */
static size_t never_fits(const tr_governor_t *self, const tr_amounts_t *wanted)
{
    size_t i = 0;
    while (i < TR_N_RESOURCES && wanted->of[i] <= self->holdings.ledgers[i].limit) {
        i++;
    }
    return i;
}

static void refuse_for_ever(tr_governor_t *self, size_t index, size_t resource)
{
    char why[TR_REASON_TEXT], wanted[32], limit[32];
    uint64_t amount = self->line[index].grant->amount.of[resource];
    uint64_t most = self->holdings.ledgers[resource].limit;
    const char *name = self->spec->names[resource];
    if (resource == TR_MEMORY) {
        snprintf(why, sizeof why, "it needs %s of memory, and the budget is %s",
                 tr_text_show_size(amount, wanted, sizeof wanted),
                 tr_text_show_size(most, limit, sizeof limit));
    } else {
        snprintf(why, sizeof why, "it needs %llu %s, and the node has %llu",
                 (unsigned long long)amount, name ? name : "of what there is none",
                 (unsigned long long)most);
    }
    tr_governor_refuse(self, index, why);
}

/* Walk the line once. Whether any is left that is short of room. */
static bool serve(tr_governor_t *self, int64_t now_ms)
{
    tr_amounts_t kept = {{0}};
    bool is_short = false;
    for (size_t i = 0; i < self->n_line;) {
        tr_ask_t *ask = &self->line[i];
        const tr_amounts_t *wanted = &ask->grant->amount;
        size_t resource = never_fits(self, wanted);
        if (tr_mailbox_is_closed(ask->grant->pool)) {
            tr_grant_t *grant = leave_line(self, i);
            tr_grant_destroy(&grant);
            continue;
        }
        if (resource < TR_N_RESOURCES) {
            refuse_for_ever(self, i, resource);
            continue;
        }
        ask->waits_for_all = ask->waits_for_all && !has_all_room(self, ask);
        if (tr_governor_holds_back(self, ask)) {
            i++;
            continue;
        }
        if (!ask->waits_for_all && !ask->grant->wants_all_room && fits(self, wanted, &kept)) {
            give(self, leave_line(self, i), now_ms);
            continue;
        }
        is_short = true;
        if (ask->is_promised || tr_governor_is_aged(self, ask, now_ms)) {
            tr_amounts_add(&kept, wanted);
        }
        i++;
    }
    return is_short;
}

/* ---- papers ---- */

static void take_ask(tr_governor_t *self, tr_grant_t *grant, int64_t now_ms)
{
    if (self->n_line == self->n_line_room) {
        size_t n_room = self->n_line_room ? self->n_line_room * 2 : 16;
        tr_ask_t *line = realloc(self->line, n_room * sizeof *line);
        if (!line) {
            refuse(self, grant, "out of memory");
            return;
        }
        self->line = line;
        self->n_line_room = n_room;
    }
    tr_holdings_correct(&self->holdings, grant);
    self->line[self->n_line++] = (tr_ask_t){.grant = grant, .since_ms = now_ms};
    self->look_at_ms = now_ms;
}

static void learn(tr_governor_t *self, const tr_grant_t *grant, tr_holding_t *holding)
{
    uint64_t bytes = tr_holdings_learn(&self->holdings, holding);
    tr_governor_tell(self, "memory_corrected", grant->capability, grant->worker, bytes, NULL,
                     NULL);
}

static void come_home(tr_governor_t *self, tr_grant_t *grant, int64_t now_ms)
{
    tr_holding_t *holding = tr_holdings_numbered(&self->holdings, grant->number);
    if (holding) {
        uint64_t bytes = holding->charges[TR_MEMORY].amount;
        if (grant->was_out_of_memory) {
            learn(self, grant, holding);
        }
        tr_holdings_close(&self->holdings, &holding);
        tr_governor_tell(self, "charge_released", grant->capability, grant->worker, bytes, NULL,
                         NULL);
        if (grant->cause[0]) {
            tr_governor_tell(self, "evicted", grant->capability, grant->worker, bytes,
                             grant->cause, grant->whom);
        }
        tr_governor_show(self);
        self->look_at_ms = now_ms;
    }
    tr_grant_destroy(&grant);
}

static void take_grant(tr_governor_t *self, tr_grant_t *grant, int64_t now_ms)
{
    if (grant->state == TR_GRANT_ASKED) {
        take_ask(self, grant, now_ms);
    } else if (grant->state == TR_GRANT_RETURNED) {
        come_home(self, grant, now_ms);
    } else {
        tr_grant_destroy(&grant); /* nobody sends such a paper here */
    }
}

/* ---- words ---- */

/* One that was given meanwhile is on its way to the pool, which sends it home. */
static void withdraw(tr_governor_t *self, uint64_t number, int64_t now_ms)
{
    for (size_t i = 0; i < self->n_line; i++) {
        if (self->line[i].grant->number == number) {
            tr_grant_t *grant = leave_line(self, i);
            tr_grant_destroy(&grant);
            self->look_at_ms = now_ms;
            return;
        }
    }
}

static void note_worker(tr_governor_t *self, const tr_control_t *word)
{
    tr_holding_t *holding = tr_holdings_numbered(&self->holdings, word->number);
    if (holding && word->pulse &&
        tr_holdings_note_worker(&self->holdings, holding, word->incarnation, word->pulse) !=
            TROUPE_OK) {
        tr_event(self->self->runtime->events, TR_LOG_ERROR, "holder_not_noted",
                 TR_TEXT("worker", word->name));
    }
}

/* The number that a resource of the old spec has now. */
static size_t moved_to(const tr_governor_spec_t *old, const tr_governor_spec_t *now, size_t i)
{
    if (i == TR_MEMORY) {
        return TR_MEMORY;
    }
    for (size_t k = TR_MEMORY + 1; old->names[i] && k < TR_N_RESOURCES; k++) {
        if (now->names[k] && strcmp(now->names[k], old->names[i]) == 0) {
            return k;
        }
    }
    return TR_N_RESOURCES;
}

static void move_amounts(tr_amounts_t *amounts, const size_t *moved)
{
    tr_amounts_t old = *amounts;
    *amounts = (tr_amounts_t){{0}};
    for (size_t i = 0; i < TR_N_RESOURCES; i++) {
        if (moved[i] < TR_N_RESOURCES) {
            amounts->of[moved[i]] = old.of[i];
        }
    }
}

static void respec(tr_governor_t *self, const tr_control_t *word, int64_t now_ms)
{
    const tr_governor_spec_t *now = word->what;
    size_t moved[TR_N_RESOURCES];
    for (size_t i = 0; now && i < TR_N_RESOURCES; i++) {
        moved[i] = moved_to(self->spec, now, i);
    }
    if (now) {
        tr_holdings_respec(&self->holdings, &now->limits, moved);
        for (size_t i = 0; i < self->n_line; i++) {
            move_amounts(&self->line[i].grant->amount, moved);
        }
        self->spec = now;
        tr_keepsake_release(&self->keepsake);
        self->keepsake = tr_keepsake_share(word->keepsake);
        self->look_at_ms = now_ms;
        tr_governor_show(self);
    }
}

static void on_word(tr_governor_t *self, const tr_control_t *word, int64_t now_ms)
{
    switch (word->word) {
    case TR_WORD_WITHDRAW:
        withdraw(self, word->number, now_ms);
        break;
    case TR_WORD_HOLDS:
        note_worker(self, word);
        break;
    case TR_WORD_NOT_YIELDED:
        tr_round_not_yielded(self, word->incarnation);
        break;
    case TR_WORD_RESPEC:
        respec(self, word, now_ms);
        break;
    default:
        break;
    }
}

static void receive(tr_self_t *actor, tr_letter_t *letter)
{
    tr_governor_t *self = actor->state;
    tr_grant_t *grant = tr_grant_in(letter);
    const tr_control_t *word = tr_control_in(letter);
    if (grant) {
        take_grant(self, grant, actor->now.ms);
    } else if (word) {
        on_word(self, word, actor->now.ms);
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_residents_type) {
        tr_round_take(self, (tr_residents_t *)letter);
    } else {
        tr_letter_destroy(&letter);
    }
}

/* ---- turns ---- */

/* Whoever is over by itself is asked nothing: only what is idle may be let go. */
static void look_over(tr_governor_t *self)
{
    const tr_ledger_t *memory = &self->holdings.ledgers[TR_MEMORY];
    bool is_over = memory->charged > memory->limit;
    if (is_over && !self->is_over) {
        tr_event(self->self->runtime->events, TR_LOG_WARNING, "memory_over_budget",
                 TR_NUMBER("charged", memory->charged), TR_NUMBER("budget", memory->limit));
    }
    self->is_over = is_over;
    self->wants_relief = is_over || self->pressure >= TR_PRESSURE_HIGH;
}

/* A hung thread may end when nobody is left to hear of it. */
static void tick(tr_governor_t *self, int64_t now_ms)
{
    (void)tr_quarantine_sweep(self->self->runtime->quarantine);
    tr_governor_measure_self(self);
    tr_holdings_measure(&self->holdings);
    tr_governor_show(self);
    look_over(self);
    self->tick_at_ms = tr_clock_after(now_ms, TICK_MS);
}

static int64_t turn(tr_self_t *actor, int64_t now_ms)
{
    tr_governor_t *self = actor->state;
    if (now_ms >= self->tick_at_ms) {
        tick(self, now_ms);
    }
    bool is_short = serve(self, now_ms);
    if (tr_round_turn(self, now_ms)) {
        is_short = serve(self, now_ms);
    }
    if (!self->round.is_under_way &&
        ((is_short && now_ms >= self->look_at_ms) || self->wants_relief)) {
        tr_round_begin(self, now_ms);
    }
    if (self->n_line == 0 && self->holdings.n == 0) {
        return TR_NEVER; /* the next tick comes with the next ask */
    }
    int64_t due_ms = self->tick_at_ms;
    if (self->round.is_under_way) {
        return tr_clock_earlier(due_ms, self->round.until_ms);
    }
    return is_short ? tr_clock_earlier(due_ms, self->look_at_ms) : due_ms;
}

/* ---- life ---- */

static bool begin(tr_self_t *actor, const void *arg)
{
    tr_governor_t *self = calloc(1, sizeof *self);
    actor->state = self;
    if (self && arg) {
        self->self = actor;
        self->spec = arg;
        tr_holdings_init(&self->holdings, &self->spec->limits);
        if (tr_governor_view_begin(self)) {
            tr_governor_measure_self(self);
            tr_governor_show(self);
            return true;
        }
    }
    actor->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
    return false;
}

static void end(tr_self_t *actor)
{
    tr_governor_t *self = actor->state;
    if (!self) {
        return;
    }
    while (self->n_line > 0) {
        tr_grant_t *grant = leave_line(self, self->n_line - 1);
        tr_grant_destroy(&grant);
    }
    tr_round_finish(self);
    tr_holdings_finish(&self->holdings);
    tr_keepsake_release(&self->keepsake);
    free(self->line);
    free(self);
    actor->state = NULL;
}

static const tr_actor_class_t governor_class = {
    .kind = "governor",
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .end = end,
};

troupe_status_t tr_governor_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &governor_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
}
