/* A value from the file and a default from the table are parsed by the same code: a default
 * means exactly what it would mean if it were written.
 */

#include "node/config/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "node/config/expand.h"
#include "node/config/yaml.h"

/* Choices are stored through unsigned, whichever enum the field has. */
_Static_assert(sizeof(tr_config_strategy_t) == sizeof(unsigned), "an enum is an unsigned");
_Static_assert(sizeof(tr_config_restart_t) == sizeof(unsigned), "an enum is an unsigned");
_Static_assert(sizeof(tr_config_overflow_t) == sizeof(unsigned), "an enum is an unsigned");
_Static_assert(sizeof(tr_config_security_t) == sizeof(unsigned), "an enum is an unsigned");
_Static_assert(sizeof(tr_config_balance_t) == sizeof(unsigned), "an enum is an unsigned");

/* Room for the longest text of describe(). */
enum { EXPECTED_BYTES = 160 };

void tr_config_value_refuse(tr_config_notes_t *notes, const yaml_node_t *node, const char *key,
                            const char *expected)
{
    assert(notes && node && key && expected);
    tr_config_place_t place = tr_config_yaml_place(node->start_mark);
    char cut[TR_CONFIG_CUT_BYTES];
    if (node->type == YAML_MAPPING_NODE) {
        tr_config_notes_problem(notes, place, "'%s' must be %s, not a mapping", key, expected);
    } else if (node->type == YAML_SEQUENCE_NODE) {
        tr_config_notes_problem(notes, place, "'%s' must be %s, not a list", key, expected);
    } else if (node->data.scalar.length == 0) {
        tr_config_notes_problem(notes, place, "'%s' must be %s, not empty", key, expected);
    } else {
        tr_config_notes_problem(notes, place, "'%s' must be %s, not '%s'", key, expected,
                                tr_config_cut((const char *)node->data.scalar.value, cut));
    }
}

char *tr_config_value_text(tr_config_notes_t *notes, const yaml_node_t *node, const char *key,
                           const char *expected)
{
    assert(notes && node && key && expected);
    if (node->type != YAML_SCALAR_NODE) {
        tr_config_value_refuse(notes, node, key, expected);
        return NULL;
    }
    tr_config_place_t place = tr_config_yaml_place(node->start_mark);
    const char *written = (const char *)node->data.scalar.value;
    if (strlen(written) != node->data.scalar.length) {
        tr_config_notes_problem(notes, place, "'%s' contains a NUL byte", key);
        return NULL;
    }
    if (!tr_config_notes_may_keep(notes, 0, place)) {
        return NULL; /* nor is the time spent */
    }
    char why[TR_CONFIG_WHY_BYTES];
    char *text = NULL;
    troupe_status_t status = tr_config_expand(written, why, &text);
    if (status == TROUPE_ERR_INVALID) {
        tr_config_notes_problem(notes, place, "'%s': %s", key, why);
    } else if (status != TROUPE_OK) {
        notes->nomem = true;
    } else if (!tr_config_notes_may_keep(notes, strlen(text), place)) {
        free(text);
        text = NULL;
    }
    return text;
}

static void describe_duration(const tr_schema_row_t *row, char *buffer, size_t size)
{
    char min[32];
    char max[32];
    snprintf(buffer, size, "a duration from %s to %s%s%s%s",
             tr_text_print_duration(row->min, min, sizeof min),
             tr_text_print_duration(row->max, max, sizeof max), row->word ? " or '" : "",
             row->word ? row->word : "", row->word ? "'" : "");
}

static void describe_size(const tr_schema_row_t *row, char *buffer, size_t size)
{
    char min[32];
    char max[32];
    snprintf(buffer, size, "a size from %s to %s",
             tr_text_print_size((uint64_t)row->min, min, sizeof min),
             tr_text_print_size((uint64_t)row->max, max, sizeof max));
}

static void describe_words(const tr_schema_row_t *row, char *buffer, size_t size)
{
    size_t used = (size_t)snprintf(buffer, size, "%s", row->words[1] ? "one of " : "");
    for (size_t i = 0; row->words[i] && used < size; i++) {
        used += (size_t)snprintf(buffer + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 row->words[i]);
    }
}

