/* Rows are gathered with the figures that they may be sorted by, sorted, and then drawn. What
 * cannot be told leaves a cell empty: rates before there are two looks, times where nothing
 * ended in between. From a node that does not tell the steps of its histograms the times are
 * those since its start.
 */

#include "cli/top_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/document.h"
#include "cli/figures.h"
#include "cli/heading.h"
#include "cli/histogram.h"
#include "cli/output.h"
#include "cli/series.h"
#include "cli/table.h"

enum { NAME_LENGTH = 64, REASON_LENGTH = 200, MOST_STATES = 12 };

#define LONGEST_US ((uint64_t)INT64_MAX / 1000)

enum capability_column {
    CAPABILITY_NAME,
    CAPABILITY_STATE,
    CAPABILITY_QUEUE,
    CAPABILITY_PENDING,
    CAPABILITY_RATE,
    CAPABILITY_FAILED,
    CAPABILITY_P50,
    CAPABILITY_P99,
    CAPABILITY_SIZE,
    CAPABILITY_MEMORY,
    CAPABILITY_WORKERS,
    CAPABILITY_REASON,
    N_CAPABILITY_COLUMNS
};

static const cli_column_t capability_columns[N_CAPABILITY_COLUMNS] = {
    [CAPABILITY_NAME] = {"CAPABILITY", false}, [CAPABILITY_STATE] = {"STATE", false},
    [CAPABILITY_QUEUE] = {"QUEUE", true},      [CAPABILITY_PENDING] = {"PENDING", true},
    [CAPABILITY_RATE] = {"REQ/S", true},       [CAPABILITY_FAILED] = {"FAIL/S", true},
    [CAPABILITY_P50] = {"P50", true},          [CAPABILITY_P99] = {"P99", true},
    [CAPABILITY_SIZE] = {"SIZE", true},        [CAPABILITY_MEMORY] = {"MEMORY", true},
    [CAPABILITY_WORKERS] = {"WORKERS", false}, [CAPABILITY_REASON] = {"REASON", false},
};

enum actor_column {
    ACTOR_NAME,
    ACTOR_STATE,
    ACTOR_MAILBOX,
    ACTOR_RATE,
    ACTOR_DONE,
    ACTOR_RESTARTS,
    ACTOR_REASON,
    N_ACTOR_COLUMNS
};

static const cli_column_t actor_columns[N_ACTOR_COLUMNS] = {
    [ACTOR_NAME] = {"ACTOR", false},     [ACTOR_STATE] = {"STATE", false},
    [ACTOR_MAILBOX] = {"MAILBOX", true}, [ACTOR_RATE] = {"MSG/S", true},
    [ACTOR_DONE] = {"DONE", true},       [ACTOR_RESTARTS] = {"RESTARTS", true},
    [ACTOR_REASON] = {"REASON", false},
};

/* ---- orders ---- */

static const char *const order_names[CLI_TOP_N_ORDERS] = {
    [CLI_TOP_BY_TREE] = "tree",   [CLI_TOP_BY_NAME] = "name", [CLI_TOP_BY_RATE] = "rate",
    [CLI_TOP_BY_QUEUE] = "queue", [CLI_TOP_BY_P99] = "p99",   [CLI_TOP_BY_FAILED] = "failed",
};

const char *cli_top_order_name(cli_top_order_t order)
{
    return order_names[order];
}

bool cli_top_order_parse(const char *name, cli_top_order_t *out)
{
    for (size_t i = 0; i < CLI_TOP_N_ORDERS; i++) {
        if (strcmp(order_names[i], name) == 0) {
            *out = (cli_top_order_t)i;
            return true;
        }
    }
    return false;
}

/* One capability or actor, and what it may be sorted by. */
typedef struct row {
    const msgpack_object *object;
    char *name;
    size_t place; /* in the tree */
    bool has_rate;
    double rate;
    double failed;
    uint64_t queue;
    bool has_times;
    int64_t p50_ns;
    int64_t p99_ns;
} row_t;

typedef struct rows {
    row_t *all;
    size_t n;
    size_t n_room;
} rows_t;

static row_t *add_row(rows_t *rows, const msgpack_object *object)
{
    if (rows->n == rows->n_room) {
        rows->n_room = rows->n_room ? 2 * rows->n_room : 16;
        rows->all = cli_need(reallocarray(rows->all, rows->n_room, sizeof *rows->all));
    }
    row_t *row = &rows->all[rows->n];
    *row = (row_t){.object = object, .place = rows->n};
    row->name = cli_member_text(object, "name", NAME_LENGTH);
    rows->n++;
    return row;
}

