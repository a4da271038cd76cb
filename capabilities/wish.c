/* What is told at once is at most a number for each time that it doubles; all else is told at
 * most once a moment. */

#include "capabilities/wish.h"

#include <assert.h>

#include "base/clock.h"

size_t tr_wish_size(size_t n_waiting, size_t n_at_once, size_t n_free)
{
    assert(n_at_once > 0);
    size_t n = n_waiting / n_at_once + (n_waiting % n_at_once > 0);
    return n < n_free ? n : n_free;
}

static int64_t due_ms(const tr_wish_t *self, size_t n, int64_t now_ms)
{
    if (n == self->n && (n == 0 || !self->is_answered)) {
        return TR_NEVER;
    }
    bool is_new = n > 0 && (self->is_answered || n / 2 >= self->n);
    int64_t due_ms = is_new ? now_ms : tr_clock_after(self->told_ms, TR_WISH_MOMENT_MS);
    return n > 0 && due_ms < self->not_before_ms ? self->not_before_ms : due_ms;
}

bool tr_wish_is_due(tr_wish_t *self, size_t n, int64_t now_ms, int64_t *again_ms_out)
{
    assert(self && again_ms_out);
    *again_ms_out = due_ms(self, n, now_ms);
    if (*again_ms_out > now_ms) {
        return false;
    }
    self->n = n;
    self->told_ms = now_ms;
    self->is_answered = false;
    *again_ms_out = TR_NEVER;
    return true;
}

void tr_wish_answered(tr_wish_t *self)
{
    assert(self);
    self->is_answered = true;
}

void tr_wish_refused(tr_wish_t *self, int64_t now_ms)
{
    assert(self);
    self->is_answered = true;
    self->not_before_ms = tr_clock_after(now_ms, TR_WISH_REFUSED_MS);
}
