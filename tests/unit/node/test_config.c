/* The corpus is the test: each file in tests/config/bad has beside it the exact lines it is
 * refused with, each in tests/config/good loads. A new story is a new file. What a file means
 * once it is loaded, and what bytes that are no file do, is told here.
 */

#include "tests/kit/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "node/config/config.h"
#include "node/config/notes.h"
#include "tests/unit/node/test_paths.h"

enum { CORPUS_MAX = 128, FLIPS = 4000 };

/* Lines as they are reported, each with its newline. */
struct lines {
    char *text;
    size_t size;
    size_t n;
    FILE *stream;
};

static void lines_begin(struct lines *self)
{
    *self = (struct lines){0};
    self->stream = open_memstream(&self->text, &self->size);
    assert_non_null(self->stream);
}

static void lines_end(struct lines *self)
{
    fclose(self->stream);
    free(self->text);
}

static const char *lines_text(struct lines *self)
{
    fflush(self->stream);
    return self->text;
}

static void note_line(void *arg, const char *line)
{
    struct lines *lines = arg;
    fprintf(lines->stream, "%s\n", line);
    lines->n++;
}

/* The whole file with a NUL behind it; the caller frees it. */
static char *slurp(const char *path, size_t *size_out)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("%s cannot be read", path);
    }
    char *text = NULL;
    FILE *stream = open_memstream(&text, size_out);
    for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) {
        fputc(byte, stream);
    }
    fclose(stream);
    fclose(file);
    return text;
}

static troupe_status_t read_text(const char *text, struct lines *lines, tr_config_t **out)
{
    return tr_config_read("t.yaml", text, strlen(text), note_line, lines, out);
}

static tr_config_t *must_load(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/good/%s", TEST_CONFIG_DIR, name);
    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    if (tr_config_read_file(path, note_line, &lines, &config) != TROUPE_OK) {
        fail_msg("%s", lines_text(&lines));
    }
    lines_end(&lines);
    return config;
}

/* Whether `text` is refused with exactly these lines. */
static void assert_refused(const char *text, const char *expected)
{
    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    assert_status(read_text(text, &lines, &config), TROUPE_ERR_INVALID);
    assert_null(config);
    assert_string_equal(lines_text(&lines), expected);
    lines_end(&lines);
}

/* Whether `text` is read without a problem. */
static void assert_taken(const char *text)
{
    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    if (read_text(text, &lines, &config) != TROUPE_OK) {
        fail_msg("%s", lines_text(&lines));
    }
    tr_config_destroy(&config);
    lines_end(&lines);
}

static void bad_file_is_refused_as_expected(void **state)
{
    const char *name = *state;
    char path[512];
    size_t size = 0;
    snprintf(path, sizeof path, "%s/bad/%s", TEST_CONFIG_DIR, name);
    char *text = slurp(path, &size);
    snprintf(path, sizeof path, "%s/bad/%.*s.expected", TEST_CONFIG_DIR,
             (int)(strrchr(name, '.') - name), name);
    size_t expected_size = 0;
    char *expected = slurp(path, &expected_size);

    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    assert_status(tr_config_read(name, text, size, note_line, &lines, &config),
                  TROUPE_ERR_INVALID);
    assert_null(config);
    assert_string_equal(lines_text(&lines), expected);
    lines_end(&lines);
    free(expected);
    free(text);
}

static void good_file_loads(void **state)
{
    tr_config_t *config = must_load(*state);
    assert_true(tr_text_is_name(config->name));
    assert_string_equal(config->root.name, "root");
    assert_true(config->root.kind == TR_CONFIG_SUPERVISOR);
    tr_config_destroy(&config);
    assert_null(config);
}