/* 0 when there is none. */
static uint64_t number_of(const msgpack_object *object, const char *key)
{
    uint64_t number;
    return cli_member_number(object, key, &number) ? number : 0;
}

static void free_rows(rows_t *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->all[i].name);
    }
    free(rows->all);
}

/* Zero when they are alike in that. */
static int compare_by(const row_t *one, const row_t *other, cli_top_order_t order)
{
    switch (order) {
    case CLI_TOP_BY_NAME:
        return strcmp(one->name, other->name);
    case CLI_TOP_BY_RATE:
        return (one->rate < other->rate) - (one->rate > other->rate);
    case CLI_TOP_BY_QUEUE:
        return (one->queue < other->queue) - (one->queue > other->queue);
    case CLI_TOP_BY_P99:
        return (one->p99_ns < other->p99_ns) - (one->p99_ns > other->p99_ns);
    case CLI_TOP_BY_FAILED:
        return (one->failed < other->failed) - (one->failed > other->failed);
    case CLI_TOP_BY_TREE:
    case CLI_TOP_N_ORDERS:
        break;
    }
    return 0;
}

typedef struct sorting {
    cli_top_order_t order;
    bool is_reversed;
} sorting_t;

static int compare_rows(const void *one, const void *other, void *arg)
{
    const row_t *first = one;
    const row_t *second = other;
    const sorting_t *sorting = arg;
    int order = compare_by(first, second, sorting->order);
    if (order == 0) {
        order = first->place < second->place ? -1 : 1;
    }
    return sorting->is_reversed ? -order : order;
}

static void sort_rows(rows_t *rows, cli_top_order_t order, bool is_reversed)
{
    sorting_t sorting = {order, is_reversed};
    if (rows->n > 0) {
        qsort_r(rows->all, rows->n, sizeof *rows->all, compare_rows, &sorting);
    }
}

/* ---- cells ---- */

static void set_number(cli_table_t *table, size_t column, uint64_t number)
{
    char text[CLI_FIGURE];
    snprintf(text, sizeof text, "%" PRIu64, number);
    cli_table_set(table, column, CLI_PLAIN, text);
}

static void set_text(cli_table_t *table, size_t column, const msgpack_object *object,
                     const char *key, size_t longest)
{
    char *text = cli_member_text(object, key, longest);
    cli_table_set(table, column, CLI_PLAIN, text);
    free(text);
}

static void set_state(cli_table_t *table, size_t column, const msgpack_object *object)
{
    char *text = cli_member_text(object, "state", NAME_LENGTH);
    cli_table_set(table, column, cli_state_colour(text), text);
    free(text);
}

static void set_rate(cli_table_t *table, size_t column, cli_colour_t colour, double rate)
{
    char text[CLI_FIGURE];
    cli_show_rate(rate, text);
    cli_table_set(table, column, colour, text);
}

static void set_time(cli_table_t *table, size_t column, int64_t ns)
{
    char text[CLI_FIGURE];
    cli_show_time(ns, text);
    cli_table_set(table, column, CLI_PLAIN, text);
}

static char *table_as_text(cli_table_t **table_p)
{
    char *text = NULL;
    size_t size;
    FILE *out = cli_need(open_memstream(&text, &size));
    if (cli_table_n_rows(*table_p) > 0) {
        cli_table_print_to(*table_p, out);
    }
    cli_table_destroy(table_p);
    return cli_need(fclose(out) == 0 ? text : NULL);
}

/* ---- capabilities ---- */

/* Those since the start of the node, as it tells them itself. */
static void read_times_since_start(const msgpack_object *stats, row_t *row)
{
    uint64_t n;
    uint64_t p50_us;
    uint64_t p99_us;
    uint32_t place = 0;
    const msgpack_object *series =
        cli_series_next(stats, "troupe_request_duration_seconds", row->name, &place);
    if (cli_member_number(series, "value", &n) && n > 0 &&
        cli_member_number(series, "p50_us", &p50_us) && p50_us < LONGEST_US &&
        cli_member_number(series, "p99_us", &p99_us) && p99_us < LONGEST_US) {
        row->has_times = true;
        row->p50_ns = (int64_t)p50_us * 1000;
        row->p99_ns = (int64_t)p99_us * 1000;
    }
}

static void read_times(const cli_top_looks_t *looks, row_t *row)
{
    cli_histogram_t *times = cli_histogram_new();
    if (!cli_series_times(looks->earlier, looks->stats, "troupe_request_duration_seconds",
                          row->name, times)) {
        read_times_since_start(looks->stats, row);
    } else if (cli_histogram_n(times) > 0) {
        row->has_times = true;
        row->p50_ns = cli_histogram_quantile(times, 0.5);
        row->p99_ns = cli_histogram_quantile(times, 0.99);
    }
    cli_histogram_destroy(&times);
}

