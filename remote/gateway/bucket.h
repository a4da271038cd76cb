/* remote/gateway/bucket.h - so many at once, and then so many in a time
 *
 * A token bucket. Pure: the caller says what time it is. A zeroed one is full.
 */

#ifndef TROUPE_REMOTE_GATEWAY_BUCKET_H
#define TROUPE_REMOTE_GATEWAY_BUCKET_H

#include <stdint.h>

typedef struct tr_bucket {
    int64_t full_at_ns; /* when it will be full again */
} tr_bucket_t;

#define TR_BUCKET_SECOND_NS INT64_C(1000000000)

/* Take one at `now_ms`, out of a bucket that holds `most` (at least one) and gets one more
 * every `interval_ns`. Returns 0 when there was one, else in how many ms there will be. */
int64_t tr_bucket_take(tr_bucket_t *self, int64_t interval_ns, uint64_t most, int64_t now_ms);

#endif
