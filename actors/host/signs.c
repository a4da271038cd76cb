/* Nothing here waits: what the node does not read is left out. */

#include "actors/host/inside.h"

#include <stdio.h>
#include <unistd.h>

#include "actors/worker/worker_state.h"
#include "base/clock.h"

#define PROGRESS_MS 100

/* What may be left out when there is no room. */
static void mention(tr_host_t *self, const tr_trp1_t *command)
{
    tr_uplink_send(self->uplink, command, NULL, 0);
}

static int64_t resident_bytes(void)
{
    long long pages = -1;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm) {
        if (fscanf(statm, "%*s %lld", &pages) != 1) {
            pages = -1;
        }
        fclose(statm);
    }
    return pages < 0 ? -1 : (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* One handler may end and the next one begin while this is read: what belongs to two handlers
 * is thrown away, for the next ping to find better. */
static void describe_handler(const tr_pulse_t *pulse, int64_t now_ms, tr_trp1_t *pong)
{
    int64_t since_ms = atomic_load(&pulse->running_since_ms);
    uint64_t running = atomic_load(&pulse->running);
    int64_t progress_ms = atomic_load(&pulse->progress_ms);
    if (since_ms == 0 || atomic_load(&pulse->running_since_ms) != since_ms ||
        atomic_load(&pulse->running) != running) {
        return;
    }
    pong->running = running > 0 ? (int64_t)running : -1; /* a message has no number here */
    pong->running_for = now_ms > since_ms ? now_ms - since_ms : 0;
    pong->progress_age = now_ms > progress_ms ? now_ms - progress_ms : 0;
}

void tr_host_answer_ping(tr_host_t *self, uint64_t id)
{
    const tr_pulse_t *pulse = self->worker->pulse;
    int64_t now_ms = tr_clock_now_ms();
    tr_trp1_t pong;
    tr_trp1_init(&pong, TR_TRP1_PONG, id);
    tr_worker_state_t state = (tr_worker_state_t)atomic_load(&pulse->state);
    if (state == TR_WORKER_SPAWNING) {
        state = TR_WORKER_LOADING; /* what the process is, its thread will be in a moment */
    }
    pong.state = tr_span_of(tr_worker_state_name(state));
    pong.memory = resident_bytes();
    pong.done = (int64_t)atomic_load(&pulse->n_done);
    describe_handler(pulse, now_ms, &pong);
    if (!self->is_started) {
        pong.progress_age = now_ms - atomic_load(&pulse->progress_ms);
    }
    mention(self, &pong);
}

bool tr_host_is_busy(const tr_host_t *self)
{
    return !self->is_started || self->jobs.n_items > 0 || self->n_messages > 0;
}

void tr_host_tell_progress(tr_host_t *self, int64_t now_ms)
{
    if (!tr_host_is_busy(self) || now_ms < self->look_ms) {
        return;
    }
    self->look_ms = tr_clock_after(now_ms, PROGRESS_MS);
    int64_t progress_ms = atomic_load(&self->worker->pulse->progress_ms);
    if (progress_ms != self->progress_ms) {
        self->progress_ms = progress_ms;
        tr_trp1_t progress;
        tr_trp1_init(&progress, TR_TRP1_PROGRESS, atomic_load(&self->worker->pulse->running));
        mention(self, &progress);
    }
}
