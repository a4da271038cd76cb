/* `troupe stats`: counters and times, a row for each capability. What is counted comes from the
 * node's metrics, how it is from its account of itself; rates need two looks.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/document.h"
#include "cli/figures.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/series.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs.h"

enum { ANSWER_TIMEOUT_MS = 5000, NAME_LENGTH = 64 };

#define LONGEST_US ((uint64_t)INT64_MAX / 1000)

static const cli_option_t options[] = {
    {'i', "interval", "TIME", "look twice, TIME apart, and show the requests a second between"},
    {'t', "timeout", "TIME", "how long the node may take to answer (default 5s)"},
    {CLI_KEY_JSON, "json", NULL, "print all metrics as one JSON object"},
    CLI_TARGET_OPTIONS,
    {0},
};

enum column {
    COLUMN_NAME,
    COLUMN_STATE,
    COLUMN_QUEUE,
    COLUMN_PENDING,
    COLUMN_DONE,
    COLUMN_FAILED,
    COLUMN_RATE,
    COLUMN_P50,
    COLUMN_P95,
    COLUMN_P99,
    COLUMN_WORKERS,
    COLUMN_SIZE,
    COLUMN_MEMORY,
    N_COLUMNS
};

static const cli_column_t columns[N_COLUMNS] = {
    [COLUMN_NAME] = {"CAPABILITY", false}, [COLUMN_STATE] = {"STATE", false},
    [COLUMN_QUEUE] = {"QUEUE", true},      [COLUMN_PENDING] = {"PENDING", true},
    [COLUMN_DONE] = {"DONE", true},        [COLUMN_FAILED] = {"FAILED", true},
    [COLUMN_RATE] = {"REQ/S", true},       [COLUMN_P50] = {"P50", true},
    [COLUMN_P95] = {"P95", true},          [COLUMN_P99] = {"P99", true},
    [COLUMN_WORKERS] = {"WORKERS", true},  [COLUMN_SIZE] = {"SIZE", true},
    [COLUMN_MEMORY] = {"MEMORY", true},
};

typedef struct looking {
    cli_target_t target;
    int64_t timeout_ms;
    int64_t interval_ms; /* 0: look once */
    bool as_json;
} looking_t;

/* ---- cells ---- */

static void set_number(cli_table_t *table, enum column column, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    cli_table_set(table, column, CLI_PLAIN, text);
}

static void set_member(cli_table_t *table, enum column column, const msgpack_object *map,
                       const char *key)
{
    char *text = cli_member_text(map, key, NAME_LENGTH);
    cli_table_set(table, column,
                  column != COLUMN_STATE       ? CLI_PLAIN
                  : strcmp(text, "ready") == 0 ? CLI_GREEN
                                               : CLI_YELLOW,
                  text);
    free(text);
}

static void set_duration(cli_table_t *table, enum column column, const msgpack_object *series,
                         const char *key)
{
    uint64_t us;
    uint64_t n;
    char text[CLI_FIGURE];
    if (!cli_member_number(series, "value", &n) || n == 0 ||
        !cli_member_number(series, key, &us) || us > LONGEST_US) {
        return;
    }
    cli_show_time((int64_t)us * 1000, text);
    cli_table_set(table, column, CLI_PLAIN, text);
}

static bool can_work(const msgpack_object *worker)
{
    static const char *const states[] = {"ready", "idle", "processing", "paused"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (cli_says(worker, "state", states[i])) {
            return true;
        }
    }
    return false;
}

/* Those that are there, and what is measured of them. */
static void set_workers(cli_table_t *table, const msgpack_object *capability)
{
    msgpack_object_array workers = cli_member_array(capability, "workers");
    uint64_t n_up = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < workers.size; i++) {
        uint64_t own = 0;
        n_up += can_work(&workers.ptr[i]);
        bytes += cli_member_number(&workers.ptr[i], "memory", &own) ? own : 0;
    }
    set_number(table, COLUMN_WORKERS, n_up);
    if (bytes > 0) {
        char text[CLI_FIGURE];
        cli_show_size((double)bytes, text);
        cli_table_set(table, COLUMN_MEMORY, CLI_PLAIN, text);
    }
    uint64_t min;
    uint64_t max;
    if (cli_member_number(capability, "min", &min) &&
        cli_member_number(capability, "max", &max)) {
        char size[48];
        snprintf(size, sizeof size, "%" PRIu64 "..%" PRIu64, min, max);
        cli_table_set(table, COLUMN_SIZE, CLI_PLAIN, size);
    }
}

static void set_rate(cli_table_t *table, const msgpack_object *before,
                     const msgpack_object *after, const char *name)
{
    double seconds = cli_series_seconds(before, after);
    if (seconds > 0) {
        char text[CLI_FIGURE];
        cli_show_rate((double)cli_series_counts(before, after, name).n_all / seconds, text);
        cli_table_set(table, COLUMN_RATE, CLI_PLAIN, text);
    }
}

