/* tests/kit/random.h - numbers that look random, and come again with their seed
 *
 * Each run has a seed of its own, which it prints; TROUPE_TEST_SEED repeats one.
 */

#ifndef TROUPE_TESTS_KIT_RANDOM_H
#define TROUPE_TESTS_KIT_RANDOM_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t random_seed(void)
{
    const char *text = getenv("TROUPE_TEST_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = text ? strtoull(text, NULL, 10)
                         : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    printf("TROUPE_TEST_SEED=%" PRIu64 "\n", seed);
    fflush(stdout);
    return seed;
}

/* splitmix64 */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* From 0 to n - 1. */
static inline size_t random_below(uint64_t *state, size_t n)
{
    return (size_t)(random_next(state) % n);
}

/* One time in `n`. */
static inline bool random_once_in(uint64_t *state, size_t n)
{
    return random_below(state, n) == 0;
}

/* From 0 to INT64_MAX, small ones, large ones, and those beside a power of two. */
static inline int64_t random_number(uint64_t *state)
{
    unsigned n_bits = (unsigned)random_below(state, 64);
    uint64_t value = random_once_in(state, 3) ? (UINT64_C(1) << n_bits) - random_below(state, 2)
                                              : random_next(state) >> (63 - n_bits) >> 1;
    return (int64_t)(value & INT64_MAX);
}

/* Any bytes; with `is_text`, none of them NUL. */
static inline void random_bytes(uint64_t *state, void *bytes, size_t size, bool is_text)
{
    unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        at[i] = (unsigned char)(is_text ? 1 + random_below(state, 255) : random_next(state));
    }
}

#endif
