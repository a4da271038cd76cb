/* An answer is owed at most every MOMENT_MS: a worker that answers heartbeats would else be
 * answered for ever. */

#include "remote/majordomo/vigil.h"

#include <assert.h>

#define MOMENT_MS 100
#define LATE_MS   500

static int64_t less(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

void tr_vigil_start(tr_vigil_t *self, int64_t now_ms)
{
    assert(self);
    *self = (tr_vigil_t){.heard_ms = now_ms, .sent_ms = now_ms, .looked_ms = now_ms};
}

bool tr_vigil_hear(tr_vigil_t *self, const tr_vigil_rule_t *rule, int64_t now_ms)
{
    assert(self && rule && rule->interval_ms > 0);
    int64_t gap_ms = now_ms - self->heard_ms;
    if (!self->is_busy && gap_ms > self->longest_ms) {
        self->longest_ms = gap_ms;
    }
    self->heard_ms = now_ms;
    return now_ms - self->sent_ms >= less(MOMENT_MS, rule->interval_ms / 2);
}

void tr_vigil_note_sent(tr_vigil_t *self, int64_t now_ms)
{
    assert(self);
    self->sent_ms = now_ms;
}

void tr_vigil_set_busy(tr_vigil_t *self, bool is_busy, int64_t now_ms)
{
    assert(self);
    self->is_busy = is_busy;
    self->heard_ms = now_ms;
}

/* What was learned of a worker is taken for what its interval is, within reason: whoever was
 * late by accident must not be waited for longer each time. */
static int64_t patience_ms(const tr_vigil_t *self, const tr_vigil_rule_t *rule)
{
    int64_t usual_ms = rule->interval_ms * rule->liveness;
    int64_t own_ms = less(self->longest_ms, usual_ms);
    return own_ms > rule->interval_ms ? own_ms * rule->liveness : usual_ms;
}

tr_vigil_verdict_t tr_vigil_look(tr_vigil_t *self, const tr_vigil_rule_t *rule, int64_t now_ms)
{
    assert(self && rule && rule->interval_ms > 0 && rule->liveness > 0);
    int64_t unseen_ms = now_ms - self->looked_ms;
    self->looked_ms = now_ms;
    if (unseen_ms > LATE_MS) {
        self->heard_ms = less(self->heard_ms + unseen_ms, now_ms);
    }
    if (!self->is_busy && now_ms - self->heard_ms > patience_ms(self, rule)) {
        return TR_VIGIL_GONE;
    }
    return now_ms - self->sent_ms >= rule->interval_ms ? TR_VIGIL_BEAT : TR_VIGIL_QUIET;
}
