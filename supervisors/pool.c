/* The pool and its router meet in words only; a router that is not there is not told. */

#include "supervisors/pool.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisors/claims.h"
#include "supervisors/guests.h"
#include "supervisors/pool_size.h"

/* So many workers in a row end for want of memory before the pool pauses; a life of so long
 * breaks the row. */
#define MOST_OUT_OF_MEMORY 3
#define LONG_LIFE_MS       60000

tr_child_t *tr_pool_add_worker(tr_supervisor_t *self)
{
    tr_child_t *child = tr_supervisor_add_from_template(self);
    if (child) {
        child->view.start_at_ms = self->unavailable_until_ms;
    }
    return child;
}

bool tr_pool_begin(tr_supervisor_t *self)
{
    self->router = tr_directory_find(self->self->runtime->directory, TR_NAMES_CAPABILITY,
                                     tr_span_of(self->spec->capability));
    tr_backoff_init(&self->growth, self->spec->children->backoff_min_ms,
                    self->spec->children->backoff_max_ms);
    bool is_made = tr_pool_recall_orders(self) && tr_pool_fill_up(self);
    tr_control_say(self->router, TR_WORD_AVAILABLE, 0);
    return is_made;
}

void tr_pool_tell(tr_supervisor_t *self, tr_word_t word, const tr_child_t *child)
{
    tr_control_say(self->router, word, child->incarnation);
}

void tr_pool_tell_up(tr_supervisor_t *self, const tr_child_t *child)
{
    tr_control_t *up = tr_control_new(TR_WORD_UP, child->incarnation);
    if (up) {
        snprintf(up->name, sizeof up->name, "%s", child->name);
        up->mailbox = tr_mailbox_share(child->actor->mailbox);
        up->pulse = tr_pulse_share(child->actor->pulse);
        up->number = child->concurrency;
        tr_control_send(up, self->router);
    }
    self->wish -= self->wish > 0;
    tr_backoff_init(&self->growth, self->spec->children->backoff_min_ms,
                    self->spec->children->backoff_max_ms);
}

void tr_pool_tell_down(tr_supervisor_t *self, const tr_child_t *child,
                       const tr_reason_t *reason, tr_child_phase_t was)
{
    tr_word_t word = was == TR_CHILD_STARTING ? TR_WORD_NOT_GROWN : TR_WORD_DOWN;
    tr_control_t *down = tr_control_new(word, child->incarnation);
    if (down) {
        snprintf(down->name, sizeof down->name, "%s", child->name);
        down->reason = *reason;
        down->number = word == TR_WORD_NOT_GROWN; /* a start that failed is made again */
        tr_control_send(down, self->router);
    }
    if (was != TR_CHILD_STARTING && tr_clock_now_ms() - child->up_since_ms >= LONG_LIFE_MS) {
        self->n_out_of_memory = 0;
    }
}

static size_t n_about_to_come(const tr_supervisor_t *self)
{
    size_t n = 0;
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *child = self->children.all[i];
        n += child->view.is_wanted && child->view.phase != TR_CHILD_UP && !child->is_guest;
    }
    return n;
}

static void grow(tr_supervisor_t *self, int64_t now_ms)
{
    size_t n_extra = self->recycle.replacement != NULL;
    size_t n_at_once = self->spec->parallel_starts > 1 ? self->spec->parallel_starts : 1;
    size_t n_coming = n_about_to_come(self);
    while (now_ms >= self->grow_at_ms && n_coming < n_at_once && n_coming < self->wish &&
           self->children.n < self->most + n_extra && tr_pool_add_worker(self)) {
        n_coming++;
    }
}

void tr_pool_grow(tr_supervisor_t *self, uint64_t n_wished)
{
    if (self->is_stopping || self->rests || !tr_supervisor_is_pool(self) ||
        tr_guests_are_all(self)) {
        return;
    }
    self->wish = (size_t)n_wished;
    if (n_wished == 0) {
        tr_claims_withdraw(self);
    } else {
        grow(self, tr_clock_now_ms());
    }
}

static bool has_any_up(const tr_supervisor_t *self)
{
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *child = self->children.all[i];
        if (child->view.phase == TR_CHILD_UP && child->view.is_wanted) {
            return true;
        }
    }
    return false;
}

int64_t tr_pool_pause_ms(tr_supervisor_t *self, tr_backoff_t *backoff)
{
    int64_t delay_ms = tr_backoff_next_ms(backoff, 0, tr_supervisor_roll_dice(self));
    return delay_ms > backoff->min_ms ? delay_ms : backoff->min_ms;
}

void tr_pool_postpone_growth(tr_supervisor_t *self, int64_t now_ms)
{
    if (!has_any_up(self)) {
        self->wish = 0; /* the router ends what waits, and says it again when it has to */
        return;
    }
    self->grow_at_ms = tr_clock_after(now_ms, tr_pool_pause_ms(self, &self->growth));
}

/* ---- shrinking ---- */

size_t tr_pool_n_that_stay(const tr_supervisor_t *self)
{
    size_t n = 0;
    for (size_t i = 0; i < self->children.n; i++) {
        n += self->children.all[i]->view.is_wanted && !self->children.all[i]->is_retiring;
    }
    return n;
}

