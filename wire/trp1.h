/* wire/trp1.h - TRP/1 commands to frame 0 and back
 *
 * Frame 0 of every TRP/1 message is a msgpack array ["TRP1", command, id, headers]; the frames
 * after it are payload and never looked at here. docs/protocol.md is the normative text.
 *
 * Pure. Everything that comes from outside is checked before it is used: sizes, types,
 * counts against the bytes that are left, nesting.
 */

#ifndef TROUPE_WIRE_TRP1_H
#define TROUPE_WIRE_TRP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

#include "base/span.h"

/* X(NAME, name): the name is what travels. */
#define TR_TRP1_COMMAND_MAP(X)                                                                 \
    X(HELLO, hello)                                                                            \
    X(REQUEST, request)                                                                        \
    X(CANCEL, cancel)                                                                          \
    X(CREDIT, credit)                                                                          \
    X(PING, ping)                                                                              \
    X(PONG, pong)                                                                              \
    X(BYE, bye)                                                                                \
    X(STATUS, status)                                                                          \
    X(PART, part)                                                                              \
    X(REPLY, reply)                                                                            \
    X(ERROR, error)                                                                            \
    X(GOAWAY, goaway)                                                                          \
    X(READY, ready)                                                                            \
    X(PROGRESS, progress)                                                                      \
    X(PROBE, probe)                                                                            \
    X(SETTLED, settled)                                                                        \
    X(ANSWER, answer)                                                                          \
    X(LOST, lost)                                                                              \
    X(RELEASE, release)                                                                        \
    X(DRAIN, drain)                                                                            \
    X(STOP, stop)                                                                              \
    X(BUNDLE, bundle)                                                                          \
    X(SEND, send)                                                                              \
    X(MESSAGE, message)                                                                        \
    X(MONITOR, monitor)                                                                        \
    X(DEMONITOR, demonitor)                                                                    \
    X(DOWN, down)                                                                              \
    X(LINK, link)                                                                              \
    X(UNLINK, unlink)                                                                          \
    X(JOIN, join)                                                                              \
    X(LEAVE, leave)                                                                            \
    X(PUBLISH, publish)                                                                        \
    X(SUSPEND, suspend)                                                                        \
    X(RESUME, resume)                                                                          \
    X(INSPECT, inspect)                                                                        \
    X(INSPECTED, inspected)

typedef enum tr_trp1_command {
    TR_TRP1_UNKNOWN, /* well formed, but no command we know */
#define X(NAME, name) TR_TRP1_##NAME,
    TR_TRP1_COMMAND_MAP(X)
#undef X
} tr_trp1_command_t;

#define TR_TRP1_LAST_COMMAND TR_TRP1_INSPECTED

/* Frame 0 may not be larger than this. */
#define TR_TRP1_MAX_HEADER 4096

/* The longest texts, in bytes. What is longer is neither sent nor accepted, except for `text`,
 * which both ends cut where a character ends. */
#define TR_TRP1_MAX_NAME 128 /* capability, method, actor, from, group */
#define TR_TRP1_MAX_KEY  256 /* sticky, dedup, traceparent */
#define TR_TRP1_MAX_LIST 16  /* texts in capabilities */
#define TR_TRP1_MAX_WORD 64  /* node, boot, code, state, token, reason */
#define TR_TRP1_MAX_TEXT 1024

/* Arrays and maps inside each other, that of frame 0 and the headers included. */
#define TR_TRP1_MAX_DEPTH 32

/* The largest id, and the largest number anywhere: what every language can hold. */
#define TR_TRP1_MAX_NUMBER INT64_MAX

/* One command with every header that any command of this version carries. A field that is
 * absent has the value that `tr_trp1_init` gives it, and is not sent. Spans borrow from the
 * frame that was decoded, or from whoever encodes. */
