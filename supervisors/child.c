/* The phase of a child and its actor go together: an actor there is exactly while it is not
 * down.
 */

#include "supervisors/child.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/worker/worker_state.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"

/* A thread that has said that it ended needs no longer than this to be gone. */
#define LAST_STEPS_MS 2000

static troupe_status_t make_intensity(const tr_child_spec_t *spec, tr_intensity_t **out)
{
    *out = spec->own_restarts >= 0
               ? tr_intensity_new((size_t)spec->own_restarts, spec->own_period_ms)
               : NULL;
    return spec->own_restarts >= 0 && !*out ? TROUPE_ERR_NOMEM : TROUPE_OK;
}

tr_child_t *tr_child_new(const tr_child_spec_t *spec, const char *name)
{
    assert(spec && name);
    tr_child_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    if (make_intensity(spec, &self->own_intensity) != TROUPE_OK) {
        free(self);
        return NULL;
    }
    self->spec = spec;
    self->what = spec->what;
    self->due_ms = TR_NEVER;
    self->recycle_at_ms = TR_NEVER;
    self->due_place = TR_HEAP_NOWHERE;
    snprintf(self->name, sizeof self->name, "%s", name);
    self->view = (tr_child_view_t){.phase = TR_CHILD_DOWN, .is_wanted = true};
    tr_backoff_init(&self->backoff, spec->backoff_min_ms, spec->backoff_max_ms);
    return self;
}

/* What was counted counts on then. */
static bool has_intensity_of(const tr_child_t *self, const tr_child_spec_t *spec)
{
    return spec->own_restarts < 0
               ? !self->own_intensity
               : self->own_intensity &&
                     tr_intensity_is(self->own_intensity, (size_t)spec->own_restarts,
                                     spec->own_period_ms);
}

troupe_status_t tr_child_adopt(tr_child_t *self, const tr_child_spec_t *spec,
                               tr_keepsake_t *keepsake)
{
    assert(self && spec);
    if (!has_intensity_of(self, spec)) {
        tr_intensity_t *intensity;
        if (make_intensity(spec, &intensity) != TROUPE_OK) {
            return TROUPE_ERR_NOMEM;
        }
        tr_intensity_destroy(&self->own_intensity);
        self->own_intensity = intensity;
    }
    self->backoff.min_ms = spec->backoff_min_ms;
    self->backoff.max_ms = spec->backoff_max_ms;
    if (self->what == self->spec->what) {
        self->what = spec->what;
        tr_keepsake_release(&self->keepsake);
        self->keepsake = tr_keepsake_share(keepsake);
    }
    self->spec = spec;
    tr_keepsake_release(&self->spec_keepsake);
    self->spec_keepsake = tr_keepsake_share(keepsake);
    return TROUPE_OK;
}

void tr_child_destroy(tr_child_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        assert(!(*self_p)->actor);
        assert(!(*self_p)->commands);
        assert(!(*self_p)->claim.grant);
        tr_intensity_destroy(&(*self_p)->own_intensity);
        troupe_ref_release(&(*self_p)->ref);
        tr_keepsake_release(&(*self_p)->keepsake);
        tr_keepsake_release(&(*self_p)->spec_keepsake);
        free(*self_p);
        *self_p = NULL;
    }
}

static void keep_ref(tr_child_t *self)
{
    if (self->ref != self->actor->ref) { /* it was over meanwhile */
        troupe_ref_release(&self->ref);
        self->ref = self->actor->ref ? troupe_ref_share(self->actor->ref) : NULL;
    }
}

troupe_status_t tr_child_start(tr_child_t *self, tr_runtime_t *runtime, tr_mailbox_t *parent,
                               const char *home, int64_t now_ms)
{
    assert(self->view.phase == TR_CHILD_DOWN);
    const tr_birth_t birth = {.what = self->what,
                              .name = self->name,
                              .runtime = runtime,
                              .parent = parent,
                              .home = home,
                              .keepsake = self->keepsake};
    troupe_status_t status = self->spec->start(&birth, &self->actor);
    if (status == TROUPE_OK) {
        self->incarnation = self->actor->incarnation;
        keep_ref(self);
        self->view.phase = TR_CHILD_STARTING;
        self->is_doubtful = false;
        self->is_outdated = false;
        self->is_condemned = false;
        self->has_been_killed = false;
        self->up_since_ms = now_ms;
        tr_health_init(&self->health, now_ms);
    }
    return status;
}