static void gather_capabilities(const cli_top_looks_t *looks, rows_t *rows)
{
    msgpack_object_array capabilities = cli_member_array(looks->tree, "capabilities");
    double seconds = cli_series_seconds(looks->earlier, looks->stats);
    for (uint32_t i = 0; i < capabilities.size; i++) {
        row_t *row = add_row(rows, &capabilities.ptr[i]);
        row->queue = number_of(row->object, "queue");
        if (seconds > 0) {
            cli_counts_t counts = cli_series_counts(looks->earlier, looks->stats, row->name);
            row->has_rate = true;
            row->rate = (double)counts.n_all / seconds;
            row->failed = (double)counts.n_failed / seconds;
            read_times(looks, row);
        }
    }
}

/* "2 idle, 1 processing": how many workers are in each state, in the order of the first. */
static void set_workers(cli_table_t *table, const msgpack_object *capability)
{
    msgpack_object_array workers = cli_member_array(capability, "workers");
    char *states[MOST_STATES];
    size_t n_in[MOST_STATES] = {0};
    size_t n_states = 0;
    for (uint32_t i = 0; i < workers.size; i++) {
        char *state = cli_member_text(&workers.ptr[i], "state", NAME_LENGTH);
        size_t at = 0;
        while (at < n_states && strcmp(states[at], state) != 0) {
            at++;
        }
        if (at == n_states && n_states < MOST_STATES) {
            states[n_states++] = state;
        } else {
            free(state);
        }
        n_in[at < MOST_STATES ? at : MOST_STATES - 1]++;
    }
    char *text = NULL;
    size_t size;
    FILE *out = cli_need(open_memstream(&text, &size));
    for (size_t i = 0; i < n_states; i++) {
        fprintf(out, "%s%zu %s", i > 0 ? ", " : "", n_in[i], *states[i] ? states[i] : "?");
        free(states[i]);
    }
    cli_need(fclose(out) == 0 ? text : NULL);
    cli_table_set(table, CAPABILITY_WORKERS, CLI_PLAIN, n_states > 0 ? text : "none");
    free(text);
}

static void set_size(cli_table_t *table, const msgpack_object *capability)
{
    uint64_t min;
    uint64_t max;
    if (cli_member_number(capability, "min", &min) &&
        cli_member_number(capability, "max", &max)) {
        char text[64];
        snprintf(text, sizeof text, "%" PRIu64 "..%" PRIu64, min, max);
        cli_table_set(table, CAPABILITY_SIZE, CLI_PLAIN, text);
    }
}

static void set_memory(cli_table_t *table, const msgpack_object *capability)
{
    msgpack_object_array workers = cli_member_array(capability, "workers");
    double bytes = 0;
    for (uint32_t i = 0; i < workers.size; i++) {
        bytes += (double)number_of(&workers.ptr[i], "memory");
    }
    if (bytes > 0) {
        char text[CLI_FIGURE];
        cli_show_size(bytes, text);
        cli_table_set(table, CAPABILITY_MEMORY, CLI_PLAIN, text);
    }
}

static void draw_capability(cli_table_t *table, const row_t *row)
{
    cli_table_begin(table);
    cli_table_set(table, CAPABILITY_NAME, CLI_PLAIN, *row->name ? row->name : "?");
    set_state(table, CAPABILITY_STATE, row->object);
    set_number(table, CAPABILITY_QUEUE, row->queue);
    set_text(table, CAPABILITY_PENDING, row->object, "pending", NAME_LENGTH);
    if (row->has_rate) {
        set_rate(table, CAPABILITY_RATE, CLI_PLAIN, row->rate);
        set_rate(table, CAPABILITY_FAILED, row->failed > 0 ? CLI_RED : CLI_PLAIN, row->failed);
    }
    if (row->has_times) {
        set_time(table, CAPABILITY_P50, row->p50_ns);
        set_time(table, CAPABILITY_P99, row->p99_ns);
    }
    set_size(table, row->object);
    set_memory(table, row->object);
    set_workers(table, row->object);
    set_text(table, CAPABILITY_REASON, row->object, "reason", REASON_LENGTH);
}

char *cli_top_capabilities(const cli_top_looks_t *looks, cli_top_order_t order,
                           bool is_reversed)
{
    rows_t rows = {0};
    cli_table_t *table = cli_table_new(capability_columns, N_CAPABILITY_COLUMNS);
    gather_capabilities(looks, &rows);
    sort_rows(&rows, order, is_reversed);
    for (size_t i = 0; i < rows.n; i++) {
        draw_capability(table, &rows.all[i]);
    }
    free_rows(&rows);
    return table_as_text(&table);
}

