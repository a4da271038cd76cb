/* One function prints every mapping, as one reads it: it walks the rows of the table. What a
 * key may leave out has a value that no text stands for: a limit of 0 below its own minimum, a
 * text that is NULL, a list without elements.
 */

#include "node/config/print.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "node/config/endpoint.h"

/* ---- fields ---- */

static const void *field_of(const tr_schema_row_t *row, const void *base)
{
    assert(row->offset != TR_SCHEMA_NO_FIELD);
    return (const char *)base + row->offset;
}

static int64_t integer_at(const void *field)
{
    return *(const int64_t *)field;
}

static const char *text_at(const void *field)
{
    return *(char *const *)field;
}

bool tr_config_has(const tr_schema_row_t *row, const void *base)
{
    assert(row && base);
    if (row->offset == TR_SCHEMA_NO_FIELD) {
        return false;
    }
    const void *field = field_of(row, base);
    switch (row->type) {
    case TR_SCHEMA_NAME:
    case TR_SCHEMA_TEXT:
        return text_at(field) != NULL;
    case TR_SCHEMA_NUMBER:
    case TR_SCHEMA_DURATION:
    case TR_SCHEMA_MOMENT:
    case TR_SCHEMA_SIZE:
    case TR_SCHEMA_CLOCK:
        return integer_at(field) >= row->min ||
               (row->word && integer_at(field) == row->word_ms);
    case TR_SCHEMA_ARGS:
        return ((const tr_config_args_t *)field)->n > 0;
    case TR_SCHEMA_WORDS:
        return ((const tr_config_words_t *)field)->n > 0;
    case TR_SCHEMA_PEERS:
    case TR_SCHEMA_LATER:
        return false;
    default:
        return true;
    }
}

/* ---- scalars ---- */

/* The code point at *text_p, which moves behind it; what is no UTF-8 counts as Latin-1. */
static uint32_t next_point(const unsigned char **text_p)
{
    const unsigned char *text = *text_p;
    size_t n_more = text[0] >= 0xf0 ? 3 : text[0] >= 0xe0 ? 2 : text[0] >= 0xc2 ? 1 : 0;
    uint32_t point = n_more == 0 ? text[0] : text[0] & (0x3fu >> n_more);
    for (size_t i = 1; i <= n_more; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            *text_p = text + 1;
            return text[0];
        }
        point = point << 6 | (text[i] & 0x3f);
    }
    *text_p = text + 1 + n_more;
    return point;
}

/* What YAML takes as it is. */
static bool is_printable(uint32_t point)
{
    return (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xd7ff) ||
           (point >= 0xe000 && point <= 0xfffd && point != 0xfeff) ||
           (point >= 0x10000 && point <= 0x10ffff);
}

static bool breaks_a_line(uint32_t point)
{
    return point == 0x2028 || point == 0x2029;
}

static void quote(const char *text, bool doubles_dollars, FILE *out)
{
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        const unsigned char *start = at;
        uint32_t point = next_point(&at);
        if (point == '"' || point == '\\') {
            fprintf(out, "\\%c", (int)point);
        } else if (point == '$' && doubles_dollars) {
            fputs("$$", out);
        } else if (point == '\n') {
            fputs("\\n", out);
        } else if (!is_printable(point) || breaks_a_line(point) ||
                   (point >= 0x80 && at == start + 1)) {
            fprintf(out, point > 0xffff ? "\\U%08" PRIX32 : "\\u%04" PRIX32, point);
        } else {
            fwrite(start, 1, (size_t)(at - start), out);
        }
    }
    fputc('"', out);
}

void tr_config_quote(const char *text, FILE *out)
{
    assert(text && out);
    quote(text, true, out);
}

/* Shares are written in hundredths of a percent at the finest. */
static long long hundredths_of(double share)
{
    return (long long)(share * 10000 + 0.5);
}

static void print_share(double share, FILE *out)
{
    long long hundredths = hundredths_of(share);
    fprintf(out, hundredths % 100 ? "%lld.%02lld%%" : "%lld%%", hundredths / 100,
            hundredths % 100);
}

