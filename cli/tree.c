/* `troupe tree`: the node's own account of itself, drawn. The account may be of any shape, for
 * it comes from outside and from other versions: what is missing leaves a cell empty, and what
 * the tree does not mention is drawn after it, so that nothing is lost.
 */

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/document.h"
#include "cli/figures.h"
#include "cli/heading.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs.h"

enum {
    NAME_LENGTH = 64, /* characters of a cell */
    REASON_LENGTH = 300,
    BRANCH_BYTES = 7, /* "|  " with box characters */
    PREFIX_BYTES = (CLI_MAX_DEPTH + 2) * BRANCH_BYTES,
    ANSWER_TIMEOUT_MS = 5000,
};

static const cli_option_t options[] = {
    {'t', "timeout", "TIME", "how long the node may take to answer (default 5s)"},
    {CLI_KEY_JSON, "json", NULL, "print all that is known as one JSON object"},
    CLI_TARGET_OPTIONS,
    {0},
};

enum column {
    COLUMN_NAME,
    COLUMN_KIND,
    COLUMN_STATE,
    COLUMN_QUEUE,
    COLUMN_PENDING,
    COLUMN_DONE,
    COLUMN_RATE,
    COLUMN_RESTARTS,
    COLUMN_MEMORY,
    COLUMN_REASON,
    N_COLUMNS
};

static const cli_column_t columns[N_COLUMNS] = {
    [COLUMN_NAME] = {"NAME", false},      [COLUMN_KIND] = {"KIND", false},
    [COLUMN_STATE] = {"STATE", false},    [COLUMN_QUEUE] = {"QUEUE", true},
    [COLUMN_PENDING] = {"PENDING", true}, [COLUMN_DONE] = {"DONE", true},
    [COLUMN_RATE] = {"MSG/S", true},      [COLUMN_RESTARTS] = {"RESTARTS", true},
    [COLUMN_MEMORY] = {"MEMORY", true},   [COLUMN_REASON] = {"REASON", false},
};

/* One entry of `capabilities`. Drawn once, however often the tree names it. */
typedef struct capability {
    const msgpack_object *object;
    msgpack_object_str name;
    bool is_drawn;
} capability_t;

typedef struct drawing {
    cli_table_t *table;
    capability_t *capabilities; /* as they came */
    capability_t **by_name;
    size_t n_capabilities;
} drawing_t;

/* Where a row hangs: what its own line begins with, and those of its children. */
typedef struct place {
    char own[PREFIX_BYTES];
    char below[PREFIX_BYTES];
} place_t;

/* ---- capabilities by name ---- */

static int compare_names(const msgpack_object_str *one, const msgpack_object_str *other)
{
    uint32_t shorter = one->size < other->size ? one->size : other->size;
    int order = shorter ? memcmp(one->ptr, other->ptr, shorter) : 0;
    return order ? order : (one->size > other->size) - (one->size < other->size);
}

static int compare_capabilities(const void *one, const void *other)
{
    const capability_t *first = *(capability_t *const *)one;
    const capability_t *second = *(capability_t *const *)other;
    return compare_names(&first->name, &second->name);
}

static int compare_key(const void *key, const void *capability)
{
    return compare_names(key, &(*(capability_t *const *)capability)->name);
}

static void gather_capabilities(drawing_t *drawing, const msgpack_object *state)
{
    msgpack_object_array array = cli_member_array(state, "capabilities");
    drawing->capabilities = cli_need(calloc(array.size + 1u, sizeof(capability_t)));
    drawing->by_name = cli_need(calloc(array.size + 1u, sizeof(capability_t *)));
    drawing->n_capabilities = array.size;
    for (uint32_t i = 0; i < array.size; i++) {
        const msgpack_object *name = cli_member(&array.ptr[i], "name");
        capability_t *capability = &drawing->capabilities[i];
        capability->object = &array.ptr[i];
        if (name && name->type == MSGPACK_OBJECT_STR) {
            capability->name = name->via.str;
        }
        drawing->by_name[i] = capability;
    }
    qsort(drawing->by_name, array.size, sizeof(capability_t *), compare_capabilities);
}

/* The entry that belongs to a node of the tree; NULL when there is none, or it was drawn. */
static capability_t *find_capability(const drawing_t *drawing, const msgpack_object *node)
{
    const msgpack_object *name = cli_member(node, "name");
    if (!name || name->type != MSGPACK_OBJECT_STR) {
        return NULL;
    }
    capability_t **found = bsearch(&name->via.str, drawing->by_name, drawing->n_capabilities,
                                   sizeof(capability_t *), compare_key);
    return found && !(*found)->is_drawn ? *found : NULL;
}

/* ---- cells ---- */