/* What the row wants, as it goes into a problem. Returns `buffer`. */
static const char *describe(const tr_schema_row_t *row, char *buffer, size_t size)
{
    switch (row->type) {
    case TR_SCHEMA_NAME:
        snprintf(buffer, size,
                 "a name (1 to 64 of A-Z a-z 0-9 . _ -, first a letter or digit)");
        break;
    case TR_SCHEMA_NUMBER:
        if (row->min == row->max) {
            snprintf(buffer, size, "%" PRId64, row->min);
        } else {
            snprintf(buffer, size, "a number from %" PRId64 " to %" PRId64, row->min, row->max);
        }
        break;
    case TR_SCHEMA_DURATION:
        describe_duration(row, buffer, size);
        break;
    case TR_SCHEMA_MOMENT:
        snprintf(buffer, size, "a time from 0 to 1ms, such as 50us");
        break;
    case TR_SCHEMA_SIZE:
        describe_size(row, buffer, size);
        break;
    case TR_SCHEMA_AMOUNT:
        snprintf(buffer, size, "a size such as 4GiB or a share such as 80%%");
        break;
    case TR_SCHEMA_SHARE:
        snprintf(buffer, size, "a share from 0%% to 100%%");
        break;
    case TR_SCHEMA_CHOICE:
    case TR_SCHEMA_SWITCH:
        describe_words(row, buffer, size);
        break;
    case TR_SCHEMA_MODE:
        snprintf(buffer, size, "three octal digits such as 0660");
        break;
    case TR_SCHEMA_CLOCK:
        snprintf(buffer, size, "a time of day from 00:00 to 23:59");
        break;
    default:
        snprintf(buffer, size, "text");
        break;
    }
    return buffer;
}

static bool parse_integer(const tr_schema_row_t *row, const char *text, int64_t *out)
{
    if (row->word && strcmp(text, row->word) == 0) {
        *out = row->word_ms;
        return true;
    }
    uint64_t bytes = 0;
    troupe_status_t status = row->type == TR_SCHEMA_NUMBER   ? tr_text_number(text, out)
                             : row->type == TR_SCHEMA_MOMENT ? tr_text_moment(text, out)
                             : row->type == TR_SCHEMA_SIZE   ? tr_text_size(text, &bytes)
                                                             : tr_text_duration(text, out);
    if (row->type == TR_SCHEMA_SIZE) {
        *out = bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
    }
    return status == TROUPE_OK && *out >= row->min && *out <= row->max;
}

