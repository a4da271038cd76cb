/* node/reload/difference.h - what a reload would do, told from two descriptions
 *
 * Children are the same when they have the same kind, name and supervisor; else one is removed
 * and another added, or one is moved, which is both. The changes come in the order in which
 * they are made: children that leave first, from the bottom; then what has changed, from the
 * top; then what is new, in the order of the file.
 *
 * Pure: it compares what the descriptions mean, and starts nothing.
 */

#ifndef TROUPE_NODE_RELOAD_DIFFERENCE_H
#define TROUPE_NODE_RELOAD_DIFFERENCE_H

#include "node/config/config.h"

typedef enum tr_change_kind {
    TR_CHANGE_REMOVE,
    TR_CHANGE_MOVE,          /* to another supervisor: removed and added */
    TR_CHANGE_NEEDS_RESTART, /* of the node: nothing is done about it */
    TR_CHANGE_MEMORY,        /* `memory` or `resources` of the node */
    TR_CHANGE_DRAIN_TIMEOUT,
    TR_CHANGE_QUARANTINE_LIMIT,
    TR_CHANGE_SCHEDULE,
    TR_CHANGE_GATEWAY,    /* `listen` */
    TR_CHANGE_HTTP,       /* `http` */
    TR_CHANGE_SUPERVISOR, /* it goes on with another spec */
    TR_CHANGE_CAPABILITY, /* its router and its pool go on with another spec */
    TR_CHANGE_ROLL,       /* likewise, and its workers are replaced one after another */
    TR_CHANGE_ACTOR,      /* it goes on with another spec */
    TR_CHANGE_RESTART,    /* an actor is stopped and started */
    TR_CHANGE_ADD,
} tr_change_kind_t;

typedef struct tr_change {
    tr_change_kind_t kind;
    const tr_config_child_t
        *before; /* borrowed; NULL when there is none, or it is no child's */
    const tr_config_child_t *after;
    const tr_config_child_t *from; /* the supervisor of `before` */
    const tr_config_child_t *to;   /* and of `after` */
    bool stops;                    /* REMOVE, MOVE: `from` goes on, and has to let it go */
    bool starts;                   /* MOVE, ADD: `to` was there before, and has to start it */
    char *text;                    /* one line for people */
} tr_change_t;

typedef struct tr_difference {
    tr_change_t *changes;
    size_t n;
    size_t n_room;
    bool is_out_of_memory;
} tr_difference_t;

/* What leads from `before` to `after`. Children called like one of the `n_failed` names are
 * known not to have started: they are added as if they had not been there. NULL when out of
 * memory. The descriptions must outlive it. */
TROUPE_NODISCARD tr_difference_t *tr_difference_new(const tr_config_t *before,
                                                    const tr_config_t *after,
                                                    const char *const *failed, size_t n_failed);

/* NULL is fine. */
void tr_difference_destroy(tr_difference_t **self_p);

/* Whether no reload can lead there, in one line; NULL: one can. Constant. */
const char *tr_difference_objection(const tr_config_t *before, const tr_config_t *after);

#endif
