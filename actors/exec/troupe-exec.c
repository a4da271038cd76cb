/* troupe-exec - what a worker's process does before it becomes the worker's program
 *
 *   troupe-exec --parent PID [--memory BYTES] [--cpu-time SECONDS] [--open-files N] [--nice N]
 *               [--cpus 0,2-3] -- PROGRAM [ARGUMENT...]
 *   troupe-exec --guard [--folder PATH]
 *
 * The node starts processes by posix_spawn, which costs the same however large the node is, but
 * can neither bind the child's life to the node's nor limit what it uses. So this small program
 * comes first: it does both, lets go of every descriptor but the standard three, and makes way.
 * What was asked for and cannot be had is an error: a worker without its limits is not the
 * worker that was described.
 *
 * It exits like a shell: 127 when there is no such program or the way to it failed, 126 when
 * the program cannot be executed; one line on stderr says why. The second form is the guard.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "actors/exec/guard.h"

#define CANNOT_EXECUTE 126
#define FAILED         127

/* SIGXCPU comes at the limit and says why; a program that ignores it gets no further. */
#define CPU_TIME_MARGIN_S 2

/* A number is -1 when it was not given. */
typedef struct options {
    bool is_guard;
    const char *folder; /* that the guard removes in the end; NULL: none */
    long long parent;
    long long memory;
    long long cpu_time;
    long long open_files;
    bool has_nice;
    long long nice;
    const char *cpus;
    char **program; /* with its arguments */
} options_t;

static void die(int status, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

static void die(int status, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "troupe-exec: %s\n", text);
    exit(status);
}

static long long number_of(const char *option, const char *text, long long least)
{
    char *end;
    errno = 0;
    long long number = text ? strtoll(text, &end, 10) : 0;
    if (!text || end == text || *end || errno || number < least) {
        die(FAILED, "%s needs a number of at least %lld, not '%s'", option, least,
            text ? text : "");
    }
    return number;
}

/* Take one option and its value; returns how many arguments that were, 0 for no option. */
static int take_option(options_t *options, const char *option, const char *value)
{
    if (strcmp(option, "--guard") == 0) {
        options->is_guard = true;
        return 1;
    }
    if (strcmp(option, "--folder") == 0 && value) {
        options->folder = value;
    } else if (strcmp(option, "--parent") == 0) {
        options->parent = number_of(option, value, 1);
    } else if (strcmp(option, "--memory") == 0) {
        options->memory = number_of(option, value, 1);
    } else if (strcmp(option, "--cpu-time") == 0) {
        options->cpu_time = number_of(option, value, 1);
    } else if (strcmp(option, "--open-files") == 0) {
        options->open_files = number_of(option, value, 3);
    } else if (strcmp(option, "--nice") == 0) {
        options->nice = number_of(option, value, -20);
        options->has_nice = true;
    } else if (strcmp(option, "--cpus") == 0 && value) {
        options->cpus = value;
    } else {
        return 0;
    }
    return 2;
}

static options_t parse(int argc, char **argv)
{
    options_t options = {.parent = -1, .memory = -1, .cpu_time = -1, .open_files = -1};
    int at = 1;
    while (at < argc && strcmp(argv[at], "--") != 0) {
        int n_taken = take_option(&options, argv[at], at + 1 < argc ? argv[at + 1] : NULL);
        if (n_taken == 0) {
            die(FAILED, "unknown option '%s'", argv[at]);
        }
        at += n_taken;
    }
    options.program = at + 1 < argc ? argv + at + 1 : NULL;
    if (!options.is_guard && (options.parent < 0 || !options.program)) {
        die(FAILED, "usage: troupe-exec --parent PID [OPTIONS] -- PROGRAM [ARGUMENT...]");
    }
    return options;
}

/* From here on the process dies with its parent, which may be dead already. */
static void bind_life_to(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        die(FAILED, "cannot ask to die with the node: %s", strerror(errno));
    }
    if (getppid() != parent) {
        die(FAILED, "the node that started this has gone");
    }
}

static void limit(const char *what, __rlimit_resource_t resource, long long soft,
                  long long margin)
{
    if (soft < 0) {
        return;
    }
    struct rlimit limits = {.rlim_cur = (rlim_t)soft, .rlim_max = (rlim_t)(soft + margin)};
    if (setrlimit(resource, &limits) != 0) {
        die(FAILED, "cannot limit its %s to %lld: %s", what, soft, strerror(errno));
    }
}

static void be_nice(const options_t *options)
{
    if (options->has_nice && setpriority(PRIO_PROCESS, 0, (int)options->nice) != 0) {
        die(FAILED, "cannot run with nice %lld: %s", options->nice, strerror(errno));
    }
}

/* "0,2-3" */
static void parse_cpus(const char *list, cpu_set_t *set)
{
    CPU_ZERO(set);
    bool has_more = true;
    for (const char *at = list; has_more;) {
        char *end;
        unsigned long first = strtoul(at, &end, 10);
        unsigned long last = first;
        bool is_number = end != at;
        if (is_number && *end == '-') {
            at = end + 1;
            last = strtoul(at, &end, 10);
            is_number = end != at;
        }
        if (!is_number || (*end && *end != ',') || last < first || last >= CPU_SETSIZE) {
            die(FAILED, "'%s' is no list of processors such as 0,2-3", list);
        }
        for (unsigned long cpu = first; cpu <= last; cpu++) {
            CPU_SET(cpu, set);
        }
        has_more = *end == ',';
        at = end + 1;
    }
}

static void stay_on_cpus(const char *list)
{
    if (!list) {
        return;
    }
    cpu_set_t set;
    parse_cpus(list, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        die(FAILED, "cannot run on processors %s: %s", list, strerror(errno));
    }
}

/* Kernels before 5.9 know no close_range. */
static void close_listed_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) {
        die(FAILED, "cannot see which descriptors are open: %s", strerror(errno));
    }
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        int descriptor = atoi(entry->d_name);
        if (descriptor > 2 && descriptor != dirfd(folder)) {
            close(descriptor);
        }
    }
    closedir(folder);
}

static void close_descriptors(void)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3u, UINT_MAX, 0u) == 0) {
        return;
    }
#endif
    close_listed_descriptors();
}

int main(int argc, char **argv)
{
    options_t options = parse(argc, argv);
    if (options.is_guard) {
        close_descriptors();
        return tr_guard_run(0, options.folder);
    }
    bind_life_to((pid_t)options.parent);
    be_nice(&options);
    stay_on_cpus(options.cpus);
    close_descriptors();
    limit("processor seconds", RLIMIT_CPU, options.cpu_time, CPU_TIME_MARGIN_S);
    limit("open files", RLIMIT_NOFILE, options.open_files, 0);
    limit("memory", RLIMIT_DATA, options.memory, 0); /* last: from here on it binds us too */
    execvp(options.program[0], options.program);
    int status = errno == EACCES || errno == ENOEXEC ? CANNOT_EXECUTE : FAILED;
    die(status, "cannot run %s: %s", options.program[0], strerror(errno));
}
