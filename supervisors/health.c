/* One rule gives the time at which the child counts as hung; judging compares it with now, and
 * the supervisor sleeps until then.
 */

#include "supervisors/health.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"

#define STALL_MARGIN_MS  5000
#define MESSAGE_STALL_MS 60000
#define NEVER_MISSED     1000000000

const tr_health_plan_t tr_health_plan_of_supervisors = {
    .interval_ms = 2000,
    .misses = NEVER_MISSED,
    .overrun_ms = TR_NEVER,
    .start_stall_ms = TR_NEVER,
};

const tr_health_plan_t tr_health_plan_of_actors = {
    .interval_ms = 1000,
    .misses = 3,
    .overrun_ms = 30000,
    .start_stall_ms = 60000,
};

void tr_health_init(tr_health_t *self, int64_t now_ms)
{
    assert(self);
    *self = (tr_health_t){
        .sent_ms = now_ms, .asked_since_ms = TR_NEVER, .probed_ms = now_ms, .since_ms = now_ms};
}

int64_t tr_health_next_ms(const tr_health_t *self, const tr_health_plan_t *plan)
{
    assert(self && plan);
    return tr_clock_after(self->sent_ms, plan->interval_ms);
}

uint64_t tr_health_ping(tr_health_t *self, int64_t now_ms)
{
    assert(self);
    self->sent_ms = now_ms;
    if (self->asked_since_ms == TR_NEVER) {
        self->asked_since_ms = now_ms;
    }
    return ++self->sent;
}

int64_t tr_health_probe_at_ms(const tr_health_t *self, const tr_health_plan_t *plan)
{
    assert(self && plan);
    return plan->probe_ms > 0 ? tr_clock_after(self->probed_ms, plan->probe_ms) : TR_NEVER;
}

void tr_health_probe(tr_health_t *self, int64_t now_ms)
{
    assert(self);
    self->probed_ms = now_ms;
}

void tr_health_pong(tr_health_t *self, uint64_t number)
{
    assert(self);
    if (number > 0 && number <= self->sent) {
        self->answered = number > self->answered ? number : self->answered;
        self->asked_since_ms = TR_NEVER;
    }
}

static int64_t stall_at_ms(const tr_health_plan_t *plan, const tr_vital_signs_t *signs)
{
    if (plan->stall_ms > 0) {
        return tr_clock_after(signs->progress_ms, plan->stall_ms);
    }
    if (signs->running_until_ms == TR_NEVER) { /* a message: it has no time of its own */
        return tr_clock_after(signs->progress_ms, MESSAGE_STALL_MS);
    }
    int64_t allowed = signs->running_until_ms - signs->running_since_ms;
    return tr_clock_after(signs->progress_ms, (allowed > 0 ? allowed : 0) + STALL_MARGIN_MS);
}

static int64_t overrun_at_ms(const tr_health_plan_t *plan, const tr_vital_signs_t *signs)
{
    int64_t over_ms = tr_clock_earlier(signs->running_until_ms, signs->cancelled_ms);
    return over_ms == TR_NEVER ? TR_NEVER : tr_clock_after(over_ms, plan->overrun_ms);
}

void tr_health_spare(tr_health_t *self, const tr_health_plan_t *plan, int64_t now_ms)
{
    assert(self && plan);
    self->spared_until_ms = tr_clock_after(now_ms, plan->interval_ms * plan->misses);
}

/* However much it gets on. */
static int64_t start_is_over_ms(const tr_health_t *self, const tr_health_plan_t *plan)
{
    return plan->start_limit_ms > 0 ? tr_clock_after(self->since_ms, plan->start_limit_ms)
                                    : TR_NEVER;
}

static int64_t hung_at_ms(const tr_health_t *self, const tr_health_plan_t *plan,
                          const tr_vital_signs_t *signs)
{
    if (signs->is_starting) {
        return tr_clock_earlier(tr_clock_after(signs->progress_ms, plan->start_stall_ms),
                                start_is_over_ms(self, plan));
    }
    if (signs->running_since_ms != 0) {
        return tr_clock_earlier(stall_at_ms(plan, signs), overrun_at_ms(plan, signs));
    }
    if (self->asked_since_ms == TR_NEVER) {
        return TR_NEVER;
    }
    /* A callback that just ended explains the silence before: count from its last progress. */
    int64_t silent_since =
        self->asked_since_ms > signs->progress_ms ? self->asked_since_ms : signs->progress_ms;
    return tr_clock_after(silent_since, plan->interval_ms * plan->misses);
}

int64_t tr_health_deadline_ms(const tr_health_t *self, const tr_health_plan_t *plan,
                              const tr_vital_signs_t *signs)
{
    assert(self && plan && signs);
    int64_t deadline = hung_at_ms(self, plan, signs);
    return deadline > self->spared_until_ms ? deadline : self->spared_until_ms;
}

tr_verdict_t tr_health_judge(const tr_health_t *self, const tr_health_plan_t *plan,
                             const tr_vital_signs_t *signs, int64_t now_ms, char *why,
                             unsigned long why_size)
{
    int64_t deadline = tr_health_deadline_ms(self, plan, signs);
    if (now_ms < deadline) {
        bool has_missed = !signs->is_starting && signs->running_since_ms == 0 &&
                          self->asked_since_ms != TR_NEVER &&
                          now_ms >= tr_clock_after(self->asked_since_ms, plan->interval_ms) &&
                          now_ms >= tr_clock_after(signs->progress_ms, plan->interval_ms);
        return has_missed ? TR_VERDICT_DOUBTFUL : TR_VERDICT_FINE;
    }
    if (signs->is_starting && start_is_over_ms(self, plan) <= now_ms) {
        snprintf(why, why_size, "its start took longer than %lld ms",
                 (long long)plan->start_limit_ms);
    } else if (signs->is_starting) {
        snprintf(why, why_size, "no progress in its start for %lld ms",
                 (long long)plan->start_stall_ms);
    } else if (signs->running_since_ms == 0) {
        snprintf(why, why_size, "%lld pings in a row unanswered", (long long)plan->misses);
    } else if (stall_at_ms(plan, signs) <= now_ms) {
        snprintf(why, why_size, "busy without progress for %lld ms",
                 (long long)(now_ms - signs->progress_ms));
    } else {
        snprintf(why, why_size, "still busy %lld ms after its request was over",
                 (long long)plan->overrun_ms);
    }
    return TR_VERDICT_HUNG;
}