static void minimal_file_has_every_default(void **state)
{
    (void)state;
    tr_config_t *config = must_load("minimal.yaml");
    assert_int_equal(config->n_listeners, 0);
    assert_int_equal(config->drain_timeout_ms, 10000);
    assert_int_equal(config->majordomo_heartbeat_ms, 2500);
    assert_int_equal(config->majordomo_liveness, 3);
    assert_int_equal(config->spin_us, 0);
    assert_int_equal(config->quarantine_limit, 100);
    assert_null(config->http);
    assert_true(config->memory_budget.bytes < 0);
    assert_true(config->memory_budget.share > 0.79999 && config->memory_budget.share < 0.80001);
    assert_int_equal(config->memory_reserve, 0);
    assert_int_equal(config->memory_residency_ms, 1000);
    assert_int_equal(config->resources.n, 0);
    assert_int_equal(config->n_errands, 0);
    assert_int_equal(config->root.auto_shutdown, TR_CONFIG_SHUTDOWN_NEVER);
    assert_int_equal(config->root.strategy, TR_CONFIG_ONE_FOR_ONE);
    assert_int_equal(config->root.intensity_restarts, 1);
    assert_int_equal(config->root.intensity_period_ms, 5000);
    assert_int_equal(config->root.place.line, 2);
    assert_int_equal(config->root.place.column, 13);
    assert_int_equal(config->root.n_children, 1);

    const tr_config_child_t *hello = &config->root.children[0];
    assert_int_equal(hello->kind, TR_CONFIG_CAPABILITY);
    assert_string_equal(hello->name, "hello");
    assert_int_equal(hello->place.line, 2);
    assert_int_equal(hello->place.column, 25);
    assert_string_equal(hello->module, "echo");
    assert_int_equal(hello->module_place.line, 2);
    assert_int_equal(hello->module_place.column, 62);
    assert_int_equal(hello->args.n, 0);
    assert_int_equal(hello->restart, TR_CONFIG_PERMANENT);
    assert_int_equal(hello->backoff_min_ms, 100);
    assert_int_equal(hello->backoff_max_ms, 30000);
    assert_int_equal(hello->shutdown_ms, 5000);
    assert_int_equal(hello->start_stall_ms, 60000);
    assert_int_equal(hello->health_interval_ms, 1000);
    assert_int_equal(hello->health_misses, 3);
    assert_int_equal(hello->health_stall_ms, 0);
    assert_int_equal(hello->health_overrun_ms, 30000);
    assert_int_equal(hello->health_probe_ms, 0);
    assert_int_equal(hello->isolation, TR_CONFIG_THREAD);
    assert_int_equal(hello->command.n, 0);
    assert_false(hello->is_significant);
    assert_int_equal(hello->workers_min, 1);
    assert_int_equal(hello->workers_max, 1);
    assert_int_equal(hello->concurrency, 1);
    assert_int_equal(hello->parallel_starts, 1);
    assert_int_equal(hello->memory, 0);
    assert_int_equal(hello->needs.n, 0);
    assert_false(hello->is_pinned);
    assert_int_equal(hello->evict_cost, 1);
    assert_int_equal(hello->start_timeout_ms, 0);
    assert_int_equal(hello->keep_alive_ms, 60000);
    assert_int_equal(hello->queue_limit, 100);
    assert_int_equal(hello->overflow, TR_CONFIG_OVERFLOW_REJECT);
    assert_int_equal(hello->per_peer, 0);
    assert_int_equal(hello->balance, TR_CONFIG_LEAST_PENDING);
    assert_int_equal(hello->queue_timeout_ms, 0);
    assert_false(hello->dedups_bodies);
    assert_int_equal(hello->reader_stall_ms, 30000);
    assert_int_equal(hello->retry, 0);
    assert_int_equal(hello->poison, 3);
    assert_int_equal(hello->breaker_failures, 0);
    assert_int_equal(hello->batch_max, 1);
    assert_int_equal(hello->batch_window_ms, 0);
    assert_int_equal(hello->timeout_ms, 30000);
    assert_false(hello->escalate);
    assert_int_equal(hello->intensity_restarts, 7);
    assert_int_equal(hello->intensity_period_ms, 10000);
    assert_int_equal(hello->n_children, 0);
    tr_config_destroy(&config);
}

static void complete_capability_has_what_was_written(const tr_config_child_t *vision)
{
    static const char *const args[][2] = {
        {"language", "eng"}, {"size", "3"}, {"quoted key", ""},
        {"factor", "1.5"},   {"on", "yes"},
    };
    assert_int_equal(vision->kind, TR_CONFIG_CAPABILITY);
    assert_string_equal(vision->name, "vision");
    assert_string_equal(vision->module, "ocr");
    assert_int_equal(vision->module_place.line, 17);
    assert_int_equal(vision->module_place.column, 17);
    assert_int_equal(vision->args.n, 5);
    for (size_t i = 0; i < vision->args.n; i++) {
        assert_string_equal(vision->args.items[i].key, args[i][0]);
        assert_string_equal(vision->args.items[i].value, args[i][1]);
    }
    assert_int_equal(vision->workers_min, 2);
    assert_int_equal(vision->workers_max, 4);
    assert_int_equal(vision->concurrency, 8);
    assert_int_equal(vision->parallel_starts, 3);
    assert_int_equal(vision->memory, 3 << 19);
    assert_int_equal(vision->needs.n, 2);
    assert_string_equal(vision->needs.items[0].key, "licence");
    assert_string_equal(vision->needs.items[0].value, "2");
    assert_string_equal(vision->needs.items[1].key, "gpu");
    assert_true(vision->is_pinned);
    assert_int_equal(vision->evict_cost, 10);
    assert_int_equal(vision->start_timeout_ms, 300000);
    assert_int_equal(vision->keep_alive_ms, 90000);
    assert_int_equal(vision->queue_limit, 50);
    assert_int_equal(vision->overflow, TR_CONFIG_OVERFLOW_DROP_OLDEST);
    assert_int_equal(vision->per_peer, 7);
    assert_int_equal(vision->balance, TR_CONFIG_ROUND_ROBIN);
    assert_int_equal(vision->queue_timeout_ms, 900);
    assert_int_equal(vision->reader_stall_ms, 11000);
    assert_true(vision->dedups_bodies);
    assert_int_equal(vision->retry, 2);
    assert_int_equal(vision->poison, 4);
    assert_int_equal(vision->breaker_failures, 6);
    assert_int_equal(vision->breaker_cooldown_ms, 12000);
    assert_int_equal(vision->breaker_probes, 1);
    assert_int_equal(vision->batch_max, 16);
    assert_int_equal(vision->batch_window_ms, 5);
    assert_int_equal(vision->timeout_ms, 1500);
    assert_int_equal(vision->restart, TR_CONFIG_TRANSIENT);
    assert_int_equal(vision->backoff_min_ms, 200);
    assert_int_equal(vision->backoff_max_ms, 60000);
    assert_true(vision->shutdown_ms == TR_CONFIG_INFINITY);
    assert_int_equal(vision->start_stall_ms, 120000);
    assert_int_equal(vision->health_interval_ms, 2000);
    assert_int_equal(vision->health_misses, 5);
    assert_int_equal(vision->health_stall_ms, 45000);
    assert_int_equal(vision->health_overrun_ms, 15000);
    assert_int_equal(vision->intensity_restarts, 9);
    assert_int_equal(vision->intensity_period_ms, 60000);
    assert_true(vision->escalate);
}

