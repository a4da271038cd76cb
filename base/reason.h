/* base/reason.h - why an actor ended, in a form that can be kept and told
 *
 * troupe_reason_t borrows its text; this one owns it.
 */

#ifndef TROUPE_BASE_REASON_H
#define TROUPE_BASE_REASON_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/behaviour.h>

#define TR_REASON_TEXT 256

typedef struct tr_reason {
    troupe_reason_kind_t kind;
    int code;
    bool is_final;         /* no restart can cure it: every supervisor above gives up too */
    bool is_out_of_memory; /* it ended, or did not start, for want of memory */
    char text[TR_REASON_TEXT];
} tr_reason_t;

tr_reason_t tr_reason_of(troupe_reason_kind_t kind);
tr_reason_t tr_reason_format(troupe_reason_kind_t kind, const char *format, ...)
    TROUPE_PRINTF(2, 3);

/* The public view, borrowing from `self`. */
troupe_reason_t tr_reason_view(const tr_reason_t *self);

/* "failed: no such model", "crashed: signal 9 (Killed)", "exited: status 1: no such file",
 * "shutdown". Returns `buffer`. */
const char *tr_reason_show(const tr_reason_t *self, char *buffer, size_t size);

/* The label in metrics, as troupe_reason_name. */
const char *tr_reason_name(troupe_reason_kind_t kind);

/* Whether a transient child must be restarted: anything but normal and shutdown (and ignored,
 * evicted, which are commanded). OTP's rule. */
bool tr_reason_is_abnormal(const tr_reason_t *self);

#endif
