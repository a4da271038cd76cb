/* One table holds the words of all deeds. */

#include "node/admin/operation_text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct {
    const char *name;
    const char *done;    /* "NAME …" */
    const char *of_pool; /* the same when it is no worker's name; NULL: no other */
    const char *later;   /* "NAME …"; NULL: it cannot be put off */
    const char *undone;  /* "NAME cannot be …"; NULL: why not says it all */
} deeds[TR_N_DEEDS] = {
    [TR_DEED_ADD] = {"add", "has been added", NULL, NULL, NULL},
    [TR_DEED_TERMINATE] = {"terminate", "has been terminated", NULL, NULL, NULL},
    [TR_DEED_RESTART] = {"restart", "has been restarted", NULL, "will be restarted", NULL},
    [TR_DEED_REMOVE] = {"remove", "has been removed", NULL, NULL, NULL},
    [TR_DEED_EVICT] = {"evict", "has been evicted", "has let its idle workers go",
                       "will be evicted", "evicted"},
    [TR_DEED_SCALE] = {"scale", "has been scaled", NULL, "will be scaled", "scaled"},
    [TR_DEED_PAUSE] = {"pause", "is paused: its requests wait", NULL, NULL, "paused"},
    [TR_DEED_RESUME] = {"resume", "goes on", NULL, NULL, "resumed"},
    [TR_DEED_DRAIN] = {"drain", "has been drained", NULL, NULL, "drained"},
    [TR_DEED_SUSPEND] = {"suspend", "is suspended: what comes waits in its mailbox", NULL, NULL,
                         "suspended"},
    [TR_DEED_INSPECT] = {"inspect", "has been inspected", NULL, NULL, "inspected"},
    [TR_DEED_TRACE] = {"trace", "is traced", NULL, NULL, "traced"},
};

const char *tr_deed_name(tr_deed_t deed)
{
    assert((size_t)deed < TR_N_DEEDS);
    return deeds[deed].name;
}

bool tr_deed_parse(const char *name, tr_deed_t *out)
{
    assert(name && out);
    for (int i = 0; i < TR_N_DEEDS; i++) {
        if (strcmp(deeds[i].name, name) == 0) {
            *out = (tr_deed_t)i;
            return true;
        }
    }
    return false;
}

bool tr_deed_may_wait(tr_deed_t deed)
{
    assert((size_t)deed < TR_N_DEEDS);
    return deeds[deed].later != NULL;
}

/* ---- reading ---- */

static bool parse_bound(const char *text, int64_t *out)
{
    *out = -1;
    return *text == '\0' || (tr_text_number(text, out) == TROUPE_OK && *out <= TR_SIZE_MAX);
}

bool tr_size_parse(const char *text, tr_size_t *out)
{
    assert(text && out);
    char least[24];
    const char *dots = strstr(text, "..");
    size_t length = dots ? (size_t)(dots - text) : strlen(text);
    if (length >= sizeof least) {
        return false;
    }
    memcpy(least, text, length);
    least[length] = '\0';
    tr_size_t size;
    if (!parse_bound(least, &size.least) || !parse_bound(dots ? dots + 2 : least, &size.most)) {
        return false;
    }
    bool is_empty = size.least < 0 && size.most < 0;
    bool is_upside_down = size.most >= 0 && size.least > size.most;
    if (is_empty || is_upside_down || size.most == 0) {
        return false;
    }
    *out = size;
    return true;
}

bool tr_frame_text(const troupe_message_t *message, size_t index, char *buffer, size_t size)
{
    assert(message && buffer && size > 0);
    size_t length = troupe_message_size(message, index);
    if (length >= size) {
        return false;
    }
    memcpy(buffer, troupe_message_data(message, index), length);
    buffer[length] = '\0';
    return strlen(buffer) == length;
}

/* ---- saying ---- */

void tr_deed_done(tr_deed_t deed, bool is_worker, const char *name, const char *what,
                  char *text, size_t size)
{
    assert((size_t)deed < TR_N_DEEDS && name && what && text);
    const char *done =
        !is_worker && deeds[deed].of_pool ? deeds[deed].of_pool : deeds[deed].done;
    snprintf(text, size, "%s %s%s%s", name, done, what[0] ? ": " : "", what);
}

void tr_deed_later(tr_deed_t deed, const char *name, int64_t delay_ms, char *text, size_t size)
{
    assert(tr_deed_may_wait(deed) && name && text);
    char delay[32];
    snprintf(text, size, "%s %s in %s", name, deeds[deed].later,
             tr_text_print_duration(delay_ms, delay, sizeof delay));
}

static void tell_undone(tr_deed_t deed, const char *name, const char *why, char *text,
                        size_t size)
{
    if (deeds[deed].undone) {
        snprintf(text, size, "%s cannot be %s: %s", name, deeds[deed].undone, why);
    } else {
        snprintf(text, size, "%s", why);
    }
}

troupe_outcome_t tr_deed_outcome(tr_deed_t deed, bool is_worker, bool is_roll, const char *name,
                                 const tr_answer_t *answer, char *text, size_t size)
{
    switch (answer->code) {
    case TR_ANSWER_DONE:
        tr_deed_done(deed, is_worker, name, answer->text, text, size);
        return TROUPE_OUTCOME_OK;
    case TR_ANSWER_IGNORED:
        snprintf(text, size, "%s says that it is not needed here", name);
        return TROUPE_OUTCOME_OK;
    case TR_ANSWER_ALREADY_STARTED:
        snprintf(text, size, "there is a child called %s already, and it runs", name);
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_ALREADY_PRESENT:
        snprintf(text, size, "there is a child called %s already: restart or remove it", name);
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_NOT_FOUND:
        snprintf(text, size, "there is no child called %s", name);
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_RUNNING:
    case TR_ANSWER_RESTARTING:
        snprintf(text, size, "%s is %s: terminate it first", name,
                 tr_answer_name(answer->code));
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_FAILED:
        if (deeds[deed].undone) {
            tell_undone(deed, name, answer->text, text, size);
            return TROUPE_OUTCOME_WORKER_LOST; /* it ended while it was on its way out */
        }
        snprintf(text, size, "%s did not start: %s", is_roll ? "a replacement" : name,
                 answer->text);
        return TROUPE_OUTCOME_SPAWN_FAILED;
    case TR_ANSWER_REFUSED:
        tell_undone(deed, name, answer->text, text, size);
        return TROUPE_OUTCOME_BAD_REQUEST;
    case TR_ANSWER_STOPPING:
        break;
    }
    snprintf(text, size, "the supervisor is stopping");
    return TROUPE_OUTCOME_SHUTTING_DOWN;
}