static void count_eviction(tr_supervisor_t *self, const char *cause)
{
    tr_metric_add(tr_metrics_series(self->self->runtime->metrics, TR_METRIC_COUNTER,
                                    "troupe_worker_evictions_total",
                                    "Idle workers that were let go",
                                    (tr_label_t){"capability", self->spec->capability},
                                    (tr_label_t){"cause", cause}),
                  1);
}

/* Those that go to make room were announced by the governor. */
static void tell_eviction(tr_supervisor_t *self, const tr_child_t *child, const char *cause,
                          const char *whom)
{
    if (strcmp(cause, "room") != 0 && strcmp(cause, "pressure") != 0) {
        const tr_memory_view_t *memory = &self->self->runtime->memory;
        tr_event(self->self->runtime->events, TR_LOG_INFO, "evicting",
                 TR_TEXT("capability", self->spec->capability), TR_TEXT("worker", child->name),
                 TR_NUMBER("bytes", child->spec->needs.of[TR_MEMORY]),
                 TR_NUMBER("charged", atomic_load(&memory->charged_bytes)),
                 TR_NUMBER("budget", atomic_load(&memory->budget_bytes)),
                 TR_TEXT("cause", cause), TR_TEXT("for", whom));
    }
}

void tr_pool_shrink(tr_supervisor_t *self, tr_child_t *child, const tr_control_t *word)
{
    if (!child || !tr_supervisor_is_pool(self) || child->view.phase != TR_CHILD_UP ||
        !child->view.is_wanted || child->is_retiring) {
        return;
    }
    if (!child->is_guest && tr_guests_n_others(self) <= self->least) {
        tr_pool_tell(self, TR_WORD_FINE, child);
        return;
    }
    const char *cause = word->name[0] ? word->name : "keep_alive";
    count_eviction(self, cause);
    tell_eviction(self, child, cause, word->reason.text);
    tr_claims_note_eviction(child, cause, word->reason.text);
    child->view.is_wanted = false;
    child->is_leaving = true;
    tr_supervisor_stop_alone(self, child);
}

/* ---- being unavailable ---- */

bool tr_pool_is_starved(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                        bool was_starting)
{
    if (!reason->is_out_of_memory || !tr_supervisor_is_pool(self)) {
        self->n_out_of_memory = 0;
        return false;
    }
    child->claim.wants_all_room = was_starting && !child->claim.has_had_all_room;
    child->claim.has_had_all_room = was_starting;
    if (self->n_out_of_memory < MOST_OUT_OF_MEMORY) {
        self->n_out_of_memory++; /* and stays there: after the pause one try decides */
    }
    return self->n_out_of_memory == MOST_OUT_OF_MEMORY;
}

static void postpone_starts(tr_supervisor_t *self, int64_t until_ms)
{
    for (size_t i = 0; i < self->children.n; i++) {
        self->children.all[i]->view.start_at_ms = until_ms;
    }
    self->must_act = true;
}

void tr_pool_be_unavailable(tr_supervisor_t *self, tr_child_t *child, const tr_reason_t *reason,
                            int64_t now_ms)
{
    int64_t pause_ms = self->spec->children->backoff_max_ms;
    self->unavailable_until_ms = tr_clock_after(now_ms, pause_ms);
    tr_claims_drop_all(self);
    child->n_restarts++;
    child->is_restarting = true;
    postpone_starts(self, self->unavailable_until_ms);
    char shown[TR_REASON_TEXT];
    tr_reason_show(reason, shown, sizeof shown);
    tr_event(self->self->runtime->events, TR_LOG_ERROR, "pool_unavailable",
             TR_TEXT("capability", self->spec->capability), TR_NUMBER("for_ms", pause_ms),
             TR_TEXT("worker", child->name), TR_TEXT("reason", shown));
    tr_control_t *word = tr_control_new(TR_WORD_UNAVAILABLE, 0);
    if (word) {
        word->number = (uint64_t)pause_ms;
        word->reason = tr_reason_format(reason->kind, "%s %.180s", child->name, shown);
        word->reason.is_out_of_memory = reason->is_out_of_memory;
        tr_control_send(word, self->router);
    }
}

/* When there may be room for more again, if more are wished for. */
static int64_t grow_again(tr_supervisor_t *self, int64_t now_ms)
{
    if (self->wish == 0 || self->grow_at_ms == 0 || self->is_stopping || self->rests) {
        return TR_NEVER;
    }
    if (now_ms < self->grow_at_ms) {
        return self->grow_at_ms;
    }
    self->grow_at_ms = 0;
    grow(self, now_ms);
    return TR_NEVER;
}

int64_t tr_pool_turn(tr_supervisor_t *self, int64_t now_ms)
{
    if (!self->has_looked_again) {
        self->has_looked_again = true;
        tr_pool_look_again(self);
    }
    if (self->unavailable_until_ms == 0) {
        return grow_again(self, now_ms);
    }
    if (now_ms < self->unavailable_until_ms) {
        return self->unavailable_until_ms;
    }
    self->unavailable_until_ms = 0;
    tr_intensity_reset(self->intensity);
    tr_event(self->self->runtime->events, TR_LOG_INFO, "pool_available",
             TR_TEXT("capability", self->spec->capability));
    tr_control_say(self->router, TR_WORD_AVAILABLE, 0);
    return TR_NEVER;
}
