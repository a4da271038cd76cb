/* A flat array: lists are made rarely and thrown away soon. */

#include "actors/request_list.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static void destroy(tr_letter_t *letter)
{
    free(letter);
}

const tr_letter_type_t tr_request_list_type = {"request list", destroy};

tr_request_list_t *tr_request_list_new(uint64_t token, const char *capability, size_t n_room)
{
    assert(capability);
    size_t bytes = sizeof(tr_request_list_t) + n_room * sizeof(tr_listed_request_t);
    tr_request_list_t *self = calloc(1, bytes);
    if (self) {
        tr_letter_init(&self->letter, &tr_request_list_type, bytes);
        self->token = token;
        self->n_room = n_room;
        snprintf(self->capability, sizeof self->capability, "%s", capability);
    }
    return self;
}

tr_listed_request_t *tr_request_list_next(tr_request_list_t *self)
{
    assert(self);
    return self->n < self->n_room ? &self->all[self->n++] : NULL;
}

void tr_request_list_send(tr_request_list_t *self, tr_mailbox_t *to)
{
    tr_letter_t *letter = &self->letter;
    if (tr_mailbox_post_answer(to, TR_LANE_CONTROL, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
}

const char *tr_request_state_name(tr_request_state_t state)
{
    static const char *const names[] = {[TR_REQUEST_RUNNING] = "running",
                                        [TR_REQUEST_ABANDONED] = "abandoned",
                                        [TR_REQUEST_QUEUED] = "queued"};
    return names[state];
}
