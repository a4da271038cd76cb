/* A flat array: reports are made rarely and thrown away soon. */

#include "actors/report.h"

#include <stdio.h>
#include <stdlib.h>

static void destroy(tr_letter_t *letter)
{
    tr_report_t *self = (tr_report_t *)letter;
    for (size_t i = 0; i < self->n_children; i++) {
        tr_mailbox_release(&self->children[i].mailbox);
        tr_pulse_release(&self->children[i].pulse);
    }
    free(self);
}

const tr_letter_type_t tr_report_type = {"report", destroy};

tr_report_t *tr_report_new(uint64_t token, const char *name, size_t n_children)
{
    size_t bytes = sizeof(tr_report_t) + n_children * sizeof(tr_report_child_t);
    tr_report_t *self = calloc(1, bytes);
    if (self) {
        tr_letter_init(&self->letter, &tr_report_type, bytes);
        self->token = token;
        self->n_children = n_children;
        self->strategy = "";
        self->state = "";
        snprintf(self->name, sizeof self->name, "%s", name);
    }
    return self;
}

void tr_report_send(tr_report_t *self, tr_mailbox_t *to)
{
    tr_letter_t *letter = &self->letter;
    if (tr_mailbox_post(to, TR_LANE_CONTROL, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
}

static void destroy_residents(tr_letter_t *letter)
{
    free(letter);
}

const tr_letter_type_t tr_residents_type = {"residents", destroy_residents};

tr_residents_t *tr_residents_new(uint64_t token, const char *capability, size_t n)
{
    tr_residents_t *self = calloc(1, sizeof *self + n * sizeof self->all[0]);
    if (self) {
        tr_letter_init(&self->letter, &tr_residents_type,
                       sizeof *self + n * sizeof self->all[0]);
        self->token = token;
        self->n = n;
        snprintf(self->capability, sizeof self->capability, "%s", capability);
    }
    return self;
}

void tr_residents_send(tr_residents_t *self, tr_mailbox_t *to)
{
    tr_letter_t *letter = &self->letter;
    if (tr_mailbox_post_answer(to, TR_LANE_CONTROL, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
}
