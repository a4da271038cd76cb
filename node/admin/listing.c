/* A router that does not answer in time is named in the answer, and its requests are missing.
 */

#include "node/admin/listing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/control.h"
#include "base/clock.h"
#include "base/text.h"
#include "mailbox/reply.h"
#include "node/admin/operation_text.h"
#include "node/assembly.h"
#include "wire/document.h"

#define PATIENCE_MS   1000
#define MOST_LISTINGS 64
#define MOST_REQUESTS 100000
#define REQUESTS      1000 /* unless it is said how many */

/* One router that was asked. */
typedef struct asked {
    char capability[80];
    tr_request_list_t *list; /* NULL: it has not answered */
} asked_t;

struct tr_listing {
    tr_listing_t *next;
    uint64_t token;
    int64_t deadline_ms;
    tr_envelope_t *envelope; /* a share */
    char wanted[80];         /* a capability; "": all */
    size_t most;             /* requests of each */
    asked_t *asked;
    size_t n_asked;
    size_t n_awaited;
};

static void destroy(tr_listing_t **self_p)
{
    tr_listing_t *self = *self_p;
    for (size_t i = 0; i < self->n_asked; i++) {
        tr_letter_t *letter = self->asked[i].list ? &self->asked[i].list->letter : NULL;
        tr_letter_destroy(&letter);
    }
    free(self->asked);
    tr_envelope_release(&self->envelope);
    free(self);
    *self_p = NULL;
}

static void refuse(tr_listing_t **self_p, troupe_outcome_t outcome, const char *why)
{
    tr_envelope_answer((*self_p)->envelope, outcome, 0, "%s", why);
    destroy(self_p);
}

/* ---- asking ---- */

static bool is_wanted(const tr_listing_t *self, const char *capability)
{
    bool is_router = strcmp(capability, TR_NAME_ADMIN) != 0;
    return is_router && (!self->wanted[0] || strcmp(self->wanted, capability) == 0);
}

static void note_router(void *arg, const char *name, tr_mailbox_t *mailbox)
{
    (void)mailbox;
    tr_listing_t *self = arg;
    asked_t *asked = is_wanted(self, name)
                         ? realloc(self->asked, (self->n_asked + 1) * sizeof *asked)
                         : NULL;
    if (asked) {
        self->asked = asked;
        asked[self->n_asked] = (asked_t){.list = NULL};
        snprintf(asked[self->n_asked++].capability, sizeof asked->capability, "%s", name);
    }
}

static int by_name(const void *one, const void *other)
{
    return strcmp(((const asked_t *)one)->capability, ((const asked_t *)other)->capability);
}

static void ask(tr_listing_t *self, tr_self_t *admin, const char *capability)
{
    tr_mailbox_t *router = tr_directory_find(admin->runtime->directory, TR_NAMES_CAPABILITY,
                                             tr_span_of(capability));
    tr_control_t *word = router ? tr_control_new(TR_WORD_LIST, 0) : NULL;
    if (word) {
        word->number = self->token;
        word->depth = self->most;
        word->mailbox = tr_mailbox_share(admin->mailbox);
        tr_control_send(word, router);
        self->n_awaited++;
    }
    tr_mailbox_release(&router);
}

static void ask_all(tr_listing_t *self, tr_self_t *admin)
{
    tr_directory_each(admin->runtime->directory, TR_NAMES_CAPABILITY, note_router, self);
    if (self->n_asked > 0) {
        qsort(self->asked, self->n_asked, sizeof *self->asked, by_name);
    }
    for (size_t i = 0; i < self->n_asked; i++) {
        ask(self, admin, self->asked[i].capability);
    }
}

/* What is wrong with what it wants to know; NULL: nothing. */
static const char *read_wish(tr_listing_t *self)
{
    const troupe_message_t *message = self->envelope->message;
    char number[24];
    int64_t most = REQUESTS;
    if (!tr_frame_text(message, 0, self->wanted, sizeof self->wanted)) {
        return "frame 0 is to be the name of a capability";
    }
    if (!tr_frame_text(message, 1, number, sizeof number) ||
        (number[0] &&
         (tr_text_number(number, &most) != TROUPE_OK || most < 1 || most > MOST_REQUESTS))) {
        return "frame 1 is to say how many, as 100, of each capability, up to 100000";
    }
    self->most = (size_t)most;
    return NULL;
}

void tr_listings_begin(tr_listings_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope);
    tr_listing_t *listing = calloc(1, sizeof *listing);
    if (!listing) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_INTERNAL, 0, "the node is out of memory");
        tr_envelope_release(&envelope);
        return;
    }
    listing->envelope = envelope;
    listing->token = ++self->last_token;
    listing->deadline_ms = tr_clock_after(tr_clock_now_ms(), PATIENCE_MS);
    const char *problem = read_wish(listing);
    if (problem) {
        refuse(&listing, TROUPE_OUTCOME_BAD_REQUEST, problem);
        return;
    }
    if (self->n == MOST_LISTINGS) {
        refuse(&listing, TROUPE_OUTCOME_OVERLOADED, "too many such looks are under way");
        return;
    }
    ask_all(listing, self->self);
    if (listing->wanted[0] && listing->n_asked == 0) {
        refuse(&listing, TROUPE_OUTCOME_BAD_REQUEST, "there is no such capability");
        return;
    }
    listing->next = self->first;
    self->first = listing;
    self->n++;
}

