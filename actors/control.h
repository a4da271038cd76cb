/* actors/control.h - the inner words: what actors of one node say to each other
 *
 * Supervisors, pools, routers and workers meet in these messages only. Each word is a letter
 * of one struct, since most carry the same few things; which fields a word uses is said beside
 * its kind. All travel in the control lane.
 */

#ifndef TROUPE_ACTORS_CONTROL_H
#define TROUPE_ACTORS_CONTROL_H

#include <stdint.h>

#include <troupe/outcome.h>
#include <troupe/status.h>

#include "actors/pulse.h"
#include "base/keepsake.h"
#include "base/reason.h"
#include "mailbox/mailbox.h"

/* What has become of a message in the process of a worker. */
typedef enum tr_settled {
    TR_SETTLED_RECEIVED,
    TR_SETTLED_ASIDE,   /* it will be received again */
    TR_SETTLED_UNBEGUN, /* this life has ended without it */
} tr_settled_t;

typedef enum tr_word {
    /* supervisor -> child */
    TR_WORD_PING,    /* number: comes back in the pong */
    TR_WORD_PROBE,   /* check yourself deeply, unless there is work */
    TR_WORD_STOP,    /* reason */
    TR_WORD_SUSPEND, /* take nothing but words; number: token; mailbox: whom to tell, or NULL */
    TR_WORD_WAKE,    /* the end of that; likewise */
    TR_WORD_HEEDED,  /* and back, to that mailbox; number: the token; depth: what waits */
    TR_WORD_INSPECT, /* number: token; depth: ms that there are for it, 0: as many as it takes;
                        mailbox: where the tr_inspection_t goes */
    TR_WORD_KILL,    /* reason; number: ms from SIGTERM to SIGKILL, 0: SIGKILL at once. Only to
                        actors that can be killed */

    /* child -> supervisor; incarnation says which child */
    TR_WORD_PONG,    /* number, depth */
    TR_WORD_STARTED, /* ready for work; reason.text: what it has to say about its start */
    TR_WORD_ENDED,   /* reason; its thread is about to end. Without STARTED: it did not start */

    TR_WORD_RETIRE, /* it wants nothing new, and to go when it has nothing left to do. May be
                       said again, as a hint that this is so now */

    /* worker -> its host, in the user lane: behind all that it has sent */
    TR_WORD_SETTLED, /* number: of the message; depth: a tr_settled_t */
    TR_WORD_LOST,    /* name: of an actor; reason.text: why a message to it is a dead letter */

    /* pool -> router, about one worker (incarnation) or about itself (incarnation 0) */
    TR_WORD_UP,        /* name, mailbox, pulse: may get requests. number: so many at once; 0: as
                          its capability has it. Others have come by themselves */
    TR_WORD_DOUBTFUL,  /* gets nothing new for now */
    TR_WORD_FINE,      /* doubt is over */
    TR_WORD_GOING,     /* will be stopped: gets nothing new any more */
    TR_WORD_DOWN,      /* reason: it is gone, with what it had */
    TR_WORD_AVAILABLE, /* the pool starts workers */
    TR_WORD_UNAVAILABLE, /* reason: it does not, for the next `number` ms */
    TR_WORD_NOT_GROWN, /* a worker that was wished for did not start; reason. number 1: it will
                          be tried again; 0: not before it is wished for again */
    TR_WORD_SIZE,      /* number: least, depth: most workers, from now on */

    /* actor -> supervisor of its children */
    TR_WORD_STOP_CHILD, /* name: stop it, and forget it */

    /* router -> worker, the first to those whose pulse asks for it */
    TR_WORD_CANCEL, /* number: of the job that nobody waits for any more */
    TR_WORD_ROOM,   /* number: of the job whose reader has room again */

    /* router -> pool */
    TR_WORD_GROW,   /* work waits and no worker is free. number: how many more it could use now;
                       0: none any more */
    TR_WORD_SHRINK, /* incarnation: gets nothing new, and has nothing left to do. name: the
                       cause, as in the metrics; reason.text: for whom, or "" */
    TR_WORD_REST,   /* number 1: stop all workers, and start none; 0: be as before */

    /* whoever wants a worker to go (mailbox) -> router */
    TR_WORD_YIELD, /* incarnation; name, reason.text: as for SHRINK, which follows when it may
                      go. number 0: only if it has nothing to do and the pool can spare it; 1:
                      it shall finish what it has, and get nothing new */
    /* and back, if not */
    TR_WORD_NOT_YIELDED, /* incarnation; reason.text: why */

    /* gateway -> router -> pool: a worker of elsewhere wants to join. what, keepsake: for its
       start; number: requests that it takes at once; depth: token; mailbox: whom to tell if it
       may not */
    TR_WORD_JOIN,
    /* and back, if not */
    TR_WORD_NOT_JOINED, /* number: the token; depth: a troupe_outcome_t; reason.text: why */

    /* pool -> governor */
    TR_WORD_HOLDS,    /* number: of a grant; incarnation, name, pulse: the worker that has it */
    TR_WORD_WITHDRAW, /* number: of a grant that was asked for and is not wanted any more */

    /* governor -> router; answered by tr_residents_t */
    TR_WORD_WHO_IS_THERE, /* number: token; mailbox: where the answer goes */

    /* node, admin -> router, gateway; admin -> keeper; and back */
    TR_WORD_DRAIN,   /* mailbox: whom to tell. incarnation: comes back. number 1: let the pool
                        rest then */
    TR_WORD_DRAINED, /* name: of the capability, or the keeper; incarnation */
    TR_WORD_PAUSE,   /* take requests, but give none to a worker */
    TR_WORD_RESUME,  /* the end of pause, drain and rest. To and from the keeper mailbox, name:
                        as  for a drain */

    /* admin -> router, gateway, keeper, governor: `what` is its spec from now on */
    TR_WORD_RESPEC, /* what, keepsake */

    /* node -> admin */
    TR_WORD_RELOAD, /* read the file again */

    /* whoever asks -> supervisor, router; answered by a report */
    TR_WORD_SURVEY, /* number: token; mailbox: where the report goes */

    /* admin -> router; answered by tr_request_list_t */
    TR_WORD_LIST, /* number: token; depth: how many requests at most; mailbox: where it goes */

    TR_N_WORDS
} tr_word_t;

