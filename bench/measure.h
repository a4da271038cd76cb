/* bench/measure.h - what every bench needs: a clock, chance with a seed, figures, options
 *
 * Times are nanoseconds of the monotonic clock, so that both ends of a call in one process can
 * be compared. Whatever goes wrong ends the program: a bench that is not sure says nothing.
 */

#ifndef TROUPE_BENCH_MEASURE_H
#define TROUPE_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_NS_PER_US INT64_C(1000)
#define BENCH_NS_PER_MS INT64_C(1000000)
#define BENCH_NS_PER_S  INT64_C(1000000000)

/* Say `program: text` and exit with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_give_up(const char *format, ...);

/* calloc that gives up. */
void *bench_alloc(size_t n, size_t size);

/* ---- time ---- */

int64_t bench_now_ns(void);
void bench_sleep_until_ns(int64_t until_ns);

/* Have sleeps of this thread, and of those it makes from now on, end within microseconds and
 * not when it suits the kernel. For a bench whose workers sleep instead of working. */
void bench_sleep_exactly(void);

void bench_burn_until_ns(int64_t until_ns);

/* Processor time of all threads of this process so far. */
double bench_cpu_s(void);

/* The same of another process. */
double bench_cpu_of_s(pid_t process);

/* How often threads of this process have given up the processor or lost it. */
long bench_n_switches(void);

/* ---- what a process may have ---- */

/* Have room for so many descriptors. */
void bench_provide_descriptors(size_t n_descriptors);

/* ---- chance: equal seeds, equal numbers ---- */

typedef struct bench_random {
    uint64_t state;
} bench_random_t;

/* The next 64 bits (splitmix64). */
uint64_t bench_random_bits(bench_random_t *self);

/* From 0, which it may be, to 1, which it is not. */
double bench_random_share(bench_random_t *self);

/* Exponentially distributed: the times between arrivals that do not know of each other. */
double bench_random_exponential(bench_random_t *self, double mean);

/* Bits that look like chance and depend on `bits` alone. */
uint64_t bench_scramble(uint64_t bits);

/* ---- figures of `n` values, at least one ---- */

void bench_sort(int64_t *values, size_t n);

/* The value that `share` of all do not exceed, of sorted ones. */
int64_t bench_quantile(const int64_t *sorted, size_t n, double share);

double bench_mean(const int64_t *values, size_t n);

/* ---- options: a value that is none, or out of its range, ends the program with 2 ---- */

long bench_whole(const char *option, const char *text, long least, long most);
double bench_real(const char *option, const char *text, double least, double most);

/* Say that `text` is no value of `option`, and exit with 2. */
__attribute__((noreturn)) void bench_misused(const char *option, const char *text,
                                             const char *wanted);

#endif