/* ---- actors ---- */

/* Those of a node of the tree and all below it; how deep that may be, the document bounds. */
static void gather_actors(const msgpack_object *node, rows_t *rows)
{
    if (cli_says(node, "kind", "actor")) {
        row_t *row = add_row(rows, node);
        uint64_t rate = 0;
        row->has_rate = cli_member_number(node, "rate", &rate);
        row->rate = (double)rate;
        row->queue = number_of(node, "mailbox");
    }
    msgpack_object_array children = cli_member_array(node, "children");
    for (uint32_t i = 0; i < children.size; i++) {
        gather_actors(&children.ptr[i], rows);
    }
}

static void draw_actor(cli_table_t *table, const row_t *row)
{
    cli_table_begin(table);
    cli_table_set(table, ACTOR_NAME, CLI_PLAIN, *row->name ? row->name : "?");
    set_state(table, ACTOR_STATE, row->object);
    set_text(table, ACTOR_MAILBOX, row->object, "mailbox", NAME_LENGTH);
    set_text(table, ACTOR_RATE, row->object, "rate", NAME_LENGTH);
    set_text(table, ACTOR_DONE, row->object, "messages", NAME_LENGTH);
    set_text(table, ACTOR_RESTARTS, row->object, "restarts", NAME_LENGTH);
    set_text(table, ACTOR_REASON, row->object, "reason", REASON_LENGTH);
}

char *cli_top_actors(const cli_top_looks_t *looks, cli_top_order_t order, bool is_reversed)
{
    rows_t rows = {0};
    cli_table_t *table = cli_table_new(actor_columns, N_ACTOR_COLUMNS);
    gather_actors(cli_member(looks->tree, "tree"), &rows);
    sort_rows(&rows, order, is_reversed);
    for (size_t i = 0; i < rows.n; i++) {
        draw_actor(table, &rows.all[i]);
    }
    free_rows(&rows);
    return table_as_text(&table);
}

/* ---- the node ---- */

/* ", up 5 h 02 min, 12 peers, 3 dead letters" */
static void tell_of_node(const msgpack_object *stats, char *text, size_t size)
{
    uint64_t now_ms;
    uint64_t started_ms;
    char age[CLI_FIGURE] = "";
    if (cli_member_number(stats, "time", &now_ms) &&
        cli_member_number(stats, "started", &started_ms) && now_ms >= started_ms) {
        cli_show_age((int64_t)(now_ms - started_ms), age);
    }
    uint64_t n_peers = cli_series_value(stats, "troupe_gateway_peers");
    uint64_t n_dead = cli_series_value(stats, "troupe_dead_letters_total");
    snprintf(text, size, "%s%s, %" PRIu64 " peer%s, %" PRIu64 " dead letter%s",
             *age ? ", up " : "", age, n_peers, n_peers == 1 ? "" : "s", n_dead,
             n_dead == 1 ? "" : "s");
}

static void tell_of_requests(FILE *out, const cli_top_looks_t *looks)
{
    msgpack_object_array capabilities = cli_member_array(looks->tree, "capabilities");
    uint64_t n_waiting = 0;
    uint64_t n_running = 0;
    for (uint32_t i = 0; i < capabilities.size; i++) {
        n_waiting += number_of(&capabilities.ptr[i], "queue");
        n_running += number_of(&capabilities.ptr[i], "pending");
    }
    fprintf(out, "requests: %" PRIu64 " waiting, %" PRIu64 " running", n_waiting, n_running);
    double seconds = cli_series_seconds(looks->earlier, looks->stats);
    if (seconds > 0) {
        cli_counts_t counts = cli_series_counts(looks->earlier, looks->stats, NULL);
        char texts[2][CLI_FIGURE];
        cli_show_rate((double)counts.n_all / seconds, texts[0]);
        cli_show_rate((double)counts.n_failed / seconds, texts[1]);
        fprintf(out, "; %s/s ended, %s/s failed", texts[0], texts[1]);
    }
    fprintf(out, "\n");
}

char *cli_top_heading(const cli_top_looks_t *looks)
{
    char *text = NULL;
    size_t size;
    FILE *out = cli_need(open_memstream(&text, &size));
    char more[200];
    tell_of_node(looks->stats, more, sizeof more);
    cli_heading_print(out, looks->tree, more);
    tell_of_requests(out, looks);
    return cli_need(fclose(out) == 0 ? text : NULL);
}
