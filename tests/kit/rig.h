/* tests/kit/rig.h - a node inside the test, and lines to it from within and from without
 *
 * A rig is a node with a folder and sockets of its own, so that tests may run side by side. A
 * line is somebody who calls: a troupe_caller or a troupe_client, behind one face, so that one
 * story can be told for both.
 *
 * Everything here asserts, and so belongs to the test's own thread. Nothing sleeps: whoever
 * waits, waits for an answer, or asks the node again, and each of these has a bound. After an
 * assert that failed `rig_end` still works, whatever was open.
 */

#ifndef TROUPE_TESTS_KIT_RIG_H
#define TROUPE_TESTS_KIT_RIG_H

#include "tests/kit/check.h"

#include <stdbool.h>

#include <troupe/caller.h>
#include <troupe/client.h>
#include <troupe/node.h>

#define RIG_PATIENCE_MS 60000 /* only what hangs takes so long */

typedef struct rig {
    troupe_node_t *node;
    troupe_client_t *admin; /* asks for the books */
    char folder[32];
    char ipc[64];
    char tcp[64];
} rig_t;

/* Start a node with these behaviours, NULL at the end. `children` is a list in YAML, a line for
 * each, as "- {capability: ...}\n"; `top` is more keys of the top mapping, or "". */
void rig_start(rig_t *self, const troupe_behaviour_t *const *behaviours, const char *top,
               const char *children);

/* Only a folder and endpoints, for a node that is another process. */
void rig_reserve(rig_t *self);

/* Stop it, and leave nothing behind. A rig that was not started is fine. */
void rig_end(rig_t *self);

int64_t rig_now_ms(void);

/* ---- what the node says of itself ---- */

typedef struct rig_books {
    uint64_t accepted;
    uint64_t finished;
    uint64_t queue;
    uint64_t pending;
    uint64_t restarts; /* of its workers, together */
    uint64_t idle;     /* of its workers, so many are */
} rig_books_t;

rig_books_t rig_read_books(rig_t *self, const char *capability);

/* Ask until so many wait and so many run. */
void rig_await(rig_t *self, const char *capability, uint64_t queue, uint64_t pending);

/* Ask until so many were accepted since the start. */
void rig_await_accepted(rig_t *self, const char *capability, uint64_t accepted);

/* Nothing waits or runs any more, and all that was accepted is finished. Asks until it is so:
 * a worker may be at the end of a request that was answered long ago. */
void rig_await_rest(rig_t *self, const char *capability);

/* Ask until so many of its workers have had nothing to do for a while: their threads sleep. */
void rig_await_idle(rig_t *self, const char *capability, uint64_t idle);

/* An operation of troupe.admin on a child; how it ended. */
troupe_outcome_t rig_operate(rig_t *self, const char *method, const char *child);

/* ---- lines ---- */

typedef enum side { INSIDE, OVER_TCP, OVER_IPC } side_t;

typedef struct line {
    troupe_caller_t *caller;
    troupe_client_t *client;
    troupe_reply_t **kept; /* what came while something else was waited for */
    size_t n_kept;
    size_t n_room;
} line_t;

void line_open(line_t *self, const rig_t *rig, side_t side);

/* Cancels what still runs. A line that was not opened is fine. */
void line_close(line_t *self);

/* Start a call with the text as its payload; its number. */
uint64_t line_start(line_t *self, const char *capability, const troupe_call_options_t *options,
                    const char *text);

void line_cancel(line_t *self, uint64_t id);

/* The next part or final of any call, the caller's to destroy. */
troupe_reply_t *line_next(line_t *self);

/* The next part, or the final, of this call; others are kept. */
troupe_reply_t *line_take(line_t *self, uint64_t id);

/* How this call ended; parts of it are let go, what belongs to others is kept. */
troupe_reply_t *line_final(line_t *self, uint64_t id);

/* The same, but only its outcome counts. */
troupe_outcome_t line_outcome(line_t *self, uint64_t id);

/* Start and wait for the end. */
troupe_outcome_t line_call(line_t *self, const char *capability,
                           const troupe_call_options_t *options, const char *text);

/* Nothing has come that was not asked for, and no call is open. */
void line_assert_quiet(line_t *self);

/* Whether the payload is this text. */
bool reply_says(const troupe_reply_t *reply, const char *text);

#endif
