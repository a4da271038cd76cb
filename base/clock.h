/* base/clock.h - what time it is, unless a test holds the hands
 *
 * All times inside a node are int64_t milliseconds on the monotonic clock. A test may
 * stop the clock and move it by hand; production code never does. Any thread.
 */

#ifndef TROUPE_BASE_CLOCK_H
#define TROUPE_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Stands for "never" wherever a time is told. */
#define TR_NEVER INT64_MAX

/* Milliseconds since some fixed moment. Never runs backwards. */
int64_t tr_clock_now_ms(void);

/* The same in microseconds; not affected by tr_clock_hold, for measuring only. */
int64_t tr_clock_now_us(void);

/* The same in milliseconds: for how long a thread of the program around a node waits, whatever
 * a test does to the clock. */
int64_t tr_clock_real_ms(void);

/* Both at once, for the price of one. */
typedef struct tr_time {
    int64_t ms;
    int64_t us;
} tr_time_t;

tr_time_t tr_clock_read(void);

/* The time that lies `delay_ms` after `now_ms`; TR_NEVER when that overflows. A
 * negative delay counts as none. */
int64_t tr_clock_after(int64_t now_ms, int64_t delay_ms);

/* That of two moments which comes first. */
static inline int64_t tr_clock_earlier(int64_t one_ms, int64_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

/* Stop the clock at `now_ms`; from here on only tr_clock_advance moves it. */
void tr_clock_hold(int64_t now_ms);

/* Move the held clock on by `delta_ms` >= 0. */
void tr_clock_advance(int64_t delta_ms);

bool tr_clock_is_held(void);

/* Let the clock run on from where it is held. */
void tr_clock_go_on(void);

/* Let the real clock run again. */
void tr_clock_release(void);

#endif
