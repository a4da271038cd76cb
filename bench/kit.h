/* bench/kit.h - a node in this process, and its one client
 *
 * The client calls in the process, or over ipc or tcp as any other would. What it calls is kept
 * in the books: a call that does not end `ok`, or ends twice, or is not known, ends the program
 * with a word on what came instead.
 */

#ifndef TROUPE_BENCH_KIT_H
#define TROUPE_BENCH_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe.h>

#include "bench/measure.h"

typedef struct bench_node {
    troupe_node_t *node;
    troupe_caller_t *caller; /* in the process; else NULL */
    troupe_client_t *client; /* over ipc or tcp; else NULL */
    char endpoint[128];
    int64_t *books; /* by id modulo their size: the note of an open call, else 0 */
    size_t n_open;
    bool may_refuse; /* a call may end `overloaded` too */
} bench_node_t;

/* A transport: tcp, where all that is said is encrypted (`security: curve`). */
#define BENCH_ENCRYPTED "curve"

/* The value of an option that says inproc, ipc, tcp or curve. */
const char *bench_transport(const char *option, const char *text);

/* Have nodes that are started from now on spin for so long before they sleep. */
void bench_node_spin(long spin_us);

/* Have them `text`, more keys of the top mapping with a newline after each, besides; borrowed.
 */
void bench_node_keys(const char *text);

/* Have what they listen at the `limits` that `text` says, in the short form of YAML without the
 * braces; borrowed. */
void bench_peer_limits(const char *text);

/* Of the log only what is worse than `level`, unless the environment says otherwise; "off" is
 * meant whatever it says. Before the first node. */
void bench_log_level(const char *level);

/* Where a node of this process can listen, by ipc or tcp; "" for inproc. A node that is started
 * from now on, and its clients, have keys where the transport is encrypted. */
void bench_endpoint(const char *transport, char *endpoint, size_t size);

/* Start a node whose children are `children`, a list of YAML in its short form, without the
 * brackets. It listens at `endpoint`, unless that is "". */
troupe_node_t *bench_tree_start(const char *endpoint, const troupe_behaviour_t *behaviour,
                                const char *children);

/* A client of such a node, which has not connected yet. The caller's to destroy. */
troupe_client_t *bench_client_new(const char *endpoint);

/* Reply with what the request brought. */
void bench_reply_same(troupe_request_t *request);

/* A behaviour, called mirror, that does nothing else. */
extern const troupe_behaviour_t bench_mirror;

/* Start a node whose one child is `capability`, a mapping of YAML in its short form, and
 * connect to it. */
void bench_node_start(bench_node_t *self, const char *transport,
                      const troupe_behaviour_t *behaviour, const char *capability);

/* Stop the node; no call may be open. */
void bench_node_stop(bench_node_t *self);

/* Start a call, and remember `note`, which is not 0, until its final has come. Takes the
 * message. */
void bench_call(bench_node_t *self, const char *capability,
                const troupe_call_options_t *options, troupe_message_t **message_p,
                int64_t note);

/* The next part or final within `timeout_ms`, and the note of its call; NULL when nothing came.
 * The caller's to destroy. */
troupe_reply_t *bench_next(bench_node_t *self, int64_t timeout_ms, int64_t *note_out);

/* Calls to be made at their times, whether or not earlier ones have ended. */
typedef struct bench_schedule {
    size_t n;
    const int64_t *due_ns; /* by index, from the begin on, in order */
    int64_t patience_ms;   /* how long after the last one is due all must have ended */
    /* Make the call, with index + 1 for its note. */
    void (*start)(bench_node_t *node, size_t index, void *arg);
    /* What came of the call that was due at `due_ns` of the clock; a final. */
    void (*finish)(size_t index, int64_t due_ns, const troupe_reply_t *reply, void *arg);
    void *arg;
} bench_schedule_t;

/* Make all these calls and wait until all have ended. late_ns[i], unless NULL, becomes how long
 * after its time call i was made. */
void bench_keep_schedule(bench_node_t *self, const bench_schedule_t *schedule,
                         int64_t *late_ns);

#endif
