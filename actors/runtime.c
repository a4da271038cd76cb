/* Made by the node before the first actor. */

#include "actors/runtime.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "actors/dead_letter.h"
#include "actors/groups.h"
#include "actors/host/outside.h"
#include "base/clock.h"
#include "base/processors.h"
#include "mailbox/mail.h"

#define LEAST_CREW 2
#define MOST_CREW  8

static size_t crew_size(void)
{
    size_t n_processors = tr_processors();
    return n_processors < LEAST_CREW  ? LEAST_CREW
           : n_processors > MOST_CREW ? MOST_CREW
                                      : n_processors;
}

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
    self->groups = tr_groups_new();
    self->orders = tr_order_book_new();
    self->crew = tr_crew_new(crew_size());
    self->folder = tr_private_folder_new(self->boot);
    if (!self->node || !self->groups || !self->directory || !self->metrics ||
        !self->quarantine || !self->spawner || !self->crew || !self->folder || !self->orders) {
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
    if (self->crew) {
        tr_crew_stop(self->crew);
    }
    tr_crew_release(&self->crew);
    tr_quarantine_destroy(&self->quarantine);
    tr_spawner_destroy(&self->spawner);
    tr_private_folder_destroy(&self->folder);
    if (self->directory && self->events && self->orders) {
        tr_runtime_retire_all(self); /* what waits may hold references to where it waits */
    }
    tr_groups_destroy(&self->groups);
    tr_order_book_destroy(&self->orders);
    tr_directory_destroy(&self->directory);
    tr_outside_destroy(&self->outside);
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

/* ---- mail ---- */

/* Whoever asked hears of it before the dead letter is told. */
static troupe_status_t refuse(tr_runtime_t *self, const char *to, troupe_status_t status,
                              tr_mail_t *mail)
{
    const char *why = status == TROUPE_FULL        ? "its mailbox is full"
                      : status == TROUPE_NOT_FOUND ? "there is no such actor"
                                                   : "it has ended for good";
    troupe_outcome_t outcome = status == TROUPE_FULL        ? TROUPE_OUTCOME_OVERLOADED
                               : status == TROUPE_NOT_FOUND ? TROUPE_OUTCOME_NO_CAPABILITY
                                                            : TROUPE_OUTCOME_WORKER_LOST;
    if (mail->question) {
        char text[200];
        snprintf(text, sizeof text, "%.120s: %s", to, why);
        tr_question_answer(mail->question, outcome, text, NULL);
    }
    tr_letter_t *letter = &mail->letter;
    tr_dead_letter_take(self, to, why, &letter);
    return status == TROUPE_CLOSED ? TROUPE_NOT_FOUND : status;
}

troupe_ref_t *tr_runtime_refer(tr_runtime_t *self, const char *name)
{
    assert(self && name);
    troupe_ref_t *ref = tr_directory_refer(self->directory, tr_span_of(name));
    return ref || !self->outside ? ref : tr_outside_find(self->outside, name);
}

troupe_status_t tr_runtime_post(tr_runtime_t *self, troupe_ref_t *to, tr_lane_t lane,
                                tr_mail_t *mail)
{
    assert(self && to && mail);
    troupe_status_t status = tr_ref_post(to, lane, &mail);
    return mail ? refuse(self, to->name, status, mail) : TROUPE_OK;
}

troupe_status_t tr_runtime_post_named(tr_runtime_t *self, const char *name, tr_lane_t lane,
                                      tr_mail_t *mail)
{
    assert(self && name && mail);
    troupe_ref_t *to = tr_runtime_refer(self, name);
    troupe_status_t status =
        to ? tr_runtime_post(self, to, lane, mail) : refuse(self, name, TROUPE_NOT_FOUND, mail);
    troupe_ref_release(&to);
    return status;
}

troupe_status_t tr_runtime_drop(tr_runtime_t *self, const char *why, tr_mail_t *mail)
{
    assert(self && why && mail);
    if (mail->question) {
        tr_question_answer(mail->question, TROUPE_OUTCOME_NO_CAPABILITY, why, NULL);
    }
    tr_letter_t *letter = &mail->letter;
    tr_dead_letter_take(self, "", why, &letter);
    return TROUPE_NOT_FOUND;
}

static void empty(tr_runtime_t *self, const troupe_ref_t *ref, const char *why)
{
    tr_mailbox_close(ref->mailbox);
    tr_mailbox_put_back(ref->mailbox);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(ref->mailbox, NULL)) != NULL) {
        const tr_mail_t *mail = tr_mail_in(letter);
        if (mail && tr_mail_is_sent(mail)) {
            tr_dead_letter_take(self, ref->name, why, &letter);
        } else {
            tr_letter_destroy(&letter);
        }
    }
}

/* First it is over, then it is looked for a life; who ends one looks the other way round. */
void tr_runtime_bury(tr_runtime_t *self, troupe_ref_t *ref, const char *why)
{
    assert(self && ref && why);
    tr_ref_finish(ref);
    if (!tr_mailbox_is_lasting(ref->mailbox) || tr_mailbox_seize(ref->mailbox)) {
        empty(self, ref, why);
    }
    troupe_ref_release(&ref);
}

void tr_runtime_retire_those(tr_runtime_t *self, const char *path,
                             bool (*is_gone)(const void *arg, tr_span_t child), const void *arg)
{
    assert(self && path && is_gone);
    troupe_ref_t *ref;
    while ((ref = tr_directory_take_out_vacant(self->directory, path, is_gone, arg)) != NULL) {
        tr_runtime_bury(self, ref, "it has ended for good");
    }
    tr_order_book_forget(self->orders, path, is_gone, arg);
}

static bool is_called(const void *name, tr_span_t child)
{
    return tr_span_equals(child, name);
}

static void retire_actor(tr_runtime_t *self, const char *home, const char *name)
{
    troupe_ref_t *ref = tr_directory_refer(self->directory, tr_span_of(name));
    if (ref && strcmp(ref->home, home) == 0 && tr_mailbox_is_vacant(ref->mailbox)) {
        troupe_ref_t *known = tr_directory_take_out(self->directory, ref);
        if (known) {
            tr_runtime_bury(self, known, "it has ended for good");
        }
    }
    troupe_ref_release(&ref);
}

void tr_runtime_retire(tr_runtime_t *self, const char *home, const char *name,
                       bool is_supervisor)
{
    assert(self && home && name);
    if (is_supervisor) {
        tr_runtime_retire_those(self, home, is_called, name);
    } else {
        retire_actor(self, home, name);
    }
}

static bool is_anybody(const void *arg, tr_span_t child)
{
    (void)arg;
    (void)child;
    return true;
}

void tr_runtime_retire_all(tr_runtime_t *self)
{
    tr_runtime_retire_those(self, "", is_anybody, NULL);
}