static void print_integer(const tr_schema_row_t *row, int64_t value, FILE *out)
{
    char buffer[32];
    if (row->word && value == row->word_ms) {
        fputs(row->word, out);
    } else if (row->type == TR_SCHEMA_DURATION) {
        fputs(tr_text_print_duration(value, buffer, sizeof buffer), out);
    } else if (row->type == TR_SCHEMA_SIZE) {
        fputs(tr_text_print_size((uint64_t)value, buffer, sizeof buffer), out);
    } else if (row->type == TR_SCHEMA_CLOCK) {
        fprintf(out, "\"%02d:%02d\"", (int)(value / 3600), (int)(value / 60 % 60));
    } else if (row->type == TR_SCHEMA_MOMENT && value > 0) {
        fprintf(out, "%" PRId64 "us", value);
    } else {
        fprintf(out, "%" PRId64, value);
    }
}

static void print_amount(const tr_config_amount_t *amount, FILE *out)
{
    char buffer[32];
    if (amount->bytes < 0) {
        print_share(amount->share, out);
    } else {
        fputs(tr_text_print_size((uint64_t)amount->bytes, buffer, sizeof buffer), out);
    }
}

static void print_words(const tr_config_words_t *words, FILE *out)
{
    fputc('[', out);
    for (size_t i = 0; i < words->n; i++) {
        fputs(i > 0 ? ", " : "", out);
        quote(words->items[i], true, out);
    }
    fputc(']', out);
}

/* Keys are not expanded when they are read; values are. */
static void print_args(const tr_config_args_t *args, FILE *out)
{
    fputc('{', out);
    for (size_t i = 0; i < args->n; i++) {
        fputs(i > 0 ? ", " : "", out);
        quote(args->items[i].key, false, out);
        fputs(": ", out);
        quote(args->items[i].value, true, out);
    }
    fputc('}', out);
}

static void print_value(const tr_schema_row_t *row, const void *field, FILE *out)
{
    switch (row->type) {
    case TR_SCHEMA_NAME:
        fputs(text_at(field), out);
        break;
    case TR_SCHEMA_TEXT:
        quote(text_at(field), true, out);
        break;
    case TR_SCHEMA_SHARE:
        print_share(*(const double *)field, out);
        break;
    case TR_SCHEMA_AMOUNT:
        print_amount(field, out);
        break;
    case TR_SCHEMA_CHOICE:
        fputs(row->words[*(const unsigned *)field], out);
        break;
    case TR_SCHEMA_SWITCH:
        fputs(row->words[*(const bool *)field], out);
        break;
    case TR_SCHEMA_MODE:
        fprintf(out, "\"%04o\"", *(const unsigned *)field);
        break;
    case TR_SCHEMA_ARGS:
        print_args(field, out);
        break;
    case TR_SCHEMA_WORDS:
    case TR_SCHEMA_PATTERNS:
        print_words(field, out);
        break;
    default:
        print_integer(row, integer_at(field), out);
        break;
    }
}

void tr_config_show(const tr_schema_row_t *row, const void *base, FILE *out)
{
    assert(row && base && out);
    if (tr_config_has(row, base)) {
        print_value(row, field_of(row, base), out);
    } else {
        fputs("(none)", out);
    }
}

/* ---- equality ---- */

