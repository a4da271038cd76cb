/* Descriptions made by the table that reads them: any keys, any values within their bounds.
 * Those that go together are printed and read again, and are the same; of the others it is said
 * why not.
 */

#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "node/config/print.h"
#include "node/reload/difference.h"
#include "tests/kit/random.h"

#define N_ROUNDS 1500

/* Of the keys that may be left out one in so many is there: the more there are, the rarer do
 * all go together. */
#define RARITY 7

static const tr_machine_memory_t there = {.bytes = (uint64_t)8 << 30};

typedef struct maker {
    FILE *out;
    uint64_t random;
    unsigned n_names;
    unsigned n_capabilities;
    bool is_process; /* the child that is written has a command */
} maker_t;

static size_t below(maker_t *maker, size_t n)
{
    return random_below(&maker->random, n);
}

static void write_mapping(maker_t *maker, unsigned where, int room);

/* ---- values ---- */

/* Within the bounds, and more often than not near the lower one. */
static int64_t any_between(maker_t *maker, int64_t min, int64_t max)
{
    uint64_t span = (uint64_t)(max - min);
    if (span > 9 && below(maker, 4) > 0) {
        span = 9;
    }
    return min + (int64_t)(random_next(&maker->random) % (span + 1));
}

static void write_text(maker_t *maker)
{
    char text[41];
    size_t size = 1 + below(maker, sizeof text - 1);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)(below(maker, 8) > 0 ? ' ' + (int)below(maker, 95)
                                             : 1 + (int)below(maker, 31));
    }
    text[size] = '\0';
    tr_config_quote(text, maker->out);
}

static void write_words(maker_t *maker, const char *key)
{
    fputc('[', maker->out);
    for (size_t n = 1 + below(maker, 3); n > 0; n--) {
        if (strcmp(key, "command") == 0) {
            write_text(maker);
        } else {
            fprintf(maker->out, "n%zu", below(maker, 5));
        }
        fputs(n > 1 ? ", " : "]", maker->out);
    }
}

static void write_args(maker_t *maker, const char *key)
{
    if (strcmp(key, "resources") == 0 || strcmp(key, "needs") == 0) {
        fprintf(maker->out, "{gpu: %d}", strcmp(key, "needs") == 0 ? 0 : 5);
        return;
    }
    fputc('{', maker->out);
    for (size_t i = 0, n = below(maker, 4); i < n; i++) {
        fprintf(maker->out, "k%zu: ", i);
        write_text(maker);
        fputs(i + 1 < n ? ", " : "", maker->out);
    }
    fputc('}', maker->out);
}

static void write_special_text(maker_t *maker, const char *key)
{
    if (strcmp(key, "endpoint") == 0) {
        fprintf(maker->out, "ipc:///run/%u.sock", maker->n_names++);
    } else if (strcmp(key, "http") == 0) {
        fprintf(maker->out, "127.0.0.1:%zu", 1 + below(maker, 65535));
    } else if (strcmp(key, "cpus") == 0) {
        fputs(below(maker, 2) ? "0-3" : "'0,2'", maker->out);
    } else {
        write_text(maker);
    }
}

static void write_name(maker_t *maker, const tr_schema_row_t *row)
{
    if (row->where == TR_IN_CAPABILITY) {
        fprintf(maker->out, "c%u", maker->n_capabilities++);
    } else {
        fprintf(maker->out, "n%u", maker->n_names++);
    }
}

