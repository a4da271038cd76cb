#include "tests/kit/check.h"

#include <string.h>

#include "cli/outstanding.h"

enum { MOST = 100, N_IDS = 5000 };

static void add(cli_outstanding_t *self, uint64_t id)
{
    cli_outstanding_add(self, &(cli_sent_t){.id = id, .due_ns = (int64_t)id * 3});
}

static void each_is_taken_once(void **state)
{
    (void)state;
    cli_outstanding_t *self = cli_outstanding_new(2);
    cli_sent_t sent;
    assert_false(cli_outstanding_take(self, 1, &sent));
    add(self, 1);
    add(self, 2);
    assert_int_equal(cli_outstanding_n(self), 2);
    assert_true(cli_outstanding_take(self, 1, &sent));
    assert_int_equal(sent.due_ns, 3);
    assert_false(cli_outstanding_take(self, 1, &sent));
    assert_false(cli_outstanding_take(self, 0, &sent));
    assert_non_null(cli_outstanding_find(self, 2));
    assert_null(cli_outstanding_find(self, 1));
    cli_outstanding_destroy(&self);
    assert_null(self);
}

static void what_is_found_may_be_changed(void **state)
{
    (void)state;
    cli_outstanding_t *self = cli_outstanding_new(1);
    cli_sent_t sent;
    add(self, 7);
    cli_outstanding_find(self, 7)->has_part = true;
    assert_true(cli_outstanding_take(self, 7, &sent));
    assert_true(sent.has_part);
    cli_outstanding_destroy(&self);
}

static void count(void *arg, const cli_sent_t *sent)
{
    assert_int_equal(sent->due_ns, sent->id * 3);
    ++*(size_t *)arg;
}

/* Against a list that cannot be wrong, filled and emptied in no order. */
static void it_agrees_with_a_plain_list(void **state)
{
    (void)state;
    static bool is_in[N_IDS];
    memset(is_in, 0, sizeof is_in);
    cli_outstanding_t *self = cli_outstanding_new(MOST);
    uint64_t random = 1;
    size_t n = 0;
    for (size_t i = 0; i < 200000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t id = (size_t)(random >> 33) % (N_IDS - 1) + 1;
        cli_sent_t sent;
        if (!is_in[id] && n < MOST) {
            add(self, id);
            is_in[id] = true;
            n++;
        } else {
            assert_int_equal(cli_outstanding_take(self, id, &sent), is_in[id]);
            n -= is_in[id];
            is_in[id] = false;
        }
        assert_int_equal(cli_outstanding_n(self), n);
    }
    size_t n_walked = 0;
    cli_outstanding_each(self, count, &n_walked);
    assert_int_equal(n_walked, n);
    for (size_t id = 1; id < N_IDS; id++) {
        assert_int_equal(cli_outstanding_find(self, id) != NULL, is_in[id]);
    }
    cli_outstanding_destroy(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_taken_once),
        cmocka_unit_test(what_is_found_may_be_changed),
        cmocka_unit_test(it_agrees_with_a_plain_list),
    };
    return cmocka_run_group_tests_name("cli/outstanding", tests, NULL, NULL) != 0;
}
