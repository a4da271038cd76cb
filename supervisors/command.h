/* supervisors/command.h - what one can ask of a supervisor while it runs
 *
 * A command is a letter to the supervisor's mailbox; exactly one answer comes back for each,
 * when it is done or refused. Commands about one child are carried out one after another, in
 * the order in which they came; those about different children do not wait for each other. The
 * verbs and their edge cases are those of OTP's supervisor.
 */

#ifndef TROUPE_SUPERVISORS_COMMAND_H
#define TROUPE_SUPERVISORS_COMMAND_H

#include "base/keepsake.h"
#include "mailbox/mailbox.h"
#include "supervisors/child_spec.h"

typedef enum tr_verb {
    TR_VERB_ADD,       /* start_child: `spec`, or `what` for a child of the template */
    TR_VERB_TERMINATE, /* terminate_child: it goes down and stays down */
    TR_VERB_RESTART,   /* restart_child: one that was terminated comes up again */
    TR_VERB_REMOVE,    /* delete_child: one that was terminated is forgotten */
    TR_VERB_REPLACE,   /* a child that runs is stopped and started; counts as no restart */
    TR_VERB_ROLL,      /* a pool: every worker is replaced, one after another */
    TR_VERB_COUNT,     /* count_children */
    TR_VERB_FIND,      /* get_childspec, which_child: is it there, and how is it */
    TR_VERB_CHANGE,    /* code_change: `change` is the supervisor's spec from now on */
    TR_VERB_SCALE,     /* a pool: between `least` and `most` workers from now on */
    TR_VERB_EVICT,     /* a pool: the child, or without a name all that are idle and beyond the
                          least, go */
    TR_VERB_DRAIN,     /* a pool: the child gets nothing new, finishes what it has, and goes */
    TR_VERB_RESUME,    /* a pool: it does not go, if it has not yet */
} tr_verb_t;

typedef enum tr_answer_code {
    TR_ANSWER_DONE,
    TR_ANSWER_IGNORED,         /* ADD, RESTART: its init said that it is not needed here */
    TR_ANSWER_ALREADY_STARTED, /* ADD: a child of that name runs */
    TR_ANSWER_ALREADY_PRESENT, /* ADD: there is one, which does not run */
    TR_ANSWER_NOT_FOUND,
    TR_ANSWER_RUNNING,    /* RESTART, REMOVE: it runs */
    TR_ANSWER_RESTARTING, /* RESTART, REMOVE: it is being restarted */
    TR_ANSWER_FAILED,     /* it did not start; the text says why */
    TR_ANSWER_REFUSED,    /* such a supervisor does not do such a thing; the text says why */
    TR_ANSWER_STOPPING,   /* the supervisor stops */
} tr_answer_code_t;

/* "done", "already_started", … */
const char *tr_answer_name(tr_answer_code_t code);

typedef struct tr_command tr_command_t;

struct tr_command {
    tr_letter_t letter;
    tr_verb_t verb;
    char name[80];        /* of the child; "" for one that is meant by its incarnation */
    uint64_t incarnation; /* of the child; 0 for one that is meant by its name */

    const tr_child_spec_t *spec;        /* ADD */
    const void *what;                   /* ADD to a template; NULL: the template's own */
    const tr_supervisor_spec_t *change; /* CHANGE */
    size_t least, most;                 /* SCALE */
    bool rolls;              /* CHANGE of a pool: its workers have changed, too, and are
                                replaced; the answer comes when they are */
    tr_keepsake_t *keepsake; /* what these belong to: a share, or NULL */

    tr_mailbox_t *reply_to; /* a share */
    uint64_t token;         /* comes back with the answer */

    /* The supervisor's. */
    tr_command_t *next;
    bool is_begun;
    bool has_failed; /* the start that it asked for failed, for child->last_reason */
    uint64_t before; /* REPLACE: the life that it ends */
};

extern const tr_letter_type_t tr_command_type;

/* A command about the child called `name` (NULL: none), whose answer goes to `reply_to`
 * (shared; NULL: to nobody). NULL when out of memory. */
TROUPE_NODISCARD tr_command_t *tr_command_new(tr_verb_t verb, const char *name,
                                              tr_mailbox_t *reply_to, uint64_t token);

/* Post it; takes it. TROUPE_CLOSED or TROUPE_FULL: there is no answer to wait for. */
TROUPE_NODISCARD troupe_status_t tr_command_send(tr_command_t **self_p, tr_mailbox_t *to);

/* The command in this letter, or NULL when it is none. */
tr_command_t *tr_command_in(tr_letter_t *letter);

typedef struct tr_answer {
    tr_letter_t letter;
    uint64_t token;
    tr_answer_code_t code;
    char name[80];             /* the child */
    uint64_t incarnation;      /* its present life; 0: none */
    const char *state;         /* FIND: "ready", …; constant */
    const char *kind;          /* FIND: likewise */
    tr_restart_t restart;      /* FIND */
    char text[TR_REASON_TEXT]; /* why; after a start what the child said */

    /* COUNT, as OTP counts. */
    size_t n_specs;       /* children known; of a template supervisor always 1 */
    size_t n_active;      /* of which there is an actor */
    size_t n_supervisors; /* children that are supervisors, running or not */
    size_t n_workers;     /* children that are not; after EVICT of all: those that went */
} tr_answer_t;

extern const tr_letter_type_t tr_answer_type;

/* An empty answer to `command`. NULL when out of memory. */
TROUPE_NODISCARD tr_answer_t *tr_answer_new(const tr_command_t *command, tr_answer_code_t code);

/* Send it to whoever gave the command, and destroy that; takes both. */
void tr_answer_send(tr_answer_t *self, tr_command_t *command);

/* The answer in this letter, or NULL when it is none. */
const tr_answer_t *tr_answer_in(const tr_letter_t *letter);

#endif
