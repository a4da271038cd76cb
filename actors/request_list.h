/* actors/request_list.h - the requests that a router has, for whoever asks
 *
 * Asked by the word `list`, a router answers with one list. It is a snapshot: it owns copies.
 */

#ifndef TROUPE_ACTORS_REQUEST_LIST_H
#define TROUPE_ACTORS_REQUEST_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/call.h>
#include <troupe/status.h>

#include "mailbox/letter.h"
#include "mailbox/mailbox.h"

typedef enum tr_request_state {
    TR_REQUEST_RUNNING,
    TR_REQUEST_ABANDONED, /* its worker is busy with it, and nobody waits any more */
    TR_REQUEST_QUEUED,
} tr_request_state_t;

typedef struct tr_listed_request {
    tr_request_state_t state;
    uint64_t number; /* in the order in which its router took them */
    char method[80]; /* cut, as all texts here */
    char worker[80]; /* who has it; "" */
    char caller[80]; /* the name of the peer that asks, as its key proves; "" */
    uint64_t peer;   /* its number; of one within the node, that of an actor */
    troupe_priority_t priority;
    int64_t age_ms; /* since it was sent */
    int64_t running_ms;
    int64_t remaining_ms; /* to its deadline; TR_NEVER: it has none */
    uint64_t n_parts;     /* of its reply, so far */
    unsigned attempt;     /* 1: the first */
    bool is_sharer;       /* it gets the answer of another one */
} tr_listed_request_t;

typedef struct tr_request_list {
    tr_letter_t letter;
    uint64_t token; /* as it was asked */
    char capability[80];
    size_t n_left_off; /* there are so many more */
    size_t n;
    size_t n_room;
    tr_listed_request_t all[];
} tr_request_list_t;

extern const tr_letter_type_t tr_request_list_type;

/* An empty list with room for `n_room`. NULL when out of memory. */
TROUPE_NODISCARD tr_request_list_t *tr_request_list_new(uint64_t token, const char *capability,
                                                        size_t n_room);

/* The next line, all zero, to be filled; NULL when there is no room for it. */
tr_listed_request_t *tr_request_list_next(tr_request_list_t *self);

/* Hand it to `to`; takes it. */
void tr_request_list_send(tr_request_list_t *self, tr_mailbox_t *to);

/* "running", "abandoned", "queued". */
const char *tr_request_state_name(tr_request_state_t state);

#endif
