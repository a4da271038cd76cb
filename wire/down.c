/* A reason travels by its name, so that who does not know one still has the words. */

#include "wire/down.h"

#include <assert.h>
#include <limits.h>

void tr_down_say_reason(tr_trp1_t *down, const tr_reason_t *reason)
{
    assert(down && reason);
    down->reason = tr_span_of(tr_reason_name(reason->kind));
    down->reason_code = reason->code > 0 ? reason->code : -1;
    down->text = tr_span_of(reason->text);
}

static troupe_reason_kind_t kind_called(tr_span_t name)
{
    for (int kind = TROUPE_REASON_NORMAL; kind <= TROUPE_REASON_GONE; kind++) {
        if (tr_span_equals(name, tr_reason_name((troupe_reason_kind_t)kind))) {
            return (troupe_reason_kind_t)kind;
        }
    }
    return TROUPE_REASON_FAILED;
}

tr_reason_t tr_down_reason(const tr_trp1_t *down)
{
    assert(down);
    tr_reason_t reason = tr_reason_of(kind_called(down->reason));
    if (down->reason_code > 0 && down->reason_code <= INT_MAX) {
        reason.code = (int)down->reason_code;
    }
    tr_span_copy(reason.text, sizeof reason.text, down->text);
    return reason;
}
