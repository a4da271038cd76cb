/* actors/grant.h - what one worker may use of what the node has
 *
 * A grant is a paper that goes from hand to hand and has one owner at each moment. A pool makes
 * it out, which asks for something; the governor charges it and hands it back; the pool gives
 * it to the actor that it starts; whoever lets go of that actor, when its thread or its process
 * is really gone, hands it to the governor again, which takes the charge off. So a charge is
 * released exactly once however a worker ends, and a hung thread keeps its own.
 *
 * Being a letter, it can be handed back without memory and from any thread, and one that finds
 * its reader gone goes home by itself.
 */

#ifndef TROUPE_ACTORS_GRANT_H
#define TROUPE_ACTORS_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/reason.h"
#include "mailbox/mailbox.h"

/* What a node has and shares out: memory, and up to seven resources with names. */
enum { TR_MEMORY, TR_N_RESOURCES = 8 };

typedef struct tr_amounts {
    uint64_t of[TR_N_RESOURCES]; /* of[TR_MEMORY]: bytes */
} tr_amounts_t;

typedef enum tr_grant_state {
    TR_GRANT_ASKED,    /* on its way to the governor, or waiting there */
    TR_GRANT_GIVEN,    /* charged */
    TR_GRANT_REFUSED,  /* not charged: `reason` says why */
    TR_GRANT_RETURNED, /* on its way home */
} tr_grant_state_t;

typedef struct tr_grant {
    tr_letter_t letter;
    tr_grant_state_t state;
    uint64_t number;        /* unique in its runtime */
    tr_mailbox_t *governor; /* a share */
    tr_mailbox_t *pool;     /* a share: who asks */
    char capability[80];
    char worker[80];     /* the child that it is for */
    tr_amounts_t amount; /* as declared; once given: as charged at first */
    int64_t asked_ms;

    /* What the pool says of itself. */
    size_t min_workers;
    bool is_pinned;      /* never asked to give way */
    bool is_beyond_min;  /* the pool has `min` without this one */
    bool is_first;       /* the pool has no other worker */
    bool wants_all_room; /* a start failed for want of memory: let all that is idle go first */
    int64_t evict_cost;  /* at least 1 */

    tr_reason_t reason;     /* REFUSED */
    bool was_out_of_memory; /* RETURNED: its worker ended for want of memory */
    char cause[16];         /* RETURNED: why its worker was let go, as in the metrics; or "" */
    char whom[80];          /* and for which one; or "" */
} tr_grant_t;

extern const tr_letter_type_t tr_grant_type;

/* An empty paper: not given, and sent to nobody yet. Shares both mailboxes. NULL when out of
 * memory. */
TROUPE_NODISCARD tr_grant_t *tr_grant_new(uint64_t number, tr_mailbox_t *governor,
                                          tr_mailbox_t *pool);

/* Ask; takes it. What comes of it is the same paper, given or refused, in the pool's mailbox;
 * unless the governor is gone, then TROUPE_CLOSED and the paper is destroyed. */
TROUPE_NODISCARD troupe_status_t tr_grant_ask(tr_grant_t **self_p);

/* The governor's: hand it to the pool, given or refused; takes it. */
void tr_grant_answer(tr_grant_t **self_p);

/* Let go of it, whatever its state, and set *self_p to NULL: one that was given goes home. NULL
 * is fine. Any thread. */
void tr_grant_return(tr_grant_t **self_p);

/* The grant in this letter, whose owner then is the caller; or NULL when it is none. */
tr_grant_t *tr_grant_in(tr_letter_t *letter);

/* Free one that has come home, or never left. The governor's. */
void tr_grant_destroy(tr_grant_t **self_p);

/* Pure. */
bool tr_amounts_are_none(const tr_amounts_t *amounts);

#endif
