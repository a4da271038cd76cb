#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "node/admin/account.h"

/* What the reader asks for when a chunk of its zone has no room for it. */
static size_t claimed;

void *__real_msgpack_zone_malloc_expand(msgpack_zone *zone, size_t size);
void *__wrap_msgpack_zone_malloc_expand(msgpack_zone *zone, size_t size);

void *__wrap_msgpack_zone_malloc_expand(msgpack_zone *zone, size_t size)
{
    claimed += size;
    return __real_msgpack_zone_malloc_expand(zone, size);
}

static void parts_are_found(void **state)
{
    (void)state;
    static const char packed[] = "\x84\xa1"
                                 "a\xa1"
                                 "b\xa1"
                                 "c\xc3\x07\xc0\xa1"
                                 "l\x92\x01\xa1"
                                 "x";
    tr_account_t account = {0};
    assert_status(tr_account_open(&account, packed, sizeof packed - 1), TROUPE_OK);
    assert_true(tr_account_says(&account.root, "a", "b"));
    assert_false(tr_account_says(&account.root, "a", "bb"));
    assert_false(tr_account_says(&account.root, "c", "b"));
    assert_false(tr_account_says(&account.root, "none", "b"));
    assert_true(tr_account_is(&account.root, "c"));
    assert_false(tr_account_is(&account.root, "a"));
    assert_null(tr_account_member(&account.root, "none"));
    msgpack_object_array list = tr_account_list(&account.root, "l");
    assert_int_equal(list.size, 2);
    assert_int_equal(list.ptr[0].via.u64, 1);
    assert_int_equal(tr_account_list(&account.root, "a").size, 0);
    assert_null(tr_account_member(&list.ptr[0], "a"));
    tr_account_close(&account);
    tr_account_close(&account);
}

static troupe_status_t status_of_nest(size_t depth)
{
    char *packed = malloc(depth + 1);
    memset(packed, '\x91', depth);
    packed[depth] = '\x01';
    tr_account_t account = {0};
    troupe_status_t status = tr_account_open(&account, packed, depth + 1);
    free(packed); /* no text was in it */
    tr_account_close(&account);
    return status;
}

static void a_deep_one_is_read(void **state)
{
    (void)state;
    assert_status(status_of_nest(TR_ACCOUNT_DEPTH - 1), TROUPE_OK);
}

static void a_bottomless_one_is_not(void **state)
{
    (void)state;
    assert_status(status_of_nest(TR_ACCOUNT_DEPTH), TROUPE_ERR_INVALID);
    assert_status(status_of_nest(100000), TROUPE_ERR_INVALID);
}

/* Each of a hundred arrays in each other says that it has as many parts as there are bytes
 * left.
 */
static void what_is_claimed_twice_is_not_believed(void **state)
{
    (void)state;
    enum { N_BYTES = 30000, N_ARRAYS = 100 };
    unsigned char *packed = calloc(1, N_BYTES);
    for (size_t i = 0; i < N_ARRAYS; i++) {
        size_t n_left = N_BYTES - 3 * (i + 1);
        packed[3 * i] = 0xdc;
        packed[3 * i + 1] = (unsigned char)(n_left >> 8);
        packed[3 * i + 2] = (unsigned char)n_left;
    }
    tr_account_t account = {0};
    claimed = 0;
    assert_status(tr_account_open(&account, packed, N_BYTES), TROUPE_ERR_INVALID);
    assert_in_range(claimed, 1, 2 * N_BYTES * sizeof(msgpack_object));
    free(packed);
}

struct bad {
    const char *packed;
    size_t size;
};

static void is_refused(void **state)
{
    const struct bad *bad = *state;
    tr_account_t account = {0};
    assert_status(tr_account_open(&account, bad->packed, bad->size), TROUPE_ERR_INVALID);
    assert_null(account.zone);
}

/* clang-format off */
#define BAD(title, bytes) \
    { .name = title, .test_func = is_refused, .initial_state = &(struct bad){bytes, sizeof bytes - 1} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_found),
        cmocka_unit_test(a_deep_one_is_read),
        cmocka_unit_test(a_bottomless_one_is_not),
        cmocka_unit_test(what_is_claimed_twice_is_not_believed),
        BAD("nothing is refused", ""),
        BAD("a text that is cut off is refused", "\xa5hi"),
        BAD("more parts than bytes are refused", "\xdd\xff\xff\xff\xff\x01"),
        BAD("a byte that means nothing is refused", "\xc1"),
        BAD("what follows it is refused", "\x01\x02"),
    };
    return cmocka_run_group_tests_name("node/account", tests, NULL, NULL) != 0;
}