static void set_text(drawing_t *drawing, enum column column, const msgpack_object *object,
                     const char *key)
{
    char *text =
        cli_member_text(object, key, column == COLUMN_REASON ? REASON_LENGTH : NAME_LENGTH);
    cli_table_set(drawing->table, column,
                  column == COLUMN_STATE ? cli_state_colour(text) : CLI_PLAIN, text);
    free(text);
}

static void set_memory(drawing_t *drawing, const msgpack_object *object)
{
    uint64_t bytes;
    if (cli_member_number(object, "memory", &bytes) && bytes > 0) {
        char text[CLI_FIGURE];
        cli_show_size((double)bytes, text);
        cli_table_set(drawing->table, COLUMN_MEMORY, CLI_PLAIN, text);
    }
}

/* Begin a row with what all rows have. */
static void begin_row(drawing_t *drawing, const place_t *place, const msgpack_object *object,
                      const char *name_key)
{
    cli_table_begin(drawing->table);
    char *name = cli_member_text(object, name_key, NAME_LENGTH);
    char cell[PREFIX_BYTES + NAME_LENGTH * 4 + 8];
    snprintf(cell, sizeof cell, "%s%s", place->own, *name ? name : "?");
    cli_table_set(drawing->table, COLUMN_NAME, CLI_PLAIN, cell);
    free(name);
    set_text(drawing, COLUMN_STATE, object, "state");
    set_text(drawing, COLUMN_RESTARTS, object, "restarts");
    set_text(drawing, COLUMN_REASON, object, "reason");
}

/* Two words of a row's kind: "supervisor one_for_one", "process 812". */
static void set_kind(drawing_t *drawing, const char *first, const char *second)
{
    char kind[2 * NAME_LENGTH * 4 + 16];
    snprintf(kind, sizeof kind, "%s%s%s", first, *first && *second ? " " : "", second);
    cli_table_set(drawing->table, COLUMN_KIND, CLI_PLAIN, kind);
}

/* ---- rows ---- */

static place_t place_under(const place_t *parent, bool is_last)
{
    bool utf8 = cli_can_show_utf8();
    const char *branch = is_last ? (utf8 ? "└─ " : "`- ") : (utf8 ? "├─ " : "|- ");
    const char *trunk = is_last ? "   " : (utf8 ? "│  " : "|  ");
    place_t place;
    snprintf(place.own, sizeof place.own, "%s", parent->below);
    snprintf(place.below, sizeof place.below, "%s", parent->below);
    strncat(place.own, branch, sizeof place.own - strlen(place.own) - 1);
    strncat(place.below, trunk, sizeof place.below - strlen(place.below) - 1);
    return place;
}

static void draw_worker(drawing_t *drawing, const place_t *place, const msgpack_object *worker)
{
    begin_row(drawing, place, worker, "id");
    char *isolation = cli_member_text(worker, "isolation", NAME_LENGTH);
    char *pid = cli_member_text(worker, "pid", NAME_LENGTH);
    bool has_process = strcmp(isolation, "process") == 0 && strcmp(pid, "0") != 0;
    set_kind(drawing, isolation, has_process ? pid : "");
    free(isolation);
    free(pid);
    set_text(drawing, COLUMN_PENDING, worker, "pending");
    set_text(drawing, COLUMN_DONE, worker, "done");
    set_memory(drawing, worker);
}

/* Fill the row of a capability from its entry, and hang its workers under it. */
static void draw_capability(drawing_t *drawing, const place_t *place, capability_t *capability,
                            bool more_follows)
{
    const msgpack_object *object = capability->object;
    capability->is_drawn = true;
    set_text(drawing, COLUMN_STATE, object, "state");
    set_text(drawing, COLUMN_QUEUE, object, "queue");
    set_text(drawing, COLUMN_PENDING, object, "pending");
    set_text(drawing, COLUMN_REASON, object, "reason");

    uint64_t min;
    uint64_t max;
    char size[64] = "";
    if (cli_member_number(object, "min", &min) && cli_member_number(object, "max", &max)) {
        snprintf(size, sizeof size, "%" PRIu64 "..%" PRIu64, min, max);
    }
    set_kind(drawing, "capability", size);

    msgpack_object_array workers = cli_member_array(object, "workers");
    for (uint32_t i = 0; i < workers.size; i++) {
        place_t below = place_under(place, !more_follows && i + 1 == workers.size);
        draw_worker(drawing, &below, &workers.ptr[i]);
    }
}

/* A pool's workers stand in its capability's entry, with more to say than in the tree. */
static bool is_drawn_elsewhere(const msgpack_object *child, const capability_t *capability)
{
    const msgpack_object *kind = cli_member(child, "kind");
    return capability && kind && kind->type == MSGPACK_OBJECT_STR &&
           kind->via.str.size == strlen("worker") &&
           memcmp(kind->via.str.ptr, "worker", strlen("worker")) == 0;
}

