/* remote/workers/relapses.h - who keeps coming and dying, and how long to keep it out
 *
 * A life that ends badly, soon after it began, is a relapse. The first few in a row are let
 * pass; from then on whoever it was has to stay away, for twice as long each time. A good life,
 * or a quiet while, and all is forgotten. Remembered are the latest only, by name.
 *
 * Pure: it is told the time. Lives inside its owner.
 */

#ifndef TROUPE_REMOTE_WORKERS_RELAPSES_H
#define TROUPE_REMOTE_WORKERS_RELAPSES_H

#include <stddef.h>
#include <stdint.h>

#define TR_RELAPSES_KEPT     256
#define TR_RELAPSES_NAME     256
#define TR_RELAPSES_FREE     3     /* so many in a row are let pass */
#define TR_RELAPSES_SHORT_MS 10000 /* a life of less is too short */
#define TR_RELAPSES_FIRST_MS 1000  /* how long the next one keeps it out */
#define TR_RELAPSES_MOST_MS  60000 /* and at most */
#define TR_RELAPSES_QUIET_MS 60000 /* without any for so long, all is forgotten */

typedef struct tr_relapse {
    char name[TR_RELAPSES_NAME]; /* "": this place is free */
    size_t n;                    /* in a row */
    int64_t last_ms;
    int64_t until_ms; /* it is kept out */
} tr_relapse_t;

/* A zeroed one remembers nobody. */
typedef struct tr_relapses {
    tr_relapse_t all[TR_RELAPSES_KEPT];
} tr_relapses_t;

/* A life of `lived_ms` ended badly. The name is cut. */
void tr_relapses_note(tr_relapses_t *self, const char *name, int64_t lived_ms, int64_t now_ms);

/* For how long it is to stay away; 0: it may come. */
int64_t tr_relapses_wait_ms(const tr_relapses_t *self, const char *name, int64_t now_ms);

#endif
