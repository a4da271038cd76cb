/* node/reload/inside.h - the inside of a reload's steps, for the files that make them up */

#ifndef TROUPE_NODE_RELOAD_INSIDE_H
#define TROUPE_NODE_RELOAD_INSIDE_H

#include "node/reload/steps.h"

typedef enum step_kind {
    STEP_ANNOUNCE, /* the capability `child` takes nothing new any more */
    STEP_DRAIN,    /* and is waited for until it has finished what it has */
    STEP_TAKE_OUT, /* `child` of `supervisor`: terminated and forgotten */
    STEP_FOLLOW,   /* `child` of `supervisor` is one itself: it changes to `what` */
    STEP_TELL,     /* `child` of `supervisor` is told that its spec is `what` */
    STEP_REPLACE,  /* `child` of `supervisor` is stopped and started, if it is not stopped */
    STEP_START,    /* `child` of `supervisor` is started */
    STEP_NEARLY_DONE,
} step_kind_t;

typedef enum step_phase {
    PHASE_NEW,
    PHASE_FINDING,     /* FIND was asked */
    PHASE_DRAINING,    /* DRAIN: its router finishes what it has */
    PHASE_TERMINATING, /* TAKE_OUT */
    PHASE_REMOVING,    /* TAKE_OUT */
    PHASE_ASKED,       /* what the step is there for */
    PHASE_DONE,
} step_phase_t;

typedef struct step {
    step_kind_t kind;
    const char *supervisor; /* borrowed from a description or the plan, as `child` is */
    const char *child;
    const tr_change_t *change; /* whose failure it is; NULL: nobody's */
    const void *what;
    tr_name_space_t space; /* TELL */
    bool rolls;            /* FOLLOW */
    bool is_clearing;      /* TAKE_OUT: of one that nobody has seen in a description */
} step_t;

struct tr_steps {
    tr_steps_setup_t setup;
    step_t *all;
    size_t n;
    size_t n_room;
    bool is_out_of_memory;

    size_t current;
    step_phase_t phase;
    uint64_t last_token;
    int64_t due_ms;       /* when to go on without an answer */
    int64_t until_ms;     /* when patience with this step ends */
    int64_t drain_by_ms;  /* of all that leave; 0: none has been told yet */
    const char **stopped; /* children that were stopped by a command */
    size_t n_stopped;
};

/* Fill the list, in the order in which it is to be carried out. */
void tr_steps_make(tr_steps_t *self);

#endif
