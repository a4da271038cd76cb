/* mailbox/reply.h - the inside of a reply: a part or a final on its way to its caller */

#ifndef TROUPE_MAILBOX_REPLY_H
#define TROUPE_MAILBOX_REPLY_H

#include <troupe/call.h>

#include "base/reason.h"
#include "mailbox/letter.h"

struct troupe_reply {
    tr_letter_t letter; /* so that a reply is what lies in the caller's mailbox */
    uint64_t id;        /* of the call, as the caller numbered it */
    uint64_t sequence;
    int64_t hint_ms;
    troupe_outcome_t outcome;
    bool is_final;
    troupe_standing_t standing; /* not a part: a status */
    uint64_t position;
    char *text;                /* NULL: "" */
    troupe_message_t *message; /* NULL: empty */
    tr_reason_t *reason;       /* of a monitor's final: why the actor went down; own */

    /* Between a worker and its router only. */
    struct troupe_request *job; /* whose answer this is: a share, or NULL */
    bool was_not_started;       /* the worker hands the job back untouched */
    bool is_worker_broken;      /* and will end now */
};

extern const tr_letter_type_t tr_reply_type;

/* A part or final; takes `*message_p` (which may be NULL inside, or NULL itself). `text` is
 * copied and may be NULL. NULL when out of memory; the message is gone then too. */
TROUPE_NODISCARD troupe_reply_t *tr_reply_new(uint64_t id, bool is_final,
                                              troupe_outcome_t outcome, const char *text,
                                              troupe_message_t **message_p);

/* Write what happened to whom, by `why` (NULL or "": nothing is said), and then what the caller
 * can do. Cut to `size` bytes with the NUL, `why` first. */
void tr_reply_compose(char *text, size_t size, troupe_outcome_t outcome, const char *why);

/* The final of a request that the node ends itself, with such a text. NULL when out of memory.
 */
TROUPE_NODISCARD troupe_reply_t *tr_reply_verdict(uint64_t id, troupe_outcome_t outcome,
                                                  int64_t hint_ms, const char *why);

/* What a part counts for in a flow: its payload. Both ends count alike. */
uint64_t tr_reply_flow_bytes(const troupe_reply_t *self);

/* A second reply that says the same, under another id; its payload is shared. NULL when out of
 * memory. */
TROUPE_NODISCARD troupe_reply_t *tr_reply_copy(const troupe_reply_t *self, uint64_t id);

#endif