static void complete_actor_has_what_was_written(const tr_config_child_t *audit)
{
    assert_int_equal(audit->kind, TR_CONFIG_ACTOR);
    assert_string_equal(audit->name, "audit");
    assert_string_equal(audit->module, "audit");
    assert_int_equal(audit->args.n, 0);
    assert_int_equal(audit->restart, TR_CONFIG_TEMPORARY);
    assert_int_equal(audit->backoff_min_ms, 1000);
    assert_int_equal(audit->backoff_max_ms, 2000);
    assert_int_equal(audit->shutdown_ms, 0);
    assert_int_equal(audit->start_stall_ms, 3000);
    assert_int_equal(audit->start_timeout_ms, 9000);
    assert_int_equal(audit->health_interval_ms, 4000);
    assert_int_equal(audit->health_misses, 6);
    assert_int_equal(audit->health_stall_ms, 0);
    assert_int_equal(audit->health_overrun_ms, 7000);
    assert_int_equal(audit->intensity_restarts, 3);
    assert_int_equal(audit->intensity_period_ms, 5000);
    assert_int_equal(audit->workers_max, 0);
    assert_int_equal(audit->queue_limit, 0);
}

static void complete_file_has_what_it_shares_out(const tr_config_t *config)
{
    assert_string_equal(config->http, "localhost:8670");
    assert_int_equal(config->http_place.column, 7);
    assert_int_equal(config->majordomo_heartbeat_ms, 700);
    assert_int_equal(config->majordomo_liveness, 5);
    assert_true(config->memory_budget.bytes < 0);
    assert_true(config->memory_budget.share > 0.49999 && config->memory_budget.share < 0.50001);
    assert_int_equal(config->memory_reserve, 1 << 20);
    assert_int_equal(config->memory_residency_ms, 250);
    assert_int_equal(config->resources.n, 2);
    assert_string_equal(config->resources.items[0].key, "gpu");
    assert_string_equal(config->resources.items[0].value, "4");
    assert_string_equal(config->resources.items[1].key, "licence");
}

static void complete_file_has_its_schedule(const tr_config_t *config)
{
    assert_int_equal(config->n_errands, 4);
    const tr_config_errand_t *errands = config->schedule;
    assert_int_equal(errands[0].every_ms, 100);
    assert_string_equal(errands[0].evict, "vision");
    assert_null(errands[0].restart);
    assert_null(errands[0].scale);
    assert_int_equal(errands[0].place.column, 5);
    assert_int_equal(errands[1].every_ms, 0);
    assert_int_equal(errands[1].at_s, 23 * 3600 + 59 * 60);
    assert_string_equal(errands[1].restart, "vision");
    assert_int_equal(errands[1].min, -1);
    assert_int_equal(errands[1].max, -1);
    assert_int_equal(errands[2].at_s, 6 * 3600 + 30 * 60);
    assert_string_equal(errands[2].scale, "vision");
    assert_int_equal(errands[2].min, 0);
    assert_int_equal(errands[2].max, 8);
    assert_int_equal(errands[3].at_s, 0);
    assert_int_equal(errands[3].min, -1);
    assert_int_equal(errands[3].max, 2);
}

static void limits_have_what_was_written_and_follow_one_another(void **state)
{
    (void)state;
    tr_config_t *config = must_load("limits.yaml");
    const tr_config_limits_t *all = &config->listeners[0].limits;
    assert_int_equal(all->connections, 20);
    assert_int_equal(all->open, 30);
    assert_int_equal(all->rate, 100);
    assert_int_equal(all->burst, 200);
    assert_int_equal(all->frame, 1 << 20);
    assert_int_equal(all->message, 2 << 20);
    assert_int_equal(all->frames, 4);
    assert_int_equal(all->malformed, 5);
    assert_int_equal(all->queue, 600);
    assert_int_equal(all->queue_bytes, 7 << 20);
    assert_int_equal(all->socket_buffer, 32 << 10);
    assert_int_equal(all->stall_ms, 8000);
    assert_true(all->idle_ms == TR_CONFIG_INFINITY);
    const tr_config_limits_t *some = &config->listeners[1].limits;
    assert_int_equal(some->burst, 50);
    assert_int_equal(some->message, 128 << 20);
    assert_int_equal(some->socket_buffer, 128 << 10);
    assert_int_equal(some->idle_ms, 300000);
    assert_int_equal(config->limit_connections, 500);
    assert_int_equal(config->limit_open, 600);
    assert_int_equal(config->limit_queue_bytes, 700 << 20);
    tr_config_destroy(&config);
}

