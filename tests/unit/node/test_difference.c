/* Each row is a pair of files and the lines that a reload from one to the other would say.
 */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/reload/difference.h"

struct story {
    const char *before; /* the children of the root, in flow style, or a whole file */
    const char *after;
    const char *failed; /* a child that did not start; NULL: all did */
    const char *lines;  /* with their ends; "" when nothing has changed */
};

static void fail_with(void *arg, const char *line)
{
    fail_msg("%s\nin %s", line, (const char *)arg);
}

static tr_config_t *read_story(const char *text)
{
    char *whole = NULL;
    if (strstr(text, "troupe: 1\n")) {
        whole = strdup(text);
    } else if (asprintf(&whole, "troupe: 1\nnode: n\nsupervisor: {children: [%s]}\n", text) <
               0) {
        whole = NULL;
    }
    assert_non_null(whole);
    tr_config_t *config = NULL;
    assert_status(tr_config_read("file", whole, strlen(whole), fail_with, whole, &config),
                  TROUPE_OK);
    free(whole);
    return config;
}

/* The caller's to free. */
static char *lines_of(const tr_difference_t *difference)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < difference->n; i++) {
        fprintf(out, "%s\n", difference->changes[i].text);
    }
    fclose(out);
    return text;
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_config_t *before = read_story(story->before);
    tr_config_t *after = read_story(story->after);
    assert_null(tr_difference_objection(before, after));
    tr_difference_t *difference =
        tr_difference_new(before, after, &story->failed, story->failed != NULL);
    assert_non_null(difference);
    char *text = lines_of(difference);
    assert_string_equal(text, story->lines);
    free(text);
    tr_difference_destroy(&difference);
    assert_null(difference);
    tr_config_destroy(&before);
    tr_config_destroy(&after);
}

#define A             "{actor: a, worker: {module: m}}"
#define B             "{actor: b, worker: {module: m}}"
#define C             "{actor: c, worker: {module: m}}"
#define V             "{capability: v, worker: {module: m}}"
#define INNER(inside) "{supervisor: inner, children: [" inside "]}"
#define FILE_OF(top)  "troupe: 1\nnode: n\n" top "supervisor: {children: [" A "]}\n"

/* Which steps a move is made of is told by flags, not by its line. */
static void flags_say_who_stops_and_who_starts(void **state)
{
    (void)state;
    tr_config_t *before = read_story(INNER(A "," B) "," C);
    tr_config_t *after = read_story("{supervisor: other, children: [" C "]}," A);
    tr_difference_t *difference = tr_difference_new(before, after, NULL, 0);
    assert_non_null(difference);
    const struct {
        tr_change_kind_t kind;
        const char *name;
        bool stops, starts;
    } wanted[] = {
        {TR_CHANGE_MOVE, "c", true, false}, /* other is new, and has it from its start */
        {TR_CHANGE_MOVE, "a", false, true}, /* inner stops with all that it has */
        {TR_CHANGE_REMOVE, "inner", true, false},
        {TR_CHANGE_ADD, "other", false, true},
    };
    assert_int_equal(difference->n, 4);
    for (size_t i = 0; i < 4; i++) {
        const tr_change_t *change = &difference->changes[i];
        const tr_config_child_t *child = change->before ? change->before : change->after;
        assert_int_equal(change->kind, wanted[i].kind);
        assert_string_equal(child->name, wanted[i].name);
        assert_int_equal(change->stops, wanted[i].stops);
        assert_int_equal(change->starts, wanted[i].starts);
    }
    tr_difference_destroy(&difference);
    tr_config_destroy(&before);
    tr_config_destroy(&after);
}

static void root_does_not_become_a_template(void **state)
{
    (void)state;
    tr_config_t *before = read_story(A);
    tr_config_t *after = read_story(
        "troupe: 1\nsupervisor: {strategy: simple_one_for_one, children: [" A "]}\n");
    assert_string_equal(tr_difference_objection(before, after),
                        "the root cannot become simple_one_for_one, nor cease to be it, while "
                        "it runs");
    tr_config_destroy(&before);
    tr_config_destroy(&after);
}

