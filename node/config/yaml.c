/* libyaml composes documents without asking how deep or how large they become, and a composed
 * document no longer knows where an alias stood. So the events are looked at first: they
 * bound the depth, the size with all aliases followed, and the number of anchors (libyaml
 * searches them one by one), find cycles and tags, and have the place of each. Only text that
 * passed is composed.
 *
 * Always true while guarding: depth counts the open containers; n_values counts every node
 * before here, those behind aliases as often as they are named.
 */

#include "node/config/yaml.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Tag directives are searched one by one too; a file of nothing else would take seconds. */
enum { TAG_DIRECTIVES_MAX = 100 };

/* A name for a node, and what naming it costs. */
struct anchor {
    char *name;
    size_t n_values; /* of the node with all below it; while open: those before it */
    size_t height;   /* containers on its longest way down, itself counted */
    bool is_open;    /* we are inside: an alias here would be a cycle */
};

/* A container that has begun and not ended. */
struct container {
    struct anchor *anchor; /* NULL: it has none */
    size_t height;
};

struct guard {
    tr_config_notes_t *notes;
    struct container open[TR_CONFIG_DEPTH_MAX];
    size_t depth;
    size_t n_values;
    struct anchor anchors[TR_CONFIG_ANCHORS_MAX];
    size_t n_anchors;
    size_t n_documents;
    bool is_unsafe; /* what was seen must not be composed */
};

tr_config_place_t tr_config_yaml_place(yaml_mark_t mark)
{
    return (tr_config_place_t){(int)mark.line + 1, (int)mark.column + 1};
}

