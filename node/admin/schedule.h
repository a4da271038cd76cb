/* node/admin/schedule.h - when something is due: every so long, or once a day
 *
 * Pure: whoever asks says what time it is, by the monotonic clock and by that on the wall. What
 * is due every so long goes by the former. What is due once a day goes by local time, whatever
 * summer time does to that day: a time that does not exist is moved, one that comes twice
 * counts once. When the wall's clock jumps past a time it is due at once, and only once; when
 * it jumps back by a day or less nothing is due a second time.
 */

#ifndef TROUPE_NODE_ADMIN_SCHEDULE_H
#define TROUPE_NODE_ADMIN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_moment {
    int64_t now_ms; /* monotonic */
    int64_t wall_s; /* since 1970 */
} tr_moment_t;

typedef struct tr_timing {
    int64_t every_ms; /* 0: once a day */
    int64_t at_s;     /* seconds after midnight */
    int64_t due_ms;
    int64_t due_wall_s;
} tr_timing_t;

/* Due every `every_ms` from now on, the first time when that has passed; or, when that is 0,
 * each day at `at_s`, the first time still to come. */
void tr_timing_begin(tr_timing_t *self, int64_t every_ms, int64_t at_s, tr_moment_t now);

/* Whether it is due; true once for each time. Times that were missed count as one. */
bool tr_timing_is_due(tr_timing_t *self, tr_moment_t now);

/* When to ask again at the latest, by the monotonic clock: never later than in a minute for
 * what goes by the wall's, which may jump. */
int64_t tr_timing_look_ms(const tr_timing_t *self, tr_moment_t now);

#endif
