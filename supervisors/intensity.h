/* supervisors/intensity.h - how many restarts are too many
 *
 * A child that fails as fast as it is restarted will not be cured by one more restart. The
 * supervisor asks here before each one; when the window is used up it stops restarting and
 * fails to its own supervisor. The rule is that of OTP's supervisor: more than `max_restarts`
 * within `period_ms` is too many.
 *
 * Pure: the caller says what time it is. Not thread-safe: one supervisor owns it.
 */

#ifndef TROUPE_SUPERVISORS_INTENSITY_H
#define TROUPE_SUPERVISORS_INTENSITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

typedef struct tr_intensity tr_intensity_t;

/* An empty window. A maximum of zero means: fail on the first fault. The caller owns the
 * result; NULL when out of memory. */
TROUPE_NODISCARD tr_intensity_t *tr_intensity_new(size_t max_restarts, int64_t period_ms);

/* Whether it counts against these. */
bool tr_intensity_is(const tr_intensity_t *self, size_t max_restarts, int64_t period_ms);

/* Free the window and set *self_p to NULL; a NULL window is fine. */
void tr_intensity_destroy(tr_intensity_t **self_p);

/* Ask for one restart at `now_ms`, a time not before the last one asked at.
 *
 *   TROUPE_OK     restart; it counts from now on
 *   TROUPE_LIMIT  do not restart; nothing was counted
 */
TROUPE_NODISCARD troupe_status_t tr_intensity_admit(tr_intensity_t *self, int64_t now_ms);

/* Forget all restarts. */
void tr_intensity_reset(tr_intensity_t *self);

#endif
