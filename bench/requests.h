/* bench/requests.h - what a client knows of its requests: which are open, how long each took
 *
 * Each request carries its number in the first and in the last eight bytes of its payload, so
 * that a reply says whose it is, and an answer that comes twice, to nobody, cut short or with
 * another's bytes ends the program. What lies between is left as it is: filling a large payload
 * would cost more than sending it.
 *
 * Client programs of all systems keep their requests here, so that what a client does beside
 * sending and receiving is the same for all. Not thread-safe.
 */

#ifndef TROUPE_BENCH_REQUESTS_H
#define TROUPE_BENCH_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The least payload: room for the number. */
#define BENCH_LEAST_SIZE 8

typedef struct bench_requests {
    long n; /* in all */
    long window;
    size_t size;
    long n_begun;
    long n_ended;
    pid_t helper;      /* a process whose processor time counts too; 0: none */
    int64_t *began_ns; /* by number; 0 before a request has begun and after it has ended */
    int64_t *took_ns;  /* in the order in which they ended */
    int64_t start_ns;
    double cpu_s;
    long n_switches;
} bench_requests_t;

/* Make room for `n` requests of `size` bytes, of which `window` may be open. */
void bench_requests_init(bench_requests_t *self, long n, long window, size_t size);
void bench_requests_finish(bench_requests_t *self);

/* Let the measured time begin. */
void bench_requests_start(bench_requests_t *self);

/* Whether another request may begin now. */
bool bench_requests_may_begin(const bench_requests_t *self);

/* Whether some have not ended. */
bool bench_requests_go_on(const bench_requests_t *self);

/* Begin the next one: its number, which is returned, is written into its `size` bytes. */
long bench_requests_begin(bench_requests_t *self, void *data);

/* End the one whose number these bytes hold, which is returned. */
long bench_requests_end(bench_requests_t *self, const void *data, size_t size);

/* Let the measured time end, and print a line of key=value pairs: those that `format` makes,
 * then what was measured. */
__attribute__((format(printf, 2, 3))) void bench_requests_print(bench_requests_t *self,
                                                                const char *format, ...);

#endif
