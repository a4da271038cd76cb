/* node/admin/operation_inside.h - the inside of operations, for operation.c and operation_way.c
 */

#ifndef TROUPE_NODE_ADMIN_OPERATION_INSIDE_H
#define TROUPE_NODE_ADMIN_OPERATION_INSIDE_H

#include "node/admin/operation.h"

struct tr_operation {
    tr_operation_t *next;
    uint64_t token;
    tr_envelope_t *envelope;
    tr_deed_t deed;
    char name[80]; /* of the child; of an ADD the supervisor; "": the node is meant */
    char size_text[24];
    tr_size_t size;
    int64_t delay_ms;
    int64_t trace_ms; /* of a trace; 0: it is to end */
    bool is_worker;   /* the child is one, in a pool */
    bool is_roll;
    bool awaits_drained;      /* of the router or the keeper */
    bool awaits_resumed;      /* of the keeper */
    tr_report_child_t *actor; /* as the survey had it, with a share of its pulse: it was said a
                                 word, and its answer is awaited. NULL: no actor is asked */
    int64_t deadline_ms;
};

/* ---- operation.c ---- */

/* Whom it is about: the node has a name, too. */
const char *tr_operation_name(const tr_operations_t *self, const tr_operation_t *operation);

/* It ends, and nothing was done. */
void tr_operation_refuse(tr_operations_t *self, tr_operation_t *operation,
                         troupe_outcome_t outcome, const char *why);

/* It was carried out on `name`, and ended so. */
void tr_operation_conclude(tr_operations_t *self, tr_operation_t *operation, const char *name,
                           troupe_outcome_t outcome, const char *text);

/* The same, well, with the words that its deed has. */
void tr_operation_conclude_done(tr_operations_t *self, tr_operation_t *operation);

/* Those that wait for a capability to have drained, or with NULL for any, will not see it. */
void tr_operations_give_up_draining(tr_operations_t *self, const char *name);

/* ---- operation_actor.c ---- */

/* Suspend, wake, look into or trace the child, which may be none (NULL). */
void tr_operation_turn_to_actor(tr_operations_t *self, tr_operation_t *operation,
                                const tr_report_child_t *child);

/* Why it has not answered in time. */
void tr_operation_explain_silence(const tr_operation_t *operation, int64_t now_ms, char *text,
                                  size_t size);

/* ---- operation_way.c ---- */

/* The node itself is to drain, or to go on. */
void tr_operation_turn_to_keeper(tr_operations_t *self, tr_operation_t *operation);

/* Find in the survey whom it is about, and tell whoever can do it. True: it is to be done
 * later, as *later_out says. */
bool tr_operation_turn_to_child(tr_operations_t *self, tr_operation_t *operation,
                                const tr_survey_t *survey, tr_later_t *later_out);

#endif
