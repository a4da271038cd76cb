/* What is missing is kept as the time at which nothing will be missing: so a bucket is one
 * number, and is never refilled. Who takes moves that time on by one interval, which may not
 * bring it further away than the whole bucket is worth.
 */

#include "remote/gateway/bucket.h"

#include <assert.h>

#define MS_NS INT64_C(1000000)

int64_t tr_bucket_take(tr_bucket_t *self, int64_t interval_ns, uint64_t most, int64_t now_ms)
{
    assert(self && interval_ns > 0 && most > 0 &&
           most <= (uint64_t)(INT64_MAX / 4 / interval_ns));
    int64_t now_ns = now_ms * MS_NS;
    int64_t from_ns = self->full_at_ns > now_ns ? self->full_at_ns : now_ns;
    int64_t too_far_ns = from_ns + interval_ns - now_ns - (int64_t)most * interval_ns;
    if (too_far_ns > 0) {
        return (too_far_ns + MS_NS - 1) / MS_NS;
    }
    self->full_at_ns = from_ns + interval_ns;
    return 0;
}
