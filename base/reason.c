/* Texts are cut, never lost altogether. */

#include "base/reason.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

tr_reason_t tr_reason_of(troupe_reason_kind_t kind)
{
    return (tr_reason_t){.kind = kind};
}

tr_reason_t tr_reason_format(troupe_reason_kind_t kind, const char *format, ...)
{
    tr_reason_t self = {.kind = kind};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self.text, sizeof self.text, format, arguments);
    va_end(arguments);
    return self;
}

troupe_reason_t tr_reason_view(const tr_reason_t *self)
{
    return (troupe_reason_t){.kind = self->kind, .code = self->code, .text = self->text};
}

const char *tr_reason_name(troupe_reason_kind_t kind)
{
    static const char *const names[] = {
        [TROUPE_REASON_NORMAL] = "normal",   [TROUPE_REASON_SHUTDOWN] = "shutdown",
        [TROUPE_REASON_FAILED] = "failed",   [TROUPE_REASON_CRASHED] = "crashed",
        [TROUPE_REASON_EXITED] = "exited",   [TROUPE_REASON_HUNG] = "hung",
        [TROUPE_REASON_LOST] = "lost",       [TROUPE_REASON_EVICTED] = "evicted",
        [TROUPE_REASON_IGNORED] = "ignored", [TROUPE_REASON_GONE] = "gone",
    };
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

const char *troupe_reason_name(troupe_reason_kind_t kind)
{
    return tr_reason_name(kind);
}

const char *tr_reason_show(const tr_reason_t *self, char *buffer, size_t size)
{
    assert(self && buffer && size > 0);
    const char *name = tr_reason_name(self->kind);
    const char *colon = self->text[0] ? ": " : "";
    if (self->kind == TROUPE_REASON_CRASHED) {
        snprintf(buffer, size, "%s: signal %d (%s)%s%s", name, self->code,
                 strsignal(self->code), colon, self->text);
    } else if (self->kind == TROUPE_REASON_EXITED) {
        snprintf(buffer, size, "%s: status %d%s%s", name, self->code, colon, self->text);
    } else {
        snprintf(buffer, size, "%s%s%s", name, colon, self->text);
    }
    return buffer;
}

bool tr_reason_is_abnormal(const tr_reason_t *self)
{
    assert(self);
    switch (self->kind) {
    case TROUPE_REASON_NORMAL:
    case TROUPE_REASON_SHUTDOWN:
    case TROUPE_REASON_EVICTED:
    case TROUPE_REASON_IGNORED:
        return false;
    default:
        return true;
    }
}
