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
    tr_config_t *node; /* to which it is added */
    tr_config_t *config;
    tr_plan_t *plan;
    const tr_router_spec_t *router;
};

static tr_config_t *must_read_node(void)
{
    static const char text[] = "troupe: 1\nmemory: {budget: 1GiB, reserve: 0}\n"
                               "resources: {licence: 9, gpu: 2}\n"
                               "supervisor: {children: []}\n";
    tr_config_t *node = NULL;
    assert_status(tr_config_read("node", text, strlen(text), fail_with, NULL, &node),
                  TROUPE_OK);
    return node;
}

static struct planned must_plan(const char *text)
{
    struct planned it = {.modules = tr_modules_new()};
    assert_non_null(it.modules);
    assert_status(tr_modules_register(it.modules, &idler), TROUPE_OK);
    it.node = must_read_node();
    assert_status(tr_config_read_child("t.yaml", text, strlen(text), it.node, fail_with, NULL,
                                       &it.config),
                  TROUPE_OK);
    assert_status(
        tr_plan_new_child(it.config, it.node, "t.yaml", it.modules, fail_with, NULL, &it.plan),
        TROUPE_OK);
    const tr_supervisor_spec_t *both = it.plan->root.children[0].what;
    it.router = both->children[0].what;
    return it;
}

static void finish(struct planned *it)
{
    tr_plan_destroy(&it->plan);
    tr_config_destroy(&it->config);
    tr_config_destroy(&it->node);
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

static void one_that_is_added_needs_what_its_node_has(void **state)
{
    (void)state;
    struct planned it = must_plan("{capability: a, worker: {module: idler}, memory: 1GiB, "
                                  "workers: {min: 0, max: 9}, needs: {gpu: 2}}");
    const tr_supervisor_spec_t *both = it.plan->root.children[0].what;
    const tr_supervisor_spec_t *pool = both->children[1].what;
    const tr_amounts_t *needs = &pool->children[0].needs;
    assert_int_equal(needs->of[TR_MEMORY], 1 << 30);
    assert_int_equal(needs->of[TR_MEMORY + 1], 0);
    assert_int_equal(needs->of[TR_MEMORY + 2], 2);
    finish(&it);
}

/* What could never run in such a node, and how that is told. */
struct misfit {
    const char *text;
    const char *problem;
};

static void a_misfit_is_not_read(void **state)
{
    const struct misfit *misfit = *state;
    char text[256];
    char line[256] = "";
    snprintf(text, sizeof text, "{capability: a, worker: {module: idler}, %s}", misfit->text);
    tr_config_t *node = must_read_node();
    tr_config_t *config = NULL;
    assert_status(tr_config_read_child("t", text, strlen(text), node, note_line, line, &config),
                  TROUPE_ERR_INVALID);
    assert_non_null(strstr(line, misfit->problem));
    assert_null(config);
    tr_config_destroy(&node);
}

/* clang-format off */
#define MISFIT(title, ...) \
    { .name = title, .test_func = a_misfit_is_not_read, \
      .initial_state = &(struct misfit){__VA_ARGS__} }
#define WORD(key, ...) \
    { .name = "knows " key, .test_func = router_knows_the_word, \
      .initial_state = &(struct word){"{capability: a, worker: {module: idler}, " key "}", __VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(router_is_told_what_was_written),
        cmocka_unit_test(one_that_is_added_needs_what_its_node_has),
        MISFIT("one that needs what is not there", "needs: {gpus: 1}",
               "there is no resource 'gpus'; did you mean 'gpu'?"),
        MISFIT("one that needs more than there is", "needs: {gpu: 3}",
               "one worker needs 3 of 'gpu', and there are 2"),
        MISFIT("one whose workers need more together",
               "needs: {gpu: 1}, workers: {min: 3, max: 3}",
               "('min' of each capability) need 3 of 'gpu', and there are 2"),
        MISFIT("one that needs more memory than there is to be", "memory: 1.5GiB",
               "one worker needs 1536MiB, and the budget is 1GiB"),
        MISFIT("one whose workers need more memory together",
               "memory: 600MiB, workers: {min: 2, max: 2}",
               "('min' of each capability) need 1200MiB, and the budget is 1GiB"),
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