/* One past the last child that is to be drawn; 0: none is. */
static uint32_t end_of_children(const msgpack_object_array *children,
                                const capability_t *capability)
{
    uint32_t end = children->size;
    while (end > 0 && is_drawn_elsewhere(&children->ptr[end - 1], capability)) {
        end--;
    }
    return end;
}

/* Of a plain actor: what waits for it stands where a capability's queue does, what it has taken
 * where a worker's requests do. Absent of all others. */
static void set_messages(drawing_t *drawing, const msgpack_object *node)
{
    set_text(drawing, COLUMN_QUEUE, node, "mailbox");
    set_text(drawing, COLUMN_DONE, node, "messages");
    set_text(drawing, COLUMN_RATE, node, "rate");
}

static void draw_node(drawing_t *drawing, const place_t *place, const msgpack_object *node)
{
    begin_row(drawing, place, node, "name");
    char *kind = cli_member_text(node, "kind", NAME_LENGTH);
    char *strategy = cli_member_text(node, "strategy", NAME_LENGTH);
    set_kind(drawing, kind, strategy);
    capability_t *capability =
        strcmp(kind, "capability") == 0 ? find_capability(drawing, node) : NULL;
    free(kind);
    free(strategy);
    set_messages(drawing, node);

    msgpack_object_array children = cli_member_array(node, "children");
    uint32_t end = end_of_children(&children, capability);
    if (capability) {
        draw_capability(drawing, place, capability, end > 0);
    }
    for (uint32_t i = 0; i < end; i++) {
        if (!is_drawn_elsewhere(&children.ptr[i], capability)) {
            place_t below = place_under(place, i + 1 == end);
            draw_node(drawing, &below, &children.ptr[i]);
        }
    }
}

static void draw_rest(drawing_t *drawing)
{
    const place_t top = {"", ""};
    for (size_t i = 0; i < drawing->n_capabilities; i++) {
        capability_t *capability = &drawing->capabilities[i];
        if (!capability->is_drawn) {
            begin_row(drawing, &top, capability->object, "name");
            draw_capability(drawing, &top, capability, false);
        }
    }
}

/* ---- the whole ---- */

static void print_heading(const msgpack_object *state)
{
    char *boot = cli_member_text(state, "boot", NAME_LENGTH);
    char more[NAME_LENGTH * 4 + 16] = "";
    if (*boot) {
        snprintf(more, sizeof more, ", boot %s", boot);
    }
    cli_heading_print(stdout, state, more);
    cli_heading_reasons(stdout, state);
    free(boot);
}

static void draw(const msgpack_object *state)
{
    drawing_t drawing = {.table = cli_table_new(columns, N_COLUMNS)};
    gather_capabilities(&drawing, state);

    const place_t top = {"", ""};
    const msgpack_object *root = cli_member(state, "tree");
    print_heading(state);
    if (root && root->type == MSGPACK_OBJECT_MAP) {
        draw_node(&drawing, &top, root);
    }
    draw_rest(&drawing);
    if (cli_table_n_rows(drawing.table) > 0) {
        printf("\n");
        cli_table_print(drawing.table);
    }

    free(drawing.capabilities);
    free(drawing.by_name);
    cli_table_destroy(&drawing.table);
}

static int tree(const cli_args_t *args)
{
    cli_target_t target;
    cli_target_init(&target);
    int64_t timeout_ms = ANSWER_TIMEOUT_MS;
    bool as_json = false;
    for (size_t i = 0; i < args->n_given; i++) {
        const cli_given_t *given = &args->given[i];
        if (given->key == 't' && !cli_parse_duration(given->value, &timeout_ms)) {
            return cli_wrong_usage("tree", "'%s' is no time; say 250ms, 5s or 10m",
                                   given->value);
        }
        as_json = as_json || given->key == CLI_KEY_JSON;
        int code = cli_target_option(&target, "tree", given);
        if (code != CLI_OK) {
            return code;
        }
    }

    cli_session_t session;
    int code = cli_session_open(&session, &target);
    if (code != CLI_OK) {
        return code;
    }
    cli_answer_t answer;
    code = cli_answer_ask(&answer, &session, "tree", timeout_ms, NULL);
    if (code == CLI_OK && as_json) {
        cli_json_object(cli_answer_root(&answer));
        printf("\n");
    } else if (code == CLI_OK) {
        draw(cli_answer_root(&answer));
    }
    cli_answer_close(&answer);
    cli_session_close(&session);
    return code;
}

const cli_verb_t cli_verb_tree = {
    .name = "tree",
    .brief = "show supervisors, capabilities and workers",
    .about =
        "Ask the node how it is and draw its tree: each supervisor with its strategy, each\n"
        "capability with the size of its pool, its queue and what is pending, each worker\n"
        "with its state. Whatever is not ready says why at the end of its line.\n",
    .options = options,
    .examples = "  troupe tree\n"
                "  troupe tree --json | jq '.capabilities[] | {name, state, queue}'\n",
    .run = tree,
};
