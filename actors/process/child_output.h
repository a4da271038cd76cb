/* actors/process/child_output.h - what a worker's process writes, as lines of the node's log
 *
 * A process may write as much as it likes: it is read, so that it never blocks for ever, a
 * bounded piece at a time, so that its actor gets on with other work; and only so many lines a
 * second are logged, so that it drowns nobody. The rest is counted and told. The last lines are
 * always kept: they often say why a process died.
 *
 * One thread owns it. Told the time; the only I/O is reading and the log.
 */

#ifndef TROUPE_ACTORS_PROCESS_CHILD_OUTPUT_H
#define TROUPE_ACTORS_PROCESS_CHILD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

/* Bytes of one line; what is longer is cut. With the NUL. */
#define TR_CHILD_LINE 1025

typedef enum tr_child_stream {
    TR_CHILD_OUT,
    TR_CHILD_ERR,
    TR_N_CHILD_STREAMS,
} tr_child_stream_t;

typedef struct tr_child_output tr_child_output_t;

/* For the worker of that name (copied). NULL when out of memory. */
TROUPE_NODISCARD tr_child_output_t *tr_child_output_new(const char *worker);

/* NULL is fine. What was not logged yet is not logged. */
void tr_child_output_destroy(tr_child_output_t **self_p);

/* Read what is there, at most 256 KiB, from a descriptor that does not block. False when its
 * other end is closed or it cannot be read: it must not be watched any more. */
TROUPE_NODISCARD bool tr_child_output_read(tr_child_output_t *self, tr_child_stream_t stream,
                                           int descriptor, int64_t now_ms);

/* Tell what was dropped, if that is due. Returns when to be called again, or TR_NEVER. */
int64_t tr_child_output_turn(tr_child_output_t *self, int64_t now_ms);

/* The process is gone: log lines without an end, the last lines if they had been dropped, and
 * how many were dropped otherwise. */
void tr_child_output_finish(tr_child_output_t *self, int64_t now_ms);

/* The last line with something in it that the process wrote to standard error; if there is
 * none, to standard output; else "". Borrowed until the next call. */
const char *tr_child_output_last_words(const tr_child_output_t *self);

/* How many lines were dropped so far. */
uint64_t tr_child_output_n_dropped(const tr_child_output_t *self);

#endif
