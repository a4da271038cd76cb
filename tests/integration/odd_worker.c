/* A worker that misbehaves as a process: it kills itself in every way, says too much, takes too
 * much, leaves children, and tells what it sees around itself. Besides it asks others. As a
 * module, and with `main` as a program of its own (ODD_PROGRAM).
 *
 * What takes long looks for a cancel each millisecond, but for `hang` and `deaf`.
 */

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <troupe.h>

#define LINE_BYTES 4096
#define PAGE_BYTES 4096

static size_t asked_mib(troupe_request_t *request)
{
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)troupe_request_size(request),
             (const char *)troupe_request_data(request));
    return strtoul(text, NULL, 10);
}

static void reply_number(troupe_request_t *request, long long number)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%lld", number);
    troupe_request_reply_data(request, text, (size_t)length);
}

/* The first part says that the handler runs, and where. */
static bool say_pid(troupe_request_t *request)
{
    char text[32];
    snprintf(text, sizeof text, "%ld", (long)getpid());
    troupe_message_t *part = troupe_message_from_text(text);
    return part && troupe_request_part(request, &part) == TROUPE_OK;
}

static void wait_for_cancel(troupe_request_t *request)
{
    const struct timespec slice = {.tv_nsec = 1000000};
    while (!troupe_request_cancelled(request)) {
        nanosleep(&slice, NULL);
    }
}

/* ---- methods ---- */

static void do_pid(troupe_request_t *request)
{
    reply_number(request, getpid());
}

static void do_begin(troupe_request_t *request)
{
    if (say_pid(request)) {
        wait_for_cancel(request);
        fprintf(stderr, "the handler saw the cancel\n");
    }
    troupe_request_fail(request, "was cancelled");
}

/* As begin, but no handler of SIGSEGV, nor of a sanitizer, comes between. */
static void do_segv(troupe_request_t *request)
{
    (void)request;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void do_spin(troupe_request_t *request)
{
    volatile unsigned sink = 0;
    while (!troupe_request_cancelled(request)) {
        sink++;
    }
    (void)sink;
    troupe_request_fail(request, "was cancelled");
}

static void say_much(troupe_request_t *request, int descriptor, char last)
{
    static char line[LINE_BYTES];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = last;
    size_t n_lines = asked_mib(request) * ((1 << 20) / LINE_BYTES);
    for (size_t i = 0; i < n_lines; i++) {
        for (size_t n = 0; n < sizeof line;) {
            ssize_t written = write(descriptor, line + n, sizeof line - n);
            if (written < 0) {
                troupe_request_fail(request, "cannot write");
                return;
            }
            n += (size_t)written;
        }
    }
    reply_number(request, (long long)n_lines);
}

static void do_chat(troupe_request_t *request)
{
    say_much(request, STDOUT_FILENO, '\n');
}

/* One line without an end. */
static void do_drone(troupe_request_t *request)
{
    say_much(request, STDERR_FILENO, 'x');
}

static void do_mute(troupe_request_t *request)
{
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    reply_number(request, getpid());
}

/* Processor time is all it wants, and it does not let itself be told. */
static void do_insist(troupe_request_t *request)
{
    signal(SIGXCPU, SIG_IGN);
    do_spin(request);
}

/* Shared memory is no data of the process, so that no limit of the kernel's stops it. */
static void do_hog(troupe_request_t *request)
{
    size_t size = asked_mib(request) << 20;
    char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
        troupe_request_fail(request, "no memory");
        return;
    }
    for (size_t at = 0; at < size; at += PAGE_BYTES) {
        bytes[at] = 1;
    }
    wait_for_cancel(request);
    troupe_request_fail(request, "was cancelled");
}

/* A grandchild of the node, that outlives its parent if nobody sees to it. */
static void do_fork(troupe_request_t *request)
{
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    reply_number(request, child);
}

/* The same, but it is in no group that anybody knows, and has all that its parent had open. */
static void do_stray(troupe_request_t *request)
{
    pid_t child = fork();
    if (child == 0) {
        setsid();
        for (;;) {
            pause();
        }
    }
    while (child > 0 && getsid(child) != child) {
        usleep(1000); /* until then it is in our group, and goes with us */
    }
    reply_number(request, child);
}

static void do_hang(troupe_request_t *request)
{
    say_pid(request);
    for (;;) {
        pause();
    }
}

static void do_deaf(troupe_request_t *request)
{
    signal(SIGTERM, SIG_IGN);
    do_hang(request);
}

/* ---- what it sees ---- */