static void write_scalar(maker_t *maker, const tr_schema_row_t *row)
{
    char text[32];
    int64_t number = any_between(maker, row->min, row->max);
    size_t n_words = 0;
    while (row->words && row->words[n_words]) {
        n_words++;
    }
    switch (row->type) {
    case TR_SCHEMA_NAME:
        write_name(maker, row);
        break;
    case TR_SCHEMA_NUMBER:
        fprintf(maker->out, "%" PRId64, number);
        break;
    case TR_SCHEMA_DURATION:
        fputs(row->word && below(maker, 5) == 0
                  ? row->word
                  : tr_text_print_duration(number, text, sizeof text),
              maker->out);
        break;
    case TR_SCHEMA_MOMENT:
        fprintf(maker->out, "%" PRId64 "us", number);
        break;
    case TR_SCHEMA_SIZE:
        number = any_between(maker, row->min,
                             row->min + 1000 < row->max ? row->min + 1000 : row->max);
        fputs(tr_text_print_size((uint64_t)number, text, sizeof text), maker->out);
        break;
    case TR_SCHEMA_SHARE:
        fprintf(maker->out, "%zu.%02zu%%", below(maker, 100), below(maker, 100));
        break;
    case TR_SCHEMA_AMOUNT:
        fprintf(maker->out, below(maker, 2) ? "%zu%%" : "%zuGiB", 2 + below(maker, 3));
        break;
    case TR_SCHEMA_CHOICE:
    case TR_SCHEMA_SWITCH:
        fputs(row->words[below(maker, n_words)], maker->out);
        break;
    case TR_SCHEMA_MODE:
        fprintf(maker->out, "0%03o", (unsigned)below(maker, 0777 + 1));
        break;
    case TR_SCHEMA_CLOCK:
        fprintf(maker->out, "'%02zu:%02zu'", below(maker, 24), below(maker, 60));
        break;
    default:
        write_special_text(maker, row->key);
        break;
    }
}

/* ---- mappings ---- */

static void write_child(maker_t *maker, int room)
{
    static const unsigned kinds[] = {TR_IN_CAPABILITY, TR_IN_ACTOR, TR_IN_SUPERVISOR};
    maker->is_process = below(maker, 3) == 0;
    write_mapping(maker, kinds[below(maker, room > 0 ? 3 : 2)], room - 1);
}

/* Once this or that, of a capability that may be there. */
static void write_errand(maker_t *maker)
{
    static const char *const whats[] = {"evict: c0", "restart: c0", "scale: c0, max: 3"};
    fputc('{', maker->out);
    if (below(maker, 2)) {
        fprintf(maker->out, "every: %zums", 100 + below(maker, 100000));
    } else {
        fprintf(maker->out, "at: '%02zu:%02zu'", below(maker, 24), below(maker, 60));
    }
    fprintf(maker->out, ", %s}", whats[below(maker, 3)]);
}

static void write_list(maker_t *maker, const tr_schema_row_t *row, int room)
{
    fputc('[', maker->out);
    for (size_t n = below(maker, 4); n > 0; n--) {
        if (row->type == TR_SCHEMA_CHILDREN) {
            write_child(maker, room);
        } else if (row->type == TR_SCHEMA_ERRANDS) {
            write_errand(maker);
        } else {
            write_mapping(maker, TR_IN_LISTENER, room);
        }
        fputs(n > 1 ? ",\n" : "", maker->out);
    }
    fputc(']', maker->out);
}

/* What cannot go together with what is there already, as far as that is easily said. */
static bool is_out_of_place(const maker_t *maker, const tr_schema_row_t *row)
{
    static const char *const of_process[] = {"command", "env", "directory", "limits"};
    static const char *const of_thread[] = {"module", "args", "isolation", "spawns"};
    const char *const *words = maker->is_process ? of_thread : of_process;
    bool is_about_workers = row->where & (TR_IN_WORKER | TR_IN_CAPABILITY | TR_IN_ACTOR);
    for (size_t i = 0; is_about_workers && i < 4; i++) {
        if (strcmp(row->key, words[i]) == 0) {
            return true;
        }
    }
    return row->type == TR_SCHEMA_LATER;
}