static bool parse_word(const tr_schema_row_t *row, const char *text, unsigned *out)
{
    for (unsigned i = 0; row->words[i]; i++) {
        if (strcmp(row->words[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool parse_mode(const char *text, unsigned *out)
{
    const char *digits = text[0] == '0' && strlen(text) == 4 ? text + 1 : text;
    if (strlen(digits) != 3 || strspn(digits, "01234567") != 3) {
        return false;
    }
    *out = (unsigned)strtoul(digits, NULL, 8);
    return true;
}

/* "HH:MM". Unquoted it is text too: this reader takes every scalar as it is written. */
static bool parse_clock(const char *text, int64_t *out)
{
    static const char digits[] = "0123456789";
    bool has_shape = strlen(text) == 5 && strspn(text, digits) == 2 && text[2] == ':' &&
                     strspn(text + 3, digits) == 2;
    int hours = has_shape ? (text[0] - '0') * 10 + (text[1] - '0') : 24;
    int minutes = has_shape ? (text[3] - '0') * 10 + (text[4] - '0') : 60;
    if (hours > 23 || minutes > 59) {
        return false;
    }
    *out = hours * INT64_C(3600) + minutes * INT64_C(60);
    return true;
}

static bool is_fit_text(const tr_schema_row_t *row, const char *text)
{
    return row->type == TR_SCHEMA_NAME ? tr_text_is_name(text) : text[0] != '\0';
}

/* A budget of nothing serves nobody. */
static bool parse_amount(const char *text, tr_config_amount_t *out)
{
    uint64_t bytes = 0;
    double share = 0;
    if (tr_text_share(text, &share) == TROUPE_OK && share > 0 && share <= 1) {
        *out = (tr_config_amount_t){.bytes = -1, .share = share};
        return true;
    }
    if (tr_text_size(text, &bytes) == TROUPE_OK && bytes > 0 && bytes <= INT64_MAX) {
        *out = (tr_config_amount_t){.bytes = (int64_t)bytes};
        return true;
    }
    return false;
}

/* Parse and store; a row without a field is only parsed. False: not what the row wants, and
 * nothing was stored. */
static bool store(tr_config_notes_t *notes, const tr_schema_row_t *row, const char *text,
                  void *field)
{
    int64_t integer = 0;
    unsigned bits = 0;
    bool fits = false;
    double share = 0;
    tr_config_amount_t amount;
    switch (row->type) {
    case TR_SCHEMA_AMOUNT:
        fits = parse_amount(text, &amount);
        if (fits && field) {
            *(tr_config_amount_t *)field = amount;
        }
        return fits;
    case TR_SCHEMA_SHARE:
        fits = tr_text_share(text, &share) == TROUPE_OK && share >= 0 && share <= 1;
        if (fits && field) {
            *(double *)field = share;
        }
        return fits;
    case TR_SCHEMA_NUMBER:
    case TR_SCHEMA_DURATION:
    case TR_SCHEMA_MOMENT:
    case TR_SCHEMA_SIZE:
    case TR_SCHEMA_CLOCK:
        fits = row->type == TR_SCHEMA_CLOCK ? parse_clock(text, &integer)
                                            : parse_integer(row, text, &integer);
        if (fits && field) {
            *(int64_t *)field = integer;
        }
        return fits;
    case TR_SCHEMA_CHOICE:
    case TR_SCHEMA_SWITCH:
    case TR_SCHEMA_MODE:
        fits = row->words ? parse_word(row, text, &bits) : parse_mode(text, &bits);
        if (fits && field && row->type == TR_SCHEMA_SWITCH) {
            *(bool *)field = bits != 0;
        } else if (fits && field) {
            *(unsigned *)field = bits;
        }
        return fits;
    default:
        fits = is_fit_text(row, text);
        if (fits && field) {
            *(char **)field = strdup(text);
            notes->nomem |= !*(char **)field;
        }
        return fits;
    }
}

static void *field_of(const tr_schema_row_t *row, void *base)
{
    return row->offset == TR_SCHEMA_NO_FIELD ? NULL : (char *)base + row->offset;
}

static void refuse_text(tr_config_notes_t *notes, const tr_schema_row_t *row,
                        tr_config_place_t place, const char *text, const char *expected)
{
    char cut[TR_CONFIG_CUT_BYTES];
    if (row->later && strcmp(text, row->later) == 0) {
        tr_config_notes_problem(notes, place, "%s '%s' is not available in this version",
                                row->key, text);
    } else if (text[0] == '\0') {
        tr_config_notes_problem(notes, place, "'%s' must be %s, not empty", row->key, expected);
    } else {
        tr_config_notes_problem(notes, place, "'%s' must be %s, not '%s'", row->key, expected,
                                tr_config_cut(text, cut));
    }
}

void tr_config_value_read(tr_config_notes_t *notes, const tr_schema_row_t *row,
                          const yaml_node_t *node, void *base)
{
    assert(notes && row && node && base);
    char expected[EXPECTED_BYTES];
    describe(row, expected, sizeof expected);
    tr_config_place_t place = tr_config_yaml_place(node->start_mark);
    void *field = field_of(row, base);

    char *text = tr_config_value_text(notes, node, row->key, expected);
    bool is_sound = text && store(notes, row, text, field);
    if (text && !is_sound) {
        refuse_text(notes, row, place, text, expected);
    }
    free(text);
    if (field) {
        tr_config_notes_mark(notes, field, place, is_sound);
    }
}

void tr_config_value_default(tr_config_notes_t *notes, const tr_schema_row_t *row, void *base)
{
    assert(notes && row && base);
    if (row->fallback) {
        bool is_fit = store(notes, row, row->fallback, field_of(row, base));
        assert(is_fit);
        (void)is_fit;
    }
}
