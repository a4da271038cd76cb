/* One number says both whether a test holds the clock and at what time, so a reader on
 * another thread never sees a held clock without its time. Holding and letting go may jump
 * backwards; only tests do that, and they own everybody who looks.
 */

#include "base/clock.h"

#include <assert.h>
#include <stdatomic.h>
#include <time.h>

#define NOT_HELD INT64_MIN

static _Atomic int64_t held_ms = NOT_HELD;
static _Atomic int64_t ahead_ms; /* of the real clock, when it is not held */

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on a system that has this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t running_ms(int64_t us)
{
    return us / 1000 + atomic_load_explicit(&ahead_ms, memory_order_relaxed);
}

int64_t tr_clock_now_ms(void)
{
    int64_t held = atomic_load_explicit(&held_ms, memory_order_acquire);
    return held == NOT_HELD ? running_ms(monotonic_us()) : held;
}

int64_t tr_clock_now_us(void)
{
    return monotonic_us();
}

int64_t tr_clock_real_ms(void)
{
    return monotonic_us() / 1000;
}

tr_time_t tr_clock_read(void)
{
    int64_t us = monotonic_us();
    int64_t held = atomic_load_explicit(&held_ms, memory_order_acquire);
    return (tr_time_t){.ms = held == NOT_HELD ? running_ms(us) : held, .us = us};
}

int64_t tr_clock_after(int64_t now_ms, int64_t delay_ms)
{
    if (delay_ms <= 0) {
        return now_ms;
    }
    return now_ms > TR_NEVER - delay_ms ? TR_NEVER : now_ms + delay_ms;
}

void tr_clock_hold(int64_t now_ms)
{
    assert(now_ms != NOT_HELD);
    atomic_store_explicit(&held_ms, now_ms, memory_order_release);
}

void tr_clock_advance(int64_t delta_ms)
{
    assert(delta_ms >= 0);
    int64_t before = atomic_fetch_add_explicit(&held_ms, delta_ms, memory_order_acq_rel);
    assert(before != NOT_HELD && before <= TR_NEVER - delta_ms);
    (void)before;
}

bool tr_clock_is_held(void)
{
    return atomic_load_explicit(&held_ms, memory_order_relaxed) != NOT_HELD;
}

void tr_clock_go_on(void)
{
    int64_t held = atomic_load_explicit(&held_ms, memory_order_relaxed);
    assert(held != NOT_HELD);
    atomic_store_explicit(&ahead_ms, held - monotonic_us() / 1000, memory_order_relaxed);
    atomic_store_explicit(&held_ms, NOT_HELD, memory_order_release);
}

void tr_clock_release(void)
{
    atomic_store_explicit(&ahead_ms, 0, memory_order_relaxed);
    atomic_store_explicit(&held_ms, NOT_HELD, memory_order_release);
}
