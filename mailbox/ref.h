/* mailbox/ref.h - an actor through all its lives, and who wants to know when one ends
 *
 * The reference holds the mailbox, which for an actor that is restarted outlives each life. The
 * directory has a share as long as the actor may come back. Peers of a gateway and the like
 * have references too: many with one mailbox, told apart by a number. Any thread.
 */

#ifndef TROUPE_MAILBOX_REF_H
#define TROUPE_MAILBOX_REF_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <troupe/actor.h>

#include "base/reason.h"
#include "mailbox/mailbox.h"

typedef struct tr_watch tr_watch_t;
struct tr_mail;

struct troupe_ref {
    atomic_uint holders;
    atomic_bool is_over;   /* it has ended for good */
    atomic_bool is_traced; /* what it takes is told as events */
    tr_mailbox_t *mailbox; /* a share */
    uint64_t number;       /* which of those behind the mailbox; 0: its owner */
    pthread_mutex_t mutex; /* for the two below */
    uint64_t incarnation;  /* its present life; 0: none */
    tr_watch_t *watches;   /* one DOWN each when that ends, or the next one */
    char *home;            /* the path of its supervisor, or "" */
    char name[];
};

/* With one holder; shares the mailbox. NULL when out of memory. */
TROUPE_NODISCARD troupe_ref_t *tr_ref_new(const char *name, const char *home,
                                          tr_mailbox_t *mailbox, uint64_t number);

/* A life begins. */
void tr_ref_begin(troupe_ref_t *self, uint64_t incarnation);

/* That life has ended: tell those who watch. One that ended before is fine. */
void tr_ref_end(troupe_ref_t *self, uint64_t incarnation, const tr_reason_t *reason);

/* There will be no other life: tell those who wait for its end, and be over. */
void tr_ref_finish(troupe_ref_t *self);

/* Let a DOWN numbered `id` go to `watcher` (shared), for its life `reader`, when the present
 * life ends, or the next one; at once when it is over. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_ref_watch(troupe_ref_t *self, tr_mailbox_t *watcher,
                                              uint64_t reader, uint64_t id, bool is_link);

/* Take such a watch back. False when there is none: it has been told. */
bool tr_ref_unwatch(troupe_ref_t *self, const tr_mailbox_t *watcher, uint64_t id);

/* Of a link the id is which of those behind `watcher` it is that watches: the number of its
 * reference. Take back all links by which that one watches. */
void tr_ref_unwatch_links(troupe_ref_t *self, const tr_mailbox_t *watcher, uint64_t id);

/* Whether one does. */
bool tr_ref_is_linked(troupe_ref_t *self, const tr_mailbox_t *watcher, uint64_t id);

/* Its present life; 0: none. */
uint64_t tr_ref_incarnation(troupe_ref_t *self);

/* Post a mail to it. Takes the mail when it is TROUPE_OK; TROUPE_FULL, TROUPE_CLOSED (it is
 * over): it is still the caller's. */
TROUPE_NODISCARD troupe_status_t tr_ref_post(troupe_ref_t *self, tr_lane_t lane,
                                             struct tr_mail **mail_p);

#endif
