/* From the table of node/config/schema.c to a JSON Schema, by which editors complete and check
 * a configuration while it is written. It allows no less than the node, and somewhat more: what
 * follows from more than one key only the node knows.
 *
 *   json_schema         prints it
 *   json_schema FILE    1 when FILE is something else
 *
 * A value may have variables in it, so any text with "${" will do for one. YAML reads unquoted
 * texts as it likes: `0` is a number, `true` a boolean, `12:30` may be a number too.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/config/schema.h"

#define NAME     "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
#define SIZE     "^([0-9]+(\\\\.[0-9]+)?(B|[KMGT]iB|kB|[MGT]B)|0)$"
#define SHARE    "^[0-9]+(\\\\.[0-9]+)?%$"
#define DURATION "^([0-9]+(\\\\.[0-9]+)?(ms|s|m|h|d)|0)$"
#define MOMENT   "^([0-9]+(\\\\.[0-9]+)?(us|ms)|0)$"
#define CLOCK    "^([01][0-9]|2[0-3]):[0-5][0-9]$"
#define VARIABLE "{\"type\": \"string\", \"pattern\": \"\\\\$\\\\{\"}"

/* Each mapping by its bit; only those that have keys of their own. */
static const struct {
    unsigned where;
    const char *name;
} places[] = {
    {TR_IN_LISTENER, "listener"},
    {TR_IN_ROOT, "root"},
    {TR_IN_SUPERVISOR, "supervisor"},
    {TR_IN_CAPABILITY, "capability"},
    {TR_IN_ACTOR, "actor"},
    {TR_IN_WORKER, "worker"},
    {TR_IN_WORKERS, "workers"},
    {TR_IN_QUEUE, "queue"},
    {TR_IN_BACKOFF, "backoff"},
    {TR_IN_HEALTH, "health"},
    {TR_IN_INTENSITY, "intensity"},
    {TR_IN_POOL_INTENSITY, "pool-intensity"},
    {TR_IN_ACTOR_INTENSITY, "actor-intensity"},
    {TR_IN_LIMITS, "limits"},
    {TR_IN_RECYCLE, "recycle"},
    {TR_IN_BREAKER, "breaker"},
    {TR_IN_BATCH, "batch"},
    {TR_IN_MAILBOX, "mailbox"},
    {TR_IN_MAJORDOMO, "majordomo"},
    {TR_IN_PEER_LIMITS, "peer-limits"},
    {TR_IN_NODE_LIMITS, "node-limits"},
    {TR_IN_MEMORY, "memory"},
    {TR_IN_ERRAND, "errand"},
    {TR_IN_SECURITY, "security"},
    {TR_IN_PEER, "peer"},
};

static const size_t n_places = sizeof places / sizeof places[0];

/* Aborts for a mapping that is not in the table above: a new one belongs there. */
static const char *place_name(unsigned where)
{
    for (size_t i = 0; i < n_places; i++) {
        if (places[i].where == where) {
            return places[i].name;
        }
    }
    fprintf(stderr, "a mapping has no name here: add it to `places`\n");
    abort();
}

static void print_text(FILE *out, const char *pattern, const char *more)
{
    fprintf(out, "\"anyOf\": [{\"type\": \"string\", \"pattern\": \"%s\"}, %s%s]", pattern,
            more, VARIABLE);
}

static void print_words(FILE *out, const tr_schema_row_t *row)
{
    fprintf(out, "\"anyOf\": [{\"enum\": [");
    for (size_t i = 0; row->words[i]; i++) {
        bool is_switch =
            strcmp(row->words[i], "true") == 0 || strcmp(row->words[i], "false") == 0;
        fprintf(out, "%s\"%s\"", i > 0 ? ", " : "", row->words[i]);
        if (is_switch) {
            fprintf(out, ", %s", row->words[i]);
        }
    }
    fprintf(out, "]}, %s]", VARIABLE);
}

static void print_number(FILE *out, const tr_schema_row_t *row)
{
    fprintf(out,
            "\"anyOf\": [{\"type\": \"integer\", \"minimum\": %" PRId64
            ", \"maximum\": %" PRId64
            "}, {\"type\": \"string\", \"pattern\": \"^[0-9]+$\"}, %s]",
            row->min, row->max, VARIABLE);
}

static void print_duration(FILE *out, const tr_schema_row_t *row)
{
    char word[64] = "";
    if (row->word) {
        snprintf(word, sizeof word, "{\"const\": \"%s\"}, ", row->word);
    }
    char more[96];
    snprintf(more, sizeof more, "%s%s", row->min == 0 ? "{\"const\": 0}, " : "", word);
    print_text(out, DURATION, more);
}

static void print_list(FILE *out, const tr_schema_row_t *row)
{
    fprintf(out, "\"type\": \"array\", \"items\": ");
    switch (row->type) {
    case TR_SCHEMA_LISTENERS:
        fprintf(out, "{\"anyOf\": [{\"type\": \"string\"}, {\"$ref\": \"#/$defs/listener\"}]}");
        break;
    case TR_SCHEMA_CHILDREN:
        fprintf(out, "{\"anyOf\": [{\"$ref\": \"#/$defs/capability\"}, "
                     "{\"$ref\": \"#/$defs/actor\"}, {\"$ref\": \"#/$defs/supervisor\"}]}");
        break;
    case TR_SCHEMA_ERRANDS:
        fprintf(out, "{\"$ref\": \"#/$defs/errand\"}");
        break;
    case TR_SCHEMA_PEERS:
        fprintf(out, "{\"$ref\": \"#/$defs/peer\"}");
        break;
    default:
        fprintf(out, "{\"type\": [\"string\", \"number\", \"boolean\"]}%s",
                row->type == TR_SCHEMA_WORDS ? ", \"minItems\": 1" : "");
        break;
    }
}

