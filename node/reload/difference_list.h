/* node/reload/difference_list.h - the differences of two mappings as one line
 *
 * "timeout 30s -> 10s, queue.limit 100 -> 200, worker.args". Pure.
 */

#ifndef TROUPE_NODE_RELOAD_DIFFERENCE_LIST_H
#define TROUPE_NODE_RELOAD_DIFFERENCE_LIST_H

#include <stdio.h>

#include "node/config/config.h"
#include "node/config/schema.h"

/* A list in the making. */
typedef struct tr_list {
    FILE *out;
    char *text;
    size_t size;
    bool needs_new_worker; /* one of those listed is what workers are made of */
} tr_list_t;

/* False when out of memory; else tr_list_end is to follow. */
TROUPE_NODISCARD bool tr_list_begin(tr_list_t *list);

/* The text, to be released with free(); NULL when out of memory. */
TROUPE_NODISCARD char *tr_list_end(tr_list_t *list);

/* What is written to `list->out` next is one more item. */
void tr_list_item(tr_list_t *list);

/* The key of this row is different: say from what to what, or, where that is long, only that.
 */
void tr_list_row(tr_list_t *list, const tr_schema_row_t *row, const char *prefix,
                 const void *before, const void *after);

/* All keys that are different, but for lists of mappings; `prefix` comes before each. */
void tr_list_mapping(tr_list_t *list, unsigned where, const char *prefix, bool is_in_worker,
                     const void *before, const void *after);

#endif