/* The place of a byte, for what libyaml knows only the offset of. */
static tr_config_place_t place_of_offset(const char *text, size_t size, size_t offset)
{
    tr_config_place_t place = {1, 1};
    for (size_t i = 0; i < size && i < offset; i++) {
        if (text[i] == '\n') {
            place = (tr_config_place_t){place.line + 1, 1};
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

static void note_syntax(tr_config_notes_t *notes, const yaml_parser_t *parser, const char *text,
                        size_t size)
{
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    if (parser->error == YAML_MEMORY_ERROR) {
        notes->nomem = true;
    } else if (parser->error == YAML_READER_ERROR) {
        tr_config_place_t place = place_of_offset(text, size, parser->problem_offset);
        tr_config_notes_problem(notes, place, "%s", problem);
    } else if (parser->context) {
        tr_config_place_t begun = tr_config_yaml_place(parser->context_mark);
        tr_config_notes_problem(notes, tr_config_yaml_place(parser->problem_mark),
                                "%s (%s that begins at %d:%d)", problem, parser->context,
                                begun.line, begun.column);
    } else {
        tr_config_notes_problem(notes, tr_config_yaml_place(parser->problem_mark), "%s",
                                problem);
    }
}

static struct anchor *find_anchor(struct guard *guard, const char *name)
{
    for (size_t i = 0; i < guard->n_anchors; i++) {
        if (strcmp(guard->anchors[i].name, name) == 0) {
            return &guard->anchors[i];
        }
    }
    return NULL;
}

/* Remember the anchor of a node that begins here; *out stays NULL when it has none. */
static bool add_anchor(struct guard *guard, const char *name, tr_config_place_t place,
                       struct anchor **out)
{
    char cut[TR_CONFIG_CUT_BYTES];
    if (!name) {
        return true;
    }
    if (find_anchor(guard, name)) {
        tr_config_notes_problem(guard->notes, place, "the anchor '&%s' is there already",
                                tr_config_cut(name, cut));
        return false;
    }
    if (guard->n_anchors == TR_CONFIG_ANCHORS_MAX) {
        tr_config_notes_problem(guard->notes, place, "more than %d anchors",
                                TR_CONFIG_ANCHORS_MAX);
        return false;
    }
    struct anchor *anchor = &guard->anchors[guard->n_anchors];
    anchor->name = strdup(name);
    if (!anchor->name) {
        guard->notes->nomem = true;
        return false;
    }
    guard->n_anchors++;
    *out = anchor;
    return true;
}

/* Count what stands here: `n_values` nodes that reach `height` containers down. */
static bool count_values(struct guard *guard, size_t n_values, size_t height,
                         tr_config_place_t place)
{
    guard->n_values += n_values;
    if (guard->n_values > TR_CONFIG_VALUES_MAX) {
        tr_config_notes_problem(guard->notes, place,
                                "more than %d values, those behind aliases counted",
                                TR_CONFIG_VALUES_MAX);
        return false;
    }
    if (guard->depth + height > TR_CONFIG_DEPTH_MAX) {
        tr_config_notes_problem(guard->notes, place, "nested more than %d deep",
                                TR_CONFIG_DEPTH_MAX);
        return false;
    }
    if (guard->depth > 0 && guard->open[guard->depth - 1].height < height + 1) {
        guard->open[guard->depth - 1].height = height + 1;
    }
    return true;
}

/* A tag is a problem, yet what it is on can be read. */
static void refuse_tag(struct guard *guard, const yaml_char_t *tag, tr_config_place_t place)
{
    char cut[TR_CONFIG_CUT_BYTES];
    if (tag) {
        tr_config_notes_problem(guard->notes, place, "tags such as '%s' mean nothing here",
                                tr_config_cut((const char *)tag, cut));
    }
}

static bool see_scalar(struct guard *guard, const yaml_event_t *event, tr_config_place_t place)
{
    struct anchor *anchor = NULL;
    refuse_tag(guard, event->data.scalar.tag, place);
    if (!add_anchor(guard, (const char *)event->data.scalar.anchor, place, &anchor)) {
        return false;
    }
    if (anchor) {
        anchor->n_values = 1;
    }
    return count_values(guard, 1, 0, place);
}

static bool see_container(struct guard *guard, const char *name, const yaml_char_t *tag,
                          tr_config_place_t place)
{
    struct anchor *anchor = NULL;
    refuse_tag(guard, tag, place);
    if (!add_anchor(guard, name, place, &anchor)) {
        return false;
    }
    if (anchor) {
        anchor->n_values = guard->n_values;
        anchor->is_open = true;
    }
    if (!count_values(guard, 1, 1, place)) {
        return false;
    }
    guard->open[guard->depth++] = (struct container){anchor, 1};
    return true;
}

static void see_end_of_container(struct guard *guard)
{
    assert(guard->depth > 0);
    const struct container *closed = &guard->open[--guard->depth];
    if (closed->anchor) {
        closed->anchor->is_open = false;
        closed->anchor->height = closed->height;
        closed->anchor->n_values = guard->n_values - closed->anchor->n_values;
    }
    if (guard->depth > 0 && guard->open[guard->depth - 1].height < closed->height + 1) {
        guard->open[guard->depth - 1].height = closed->height + 1;
    }
}

static bool see_alias(struct guard *guard, const char *name, tr_config_place_t place)
{
    char cut[TR_CONFIG_CUT_BYTES];
    const struct anchor *anchor = find_anchor(guard, name);
    if (!anchor) {
        tr_config_notes_problem(guard->notes, place, "no anchor '&%s' stands before this",
                                tr_config_cut(name, cut));
        return false;
    }
    if (anchor->is_open) {
        tr_config_notes_problem(guard->notes, place, "the alias '*%s' contains itself",
                                tr_config_cut(name, cut));
        return false;
    }
    return count_values(guard, anchor->n_values, anchor->height, place);
}

/* A second document is a problem, yet the first is still worth reading. */
static bool see_document(struct guard *guard, tr_config_place_t place)
{
    if (++guard->n_documents == 1) {
        return true;
    }
    tr_config_notes_problem(guard->notes, place, "a second document; a file has one");
    return false;
}

/* False: this cannot be walked safely, and why was noted. */
static bool see_node(struct guard *guard, const yaml_event_t *event, tr_config_place_t place)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return see_alias(guard, (const char *)event->data.alias.anchor, place);
    case YAML_SCALAR_EVENT:
        return see_scalar(guard, event, place);
    case YAML_SEQUENCE_START_EVENT:
        return see_container(guard, (const char *)event->data.sequence_start.anchor,
                             event->data.sequence_start.tag, place);
    case YAML_MAPPING_START_EVENT:
        return see_container(guard, (const char *)event->data.mapping_start.anchor,
                             event->data.mapping_start.tag, place);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        see_end_of_container(guard);
        return true;
    default:
        return true;
    }
}

/* False: nothing behind this event is worth looking at. */
static bool see_event(struct guard *guard, const yaml_event_t *event)
{
    tr_config_place_t place = tr_config_yaml_place(event->start_mark);
    if (event->type == YAML_STREAM_END_EVENT) {
        return false;
    }
    if (event->type == YAML_DOCUMENT_START_EVENT) {
        return see_document(guard, place);
    }
    guard->is_unsafe = !see_node(guard, event, place);
    return !guard->is_unsafe;
}

static bool start_parser(yaml_parser_t *parser, const char *text, size_t size,
                         tr_config_notes_t *notes)
{
    if (!yaml_parser_initialize(parser)) {
        notes->nomem = true;
        return false;
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)text, size);
    return true;
}

