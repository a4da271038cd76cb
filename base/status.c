/* Every code has its number, name and text in one list (troupe/status.h,
 * troupe/outcome.h); what is here only unrolls it, so that none can be forgotten. A value
 * that is in no list may come from a newer peer or a broken behaviour: it is answered too.
 */

#include <assert.h>
#include <string.h>

#include <troupe/api.h>
#include <troupe/outcome.h>
#include <troupe/status.h>

#define SPELLED(number)                   #number
#define VERSION_TEXT(major, minor, patch) SPELLED(major) "." SPELLED(minor) "." SPELLED(patch)

const char *troupe_version(void)
{
    return VERSION_TEXT(TROUPE_VERSION_MAJOR, TROUPE_VERSION_MINOR, TROUPE_VERSION_PATCH);
}

/* The preprocessor cannot write small letters. A code without its line here does not compile.
 */
#define LOWER_OK           "ok"
#define LOWER_TIMEOUT      "timeout"
#define LOWER_FULL         "full"
#define LOWER_NOT_FOUND    "not_found"
#define LOWER_CLOSED       "closed"
#define LOWER_LIMIT        "limit"
#define LOWER_EXISTS       "exists"
#define LOWER_INTERRUPTED  "interrupted"
#define LOWER_FORBIDDEN    "forbidden"
#define LOWER_ERR_NOMEM    "err_nomem"
#define LOWER_ERR_INVALID  "err_invalid"
#define LOWER_ERR_PROTOCOL "err_protocol"
#define LOWER_ERR_IO       "err_io"

const char *troupe_status_name(troupe_status_t status)
{
    switch (status) {
#define X(name, value, text)                                                                   \
    case TROUPE_##name:                                                                        \
        return LOWER_##name;
        TROUPE_STATUS_MAP(X)
#undef X
    }
    return "unknown";
}

const char *troupe_status_text(troupe_status_t status)
{
    switch (status) {
#define X(name, value, text)                                                                   \
    case TROUPE_##name:                                                                        \
        return text;
        TROUPE_STATUS_MAP(X)
#undef X
    }
    return "a status that this version does not know";
}

static const struct outcome_entry {
    const char *name;
    const char *text;
    const char *advice;
    bool is_retryable;
} outcomes[] = {
#define X(NAME, name, retryable, text, advice) {#name, text, advice, retryable},
    TROUPE_OUTCOME_MAP(X)
#undef X
};

/* What nobody knows is a bug somewhere, and that is what `internal` says. */
static const struct outcome_entry *entry_of(troupe_outcome_t outcome)
{
    size_t index = (size_t)outcome;
    return &outcomes[index < TROUPE_N_OUTCOMES ? index : TROUPE_OUTCOME_INTERNAL];
}

const char *troupe_outcome_name(troupe_outcome_t outcome)
{
    return entry_of(outcome)->name;
}

const char *troupe_outcome_text(troupe_outcome_t outcome)
{
    return entry_of(outcome)->text;
}

const char *troupe_outcome_advice(troupe_outcome_t outcome)
{
    return entry_of(outcome)->advice;
}

bool troupe_outcome_is_retryable(troupe_outcome_t outcome)
{
    return entry_of(outcome)->is_retryable;
}

bool troupe_outcome_parse(const char *name, troupe_outcome_t *out)
{
    assert(name && out);
    for (size_t i = 0; i < TROUPE_N_OUTCOMES; i++) {
        if (strcmp(outcomes[i].name, name) == 0) {
            *out = (troupe_outcome_t)i;
            return true;
        }
    }
    return false;
}
