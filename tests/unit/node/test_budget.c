/* Shares of machines, what is said of them, and what does not fit. No machine is looked at. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/budget.h"
#include "node/config/budget.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define TIB (GIB * 1024)

/* ---- how much ---- */

/* One row, one budget: what is written, what there is, what comes of it, and how it reads. */
struct budget {
    const char *memory;
    tr_machine_memory_t there;
    uint64_t bytes;
    const char *text;
};

static void fail_with(void *arg, const char *line)
{
    (void)arg;
    fail_msg("%s", line);
}

static tr_config_t *must_read(const char *text, tr_machine_memory_t there)
{
    tr_config_t *config = NULL;
    assert_status(
        tr_config_read_for(there, "t.yaml", text, strlen(text), fail_with, NULL, &config),
        TROUPE_OK);
    return config;
}

static void budget_is(void **state)
{
    const struct budget *budget = *state;
    char text[512];
    snprintf(text, sizeof text, "troupe: 1\nmemory: {%s}\nsupervisor: {}\n", budget->memory);
    tr_config_t *config = must_read(text, budget->there);
    tr_budget_t it = tr_budget_of(config, budget->there);
    char shown[TR_BUDGET_TEXT];
    assert_string_equal(tr_budget_show(&it, shown, sizeof shown), budget->text);
    if (it.bytes != budget->bytes) {
        fail_msg("%llu bytes, not %llu", (unsigned long long)it.bytes,
                 (unsigned long long)budget->bytes);
    }
    tr_config_destroy(&config);
}

static void budget_of_this_machine_is_some_of_it(void **state)
{
    (void)state;
    tr_config_t *config = must_read("troupe: 1\nsupervisor: {}\n", tr_machine_memory(""));
    uint64_t there = tr_machine_memory("").bytes;
    assert_true(tr_budget_bytes(config) > 0);
    assert_true(tr_budget_bytes(config) < there);
    tr_config_destroy(&config);
}

static void sums_and_products_stop_at_the_end(void **state)
{
    (void)state;
    assert_true(tr_budget_plus(UINT64_MAX - 1, 1) == UINT64_MAX);
    assert_true(tr_budget_plus(UINT64_MAX - 1, 2) == UINT64_MAX);
    assert_true(tr_budget_plus(UINT64_MAX, UINT64_MAX) == UINT64_MAX);
    assert_true(tr_budget_plus(1, 2) == 3);
    assert_true(tr_budget_times(1024 * TIB, 10000) == 1024 * TIB * 10000);
    assert_true(tr_budget_times(UINT64_MAX / 2, 3) == UINT64_MAX);
    assert_true(tr_budget_times(UINT64_MAX, 0) == 0);
}

/* One row, one number of bytes. */
struct shown {
    uint64_t bytes;
    const char *text;
};

static void bytes_read_like(void **state)
{
    const struct shown *shown = *state;
    char text[32];
    assert_string_equal(tr_budget_show_bytes(shown->bytes, text, sizeof text), shown->text);
}

/* ---- what does not fit ---- */

struct lines {
    char *text;
    size_t size;
    FILE *stream;
};

static void note_line(void *arg, const char *line)
{
    fprintf(((struct lines *)arg)->stream, "%s\n", line);
}

/* One row, one file on a machine with so much, and the lines that it is refused with; "" when
 * it is not. */
struct fit {
    tr_machine_memory_t there;
    const char *memory; /* lines 2 and, if any, 3 */
    const char *children;
    const char *lines;
};

static void fits_or_not(void **state)
{
    const struct fit *fit = *state;
    char text[2048];
    snprintf(text, sizeof text, "troupe: 1\n%s\nsupervisor:\n  children:\n%s", fit->memory,
             fit->children);
    struct lines lines = {0};
    lines.stream = open_memstream(&lines.text, &lines.size);
    tr_config_t *config = NULL;
    troupe_status_t status =
        tr_config_read_for(fit->there, "t", text, strlen(text), note_line, &lines, &config);
    fclose(lines.stream);
    assert_string_equal(lines.text, fit->lines);
    assert_status(status, fit->lines[0] ? TROUPE_ERR_INVALID : TROUPE_OK);
    tr_config_destroy(&config);
    free(lines.text);
}