typedef struct tr_control {
    tr_letter_t letter;
    tr_word_t word;
    uint64_t incarnation;
    uint64_t number;
    size_t depth;
    tr_reason_t reason;
    tr_mailbox_t *mailbox; /* a share, or NULL */
    tr_pulse_t *pulse;     /* a share, or NULL */
    const void *what;
    tr_keepsake_t *keepsake; /* what `what` belongs to: a share, or NULL */
    char name[80];
} tr_control_t;

extern const tr_letter_type_t tr_control_type;

/* A word about `incarnation`, everything else empty. NULL when out of memory. */
TROUPE_NODISCARD tr_control_t *tr_control_new(tr_word_t word, uint64_t incarnation);

/* Hand the word to `to`, ignoring its bound: words are few, and losing one would lose a child.
 * Takes it; a closed mailbox destroys it. NULL for either is fine. */
void tr_control_send(tr_control_t *self, tr_mailbox_t *to);

/* Shorthand for a word that needs no more than this. */
void tr_control_say(tr_mailbox_t *to, tr_word_t word, uint64_t incarnation);

/* Tell whoever asked by TR_WORD_JOIN that it may not be. */
void tr_control_refuse_join(const tr_control_t *join, troupe_outcome_t outcome,
                            const char *why);

/* The word in this letter, or NULL when it is none; borrowed. */
const tr_control_t *tr_control_in(const tr_letter_t *letter);

/* "ping", "stop", … for the log. */
const char *tr_word_name(tr_word_t word);

#endif