static void print_value(FILE *out, const tr_schema_row_t *row)
{
    switch (row->type) {
    case TR_SCHEMA_NAME:
        print_text(out, NAME, "{\"type\": [\"number\", \"boolean\"]}, ");
        break;
    case TR_SCHEMA_TEXT:
        fprintf(out, "\"type\": [\"string\", \"number\", \"boolean\"], \"minLength\": 1");
        break;
    case TR_SCHEMA_NUMBER:
        print_number(out, row);
        break;
    case TR_SCHEMA_DURATION:
        print_duration(out, row);
        break;
    case TR_SCHEMA_MOMENT:
        print_text(out, MOMENT, "{\"const\": 0}, ");
        break;
    case TR_SCHEMA_SIZE:
        print_text(out, SIZE, row->min == 0 ? "{\"const\": 0}, " : "");
        break;
    case TR_SCHEMA_SHARE:
        print_text(out, SHARE, "");
        break;
    case TR_SCHEMA_AMOUNT:
        print_text(out, SHARE, "{\"type\": \"string\", \"pattern\": \"" SIZE "\"}, ");
        break;
    case TR_SCHEMA_CLOCK:
        print_text(out, CLOCK, "{\"type\": \"integer\"}, ");
        break;
    case TR_SCHEMA_MODE:
        print_text(out, "^0?[0-7]{3}$", "{\"type\": \"integer\"}, ");
        break;
    case TR_SCHEMA_CHOICE:
    case TR_SCHEMA_SWITCH:
        print_words(out, row);
        break;
    case TR_SCHEMA_ARGS:
        fprintf(out, "\"type\": \"object\", \"additionalProperties\": "
                     "{\"type\": [\"string\", \"number\", \"boolean\", \"null\"]}");
        break;
    case TR_SCHEMA_MAPPING:
        fprintf(out, "\"$ref\": \"#/$defs/%s\"", place_name(row->inside));
        break;
    case TR_SCHEMA_WORDS:
    case TR_SCHEMA_PATTERNS:
    case TR_SCHEMA_LISTENERS:
    case TR_SCHEMA_PEERS:
    case TR_SCHEMA_CHILDREN:
    case TR_SCHEMA_ERRANDS:
        print_list(out, row);
        break;
    case TR_SCHEMA_LATER:
        break;
    }
    if (row->fallback) {
        fprintf(out, ", \"default\": \"%s\"", row->fallback);
    }
}

static bool is_of(const tr_schema_row_t *row, unsigned where)
{
    return (row->where & where) && row->type != TR_SCHEMA_LATER;
}

static void print_mapping(FILE *out, unsigned where, const char *indent)
{
    const char *comma = "";
    fprintf(out, "%s\"type\": \"object\",\n%s\"additionalProperties\": false,\n", indent,
            indent);
    fprintf(out, "%s\"required\": [", indent);
    for (size_t i = 0; i < tr_schema_rows; i++) {
        if (is_of(&tr_schema[i], where) && tr_schema[i].required) {
            fprintf(out, "%s\"%s\"", comma, tr_schema[i].key);
            comma = ", ";
        }
    }
    fprintf(out, "],\n%s\"properties\": {", indent);
    comma = "";
    for (size_t i = 0; i < tr_schema_rows; i++) {
        if (is_of(&tr_schema[i], where)) {
            fprintf(out, "%s\n%s  \"%s\": {", comma, indent, tr_schema[i].key);
            print_value(out, &tr_schema[i]);
            fprintf(out, "}");
            comma = ",";
        }
    }
    fprintf(out, "\n%s}", indent);
}

static void print_schema(FILE *out)
{
    fprintf(out, "{\n"
                 "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
                 "  \"title\": \"A node of Troupe\",\n");
    print_mapping(out, TR_IN_FILE, "  ");
    fprintf(out, ",\n  \"$defs\": {");
    for (size_t i = 0; i < n_places; i++) {
        fprintf(out, "%s\n    \"%s\": {\n", i > 0 ? "," : "", places[i].name);
        print_mapping(out, places[i].where, "      ");
        fprintf(out, "\n    }");
    }
    fprintf(out, "\n  }\n}\n");
}

/* Whether the file has exactly this text. */
static bool is_in(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t at = 0;
    int byte = 0;
    while (file && (byte = fgetc(file)) != EOF) {
        if (at >= size || text[at] != (char)byte) {
            break;
        }
        at++;
    }
    bool is_whole = file && byte == EOF && at == size;
    if (file) {
        fclose(file);
    }
    return is_whole;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_schema(stdout);
        return 0;
    }
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) {
        return 2;
    }
    print_schema(stream);
    fclose(stream);
    bool is_same = is_in(argv[1], text, size);
    if (!is_same) {
        fprintf(stderr, "%s is not what the table says: write it anew with\n  %s > %s\n",
                argv[1], argv[0], argv[1]);
    }
    free(text);
    return is_same ? 0 : 1;
}