static void complete_file_has_what_was_written(void **state)
{
    (void)state;
    tr_config_t *config = must_load("complete.yaml");
    assert_string_equal(config->name, "studio");
    assert_int_equal(config->drain_timeout_ms, 20000);
    assert_int_equal(config->spin_us, 50);
    assert_int_equal(config->n_listeners, 3);
    assert_string_equal(config->listeners[0].endpoint, "ipc:///run/troupe/studio.sock");
    assert_int_equal(config->listeners[0].mode, 0660);
    assert_int_equal(config->listeners[0].place.line, 5);
    assert_int_equal(config->listeners[0].place.column, 5);
    assert_string_equal(config->listeners[1].endpoint, "tcp://127.0.0.1:5670");
    assert_int_equal(config->listeners[1].mode, 0600);
    assert_int_equal(config->listeners[2].mode, 0640);
    assert_int_equal(config->root.strategy, TR_CONFIG_REST_FOR_ONE);
    assert_int_equal(config->root.intensity_restarts, 7);
    assert_int_equal(config->root.intensity_period_ms, 70000);
    assert_int_equal(config->root.n_children, 3);
    complete_capability_has_what_was_written(&config->root.children[0]);

    const tr_config_child_t *inner = &config->root.children[1];
    assert_int_equal(inner->kind, TR_CONFIG_SUPERVISOR);
    assert_string_equal(inner->name, "inner");
    assert_int_equal(inner->strategy, TR_CONFIG_ONE_FOR_ALL);
    assert_int_equal(inner->intensity_restarts, 0);
    assert_int_equal(inner->intensity_period_ms, 3600000);
    assert_int_equal(inner->n_children, 2);
    complete_actor_has_what_was_written(&inner->children[0]);
    assert_int_equal(inner->children[1].kind, TR_CONFIG_SUPERVISOR);
    assert_int_equal(inner->children[1].intensity_restarts, 1);

    assert_int_equal(inner->children[0].mailbox_limit, 100000);
    assert_int_equal(inner->children[0].mailbox_bytes, 1 << 30);

    /* An actor without an intensity is counted by its supervisor alone. */
    assert_int_equal(config->root.children[2].intensity_restarts, -1);
    assert_int_equal(config->root.children[2].mailbox_limit, 5);
    assert_int_equal(config->root.children[2].mailbox_bytes, 2 << 20);
    complete_file_has_what_it_shares_out(config);
    complete_file_has_its_schedule(config);
    tr_config_destroy(&config);
}

static void inline_workers_have_what_was_written(void **state)
{
    (void)state;
    tr_config_t *config = must_load("inline.yaml");
    const tr_config_child_t *sum = &config->root.children[0];
    assert_int_equal(sum->isolation, TR_CONFIG_INLINE);
    assert_string_equal(sum->module, "echo");
    assert_int_equal(sum->args.n, 1);
    tr_config_destroy(&config);
}

static void processes_have_what_was_written(void **state)
{
    (void)state;
    tr_config_t *config = must_load("processes.yaml");
    const tr_config_child_t *ocr = &config->root.children[0];
    assert_int_equal(ocr->isolation, TR_CONFIG_PROCESS);
    assert_int_equal(ocr->env.n, 2);
    assert_string_equal(ocr->env.items[1].key, "LANG");
    assert_string_equal(ocr->env.items[1].value, "C");
    assert_string_equal(ocr->directory, "/tmp");
    assert_int_equal(ocr->limit_memory, 1 << 30);
    assert_int_equal(ocr->limit_cpu_time_ms, 60000);
    assert_int_equal(ocr->limit_open_files, 64);
    assert_int_equal(ocr->limit_nice, 5);
    assert_string_equal(ocr->limit_cpus, "0-1");
    assert_int_equal(ocr->health_probe_ms, 5000);

    const tr_config_child_t *upper = &config->root.children[1];
    assert_int_equal(upper->isolation, TR_CONFIG_PROCESS);
    assert_null(upper->module);
    assert_int_equal(upper->command.n, 2);
    assert_string_equal(upper->command.items[0], "python3");
    assert_string_equal(upper->command.items[1], "upper_worker.py");

    const tr_config_child_t *inner = &config->root.children[2];
    assert_int_equal(inner->auto_shutdown, TR_CONFIG_SHUTDOWN_ANY);
    assert_int_equal(inner->restart, TR_CONFIG_TRANSIENT);
    assert_int_equal(inner->shutdown_ms, TR_CONFIG_INFINITY);
    assert_true(inner->is_significant);
    assert_true(inner->children[0].is_significant);
    assert_int_equal(config->root.children[3].strategy, TR_CONFIG_SIMPLE_ONE_FOR_ONE);
    tr_config_destroy(&config);
}

/* A node with one capability, which has these keys besides its worker. */
static tr_config_t *must_read_capability(const char *keys)
{
    char text[512];
    snprintf(text, sizeof text,
             "troupe: 1\nsupervisor: {children: [{capability: a, worker: {module: b}%s}]}",
             keys);
    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    if (read_text(text, &lines, &config) != TROUPE_OK) {
        fail_msg("%s", lines_text(&lines));
    }
    lines_end(&lines);
    return config;
}

/* One row, one pool: what is written in `workers` and `intensity`, and what follows. */
struct pool {
    const char *keys;
    int64_t min, max, restarts, period_ms;
};

static void pool_defaults_follow(void **state)
{
    const struct pool *pool = *state;
    tr_config_t *config = must_read_capability(pool->keys);
    const tr_config_child_t *child = &config->root.children[0];
    assert_int_equal(child->workers_min, pool->min);
    assert_int_equal(child->workers_max, pool->max);
    assert_int_equal(child->intensity_restarts, pool->restarts);
    assert_int_equal(child->intensity_period_ms, pool->period_ms);
    tr_config_destroy(&config);
}