/* True when the first document may be composed. */
static bool is_safe(const char *text, size_t size, tr_config_notes_t *notes)
{
    yaml_parser_t parser;
    if (!start_parser(&parser, text, size, notes)) {
        return false;
    }
    struct guard guard = {.notes = notes};
    bool goes_on = true;
    while (goes_on) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            note_syntax(notes, &parser, text, size);
            guard.is_unsafe = true;
            break;
        }
        goes_on = see_event(&guard, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    for (size_t i = 0; i < guard.n_anchors; i++) {
        free(guard.anchors[i].name);
    }
    return !guard.is_unsafe;
}

static bool has_many_tag_directives(const char *text, size_t size)
{
    static const char word[] = "%TAG";
    size_t n_found = 0;
    const char *end = text + size;
    while (n_found <= TAG_DIRECTIVES_MAX) {
        const char *found = memmem(text, (size_t)(end - text), word, sizeof word - 1);
        if (!found) {
            return false;
        }
        n_found++;
        text = found + 1;
    }
    return true;
}

static bool compose(const char *text, size_t size, tr_config_notes_t *notes,
                    yaml_document_t *out)
{
    yaml_parser_t parser;
    if (!start_parser(&parser, text, size, notes)) {
        return false;
    }
    bool done = yaml_parser_load(&parser, out);
    if (!done) {
        note_syntax(notes, &parser, text, size);
    } else if (!yaml_document_get_root_node(out)) {
        tr_config_notes_problem(notes, (tr_config_place_t){1, 1}, "the file is empty");
        yaml_document_delete(out);
        done = false;
    }
    yaml_parser_delete(&parser);
    return done;
}

bool tr_config_yaml_load(const char *text, size_t size, tr_config_notes_t *notes,
                         yaml_document_t *out)
{
    assert((text || size == 0) && notes && out);
    if (size > TR_CONFIG_BYTES_MAX) {
        tr_config_notes_problem(notes, (tr_config_place_t){1, 1}, "larger than %d bytes",
                                TR_CONFIG_BYTES_MAX);
        return false;
    }
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    const char *bytes = text ? text : "";
    if (size >= 3 && memcmp(bytes, byte_order_mark, 3) == 0) {
        bytes += 3;
        size -= 3;
    }
    if (has_many_tag_directives(bytes, size)) {
        tr_config_notes_problem(notes, (tr_config_place_t){1, 1}, "more than %d tag directives",
                                TAG_DIRECTIVES_MAX);
        return false;
    }
    return is_safe(bytes, size, notes) && compose(bytes, size, notes, out);
}