/* Whom it has asked, and who has not answered yet; NULL: nobody of that name. */
static asked_t *awaited(const tr_listing_t *self, const char *capability)
{
    for (size_t i = 0; i < self->n_asked; i++) {
        if (!self->asked[i].list && strcmp(self->asked[i].capability, capability) == 0) {
            return &self->asked[i];
        }
    }
    return NULL;
}

void tr_listings_take(tr_listings_t *self, tr_request_list_t *list)
{
    assert(self && list);
    tr_listing_t *listing = self->first;
    while (listing && listing->token != list->token) {
        listing = listing->next;
    }
    asked_t *asked = listing ? awaited(listing, list->capability) : NULL;
    if (asked) {
        asked->list = list;
        listing->n_awaited--;
    } else { /* late */
        tr_letter_t *letter = &list->letter;
        tr_letter_destroy(&letter);
    }
}

/* ---- answering ---- */

static void write_times(tr_document_t *to, const tr_listed_request_t *request)
{
    tr_document_add_number(to, "age", request->age_ms);
    if (request->state == TR_REQUEST_QUEUED) {
        tr_document_add_nothing(to, "running");
    } else {
        tr_document_add_number(to, "running", request->running_ms);
    }
    if (request->remaining_ms == TR_NEVER) {
        tr_document_add_nothing(to, "remaining");
    } else {
        tr_document_add_number(to, "remaining",
                               request->remaining_ms > 0 ? request->remaining_ms : 0);
    }
}

static void write_request(tr_document_t *to, const char *capability,
                          const tr_listed_request_t *request)
{
    tr_document_map(to, 14);
    tr_document_add_text(to, "capability", capability);
    tr_document_add_number(to, "number", (int64_t)request->number);
    tr_document_add_text(to, "state", tr_request_state_name(request->state));
    tr_document_add_text(to, "method", request->method);
    tr_document_add_text(to, "priority", troupe_priority_name(request->priority));
    tr_document_add_text(to, "worker", request->worker);
    tr_document_add_text(to, "caller", request->caller);
    tr_document_add_number(to, "peer", (int64_t)request->peer);
    write_times(to, request);
    tr_document_add_number(to, "attempt", request->attempt);
    tr_document_add_number(to, "parts", (int64_t)request->n_parts);
    tr_document_add_flag(to, "shares", request->is_sharer);
}

static void write_all(tr_document_t *to, const tr_listing_t *listing)
{
    size_t n = 0;
    size_t n_left_off = 0;
    for (size_t i = 0; i < listing->n_asked; i++) {
        const tr_request_list_t *list = listing->asked[i].list;
        n += list ? list->n : 0;
        n_left_off += list ? list->n_left_off : 0;
    }
    tr_document_map(to, 3);
    tr_document_key(to, "requests");
    tr_document_list(to, n);
    for (size_t i = 0; i < listing->n_asked; i++) {
        const tr_request_list_t *list = listing->asked[i].list;
        for (size_t j = 0; list && j < list->n; j++) {
            write_request(to, list->capability, &list->all[j]);
        }
    }
    tr_document_add_number(to, "left_off", (int64_t)n_left_off);
}

static void write_silent(tr_document_t *to, const tr_listing_t *listing)
{
    size_t n = 0;
    for (size_t i = 0; i < listing->n_asked; i++) {
        n += !listing->asked[i].list;
    }
    tr_document_key(to, "silent");
    tr_document_list(to, n);
    for (size_t i = 0; i < listing->n_asked; i++) {
        if (!listing->asked[i].list) {
            tr_document_text(to, listing->asked[i].capability);
        }
    }
}

static void answer(tr_listing_t **listing_p)
{
    tr_listing_t *listing = *listing_p;
    tr_document_t document;
    tr_document_begin(&document);
    write_all(&document, listing);
    write_silent(&document, listing);
    troupe_message_t *message = tr_document_take(&document);
    troupe_reply_t *reply =
        message ? tr_reply_new(listing->envelope->id, true, TROUPE_OUTCOME_OK, NULL, &message)
                : NULL;
    if (!reply) {
        refuse(listing_p, TROUPE_OUTCOME_INTERNAL, "the node is out of memory");
        return;
    }
    tr_envelope_forward(listing->envelope, &reply);
    destroy(listing_p);
}

int64_t tr_listings_turn(tr_listings_t *self, int64_t now_ms)
{
    assert(self);
    int64_t due_ms = TR_NEVER;
    for (tr_listing_t **place = &self->first; *place;) {
        tr_listing_t *listing = *place;
        if (listing->n_awaited == 0 || now_ms >= listing->deadline_ms) {
            *place = listing->next;
            self->n--;
            answer(&listing);
        } else {
            due_ms = tr_clock_earlier(due_ms, listing->deadline_ms);
            place = &listing->next;
        }
    }
    return due_ms;
}

/* ---- life ---- */

void tr_listings_init(tr_listings_t *self, tr_self_t *admin)
{
    assert(self && admin);
    *self = (tr_listings_t){.self = admin};
}

void tr_listings_finish(tr_listings_t *self)
{
    assert(self);
    while (self->first) {
        tr_listing_t *listing = self->first;
        self->first = listing->next;
        refuse(&listing, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping");
    }
    self->n = 0;
}
