/* troupe/call.h - what a call asks for and what comes back
 *
 * Shared by calls inside the process (troupe/caller.h) and from another one
 * (troupe/client.h).
 */

#ifndef TROUPE_CALL_H
#define TROUPE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/api.h>
#include <troupe/message.h>
#include <troupe/outcome.h>

TROUPE_BEGIN_DECLS

/* In order of service. A more urgent request is served first. */
typedef enum troupe_priority {
    TROUPE_PRIORITY_DEFAULT = 0, /* what a zeroed option means: normal */
    TROUPE_PRIORITY_CRITICAL = 1,
    TROUPE_PRIORITY_HIGH = 2,
    TROUPE_PRIORITY_NORMAL = 3,
    TROUPE_PRIORITY_LOW = 4,
    TROUPE_PRIORITY_BATCH = 5,
} troupe_priority_t;

/* "critical", "high", "normal", "low", "batch"; "normal" for a value that is none. */
TROUPE_API const char *troupe_priority_name(troupe_priority_t priority);

/* Find the priority called `name`; false, and *out untouched, when there is none. */
TROUPE_API bool troupe_priority_parse(const char *name, troupe_priority_t *out);

/* How to call. A zeroed struct, or NULL in its place, means all defaults; strings
 * are borrowed for the call. */
typedef struct troupe_call_options {
    const char *method;         /* what the worker is to do; NULL: "" */
    int64_t timeout_ms;         /* from now until the deadline; 0: the capability's own */
    troupe_priority_t priority; /* who is served first while requests wait */
    const char *traceparent;    /* W3C trace context, carried to the handler; NULL: none */
    const char *sticky_key;     /* equal keys go to the same worker, with `balance: sticky` */
    const char *dedup_key;      /* equal keys share one run while it lasts, and its reply */
    uint64_t credit;            /* parts that may lie unread before the writer waits; 0: 64 */
    bool wants_status; /* be told how the request stands, too; calls of workers are not */
} troupe_call_options_t;

/* One thing that came back: any number of parts, then exactly one final. Where that is wanted,
 * how the request stands is told before and between them. */
typedef struct troupe_reply troupe_reply_t;

/* Let go of the reply and set *self_p to NULL; NULL is fine. */
TROUPE_API void troupe_reply_destroy(troupe_reply_t **self_p);

/* Which call this belongs to: the number that starting the call gave. */
TROUPE_API uint64_t troupe_reply_id(const troupe_reply_t *self);

/* False for a part or a status, true for the one reply or error that ends the call. */
TROUPE_API bool troupe_reply_is_final(const troupe_reply_t *self);

/* For a part its number, counted from 0; for the final how many parts came. */
TROUPE_API uint64_t troupe_reply_sequence(const troupe_reply_t *self);

/* How the request ended; TROUPE_OUTCOME_OK for parts. */
TROUPE_API troupe_outcome_t troupe_reply_outcome(const troupe_reply_t *self);

/* What happened to whom, one line; "" when all went well. Borrowed from the reply. */
TROUPE_API const char *troupe_reply_text(const troupe_reply_t *self);

/* After which time a retry makes sense, in ms; 0 when that is not known. */
TROUPE_API int64_t troupe_reply_hint_ms(const troupe_reply_t *self);

/* The payload, borrowed from the reply. Never NULL; empty for errors. */
TROUPE_API const troupe_message_t *troupe_reply_message(const troupe_reply_t *self);

/* How a request stands. */
typedef enum troupe_standing {
    TROUPE_STANDING_UNTOLD,   /* this is a part, or a final */
    TROUPE_STANDING_QUEUED,   /* it waits for a worker */
    TROUPE_STANDING_STARTING, /* likewise, and there is none yet */
    TROUPE_STANDING_RUNNING,  /* a worker has it */
} troupe_standing_t;

/* How the request stands, if this tells that; told with `wants_status` only, whenever it begins
 * to wait, and when a worker gets it: so again when it is tried again. */
TROUPE_API troupe_standing_t troupe_reply_standing(const troupe_reply_t *self);

/* Of one that waits: how many waited then, itself included, not in the order of service. Else
 * 0. */
TROUPE_API uint64_t troupe_reply_position(const troupe_reply_t *self);

/* "queued", "starting", "running"; "" for a value that is none of these. */
TROUPE_API const char *troupe_standing_name(troupe_standing_t standing);

/* Find the standing of that name; false, and *out untouched, when there is none. */
TROUPE_API bool troupe_standing_parse(const char *name, troupe_standing_t *out);

/* Called for each part of a streamed reply, and each status that was wanted, while a blocking
 * call waits. The part is borrowed for the call. */
typedef void(troupe_part_fn)(void *arg, const troupe_reply_t *part);

TROUPE_END_DECLS

#endif