static void add_row(cli_table_t *table, const msgpack_object *capability,
                    const msgpack_object *before, const msgpack_object *after)
{
    char *name = cli_member_text(capability, "name", NAME_LENGTH);
    cli_table_begin(table);
    cli_table_set(table, COLUMN_NAME, CLI_PLAIN, *name ? name : "?");
    set_member(table, COLUMN_STATE, capability, "state");
    set_member(table, COLUMN_QUEUE, capability, "queue");
    set_member(table, COLUMN_PENDING, capability, "pending");
    cli_counts_t counts = cli_series_counts(NULL, after, name);
    set_number(table, COLUMN_DONE, counts.n_ok);
    set_number(table, COLUMN_FAILED, counts.n_failed);
    set_rate(table, before, after, name);
    uint32_t place = 0;
    const msgpack_object *times =
        cli_series_next(after, "troupe_request_duration_seconds", name, &place);
    set_duration(table, COLUMN_P50, times, "p50_us");
    set_duration(table, COLUMN_P95, times, "p95_us");
    set_duration(table, COLUMN_P99, times, "p99_us");
    set_workers(table, capability);
    free(name);
}

static void show_table(const msgpack_object *tree, const msgpack_object *before,
                       const msgpack_object *after)
{
    cli_table_t *table = cli_table_new(columns, N_COLUMNS);
    msgpack_object_array capabilities = cli_member_array(tree, "capabilities");
    for (uint32_t i = 0; i < capabilities.size; i++) {
        add_row(table, &capabilities.ptr[i], before, after);
    }
    if (capabilities.size == 0) {
        printf("the node has no capabilities\n");
    } else {
        cli_table_print(table);
    }
    cli_table_destroy(&table);
}

/* ---- the verb ---- */

static int show(cli_session_t *session, const looking_t *looking)
{
    cli_answer_t before = {.reply = NULL};
    cli_answer_t after = {.reply = NULL};
    cli_answer_t tree = {.reply = NULL};
    int code = CLI_OK;
    if (looking->interval_ms > 0) {
        code = cli_answer_ask(&before, session, "stats", looking->timeout_ms, NULL);
        if (code == CLI_OK && cli_session_pause(session, looking->interval_ms)) {
            code = cli_explain_status("stats", TROUPE_INTERRUPTED);
        }
    }
    if (code == CLI_OK) {
        code = cli_answer_ask(&after, session, "stats", looking->timeout_ms, NULL);
    }
    if (code == CLI_OK && looking->as_json) {
        cli_json_object(cli_answer_root(&after));
        putchar('\n');
    } else if (code == CLI_OK) {
        code = cli_answer_ask(&tree, session, "tree", looking->timeout_ms, NULL);
        if (code == CLI_OK) {
            show_table(cli_answer_root(&tree), cli_answer_root(&before),
                       cli_answer_root(&after));
        }
    }
    cli_answer_close(&before);
    cli_answer_close(&after);
    cli_answer_close(&tree);
    return code;
}

static int take_option(looking_t *looking, const cli_given_t *given)
{
    if (given->key == 'i' || given->key == 't') {
        int64_t *time_ms = given->key == 'i' ? &looking->interval_ms : &looking->timeout_ms;
        return cli_parse_duration(given->value, time_ms)
                   ? CLI_OK
                   : cli_wrong_usage("stats", "'%s' is no time; say 250ms, 5s or 10m",
                                     given->value);
    }
    looking->as_json |= given->key == CLI_KEY_JSON;
    return cli_target_option(&looking->target, "stats", given);
}

static int stats(const cli_args_t *args)
{
    looking_t looking = {.timeout_ms = ANSWER_TIMEOUT_MS};
    cli_target_init(&looking.target);
    for (size_t i = 0; i < args->n_given; i++) {
        int code = take_option(&looking, &args->given[i]);
        if (code != CLI_OK) {
            return code;
        }
    }
    cli_session_t session;
    int code = cli_session_open(&session, &looking.target);
    if (code == CLI_OK) {
        code = show(&session, &looking);
        cli_session_close(&session);
    }
    return code;
}

const cli_verb_t cli_verb_stats = {
    .name = "stats",
    .brief = "show counters and times of each capability",
    .about =
        "Print a table: for each capability how it is, what waits and runs, how many requests\n"
        "ended well and otherwise, how long they took, its workers and their memory.\n",
    .options = options,
    .examples = "  troupe stats\n"
                "  troupe stats -i 5s\n"
                "  troupe stats --json | jq '.metrics[] | select(.kind == \"gauge\")'\n",
    .run = stats,
};
