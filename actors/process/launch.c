/* What a child must not have is closed on exec; troupe-exec closes whatever a library forgot.
 */

#include "actors/process/launch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A descriptor below 3 would be overwritten while those of the child are laid out: it happens
 * in programs that have closed their own. */
static int above_standard(int descriptor)
{
    if (descriptor < 0 || descriptor > 2) {
        return descriptor;
    }
    int higher = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    int error = errno;
    close(descriptor);
    errno = error;
    return higher;
}

static void close_both(int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            close(ends[i]);
        }
        ends[i] = -1;
    }
}

/* Only the reading end, which is ours, does not block. */
static bool make_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0) {
        ends[0] = ends[1] = -1;
        return false;
    }
    ends[0] = above_standard(ends[0]);
    ends[1] = above_standard(ends[1]);
    if (ends[0] < 0 || ends[1] < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        close_both(ends);
        return false;
    }
    return true;
}

/* posix_spawn with a group of its own and signals as new. `in` is -1 for /dev/null. Returns an
 * errno. */
static int spawn(pid_t *pid, char *const *argv, char *const *env, const char *directory,
                 const int standard[3])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int error = 0;
    for (int i = 0; i < 3 && !error; i++) {
        error = standard[i] < 0
                    ? posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0)
                    : posix_spawn_file_actions_adddup2(&actions, standard[i], i);
    }
    if (!error && directory) {
        error = posix_spawn_file_actions_addchdir_np(&actions, directory);
    }
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    if (!error) {
        error = posix_spawn(pid, argv[0], &actions, &attributes, argv, env);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* The child has been born: get hold of it, or undo it. */
static bool hold(tr_process_t *process, pid_t pid)
{
    process->pid = pid;
    process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process->pidfd < 0) {
        int error = errno;
        kill(-pid, SIGKILL);
        waitpid(pid, NULL, 0); /* it has been killed: this does not take long */
        process->pid = 0;
        errno = error;
        return false;
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    process->statm = open(path, O_RDONLY | O_CLOEXEC);
    return true;
}

int tr_launch(char *const *argv, char *const *env, const char *directory, tr_process_t *out)
{
    assert(argv && env && out);
    tr_process_init(out);
    int output[2] = {-1, -1};
    int errors[2] = {-1, -1};
    pid_t pid = 0;
    int error = make_pipe(output) && make_pipe(errors) ? 0 : errno;
    if (error == 0) {
        error = spawn(&pid, argv, env, directory, (int[3]){-1, output[1], errors[1]});
    }
    if (error == 0 && !hold(out, pid)) {
        error = errno;
    }
    if (error != 0) {
        close_both(output);
        close_both(errors);
        return error;
    }
    out->out = output[0];
    out->err = errors[0];
    close(output[1]);
    close(errors[1]);
    return 0;
}

int tr_launch_guard(char *const *argv, char *const *env, tr_process_t *out, int *line_out)
{
    assert(argv && env && out && line_out);
    tr_process_init(out);
    int line[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) != 0) {
        return errno;
    }
    line[0] = above_standard(line[0]);
    line[1] = above_standard(line[1]);
    pid_t pid = 0;
    int error = line[0] < 0 || line[1] < 0
                    ? EMFILE
                    : spawn(&pid, argv, env, "/", (int[3]){line[1], -1, 2});
    if (error == 0 && !hold(out, pid)) {
        error = errno;
    }
    if (error != 0) {
        close_both(line);
        return error;
    }
    close(line[1]);
    *line_out = line[0];
    return 0;
}
