#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "node/admin/account.h"
#include "node/http/readiness.h"

struct capability {
    const char *name; /* NULL: no more */
    const char *state;
    const char *reason;
    bool is_full;
};

struct story {
    const char *node; /* its state */
    struct capability capabilities[3];
    bool any;
    const char *asked; /* NULL: for the whole node */
    tr_readiness_t want;
    const char *why;
    const char *waits_for; /* one of the node's reasons; NULL: it has none */
};

static void pack_text(msgpack_packer *to, const char *text)
{
    msgpack_pack_str_with_body(to, text, strlen(text));
}

static void pack_capability(msgpack_packer *to, const struct capability *capability)
{
    msgpack_pack_map(to, 4);
    pack_text(to, "name");
    pack_text(to, capability->name);
    pack_text(to, "state");
    pack_text(to, capability->state);
    pack_text(to, "reason");
    pack_text(to, capability->reason ? capability->reason : "");
    pack_text(to, "full");
    capability->is_full ? msgpack_pack_true(to) : msgpack_pack_false(to);
}

static void pack_account(msgpack_packer *to, const struct story *story)
{
    size_t n = 0;
    while (n < 3 && story->capabilities[n].name) {
        n++;
    }
    msgpack_pack_map(to, 3);
    pack_text(to, "state");
    pack_text(to, story->node);
    pack_text(to, "reasons");
    msgpack_pack_array(to, story->waits_for ? 1 : 0);
    if (story->waits_for) {
        pack_text(to, story->waits_for);
    }
    pack_text(to, "capabilities");
    msgpack_pack_array(to, n);
    for (size_t i = 0; i < n; i++) {
        pack_capability(to, &story->capabilities[i]);
    }
}

static void is_judged(void **state)
{
    const struct story *story = *state;
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    tr_account_t account = {0};
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    pack_account(&packer, story);
    assert_status(tr_account_open(&account, buffer.data, buffer.size), TROUPE_OK);

    tr_builder_t builder = {0};
    size_t size;
    tr_readiness_t verdict = story->asked
                                 ? tr_readiness_of(&account.root, story->asked, &builder)
                                 : tr_readiness_of_node(&account.root, story->any, &builder);
    char *why = tr_builder_take(&builder, &size);
    assert_int_equal(verdict, story->want);
    assert_string_equal(why, story->why);

    free(why);
    tr_account_close(&account);
    msgpack_sbuffer_destroy(&buffer);
}

static void what_is_no_account_is_not_ready(void **state)
{
    (void)state;
    const msgpack_object nothing = {.type = MSGPACK_OBJECT_NIL};
    tr_builder_t why = {0};
    assert_int_equal(tr_readiness_of_node(&nothing, false, &why), TR_UNREADY);
    assert_int_equal(tr_readiness_of(&nothing, "a", &why), TR_NO_SUCH_CAPABILITY);
    tr_builder_finish(&why);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = is_judged, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

#define READY_A                                                                                \
    {                                                                                          \
        .name = "a", .state = "ready"                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("an empty node is ready", "ready", {{0}}, .want = TR_READY, .why = ""),
        STORY("an empty node has all of none", "ready", {{0}}, .any = true, .want = TR_READY,
              .why = ""),
        STORY("a node that starts is not", "starting", {READY_A}, .want = TR_UNREADY,
              .why = "the node is starting\n"),
        STORY("a node that starts says what it waits for", "starting", {READY_A},
              .want = TR_UNREADY, .waits_for = "b is loading:\nslowly",
              .why = "the node is starting\nb is loading: slowly\n"),
        STORY("which is not asked of one that drains", "draining", {READY_A},
              .want = TR_UNREADY, .waits_for = "b is draining",
              .why = "the node is draining\n"),
        STORY("a node that drains is not", "draining", {READY_A}, .want = TR_UNREADY,
              .why = "the node is draining\n"),
        STORY("a node that drains takes nothing for a capability either", "draining", {READY_A},
              .asked = "a", .want = TR_UNREADY, .why = "the node is draining\n"),
        STORY("all are ready", "ready", {READY_A, {.name = "b", .state = "ready"}},
              .want = TR_READY, .why = ""),
        STORY("one that loads takes work", "ready", {{.name = "a", .state = "loading"}},
              .want = TR_READY, .why = ""),
        STORY("one that loads and is full does not", "ready",
              {{"a", "loading", "no worker is ready yet", true}}, .want = TR_UNREADY,
              .why = "a is loading, and its queue is full: no worker is ready yet\n"),
        STORY("one that is full does not", "ready", {{"a", "ready", "", true}},
              .want = TR_UNREADY, .why = "a is ready, and its queue is full\n"),
        STORY("each that is not ready has a line", "ready",
              {{"a", "unavailable", "a/1 exited: status 1", false},
               {"b", "ready", "", false},
               {"c", "draining", "", false}},
              .want = TR_UNREADY,
              .why = "a is unavailable: a/1 exited: status 1\nc is draining\n"),
        STORY("a paused one is not", "ready", {{"a", "paused", "", false}}, .want = TR_UNREADY,
              .why = "a is paused\n"),
        STORY("a state that nobody knows is not", "ready", {{"a", "odd", "", false}},
              .want = TR_UNREADY, .why = "a is odd\n"),
        STORY("any will do", "ready", {{"a", "unavailable", "", false}, {"b", "ready", "", 0}},
              .any = true, .want = TR_READY, .why = "a is unavailable\n"),
        STORY("but not none", "ready", {{"a", "unavailable", "", false}}, .any = true,
              .want = TR_UNREADY, .why = "a is unavailable\n"),
        STORY("a reason of several lines is one line", "ready",
              {{"a", "unavailable", "one\ntwo\r\nthree", false}}, .want = TR_UNREADY,
              .why = "a is unavailable: one two  three\n"),
        STORY("one is asked for and the other does not count", "ready",
              {READY_A, {"b", "unavailable", "", false}}, .asked = "a", .want = TR_READY,
              .why = ""),
        STORY("one is asked for that is not ready", "ready",
              {READY_A, {"b", "unavailable", "gone", false}}, .asked = "b", .want = TR_UNREADY,
              .why = "b is unavailable: gone\n"),
        STORY("one is asked for that is not there", "ready", {READY_A}, .asked = "b",
              .want = TR_NO_SUCH_CAPABILITY, .why = "there is no capability b\n"),
        cmocka_unit_test(what_is_no_account_is_not_ready),
    };
    return cmocka_run_group_tests_name("node/readiness", tests, NULL, NULL) != 0;
}
