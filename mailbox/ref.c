/* A DOWN is a mail like any other, so that it overtakes nothing that was sent before it. It is
 * not bounded: there is one for each watch, made with it, so that whoever watches is told even
 * when there is no memory left.
 *
 * Two that are linked watch each other, by one number. When one ends, its own watches are gone
 * with it, and a notice goes to the other, which looks for the way back among its own: it is
 * there as long as that very life has not ended, and nobody has untied them.
 */

#include "mailbox/ref.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/mail.h"

struct tr_watch {
    tr_watch_t *next;
    tr_mailbox_t *watcher; /* a share */
    tr_mail_t *notice;     /* NULL: it is on its way */
    uint64_t id;           /* the watcher's, or of the tie */
    troupe_ref_t *tied;    /* of a link: who watches; a share */
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
    tr_letter_t *letter = watch->notice ? &watch->notice->letter : NULL;
    tr_letter_destroy(&letter);
    troupe_ref_release(&watch->tied);
    tr_mailbox_release(&watch->watcher);
    free(watch);
}

static void destroy_watches(tr_watch_t *watches)
{
    while (watches) {
        tr_watch_t *watch = watches;
        watches = watch->next;
        destroy_watch(watch);
    }
}

void troupe_ref_release(troupe_ref_t **self_p)
{
    assert(self_p);
    troupe_ref_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    destroy_watches(self->watches);
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
    self->stage++;
    pthread_mutex_unlock(&self->mutex);
}

