#include "remote/workers/relapses.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_called(const tr_relapse_t *one, const char *name)
{
    return one->name[0] && strncmp(one->name, name, TR_RELAPSES_NAME - 1) == 0;
}

static bool is_forgotten(const tr_relapse_t *one, int64_t now_ms)
{
    int64_t since_ms = one->until_ms > one->last_ms ? one->until_ms : one->last_ms;
    return now_ms - since_ms >= TR_RELAPSES_QUIET_MS;
}

/* Its place, or one for it: the one whose last is longest ago goes. */
static tr_relapse_t *place_for(tr_relapses_t *self, const char *name)
{
    tr_relapse_t *place = &self->all[0];
    for (size_t i = 0; i < TR_RELAPSES_KEPT; i++) {
        tr_relapse_t *one = &self->all[i];
        if (is_called(one, name)) {
            return one;
        }
        bool is_better = place->name[0] && (!one->name[0] || one->last_ms < place->last_ms);
        place = is_better ? one : place;
    }
    *place = (tr_relapse_t){0};
    snprintf(place->name, sizeof place->name, "%s", name);
    return place;
}

static int64_t penalty_ms(size_t n)
{
    int64_t penalty_ms = n > TR_RELAPSES_FREE ? TR_RELAPSES_FIRST_MS : 0;
    for (size_t i = TR_RELAPSES_FREE + 1; i < n && penalty_ms < TR_RELAPSES_MOST_MS; i++) {
        penalty_ms *= 2;
    }
    return penalty_ms < TR_RELAPSES_MOST_MS ? penalty_ms : TR_RELAPSES_MOST_MS;
}

void tr_relapses_note(tr_relapses_t *self, const char *name, int64_t lived_ms, int64_t now_ms)
{
    assert(self && name && name[0]);
    tr_relapse_t *one = place_for(self, name);
    if (lived_ms >= TR_RELAPSES_SHORT_MS) {
        *one = (tr_relapse_t){0};
        return;
    }
    one->n = one->n > 0 && is_forgotten(one, now_ms) ? 1 : one->n + 1;
    one->last_ms = now_ms;
    one->until_ms = now_ms + penalty_ms(one->n);
}

int64_t tr_relapses_wait_ms(const tr_relapses_t *self, const char *name, int64_t now_ms)
{
    assert(self && name);
    for (size_t i = 0; i < TR_RELAPSES_KEPT; i++) {
        const tr_relapse_t *one = &self->all[i];
        if (is_called(one, name)) {
            return one->until_ms > now_ms ? one->until_ms - now_ms : 0;
        }
    }
    return 0;
}