/* One row, one breaker and one batch, either of which may be absent. */
struct guard {
    const char *keys;
    int64_t failures, cooldown_ms, probes, batch_max, window_ms;
};

static void breaker_and_batch_follow(void **state)
{
    const struct guard *guard = *state;
    tr_config_t *config = must_read_capability(guard->keys);
    const tr_config_child_t *child = &config->root.children[0];
    assert_int_equal(child->breaker_failures, guard->failures);
    assert_int_equal(child->breaker_cooldown_ms, guard->cooldown_ms);
    assert_int_equal(child->breaker_probes, guard->probes);
    assert_int_equal(child->batch_max, guard->batch_max);
    assert_int_equal(child->batch_window_ms, guard->window_ms);
    tr_config_destroy(&config);
}

/* One row, one capability: the words it is given and what they are read as. */
struct words {
    const char *keys;
    tr_config_overflow_t overflow;
    tr_config_balance_t balance;
};

static void words_are_what_they_name(void **state)
{
    const struct words *words = *state;
    tr_config_t *config = must_read_capability(words->keys);
    assert_int_equal(config->root.children[0].overflow, words->overflow);
    assert_int_equal(config->root.children[0].balance, words->balance);
    tr_config_destroy(&config);
}

/* One row, one address for HTTP, and what is wrong with it. */
struct address {
    const char *text;
    const char *problem; /* NULL: nothing */
};

static void http_address_is_judged(void **state)
{
    const struct address *address = *state;
    char text[512];
    snprintf(text, sizeof text, "troupe: 1\nhttp: \"%s\"\nsupervisor: {}\n", address->text);
    if (address->problem) {
        char expected[512];
        snprintf(expected, sizeof expected, "t.yaml:2:7: error: http '%s': %s\n", address->text,
                 address->problem);
        assert_refused(text, expected);
    } else {
        assert_taken(text);
    }
}

static void variables_are_replaced(void **state)
{
    (void)state;
    tr_config_t *config = must_load("variables.yaml");
    const tr_config_child_t *child = &config->root.children[0];
    assert_string_equal(config->name, "word-1");
    assert_string_equal(child->name, "vision");
    assert_string_equal(child->module, "echo");
    assert_string_equal(child->args.items[0].value, "word and word");
    assert_string_equal(child->args.items[1].value, "$5");
    assert_string_equal(child->args.items[2].value, "xy");
    assert_int_equal(child->workers_max, 3);
    assert_int_equal(child->timeout_ms, 3000);
    assert_int_equal(child->keep_alive_ms, 300000);
    tr_config_destroy(&config);
}

static void node_is_called_like_its_host(void **state)
{
    (void)state;
    char host[65] = "";
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    tr_config_t *config = must_load("minimal.yaml");
    if (tr_text_is_name(host)) {
        assert_string_equal(config->name, host);
    } else {
        assert_true(tr_text_is_name(config->name));
    }
    tr_config_destroy(&config);
}

static void file_that_is_not_there_is_reported(void **state)
{
    (void)state;
    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    assert_status(tr_config_read_file("/nowhere/x.yaml", note_line, &lines, &config),
                  TROUPE_ERR_IO);
    assert_string_equal(lines_text(&lines),
                        "/nowhere/x.yaml: error: No such file or directory\n");
    assert_status(tr_config_read_file("/", NULL, NULL, &config), TROUPE_ERR_IO);
    assert_null(config);
    lines_end(&lines);
}

static void problems_need_no_listener(void **state)
{
    (void)state;
    tr_config_t *config = NULL;
    assert_status(tr_config_read("t.yaml", "x: 1", 4, NULL, NULL, &config), TROUPE_ERR_INVALID);
    assert_status(tr_config_read("t.yaml", NULL, 0, NULL, NULL, &config), TROUPE_ERR_INVALID);
    assert_null(config);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    tr_config_t *config = NULL;
    tr_config_destroy(&config);
}

/* A small good file, padded by a comment to `size` bytes. */
static char *make_padded(size_t size)
{
    static const char text[] = "troupe: 1\nsupervisor: {}\n#";
    char *padded = malloc(size + 1);
    assert_non_null(padded);
    memset(padded, ' ', size);
    memcpy(padded, text, sizeof text - 1);
    padded[size] = '\0';
    return padded;
}

static void file_may_be_a_mebibyte_and_no_more(void **state)
{
    (void)state;
    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    char *text = make_padded(1024 * 1024);
    assert_status(read_text(text, &lines, &config), TROUPE_OK);
    tr_config_destroy(&config);
    lines_end(&lines);
    free(text);

    text = make_padded(1024 * 1024 + 1);
    assert_refused(text, "t.yaml:1:1: error: larger than 1048576 bytes\n");
    free(text);
}

/* A file of `n` anchors, or of `n` listeners, one in each line from the third on. */
static char *make_repeated(size_t n, const char *head, const char *line, const char *tail)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    fputs(head, stream);
    for (size_t i = 1; i <= n; i++) {
        fprintf(stream, line, i, i);
    }
    fputs(tail, stream);
    fclose(stream);
    return text;
}

