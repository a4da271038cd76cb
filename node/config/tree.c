/* One function reads every mapping: it walks the keys that are there, then the rows of the
 * table, so a key is either known to the table or a problem, and a row is either in the file
 * or filled with its default. Only lists, arguments and the kind of a child need code of
 * their own.
 *
 * Arrays are made at their full length before they are filled: a field has one address for
 * good, and the notes know it by that.
 */

#include "node/config/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/config/schema.h"
#include "node/config/value.h"
#include "node/config/yaml.h"

struct reader {
    yaml_document_t *document;
    tr_config_notes_t *notes;
};

/* A key of a mapping, for finding those that are there twice. */
struct key {
    const char *text;
    tr_config_place_t place;
    size_t index;
};

static void read_mapping(struct reader *reader, unsigned where, const yaml_node_t *node,
                         void *base);

static const yaml_node_t *node_at(struct reader *reader, int index)
{
    return yaml_document_get_node(reader->document, index);
}

static size_t count_pairs(const yaml_node_t *mapping)
{
    return (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
}

/* `n` zeroed elements; NULL when n is 0 or the notes now say that memory is out. */
static void *make_array(struct reader *reader, size_t n, size_t size)
{
    void *array = n > 0 ? calloc(n, size) : NULL;
    reader->notes->nomem |= n > 0 && !array;
    return array;
}

/* The text of a key, borrowed; NULL when a problem was noted. */
static const char *key_text(struct reader *reader, const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;
    if (node->type == YAML_SCALAR_NODE && strlen(text) == node->data.scalar.length) {
        return text;
    }
    tr_config_notes_problem(reader->notes, tr_config_yaml_place(node->start_mark),
                            node->type == YAML_SCALAR_NODE ? "a key contains a NUL byte"
                                                           : "a key must be text");
    return NULL;
}

static void note_stray_key(struct reader *reader, unsigned where, const char *key,
                           tr_config_place_t place)
{
    char cut[TR_CONFIG_CUT_BYTES];
    tr_config_cut(key, cut);
    const tr_schema_row_t *elsewhere = tr_schema_find(TR_IN_ANY, key);
    const char *nearest =
        tr_config_notes_may_guess(reader->notes) ? tr_schema_nearest(where, key) : NULL;
    bool is_misplaced = elsewhere && elsewhere->type != TR_SCHEMA_LATER;
    tr_config_notes_problem(
        reader->notes, place, "%s '%s'%s%s%s%s%s", is_misplaced ? "key" : "unknown key", cut,
        is_misplaced ? " does not belong in " : "", is_misplaced ? tr_schema_where(where) : "",
        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* Sort the values of a mapping by row: values[i] is what the row i has in the file. */
static void collect_values(struct reader *reader, unsigned where, const yaml_node_t *mapping,
                           const yaml_node_t *values[TR_SCHEMA_ROWS_MAX])
{
    const yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start;
    for (size_t i = 0; i < count_pairs(mapping); i++) {
        const yaml_node_t *node = node_at(reader, pairs[i].key);
        const char *key = key_text(reader, node);
        if (!key) {
            continue;
        }
        tr_config_place_t place = tr_config_yaml_place(node->start_mark);
        const tr_schema_row_t *row = tr_schema_find(where, key);
        if (!row) {
            note_stray_key(reader, where, key, place);
        } else if (row->type == TR_SCHEMA_LATER) {
            tr_config_notes_problem(reader->notes, place,
                                    "key '%s' is not available in this version", key);
        } else if (values[row - tr_schema]) {
            tr_config_notes_problem(reader->notes, place, "key '%s' is there twice", key);
        } else {
            values[row - tr_schema] = node_at(reader, pairs[i].value);
        }
    }
}

static int by_text(const void *one, const void *other)
{
    const struct key *a = one;
    const struct key *b = other;
    int order = strcmp(a->text, b->text);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static void note_twins(struct reader *reader, struct key *keys, size_t n_keys)
{
    char cut[TR_CONFIG_CUT_BYTES];
    if (n_keys > 1) {
        qsort(keys, n_keys, sizeof *keys, by_text);
    }
    for (size_t i = 1; i < n_keys; i++) {
        if (strcmp(keys[i - 1].text, keys[i].text) == 0) {
            tr_config_notes_problem(reader->notes, keys[i].place,
                                    "argument '%s' is there twice",
                                    tr_config_cut(keys[i].text, cut));
        }
    }
}

/* One argument; false when a problem was noted and nothing was filled. */
static bool read_arg(struct reader *reader, const yaml_node_pair_t *pair, struct key *key,
                     tr_config_arg_t *out)
{
    const yaml_node_t *node = node_at(reader, pair->key);
    key->text = key_text(reader, node);
    if (!key->text) {
        return false;
    }
    key->place = tr_config_yaml_place(node->start_mark);
    if (key->text[0] == '\0') {
        tr_config_notes_problem(reader->notes, key->place, "an argument needs a name");
        return false;
    }
    char cut[TR_CONFIG_CUT_BYTES];
    char *value = tr_config_value_text(reader->notes, node_at(reader, pair->value),
                                       tr_config_cut(key->text, cut), "text or a number");
    out->value = value;
    out->key = value ? strdup(key->text) : NULL;
    if (value) {
        tr_config_notes_mark(reader->notes, &out->key, key->place, true);
        tr_config_notes_mark(reader->notes, &out->value,
                             tr_config_yaml_place(node_at(reader, pair->value)->start_mark),
                             true);
    }
    reader->notes->nomem |= value && !out->key;
    return value;
}

static void read_args(struct reader *reader, const tr_schema_row_t *row,
                      const yaml_node_t *node, void *base)
{
    tr_config_args_t *args = (void *)((char *)base + row->offset);
    tr_config_notes_mark(reader->notes, args, tr_config_yaml_place(node->start_mark), true);
    if (node->type != YAML_MAPPING_NODE) {
        tr_config_value_refuse(reader->notes, node, row->key, "a mapping");
        return;
    }
    size_t n_pairs = count_pairs(node);
    struct key *keys = make_array(reader, n_pairs, sizeof *keys);
    args->items = make_array(reader, n_pairs, sizeof *args->items);
    size_t n_keys = 0;
    for (size_t i = 0; keys && args->items && i < n_pairs; i++) {
        struct key *key = &keys[n_keys];
        key->index = i;
        if (read_arg(reader, &node->data.mapping.pairs.start[i], key, &args->items[args->n])) {
            args->n++;
        }
        n_keys += key->text && key->text[0];
    }
    note_twins(reader, keys, n_keys);
    free(keys);
}

static void read_words(struct reader *reader, const tr_schema_row_t *row,
                       const yaml_node_t *node, void *base)
{
    tr_config_words_t *words = (void *)((char *)base + row->offset);
    tr_config_place_t place = tr_config_yaml_place(node->start_mark);
    tr_config_notes_mark(reader->notes, words, place, node->type == YAML_SEQUENCE_NODE);
    if (node->type != YAML_SEQUENCE_NODE) {
        tr_config_value_refuse(reader->notes, node, row->key, "a list of texts");
        return;
    }
    const yaml_node_item_t *items = node->data.sequence.items.start;
    size_t n_items = (size_t)(node->data.sequence.items.top - items);
    if (n_items == 0 && row->type == TR_SCHEMA_WORDS) {
        tr_config_notes_problem(reader->notes, place, "'%s' must not be empty", row->key);
    }
    words->items = make_array(reader, n_items, sizeof *words->items);
    for (size_t i = 0; words->items && i < n_items; i++) {
        char *word = tr_config_value_text(reader->notes, node_at(reader, items[i]), row->key,
                                          "a list of texts");
        if (word) {
            words->items[words->n++] = word;
        }
    }
}

/* Which TR_IN_... a child is, by its first key that names a kind; 0 when it has none. */
static unsigned find_kind(struct reader *reader, const yaml_node_t *mapping)
{
    const yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start;
    for (size_t i = 0; i < count_pairs(mapping); i++) {
        const yaml_node_t *key = node_at(reader, pairs[i].key);
        const tr_schema_row_t *row =
            key->type == YAML_SCALAR_NODE
                ? tr_schema_find(TR_IN_CHILD, (const char *)key->data.scalar.value)
                : NULL;
        if (row && row->type == TR_SCHEMA_NAME) {
            return row->where;
        }
    }
    return 0;
}

static void read_child(struct reader *reader, const yaml_node_t *node, tr_config_child_t *child)
{
    child->place = tr_config_yaml_place(node->start_mark);
    child->kind = TR_CONFIG_SUPERVISOR; /* nothing but a name, until we know better */
    if (node->type != YAML_MAPPING_NODE) {
        tr_config_value_refuse(reader->notes, node, "children", "a list of mappings");
        return;
    }
    unsigned where = find_kind(reader, node);
    if (where == 0) {
        const yaml_node_t *unread[TR_SCHEMA_ROWS_MAX] = {0};
        tr_config_notes_problem(reader->notes, child->place,
                                "a child needs 'capability', 'supervisor' or 'actor'");
        collect_values(reader, TR_IN_CHILD, node, unread);
        return;
    }
    if (where != TR_IN_SUPERVISOR) {
        child->kind = where == TR_IN_CAPABILITY ? TR_CONFIG_CAPABILITY : TR_CONFIG_ACTOR;
    }
    read_mapping(reader, where, node, child);
}

static void read_listener(struct reader *reader, const yaml_node_t *node,
                          tr_config_listener_t *listener)
{
    listener->place = tr_config_yaml_place(node->start_mark);
    if (node->type == YAML_MAPPING_NODE) {
        read_mapping(reader, TR_IN_LISTENER, node, listener);
        return;
    }
    read_mapping(reader, TR_IN_LISTENER, NULL, listener);
    tr_config_value_read(reader->notes, tr_schema_find(TR_IN_LISTENER, "endpoint"), node,
                         listener);
}

static void read_children(struct reader *reader, const yaml_node_t *list,
                          tr_config_child_t *parent)
{
    const yaml_node_item_t *items = list->data.sequence.items.start;
    size_t n_items = (size_t)(list->data.sequence.items.top - items);
    parent->children = make_array(reader, n_items, sizeof *parent->children);
    for (size_t i = 0; parent->children && i < n_items; i++) {
        parent->n_children++;
        read_child(reader, node_at(reader, items[i]), &parent->children[i]);
    }
}

static void read_listeners(struct reader *reader, const yaml_node_t *list, tr_config_t *config)
{
    const yaml_node_item_t *items = list->data.sequence.items.start;
    size_t n_items = (size_t)(list->data.sequence.items.top - items);
    config->listeners = make_array(reader, n_items, sizeof *config->listeners);
    for (size_t i = 0; config->listeners && i < n_items; i++) {
        config->n_listeners++;
        read_listener(reader, node_at(reader, items[i]), &config->listeners[i]);
    }
}

static void read_errand(struct reader *reader, const yaml_node_t *node,
                        tr_config_errand_t *errand)
{
    errand->place = tr_config_yaml_place(node->start_mark);
    if (node->type == YAML_MAPPING_NODE) {
        read_mapping(reader, TR_IN_ERRAND, node, errand);
    } else {
        tr_config_value_refuse(reader->notes, node, "schedule", "a list of mappings");
    }
    tr_config_notes_mark(reader->notes, errand, errand->place, node->type == YAML_MAPPING_NODE);
}

static void read_errands(struct reader *reader, const yaml_node_t *list, tr_config_t *config)
{
    const yaml_node_item_t *items = list->data.sequence.items.start;
    size_t n_items = (size_t)(list->data.sequence.items.top - items);
    config->schedule = make_array(reader, n_items, sizeof *config->schedule);
    for (size_t i = 0; config->schedule && i < n_items; i++) {
        config->n_errands++;
        read_errand(reader, node_at(reader, items[i]), &config->schedule[i]);
    }
}

static void read_peer(struct reader *reader, const yaml_node_t *node, tr_config_peer_t *peer)
{
    peer->place = tr_config_yaml_place(node->start_mark);
    if (node->type == YAML_MAPPING_NODE) {
        read_mapping(reader, TR_IN_PEER, node, peer);
    } else {
        tr_config_value_refuse(reader->notes, node, "peers", "a list of mappings");
    }
}

static void read_peers(struct reader *reader, const yaml_node_t *list, tr_config_t *config)
{
    const yaml_node_item_t *items = list->data.sequence.items.start;
    size_t n_items = (size_t)(list->data.sequence.items.top - items);
    config->peers = make_array(reader, n_items, sizeof *config->peers);
    for (size_t i = 0; config->peers && i < n_items; i++) {
        config->n_peers++;
        read_peer(reader, node_at(reader, items[i]), &config->peers[i]);
    }
}

static void read_list(struct reader *reader, const tr_schema_row_t *row,
                      const yaml_node_t *node, void *base)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        tr_config_value_refuse(reader->notes, node, row->key, "a list");
    } else if (row->type == TR_SCHEMA_CHILDREN) {
        read_children(reader, node, base);
    } else if (row->type == TR_SCHEMA_ERRANDS) {
        read_errands(reader, node, base);
    } else if (row->type == TR_SCHEMA_PEERS) {
        read_peers(reader, node, base);
    } else {
        read_listeners(reader, node, base);
    }
}

static void read_part(struct reader *reader, const tr_schema_row_t *row,
                      const yaml_node_t *node, void *base)
{
    void *part = (char *)base + row->offset;
    if (row->inside == TR_IN_WORKER) {
        ((tr_config_child_t *)part)->has_worker = true;
    }
    if (row->inside == TR_IN_ROOT) {
        ((tr_config_child_t *)part)->place = tr_config_yaml_place(node->start_mark);
    } else if (row->inside == TR_IN_WORKER && node->type == YAML_MAPPING_NODE) {
        ((tr_config_child_t *)part)->worker_place = tr_config_yaml_place(node->start_mark);
    }
    if (node->type != YAML_MAPPING_NODE) {
        tr_config_value_refuse(reader->notes, node, row->key, "a mapping");
        node = NULL;
    }
    read_mapping(reader, row->inside, node, part);
}

static void read_row(struct reader *reader, const tr_schema_row_t *row, const yaml_node_t *node,
                     void *base)
{
    switch (row->type) {
    case TR_SCHEMA_MAPPING:
        read_part(reader, row, node, base);
        break;
    case TR_SCHEMA_LISTENERS:
    case TR_SCHEMA_CHILDREN:
    case TR_SCHEMA_ERRANDS:
    case TR_SCHEMA_PEERS:
        read_list(reader, row, node, base);
        break;
    case TR_SCHEMA_ARGS:
        read_args(reader, row, node, base);
        break;
    case TR_SCHEMA_WORDS:
    case TR_SCHEMA_PATTERNS:
        read_words(reader, row, node, base);
        break;
    default:
        tr_config_value_read(reader->notes, row, node, base);
        break;
    }
}

/* Fill what one mapping describes; with a NULL node, the defaults alone. */
static void read_mapping(struct reader *reader, unsigned where, const yaml_node_t *node,
                         void *base)
{
    const yaml_node_t *values[TR_SCHEMA_ROWS_MAX] = {0};
    if (node) {
        collect_values(reader, where, node, values);
    }
    for (size_t i = 0; i < tr_schema_rows; i++) {
        const tr_schema_row_t *row = &tr_schema[i];
        if (!(row->where & where)) {
            continue;
        }
        if (values[i]) {
            read_row(reader, row, values[i], base);
        } else if (row->required && node) {
            tr_config_notes_problem(reader->notes, tr_config_yaml_place(node->start_mark),
                                    "key '%s' is missing", row->key);
        } else if (row->type != TR_SCHEMA_MAPPING) {
            tr_config_value_default(reader->notes, row, base);
        } else if (!row->required && !row->optional) {
            read_mapping(reader, row->inside, NULL, (char *)base + row->offset);
        }
    }
}

void tr_config_tree_read(tr_config_notes_t *notes, yaml_document_t *document, tr_config_t *out)
{
    assert(notes && document && out);
    struct reader reader = {document, notes};
    const yaml_node_t *root = yaml_document_get_root_node(document);
    out->root.kind = TR_CONFIG_SUPERVISOR;
    if (root->type == YAML_MAPPING_NODE) {
        read_mapping(&reader, TR_IN_FILE, root, out);
    } else {
        tr_config_notes_problem(notes, tr_config_yaml_place(root->start_mark),
                                "the file must be a mapping that begins with 'troupe: 1'");
    }
}

void tr_config_tree_read_child(tr_config_notes_t *notes, yaml_document_t *document,
                               tr_config_t *out)
{
    assert(notes && document && out);
    struct reader reader = {document, notes};
    out->root.kind = TR_CONFIG_SUPERVISOR;
    out->root.auto_shutdown = TR_CONFIG_SHUTDOWN_ANY; /* its own, nobody here knows */
    out->root.children = make_array(&reader, 1, sizeof *out->root.children);
    if (out->root.children) {
        out->root.n_children = 1;
        read_child(&reader, yaml_document_get_root_node(document), out->root.children);
    }
}
