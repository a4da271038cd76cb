/* What is listed of a mapping is what the table has of it, so that no key can be forgotten. */

#include "node/reload/difference_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/config/print.h"

bool tr_list_begin(tr_list_t *list)
{
    *list = (tr_list_t){0};
    list->out = open_memstream(&list->text, &list->size);
    return list->out != NULL;
}

char *tr_list_end(tr_list_t *list)
{
    if (fclose(list->out) != 0) {
        free(list->text);
        return NULL;
    }
    return list->text;
}

void tr_list_item(tr_list_t *list)
{
    fflush(list->out);
    fputs(list->size > 0 ? ", " : "", list->out);
}

/* What its workers are made of; all else is for its router, its pool and its supervisor. */
static bool is_of_worker(const tr_schema_row_t *row, bool is_inside_worker)
{
    return is_inside_worker || strcmp(row->key, "isolation") == 0 ||
           (row->where == TR_IN_CAPABILITY &&
            (strcmp(row->key, "memory") == 0 || strcmp(row->key, "needs") == 0));
}

/* Of what a value is too long to be shown, its being another is said. */
static bool is_shown(const tr_schema_row_t *row)
{
    return row->type != TR_SCHEMA_ARGS && row->type != TR_SCHEMA_WORDS &&
           row->type != TR_SCHEMA_PATTERNS;
}

void tr_list_row(tr_list_t *list, const tr_schema_row_t *row, const char *prefix,
                 const void *before, const void *after)
{
    tr_list_item(list);
    fprintf(list->out, "%s%s", prefix, row->key);
    if (is_shown(row)) {
        fputc(' ', list->out);
        tr_config_show(row, before, list->out);
        fputs(" -> ", list->out);
        tr_config_show(row, after, list->out);
    }
}

/* A window for batches of one is nothing. */
static bool is_idle_window(const tr_schema_row_t *row, const void *before, const void *after)
{
    return (row->where & TR_IN_BATCH) && strcmp(row->key, "window") == 0 &&
           ((const tr_config_child_t *)before)->batch_max <= 1 &&
           ((const tr_config_child_t *)after)->batch_max <= 1;
}

void tr_list_mapping(tr_list_t *list, unsigned where, const char *prefix, bool is_in_worker,
                     const void *before, const void *after)
{
    for (size_t i = 0; i < tr_schema_rows; i++) {
        const tr_schema_row_t *row = &tr_schema[i];
        if (!(row->where & where) || row->type == TR_SCHEMA_CHILDREN ||
            row->type == TR_SCHEMA_LISTENERS || row->type == TR_SCHEMA_ERRANDS ||
            row->type == TR_SCHEMA_PEERS) {
            continue;
        }
        if (row->type == TR_SCHEMA_MAPPING) {
            char inner[96];
            snprintf(inner, sizeof inner, "%s%s.", prefix, row->key);
            tr_list_mapping(
                list, row->inside, inner, is_in_worker || row->inside == TR_IN_WORKER,
                (const char *)before + row->offset, (const char *)after + row->offset);
        } else if (!tr_config_is_equal(row, before, after) &&
                   !is_idle_window(row, before, after)) {
            list->needs_new_worker |= is_of_worker(row, is_in_worker);
            tr_list_row(list, row, prefix, before, after);
        }
    }
}
