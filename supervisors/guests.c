#include "supervisors/guests.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "supervisors/pool.h"
#include "supervisors/pool_size.h"
#include "supervisors/recycle.h"

bool tr_guests_are_all(const tr_supervisor_t *self)
{
    return self->spec->guests && self->spec->guests == self->spec->children;
}

size_t tr_guests_n_others(const tr_supervisor_t *self)
{
    size_t n_guests = 0;
    for (size_t i = 0; i < self->children.n; i++) {
        const tr_child_t *child = self->children.all[i];
        n_guests += child->is_guest && child->view.is_wanted && !child->is_retiring;
    }
    return tr_pool_n_that_stay(self) - n_guests;
}

/* ---- coming ---- */

/* NULL: nothing stands in the way. `why` is room for what does. */
static const char *objection(const tr_supervisor_t *self, troupe_outcome_t *outcome, char *why,
                             size_t size)
{
    const char *name = self->spec->capability;
    *outcome = TROUPE_OUTCOME_SHUTTING_DOWN;
    if (self->is_stopping) {
        return "the node is stopping";
    }
    if (!self->spec->guests) {
        *outcome = TROUPE_OUTCOME_NO_CAPABILITY;
        snprintf(why, size, "%s takes no remote workers", name);
        return why;
    }
    if (self->rests) {
        snprintf(why, size, "%s is drained", name);
        return why;
    }
    if (tr_pool_count(self) >= self->most) {
        *outcome = TROUPE_OUTCOME_OVERLOADED;
        snprintf(why, size, "%s has %zu workers, which is all it may", name,
                 tr_pool_count(self));
        return why;
    }
    return NULL;
}

static bool add(tr_supervisor_t *self, const tr_control_t *word)
{
    tr_child_t *child = tr_supervisor_add_guest(self);
    if (child) {
        child->what = word->what;
        child->keepsake = tr_keepsake_share(word->keepsake);
        child->concurrency = (size_t)word->number;
    }
    return child != NULL;
}

void tr_guests_join(tr_supervisor_t *self, const tr_control_t *word)
{
    assert(self && word && tr_supervisor_is_pool(self));
    char text[TR_REASON_TEXT];
    troupe_outcome_t outcome;
    const char *why_not = objection(self, &outcome, text, sizeof text);
    if (!why_not && !add(self, word)) {
        outcome = TROUPE_OUTCOME_OVERLOADED;
        why_not = "the node is out of memory";
    }
    if (why_not) {
        tr_control_refuse_join(word, outcome, why_not);
    }
}

/* ---- going ---- */

void tr_guests_retire(tr_supervisor_t *self, tr_child_t *child)
{
    if (!child || !child->is_guest || child->view.phase != TR_CHILD_UP ||
        child->view.must_stop) {
        return;
    }
    if (!child->is_retiring) {
        tr_recycle_retire(self, child);
    }
    tr_children_set_due(&self->children, child, tr_clock_now_ms());
}

static void send_away(tr_supervisor_t *self, tr_child_t *child)
{
    if (child->view.phase != TR_CHILD_UP) {
        tr_pool_dismiss(self, child);
    } else if (!child->is_retiring) {
        tr_recycle_retire(self, child);
        tr_children_set_due(&self->children, child, tr_clock_now_ms());
    }
}

void tr_guests_follow(tr_supervisor_t *self)
{
    for (size_t i = self->children.n; i-- > 0;) {
        tr_child_t *child = self->children.all[i];
        if (child->is_guest ? !self->spec->guests : tr_guests_are_all(self)) {
            send_away(self, child);
        }
    }
    tr_pool_fill_up(self);
}
