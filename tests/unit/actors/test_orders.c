/* What is ordered of a capability outlives its actors, and not its place in the tree. */

#include "tests/kit/check.h"

#include "actors/orders.h"
#include "tests/kit/fault_point.h"

#define HOME "root\ntree\nvision"

static const tr_pool_size_t described = {1, 4};

static int set_up(void **state)
{
    *state = tr_order_book_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    tr_order_book_t *book = *state;
    tr_order_book_destroy(&book);
    assert_null(book);
    tr_order_book_destroy(&book);
    return 0;
}

static tr_orders_t *of(tr_order_book_t *book, const char *capability, const char *home)
{
    tr_orders_t *orders = tr_order_book_of(book, capability, home);
    assert_non_null(orders);
    return orders;
}

static void is_size(const tr_orders_t *orders, size_t least, size_t most)
{
    tr_pool_size_t size = tr_orders_size(orders, described);
    assert_int_equal(size.least, least);
    assert_int_equal(size.most, most);
}

static void nothing_is_ordered_at_first(void **state)
{
    const tr_orders_t *orders = of(*state, "vision", HOME);
    assert_int_equal(atomic_load(&orders->service), TR_SERVICE_OPEN);
    assert_false(atomic_load(&orders->rests));
    is_size(orders, 1, 4);
}

static void each_has_its_own(void **state)
{
    tr_orders_t *orders = of(*state, "vision", HOME);
    assert_ptr_equal(of(*state, "vision", HOME), orders);
    assert_ptr_not_equal(of(*state, "vision", "root\nother"), orders);
    assert_ptr_not_equal(of(*state, "sight", HOME), orders);
}

static void a_size_holds_for_the_description_it_was_said_of(void **state)
{
    tr_orders_t *orders = of(*state, "vision", HOME);
    tr_orders_set_size(orders, (tr_pool_size_t){0, 9}, described);
    is_size(orders, 0, 9);
    tr_orders_set_size(orders, (tr_pool_size_t){TR_ORDERS_MOST_WORKERS, TR_ORDERS_MOST_WORKERS},
                       (tr_pool_size_t){0, TR_ORDERS_MOST_WORKERS});
    is_size(orders, 1, 4);
    tr_pool_size_t size = tr_orders_size(orders, (tr_pool_size_t){0, TR_ORDERS_MOST_WORKERS});
    assert_int_equal(size.least, TR_ORDERS_MOST_WORKERS);
    assert_int_equal(size.most, TR_ORDERS_MOST_WORKERS);
    tr_orders_drop_size(orders);
    size = tr_orders_size(orders, (tr_pool_size_t){0, TR_ORDERS_MOST_WORKERS});
    assert_int_equal(size.least, 0);
}

static bool is_called(const void *name, tr_span_t child)
{
    return tr_span_equals(child, name);
}

typedef struct story {
    const char *path; /* of the supervisor */
    const char *gone; /* the child of it */
    bool is_kept;
} story_t;

static void order_all(tr_orders_t *orders)
{
    atomic_store(&orders->service, TR_SERVICE_DRAINED);
    atomic_store(&orders->rests, true);
    tr_orders_set_size(orders, (tr_pool_size_t){2, 2}, described);
}

static void forgetting(void **state)
{
    const story_t *story = *state;
    tr_order_book_t *book = tr_order_book_new();
    assert_non_null(book);
    tr_orders_t *orders = of(book, "vision", HOME);
    order_all(orders);
    tr_order_book_forget(book, story->path, is_called, story->gone);
    assert_int_equal(atomic_load(&orders->service),
                     story->is_kept ? TR_SERVICE_DRAINED : TR_SERVICE_OPEN);
    assert_int_equal(atomic_load(&orders->rests), story->is_kept);
    is_size(orders, story->is_kept ? 2 : 1, story->is_kept ? 2 : 4);
    tr_order_book_destroy(&book);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    tr_order_book_t *book = tr_order_book_new();
    assert_non_null(book);
    for (size_t n = 0; n < 3; n++) {
        tr_fault_arm(&tr_fault_memory, n, 1);
        assert_null(tr_order_book_of(book, "vision", HOME));
        tr_fault_disarm(&tr_fault_memory);
    }
    of(book, "vision", HOME);
    tr_order_book_destroy(&book);
}

/* clang-format off */
#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define FORGETTING(title, ...) \
    { .name = title, .test_func = forgetting, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(nothing_is_ordered_at_first),
        STORY(each_has_its_own),
        STORY(a_size_holds_for_the_description_it_was_said_of),
        FORGETTING("one that is gone is forgotten", "root\ntree", "vision", false),
        FORGETTING("and one below what is gone", "root", "tree", false),
        FORGETTING("wherever it is", "", "root", false),
        FORGETTING("a sibling is not", "root\ntree", "sight", true),
        FORGETTING("nor one of elsewhere", "root\nother", "vision", true),
        FORGETTING("nor one whose name begins likewise", "root\ntr", "vision", true),
        FORGETTING("nor a capability whose pool or router is", HOME, "vision", true),
        cmocka_unit_test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests_name("actors/orders", tests, NULL, NULL) != 0;
}