static bool is_wanted(maker_t *maker, const tr_schema_row_t *row)
{
    return row->required || strcmp(row->key, "resources") == 0 ||
           strcmp(row->key, "children") == 0 ||
           (row->where == TR_IN_WORKER &&
            (strcmp(row->key, "module") == 0 || strcmp(row->key, "command") == 0)) ||
           below(maker, RARITY) == 0;
}

static void write_mapping(maker_t *maker, unsigned where, int room)
{
    bool is_first = true;
    fputc('{', maker->out);
    for (size_t i = 0; i < tr_schema_rows; i++) {
        const tr_schema_row_t *row = &tr_schema[i];
        if (!(row->where & where) || is_out_of_place(maker, row) || !is_wanted(maker, row)) {
            continue;
        }
        fprintf(maker->out, "%s%s: ", is_first ? "" : ", ", row->key);
        is_first = false;
        switch (row->type) {
        case TR_SCHEMA_MAPPING:
            write_mapping(maker, row->inside, room);
            break;
        case TR_SCHEMA_LISTENERS:
        case TR_SCHEMA_CHILDREN:
        case TR_SCHEMA_ERRANDS:
            write_list(maker, row, room);
            break;
        case TR_SCHEMA_ARGS:
            write_args(maker, row->key);
            break;
        case TR_SCHEMA_WORDS:
            write_words(maker, row->key);
            break;
        default:
            write_scalar(maker, row);
            break;
        }
    }
    fputc('}', maker->out);
}

static char *make_text(uint64_t seed)
{
    char *text = NULL;
    size_t size;
    maker_t maker = {.out = open_memstream(&text, &size), .random = seed};
    assert_non_null(maker.out);
    write_mapping(&maker, TR_IN_FILE, 2);
    fputc('\n', maker.out);
    fclose(maker.out);
    return text;
}

/* ---- there and back ---- */

static char *print(const tr_config_t *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    tr_config_print(config, out);
    fclose(out);
    return text;
}

static void keep_first(void *arg, const char *line)
{
    char **first = arg;
    if (!*first) {
        *first = strdup(line);
    }
}

static tr_config_t *read_text(const char *text, char **problem)
{
    tr_config_t *config = NULL;
    troupe_status_t status =
        tr_config_read_for(there, "any", text, strlen(text), keep_first, problem, &config);
    assert_true((status == TROUPE_OK) == (config != NULL));
    assert_true((status == TROUPE_OK) == (*problem == NULL));
    return config;
}

static void goes_there_and_back(const tr_config_t *config, const char *source)
{
    char *problem = NULL;
    char *text = print(config);
    tr_config_t *again = read_text(text, &problem);
    if (!again) {
        fail_msg("%s\nof\n%s\nmade of\n%s", problem, text, source);
    }
    tr_difference_t *difference = tr_difference_new(config, again, NULL, 0);
    if (difference->n > 0) {
        fail_msg("%s\n%s\nmade of\n%s", difference->changes[0].text, text, source);
    }
    char *once_more = print(again);
    assert_string_equal(once_more, text);
    tr_difference_destroy(&difference);
    tr_config_destroy(&again);
    free(once_more);
    free(text);
}

static void any_description_is_read_as_it_was_printed(void **state)
{
    (void)state;
    uint64_t seed = random_seed();
    size_t n_read = 0;
    for (size_t i = 0; i < N_ROUNDS; i++) {
        char *problem = NULL;
        char *text = make_text(random_next(&seed));
        tr_config_t *config = read_text(text, &problem);
        if (config) {
            goes_there_and_back(config, text);
            tr_config_destroy(&config);
            n_read++;
        } else if (getenv("TROUPE_TEST_VERBOSE")) {
            printf("%s\n", problem);
        }
        free(problem);
        free(text);
    }
    printf("%zu of %d go together\n", n_read, N_ROUNDS);
    assert_true(n_read > N_ROUNDS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_description_is_read_as_it_was_printed),
    };
    return cmocka_run_group_tests_name("node/config_any", tests, NULL, NULL) != 0;
}
