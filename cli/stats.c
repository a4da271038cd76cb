/* `troupe stats`: counters and times, a row for each capability. What is counted comes from the
 * node's metrics, how it is from its account of itself; rates need two looks.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/document.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"

enum { ANSWER_TIMEOUT_MS = 5000, NAME_LENGTH = 64 };

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

/* An answer of the node, open. */
typedef struct answer {
    troupe_reply_t *reply;
    cli_document_t document;
} answer_t;

/* ---- asking ---- */

static int ask(cli_session_t *session, const looking_t *looking, const char *method,
               answer_t *out)
{
    *out = (answer_t){.reply = NULL};
    troupe_status_t status = cli_session_admin(session, session->client, method,
                                               looking->timeout_ms, NULL, &out->reply);
    if (status != TROUPE_OK) {
        return cli_explain_status(CLI_ADMIN, status);
    }
    int code = CLI_OK;
    const char *reason = "";
    const troupe_message_t *message = troupe_reply_message(out->reply);
    if (troupe_reply_outcome(out->reply) != TROUPE_OUTCOME_OK) {
        code = cli_explain_outcome(CLI_ADMIN, out->reply);
    } else if (!cli_document_open(&out->document, troupe_message_data(message, 0),
                                  troupe_message_size(message, 0), &reason)) {
        cli_complain("%s: the answer cannot be read: %s", CLI_ADMIN, reason);
        code = CLI_FAILED;
    }
    if (code != CLI_OK) {
        troupe_reply_destroy(&out->reply);
    }
    return code;
}

static void close_answer(answer_t *answer)
{
    if (answer->reply) {
        cli_document_close(&answer->document);
        troupe_reply_destroy(&answer->reply);
    }
}

static const msgpack_object *root_of(const answer_t *answer)
{
    return cli_document_root(&answer->document);
}

/* ---- reading the metrics ---- */

static bool says(const msgpack_object *map, const char *key, const char *text)
{
    const msgpack_object *value = cli_member(map, key);
    return value && value->type == MSGPACK_OBJECT_STR && value->via.str.size == strlen(text) &&
           memcmp(value->via.str.ptr, text, strlen(text)) == 0;
}

/* The series of that name after `*place`, about that capability; NULL: no more. */
static const msgpack_object *next_series(const answer_t *stats, const char *name,
                                         const char *capability, uint32_t *place)
{
    msgpack_object_array metrics = cli_member_array(root_of(stats), "metrics");
    while (*place < metrics.size) {
        const msgpack_object *series = &metrics.ptr[(*place)++];
        if (says(series, "name", name) &&
            says(cli_member(series, "labels"), "capability", capability)) {
            return series;
        }
    }
    return NULL;
}

typedef struct counts {
    uint64_t n_ok;
    uint64_t n_failed; /* ended otherwise, but for those that were cancelled */
    uint64_t n_all;
} counts_t;

static counts_t count_requests(const answer_t *stats, const char *capability)
{
    counts_t counts = {0};
    uint32_t place = 0;
    const msgpack_object *series;
    while ((series = next_series(stats, "troupe_requests_total", capability, &place))) {
        uint64_t value = 0;
        const msgpack_object *labels = cli_member(series, "labels");
        if (cli_member_number(series, "value", &value)) {
            counts.n_all += value;
            counts.n_ok += says(labels, "outcome", "ok") ? value : 0;
            counts.n_failed +=
                says(labels, "outcome", "ok") || says(labels, "outcome", "cancelled") ? 0
                                                                                      : value;
        }
    }
    return counts;
}

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
    char text[32];
    if (!cli_member_number(series, "value", &n) || n == 0 ||
        !cli_member_number(series, key, &us)) {
        return;
    }
    if (us < 1000) {
        snprintf(text, sizeof text, "%" PRIu64 " us", us);
    } else if (us < 1000000) {
        snprintf(text, sizeof text, "%.1f ms", (double)us / 1e3);
    } else {
        snprintf(text, sizeof text, "%.1f s", (double)us / 1e6);
    }
    cli_table_set(table, column, CLI_PLAIN, text);
}

static bool can_work(const msgpack_object *worker)
{
    static const char *const states[] = {"ready", "idle", "processing", "paused"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (says(worker, "state", states[i])) {
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
        char text[32];
        snprintf(text, sizeof text, "%.1f MiB", (double)bytes / (1 << 20));
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

static void set_rate(cli_table_t *table, const answer_t *before, const answer_t *after,
                     const char *name)
{
    uint64_t begin_us;
    uint64_t end_us;
    if (!before->reply || !cli_member_number(root_of(before), "clock_us", &begin_us) ||
        !cli_member_number(root_of(after), "clock_us", &end_us) || end_us <= begin_us) {
        return;
    }
    uint64_t n_before = count_requests(before, name).n_all;
    uint64_t n_after = count_requests(after, name).n_all;
    double rate = n_after < n_before
                      ? 0
                      : (double)(n_after - n_before) * 1e6 / (double)(end_us - begin_us);
    char text[48];
    snprintf(text, sizeof text, "%.*f", rate < 10 ? 1 : 0, rate);
    cli_table_set(table, COLUMN_RATE, CLI_PLAIN, text);
}

static void add_row(cli_table_t *table, const msgpack_object *capability,
                    const answer_t *before, const answer_t *after)
{
    char *name = cli_member_text(capability, "name", NAME_LENGTH);
    cli_table_begin(table);
    cli_table_set(table, COLUMN_NAME, CLI_PLAIN, *name ? name : "?");
    set_member(table, COLUMN_STATE, capability, "state");
    set_member(table, COLUMN_QUEUE, capability, "queue");
    set_member(table, COLUMN_PENDING, capability, "pending");
    counts_t counts = count_requests(after, name);
    set_number(table, COLUMN_DONE, counts.n_ok);
    set_number(table, COLUMN_FAILED, counts.n_failed);
    set_rate(table, before, after, name);
    uint32_t place = 0;
    const msgpack_object *times =
        next_series(after, "troupe_request_duration_seconds", name, &place);
    set_duration(table, COLUMN_P50, times, "p50_us");
    set_duration(table, COLUMN_P95, times, "p95_us");
    set_duration(table, COLUMN_P99, times, "p99_us");
    set_workers(table, capability);
    free(name);
}

static void show_table(const answer_t *tree, const answer_t *before, const answer_t *after)
{
    cli_table_t *table = cli_table_new(columns, N_COLUMNS);
    msgpack_object_array capabilities = cli_member_array(root_of(tree), "capabilities");
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
    answer_t before = {.reply = NULL};
    answer_t after = {.reply = NULL};
    answer_t tree = {.reply = NULL};
    int code = CLI_OK;
    if (looking->interval_ms > 0) {
        code = ask(session, looking, "stats", &before);
        if (code == CLI_OK && cli_session_pause(session, looking->interval_ms)) {
            code = cli_explain_status("stats", TROUPE_INTERRUPTED);
        }
    }
    if (code == CLI_OK) {
        code = ask(session, looking, "stats", &after);
    }
    if (code == CLI_OK && looking->as_json) {
        cli_json_object(root_of(&after));
        putchar('\n');
    } else if (code == CLI_OK) {
        code = ask(session, looking, "tree", &tree);
        if (code == CLI_OK) {
            show_table(&tree, &before, &after);
        }
    }
    close_answer(&before);
    close_answer(&after);
    close_answer(&tree);
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
