/* What happened on a day is known by the time that was planned, not by that at which it was
 * noticed: so a clock that is set back within the day finds the next one planned already.
 */

#include "node/admin/schedule.h"

#include <assert.h>
#include <time.h>

#define MINUTE_MS 60000
#define DAY_S     86400

/* Further ahead than any next day can be: the clock was set back by more than a day. */
#define TOO_FAR_S (2 * DAY_S + 7200)

static int64_t at_day(const struct tm *day, int n_later, int64_t at_s)
{
    struct tm parts = {
        .tm_year = day->tm_year,
        .tm_mon = day->tm_mon,
        .tm_mday = day->tm_mday + n_later,
        .tm_hour = (int)(at_s / 3600),
        .tm_min = (int)(at_s / 60 % 60),
        .tm_sec = (int)(at_s % 60),
        .tm_isdst = -1,
    };
    return (int64_t)mktime(&parts);
}

static struct tm day_of(int64_t wall_s)
{
    time_t seconds = (time_t)wall_s;
    struct tm parts = {0};
    localtime_r(&seconds, &parts);
    return parts;
}

/* The first time of day after `wall_s`, on `day` or later. */
static int64_t next_after(const struct tm *day, int64_t at_s, int64_t wall_s)
{
    int64_t next_s = at_day(day, 0, at_s);
    for (int n_later = 1; next_s <= wall_s && n_later <= 2; n_later++) {
        next_s = at_day(day, n_later, at_s);
    }
    return next_s;
}

static void plan_day(tr_timing_t *self, int64_t wall_s)
{
    struct tm today = day_of(wall_s);
    self->due_wall_s = next_after(&today, self->at_s, wall_s);
}

/* The day after the one that was planned, or today if that is later. */
static void plan_another_day(tr_timing_t *self, int64_t wall_s)
{
    struct tm planned = day_of(self->due_wall_s);
    struct tm another = day_of(at_day(&planned, 1, self->at_s));
    self->due_wall_s = at_day(&another, 0, self->at_s);
    if (self->due_wall_s <= wall_s) {
        plan_day(self, wall_s);
    }
}

void tr_timing_begin(tr_timing_t *self, int64_t every_ms, int64_t at_s, tr_moment_t now)
{
    assert(self && every_ms >= 0 && at_s >= 0 && at_s < DAY_S);
    *self = (tr_timing_t){.every_ms = every_ms, .at_s = at_s};
    if (every_ms > 0) {
        self->due_ms = now.now_ms + every_ms;
    } else {
        plan_day(self, now.wall_s);
    }
}

bool tr_timing_is_due(tr_timing_t *self, tr_moment_t now)
{
    assert(self);
    if (self->every_ms > 0) {
        if (now.now_ms < self->due_ms) {
            return false;
        }
        self->due_ms += self->every_ms;
        if (self->due_ms <= now.now_ms) {
            self->due_ms = now.now_ms + self->every_ms;
        }
        return true;
    }
    if (now.wall_s >= self->due_wall_s) {
        plan_another_day(self, now.wall_s);
        return true;
    }
    if (self->due_wall_s - now.wall_s > TOO_FAR_S) {
        plan_day(self, now.wall_s);
    }
    return false;
}

int64_t tr_timing_look_ms(const tr_timing_t *self, tr_moment_t now)
{
    assert(self);
    if (self->every_ms > 0) {
        return self->due_ms;
    }
    int64_t left_ms = (self->due_wall_s - now.wall_s) * 1000;
    return now.now_ms + (left_ms < 0 ? 0 : left_ms < MINUTE_MS ? left_ms : MINUTE_MS);
}
