/* Pings go out by the older of both directions: a side that only hears must also be heard. */

#include "remote/heartbeat.h"

#include <assert.h>

#include "base/clock.h"

#define MISSES 3

static int64_t ping_due_ms(const tr_heartbeat_t *self)
{
    int64_t quiet_ms = self->heard_ms < self->sent_ms ? self->heard_ms : self->sent_ms;
    int64_t since_ms = quiet_ms > self->pinged_ms ? quiet_ms : self->pinged_ms;
    return tr_clock_after(since_ms, self->interval_ms);
}

static int64_t gone_due_ms(const tr_heartbeat_t *self)
{
    return self->asked_ms == TR_NEVER
               ? TR_NEVER
               : tr_clock_after(self->asked_ms, (MISSES - 1) * self->interval_ms);
}

void tr_heartbeat_start(tr_heartbeat_t *self, int64_t interval_ms, int64_t now_ms)
{
    assert(self && interval_ms >= 0);
    if (interval_ms > TR_NEVER / MISSES) {
        interval_ms = TR_NEVER / MISSES;
    }
    *self = (tr_heartbeat_t){
        .interval_ms = interval_ms,
        .heard_ms = now_ms,
        .sent_ms = now_ms,
        .pinged_ms = now_ms,
        .asked_ms = now_ms,
    };
}

void tr_heartbeat_note_sent(tr_heartbeat_t *self, int64_t now_ms)
{
    assert(self);
    self->sent_ms = now_ms;
}

void tr_heartbeat_note_heard(tr_heartbeat_t *self, int64_t now_ms)
{
    assert(self);
    self->heard_ms = now_ms;
    self->asked_ms = TR_NEVER;
}

void tr_heartbeat_excuse(tr_heartbeat_t *self, int64_t now_ms)
{
    assert(self);
    if (self->asked_ms != TR_NEVER) {
        self->asked_ms = now_ms;
    }
}

tr_heartbeat_verdict_t tr_heartbeat_beat(tr_heartbeat_t *self, int64_t now_ms)
{
    assert(self);
    if (now_ms < tr_heartbeat_due_ms(self)) {
        return TR_HEARTBEAT_QUIET;
    }
    if (now_ms >= gone_due_ms(self)) {
        return TR_HEARTBEAT_GONE;
    }
    self->pinged_ms = now_ms;
    self->sent_ms = now_ms;
    if (self->asked_ms == TR_NEVER) {
        self->asked_ms = now_ms;
    }
    return TR_HEARTBEAT_ASK;
}

int64_t tr_heartbeat_due_ms(const tr_heartbeat_t *self)
{
    assert(self);
    if (self->interval_ms == 0) {
        return TR_NEVER;
    }
    int64_t gone_ms = gone_due_ms(self);
    int64_t ping_ms = ping_due_ms(self);
    return gone_ms < ping_ms ? gone_ms : ping_ms;
}
