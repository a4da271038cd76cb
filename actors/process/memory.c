/* The memory of a worker's process: how much it has, and whether it died for want of it.
 *
 * What the kernel kills for want of memory dies by SIGKILL, as what an administrator kills. The
 * kernel's own counters tell the two apart, see base/oom_kills.h.
 */

#include "actors/process/dialogue.h"

#include <signal.h>
#include <stdio.h>

/* What is told is what all of them use. The limit is one of each: what two of them share would
 * count twice in a sum, and an end for that would be unjust. */
void tr_process_worker_measure(tr_process_worker_t *worker, int64_t now_ms)
{
    int64_t own = tr_process_memory(&worker->process);
    int64_t limit = worker->plan->limits.memory_bytes;
    if (own <= 0 || worker->process.pid <= 0) {
        return;
    }
    tr_oom_watch_turn(&worker->oom_kills, worker->process.pid, now_ms);
    tr_family_memory_t memory =
        tr_process_family_measure(&worker->family, worker->process.pid, own, now_ms);
    atomic_store_explicit(&worker->self->pulse->memory_bytes, memory.together,
                          memory_order_relaxed);
    if (limit > 0 && memory.largest > limit) {
        tr_reason_t reason =
            tr_reason_format(TROUPE_REASON_FAILED, "uses %lld MiB, above its limit of %lld MiB",
                             (long long)(memory.largest >> 20), (long long)(limit >> 20));
        reason.is_out_of_memory = true;
        tr_dialogue_fail(worker, &reason);
    }
}

/* Whether the kernel has killed it for want of memory, or what it waited for, as a shell would:
 * that may have been in another control group. */
static bool was_killed_for_memory(const tr_process_worker_t *worker)
{
    enum { CHILD_KILLED = 128 + SIGKILL }; /* how a shell says that */
    const tr_reason_t *exit = &worker->exit;
    bool is_killed = exit->kind == TROUPE_REASON_CRASHED && exit->code == SIGKILL;
    bool is_child = exit->kind == TROUPE_REASON_EXITED && exit->code == CHILD_KILLED;
    return (is_killed || is_child) && tr_oom_watch_has_moved(&worker->oom_kills, is_child);
}

/* Whom the node has killed or stopped does not come here: why is known. */
tr_reason_t tr_process_worker_reason_of_death(const tr_process_worker_t *worker)
{
    tr_reason_t reason = worker->exit;
    if (reason.kind != TROUPE_REASON_CRASHED && reason.kind != TROUPE_REASON_EXITED) {
        return reason;
    }
    const char *last_words = tr_child_output_last_words(worker->output);
    if (was_killed_for_memory(worker)) {
        reason.is_out_of_memory = true;
        snprintf(reason.text, sizeof reason.text,
                 "the kernel killed it for want of memory (out of memory)%s%.190s",
                 last_words[0] ? ": " : "", last_words);
    } else {
        snprintf(reason.text, sizeof reason.text, "%.255s", last_words);
    }
    return reason;
}
