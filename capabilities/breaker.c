/* Places are counted, not probes named: those that try and those that succeeded together have
 * at most `probes` of them, so when the last one succeeds, none is left that could still fail.
 */

#include "capabilities/breaker.h"

#include <assert.h>

#include "base/clock.h"

void tr_breaker_init(tr_breaker_t *self, size_t failures, int64_t cooldown_ms, size_t probes)
{
    assert(self && cooldown_ms >= 0 && (failures == 0 || probes > 0));
    *self = (tr_breaker_t){.failures = failures, .cooldown_ms = cooldown_ms, .probes = probes};
}

static void enter(tr_breaker_t *self, tr_breaker_state_t state)
{
    self->state = state;
    self->round++;
    self->n_failed = self->n_trying = self->n_succeeded = 0;
}

void tr_breaker_change(tr_breaker_t *self, size_t failures, int64_t cooldown_ms, size_t probes)
{
    assert(self && cooldown_ms >= 0 && (failures == 0 || probes > 0));
    if (failures != self->failures || cooldown_ms != self->cooldown_ms ||
        probes != self->probes) {
        self->failures = failures;
        self->cooldown_ms = cooldown_ms;
        self->probes = probes;
        enter(self, TR_BREAKER_CLOSED);
    }
}

static bool open_now(tr_breaker_t *self, int64_t now_ms)
{
    enter(self, TR_BREAKER_OPEN);
    self->cooled_ms = tr_clock_after(now_ms, self->cooldown_ms);
    return true;
}

static bool has_place(const tr_breaker_t *self)
{
    return self->n_trying + self->n_succeeded < self->probes;
}

tr_breaker_state_t tr_breaker_state(const tr_breaker_t *self, int64_t now_ms)
{
    assert(self);
    return self->state == TR_BREAKER_OPEN && now_ms >= self->cooled_ms ? TR_BREAKER_TRYING
                                                                       : self->state;
}

tr_pass_t tr_breaker_ask(tr_breaker_t *self, int64_t now_ms)
{
    assert(self);
    if (self->state != tr_breaker_state(self, now_ms)) {
        enter(self, TR_BREAKER_TRYING);
        self->tried_ms = now_ms;
    }
    tr_pass_kind_t kind = TR_PASS_NO;
    if (self->state == TR_BREAKER_CLOSED) {
        kind = TR_PASS_YES;
    } else if (self->state == TR_BREAKER_TRYING && has_place(self)) {
        kind = TR_PASS_PROBE;
        self->n_trying++;
    }
    return (tr_pass_t){.kind = kind, .round = self->round};
}

static bool note_while_closed(tr_breaker_t *self, tr_result_t result, int64_t now_ms)
{
    if (result == TR_RESULT_SUCCESS) {
        self->n_failed = 0;
    } else if (result == TR_RESULT_FAILURE && self->failures > 0 &&
               ++self->n_failed >= self->failures) {
        return open_now(self, now_ms);
    }
    return false;
}

static bool note_probe(tr_breaker_t *self, tr_result_t result, int64_t now_ms)
{
    assert(self->n_trying > 0);
    if (result == TR_RESULT_FAILURE) {
        return open_now(self, now_ms);
    }
    self->n_trying--;
    if (result == TR_RESULT_SUCCESS && ++self->n_succeeded == self->probes) {
        enter(self, TR_BREAKER_CLOSED);
    }
    return false;
}

bool tr_breaker_note(tr_breaker_t *self, tr_result_t result, tr_pass_t pass, int64_t now_ms)
{
    assert(self);
    if (pass.kind == TR_PASS_NO || pass.round != self->round) {
        return false;
    }
    return pass.kind == TR_PASS_PROBE ? note_probe(self, result, now_ms)
                                      : note_while_closed(self, result, now_ms);
}

int64_t tr_breaker_hint_ms(const tr_breaker_t *self, int64_t now_ms)
{
    assert(self);
    tr_breaker_state_t state = tr_breaker_state(self, now_ms);
    if (state == TR_BREAKER_CLOSED || (state == TR_BREAKER_TRYING && has_place(self))) {
        return 0;
    }
    int64_t hint_ms =
        state == TR_BREAKER_OPEN ? self->cooled_ms - now_ms : now_ms - self->tried_ms;
    hint_ms = hint_ms < self->cooldown_ms ? hint_ms : self->cooldown_ms;
    return hint_ms > 1 ? hint_ms : 1;
}

tr_result_t tr_breaker_result(troupe_outcome_t outcome, bool was_running)
{
    switch (outcome) {
    case TROUPE_OUTCOME_OK:
        return TR_RESULT_SUCCESS;
    case TROUPE_OUTCOME_WORKER_ERROR:
    case TROUPE_OUTCOME_WORKER_LOST:
        return TR_RESULT_FAILURE;
    case TROUPE_OUTCOME_TIMEOUT:
        return was_running ? TR_RESULT_FAILURE : TR_RESULT_NEITHER;
    default:
        return TR_RESULT_NEITHER;
    }
}
