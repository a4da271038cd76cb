/* actors/report.h - how an actor and its children are doing, for whoever asks
 *
 * Asked by the word `survey`, supervisors and routers answer with one report. A report is a
 * snapshot: it owns copies, and shares of the mailboxes through which one may ask on.
 */

#ifndef TROUPE_ACTORS_REPORT_H
#define TROUPE_ACTORS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/pulse.h"
#include "base/reason.h"
#include "mailbox/mailbox.h"

/* Where a worker runs. */
typedef enum tr_isolation {
    TR_ISOLATION_THREAD,
    TR_ISOLATION_PROCESS,
    TR_ISOLATION_INLINE, /* on the threads of those who call it, too */
    TR_ISOLATION_REMOTE, /* elsewhere: it has come by itself */
} tr_isolation_t;

typedef struct tr_report_child {
    char name[80];
    const char *kind;            /* constant */
    const char *state;           /* constant */
    char reason[TR_REASON_TEXT]; /* why it is not ready, or how its last life ended; or "" */
    uint64_t incarnation;
    uint64_t n_restarts;
    uint64_t n_pending;
    uint64_t n_done;
    uint64_t n_waiting;  /* of an actor: what is in its mailbox */
    uint64_t n_messages; /* likewise: taken, in all its lives */
    uint64_t rate;       /* likewise: taken in the last full second */
    tr_isolation_t isolation;
    int pid;                /* of its process, if it has one of its own; 0: none now */
    uint64_t memory_bytes;  /* of that process, as last measured; 0: not measured */
    uint64_t charged_bytes; /* what it is charged for with the node's governor; 0: nothing */
    tr_mailbox_t *mailbox;  /* a share, if it can be surveyed; else NULL */
    tr_pulse_t *pulse;      /* a share, of one that lives; or NULL */
} tr_report_child_t;

typedef struct tr_report {
    tr_letter_t letter;
    uint64_t token; /* as it was asked */
    char name[80];
    const char *strategy; /* of a supervisor; "" */
    const char *state;
    char reason[TR_REASON_TEXT];
    uint64_t n_queued;
    uint64_t n_pending;
    uint64_t n_accepted;
    uint64_t n_finished;
    uint64_t limit; /* of a router: of what may wait */
    bool is_full;   /* and so much waits that one more would be refused */
    uint64_t min;
    uint64_t max;
    size_t n_children;
    tr_report_child_t children[];
} tr_report_t;

extern const tr_letter_type_t tr_report_type;

/* One worker of a pool, as its router knows it. */
typedef struct tr_resident {
    uint64_t incarnation;
    char name[80];
    size_t n_pending;
    int64_t up_since_ms;
    int64_t last_used_ms; /* when it last finished or was given something */
    bool is_leaving;      /* gets nothing new any more */
} tr_resident_t;

/* A router's answer to TR_WORD_WHO_IS_THERE. */
typedef struct tr_residents {
    tr_letter_t letter;
    uint64_t token; /* as it was asked */
    char capability[80];
    size_t n_spare;   /* so many of them are beyond the pool's least */
    size_t n_waiting; /* requests in its queue */
    size_t n;
    tr_resident_t all[];
} tr_residents_t;

extern const tr_letter_type_t tr_residents_type;

/* With room for `n`, all zero. NULL when out of memory. */
TROUPE_NODISCARD tr_residents_t *tr_residents_new(uint64_t token, const char *capability,
                                                  size_t n);

/* Hand it to `to`; takes it. */
void tr_residents_send(tr_residents_t *self, tr_mailbox_t *to);

/* An empty report with room for `n_children`, all zero. NULL when out of memory. */
TROUPE_NODISCARD tr_report_t *tr_report_new(uint64_t token, const char *name,
                                            size_t n_children);

/* Hand it to `to`; takes it. */
void tr_report_send(tr_report_t *self, tr_mailbox_t *to);

#endif
