/* A DOWN is a mail like any other, so that it overtakes nothing that was sent before it. It is
 * not bounded: there is one for each watch.
 */

#include "mailbox/ref.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/mail.h"

struct tr_watch {
    tr_watch_t *next;
    tr_mailbox_t *watcher; /* a share */
    uint64_t reader;       /* the watcher's life */
    uint64_t id;
    bool is_link;
};

troupe_ref_t *tr_ref_new(const char *name, const char *home, tr_mailbox_t *mailbox,
                         uint64_t number)
{
    assert(name && home && mailbox);
    size_t size = strlen(name) + 1;
    troupe_ref_t *self = calloc(1, sizeof *self + size);
    char *kept_home = strdup(home);
    if (!self || !kept_home) {
        free(self);
        free(kept_home);
        return NULL;
    }
    memcpy(self->name, name, size);
    self->home = kept_home;
    atomic_init(&self->holders, 1);
    pthread_mutex_init(&self->mutex, NULL);
    self->mailbox = tr_mailbox_share(mailbox);
    self->number = number;
    return self;
}

troupe_ref_t *troupe_ref_share(troupe_ref_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

static void destroy_watch(tr_watch_t *watch)
{
    tr_mailbox_release(&watch->watcher);
    free(watch);
}

void troupe_ref_release(troupe_ref_t **self_p)
{
    assert(self_p);
    troupe_ref_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    while (self->watches) {
        tr_watch_t *watch = self->watches;
        self->watches = watch->next;
        destroy_watch(watch);
    }
    tr_mailbox_release(&self->mailbox);
    pthread_mutex_destroy(&self->mutex);
    free(self->home);
    free(self);
}

const char *troupe_ref_name(const troupe_ref_t *self)
{
    assert(self);
    return self->name;
}

bool troupe_ref_is_over(const troupe_ref_t *self)
{
    assert(self);
    return atomic_load(&self->is_over);
}

/* ---- lives ---- */

void tr_ref_begin(troupe_ref_t *self, uint64_t incarnation)
{
    assert(self && incarnation > 0);
    pthread_mutex_lock(&self->mutex);
    self->incarnation = incarnation;
    pthread_mutex_unlock(&self->mutex);
}

/* Out of memory: the watcher is not told. */
static void tell(troupe_ref_t *self, const tr_watch_t *watch, const tr_reason_t *reason)
{
    troupe_message_t *nothing = NULL;
    tr_mail_t *mail = tr_mail_new(&nothing, self, NULL);
    if (!mail) {
        return;
    }
    mail->kind = TROUPE_MESSAGE_DOWN;
    mail->number = watch->id;
    mail->reader = watch->reader;
    mail->is_link = watch->is_link;
    mail->reason = malloc(sizeof *mail->reason);
    if (mail->reason) {
        *mail->reason = *reason;
    }
    tr_letter_t *letter = &mail->letter;
    if (tr_mailbox_post_answer(watch->watcher, TR_LANE_USER, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
}

/* Outside the lock: to tell is to post, and that may be work. In the order of the watches. */
static void tell_all(troupe_ref_t *self, tr_watch_t *watches, const tr_reason_t *reason)
{
    while (watches) {
        tr_watch_t *watch = watches;
        watches = watch->next;
        tell(self, watch, reason);
        destroy_watch(watch);
    }
}

void tr_ref_end(troupe_ref_t *self, uint64_t incarnation, const tr_reason_t *reason)
{
    assert(self && incarnation > 0 && reason);
    tr_watch_t *watches = NULL;
    pthread_mutex_lock(&self->mutex);
    if (self->incarnation == incarnation) {
        self->incarnation = 0;
        watches = self->watches;
        self->watches = NULL;
    }
    pthread_mutex_unlock(&self->mutex);
    tell_all(self, watches, reason);
}

void tr_ref_finish(troupe_ref_t *self)
{
    assert(self);
    const tr_reason_t gone = tr_reason_of(TROUPE_REASON_GONE);
    pthread_mutex_lock(&self->mutex);
    atomic_store(&self->is_over, true);
    tr_watch_t *watches = self->watches;
    self->watches = NULL;
    pthread_mutex_unlock(&self->mutex);
    tell_all(self, watches, &gone);
}

/* ---- watching ---- */

static void append(tr_watch_t **place, tr_watch_t *watch)
{
    while (*place) {
        place = &(*place)->next;
    }
    *place = watch;
}

troupe_status_t tr_ref_watch(troupe_ref_t *self, tr_mailbox_t *watcher, uint64_t reader,
                             uint64_t id, bool is_link)
{
    assert(self && watcher);
    tr_watch_t *watch = malloc(sizeof *watch);
    if (!watch) {
        return TROUPE_ERR_NOMEM;
    }
    *watch = (tr_watch_t){
        .watcher = tr_mailbox_share(watcher), .reader = reader, .id = id, .is_link = is_link};
    pthread_mutex_lock(&self->mutex);
    bool is_over = atomic_load(&self->is_over);
    if (!is_over) {
        append(&self->watches, watch);
    }
    pthread_mutex_unlock(&self->mutex);
    if (is_over) {
        const tr_reason_t gone = tr_reason_of(TROUPE_REASON_GONE);
        tell_all(self, watch, &gone);
    }
    return TROUPE_OK;
}

bool tr_ref_unwatch(troupe_ref_t *self, const tr_mailbox_t *watcher, uint64_t id)
{
    assert(self && watcher);
    pthread_mutex_lock(&self->mutex);
    tr_watch_t **place = &self->watches;
    while (*place && ((*place)->watcher != watcher || (*place)->id != id)) {
        place = &(*place)->next;
    }
    tr_watch_t *watch = *place;
    if (watch) {
        *place = watch->next;
    }
    pthread_mutex_unlock(&self->mutex);
    if (watch) {
        destroy_watch(watch);
    }
    return watch != NULL;
}

static tr_watch_t **find_link(troupe_ref_t *self, const tr_mailbox_t *watcher)
{
    tr_watch_t **place = &self->watches;
    while (*place && (!(*place)->is_link || (*place)->watcher != watcher)) {
        place = &(*place)->next;
    }
    return place;
}

void tr_ref_unwatch_links(troupe_ref_t *self, const tr_mailbox_t *watcher)
{
    assert(self && watcher);
    tr_watch_t *links = NULL;
    pthread_mutex_lock(&self->mutex);
    tr_watch_t **place;
    while (*(place = find_link(self, watcher))) {
        tr_watch_t *link = *place;
        *place = link->next;
        link->next = links;
        links = link;
    }
    pthread_mutex_unlock(&self->mutex);
    while (links) {
        tr_watch_t *link = links;
        links = link->next;
        destroy_watch(link);
    }
}

bool tr_ref_is_linked(troupe_ref_t *self, const tr_mailbox_t *watcher)
{
    assert(self && watcher);
    pthread_mutex_lock(&self->mutex);
    bool is_linked = *find_link(self, watcher) != NULL;
    pthread_mutex_unlock(&self->mutex);
    return is_linked;
}

uint64_t tr_ref_incarnation(troupe_ref_t *self)
{
    assert(self);
    pthread_mutex_lock(&self->mutex);
    uint64_t incarnation = self->incarnation;
    pthread_mutex_unlock(&self->mutex);
    return incarnation;
}

/* ---- posting ---- */

troupe_status_t tr_ref_post(troupe_ref_t *self, tr_lane_t lane, tr_mail_t **mail_p)
{
    assert(self && mail_p && *mail_p);
    if (atomic_load_explicit(&self->is_over, memory_order_relaxed)) {
        return TROUPE_CLOSED;
    }
    (*mail_p)->to = self->number;
    if (self->number > 0 && !(*mail_p)->whom) {
        (*mail_p)->whom = troupe_ref_share(self);
    }
    (*mail_p)->is_urgent = lane == TR_LANE_URGENT;
    tr_letter_t *letter = &(*mail_p)->letter;
    troupe_status_t status = tr_mailbox_post(self->mailbox, lane, &letter);
    if (status == TROUPE_OK) {
        *mail_p = NULL;
    }
    return status;
}
