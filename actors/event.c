#include "actors/event.h"

#include <assert.h>
#include <stdlib.h>

struct tr_events {
    int dummy;
};

tr_events_t *tr_events_new(void)
{
    return calloc(1, sizeof(tr_events_t));
}

void tr_events_destroy(tr_events_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

void tr_events_tell(tr_events_t *self, tr_log_level_t level, const char *name,
                    const tr_field_t *fields, size_t n_fields)
{
    assert(self);
    tr_log_write(level, name, fields, n_fields);
}
