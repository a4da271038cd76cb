/* A mapping is a line with its two addresses, and then lines of "Name: number kB". */

#include "bench/smaps.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"

/* The first mark that is not below `address`, or `n`. */
static size_t first_from(const uintptr_t *marks, size_t n, uintptr_t address)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        if (marks[middle] < address) {
            low = middle + 1;
        } else {
            n = middle;
        }
    }
    return low;
}

bench_resident_t bench_smaps_sum(FILE *file, const uintptr_t *marks, size_t n)
{
    bench_resident_t sum = {0};
    bool is_marked = false;
    char line[1024];
    while (fgets(line, sizeof line, file)) {
        uintptr_t begin;
        uintptr_t end;
        int64_t kib;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2) {
            size_t at = first_from(marks, n, begin);
            is_marked = at < n && marks[at] < end;
        } else if (sscanf(line, "Rss: %" SCNd64 " kB", &kib) == 1) {
            sum.all_bytes += kib * 1024;
            sum.marked_bytes += is_marked ? kib * 1024 : 0;
        }
    }
    return sum;
}

static int by_address(const void *one, const void *other)
{
    uintptr_t a = *(const uintptr_t *)one;
    uintptr_t b = *(const uintptr_t *)other;
    return (a > b) - (a < b);
}

bench_resident_t bench_smaps_of_self(uintptr_t *marks, size_t n)
{
    FILE *file = fopen("/proc/self/smaps", "re");
    if (!file) {
        bench_give_up("cannot read how much memory is used");
    }
    qsort(marks, n, sizeof *marks, by_address);
    bench_resident_t sum = bench_smaps_sum(file, marks, n);
    fclose(file);
    return sum;
}
