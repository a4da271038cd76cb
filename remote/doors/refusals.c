/* A mark is 64 bits of a hash: two who share one are one for the log, and for nothing else.
 */

#include "remote/doors/refusals.h"

#include <assert.h>

#include "base/clock.h"

static uint64_t add(uint64_t hash, const char *text)
{
    for (const char *byte = text ? text : ""; *byte; byte++) {
        hash = (hash ^ (unsigned char)*byte) * UINT64_C(0x100000001b3);
    }
    return (hash ^ 0xff) * UINT64_C(0x100000001b3); /* where a text ends */
}

static void forget_old(tr_refusals_t *self, int64_t now_ms)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n; i++) {
        if (now_ms - self->all[i].told_ms < TR_REFUSALS_FORGET_MS) {
            self->all[n++] = self->all[i];
        }
    }
    self->n = n;
}

bool tr_refusals_note(tr_refusals_t *self, const char *why, const char *address,
                      const char *key, int64_t now_ms)
{
    assert(self);
    uint64_t mark = add(add(add(UINT64_C(0xcbf29ce484222325), why), address), key);
    forget_old(self, now_ms);
    for (size_t i = 0; i < self->n; i++) {
        if (self->all[i].mark == mark) {
            return false;
        }
    }
    if (self->n == TR_REFUSALS_MOST) {
        if (self->n_shed++ == 0) {
            self->shed_due_ms = tr_clock_after(now_ms, TR_REFUSALS_SHED_MS);
        }
        return false;
    }
    self->all[self->n].mark = mark;
    self->all[self->n++].told_ms = now_ms;
    return true;
}

uint64_t tr_refusals_take_shed(tr_refusals_t *self, int64_t now_ms)
{
    assert(self);
    uint64_t n_shed = now_ms >= self->shed_due_ms ? self->n_shed : 0;
    if (n_shed > 0) {
        self->n_shed = 0;
    }
    return n_shed;
}

int64_t tr_refusals_due_ms(const tr_refusals_t *self)
{
    assert(self);
    return self->n_shed > 0 ? self->shed_due_ms : TR_NEVER;
}
