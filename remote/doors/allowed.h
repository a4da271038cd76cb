/* remote/doors/allowed.h - names that somebody may have to do with: capabilities, or actors
 *
 * Not thread-safe: one gateway owns it.
 */

#ifndef TROUPE_REMOTE_DOORS_ALLOWED_H
#define TROUPE_REMOTE_DOORS_ALLOWED_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>

#include "base/span.h"

/* A zeroed one allows nobody. */
typedef struct tr_allowed {
    char **names;
    size_t n_names;
    bool has_all;
} tr_allowed_t;

/* Allow these and no others; the names are copied. One that ends with "*" stands for all that
 * begin with what is before it. TROUPE_ERR_NOMEM: nobody is allowed now. */
TROUPE_NODISCARD troupe_status_t tr_allowed_set(tr_allowed_t *self, const char *const *names,
                                                size_t n_names);

void tr_allowed_finish(tr_allowed_t *self);

bool tr_allowed_has(const tr_allowed_t *self, tr_span_t name);

#endif
