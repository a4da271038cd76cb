/* node/admin/operation_text.h - what an operator says and is told, in words
 *
 * Pure.
 */

#ifndef TROUPE_NODE_ADMIN_OPERATION_TEXT_H
#define TROUPE_NODE_ADMIN_OPERATION_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/message.h>
#include <troupe/outcome.h>

#include "supervisors/command.h"

/* What is to be done. */
typedef enum tr_deed {
    TR_DEED_ADD,
    TR_DEED_TERMINATE,
    TR_DEED_RESTART,
    TR_DEED_REMOVE,
    TR_DEED_EVICT,
    TR_DEED_SCALE,
    TR_DEED_PAUSE,
    TR_DEED_RESUME,
    TR_DEED_DRAIN,
    TR_DEED_SUSPEND,
    TR_DEED_INSPECT,
    TR_DEED_TRACE,
    TR_N_DEEDS
} tr_deed_t;

/* As many workers as any pool may have. */
#define TR_SIZE_MAX 10000

/* How large a pool is to be; -1: as it is. */
typedef struct tr_size {
    int64_t least;
    int64_t most;
} tr_size_t;

/* "add", "evict", … */
const char *tr_deed_name(tr_deed_t deed);

/* False: there is none of that name. */
TROUPE_NODISCARD bool tr_deed_parse(const char *name, tr_deed_t *out);

/* Whether it can be put off. */
bool tr_deed_may_wait(tr_deed_t deed);

/* "4", "1..4", "1..", "..4"; false: it is none, or the least is more than the most. */
TROUPE_NODISCARD bool tr_size_parse(const char *text, tr_size_t *out);

/* Frame `index` as a text; false when it does not fit or has a NUL. One that is not there is
 * "". */
TROUPE_NODISCARD bool tr_frame_text(const troupe_message_t *message, size_t index, char *buffer,
                                    size_t size);

/* "vision has been restarted". `what` says more, or is "". */
void tr_deed_done(tr_deed_t deed, bool is_worker, const char *name, const char *what,
                  char *text, size_t size);

/* "vision will be restarted in 10m". */
void tr_deed_later(tr_deed_t deed, const char *name, int64_t delay_ms, char *text, size_t size);

/* What a supervisor's answer means to a person, about the child called `name`; the outcome is
 * returned. With a roll the workers of a capability were to be replaced. */
troupe_outcome_t tr_deed_outcome(tr_deed_t deed, bool is_worker, bool is_roll, const char *name,
                                 const tr_answer_t *answer, char *text, size_t size);

#endif
