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
    atomic_uint n_groups;  /* it is a member of */
    pthread_mutex_t mutex; /* for those below */
    uint64_t incarnation;  /* its present life; 0: none */
    uint64_t stage;        /* how often a life has begun or ended */
    tr_watch_t *watches;   /* one DOWN each when that ends, or the next one */
    tr_watch_t *last_watch;
    char *home; /* the path of its supervisor, or "" */
    char name[];
};

/* With one holder; shares the mailbox. NULL when out of memory. */
TROUPE_NODISCARD troupe_ref_t *tr_ref_new(const char *name, const char *home,
                                          tr_mailbox_t *mailbox, uint64_t number);

/* A life begins. */
void tr_ref_begin(troupe_ref_t *self, uint64_t incarnation);

/* That life has ended: tell those who watch. One that ended before is fine. */
void tr_ref_end(troupe_ref_t *self, uint64_t incarnation, const tr_reason_t *reason);

/* There will be no other life: be over. Those who watch are told by tr_ref_end, if its last
 * life has not been said to have ended, else now. */
void tr_ref_finish(troupe_ref_t *self);

/* Let a DOWN numbered `id` go to `watcher` (shared), for its life `reader`, when the present
 * life ends, or the next one; at once when it is over. That needs no memory then.
 * TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_ref_watch(troupe_ref_t *self, tr_mailbox_t *watcher,
                                              uint64_t reader, uint64_t id);

/* Take such a watch back. False when there is none: it has been told. */
bool tr_ref_unwatch(troupe_ref_t *self, const tr_mailbox_t *watcher, uint64_t id);

/* Take all watches of that life of the watcher back. */
void tr_ref_unwatch_all(troupe_ref_t *self, const tr_mailbox_t *watcher, uint64_t reader);

/* Tie the life `incarnation` of `self` to the present life of `whom`, or its next one: each
 * watches the other, by a notice that says is_link and the number of the tie. Two that are tied
 * stay as they are; a life that is over is not tied any more. TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_ref_link(troupe_ref_t *self, uint64_t incarnation,
                                             troupe_ref_t *whom);

/* Untie the two. */
void tr_ref_unlink(troupe_ref_t *self, troupe_ref_t *whom);

/* `self` hears that the other end of a tie has ended, and that is the end of the tie. False:
 * there was none any more, the notice is of no account. */
bool tr_ref_untie(troupe_ref_t *self, uint64_t tie);

/* A number that is another one whenever one of its lives has begun or ended meanwhile. */
uint64_t tr_ref_stage(troupe_ref_t *self);

/* Its present life; 0: none. */
uint64_t tr_ref_incarnation(troupe_ref_t *self);

/* Post a mail to it. Takes the mail when it is TROUPE_OK; TROUPE_FULL, TROUPE_CLOSED (it is
 * over): it is still the caller's. */
TROUPE_NODISCARD troupe_status_t tr_ref_post(troupe_ref_t *self, tr_lane_t lane,
                                             struct tr_mail **mail_p);

#endif
