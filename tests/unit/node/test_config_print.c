/* What is printed with every default filled in is what was read: nothing is lost on the way
 * there and back, whatever the texts hold.
 */

#include "tests/kit/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/config/print.h"
#include "node/reload/difference.h"
#include "tests/unit/node/test_paths.h"

static void fail_with(void *arg, const char *line)
{
    fail_msg("%s: %s", (const char *)arg, line);
}

static tr_config_t *read_text(const char *name, const char *text)
{
    tr_config_t *config = NULL;
    assert_status(
        tr_config_read(name, text, strlen(text), fail_with, (void *)(uintptr_t)text, &config),
        TROUPE_OK);
    return config;
}

/* To be released with free(). */
static char *print(const tr_config_t *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    tr_config_print(config, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Printed and read again it is equal, and printed once more it is the same text. */
static void goes_there_and_back(const tr_config_t *config)
{
    char *text = print(config);
    tr_config_t *again = read_text("printed", text);
    tr_difference_t *difference = tr_difference_new(config, again, NULL, 0);
    assert_non_null(difference);
    if (difference->n > 0) {
        fail_msg("%s\n%s", difference->changes[0].text, text);
    }
    char *once_more = print(again);
    assert_string_equal(once_more, text);
    tr_difference_destroy(&difference);
    tr_config_destroy(&again);
    free(once_more);
    free(text);
}

static void every_good_file(void **state)
{
    (void)state;
    setenv("TROUPE_TEST_WORD", "hello", 1);
    setenv("TROUPE_TEST_NUMBER", "3", 1);
    setenv("TROUPE_TEST_EMPTY", "", 1);
    DIR *folder = opendir(TEST_CONFIG_DIR "/good");
    assert_non_null(folder);
    size_t n_files = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        /* What is as deep as a file may be has no room for the mappings that it left out. */
        if (!strstr(entry->d_name, ".yaml") || strcmp(entry->d_name, "deep.yaml") == 0) {
            continue;
        }
        char path[512];
        snprintf(path, sizeof path, TEST_CONFIG_DIR "/good/%s", entry->d_name);
        tr_config_t *config = NULL;
        assert_status(tr_config_read_file(path, fail_with, path, &config), TROUPE_OK);
        goes_there_and_back(config);
        tr_config_destroy(&config);
        n_files++;
    }
    closedir(folder);
    assert_true(n_files > 10);
}

/* What has no worker of the node's has no batches either, though it may have the key. */
static void an_empty_batch_of_remote_workers(void **state)
{
    (void)state;
    tr_config_t *config =
        read_text("remote", "troupe: 1\nsupervisor: {children: [{capability: c, "
                            "workers: {remote: true}, batch: {}}]}\n");
    goes_there_and_back(config);
    tr_config_destroy(&config);
}

static void texts_of_all_kinds(void **state)
{
    (void)state;
    tr_config_t *config = read_text(
        "texts",
        "troupe: 1\n"
        "http: 127.0.0.1:8670\n"
        "memory: {budget: 12.5%, reserve: 3MiB, residency: 1500ms}\n"
        "resources: {gpu: 2, tpu: 0}\n"
        "supervisor:\n"
        "  children:\n"
        "    - capability: null\n"
        "      isolation: process\n"
        "      worker:\n"
        "        command: [\"a b\", '', \"$$HOME\", \"q\\\"\\\\\", \"\\t\\n\\r\\e\"]\n"
        "        env: {\"k $x\": \"$$\", e: \"\", u: \"\\u00e9\\u0085\\u2028\\U0001F600\","
        " c: \"# no: comment\", \"[\": \"- a\", d: \"\\u007f\\ufeff\"}\n"
        "        directory: /tmp\n"
        "        limits: {memory: 1025KiB, cpu-time: 90s, cpus: '0,2-3', nice: 7}\n"
        "      needs: {gpu: 1}\n"
        "      keep-alive: infinity\n"
        "      recycle: {jitter: 0.07%}\n"
        "      batch: {max: 1, window: 0}\n"
        "      workers: {min: 0, max: 3}\n"
        "    - {supervisor: inner, children: [], shutdown: 0}\n"
        "    - actor: a\n"
        "      worker: {module: m, args: {k: v}}\n"
        "      intensity: {restarts: 0}\n");
    char *text = print(config);
    assert_non_null(strstr(text, "budget: 12.50%"));
    assert_non_null(strstr(text, "command: [\"a b\", \"\", \"$$HOME\", \"q\\\"\\\\\""));
    assert_non_null(strstr(text, "\"k $x\": \"$$\""));
    free(text);
    goes_there_and_back(config);
    tr_config_destroy(&config);
}

static void every_default_is_there(void **state)
{
    (void)state;
    tr_config_t *config =
        read_text("small", "troupe: 1\nnode: n\n"
                           "supervisor: {children: [{capability: c, worker: {module: m}}]}\n");
    char *text = print(config);
    static const char *const lines[] = {
        "troupe: 1\n",
        "\nlimits:\n  connections: 10000\n",
        "\ndrain-timeout: 10s\n",
        "\n  strategy: one_for_one\n",
        "\n    - capability: c\n      worker:\n        module: m\n      isolation: thread\n",
        "\n        concurrency: 1\n",
        "\n      keep-alive: 1m\n",
        "\n        stall: auto\n",
        "\n      intensity:\n        restarts: 7\n        period: 10s\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (!strstr(text, lines[i])) {
            fail_msg("no %s in\n%s", lines[i], text);
        }
    }
    assert_null(strstr(text, "open-files"));
    assert_null(strstr(text, "breaker"));
    free(text);
    goes_there_and_back(config);
    tr_config_destroy(&config);
}

/* Each is known by its place to whoever has some of it. */
static void resources_keep_their_places(void **state)
{
    (void)state;
    tr_config_t *before = read_text("before", "troupe: 1\nresources: {gpu: 2, tpu: 1, ssd: 4}\n"
                                              "supervisor: {children: []}\n");
    tr_config_t *after = read_text("after", "troupe: 1\nresources: {fpga: 3, ssd: 5, gpu: 2}\n"
                                            "supervisor: {children: []}\n");
    assert_true(tr_config_keep_resources(after, before));
    static const char *const wanted[][2] = {
        {"gpu", "2"}, {"tpu", "0"}, {"ssd", "5"}, {"fpga", "3"}};
    assert_int_equal(after->resources.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(after->resources.items[i].key, wanted[i][0]);
        assert_string_equal(after->resources.items[i].value, wanted[i][1]);
    }
    tr_config_destroy(&before);
    tr_config_destroy(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_good_file),
        cmocka_unit_test(an_empty_batch_of_remote_workers),
        cmocka_unit_test(texts_of_all_kinds),
        cmocka_unit_test(every_default_is_there),
        cmocka_unit_test(resources_keep_their_places),
    };
    return cmocka_run_group_tests_name("node/config_print", tests, NULL, NULL) != 0;
}
