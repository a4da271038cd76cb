/* A configuration, whole or of one child as `add` brings it. What was accepted is within the
 * limits of the table, and printed and read again it is the same.
 */

#include "tests/fuzz/target.h"

#include "node/config/config.h"
#include "node/config/print.h"
#include "node/config/schema.h"
#include "tests/kit/valid.h"

static const tr_machine_memory_t there = {.bytes = (uint64_t)8 << 30};

typedef struct problems {
    size_t n;
    bool is_of_size; /* one says that it is too deep, or has too much in it */
} problems_t;

/* Problems are lines for people. */
static void note(void *arg, const char *line)
{
    problems_t *problems = arg;
    HOLDS(line[0] && !strpbrk(line, "\n\r\x1b") && is_utf8(line, strlen(line)));
    problems->n++;
    problems->is_of_size |= strstr(line, " error: nested more than ") ||
                            strstr(line, " error: more than ") ||
                            strstr(line, " error: larger than ");
}

static void holds_rows(unsigned where, const void *base, bool may_be_absent);

/* What is not in the file and has no default has a value that says so. */
static void holds_range(const tr_schema_row_t *row, int64_t value, bool may_be_absent)
{
    bool is_absent = (may_be_absent || !row->fallback) && (value == 0 || value == -1);
    bool is_word = row->word && value == row->word_ms;
    HOLDS(is_absent || is_word || (value >= row->min && value <= row->max));
}

static size_t n_words(const tr_schema_row_t *row)
{
    size_t n = 0;
    while (row->words[n]) {
        n++;
    }
    return n;
}

static void holds_children(const tr_config_child_t *parent)
{
    for (size_t i = 0; i < parent->n_children; i++) {
        const tr_config_child_t *child = &parent->children[i];
        HOLDS(child->name && child->name[0]);
        holds_rows(child->kind == TR_CONFIG_CAPABILITY ? TR_IN_CAPABILITY
                   : child->kind == TR_CONFIG_ACTOR    ? TR_IN_ACTOR
                                                       : TR_IN_SUPERVISOR,
                   child, false);
    }
}

static void holds_row(const tr_schema_row_t *row, const void *base, bool may_be_absent)
{
    const void *field =
        row->offset == TR_SCHEMA_NO_FIELD ? NULL : (const char *)base + row->offset;
    switch (row->type) {
    case TR_SCHEMA_NUMBER:
    case TR_SCHEMA_DURATION:
    case TR_SCHEMA_MOMENT:
    case TR_SCHEMA_SIZE:
        if (field) {
            holds_range(row, *(const int64_t *)field, may_be_absent);
        }
        break;
    case TR_SCHEMA_CLOCK:
        HOLDS(*(const int64_t *)field >= 0 && *(const int64_t *)field < (int64_t)24 * 3600);
        break;
    case TR_SCHEMA_SHARE:
        HOLDS(*(const double *)field >= 0 && *(const double *)field <= 1);
        break;
    case TR_SCHEMA_CHOICE:
        HOLDS(*(const unsigned *)field < n_words(row));
        break;
    case TR_SCHEMA_MODE:
        HOLDS(*(const unsigned *)field <= 0777);
        break;
    case TR_SCHEMA_NAME:
    case TR_SCHEMA_TEXT:
        HOLDS(!row->required || *(char *const *)field);
        break;
    case TR_SCHEMA_MAPPING:
        holds_rows(row->inside, field, may_be_absent || row->optional);
        break;
    case TR_SCHEMA_CHILDREN:
        holds_children(base);
        break;
    default:
        break;
    }
}

static void holds_rows(unsigned where, const void *base, bool may_be_absent)
{
    for (size_t i = 0; i < tr_schema_rows; i++) {
        if (tr_schema[i].where & where) {
            holds_row(&tr_schema[i], base, may_be_absent);
        }
    }
}

static char *print(const tr_config_t *config, size_t *size_out)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size_out);
    HOLDS(out);
    tr_config_print(config, out);
    HOLDS(fclose(out) == 0);
    return text;
}

static void is_read_again(const tr_config_t *config)
{
    size_t size;
    size_t size_again;
    problems_t problems = {0};
    tr_config_t *again = NULL;
    char *text = print(config, &size);
    troupe_status_t status =
        tr_config_read_for(there, "printed", text, size, note, &problems, &again);
    if (status == TROUPE_OK) {
        char *text_again = print(again, &size_again);
        HOLDS(size == size_again && memcmp(text, text_again, size) == 0);
        free(text_again);
    } else {
        /* With all that it left out it may be larger or deeper than a file may be. */
        HOLDS(status == TROUPE_ERR_INVALID && problems.is_of_size);
    }
    tr_config_destroy(&again);
    free(text);
}

static tr_config_t *some_node(void)
{
    static const char text[] =
        "troupe: 1\nmemory: {budget: 1GiB}\nresources: {gpu: 2}\nsupervisor: {children: []}\n";
    tr_config_t *node = NULL;
    problems_t problems = {0};
    HOLDS(tr_config_read_for(there, "node", text, sizeof text - 1, note, &problems, &node) ==
          TROUPE_OK);
    return node;
}

static bool reads_child(const char *text, size_t size, const tr_config_t *node)
{
    problems_t problems = {0};
    tr_config_t *config = NULL;
    troupe_status_t status =
        tr_config_read_child("child", text, size, node, note, &problems, &config);
    HOLDS((status == TROUPE_OK) == (config != NULL) && (status == TROUPE_OK) == !problems.n);
    if (config) {
        HOLDS(config->root.n_children == 1);
        holds_children(&config->root);
        tr_config_destroy(&config);
    }
    return status == TROUPE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    problems_t problems = {0};
    tr_config_t *config = NULL;
    troupe_status_t status =
        tr_config_read_for(there, "file", text, size, note, &problems, &config);
    HOLDS((status == TROUPE_OK) == (config != NULL) && (status == TROUPE_OK) == !problems.n);
    if (config) {
        holds_rows(TR_IN_FILE, config, false);
        is_read_again(config);
        tr_config_destroy(&config);
    }
    tr_config_t *node = some_node();
    bool is_a_child = reads_child(text, size, NULL);
    HOLDS(!reads_child(text, size, node) || is_a_child); /* what is there only forbids */
    tr_config_destroy(&node);
    return 0;
}
