/* What is written about a capability is what its router is told. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "capabilities/router.h"
#include "node/assembly.h"

static int handle_nothing(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)request;
    (void)state;
    return 0;
}

static const troupe_behaviour_t idler = {.name = "idler", .handle = handle_nothing};

static void fail_with(void *arg, const char *line)
{
    (void)arg;
    fail_msg("%s", line);
}

/* A description of one capability with its plan, and the router's part of that. */
struct planned {
    tr_modules_t *modules;
    tr_config_t *config;
    tr_plan_t *plan;
    const tr_router_spec_t *router;
};

static struct planned must_plan(const char *text)
{
    struct planned it = {.modules = tr_modules_new()};
    assert_non_null(it.modules);
    assert_status(tr_modules_register(it.modules, &idler), TROUPE_OK);
    assert_status(
        tr_config_read_child("t.yaml", text, strlen(text), fail_with, NULL, &it.config),
        TROUPE_OK);
    assert_status(tr_plan_new_child(it.config, "t.yaml", it.modules, fail_with, NULL, &it.plan),
                  TROUPE_OK);
    const tr_supervisor_spec_t *both = it.plan->root.children[0].what;
    it.router = both->children[0].what;
    return it;
}

static void finish(struct planned *it)
{
    tr_plan_destroy(&it->plan);
    tr_config_destroy(&it->config);
    tr_modules_destroy(&it->modules);
}

static void router_is_told_what_was_written(void **state)
{
    (void)state;
    struct planned it = must_plan("capability: a\n"
                                  "worker: {module: idler}\n"
                                  "workers: {min: 2, max: 5, concurrency: 3}\n"
                                  "keep-alive: 7s\n"
                                  "queue: {limit: 11, overflow: block, per-peer: 13}\n"
                                  "balance: sticky\n"
                                  "timeout: 17s\n"
                                  "queue-timeout: 19s\n"
                                  "reader-stall: 23s\n"
                                  "dedup: body\n"
                                  "retry: 29\n"
                                  "poison: 31\n"
                                  "breaker: {failures: 37, cooldown: 41s, probes: 43}\n"
                                  "batch: {max: 47, window: 53ms}\n");
    assert_string_equal(it.router->capability, "a");
    assert_string_equal(it.router->pool, "a/pool");
    assert_int_equal(it.router->min_workers, 2);
    assert_int_equal(it.router->max_workers, 5);
    assert_int_equal(it.router->concurrency, 3);
    assert_int_equal(it.router->keep_alive_ms, 7000);
    assert_int_equal(it.router->queue_limit, 11);
    assert_int_equal(it.router->overflow, TR_OVERFLOW_BLOCK);
    assert_int_equal(it.router->per_peer, 13);
    assert_int_equal(it.router->balance, TR_BALANCE_STICKY);
    assert_int_equal(it.router->timeout_ms, 17000);
    assert_int_equal(it.router->queue_timeout_ms, 19000);
    assert_int_equal(it.router->reader_stall_ms, 23000);
    assert_true(it.router->dedups_bodies);
    assert_int_equal(it.router->retry, 29);
    assert_int_equal(it.router->poison, 31);
    assert_int_equal(it.router->breaker_failures, 37);
    assert_int_equal(it.router->breaker_cooldown_ms, 41000);
    assert_int_equal(it.router->breaker_probes, 43);
    assert_int_equal(it.router->batch_max, 47);
    assert_int_equal(it.router->batch_window_ms, 53);
    finish(&it);
}

/* One row: a word of the file, and what the router knows it as. */
struct word {
    const char *text;
    tr_overflow_t overflow;
    tr_balance_policy_t balance;
};

static void router_knows_the_word(void **state)
{
    const struct word *word = *state;
    struct planned it = must_plan(word->text);
    assert_int_equal(it.router->overflow, word->overflow);
    assert_int_equal(it.router->balance, word->balance);
    finish(&it);
}

static void note_line(void *arg, const char *line)
{
    snprintf(arg, 256, "%s", line);
}

static void one_that_is_added_later_has_no_needs(void **state)
{
    (void)state;
    static const char text[] = "{capability: a, worker: {module: idler}, needs: {gpu: 1}}";
    tr_modules_t *modules = tr_modules_new();
    tr_config_t *config = NULL;
    tr_plan_t *plan = NULL;
    char line[256] = "";
    assert_status(tr_modules_register(modules, &idler), TROUPE_OK);
    assert_status(tr_config_read_child("t", text, strlen(text), fail_with, NULL, &config),
                  TROUPE_OK);
    assert_status(tr_plan_new_child(config, "t", modules, note_line, line, &plan),
                  TROUPE_ERR_INVALID);
    assert_string_equal(line, "t:1:1: error: there is no resource 'gpu' for it: only children "
                              "of the file have needs");
    tr_config_destroy(&config);
    tr_modules_destroy(&modules);
}

/* clang-format off */
#define WORD(key, ...) \
    { .name = "knows " key, .test_func = router_knows_the_word, \
      .initial_state = &(struct word){"{capability: a, worker: {module: idler}, " key "}", __VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(router_is_told_what_was_written),
        cmocka_unit_test(one_that_is_added_later_has_no_needs),
        WORD("queue: {overflow: reject}", TR_OVERFLOW_REJECT, TR_BALANCE_LEAST_PENDING),
        WORD("queue: {overflow: drop-oldest}", TR_OVERFLOW_DROP_OLDEST,
             TR_BALANCE_LEAST_PENDING),
        WORD("queue: {overflow: block}", TR_OVERFLOW_BLOCK, TR_BALANCE_LEAST_PENDING),
        WORD("balance: least_pending", TR_OVERFLOW_REJECT, TR_BALANCE_LEAST_PENDING),
        WORD("balance: power_of_two", TR_OVERFLOW_REJECT, TR_BALANCE_POWER_OF_TWO),
        WORD("balance: round_robin", TR_OVERFLOW_REJECT, TR_BALANCE_ROUND_ROBIN),
        WORD("balance: sticky", TR_OVERFLOW_REJECT, TR_BALANCE_STICKY),
    };
    return cmocka_run_group_tests_name("node/assembly", tests, NULL, NULL) != 0;
}
