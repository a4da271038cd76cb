/* The order in tr_process_reap is what makes it safe: as long as the leader is a zombie the
 * number of its group is its own, so the rest of the group is killed before the zombie goes.
 */

#include "actors/process/process.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void tr_process_init(tr_process_t *self)
{
    assert(self);
    *self = (tr_process_t){.pidfd = -1, .out = -1, .err = -1, .statm = -1};
}

void tr_process_signal(const tr_process_t *self, int signal)
{
    assert(self);
    if (self->pid <= 0) {
        return;
    }
    int verdict = kill(-self->pid, signal);
    /* The leader may have left for a group of its own choice; death must find it there too. */
    if (verdict != 0 || signal == SIGKILL) {
        syscall(SYS_pidfd_send_signal, self->pidfd, signal, NULL, 0);
    }
}

/* Look at the leader's end, and take it if `flags` say so. False while it runs. */
static bool look(const tr_process_t *self, int flags, siginfo_t *end)
{
    *end = (siginfo_t){0};
    int verdict;
    do {
        verdict = waitid(P_PIDFD, (id_t)self->pidfd, end, WEXITED | WNOHANG | flags);
    } while (verdict != 0 && errno == EINTR);
    return verdict != 0 || end->si_pid != 0;
}

bool tr_process_is_dead(const tr_process_t *self)
{
    assert(self);
    siginfo_t end;
    return self->pid > 0 && look(self, WNOWAIT, &end);
}

static tr_reason_t reason_of(const siginfo_t *end)
{
    if (end->si_pid == 0) {
        return tr_reason_format(TROUPE_REASON_LOST, "another part of the program reaped it");
    }
    bool has_exited = end->si_code == CLD_EXITED;
    if (has_exited && end->si_status == 0) {
        return tr_reason_of(TROUPE_REASON_NORMAL);
    }
    tr_reason_t reason =
        tr_reason_of(has_exited ? TROUPE_REASON_EXITED : TROUPE_REASON_CRASHED);
    reason.code = end->si_status;
    return reason;
}

bool tr_process_reap(tr_process_t *self, tr_reason_t *reason)
{
    assert(self && self->pid > 0 && reason);
    siginfo_t end;
    if (!look(self, WNOWAIT, &end)) {
        return false;
    }
    if (end.si_pid != 0) { /* else it is no zombie of ours, and its number may be anybody's */
        kill(-self->pid, SIGKILL);
        look(self, 0, &end);
    }
    *reason = reason_of(&end);
    self->pid = 0;
    return true;
}

int64_t tr_process_memory(const tr_process_t *self)
{
    assert(self);
    char text[128];
    ssize_t size = self->statm < 0 ? 0 : pread(self->statm, text, sizeof text - 1, 0);
    if (size <= 0) {
        return 0;
    }
    text[size] = '\0';
    char *resident; /* the second number, in pages */
    strtoll(text, &resident, 10);
    return strtoll(resident, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void close_one(int *descriptor)
{
    if (*descriptor >= 0) {
        close(*descriptor);
        *descriptor = -1;
    }
}

void tr_process_close(tr_process_t *self)
{
    assert(self && self->pid == 0);
    close_one(&self->pidfd);
    close_one(&self->out);
    close_one(&self->err);
    close_one(&self->statm);
}
