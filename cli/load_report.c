/* Both forms tell the same: figures that were measured here, and what the node's own histograms
 * have grown by meanwhile. Those know nothing of who called: what others asked of the same
 * capability is among them.
 */

#include "cli/load_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/json.h"
#include "cli/series.h"
#include "cli/table.h"

enum latency_column {
    LATENCY_OF,
    LATENCY_MEAN,
    LATENCY_P50,
    LATENCY_P90,
    LATENCY_P99,
    LATENCY_P999,
    LATENCY_MAX,
    N_LATENCY_COLUMNS
};

static const cli_column_t latency_columns[N_LATENCY_COLUMNS] = {
    [LATENCY_OF] = {"LATENCY", false}, [LATENCY_MEAN] = {"MEAN", true},
    [LATENCY_P50] = {"P50", true},     [LATENCY_P90] = {"P90", true},
    [LATENCY_P99] = {"P99", true},     [LATENCY_P999] = {"P99.9", true},
    [LATENCY_MAX] = {"MAX", true},
};

static const struct {
    enum latency_column column;
    const char *key;
    double share;
} quantiles[] = {
    {LATENCY_P50, "p50", 0.5},
    {LATENCY_P90, "p90", 0.9},
    {LATENCY_P99, "p99", 0.99},
    {LATENCY_P999, "p99_9", 0.999},
};

enum outcome_column { OUTCOME_NAME, OUTCOME_N, OUTCOME_SHARE, N_OUTCOME_COLUMNS };

static const cli_column_t outcome_columns[N_OUTCOME_COLUMNS] = {
    [OUTCOME_NAME] = {"OUTCOME", false},
    [OUTCOME_N] = {"REQUESTS", true},
    [OUTCOME_SHARE] = {"SHARE", true},
};

static uint64_t count_ended(const cli_tally_t *tally)
{
    uint64_t n = 0;
    for (size_t i = 0; i < TROUPE_N_OUTCOMES; i++) {
        n += tally->outcomes[i];
    }
    return n;
}

uint64_t cli_load_n_failed(const cli_tally_t *tally)
{
    return count_ended(tally) - tally->outcomes[TROUPE_OUTCOME_OK];
}

/* From when the first was due until the last one ended. */
static double seconds_of(const cli_tally_t *tally)
{
    return tally->last_ns > tally->first_ns ? (double)(tally->last_ns - tally->first_ns) / 1e9
                                            : 0;
}

static double each_second(const cli_tally_t *tally, uint64_t amount)
{
    double seconds = seconds_of(tally);
    return seconds > 0 ? (double)amount / seconds : 0;
}

/* The times that the node has measured meanwhile; NULL when it does not tell them. The caller's
 * to destroy. */
static cli_histogram_t *times_at_node(const cli_load_report_t *self, const char *name)
{
    cli_histogram_t *times = cli_histogram_new();
    if (cli_series_seconds(self->before, self->after) == 0 ||
        !cli_series_times(self->before, self->after, name, self->plan->capability, times) ||
        cli_histogram_n(times) == 0) {
        cli_histogram_destroy(&times);
    }
    return times;
}

/* ---- for people ---- */

static void print_heading(const cli_load_report_t *self)
{
    const cli_load_plan_t *plan = self->plan;
    char seconds[CLI_FIGURE];
    cli_show_time((int64_t)(seconds_of(self->tally) * 1e9), seconds);
    cli_print(CLI_BOLD, plan->capability);
    printf(": %" PRIu64 " requests in %s; %zu client%s", count_ended(self->tally), seconds,
           plan->n_clients, plan->n_clients == 1 ? "" : "s");
    if (plan->rate > 0) {
        printf(", %" PRIu64 " a second, at most %zu outstanding", plan->rate,
               plan->n_outstanding);
    } else {
        printf(", %zu outstanding", plan->n_outstanding);
    }
    printf("%s%s\n", plan->n_clients > 1 ? " each" : "",
           self->is_interrupted ? "; interrupted" : "");
}

static void print_throughput(const cli_tally_t *tally)
{
    char rate[CLI_FIGURE];
    char sent[CLI_FIGURE];
    char received[CLI_FIGURE];
    cli_show_rate(each_second(tally, count_ended(tally)), rate);
    cli_show_size(each_second(tally, tally->bytes_sent), sent);
    cli_show_size(each_second(tally, tally->bytes_received), received);
    printf("\n%s requests/s, %s/s sent, %s/s received\n", rate, sent, received);
}

static void set_time(cli_table_t *table, enum latency_column column, int64_t ns)
{
    char text[CLI_FIGURE];
    cli_show_time(ns, text);
    cli_table_set(table, column, CLI_PLAIN, text);
}

static void add_latency(cli_table_t *table, const char *of, const cli_histogram_t *times,
                        bool has_largest)
{
    if (!times || cli_histogram_n(times) == 0) {
        return;
    }
    cli_table_begin(table);
    cli_table_set(table, LATENCY_OF, CLI_PLAIN, of);
    set_time(table, LATENCY_MEAN, (int64_t)cli_histogram_mean(times));
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        set_time(table, quantiles[i].column, cli_histogram_quantile(times, quantiles[i].share));
    }
    if (has_largest) {
        set_time(table, LATENCY_MAX, cli_histogram_quantile(times, 1));
    }
}