/* ---- the outlook ---- */

/* One row, one file, and what check says of it. */
struct outlook {
    const char *memory;
    const char *children;
    const char *line;
};

static void outlook_is(void **state)
{
    const struct outlook *outlook = *state;
    char text[1024];
    snprintf(text, sizeof text, "troupe: 1\n%s\nsupervisor:\n  children:\n%s", outlook->memory,
             outlook->children);
    tr_machine_memory_t there = {GIB, true};
    tr_config_t *config = must_read(text, there);
    char *line = tr_budget_outlook(config, there);
    assert_string_equal(line, outlook->line);
    free(line);
    tr_config_destroy(&config);
}

/* clang-format off */
#define BUDGET(title, ...) \
    { .name = title, .test_func = budget_is, .initial_state = &(struct budget){__VA_ARGS__} }
#define SHOWN(...) \
    { .name = #__VA_ARGS__, .test_func = bytes_read_like, .initial_state = &(struct shown){__VA_ARGS__} }
#define FIT(title, ...) \
    { .name = title, .test_func = fits_or_not, .initial_state = &(struct fit){__VA_ARGS__} }
#define OUTLOOK(title, ...) \
    { .name = title, .test_func = outlook_is, .initial_state = &(struct outlook){__VA_ARGS__} }

#define POOL(name, keys) "    - {capability: " name ", worker: {module: m}, " keys "}\n"
/* clang-format on */

static const struct CMUnitTest budgets[] = {
    BUDGET("a size", "budget: 700MiB", {GIB, false}, 700 * MIB, "700MiB"),
    BUDGET("a size above what there is", "budget: 2GiB", {GIB, false}, 2 * GIB, "2GiB"),
    BUDGET("a size less the reserve", "budget: 700MiB, reserve: 100MiB", {GIB, false},
           600 * MIB, "600MiB (700MiB less the reserve of 100MiB)"),
    BUDGET("the default", "", {10 * GIB, false}, 8 * GIB,
           "8GiB (80% of the 10GiB that the machine has)"),
    BUDGET("a share of a group", "budget: 50%", {512 * MIB, true}, 256 * MIB,
           "256MiB (50% of the 512MiB that its control group allows)"),
    BUDGET("a share less the reserve", "budget: 50%, reserve: 56MiB", {512 * MIB, true},
           200 * MIB,
           "200MiB (50% of the 512MiB that its control group allows, less the reserve of "
           "56MiB)"),
    BUDGET("all of it", "budget: 100%", {GIB + 1, false}, GIB + 1,
           "1GiB (100% of the 1GiB that the machine has)"),
    BUDGET("a small share", "budget: 0.5%", {GIB, false}, 5368709,
           "5.12MiB (0.5% of the 1GiB that the machine has)"),
    BUDGET("the smallest share", "budget: 0.01%", {100 * GIB, false}, 10737418,
           "10.24MiB (0.01% of the 100GiB that the machine has)"),
    BUDGET("the fraction of a byte is lost", "budget: 33.33%", {10000 * KIB + 2, false},
           3412992, "3333KiB (33.33% of the 9.77MiB that the machine has)"),
    BUDGET("no machine is too large", "budget: 100%", {UINT64_MAX - 1, false}, UINT64_MAX - 1,
           "16777216TiB (100% of the 16777216TiB that the machine has)"),
    BUDGET("a share of 2^63", "budget: 99.99%", {UINT64_C(1) << 63, false},
           UINT64_C(9222449699651090330),
           "8387769.14TiB (99.99% of the 8388608TiB that the machine has)"),
    cmocka_unit_test(budget_of_this_machine_is_some_of_it),
    cmocka_unit_test(sums_and_products_stop_at_the_end),
    SHOWN(0, "0"),
    SHOWN(1023, "1023B"),
    SHOWN(1536, "1536B"),
    SHOWN(12345678, "11.77MiB"),
    SHOWN(3 * GIB, "3GiB"),
    SHOWN(3 * GIB + 1, "3GiB"),
    SHOWN(3 * GIB + 102 * MIB + 1, "3.1GiB"),
    SHOWN(UINT64_MAX - 1, "16777216TiB"),
    SHOWN(UINT64_MAX, "more than can be counted"),
};

static const struct CMUnitTest fits[] = {
    FIT("a worker as large as the budget", {GIB, false}, "memory: {budget: 700MiB}",
        POOL("a", "memory: 700MiB"), ""),
    FIT("a worker larger than the budget", {GIB, false}, "memory: {budget: 700MiB}",
        POOL("a", "memory: 701MiB, workers: {min: 0}"),
        "t:5:52: error: one worker needs 701MiB, and the budget is 700MiB\n"),
    FIT("a worker larger than the share of a group", {256 * MIB, true}, "node: n",
        POOL("a", "memory: 205MiB"),
        "t:5:52: error: one worker needs 205MiB, and the budget is 204.8MiB (80% of the 256MiB "
        "that its control group allows)\n"),
    FIT("a worker that the reserve leaves no room for", {GIB, false},
        "memory: {budget: 700MiB, reserve: 100MiB}", POOL("a", "memory: 650MiB"),
        "t:5:52: error: one worker needs 650MiB, and the budget is 600MiB (700MiB less the "
        "reserve of 100MiB)\n"),
    FIT("pools that fit only in turns", {GIB, false}, "memory: {budget: 700MiB}",
        POOL("a", "memory: 400MiB, workers: {min: 0, max: 9}")
            POOL("b", "memory: 400MiB, workers: {min: 0, max: 9}"),
        ""),
    FIT("one that has no turn beside what is always there", {GIB, false},
        "memory: {budget: 700MiB}",
        POOL("a", "memory: 400MiB, workers: {min: 0, max: 9}")
            POOL("b", "memory: 301MiB, workers: {min: 1, max: 9}"),
        "t:5:52: error: one worker needs 400MiB, and those that are always there ('min' of "
        "each "
        "capability) leave 399MiB of the budget: it could never be started\n"),
    FIT("workers that are always there and do not fit", {GIB, false},
        "memory: {budget: 700MiB}",
        POOL("a", "memory: 200MiB, workers: {min: 2}") POOL("b", "memory: 200MiB")
            POOL("c", "memory: 200MiB") POOL("d", "memory: 200MiB"),
        "t:7:52: error: with these the workers that are always there ('min' of each "
        "capability) need 800MiB, and the budget is 700MiB\n"),
    FIT("one pool whose workers do not fit together", {GIB, false}, "memory: {budget: 700MiB}",
        POOL("a", "memory: 1MiB, workers: {min: 701}"),
        "t:5:52: error: with these the workers that are always there ('min' of each "
        "capability) need 701MiB, and the budget is 700MiB\n"),
    FIT("pools in other supervisors count too", {GIB, false}, "memory: {budget: 700MiB}",
        POOL("a", "memory: 400MiB") "    - supervisor: s\n      children:\n        - "
                                    "{capability: b, worker: {module: m}, memory: 400MiB}\n",
        "t:8:56: error: with these the workers that are always there ('min' of each "
        "capability) need 800MiB, and the budget is 700MiB\n"),
    FIT("sums that cannot be counted", {GIB, false}, "memory: {budget: 1024TiB}",
        POOL("a", "memory: 1024TiB, workers: {min: 10000}")
            POOL("b", "memory: 1024TiB, workers: {min: 10000}"),
        "t:5:52: error: with these the workers that are always there ('min' of each "
        "capability) need 10240000TiB, and the budget is 1024TiB\n"),
    FIT("a sum that is found out only where it cannot be counted", {GIB, false},
        "memory: {budget: 8388607TiB}",
        POOL("a", "memory: 1024TiB, workers: {min: 8000}")
            POOL("b", "memory: 1024TiB, workers: {min: 10000}"),
        "t:6:52: error: with these the workers that are always there ('min' of each "
        "capability) need more than can be counted, and the budget is 8388607TiB\n"),
    FIT("a worker of nothing", {GIB, false}, "memory: {budget: 1B}", POOL("a", "memory: 0"),
        ""),
    FIT("a reserve as large as the budget", {GIB, false},
        "memory: {budget: 700MiB, reserve: 700MiB}", POOL("a", "memory: 1MiB"),
        "t:2:35: error: the reserve leaves nothing: the budget is 0 (700MiB less the reserve "
        "of "
        "700MiB)\n"),
    FIT("a reserve larger than the share", {GIB, false}, "memory: {reserve: 900MiB}",
        POOL("a", "memory: 1MiB"),
        "t:2:19: error: the reserve leaves nothing: the budget is 0 (80% of the 1GiB that the "
        "machine has, less the reserve of 900MiB)\n"),
    FIT("a share of a tiny group", {KIB * 1024, true}, "memory: {budget: 90%}",
        POOL("a", "memory: 0"),
        "t:2:18: error: too little memory to work with, less than 1MiB: the budget is "
        "943718B "
        "(90% of the 1MiB that its control group allows)\n"),
    FIT("a share that nobody wrote of a tiny group", {4096, true}, "node: n",
        POOL("a", "memory: 0"),
        "t:1:1: error: too little memory to work with, less than 1MiB: the budget is 3276B "
        "(80% "
        "of the 4KiB that its control group allows)\n"),
    FIT("a share of nothing", {0, true}, "node: n", POOL("a", "memory: 0"),
        "t:1:1: error: too little memory to work with, less than 1MiB: the budget is 0 (80% "
        "of "
        "the 0 that its control group allows)\n"),
    FIT("a share that leaves just enough", {2 * MIB, true}, "memory: {budget: 50%}",
        POOL("a", "memory: 1MiB"), ""),
    FIT("a budget that is a mistake is not compared", {GIB, false}, "memory: {budget: much}",
        POOL("a", "memory: 2GiB"),
        "t:2:18: error: 'budget' must be a size such as 4GiB or a share such as 80%, not "
        "'much'\n"),
    FIT("neither is a worker's memory", {GIB, false}, "memory: {budget: 1MiB}",
        POOL("a", "memory: much"),
        "t:5:52: error: 'memory' must be a size from 0 to 1024TiB, not 'much'\n"),
    FIT("a resource that is used up", {GIB, false}, "resources: {gpu: 2, cpu: 5}",
        POOL("a", "needs: {cpu: 2}, workers: {min: 0, max: 9}")
            POOL("b", "needs: {cpu: 2, gpu: 1}, workers: {min: 2}")
                POOL("c", "needs: {cpu: 1, gpu: 1}"),
        "t:7:65: error: with these the workers that are always there ('min' of each "
        "capability) need 3 of 'gpu', and there are 2\n"),
    FIT("a resource of which there is none", {GIB, false}, "resources: {gpu: 0}",
        POOL("a", "needs: {gpu: 0}"), ""),
};

static const struct CMUnitTest outlooks[] = {
    OUTLOOK("nothing is declared", "memory: {budget: 1GiB}", POOL("a", "pinned: false"), ""),
    OUTLOOK(
        "one fits", "memory: {budget: 1GiB}", POOL("a", "memory: 100MiB"),
        "memory: 1 capability declares up to 100MiB with all pools full; the budget is 1GiB: "
        "all fit"),
    OUTLOOK("two do not", "memory: {budget: 80%, reserve: 100MiB}",
            POOL("a", "memory: 100MiB, workers: {min: 0, max: 5}") POOL("b", "pinned: true")
                POOL("c", "memory: 300MiB"),
            "memory: 2 capabilities declare up to 800MiB with all pools full; the budget is "
            "719.2MiB (80% of the 1GiB that its control group allows, less the reserve of "
            "100MiB): idle workers will give way"),
    OUTLOOK(
        "more than can be counted", "memory: {budget: 1024TiB}",
        POOL("a", "memory: 1024TiB, workers: {min: 0, max: 10000}")
            POOL("b", "memory: 1024TiB, workers: {min: 0, max: 10000}"),
        "memory: 2 capabilities declare up to more than can be counted with all pools full; "
        "the budget is 1024TiB: idle workers will give way"),
};

int main(void)
{
    int failed = cmocka_run_group_tests_name("node/budget: how much", budgets, NULL, NULL);
    failed += cmocka_run_group_tests_name("node/budget: what fits", fits, NULL, NULL);
    failed += cmocka_run_group_tests_name("node/budget: outlook", outlooks, NULL, NULL);
    return failed != 0;
}
