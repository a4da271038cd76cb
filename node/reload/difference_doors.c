/* Peers are known by their names, listeners by their endpoints. */

#include "node/reload/difference_doors.h"

#include <string.h>

#include "node/config/print.h"

/* ---- listeners ---- */

/* NULL: it does not listen there. */
static const tr_config_listener_t *same_listener(const tr_config_t *config,
                                                 const tr_config_listener_t *listener)
{
    for (size_t i = 0; i < config->n_listeners; i++) {
        if (strcmp(config->listeners[i].endpoint, listener->endpoint) == 0) {
            return &config->listeners[i];
        }
    }
    return NULL;
}

static void list_one_side(tr_list_t *list, const char *what, const tr_config_t *here,
                          const tr_config_t *there)
{
    for (size_t i = 0; i < here->n_listeners; i++) {
        if (!same_listener(there, &here->listeners[i])) {
            tr_list_item(list);
            fprintf(list->out, "%s %s", what, here->listeners[i].endpoint);
        }
    }
}

static bool is_other(const tr_schema_row_t *row, const void *before, const void *after)
{
    if (row->type != TR_SCHEMA_MAPPING) {
        return !tr_config_is_equal(row, before, after);
    }
    bool is_found = false;
    for (size_t i = 0; !is_found && i < tr_schema_rows; i++) {
        is_found = (tr_schema[i].where & row->inside) &&
                   is_other(&tr_schema[i], (const char *)before + row->offset,
                            (const char *)after + row->offset);
    }
    return is_found;
}

static void list_other_keys(tr_list_t *list, const tr_config_listener_t *before,
                            const tr_config_listener_t *after)
{
    for (size_t i = 0; i < tr_schema_rows; i++) {
        const tr_schema_row_t *row = &tr_schema[i];
        if (!(row->where & TR_IN_LISTENER) || !is_other(row, before, after)) {
            continue;
        }
        if (strcmp(row->key, "security") == 0) {
            tr_list_row(list, row, "", before, after);
            fprintf(list->out, " at %s, which is opened anew", after->endpoint);
        } else {
            tr_list_item(list);
            fprintf(list->out, "other %s at %s", row->key, after->endpoint);
        }
    }
}

void tr_list_listeners(tr_list_t *list, const tr_config_t *before, const tr_config_t *after)
{
    list_one_side(list, "no more at", before, after);
    list_one_side(list, "from now on at", after, before);
    for (size_t i = 0; i < after->n_listeners; i++) {
        const tr_config_listener_t *once = same_listener(before, &after->listeners[i]);
        if (once) {
            list_other_keys(list, once, &after->listeners[i]);
        }
    }
    if (before->limit_connections != after->limit_connections ||
        before->limit_open != after->limit_open ||
        before->limit_queue_bytes != after->limit_queue_bytes) {
        tr_list_item(list);
        fputs("other limits of the node", list->out);
    }
}

/* ---- security ---- */

static const tr_config_peer_t *peer_named(const tr_config_t *config, const char *name)
{
    for (size_t i = 0; i < config->n_peers; i++) {
        if (strcmp(config->peers[i].name, name) == 0) {
            return &config->peers[i];
        }
    }
    return NULL;
}

static void list_key(tr_list_t *list, const tr_config_t *before, const tr_config_t *after)
{
    const tr_schema_row_t *row = tr_schema_find(TR_IN_SECURITY, "key");
    if (!tr_config_is_equal(row, before, after)) {
        tr_list_row(list, row, "", before, after);
    } else if (before->node_key[0] && after->node_key[0] &&
               strcmp(before->node_key, after->node_key) != 0) {
        tr_list_item(list);
        fprintf(list->out, "another key in \"%s\"", after->security_key);
    }
}

void tr_list_security(tr_list_t *list, const tr_config_t *before, const tr_config_t *after)
{
    list_key(list, before, after);
    for (size_t i = 0; i < before->n_peers; i++) {
        if (!peer_named(after, before->peers[i].name)) {
            tr_list_item(list);
            fprintf(list->out, "no more %s", before->peers[i].name);
        }
    }
    for (size_t i = 0; i < after->n_peers; i++) {
        const tr_config_peer_t *now = &after->peers[i];
        const tr_config_peer_t *once = peer_named(before, now->name);
        if (!once) {
            tr_list_item(list);
            fprintf(list->out, "from now on %s", now->name);
        }
        for (size_t row = 0; once && row < tr_schema_rows; row++) {
            if ((tr_schema[row].where & TR_IN_PEER) && is_other(&tr_schema[row], once, now)) {
                tr_list_item(list);
                fprintf(list->out, "other %s of %s", tr_schema[row].key, now->name);
            }
        }
    }
}