typedef struct tr_trp1 {
    tr_trp1_command_t command;
    uint64_t id; /* of the request this is about; 0 for commands about none */

    /* hello */
    int64_t version_min;  /* -1 absent */
    int64_t version_max;  /* -1 absent */
    tr_span_t node;       /* the node's name */
    tr_span_t boot;       /* changes with every start of the node */
    int64_t heartbeat_ms; /* -1 absent; 0: none wanted */
    int64_t max_frame;    /* largest payload frame accepted, bytes; -1 absent */
    int64_t max_open;     /* requests a peer may have open; -1 absent */
    int64_t bundle;       /* largest body of a bundle accepted, bytes; -1 absent: none is */
    bool messages;        /* what actors send is welcome; false absent */

    /* request */
    tr_span_t capability;
    tr_span_t method;
    int64_t timeout_ms; /* time left, from now; -1 absent */
    int64_t priority;   /* a troupe_priority_t; 0 absent; travels by its name */
    tr_span_t sticky;
    tr_span_t dedup;
    tr_span_t traceparent;
    int64_t credit;            /* parts that may be sent before more is granted; -1 absent */
    bool wants_status;         /* false absent */
    bool finish_on_disconnect; /* on-disconnect: finish; absent: cancel */
    int64_t batch;             /* to a worker: how many more of its batch follow; -1 absent */
    int64_t parent;            /* of a worker: the request that it calls for; -1 absent */
    tr_span_t actor;           /* of an ask and of a send: to whom, instead of a capability */
    tr_span_t peer;            /* to a worker: the name of who asks */

    /* send, message */
    bool urgent;    /* it overtakes; false absent */
    bool confirm;   /* a reply is to say that it was delivered; false absent */
    tr_span_t from; /* the actor that sent it */

    /* answers */
    int64_t sequence; /* of a part; -1 absent */
    tr_span_t code;   /* of an error: an outcome's name */
    tr_span_t text;   /* for a person */
    bool retryable;   /* of an error; always sent with one */
    int64_t hint_ms;  /* -1 absent */
    tr_span_t state;  /* of a status: queued, starting, running */
    int64_t position; /* of a status: place in the queue; -1 absent */

    /* a worker's: hello has the token, ready the concurrency, pong the rest and a state */
    tr_span_t token;        /* proves that this is the process that the node started */
    int64_t concurrency;    /* requests it takes at a time; -1 absent */
    tr_span_t capabilities; /* of a ready: a list of texts, as it is written; see below */
    int64_t memory;         /* resident bytes; -1 absent */
    int64_t running;        /* id of the request whose handler runs; -1 absent */
    int64_t running_for;    /* ms since it began; -1 absent */
    int64_t progress_age;   /* ms since the last sign of progress; -1 absent */
    int64_t done;           /* requests finished so far; -1 absent */

    /* between a worker and its node, about messages */
    int64_t ref;     /* an actor, as the node has numbered it; -1 absent */
    bool ask;        /* somebody waits for an answer; false absent */
    int64_t forward; /* of a send: the message that goes on, with who sent it; -1 absent */
    int64_t count;   /* of a release: how often the node had said that number; -1 absent */

    /* down, and what is said of groups */
    tr_span_t reason;    /* why it ended: a reason's name, whose words are in text */
    int64_t reason_code; /* its signal or exit status; -1 absent */
    tr_span_t group;
} tr_trp1_t;

/* All absent, for `command` about request `id`. */
void tr_trp1_init(tr_trp1_t *self, tr_trp1_command_t command, uint64_t id);

/* Write frame 0 into `buffer` of `capacity` bytes; *size_out gets its length. The command is a
 * known one. In `text`, bytes that are no UTF-8 become '?'. TROUPE_LIMIT when a field is longer
 * than it may be or when all does not fit; TR_TRP1_MAX_HEADER suffices for what keeps the
 * limits above, unless a long list stands beside all the rest. */
TROUPE_NODISCARD troupe_status_t tr_trp1_encode(const tr_trp1_t *self, void *buffer,
                                                size_t capacity, size_t *size_out);

/* Read frame 0. Unknown header keys are skipped, whatever their value; a known one may come
 * once. A known key with the value nil is absent. That a request has an id, and a capability or
 * an actor, is checked here; what else a command needs, its receiver says.
 *
 *   TROUPE_OK            *out filled, borrowing from `data`; an unknown command is
 *                        TR_TRP1_UNKNOWN with its id
 *   TROUPE_ERR_PROTOCOL  malformed; *reason_out says in a few words why, and out->id is the id
 *                        when there was one to read, else 0
 */
TROUPE_NODISCARD troupe_status_t tr_trp1_decode(const void *data, size_t size, tr_trp1_t *out,
                                                const char **reason_out);

/* Take the next text out of such a list, of which *list is what is left. Its texts have 1 to
 * TR_TRP1_MAX_NAME bytes. False: there are no more. */
bool tr_trp1_next_text(tr_span_t *list, tr_span_t *text_out);

/* Write such a list of these texts, at most TR_TRP1_MAX_LIST. TROUPE_LIMIT: it does not fit. */
TROUPE_NODISCARD troupe_status_t tr_trp1_list_texts(const tr_span_t *texts, size_t n_texts,
                                                    void *buffer, size_t capacity,
                                                    tr_span_t *list_out);

/* Whether a first frame may be TRP/1 at all: its first bytes say so. */
bool tr_trp1_recognise(const void *data, size_t size);

/* "request" for TR_TRP1_REQUEST, and so on; "unknown". */
const char *tr_trp1_command_name(tr_trp1_command_t command);

#endif