static void anchors_are_bounded(void **state)
{
    (void)state;
    static const char head[] =
        "troupe: 1\nsupervisor: {children: [{actor: a, worker: {module: b, args: {\n";
    char *text = make_repeated(256, head, " a%zu: &a%zu x,\n", "}}}]}\n");
    assert_taken(text);
    free(text);
    text = make_repeated(257, head, " a%zu: &a%zu x,\n", "}}}]}\n");
    assert_refused(text, "t.yaml:259:8: error: more than 256 anchors\n");
    free(text);
}

static void listeners_are_bounded(void **state)
{
    (void)state;
    static const char head[] = "troupe: 1\nlisten:\n";
    char *text = make_repeated(24, head, " - ipc://%zu-%zu\n", "supervisor: {}\n");
    assert_taken(text);
    free(text);
    text = make_repeated(25, head, " - ipc://%zu-%zu\n", "supervisor: {}\n");
    assert_refused(text, "t.yaml:27:4: error: more than 24 listeners\n");
    free(text);
}

static void errands_are_bounded(void **state)
{
    (void)state;
    static const char head[] = "troupe: 1\nsupervisor: {children: [{capability: c, worker: "
                               "{module: b}}]}\nschedule:\n";
    static const char line[] = " - {every: %zus, evict: c} # %zu\n";
    char *text = make_repeated(256, head, line, "");
    assert_taken(text);
    free(text);
    text = make_repeated(257, head, line, "");
    assert_refused(text, "t.yaml:260:4: error: more than 256 errands\n");
    free(text);
}

static void problems_beyond_a_thousand_are_one(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    fputs("troupe: 1\nsupervisor: {}\n", stream);
    for (int i = 0; i < 2000; i++) {
        fprintf(stream, "zzzzzz%d: 1\n", i);
    }
    fclose(stream);
    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    assert_status(read_text(text, &lines, &config), TROUPE_ERR_INVALID);
    assert_int_equal(lines.n, 1001);
    assert_non_null(strstr(lines_text(&lines),
                           "t.yaml:1003:1: error: too many problems; those after this are "
                           "not shown\n"));
    lines_end(&lines);
    free(text);
}

/* A command of `n` words, each of them the 60000 bytes behind one anchor, or one variable. */
static char *make_long_words(size_t n, const char *first, const char *word)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    fputs("troupe: 1\nsupervisor: {children: [{actor: a, worker: {command: [\n", stream);
    fprintf(stream, "%s\n", first);
    for (size_t i = 1; i < n; i++) {
        fprintf(stream, "%s,\n", word);
    }
    fputs("]}}]}\n", stream);
    fclose(stream);
    return text;
}

/* A word of a few bytes may stand for sixty thousand; of all there are no more than memory for
 * a description should be. */
static void texts_behind_names_are_bounded(void **state)
{
    (void)state;
    enum { LENGTH = 60000, MOST = TR_CONFIG_TEXTS_MAX / LENGTH };
    char *word = malloc(LENGTH + 1);
    char *first = NULL;
    memset(word, 'x', LENGTH);
    word[LENGTH] = '\0';
    setenv("TROUPE_TEST_LONG", word, 1);
    assert_true(asprintf(&first, "&long %s,", word) > 0);
    const struct {
        const char *first;
        const char *word;
        int line; /* an alias is where its anchor is */
    } kinds[] = {{first, "*long", 3},
                 {"'${TROUPE_TEST_LONG}',", "'${TROUPE_TEST_LONG}'", MOST + 3}};
    for (size_t i = 0; i < 2; i++) {
        char *text = make_long_words(MOST, kinds[i].first, kinds[i].word);
        assert_taken(text);
        free(text);
        text = make_long_words(30000, kinds[i].first, kinds[i].word);
        char *line = NULL;
        assert_true(asprintf(&line,
                             "t.yaml:%d:1: error: more than 8388608 bytes of text, that behind "
                             "aliases and variables counted\n",
                             kinds[i].line) > 0);
        assert_refused(text, line);
        free(line);
        free(text);
    }
    unsetenv("TROUPE_TEST_LONG");
    free(first);
    free(word);
}

/* Looking for each of so many among so many would take minutes. */
static void resources_are_bounded(void **state)
{
    (void)state;
    char *needs = make_repeated(
        15000, "supervisor: {children: [{capability: c, worker: {module: b}, needs: {",
        "quantity%05zuquantity: 1,", "}}]}\n");
    char *text =
        make_repeated(20000, "troupe: 1\nresources: {", "resource%05zuresource: 1,", "}\n");
    char *whole = NULL;
    assert_true(asprintf(&whole, "%s%s", text, needs) > 0);
    assert_refused(whole, "t.yaml:2:188: error: more than 7 resources\n");
    free(whole);
    free(text);
    free(needs);
}

/* With two hundred words that are nobody's name, among ten thousand names. */
static void guesses_are_bounded(void **state)
{
    (void)state;
    tr_config_notes_t notes;
    tr_config_notes_init(&notes);
    for (size_t i = 0; i < TR_CONFIG_GUESSES_MAX; i++) {
        assert_true(tr_config_notes_may_guess(&notes));
    }
    assert_false(tr_config_notes_may_guess(&notes));
    tr_config_notes_finish(&notes);

    char *errands = make_repeated(200, "troupe: 1\nschedule:\n",
                                  " - {every: 1s, evict: zzzzzzzzzzzzzzzzzzz%zu} # %zu\n", "");
    char *children = make_repeated(10000, "supervisor:\n children:\n",
                                   " - {capability: y%zu, worker: {module: b}} # %zu\n", "");
    char *whole = NULL;
    assert_true(asprintf(&whole, "%s%s", errands, children) > 0);
    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    assert_status(read_text(whole, &lines, &config), TROUPE_ERR_INVALID);
    assert_int_equal(lines.n, 200);
    lines_end(&lines);
    free(whole);
    free(errands);
    free(children);
}