static bool is_same_text(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

static const char *value_of(const tr_config_args_t *args, const char *key)
{
    for (size_t i = 0; i < args->n; i++) {
        if (strcmp(args->items[i].key, key) == 0) {
            return args->items[i].value;
        }
    }
    return NULL;
}

static bool are_same_args(const tr_config_args_t *one, const tr_config_args_t *other)
{
    bool is_same = one->n == other->n;
    for (size_t i = 0; is_same && i < one->n; i++) {
        const char *value = value_of(other, one->items[i].key);
        is_same = value && strcmp(value, one->items[i].value) == 0;
    }
    return is_same;
}

/* Of resources: what is not there is there 0 times. */
static bool has_all_amounts(const tr_config_args_t *one, const tr_config_args_t *other)
{
    bool is_same = true;
    for (size_t i = 0; is_same && i < one->n; i++) {
        const char *value = value_of(other, one->items[i].key);
        is_same = strcmp(value ? value : "0", one->items[i].value) == 0;
    }
    return is_same;
}

static bool are_same_resources(const tr_config_args_t *one, const tr_config_args_t *other)
{
    return has_all_amounts(one, other) && has_all_amounts(other, one);
}

static bool are_same_words(const tr_config_words_t *one, const tr_config_words_t *other)
{
    bool is_same = one->n == other->n;
    for (size_t i = 0; is_same && i < one->n; i++) {
        is_same = strcmp(one->items[i], other->items[i]) == 0;
    }
    return is_same;
}

static bool are_same_amounts(const tr_config_amount_t *one, const tr_config_amount_t *other)
{
    return one->bytes == other->bytes &&
           (one->bytes >= 0 || hundredths_of(one->share) == hundredths_of(other->share));
}

bool tr_config_is_equal(const tr_schema_row_t *row, const void *one, const void *other)
{
    assert(row && one && other);
    if (row->offset == TR_SCHEMA_NO_FIELD) {
        return true;
    }
    const void *a = field_of(row, one);
    const void *b = field_of(row, other);
    switch (row->type) {
    case TR_SCHEMA_NAME:
    case TR_SCHEMA_TEXT:
        return is_same_text(text_at(a), text_at(b));
    case TR_SCHEMA_SHARE:
        return hundredths_of(*(const double *)a) == hundredths_of(*(const double *)b);
    case TR_SCHEMA_AMOUNT:
        return are_same_amounts(a, b);
    case TR_SCHEMA_CHOICE:
    case TR_SCHEMA_MODE:
        return *(const unsigned *)a == *(const unsigned *)b;
    case TR_SCHEMA_SWITCH:
        return *(const bool *)a == *(const bool *)b;
    case TR_SCHEMA_ARGS:
        return row->where == TR_IN_FILE ? are_same_resources(a, b) : are_same_args(a, b);
    case TR_SCHEMA_WORDS:
    case TR_SCHEMA_PATTERNS:
        return are_same_words(a, b);
    default:
        return integer_at(a) == integer_at(b);
    }
}

/* ---- the file ---- */

/* Where the next key goes: its column, and whether the line has been begun, by the dash of a
 * list. */
typedef struct printer {
    FILE *out;
    int column;
    bool is_begun;
} printer_t;

static void print_mapping(printer_t *printer, unsigned where, const void *base);

static void begin_key(printer_t *printer, const char *key)
{
    fprintf(printer->out, "%*s%s:", printer->is_begun ? 0 : printer->column, "", key);
    printer->is_begun = false;
}

/* One element of a list, which begins at the printer's column. */
static void print_element(printer_t *printer, unsigned where, const void *base)
{
    printer_t inner = {printer->out, printer->column + 2, true};
    fprintf(printer->out, "%*s- ", printer->column, "");
    print_mapping(&inner, where, base);
}

static void print_children(printer_t *printer, const char *key, const tr_config_child_t *parent)
{
    static const unsigned where[] = {
        [TR_CONFIG_CAPABILITY] = TR_IN_CAPABILITY,
        [TR_CONFIG_SUPERVISOR] = TR_IN_SUPERVISOR,
        [TR_CONFIG_ACTOR] = TR_IN_ACTOR,
    };
    begin_key(printer, key);
    fputs(parent->n_children > 0 ? "\n" : " []\n", printer->out);
    printer_t inner = {printer->out, printer->column + 2, false};
    for (size_t i = 0; i < parent->n_children; i++) {
        const tr_config_child_t *child = &parent->children[i];
        print_element(&inner, where[child->kind], child);
    }
}

static void print_errands(printer_t *printer, const char *key, const tr_config_t *config)
{
    begin_key(printer, key);
    fputs(config->n_errands > 0 ? "\n" : " []\n", printer->out);
    printer_t inner = {printer->out, printer->column + 2, false};
    for (size_t i = 0; i < config->n_errands; i++) {
        print_element(&inner, TR_IN_ERRAND, &config->schedule[i]);
    }
}

static void print_listeners(printer_t *printer, const char *key, const tr_config_t *config)
{
    begin_key(printer, key);
    fputs(config->n_listeners > 0 ? "\n" : " []\n", printer->out);
    printer_t inner = {printer->out, printer->column + 2, false};
    for (size_t i = 0; i < config->n_listeners; i++) {
        print_element(&inner, TR_IN_LISTENER, &config->listeners[i]);
    }
}

static void print_peers(printer_t *printer, const char *key, const tr_config_t *config)
{
    if (config->n_peers == 0) {
        return;
    }
    begin_key(printer, key);
    fputc('\n', printer->out);
    printer_t inner = {printer->out, printer->column + 2, false};
    for (size_t i = 0; i < config->n_peers; i++) {
        print_element(&inner, TR_IN_PEER, &config->peers[i]);
    }
}

/* Keys that are for others than this one, though they have a value. */
static bool is_out_of_place(const tr_schema_row_t *row, const void *base)
{
    if (row->is_local && tr_config_is_remote_only(base)) {
        return true;
    }
    if (row->inside == TR_IN_LIMITS) {
        return ((const tr_config_child_t *)base)->isolation != TR_CONFIG_PROCESS;
    }
    if (row->type == TR_SCHEMA_CLOCK) {
        return ((const tr_config_errand_t *)base)->every_ms > 0;
    }
    return row->type == TR_SCHEMA_MODE &&
           !tr_config_endpoint_is_ipc(((const tr_config_listener_t *)base)->endpoint);
}

static bool has_any(unsigned where, const void *base)
{
    if (where == TR_IN_SECURITY && ((const tr_config_t *)base)->n_peers > 0) {
        return true;
    }
    bool is_found = false;
    for (size_t i = 0; !is_found && i < tr_schema_rows; i++) {
        const tr_schema_row_t *row = &tr_schema[i];
        if ((row->where & where) && !is_out_of_place(row, base)) {
            is_found = row->type == TR_SCHEMA_MAPPING
                           ? has_any(row->inside, (const char *)base + row->offset)
                           : row->type == TR_SCHEMA_CHILDREN || tr_config_has(row, base);
        }
    }
    return is_found;
}

static void print_row(printer_t *printer, const tr_schema_row_t *row, const void *base)
{
    if (is_out_of_place(row, base)) {
        return;
    }
    const void *part = (const char *)base + (row->type == TR_SCHEMA_MAPPING ? row->offset : 0);
    switch (row->type) {
    case TR_SCHEMA_MAPPING:
        if (has_any(row->inside, part)) {
            begin_key(printer, row->key);
            fputc('\n', printer->out);
            printer_t inner = {printer->out, printer->column + 2, false};
            print_mapping(&inner, row->inside, part);
        }
        break;
    case TR_SCHEMA_CHILDREN:
        print_children(printer, row->key, base);
        break;
    case TR_SCHEMA_ERRANDS:
        print_errands(printer, row->key, base);
        break;
    case TR_SCHEMA_LISTENERS:
        print_listeners(printer, row->key, base);
        break;
    case TR_SCHEMA_PEERS:
        print_peers(printer, row->key, base);
        break;
    default:
        if (tr_config_has(row, base)) {
            begin_key(printer, row->key);
            fputc(' ', printer->out);
            print_value(row, field_of(row, base), printer->out);
            fputc('\n', printer->out);
        }
        break;
    }
}

static void print_mapping(printer_t *printer, unsigned where, const void *base)
{
    for (size_t i = 0; i < tr_schema_rows; i++) {
        if (tr_schema[i].where & where) {
            print_row(printer, &tr_schema[i], base);
        }
    }
}

void tr_config_print(const tr_config_t *config, FILE *out)
{
    assert(config && out);
    printer_t printer = {.out = out};
    fputs("troupe: 1\n", out);
    print_mapping(&printer, TR_IN_FILE, config);
}
