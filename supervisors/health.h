/* supervisors/health.h - fine, doubtful, hung
 *
 * Judges one child by when it last answered and by its signs of life. A child that runs no
 * callback must answer pings; one that runs a callback cannot, and is judged by progress. The
 * clock of a request's own time and of cancelled work is the child's pulse.
 *
 * Pure: told the time and what was seen. Liveness is times, not counters.
 */

#ifndef TROUPE_SUPERVISORS_HEALTH_H
#define TROUPE_SUPERVISORS_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_health_plan {
    int64_t interval_ms;    /* between pings */
    int64_t misses;         /* as many unanswered in a row: hung */
    int64_t stall_ms;       /* busy without progress for so long: hung; 0: the request's own
                               time plus 5 s; with a message 60 s */
    int64_t overrun_ms;     /* still busy so long after cancel or deadline: hung */
    int64_t start_stall_ms; /* starting without progress for so long: it failed */
    int64_t probe_ms;       /* between deep checks of a child that is idle; 0: none */
    int64_t start_limit_ms; /* any start that takes so long failed; 0: no bound */
} tr_health_plan_t;

/* A supervisor is never given up for want of pongs: its children would live on beside those of
 * its replacement. */
extern const tr_health_plan_t tr_health_plan_of_supervisors;

/* What an actor has that says nothing of it. */
extern const tr_health_plan_t tr_health_plan_of_actors;

/* What was seen of a child. Times are TR_NEVER where there is none. */
typedef struct tr_vital_signs {
    bool is_starting;         /* its init has not returned */
    int64_t progress_ms;      /* last progress; the start of the callback counts */
    int64_t running_since_ms; /* 0: runs no callback */
    int64_t running_until_ms; /* deadline of its request, or TR_NEVER */
    int64_t cancelled_ms;     /* when that request was cancelled, or TR_NEVER */
} tr_vital_signs_t;

typedef enum tr_verdict {
    TR_VERDICT_FINE,
    TR_VERDICT_DOUBTFUL, /* missed a ping: give it nothing new */
    TR_VERDICT_HUNG,
} tr_verdict_t;

typedef struct tr_health {
    uint64_t sent;           /* number of the last ping */
    uint64_t answered;       /* of the last that was answered; 0: none was */
    int64_t sent_ms;         /* when; meaningful when sent > 0 */
    int64_t asked_since_ms;  /* first unanswered ping, or TR_NEVER */
    int64_t probed_ms;       /* the last deep check, or when the child came up */
    int64_t since_ms;        /* when it came up, or was born */
    int64_t spared_until_ms; /* not hung before */
} tr_health_t;

/* For a child that came up, or was born, at `now_ms`. */
void tr_health_init(tr_health_t *self, int64_t now_ms);

/* When the next ping is due. */
int64_t tr_health_next_ms(const tr_health_t *self, const tr_health_plan_t *plan);

/* A ping goes out now: returns its number. */
uint64_t tr_health_ping(tr_health_t *self, int64_t now_ms);

/* When the next deep check is due; TR_NEVER when there is none. */
int64_t tr_health_probe_at_ms(const tr_health_t *self, const tr_health_plan_t *plan);

/* A deep check begins now. */
void tr_health_probe(tr_health_t *self, int64_t now_ms);

/* A pong came back, for ping `number`. Late ones count too: the child lives. */
void tr_health_pong(tr_health_t *self, uint64_t number);

/* Nobody could answer or get on until now: it has as long again as for unanswered pings. */
void tr_health_spare(tr_health_t *self, const tr_health_plan_t *plan, int64_t now_ms);

/* How the child does. `why` (of at least 96 bytes) gets the reason when it is hung. */
tr_verdict_t tr_health_judge(const tr_health_t *self, const tr_health_plan_t *plan,
                             const tr_vital_signs_t *signs, int64_t now_ms, char *why,
                             unsigned long why_size);

/* The earliest time at which the verdict can become hung if nothing else happens: so that
 * nobody has to look more often. */
int64_t tr_health_deadline_ms(const tr_health_t *self, const tr_health_plan_t *plan,
                              const tr_vital_signs_t *signs);

#endif