/* Read bytes that end where their memory ends. Any status but a fault will do, yet a refusal
 * must say why. */
static void read_exactly(const char *bytes, size_t size)
{
    char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    struct lines lines;
    lines_begin(&lines);
    tr_config_t *config = NULL;
    troupe_status_t status = tr_config_read("t.yaml", exact, size, note_line, &lines, &config);
    if (status == TROUPE_OK) {
        assert_non_null(config);
        assert_int_equal(lines.n, 0);
    } else {
        assert_status(status, TROUPE_ERR_INVALID);
        assert_null(config);
        assert_true(lines.n > 0);
    }
    tr_config_destroy(&config);
    lines_end(&lines);
    free(exact);
}

static char *slurp_complete(size_t *size_out)
{
    return slurp(TEST_CONFIG_DIR "/good/complete.yaml", size_out);
}

static void file_cut_anywhere_has_a_status(void **state)
{
    (void)state;
    size_t size = 0;
    char *text = slurp_complete(&size);
    for (size_t cut = 0; cut <= size; cut++) {
        read_exactly(text, cut);
    }
    free(text);
}

/* Knuth's generator: the same bytes on every machine. */
static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void file_with_flipped_bytes_has_a_status(void **state)
{
    (void)state;
    static const char odd[] = "\0\t\n\r !\"#$%&'*,-:>?@[]`{|}\x7f\xc3\xff";
    size_t size = 0;
    char *text = slurp_complete(&size);
    char *flipped = malloc(size);
    assert_non_null(flipped);
    uint64_t seed = 20240229;
    for (int i = 0; i < FLIPS; i++) {
        memcpy(flipped, text, size);
        for (uint32_t n = 1 + next_random(&seed) % 4; n > 0; n--) {
            uint32_t drawn = next_random(&seed);
            char byte = drawn % 2 ? odd[drawn / 2 % (sizeof odd - 1)] : (char)(drawn >> 8);
            flipped[next_random(&seed) % size] = byte;
        }
        read_exactly(flipped, size);
    }
    free(flipped);
    free(text);
}

/* One row, one text that is short to write and long to read. */
static void endless_text_ends(void **state)
{
    const char *piece = *state;
    const size_t size = 1024 * 1024;
    size_t length = strlen(piece);
    char *text = malloc(size + length);
    assert_non_null(text);
    for (size_t used = 0; used < size; used += length) {
        memcpy(text + used, piece, length);
    }
    read_exactly(text, size);
    free(text);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(((const struct CMUnitTest *)one)->name,
                  ((const struct CMUnitTest *)other)->name);
}

/* Add one test for each YAML file of a folder; returns how many there are now. */
static size_t add_corpus(struct CMUnitTest *tests, size_t n, const char *folder,
                         CMUnitTestFunction function)
{
    DIR *dir = opendir(folder);
    size_t first = n;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry && n < CORPUS_MAX;
         entry = readdir(dir)) {
        const char *suffix = strrchr(entry->d_name, '.');
        if (suffix && strcmp(suffix, ".yaml") == 0) {
            char *name = strdup(entry->d_name);
            tests[n++] =
                (struct CMUnitTest){.name = name, .test_func = function, .initial_state = name};
        }
    }
    if (dir) {
        closedir(dir);
    }
    qsort(tests + first, n - first, sizeof *tests, by_name);
    return n;
}

static int run_corpus(const char *group, const char *folder, CMUnitTestFunction function)
{
    struct CMUnitTest tests[CORPUS_MAX] = {0};
    size_t n = add_corpus(tests, 0, folder, function);
    int failed = n > 0 ? _cmocka_run_group_tests(group, tests, n, NULL, NULL) : 1;
    for (size_t i = 0; i < n; i++) {
        free(tests[i].initial_state);
    }
    return failed;
}

/* clang-format off */
#define POOL(title, ...) \
    { .name = title, .test_func = pool_defaults_follow, .initial_state = &(struct pool){__VA_ARGS__} }
#define GUARD(title, ...) \
    { .name = title, .test_func = breaker_and_batch_follow, .initial_state = &(struct guard){__VA_ARGS__} }
#define WORDS(title, ...) \
    { .name = title, .test_func = words_are_what_they_name, .initial_state = &(struct words){__VA_ARGS__} }
#define ADDRESS(text, problem) \
    { .name = "http at " text, .test_func = http_address_is_judged, .initial_state = &(struct address){text, problem} }
