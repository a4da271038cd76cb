/* What cannot be carried out is refused before anything is started. Each fault has a text of
 * its own; the first one found is told.
 */

#include "supervisors/child_spec.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 80

bool tr_restart_is_due(tr_restart_t restart, const tr_reason_t *reason, bool was_starting)
{
    assert(reason);
    switch (restart) {
    case TR_RESTART_PERMANENT:
        return true;
    case TR_RESTART_TRANSIENT:
        return was_starting || tr_reason_is_abnormal(reason);
    default:
        return false;
    }
}

TROUPE_PRINTF(3, 4)
static troupe_status_t refuse(char *why, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, size, format, arguments);
    va_end(arguments);
    return TROUPE_ERR_INVALID;
}

static bool has_name(const char *name)
{
    return name && name[0] && strlen(name) < NAME_SIZE;
}

troupe_status_t tr_child_spec_check(const tr_child_spec_t *child,
                                    const tr_supervisor_spec_t *spec, char *why, size_t size)
{
    assert(child && spec && why && size > 0);
    if (!has_name(child->name)) {
        return refuse(why, size, "a child needs a name of 1 to %d bytes", NAME_SIZE - 1);
    }
    if (!child->start) {
        return refuse(why, size, "%s: there is nothing to start", child->name);
    }
    if ((unsigned)child->restart > TR_RESTART_TEMPORARY) {
        return refuse(why, size, "%s: %d is no restart type", child->name, (int)child->restart);
    }
    if (child->shutdown_ms < 0) {
        return refuse(why, size, "%s: shutdown cannot be %lld ms", child->name,
                      (long long)child->shutdown_ms);
    }
    if (child->backoff_min_ms <= 0 || child->backoff_max_ms < child->backoff_min_ms) {
        return refuse(why, size, "%s: backoff cannot be %lld to %lld ms", child->name,
                      (long long)child->backoff_min_ms, (long long)child->backoff_max_ms);
    }
    if (child->own_restarts >= 0 && child->own_period_ms <= 0) {
        return refuse(why, size, "%s: the period of its intensity cannot be %lld ms",
                      child->name, (long long)child->own_period_ms);
    }
    if (child->health.interval_ms <= 0 || child->health.misses <= 0) {
        return refuse(why, size, "%s: health needs an interval and misses above 0",
                      child->name);
    }
    if (child->is_significant && child->restart == TR_RESTART_PERMANENT) {
        return refuse(why, size,
                      "%s: a permanent child cannot be significant: it never ends for good",
                      child->name);
    }
    if (child->is_significant && spec->auto_shutdown == TR_AUTO_SHUTDOWN_NEVER) {
        return refuse(why, size, "%s: significant, but auto-shutdown is never", child->name);
    }
    return TROUPE_OK;
}

static troupe_status_t check_flags(const tr_supervisor_spec_t *spec, char *why, size_t size)
{
    if (!has_name(spec->name)) {
        return refuse(why, size, "a supervisor needs a name of 1 to %d bytes", NAME_SIZE - 1);
    }
    if ((unsigned)spec->strategy > TR_SIMPLE_ONE_FOR_ONE) {
        return refuse(why, size, "%d is no strategy", (int)spec->strategy);
    }
    if (spec->max_restarts > TR_MAX_RESTARTS) {
        return refuse(why, size, "more than %d restarts cannot be counted", TR_MAX_RESTARTS);
    }
    if (spec->period_ms <= 0 || spec->period_ms == INT64_MAX) {
        return refuse(why, size, "the period of the intensity cannot be %lld ms",
                      (long long)spec->period_ms);
    }
    if ((unsigned)spec->auto_shutdown > TR_AUTO_SHUTDOWN_ALL) {
        return refuse(why, size, "%d is no kind of auto-shutdown", (int)spec->auto_shutdown);
    }
    if (spec->strategy != TR_SIMPLE_ONE_FOR_ONE) {
        return TROUPE_OK;
    }
    if (spec->auto_shutdown != TR_AUTO_SHUTDOWN_NEVER) {
        return refuse(why, size, "simple_one_for_one cannot have an auto-shutdown");
    }
    if (spec->n_children != 1) {
        return refuse(why, size, "simple_one_for_one needs exactly one template, not %zu",
                      spec->n_children);
    }
    return TROUPE_OK;
}

troupe_status_t tr_supervisor_spec_check(const tr_supervisor_spec_t *spec, char *why,
                                         size_t size)
{
    assert(spec && why && size > 0);
    if (check_flags(spec, why, size) != TROUPE_OK) {
        return TROUPE_ERR_INVALID;
    }
    for (size_t i = 0; i < spec->n_children; i++) {
        if (tr_child_spec_check(&spec->children[i], spec, why, size) != TROUPE_OK) {
            return TROUPE_ERR_INVALID;
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(spec->children[i].name, spec->children[k].name) == 0) {
                return refuse(why, size, "%s: there are two children of that name",
                              spec->children[i].name);
            }
        }
    }
    return TROUPE_OK;
}
