/* Sleeping is by absolute time: what a sleeper oversleeps once is not added to the next sleep.
 */

#include "bench/measure.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

void bench_give_up(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    _exit(1); /* threads still run, and what they use must stay */
}

void *bench_alloc(size_t n, size_t size)
{
    void *memory = calloc(n, size);
    if (!memory) {
        bench_give_up("out of memory");
    }
    return memory;
}

/* ---- time ---- */

int64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * BENCH_NS_PER_S + now.tv_nsec;
}

void bench_sleep_until_ns(int64_t until_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ns / BENCH_NS_PER_S),
                                   .tv_nsec = (long)(until_ns % BENCH_NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

void bench_sleep_exactly(void)
{
    prctl(PR_SET_TIMERSLACK, 1UL);
}

void bench_burn_until_ns(int64_t until_ns)
{
    while (bench_now_ns() < until_ns) {
    }
}

double bench_cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void bench_provide_descriptors(size_t n_descriptors)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= n_descriptors) {
        return;
    }
    limit.rlim_cur = n_descriptors;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        bench_give_up("%zu descriptors are needed, the system allows fewer (see ulimit -n)",
                      n_descriptors);
    }
}

double bench_cpu_of_s(pid_t process)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        bench_give_up("process %d has gone", (int)process);
    }
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

long bench_n_switches(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* ---- chance ---- */

uint64_t bench_scramble(uint64_t bits)
{
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
    return bits ^ (bits >> 31);
}

uint64_t bench_random_bits(bench_random_t *self)
{
    self->state += UINT64_C(0x9e3779b97f4a7c15);
    return bench_scramble(self->state);
}

double bench_random_share(bench_random_t *self)
{
    return (double)(bench_random_bits(self) >> 11) * 0x1p-53;
}

double bench_random_exponential(bench_random_t *self, double mean)
{
    return -mean * log1p(-bench_random_share(self));
}

/* ---- figures ---- */

static int by_size(const void *one, const void *other)
{
    int64_t a = *(const int64_t *)one;
    int64_t b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

void bench_sort(int64_t *values, size_t n)
{
    qsort(values, n, sizeof *values, by_size);
}

int64_t bench_quantile(const int64_t *sorted, size_t n, double share)
{
    assert(n > 0 && share >= 0 && share <= 1);
    return sorted[(size_t)(share * (double)(n - 1))];
}

double bench_mean(const int64_t *values, size_t n)
{
    assert(n > 0);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)values[i];
    }
    return sum / (double)n;
}

/* ---- options ---- */

void bench_misused(const char *option, const char *text, const char *wanted)
{
    fprintf(stderr, "%s: --%s is %s, not '%s'\n", program_invocation_short_name, option, wanted,
            text);
    exit(2);
}

long bench_whole(const char *option, const char *text, long least, long most)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || end == text || *end || number < least || number > most) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "a whole number from %ld to %ld", least, most);
        bench_misused(option, text, wanted);
    }
    return number;
}

double bench_real(const char *option, const char *text, double least, double most)
{
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    if (errno || end == text || *end || !(number >= least && number <= most)) {
        char wanted[80];
        snprintf(wanted, sizeof wanted, "a number from %g to %g", least, most);
        bench_misused(option, text, wanted);
    }
    return number;
}
