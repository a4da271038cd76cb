/* Lists are short: they are written by hand. */

#include "remote/doors/allowed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void tr_allowed_finish(tr_allowed_t *self)
{
    assert(self);
    for (size_t i = 0; i < self->n_names; i++) {
        free(self->names[i]);
    }
    free(self->names);
    *self = (tr_allowed_t){0};
}

troupe_status_t tr_allowed_set(tr_allowed_t *self, const char *const *names, size_t n_names)
{
    assert(self && (names || n_names == 0));
    tr_allowed_finish(self);
    self->names = n_names > 0 ? calloc(n_names, sizeof *self->names) : NULL;
    for (size_t i = 0; self->names && i < n_names; i++) {
        char *name = strdup(names[i]);
        if (!name) {
            break;
        }
        self->names[self->n_names++] = name;
        self->has_all = self->has_all || strcmp(name, "*") == 0;
    }
    if (self->n_names < n_names) {
        tr_allowed_finish(self);
        return TROUPE_ERR_NOMEM;
    }
    return TROUPE_OK;
}

static bool is_of(tr_span_t name, const char *pattern)
{
    size_t size = strlen(pattern);
    if (size > 0 && pattern[size - 1] == '*') {
        return name.size >= size - 1 && memcmp(name.data, pattern, size - 1) == 0;
    }
    return tr_span_equals(name, pattern);
}

bool tr_allowed_has(const tr_allowed_t *self, tr_span_t name)
{
    assert(self);
    bool is_there = self->has_all;
    for (size_t i = 0; !is_there && i < self->n_names; i++) {
        is_there = is_of(name, self->names[i]);
    }
    return is_there;
}