#define ENDLESS(text) \
    { .name = "endless text of " #text, .test_func = endless_text_ends, .initial_state = text }
/* clang-format on */

static int run_stories(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_file_has_every_default),
        cmocka_unit_test(complete_file_has_what_was_written),
        cmocka_unit_test(inline_workers_have_what_was_written),
        cmocka_unit_test(processes_have_what_was_written),
        POOL("a pool is one worker", "", 1, 1, 7, 10000),
        POOL("max follows min", ", workers: {min: 3}", 3, 3, 11, 10000),
        POOL("a pool that may be empty may have one", ", workers: {min: 0}", 0, 1, 7, 10000),
        POOL("restarts follow max", ", workers: {max: 10}", 1, 10, 25, 10000),
        POOL("restarts can be none", ", intensity: {restarts: 0}", 1, 1, 0, 10000),
        POOL("a period leaves restarts alone", ", intensity: {period: 1s}", 1, 1, 7, 1000),
        GUARD("no breaker and no batch", "", 0, 0, 0, 1, 0),
        GUARD("an empty breaker has every default", ", breaker: {}", 5, 10000, 3, 1, 0),
        GUARD("a breaker keeps the defaults it does not name", ", breaker: {probes: 9}", 5,
              10000, 9, 1, 0),
        GUARD("an empty batch has every default", ", batch: {}", 0, 0, 0, 8, 2),
        GUARD("a batch may wait for nobody", ", batch: {window: 0}", 0, 0, 0, 8, 0),
        GUARD("a batch of one has no use for its window", ", batch: {max: 1, window: 1h}", 0, 0,
              0, 1, 3600000),
        WORDS("the oldest goes, two are drawn",
              ", queue: {overflow: drop-oldest}, balance: power_of_two",
              TR_CONFIG_OVERFLOW_DROP_OLDEST, TR_CONFIG_POWER_OF_TWO),
        WORDS("callers wait, keys decide", ", queue: {overflow: block}, balance: sticky",
              TR_CONFIG_OVERFLOW_BLOCK, TR_CONFIG_STICKY),
        WORDS("more are refused, each in turn",
              ", queue: {overflow: reject}, balance: round_robin", TR_CONFIG_OVERFLOW_REJECT,
              TR_CONFIG_ROUND_ROBIN),
        WORDS("the fewest pending may be said", ", balance: least_pending",
              TR_CONFIG_OVERFLOW_REJECT, TR_CONFIG_LEAST_PENDING),
        ADDRESS("127.0.0.1:1", NULL),
        ADDRESS("localhost:65535", NULL),
        ADDRESS("0.0.0.0:8670", NULL),
        ADDRESS("127.0.0.1", "needs a host and a port, as in 127.0.0.1:8670"),
        ADDRESS(":8670", "needs a host and a port, as in 127.0.0.1:8670"),
        ADDRESS("127.0.0.1:", "the port must be a number from 1 to 65535"),
        ADDRESS("127.0.0.1:0", "the port must be a number from 1 to 65535"),
        ADDRESS("127.0.0.1:65536", "the port must be a number from 1 to 65535"),
        ADDRESS("127.0.0.1:08670", "the port must be a number from 1 to 65535"),
        ADDRESS("127.0.0.1:+80", "the port must be a number from 1 to 65535"),
        ADDRESS("example.org:80", "the host must be an IPv4 address in digits, or localhost"),
        ADDRESS("1.2.3:80", "the host must be an IPv4 address in digits, or localhost"),
        ADDRESS("[::1]:80", "IPv6 is not available in this version; write 127.0.0.1"),
        cmocka_unit_test(variables_are_replaced),
        cmocka_unit_test(node_is_called_like_its_host),
        cmocka_unit_test(file_that_is_not_there_is_reported),
        cmocka_unit_test(problems_need_no_listener),
        cmocka_unit_test(destroying_nothing_is_fine),
        cmocka_unit_test(file_may_be_a_mebibyte_and_no_more),
        cmocka_unit_test(anchors_are_bounded),
        cmocka_unit_test(limits_have_what_was_written_and_follow_one_another),
        cmocka_unit_test(listeners_are_bounded),
        cmocka_unit_test(errands_are_bounded),
        cmocka_unit_test(texts_behind_names_are_bounded),
        cmocka_unit_test(resources_are_bounded),
        cmocka_unit_test(guesses_are_bounded),
        cmocka_unit_test(problems_beyond_a_thousand_are_one),
        cmocka_unit_test(file_cut_anywhere_has_a_status),
        cmocka_unit_test(file_with_flipped_bytes_has_a_status),
        ENDLESS("["),
        ENDLESS("{a: "),
        ENDLESS("- "),
        ENDLESS("? "),
        ENDLESS("&a "),
        ENDLESS("%TAG !a! x\n"),
        ENDLESS("- &a x\n"),
        ENDLESS("- *a\n"),
        ENDLESS("a: 1\n"),
        ENDLESS("a,\n"),
        ENDLESS("\""),
        ENDLESS("---\n"),
        ENDLESS("${"),
    };
    return cmocka_run_group_tests_name("node/config", tests, NULL, NULL);
}

int main(void)
{
    setenv("TROUPE_TEST_WORD", "word", 1);
    setenv("TROUPE_TEST_NUMBER", "3", 1);
    setenv("TROUPE_TEST_EMPTY", "", 1);
    unsetenv("TROUPE_TEST_UNSET");

    int failed = run_corpus("node/config: bad files", TEST_CONFIG_DIR "/bad",
                            bad_file_is_refused_as_expected);
    failed |= run_corpus("node/config: good files", TEST_CONFIG_DIR "/good", good_file_loads);
    failed |= run_stories();
    return failed != 0;
}