static void print_latency(const cli_load_report_t *self)
{
    cli_histogram_t *queue = times_at_node(self, "troupe_queue_duration_seconds");
    cli_histogram_t *run = times_at_node(self, "troupe_request_duration_seconds");
    cli_table_t *table = cli_table_new(latency_columns, N_LATENCY_COLUMNS);
    add_latency(table, "answer", self->tally->latency, true);
    add_latency(table, "first part", self->tally->first_part, true);
    add_latency(table, "at the node, waiting", queue, false);
    add_latency(table, "at the node, running", run, false);
    if (cli_table_n_rows(table) > 0) {
        printf("\n");
        cli_table_print(table);
    }
    cli_table_destroy(&table);
    cli_histogram_destroy(&queue);
    cli_histogram_destroy(&run);
}

static void add_outcome(cli_table_t *table, troupe_outcome_t outcome, uint64_t n,
                        uint64_t n_all)
{
    char text[CLI_FIGURE];
    cli_table_begin(table);
    cli_table_set(table, OUTCOME_NAME, outcome == TROUPE_OUTCOME_OK ? CLI_GREEN : CLI_RED,
                  troupe_outcome_name(outcome));
    snprintf(text, sizeof text, "%" PRIu64, n);
    cli_table_set(table, OUTCOME_N, CLI_PLAIN, text);
    snprintf(text, sizeof text, "%.2f %%", 100.0 * (double)n / (double)n_all);
    cli_table_set(table, OUTCOME_SHARE, CLI_PLAIN, text);
}

static void print_outcomes(const cli_tally_t *tally)
{
    cli_table_t *table = cli_table_new(outcome_columns, N_OUTCOME_COLUMNS);
    uint64_t n_all = count_ended(tally);
    for (size_t i = 0; i < TROUPE_N_OUTCOMES; i++) {
        if (tally->outcomes[i] > 0) {
            add_outcome(table, (troupe_outcome_t)i, tally->outcomes[i], n_all);
        }
    }
    if (cli_table_n_rows(table) > 0) {
        printf("\n");
        cli_table_print(table);
    }
    cli_table_destroy(&table);
}

void cli_load_report_print(const cli_load_report_t *self)
{
    print_heading(self);
    print_throughput(self->tally);
    print_latency(self);
    print_outcomes(self->tally);
    if (self->tally->n_unsent > 0) {
        printf("\n%" PRIu64 " more were due by the rate and not sent: as many as may be were "
               "outstanding\n",
               self->tally->n_unsent);
    }
}

/* ---- for programs ---- */

static void write_times(const char *key, const cli_histogram_t *times, bool has_largest)
{
    printf(",\"%s\":", key);
    if (!times || cli_histogram_n(times) == 0) {
        printf("null");
        return;
    }
    printf("{\"n\":%" PRIu64 ",\"mean\":%.1f", cli_histogram_n(times),
           cli_histogram_mean(times) / 1e3);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        printf(",\"%s\":%.1f", quantiles[i].key,
               (double)cli_histogram_quantile(times, quantiles[i].share) / 1e3);
    }
    if (has_largest) {
        printf(",\"max\":%.1f", (double)cli_histogram_quantile(times, 1) / 1e3);
    }
    printf("}");
}

static void write_text(const char *key, const char *text)
{
    printf("\"%s\":", key);
    cli_json_string(text, strlen(text));
    printf(",");
}

static void write_plan(const cli_load_plan_t *plan)
{
    write_text("capability", plan->capability);
    write_text("method", plan->options.method ? plan->options.method : "");
    printf("\"clients\":%zu,\"outstanding\":%zu,\"rate\":%" PRIu64, plan->n_clients,
           plan->n_outstanding, plan->rate);
}

static void write_outcomes(const cli_tally_t *tally)
{
    const char *comma = "";
    printf(",\"outcomes\":{");
    for (size_t i = 0; i < TROUPE_N_OUTCOMES; i++) {
        if (tally->outcomes[i] > 0) {
            printf("%s\"%s\":%" PRIu64, comma, troupe_outcome_name((troupe_outcome_t)i),
                   tally->outcomes[i]);
            comma = ",";
        }
    }
    printf("}");
}

void cli_load_report_json(const cli_load_report_t *self)
{
    const cli_tally_t *tally = self->tally;
    cli_histogram_t *queue = times_at_node(self, "troupe_queue_duration_seconds");
    cli_histogram_t *run = times_at_node(self, "troupe_request_duration_seconds");
    printf("{");
    write_plan(self->plan);
    printf(",\"interrupted\":%s", self->is_interrupted ? "true" : "false");
    printf(",\"requests\":%" PRIu64 ",\"seconds\":%.6f,\"requests_per_second\":%.1f",
           count_ended(tally), seconds_of(tally), each_second(tally, count_ended(tally)));
    printf(",\"bytes_sent\":%" PRIu64 ",\"bytes_received\":%" PRIu64, tally->bytes_sent,
           tally->bytes_received);
    write_outcomes(tally);
    printf(",\"unsent\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"stray\":%" PRIu64,
           tally->n_unsent, tally->n_missing, tally->n_stray);
    write_times("latency_us", tally->latency, true);
    write_times("first_part_us", tally->first_part, true);
    write_times("node_queue_us", queue, false);
    write_times("node_run_us", run, false);
    printf("}\n");
    cli_histogram_destroy(&queue);
    cli_histogram_destroy(&run);
}
