/* Made by the node before the first actor. */

#include "actors/runtime.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "mailbox/dead_letter.h"
#include "mailbox/mail.h"

tr_runtime_t *tr_runtime_new(const char *node)
{
    assert(node);
    tr_runtime_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    atomic_init(&self->holders, 1);
    uint64_t boot = 0;
    if (getrandom(&boot, sizeof boot, GRND_NONBLOCK) != (ssize_t)sizeof boot) {
        boot = (uint64_t)tr_clock_now_us();
    }
    snprintf(self->boot, sizeof self->boot, "%016llx", (unsigned long long)boot);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    self->started_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    self->node = strdup(node);
    self->directory = tr_directory_new();
    self->metrics = tr_metrics_new();
    self->quarantine = tr_quarantine_new();
    self->spawner = tr_spawner_new();
    self->folder = tr_private_folder_new(self->boot);
    if (!self->node || !self->directory || !self->metrics || !self->quarantine ||
        !self->spawner || !self->folder) {
        tr_runtime_release(&self);
        return NULL;
    }
    self->events = tr_events_new();
    if (!self->events) {
        tr_runtime_release(&self);
        return NULL;
    }
    atomic_store(&self->memory.budget_bytes, -1);
    self->dead_letters =
        tr_metrics_series(self->metrics, TR_METRIC_COUNTER, "troupe_dead_letters_total",
                          "Messages that nobody took", (tr_label_t){0}, (tr_label_t){0});
    return self;
}

tr_runtime_t *tr_runtime_share(tr_runtime_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

void tr_runtime_release(tr_runtime_t **self_p)
{
    assert(self_p);
    tr_runtime_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    tr_quarantine_destroy(&self->quarantine);
    tr_spawner_destroy(&self->spawner);
    tr_private_folder_destroy(&self->folder);
    tr_directory_destroy(&self->directory);
    tr_mailbox_release(&self->beyond);
    tr_events_destroy(&self->events);
    tr_metrics_destroy(&self->metrics);
    tr_keepsake_release(&self->keepsake);
    free(self->node);
    free(self);
}

uint64_t tr_runtime_next_incarnation(tr_runtime_t *self)
{
    assert(self);
    return atomic_fetch_add(&self->last_incarnation, 1) + 1;
}

uint64_t tr_runtime_next_grant(tr_runtime_t *self)
{
    assert(self);
    return atomic_fetch_add(&self->last_grant, 1) + 1;
}

bool tr_runtime_is_leaving(const tr_runtime_t *self)
{
    assert(self);
    return atomic_load(&self->phase) >= (int)TR_NODE_DRAINING;
}

void tr_runtime_submit(tr_runtime_t *self, tr_envelope_t *envelope, tr_mailbox_t *router,
                       bool may_wait)
{
    assert(self && envelope);
    if (!router && tr_runtime_is_leaving(self)) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_SHUTTING_DOWN, 0,
                           "the node is stopping, and %s is not here any more",
                           envelope->capability);
    } else {
        tr_envelope_submit(envelope, router, may_wait);
    }
}

troupe_status_t tr_runtime_send(tr_runtime_t *self, const char *name,
                                troupe_message_t **message_p)
{
    assert(self && name && message_p);
    tr_mail_t *mail = tr_mail_new(message_p);
    if (!mail) {
        return TROUPE_ERR_NOMEM;
    }
    tr_letter_t *letter = &mail->letter;
    tr_mailbox_t *to = tr_directory_find(self->directory, TR_NAMES_ACTOR, tr_span_of(name));
    troupe_status_t status = to ? tr_mailbox_post(to, TR_LANE_USER, &letter) : TROUPE_NOT_FOUND;
    tr_mailbox_release(&to);
    if (status != TROUPE_OK) {
        tr_dead_letter_take(self->dead_letters, name, troupe_status_text(status), &letter);
    }
    return status == TROUPE_CLOSED ? TROUPE_NOT_FOUND : status;
}
