/* A test's hands on the clock. Time goes from one actor's moment to the next one's, and at each
 * all that follows from it is done before time goes on: so a timer that ticks every second
 * ticks sixty times in a minute, however short that minute is.
 */

#include <troupe/testkit.h>

#include <assert.h>

#include "actors/rest.h"
#include "base/clock.h"

#define PATIENCE_MS 10000 /* only what hangs takes so long */

void troupe_clock_hold(void)
{
    if (!tr_clock_is_held()) {
        tr_clock_hold(tr_clock_now_ms());
    }
}

bool troupe_clock_is_held(void)
{
    return tr_clock_is_held();
}

troupe_status_t troupe_clock_settle(int64_t patience_ms)
{
    assert(patience_ms >= 0);
    return tr_rest_await(patience_ms) ? TROUPE_OK : TROUPE_TIMEOUT;
}

static void be_at(int64_t time_ms)
{
    tr_clock_advance(time_ms - tr_clock_now_ms());
    tr_rest_wake_due();
}

troupe_status_t troupe_clock_advance(int64_t ms)
{
    assert(ms >= 0);
    if (!tr_clock_is_held()) {
        return TROUPE_ERR_INVALID;
    }
    int64_t until_ms = tr_clock_after(tr_clock_now_ms(), ms);
    troupe_status_t status = troupe_clock_settle(PATIENCE_MS);
    while (status == TROUPE_OK && tr_clock_now_ms() < until_ms) {
        int64_t next_ms = tr_rest_until_ms();
        be_at(next_ms < until_ms ? next_ms : until_ms);
        status = troupe_clock_settle(PATIENCE_MS);
    }
    return status;
}

troupe_status_t troupe_clock_jump(int64_t ms)
{
    assert(ms >= 0);
    if (!tr_clock_is_held()) {
        return TROUPE_ERR_INVALID;
    }
    be_at(tr_clock_after(tr_clock_now_ms(), ms));
    return TROUPE_OK;
}

void troupe_clock_release(void)
{
    if (tr_clock_is_held()) {
        tr_clock_go_on();
        tr_rest_wake_all();
    }
}
