/* A handful of pairs: a scan is quicker than a table. */

#include "actors/worker/args.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *troupe_args_get(const troupe_args_t *args, const char *key)
{
    assert(key);
    for (size_t i = 0; args && i < args->n_items; i++) {
        if (strcmp(args->items[i].key, key) == 0) {
            return args->items[i].value;
        }
    }
    return NULL;
}

const char *troupe_args_get_or(const troupe_args_t *args, const char *key, const char *fallback)
{
    const char *value = troupe_args_get(args, key);
    return value ? value : fallback;
}

troupe_status_t troupe_args_number(const troupe_args_t *args, const char *key, int64_t *out)
{
    assert(out);
    const char *value = troupe_args_get(args, key);
    if (!value) {
        return TROUPE_NOT_FOUND;
    }
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0') {
        return TROUPE_ERR_INVALID;
    }
    *out = number;
    return TROUPE_OK;
}
