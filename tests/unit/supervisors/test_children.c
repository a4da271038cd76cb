/* Order, names, lives and due times of many children, without any actor. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "supervisors/children.h"

static const tr_child_spec_t spec = {
    .name = "c", .kind = "stub", .backoff_min_ms = 1, .backoff_max_ms = 1, .own_restarts = -1};

static tr_child_t *add(tr_children_t *children, const char *name)
{
    tr_child_t *child = tr_children_add(children, &spec, name);
    assert_non_null(child);
    return child;
}

static void the_order_is_that_of_adding(void **state)
{
    (void)state;
    tr_children_t children;
    tr_children_init(&children);
    tr_child_t *a = add(&children, "a");
    tr_child_t *b = add(&children, "b");
    tr_child_t *c = add(&children, "c");
    assert_int_equal(tr_children_index(&children, b), 1);
    tr_children_remove(&children, b);
    assert_int_equal(children.n, 2);
    assert_int_equal(tr_children_index(&children, a), 0);
    assert_int_equal(tr_children_index(&children, c), 1);
    assert_null(tr_children_named(&children, "b"));
    b = add(&children, "b"); /* its name is free again */
    assert_int_equal(tr_children_index(&children, b), 2);
    assert_ptr_equal(tr_children_named(&children, "b"), b);
    tr_children_finish(&children);
}

static void some_may_be_put_first(void **state)
{
    (void)state;
    tr_children_t children;
    tr_children_init(&children);
    tr_child_t *a = add(&children, "a");
    tr_child_t *b = add(&children, "b");
    tr_child_t *c = add(&children, "c");
    tr_child_t *d = add(&children, "d");
    tr_children_order(&children, (tr_child_t *[]){c, a}, 2);
    tr_child_t *const first[] = {c, a, b, d};
    assert_memory_equal(children.all, first, sizeof first);
    tr_children_order(&children, NULL, 0);
    assert_memory_equal(children.all, first, sizeof first);
    tr_child_t *const all[] = {d, c, b, a};
    tr_children_order(&children, all, 4);
    assert_memory_equal(children.all, all, sizeof all);
    assert_ptr_equal(tr_children_named(&children, "b"), b);
    tr_children_finish(&children);
}

static void a_life_is_known_from_birth_to_death(void **state)
{
    (void)state;
    tr_children_t children;
    tr_children_init(&children);
    tr_child_t *a = add(&children, "a");
    assert_null(tr_children_living(&children, 0));
    a->incarnation = 7;
    assert_status(tr_children_born(&children, a), TROUPE_OK);
    assert_ptr_equal(tr_children_living(&children, 7), a);
    tr_children_set_due(&children, a, 100);
    tr_children_died(&children, a);
    assert_null(tr_children_living(&children, 7));
    assert_int_equal(a->due_ms, TR_NEVER);
    tr_children_finish(&children);
}

static void who_is_due_first_comes_first(void **state)
{
    (void)state;
    tr_children_t children;
    tr_children_init(&children);
    assert_null(tr_children_first_due(&children));
    tr_child_t *a = add(&children, "a");
    tr_child_t *b = add(&children, "b");
    tr_child_t *c = add(&children, "c");
    tr_children_set_due(&children, a, 300);
    tr_children_set_due(&children, b, 100);
    tr_children_set_due(&children, c, 200);
    assert_ptr_equal(tr_children_first_due(&children), b);
    tr_children_set_due(&children, b, 400);
    assert_ptr_equal(tr_children_first_due(&children), c);
    tr_children_remove(&children, c);
    assert_ptr_equal(tr_children_first_due(&children), a);
    tr_children_finish(&children);
}

/* A hundred thousand come and go: what is found by name is still found, and the rest is not. */
static void there_may_be_many(void **state)
{
    (void)state;
    enum { N = 100000 };
    tr_children_t children;
    tr_children_init(&children);
    char name[32];
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "c/%d", i);
        tr_children_set_due(&children, add(&children, name), (i * 7919) % N);
    }
    for (int i = N - 1; i >= 0; i -= 2) {
        snprintf(name, sizeof name, "c/%d", i);
        if (i > N / 2) {
            tr_children_remove(&children, tr_children_named(&children, name));
        }
    }
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, "c/%d", i);
        const tr_child_t *child = tr_children_named(&children, name);
        assert_int_equal(child == NULL, i > N / 2 && i % 2 == 1);
    }
    int64_t last_ms = -1;
    for (size_t i = 0; i < children.n; i++) {
        tr_child_t *child = tr_children_first_due(&children);
        assert_true(child->due_ms > last_ms);
        last_ms = child->due_ms;
        tr_children_set_due(&children, child, TR_NEVER);
    }
    tr_children_finish(&children);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_that_of_adding),
        cmocka_unit_test(some_may_be_put_first),
        cmocka_unit_test(a_life_is_known_from_birth_to_death),
        cmocka_unit_test(who_is_due_first_comes_first),
        cmocka_unit_test(there_may_be_many),
    };
    return cmocka_run_group_tests_name("supervisors/children", tests, NULL, NULL) != 0;
}
