/* Memory is touched before the clock runs, so that a run does not pay for its own bookkeeping.
 */

#include "bench/requests.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"

static int64_t *touched_array(long n)
{
    int64_t *array = bench_alloc((size_t)n, sizeof *array);
    memset(array, 1, (size_t)n * sizeof *array);
    memset(array, 0, (size_t)n * sizeof *array);
    return array;
}

void bench_requests_init(bench_requests_t *self, long n, long window, size_t size)
{
    *self = (bench_requests_t){.n = n, .window = window, .size = size};
    self->began_ns = touched_array(n);
    self->took_ns = touched_array(n);
    /* Large payloads come from the heap and stay there: a bench of messages is none of mmap. */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

void bench_requests_finish(bench_requests_t *self)
{
    free(self->began_ns);
    free(self->took_ns);
    *self = (bench_requests_t){0};
}

static double cpu_s(const bench_requests_t *self)
{
    return bench_cpu_s() + (self->helper ? bench_cpu_of_s(self->helper) : 0);
}

void bench_requests_start(bench_requests_t *self)
{
    self->cpu_s = cpu_s(self);
    self->n_switches = bench_n_switches();
    self->start_ns = bench_now_ns();
}

bool bench_requests_may_begin(const bench_requests_t *self)
{
    return self->n_begun < self->n && self->n_begun - self->n_ended < self->window;
}

bool bench_requests_go_on(const bench_requests_t *self)
{
    return self->n_ended < self->n;
}

long bench_requests_begin(bench_requests_t *self, void *data)
{
    const int64_t number = self->n_begun++;
    memcpy((char *)data + self->size - sizeof number, &number, sizeof number);
    memcpy(data, &number, sizeof number);
    self->began_ns[number] = bench_now_ns();
    return (long)number;
}

long bench_requests_end(bench_requests_t *self, const void *data, size_t size)
{
    int64_t number;
    int64_t last;
    if (size != self->size) {
        bench_give_up("a reply has %zu bytes, not %zu", size, self->size);
    }
    memcpy(&number, data, sizeof number);
    memcpy(&last, (const char *)data + size - sizeof last, sizeof last);
    if (number < 0 || number >= self->n_begun || last != number) {
        bench_give_up("a reply has bytes that no request had");
    }
    if (self->began_ns[number] == 0) {
        bench_give_up("request %ld was answered twice", (long)number);
    }
    self->took_ns[self->n_ended++] = bench_now_ns() - self->began_ns[number];
    self->began_ns[number] = 0;
    return (long)number;
}

static double quantile_us(const bench_requests_t *self, double share)
{
    return (double)bench_quantile(self->took_ns, (size_t)self->n_ended, share) / 1000.0;
}

void bench_requests_print(bench_requests_t *self, const char *format, ...)
{
    double seconds = (double)(bench_now_ns() - self->start_ns) / 1e9;
    double cpu = cpu_s(self) - self->cpu_s;
    long n_switches = bench_n_switches() - self->n_switches;
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    bench_sort(self->took_ns, (size_t)self->n_ended);
    printf(" window=%ld size=%zu requests=%ld rps=%.0f p50_us=%.2f p99_us=%.2f p999_us=%.2f"
           " cpu_s=%.3f csw=%ld\n",
           self->window, self->size, self->n_ended, (double)self->n_ended / seconds,
           quantile_us(self, 0.5), quantile_us(self, 0.99), quantile_us(self, 0.999), cpu,
           n_switches);
    fflush(stdout);
}