/* The path stays, and what is in the file does not. */
static void another_key_in_the_same_file_is_told(void **state)
{
    (void)state;
    static const char text[] = "troupe: 1\nnode: n\n"
                               "listen: [{endpoint: 'tcp://127.0.0.1:1', security: curve}]\n"
                               "security: {key: k}\nsupervisor: {children: []}\n";
    static const struct {
        const char *before;
        const char *after;
        const char *lines;
    } rows[] = {{"one", "one", ""},
                {"one", "other", "security: another key in \"k\"\n"},
                {"", "one", ""}, /* it could not be read, or nobody wanted it */
                {"one", "", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tr_config_t *before = read_story(text);
        tr_config_t *after = read_story(text);
        strcpy(before->node_key, rows[i].before);
        strcpy(after->node_key, rows[i].after);
        tr_difference_t *difference = tr_difference_new(before, after, NULL, 0);
        assert_non_null(difference);
        char *lines = lines_of(difference);
        assert_string_equal(lines, rows[i].lines);
        free(lines);
        tr_difference_destroy(&difference);
        tr_config_destroy(&before);
        tr_config_destroy(&after);
    }
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }

#define TEN(digit)         #digit #digit #digit #digit #digit #digit #digit #digit #digit #digit
#define PEER(called, digit)                                                                    \
    "{name: " #called ", key: '" TEN(digit) TEN(digit) TEN(digit) TEN(digit) "'}"

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("the same", A "," V, A "," V, NULL, ""),
        STORY("defaults written out, comments, and the order of keys",
              "troupe: 1\nnode: n\nsupervisor: {children: [" V "]}\n",
              "# a file\nsupervisor:\n  intensity: {period: 5000ms, restarts: 1}\n"
              "  children:\n  - worker: {args: {}, module: m} # here\n    capability: v\n"
              "    queue: {overflow: reject, limit: 100}\n    keep-alive: 1m\n"
              "    batch: {max: 1, window: 3ms}\n    workers: {max: 1}\n"
              "drain-timeout: 10s\nnode: n\ntroupe: 1\n", NULL, ""),
        STORY("the order of arguments",
              "{actor: a, worker: {module: m, args: {x: 1, y: 2}}}",
              "{actor: a, worker: {module: m, args: {y: 2, x: 1}}}", NULL, ""),
        STORY("a child more", A, A "," V, NULL, "add capability v to root\n"),
        STORY("a child less", A "," V, V, NULL, "remove actor a from root\n"),
        STORY("all are removed from the bottom", A "," B "," INNER(C), "", NULL,
              "remove supervisor inner from root\n"
              "remove actor b from root\n"
              "remove actor a from root\n"),
        STORY("a child of a child", INNER(A), INNER(A "," B), NULL, "add actor b to inner\n"),
        STORY("another kind", "{actor: v, worker: {module: m}}", V, NULL,
              "remove actor v from root\nadd capability v to root\n"),
        STORY("a child moves down", A "," INNER(B), INNER(B "," A), NULL,
              "move actor a from root to inner: it is stopped and started\n"),
        STORY("a child moves up and its supervisor goes", INNER(A "," B), A, NULL,
              "move actor a from inner to root: it is stopped and started\n"
              "remove supervisor inner from root\n"),
        STORY("a supervisor moves with what it has",
              INNER(A) ", {supervisor: other, children: []}",
              "{supervisor: other, children: [" INNER(A) "]}", NULL,
              "move supervisor inner from root to other: it is stopped and started\n"),
        STORY("into a supervisor that is new", A, INNER(A), NULL,
              "move actor a from root to inner: it is stopped and started\n"
              "add supervisor inner to root\n"),
        STORY("another order", A "," B "," C, C "," A "," B, NULL,
              "supervisor root: the order of its children\n"),
        STORY("new ones in between are no other order", A "," C, A "," B "," C, NULL,
              "add actor b to root\n"),
        STORY("what leaves is no other order", A "," B "," C, B "," C, NULL,
              "remove actor a from root\n"),
        STORY("the supervisor itself",
              "{supervisor: inner, children: [" A "]}",
              "{supervisor: inner, strategy: rest_for_one, intensity: {restarts: 9}, "
              "shutdown: 5s, children: [" A "]}", NULL,
              "supervisor inner: strategy one_for_one -> rest_for_one, intensity.restarts 1 -> "
              "9, shutdown infinity -> 5s\n"),
        STORY("a supervisor becomes a template's",
              INNER(A),
              "{supervisor: inner, strategy: simple_one_for_one, children: [" A "]}", NULL,
              "replace supervisor inner in root: its strategy is simple_one_for_one now\n"),
        STORY("another template",
              "{supervisor: inner, strategy: simple_one_for_one, children: [" A "]}",
              "{supervisor: inner, strategy: simple_one_for_one, children: "
              "[{actor: a, shutdown: 1s, worker: {module: x}}]}", NULL,
              "supervisor inner: a.worker.module m -> x, a.shutdown 5s -> 1s\n"),
        STORY("an actor's keys", A, "{actor: a, shutdown: 1s, worker: {module: m}}", NULL,
              "actor a: shutdown 5s -> 1s\n"),
        STORY("an actor's worker", A, "{actor: a, worker: {module: m, args: {x: 1}}}", NULL,
              "actor a: worker.args; it is restarted\n"),
        STORY("a capability's keys", V,
              "{capability: v, worker: {module: m}, timeout: 10s, queue: {limit: 200}, "
              "workers: {min: 2, max: 4}, breaker: {}}", NULL,
              "capability v: workers.min 1 -> 2, workers.max 1 -> 4, queue.limit 100 -> 200, "
              "timeout 30s -> 10s, breaker.failures (none) -> 5, breaker.cooldown (none) -> "
              "10s, breaker.probes (none) -> 3, intensity.restarts 7 -> 13\n"),
        STORY("a capability's worker", V,
              "{capability: v, worker: {module: m, args: {x: 1}}}", NULL,
              "capability v: worker.args; its workers are replaced one after another\n"),
        STORY("where it runs", V,
              "{capability: v, isolation: process, memory: 1GiB, worker: {module: m, limits: "
              "{memory: 2GiB}}}", NULL,
              "capability v: worker.limits.memory (none) -> 2GiB, isolation thread -> process, "
              "memory 0 -> 1GiB; its workers are replaced one after another\n"),
        STORY("one that did not start is tried again", A "," B, A "," B, "b",
              "add actor b to root, which did not start before\n"),
        STORY("one that did not start is forgotten", A "," B, A, "b",
              "remove actor b from root\n"),
        STORY("one that did not start moves", B "," INNER(""), INNER(B), "b",
              "move actor b from root to inner: it is stopped and started\n"),
        STORY("the node's own keys", FILE_OF(""),
              FILE_OF("drain-timeout: 3s\nquarantine-limit: 7\nmemory: {budget: 1GiB}\n"
                      "resources: {gpu: 1}\nhttp: 127.0.0.1:8670\n"
                      "majordomo: {heartbeat: 3s}\n"), NULL,
              "memory.budget 80% -> 1GiB, resources\n"
              "drain-timeout 10s -> 3s\n"
              "quarantine-limit 100 -> 7\n"
              "majordomo.heartbeat 2500ms -> 3s\n"
              "http (none) -> \"127.0.0.1:8670\"\n"),
        STORY("another schedule", FILE_OF("") , "troupe: 1\nnode: n\n"
              "supervisor: {children: [" A "," V "]}\nschedule: [{every: 1h, restart: v}]\n", NULL,
              "schedule: 0 errands -> 1\nadd capability v to root\n"),
        STORY("the same errands", "troupe: 1\nnode: n\nsupervisor: {children: [" V "]}\n"
              "schedule: [{every: 1h, scale: v, min: 0}, {at: 03:30, evict: v}]\n",
              "troupe: 1\nnode: n\nsupervisor: {children: [" V "]}\n"
              "schedule: [{scale: v, every: 60m, min: 0}, {at: \"03:30\", evict: v}]\n", NULL, ""),
        STORY("another time of day", "troupe: 1\nnode: n\nsupervisor: {children: [" V "]}\n"
              "schedule: [{at: 03:30, evict: v}]\n",
              "troupe: 1\nnode: n\nsupervisor: {children: [" V "]}\n"
              "schedule: [{at: \"03:31\", evict: v}]\n", NULL, "schedule: 1 errands -> 1\n"),
        STORY("endpoints", FILE_OF("listen: [ipc:///tmp/a, tcp://127.0.0.1:1]\n"),
              FILE_OF("listen: [tcp://127.0.0.1:1, ipc:///tmp/b]\n"), NULL,
              "listen: no more at ipc:///tmp/a, from now on at ipc:///tmp/b\n"),
        STORY("what holds at an endpoint",
              FILE_OF("listen: [{endpoint: 'ipc:///tmp/a'}, tcp://127.0.0.1:1]\n"),
              FILE_OF("listen: [{endpoint: 'ipc:///tmp/a', mode: '0660', owner: root, "
                      "call: [a], admin: false}, {endpoint: 'tcp://127.0.0.1:1', call: ['*'], "
                      "admin: false, actors: []}]\n"),
              NULL,
              "listen: other mode at ipc:///tmp/a, other owner at ipc:///tmp/a, other call at "
              "ipc:///tmp/a, other admin at ipc:///tmp/a\n"),
        STORY("who may come in",
              FILE_OF("listen: [tcp://127.0.0.1:1]\nsecurity: {key: k, peers: [" PEER(a, 1)
                          "," PEER(b, 2) "," PEER(c, 3) "]}\n"),
              FILE_OF("listen: [{endpoint: 'tcp://127.0.0.1:1', security: curve}]\n"
                      "security: {key: l, peers: [" PEER(d, 4) "," PEER(b, 5)
                          ", {name: c, key: '3333333333333333333333333333333333333333', "
                          "call: [x], admin: true}]}\n"),
              NULL,
              "listen: security none -> curve at tcp://127.0.0.1:1, which is opened anew; "
              "security: key \"k\" -> \"l\", no more a, from now on d, other key of b, other "
              "call of c, other admin of c\n"),
        STORY("their order", FILE_OF("listen: [ipc:///tmp/a, tcp://127.0.0.1:1]\n"),
              FILE_OF("listen: [tcp://127.0.0.1:1, ipc:///tmp/a]\n"), NULL, ""),
        STORY("what only a restart can change", FILE_OF(""),
              "troupe: 1\nnode: other\nspin: 50us\nsupervisor: {children: [" A "]}\n", NULL,
              "node n -> other, spin 0 -> 50us; not changed, since that needs a restart of the "
              "node\n"),
        STORY("in the order in which it is done",
              A "," B "," V "," INNER(C),
              "{actor: b, worker: {module: x}}," INNER("") ",{capability: v, timeout: 1s, "
              "worker: {module: m}},{actor: d, worker: {module: m}}", NULL,
              "remove actor c from inner\n"
              "remove actor a from root\n"
              "supervisor root: the order of its children\n"
              "actor b: worker.module m -> x; it is restarted\n"
              "capability v: timeout 30s -> 1s\n"
              "add actor d to root\n"),
        cmocka_unit_test(another_key_in_the_same_file_is_told),
        cmocka_unit_test(flags_say_who_stops_and_who_starts),
        cmocka_unit_test(root_does_not_become_a_template),
    };
    return cmocka_run_group_tests_name("node/difference", tests, NULL, NULL) != 0;
}
