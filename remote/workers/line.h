/* remote/workers/line.h - what the gateway and the actors that stand for remote workers say
 *
 * A line is the offer of one peer to serve one capability. At its one end is the gateway, which
 * knows the peer and speaks its dialect; at the other an actor in the capability's pool, to
 * which a remote worker is a worker like any other. What they say to each other is put in the
 * words of TRP/1, whatever the peer speaks, and requests have the numbers of their router.
 */

#ifndef TROUPE_REMOTE_WORKERS_LINE_H
#define TROUPE_REMOTE_WORKERS_LINE_H

#include "base/keepsake.h"
#include "mailbox/envelope.h"
#include "mailbox/mailbox.h"
#include "wire/trp1.h"

/* The offer, as its actor gets it. It belongs to a keepsake, and whoever is the last to let go
 * of that says so to the gateway: however the actor ends, and if there never was one. */
typedef struct tr_line_offer {
    uint64_t line;
    tr_mailbox_t *gateway; /* a share */
    uint64_t peer;         /* its number */
    size_t concurrency;    /* requests it takes at once */
    int64_t memory_bytes;  /* as it says; 0: it does not */
    bool hears_pings;      /* else the actor answers its supervisor by itself */
    const char *dialect;   /* constant */
    char who[160];         /* for people: where it is */
} tr_line_offer_t;

/* A keepsake of an offer that is copied (the gateway's mailbox is shared); *offer_out is
 * borrowed from it. NULL when out of memory. */
TROUPE_NODISCARD tr_keepsake_t *tr_line_offer_new(const tr_line_offer_t *offer,
                                                  const tr_line_offer_t **offer_out);

/* The words, and what they carry besides the number of the line.
 *
 * The actor says
 *     HELLO    it is up: mailbox
 *     REQUEST  id, capability, method, priority, timeout, credit, traceparent; the message
 *     CANCEL   id
 *     CREDIT   id, credit: so many parts more
 *     PING     id: comes back in the pong
 *     DRAIN    nothing new will come
 *     STOP     nothing is left to do, and nothing more will come: the actor ends
 *     BYE      the worker is not to be had as a worker any more; text: why
 * The keepsake of the offer says
 *     GOAWAY   nobody is there any more; text: why, when the pool has refused it
 * The gateway says
 *     PART, REPLY, ERROR, PROGRESS, PONG   as a worker does in TRP/1
 *     DRAIN    the worker wants nothing new
 *     BYE      the peer has gone; text: why; state "normal": as it wanted
 */
typedef struct tr_line_letter {
    tr_letter_t letter;
    uint64_t line;
    tr_trp1_t command;       /* its texts are within the letter, or its envelope's */
    tr_mailbox_t *mailbox;   /* a share, or NULL */
    tr_envelope_t *envelope; /* likewise */
    troupe_message_t *message;
    char texts[];
} tr_line_letter_t;

extern const tr_letter_type_t tr_line_letter_type;

/* A letter of that command, whose texts are copied: `code`, `text` and `state`, but no others.
 * May take the message (NULL: none). NULL when out of memory, and the message is still the
 * caller's. */
TROUPE_NODISCARD tr_line_letter_t *tr_line_letter_new(uint64_t line, const tr_trp1_t *command,
                                                      troupe_message_t **message_p);

/* The letter, or NULL when it is none of this kind. */
tr_line_letter_t *tr_line_letter_in(tr_letter_t *letter);

#endif
