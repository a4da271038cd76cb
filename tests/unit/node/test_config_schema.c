/* The table against itself, and the reference against the table. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "node/config/config.h"
#include "node/config/schema.h"
#include "tests/unit/node/test_paths.h"

static bool has_word(const tr_schema_row_t *row, const char *text)
{
    for (size_t i = 0; row->words && row->words[i]; i++) {
        if (strcmp(row->words[i], text) == 0) {
            return true;
        }
    }
    return row->word && strcmp(row->word, text) == 0;
}

static void keys_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < tr_schema_rows; i++) {
        for (size_t j = 0; j < i; j++) {
            if ((tr_schema[i].where & tr_schema[j].where) != 0 &&
                strcmp(tr_schema[i].key, tr_schema[j].key) == 0) {
                fail_msg("'%s' has two rows in one mapping", tr_schema[i].key);
            }
        }
    }
}

static troupe_status_t parse(const tr_schema_row_t *row, int64_t *out)
{
    uint64_t size = 0;
    troupe_status_t status = TROUPE_OK;
    switch (row->type) {
    case TR_SCHEMA_NUMBER:
        return tr_text_number(row->fallback, out);
    case TR_SCHEMA_SIZE:
        status = tr_text_size(row->fallback, &size);
        *out = (int64_t)size;
        return status;
    default:
        return tr_text_duration(row->fallback, out);
    }
}

static void defaults_are_allowed_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < tr_schema_rows; i++) {
        const tr_schema_row_t *row = &tr_schema[i];
        if (!row->fallback || has_word(row, row->fallback) || row->type == TR_SCHEMA_MODE ||
            row->type == TR_SCHEMA_SHARE || row->type == TR_SCHEMA_AMOUNT) {
            continue;
        }
        int64_t value = -1;
        assert_status(parse(row, &value), TROUPE_OK);
        if (value < row->min || value > row->max) {
            fail_msg("the default of '%s' is out of its range", row->key);
        }
    }
}

static void every_part_has_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < tr_schema_rows; i++) {
        bool is_part =
            tr_schema[i].type == TR_SCHEMA_MAPPING || tr_schema[i].type == TR_SCHEMA_CHILDREN ||
            tr_schema[i].type == TR_SCHEMA_ERRANDS ||
            tr_schema[i].type == TR_SCHEMA_LISTENERS || tr_schema[i].type == TR_SCHEMA_PEERS;
        assert_true(is_part == (tr_schema[i].inside != 0));
        bool found = false;
        for (size_t j = 0; j < tr_schema_rows; j++) {
            found |= (tr_schema[j].where & tr_schema[i].inside) != 0;
        }
        assert_true(found || !is_part);
    }
}

static char *slurp_reference(void)
{
    FILE *file = fopen(TEST_CONFIG_REFERENCE, "r");
    if (!file) {
        fail_msg("%s cannot be read", TEST_CONFIG_REFERENCE);
    }
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) {
        fputc(byte, stream);
    }
    fclose(stream);
    fclose(file);
    return text;
}

/* Whether a line of a table begins with the key and has the default in it, if there is one. */
static bool is_documented(const char *text, const tr_schema_row_t *row)
{
    char key[64];
    char fallback[64];
    snprintf(key, sizeof key, "\n| `%s` |", row->key);
    snprintf(fallback, sizeof fallback, "`%s`", row->fallback ? row->fallback : "");
    for (const char *line = strstr(text, key); line; line = strstr(line + 1, key)) {
        const char *end = strchr(line + 1, '\n');
        const char *found = strstr(line, fallback);
        if (!row->fallback || (found && end && found < end)) {
            return true;
        }
    }
    return false;
}

static void reference_has_every_key_and_default(void **state)
{
    (void)state;
    char *text = slurp_reference();
    for (size_t i = 0; i < tr_schema_rows; i++) {
        if (!is_documented(text, &tr_schema[i])) {
            fail_msg("docs/config.md has no '| `%s` |' with the default '%s'", tr_schema[i].key,
                     tr_schema[i].fallback ? tr_schema[i].fallback : "-");
        }
    }
    free(text);
}

static void fail_with(void *arg, const char *line)
{
    (void)arg;
    fail_msg("%s", line);
}

/* Each ```yaml block that is a whole file. */
static void examples_of_the_reference_load(void **state)
{
    (void)state;
    static const char fence[] = "```yaml\ntroupe: 1\n";
    char *text = slurp_reference();
    size_t n_loaded = 0;
    for (char *block = strstr(text, fence); block; block = strstr(block, fence)) {
        block += strlen("```yaml\n");
        char *end = strstr(block, "```");
        assert_non_null(end);
        tr_config_t *config = NULL;
        assert_status(tr_config_read("docs/config.md", block, (size_t)(end - block), fail_with,
                                     NULL, &config),
                      TROUPE_OK);
        tr_config_destroy(&config);
        n_loaded++;
    }
    assert_true(n_loaded >= 2);
    free(text);
}

static void misspelt_keys_are_recognised(void **state)
{
    (void)state;
    assert_string_equal(tr_schema_nearest(TR_IN_CAPABILITY, "keep-aliv"), "keep-alive");
    assert_string_equal(tr_schema_nearest(TR_IN_CAPABILITY, "tiemout"), "timeout");
    assert_string_equal(tr_schema_nearest(TR_IN_WORKERS, "mix"), "min");
    assert_null(tr_schema_nearest(TR_IN_WORKERS, "mob"));
    assert_null(tr_schema_nearest(TR_IN_ACTOR, "keep-aliv"));
    assert_string_equal(tr_schema_nearest(TR_IN_CAPABILITY, "batsh"), "batch");
    assert_string_equal(tr_schema_nearest(TR_IN_QUEUE, "overflov"), "overflow");
    assert_string_equal(tr_schema_nearest(TR_IN_CAPABILITY, "pinnde"), "pinned");
    assert_string_equal(tr_schema_nearest(TR_IN_FILE, "shedule"), "schedule");
    assert_string_equal(tr_schema_nearest(TR_IN_ERRAND, "evcit"), "evict");
    assert_string_equal(tr_schema_nearest(TR_IN_WORKERS, "remot"), "remote");
}

int main(void)
{
    unsetenv("STUDIO_LANGUAGE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_told_apart),
        cmocka_unit_test(defaults_are_allowed_values),
        cmocka_unit_test(every_part_has_keys),
        cmocka_unit_test(misspelt_keys_are_recognised),
        cmocka_unit_test(reference_has_every_key_and_default),
        cmocka_unit_test(examples_of_the_reference_load),
    };
    return cmocka_run_group_tests_name("node/config_schema", tests, NULL, NULL) != 0;
}
