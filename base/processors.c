#include "base/processors.h"

#include <sched.h>
#include <stdatomic.h>

static size_t count(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? (size_t)n : 1;
}

size_t tr_processors(void)
{
    static atomic_size_t n_processors;
    size_t n = atomic_load_explicit(&n_processors, memory_order_relaxed);
    if (n == 0) {
        n = count();
        atomic_store_explicit(&n_processors, n, memory_order_relaxed);
    }
    return n;
}
