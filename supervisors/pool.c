/* The pool and its router meet in words only; a router that is not there is not told. */

#include "supervisors/pool.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

static tr_child_t *add_worker(tr_supervisor_t *self)
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
    bool is_made = true;
    for (size_t i = 0; is_made && i < self->spec->min_workers; i++) {
        is_made = add_worker(self) != NULL;
    }
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
        tr_control_send(up, self->router);
    }
}

void tr_pool_tell_down(tr_supervisor_t *self, const tr_child_t *child,
                       const tr_reason_t *reason, tr_child_phase_t was)
{
    tr_word_t word = was == TR_CHILD_STARTING ? TR_WORD_NOT_GROWN : TR_WORD_DOWN;
    tr_control_t *down = tr_control_new(word, child->incarnation);
    if (down) {
        snprintf(down->name, sizeof down->name, "%s", child->name);
        down->reason = *reason;
        tr_control_send(down, self->router);
    }
}

void tr_pool_grow(tr_supervisor_t *self)
{
    if (self->is_stopping || !tr_supervisor_is_pool(self)) {
        return;
    }
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *child = self->children.all[i];
        if (child->view.is_wanted && child->view.phase != TR_CHILD_UP) {
            return; /* one is about to come */
        }
    }
    size_t n_extra = self->recycle.replacement != NULL;
    if (self->children.n < self->spec->max_workers + n_extra) {
        add_worker(self);
    }
}

void tr_pool_shrink(tr_supervisor_t *self, tr_child_t *child)
{
    size_t n_wanted = 0;
    for (size_t i = 0; i < self->children.n; i++) {
        n_wanted +=
            self->children.all[i]->view.is_wanted && !self->children.all[i]->is_retiring;
    }
    if (!child || !tr_supervisor_is_pool(self) || child->view.phase != TR_CHILD_UP ||
        !child->view.is_wanted || child->is_retiring) {
        return;
    }
    if (n_wanted <= self->spec->min_workers) {
        tr_pool_tell(self, TR_WORD_FINE, child);
        return;
    }
    child->view.is_wanted = false;
    child->is_leaving = true;
    tr_supervisor_stop_alone(self, child);
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
        tr_control_send(word, self->router);
    }
}

int64_t tr_pool_turn(tr_supervisor_t *self, int64_t now_ms)
{
    if (self->unavailable_until_ms == 0) {
        return TR_NEVER;
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
