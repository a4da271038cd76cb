/* Whatever can be wrong with a new description is found before the first of its children is
 * touched.
 */

#include "supervisors/change.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "supervisors/commands.h"
#include "supervisors/guests.h"
#include "supervisors/pool_size.h"
#include "supervisors/recycle.h"

static const tr_child_spec_t *spec_named(const tr_supervisor_spec_t *spec, const char *name)
{
    for (size_t i = 0; i < spec->n_children; i++) {
        if (strcmp(spec->children[i].name, name) == 0) {
            return &spec->children[i];
        }
    }
    return NULL;
}

/* Those children that the spec has, in its order; the caller's to free. NULL when out of
 * memory. */
static tr_child_t **children_of(const tr_supervisor_t *self, const tr_supervisor_spec_t *spec)
{
    tr_child_t **children = calloc(spec->n_children + 1, sizeof(tr_child_t *));
    for (size_t i = 0; children && i < spec->n_children; i++) {
        children[i] = tr_children_named(&self->children, spec->children[i].name);
    }
    return children;
}

/* NULL: a pool has only guests now. */
static const tr_child_spec_t *of_template(const tr_supervisor_spec_t *spec)
{
    return spec->guests == spec->children ? NULL : spec->children;
}

/* OTP's code_change: what is new is known but not started, what is no longer there goes on, and
 * comes last. */
static bool adopt(tr_supervisor_t *self, const tr_supervisor_spec_t *change,
                  tr_keepsake_t *keepsake)
{
    bool is_template = tr_supervisor_is_template(self);
    bool is_adopted = true;
    for (size_t i = 0; is_adopted && i < self->children.n; i++) {
        tr_child_t *child = self->children.all[i];
        const tr_child_spec_t *spec = child->is_guest ? change->guests
                                      : is_template   ? of_template(change)
                                                      : spec_named(change, child->name);
        is_adopted = !spec || tr_child_adopt(child, spec, keepsake) == TROUPE_OK;
    }
    for (size_t i = 0; is_adopted && !is_template && i < change->n_children; i++) {
        const tr_child_spec_t *spec = &change->children[i];
        if (!tr_children_named(&self->children, spec->name)) {
            tr_child_t *child = tr_children_add(&self->children, spec, spec->name);
            is_adopted = child != NULL;
            if (child) {
                child->keepsake = tr_keepsake_share(keepsake);
                child->spec_keepsake = tr_keepsake_share(keepsake);
                child->view.is_wanted = false;
            }
        }
    }
    tr_child_t **ordered = is_adopted && !is_template ? children_of(self, change) : NULL;
    if (ordered) {
        tr_children_order(&self->children, ordered, change->n_children);
        free(ordered);
    }
    return is_adopted && (is_template || ordered);
}

static bool is_same_recycling(const tr_recycle_plan_t *one, const tr_recycle_plan_t *other)
{
    return one->requests == other->requests && one->age_ms == other->age_ms &&
           !(one->jitter < other->jitter) && !(one->jitter > other->jitter);
}

/* A pool does besides what its new spec says of all workers. */
static void follow_pool_spec(tr_supervisor_t *self, const tr_supervisor_spec_t *before)
{
    if (self->spec->min_workers != before->min_workers ||
        self->spec->max_workers != before->max_workers) {
        tr_orders_drop_size(self->orders);
        tr_pool_set_size(self, self->spec->min_workers, self->spec->max_workers);
    }
    tr_guests_follow(self);
    if (!is_same_recycling(&self->spec->recycle, &before->recycle)) {
        tr_recycle_follow(self);
    }
}

/* What stands in the way, in words; NULL when nothing does. `why` is room for them. */
static const char *objection_to_change(const tr_supervisor_t *self,
                                       const tr_supervisor_spec_t *next, char *why, size_t size)
{
    if (!next) {
        return "there is nothing to change to";
    }
    if (tr_supervisor_spec_check(next, why, size) != TROUPE_OK) {
        return why;
    }
    if (tr_supervisor_is_template(self) != (next->strategy == TR_SIMPLE_ONE_FOR_ONE)) {
        return "simple_one_for_one cannot become another strategy, nor another become that";
    }
    if (tr_supervisor_is_pool(self) != (next->capability != NULL)) {
        return "a pool belongs to its capability";
    }
    return NULL;
}

/* What was counted counts on, unless it is counted differently now. False when out of memory.
 */
static bool follow_intensity(tr_supervisor_t *self, const tr_supervisor_spec_t *next)
{
    if (tr_intensity_is(self->intensity, next->max_restarts, next->period_ms)) {
        return true;
    }
    tr_intensity_t *intensity = tr_intensity_new(next->max_restarts, next->period_ms);
    if (intensity) {
        tr_intensity_destroy(&self->intensity);
        self->intensity = intensity;
    }
    return intensity != NULL;
}

void tr_supervisor_change(tr_supervisor_t *self, tr_command_t *command)
{
    assert(self && command);
    const tr_supervisor_spec_t *before = self->spec;
    const tr_supervisor_spec_t *next = command->change;
    char why[TR_REASON_TEXT];
    const char *why_not = objection_to_change(self, next, why, sizeof why);
    if (why_not) {
        tr_commands_answer(command, TR_ANSWER_REFUSED, NULL, why_not);
        return;
    }
    if (!follow_intensity(self, next) || !adopt(self, next, command->keepsake)) {
        tr_commands_answer(command, TR_ANSWER_FAILED, NULL, "out of memory");
        return;
    }
    tr_keepsake_t *past = self->keepsake;
    self->spec = next;
    self->keepsake = tr_keepsake_share(command->keepsake);
    self->must_act = true;
    if (tr_supervisor_is_pool(self)) {
        follow_pool_spec(self, before);
    }
    tr_keepsake_release(&past); /* `before` may go with it */
    if (tr_supervisor_is_pool(self) && command->rolls) {
        tr_recycle_renew(self, command);
    } else {
        tr_commands_answer(command, TR_ANSWER_DONE, NULL, NULL);
    }
}