void tr_child_came_up(tr_child_t *self, int64_t now_ms)
{
    self->view.phase = TR_CHILD_UP;
    self->view.is_in_turn = self->view.must_stop; /* told to go meanwhile, and when it may */
    self->is_restarting = false;
    self->has_been_tried = true;
    self->up_since_ms = now_ms;
    tr_health_init(&self->health, now_ms);
}

void tr_child_ask_to_stop(tr_child_t *self, tr_reason_t reason, int64_t now_ms)
{
    assert(self->actor);
    self->view.phase = TR_CHILD_STOPPING;
    self->stop_until_ms = tr_clock_after(now_ms, self->spec->shutdown_ms);
    tr_actor_ask_to_stop(self->actor, reason);
}

bool tr_child_kill(tr_child_t *self, const tr_reason_t *reason, int64_t grace_ms,
                   int64_t now_ms)
{
    assert(self->actor);
    if (!self->actor->can_be_killed) {
        return false;
    }
    tr_control_t *kill = tr_control_new(TR_WORD_KILL, self->actor->incarnation);
    if (kill) {
        kill->reason = *reason;
        kill->number = (uint64_t)grace_ms;
        tr_control_send(kill, self->actor->mailbox);
    }
    self->view.phase = TR_CHILD_STOPPING;
    self->has_been_killed = true;
    self->stop_until_ms = tr_clock_after(now_ms, grace_ms + LAST_STEPS_MS);
    return true;
}

uint64_t tr_child_messages(const tr_child_t *self)
{
    return self->n_messages + (self->actor ? atomic_load(&self->actor->pulse->n_messages) : 0);
}

void tr_child_expect_end(tr_child_t *self, int64_t now_ms)
{
    assert(self->actor && self->view.phase == TR_CHILD_STOPPING);
    self->has_been_killed = true;
    self->stop_until_ms = tr_clock_after(now_ms, LAST_STEPS_MS);
}

static void be_down(tr_child_t *self)
{
    self->view.phase = TR_CHILD_DOWN;
    self->has_been_tried = true;
}

void tr_child_ended(tr_child_t *self, tr_runtime_t *runtime)
{
    assert(self->actor);
    self->n_messages = tr_child_messages(self);
    if (tr_actor_reap(&self->actor, LAST_STEPS_MS) != TROUPE_OK) {
        tr_quarantine_accept(runtime->quarantine, &self->actor);
    }
    be_down(self);
}

void tr_child_quarantine(tr_child_t *self, tr_runtime_t *runtime, const tr_reason_t *reason)
{
    assert(self->actor);
    atomic_store(&self->actor->pulse->is_abandoned, 1);
    tr_worker_state_try(&self->actor->pulse->state, TR_WORKER_HUNG);
    self->n_messages = tr_child_messages(self);
    tr_actor_abandon(self->actor, runtime, reason);
    /* Should it come back, the word to stop is what it finds. */
    tr_actor_ask_to_stop(self->actor, tr_reason_of(TROUPE_REASON_HUNG));
    tr_quarantine_accept(runtime->quarantine, &self->actor);
    be_down(self);
}

tr_vital_signs_t tr_child_vital_signs(const tr_child_t *self)
{
    assert(self->actor);
    tr_pulse_t *pulse = self->actor->pulse;
    tr_vital_signs_t signs = {
        .is_starting = self->view.phase == TR_CHILD_STARTING,
        .running_since_ms = atomic_load(&pulse->running_since_ms),
        .progress_ms = atomic_load(&pulse->progress_ms),
        .running_until_ms = atomic_load(&pulse->running_until_ms),
        .cancelled_ms = TR_NEVER,
    };
    uint64_t running = atomic_load(&pulse->running);
    if (running != 0 && running == atomic_load(&pulse->cancelled)) {
        signs.cancelled_ms = atomic_load(&pulse->cancelled_ms);
    }
    return signs;
}

const char *tr_child_state(const tr_child_t *self)
{
    switch (self->view.phase) {
    case TR_CHILD_DOWN:
        return self->is_restarting    ? "restarting"
               : self->view.is_wanted ? "waiting"
                                      : "stopped";
    case TR_CHILD_STARTING:
        return self->is_restarting ? "restarting" : "loading";
    case TR_CHILD_STOPPING:
        return "stopping";
    case TR_CHILD_UP:
        break;
    }
    tr_worker_state_t state = (tr_worker_state_t)atomic_load(&self->actor->pulse->state);
    /* Only workers move their state; any other actor that is up is simply ready. */
    return state == TR_WORKER_SPAWNING ? "ready" : tr_worker_state_name(state);
}