static void tell(troupe_ref_t *self, tr_watch_t *watch, const tr_reason_t *reason)
{
    tr_mail_t *notice = watch->notice;
    watch->notice = NULL;
    notice->from = troupe_ref_share(self);
    *notice->reason = *reason;
    tr_letter_t *letter = &notice->letter;
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

/* With the lock. */
static tr_watch_t *take_watches(troupe_ref_t *self)
{
    tr_watch_t *watches = self->watches;
    self->watches = self->last_watch = NULL;
    return watches;
}

void tr_ref_end(troupe_ref_t *self, uint64_t incarnation, const tr_reason_t *reason)
{
    assert(self && incarnation > 0 && reason);
    tr_watch_t *watches = NULL;
    pthread_mutex_lock(&self->mutex);
    if (self->incarnation == incarnation) {
        self->incarnation = 0;
        self->stage++;
        watches = take_watches(self);
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
    tr_watch_t *watches = self->incarnation == 0 ? take_watches(self) : NULL;
    pthread_mutex_unlock(&self->mutex);
    tell_all(self, watches, &gone);
}

/* ---- watching ---- */

static tr_watch_t *watch_new(tr_mailbox_t *watcher, uint64_t reader, uint64_t id)
{
    tr_watch_t *watch = malloc(sizeof *watch);
    tr_mail_t *notice = watch ? tr_mail_notice_new(reader, id) : NULL;
    if (!notice) {
        free(watch);
        return NULL;
    }
    *watch = (tr_watch_t){
        .watcher = tr_mailbox_share(watcher), .notice = notice, .id = id, .tied = NULL};
    return watch;
}

/* With the lock. */
static void append(troupe_ref_t *self, tr_watch_t *watch)
{
    *(self->watches ? &self->last_watch->next : &self->watches) = watch;
    self->last_watch = watch;
}

/* Which of the watches: that of a watcher and its number, those of a life of it, that of a tie,
 * or those of somebody who is tied. */
typedef struct which {
    const tr_mailbox_t *watcher; /* NULL: any */
    uint64_t reader;             /* 0: any */
    uint64_t id;                 /* 0: any; else there is one at most */
    const troupe_ref_t *tied;    /* NULL: any */
    bool is_link;
} which_t;

static bool is_meant(const tr_watch_t *watch, const which_t *which)
{
    return (watch->tied != NULL) == which->is_link &&
           (!which->watcher || watch->watcher == which->watcher) &&
           (which->reader == 0 || watch->notice->reader == which->reader) &&
           (which->id == 0 || watch->id == which->id) &&
           (!which->tied || watch->tied == which->tied);
}

/* With the lock: take out all that are meant. */
static tr_watch_t *take_out(troupe_ref_t *self, which_t which)
{
    tr_watch_t *kept = NULL;
    tr_watch_t *taken = NULL;
    tr_watch_t **place = &self->watches;
    while (*place && !(taken && which.id > 0)) {
        tr_watch_t *watch = *place;
        if (is_meant(watch, &which)) {
            *place = watch->next;
            self->last_watch = *place ? self->last_watch : kept;
            watch->next = taken;
            taken = watch;
        } else {
            kept = watch;
            place = &watch->next;
        }
    }
    return taken;
}

static bool discard(troupe_ref_t *self, which_t which)
{
    pthread_mutex_lock(&self->mutex);
    tr_watch_t *taken = take_out(self, which);
    pthread_mutex_unlock(&self->mutex);
    destroy_watches(taken);
    return taken != NULL;
}

troupe_status_t tr_ref_watch(troupe_ref_t *self, tr_mailbox_t *watcher, uint64_t reader,
                             uint64_t id)
{
    assert(self && watcher);
    tr_watch_t *watch = watch_new(watcher, reader, id);
    if (!watch) {
        return TROUPE_ERR_NOMEM;
    }
    pthread_mutex_lock(&self->mutex);
    bool is_over = atomic_load(&self->is_over);
    if (!is_over) {
        append(self, watch);
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
    assert(self && watcher && id > 0);
    return discard(self, (which_t){.watcher = watcher, .id = id});
}

void tr_ref_unwatch_all(troupe_ref_t *self, const tr_mailbox_t *watcher, uint64_t reader)
{
    assert(self && watcher && reader > 0);
    discard(self, (which_t){.watcher = watcher, .reader = reader});
}

/* ---- linking ---- */

static _Atomic(uint64_t) last_tie;

/* So that two who link each other at once cannot wait for each other. */
static void lock_both(troupe_ref_t *one, troupe_ref_t *other)
{
    bool is_in_order = (uintptr_t)one < (uintptr_t)other;
    pthread_mutex_lock(is_in_order ? &one->mutex : &other->mutex);
    pthread_mutex_lock(is_in_order ? &other->mutex : &one->mutex);
}

static void unlock_both(troupe_ref_t *one, troupe_ref_t *other)
{
    pthread_mutex_unlock(&one->mutex);
    pthread_mutex_unlock(&other->mutex);
}

static tr_watch_t *link_new(troupe_ref_t *watcher, uint64_t tie)
{
    tr_watch_t *link = watch_new(watcher->mailbox, 0, tie);
    if (link) {
        link->notice->is_link = true;
        link->notice->to = watcher->number;
        link->tied = troupe_ref_share(watcher);
    }
    return link;
}

static const tr_watch_t *find(const troupe_ref_t *self, const which_t *which)
{
    const tr_watch_t *watch = self->watches;
    while (watch && !is_meant(watch, which)) {
        watch = watch->next;
    }
    return watch;
}

/* With both locks. A tie whose other end is gone is none. */
static bool is_tied(const troupe_ref_t *self, const troupe_ref_t *whom)
{
    const which_t to_whom = {.tied = whom, .is_link = true};
    for (const tr_watch_t *watch = self->watches; watch; watch = watch->next) {
        const which_t way_back = {.id = watch->id, .tied = self, .is_link = true};
        if (is_meant(watch, &to_whom) && find(whom, &way_back)) {
            return true;
        }
    }
    return false;
}

/* Takes both: `own` tells `whom` of the end of `self`, `other` the other way round. */
static void tie(troupe_ref_t *self, uint64_t incarnation, troupe_ref_t *whom, tr_watch_t *own,
                tr_watch_t *other)
{
    lock_both(self, whom);
    bool is_wanted = self->incarnation == incarnation && !is_tied(self, whom);
    bool is_over = atomic_load(&whom->is_over);
    own->notice->reader = whom->incarnation;
    other->notice->reader = incarnation;
    if (is_wanted) {
        append(self, own);
    }
    if (is_wanted && !is_over) {
        append(whom, other);
    }
    unlock_both(self, whom);
    if (!is_wanted) {
        destroy_watch(own);
        destroy_watch(other);
    } else if (is_over) {
        const tr_reason_t gone = tr_reason_of(TROUPE_REASON_GONE);
        tell_all(whom, other, &gone);
    }
}

troupe_status_t tr_ref_link(troupe_ref_t *self, uint64_t incarnation, troupe_ref_t *whom)
{
    assert(self && incarnation > 0 && whom && self != whom);
    uint64_t number = atomic_fetch_add(&last_tie, 1) + 1;
    tr_watch_t *own = link_new(whom, number);
    tr_watch_t *other = own ? link_new(self, number) : NULL;
    if (!other) {
        if (own) {
            destroy_watch(own);
        }
        return TROUPE_ERR_NOMEM;
    }
    tie(self, incarnation, whom, own, other);
    return TROUPE_OK;
}

void tr_ref_unlink(troupe_ref_t *self, troupe_ref_t *whom)
{
    assert(self && whom && self != whom);
    lock_both(self, whom);
    tr_watch_t *own = take_out(self, (which_t){.tied = whom, .is_link = true});
    tr_watch_t *other = take_out(whom, (which_t){.tied = self, .is_link = true});
    unlock_both(self, whom);
    destroy_watches(own);
    destroy_watches(other);
}

bool tr_ref_untie(troupe_ref_t *self, uint64_t tie)
{
    assert(self && tie > 0);
    return discard(self, (which_t){.id = tie, .is_link = true});
}

uint64_t tr_ref_stage(troupe_ref_t *self)
{
    assert(self);
    pthread_mutex_lock(&self->mutex);
    uint64_t stage = self->stage;
    pthread_mutex_unlock(&self->mutex);
    return stage;
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