static void print_descriptors(FILE *out)
{
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char path[300];
        char target[256];
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length > 0 && atoi(entry->d_name) != dirfd(folder)) {
            target[length] = '\0';
            fprintf(out, "fd %s %s\n", entry->d_name, target);
        }
    }
    closedir(folder);
}

static void do_look(troupe_request_t *request)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    char folder[4096];
    fprintf(out, "directory %s\n", getcwd(folder, sizeof folder));
    for (char **entry = environ; *entry; entry++) {
        fprintf(out, "env %s\n", *entry);
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    fprintf(out, "open-files %lld %lld\n", (long long)files.rlim_cur,
            (long long)files.rlim_max);
    fprintf(out, "nice %d\n", getpriority(PRIO_PROCESS, 0));
    cpu_set_t cpus;
    sched_getaffinity(0, sizeof cpus, &cpus);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &cpus)) {
            fprintf(out, "cpu %zu\n", cpu);
        }
    }
    char byte;
    fprintf(out, "stdin %zd\n", read(STDIN_FILENO, &byte, 1));
    fprintf(out, "group %d\n", getpgrp() == getpid());
    print_descriptors(out);
    fclose(out);
    troupe_request_reply_data(request, text, size);
    free(text);
}

/* How many the process has served so far, this one included. */
static void do_count(troupe_request_t *request)
{
    static atomic_llong n_served;
    reply_number(request, atomic_fetch_add(&n_served, 1) + 1);
}

/* ---- what it asks of others ---- */

static int pass_back(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    troupe_request_t *request = arg;
    troupe_message_t *message = troupe_message_share(troupe_reply_message(reply));
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    if (!message) {
        return -1;
    }
    if (!troupe_reply_is_final(reply)) {
        return troupe_request_part(request, &message) == TROUPE_ERR_NOMEM ? -1 : 0;
    }
    if (outcome == TROUPE_OUTCOME_OK) {
        troupe_request_reply(request, &message);
    } else {
        troupe_message_destroy(&message);
        troupe_request_fail(request, "%s: %s", troupe_outcome_name(outcome),
                            troupe_reply_text(reply));
    }
    return 0;
}

/* The frames after the first two, as a message. */
static troupe_message_t *rest_of(const troupe_message_t *all)
{
    troupe_message_t *rest = troupe_message_new();
    for (size_t i = 2; rest && i < troupe_message_count(all); i++) {
        if (troupe_message_add(rest, troupe_message_data(all, i),
                               troupe_message_size(all, i)) != TROUPE_OK) {
            troupe_message_destroy(&rest);
        }
    }
    return rest;
}

/* Frames CAPABILITY, METHOD, payload: what that answers, parts and all, is the answer. */
static int ask(troupe_worker_t *self, troupe_request_t *request)
{
    const troupe_message_t *all = troupe_request_message(request);
    char *capability = troupe_message_text(all, 0);
    char *method = troupe_message_text(all, 1);
    troupe_message_t *message = rest_of(all);
    uint64_t id;
    troupe_status_t status = TROUPE_ERR_NOMEM;
    if (capability && method && message) {
        const troupe_call_options_t options = {.method = method};
        status = troupe_worker_call(self, request, capability, &options, &message, pass_back,
                                    request, &id);
    }
    if (status == TROUPE_OK) {
        troupe_request_keep(request);
    }
    free(capability);
    free(method);
    troupe_message_destroy(&message);
    return status == TROUPE_OK ? 0 : -1;
}

static const struct {
    const char *name;
    void (*run)(troupe_request_t *request);
} methods[] = {
    {"pid", do_pid},   {"begin", do_begin},   {"segv", do_segv},   {"spin", do_spin},
    {"chat", do_chat}, {"hog", do_hog},       {"fork", do_fork},   {"hang", do_hang},
    {"deaf", do_deaf}, {"look", do_look},     {"stray", do_stray}, {"drone", do_drone},
    {"mute", do_mute}, {"insist", do_insist}, {"count", do_count},
};

static int odd_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    const char *method = troupe_request_method(request);
    if (strcmp(method, "ask") == 0) {
        return ask(self, request);
    }
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(method, methods[i].name) == 0) {
            methods[i].run(request);
            return 0;
        }
    }
    troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "no method '%.100s'", method);
    return 0;
}

static const troupe_behaviour_t odd = {.name = "odd", .handle = odd_handle};

#ifdef ODD_PROGRAM
int main(int argc, char **argv)
{
    return troupe_worker_process_run(&odd, argc - 1, argv + 1);
}
#else
TROUPE_MODULE(odd);
#endif
