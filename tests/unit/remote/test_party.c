#include "tests/kit/check.h"

#include "remote/gateway/party.h"

static void who_has_a_name_shares_it(void **state)
{
    (void)state;
    tr_parties_t *all = tr_parties_new();
    assert_non_null(all);
    tr_party_t *one = tr_parties_join(all, "alice");
    tr_party_t *two = tr_parties_join(all, "alice");
    tr_party_t *other = tr_parties_join(all, "bob");
    assert_non_null(one);
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, other);
    one->n_open = 3;
    one->n_open = 0;
    tr_parties_leave(all, &one);
    assert_null(one);
    assert_int_equal(two->n_peers, 1);
    tr_parties_leave(all, &two);
    tr_parties_leave(all, &other);
    tr_parties_destroy(&all);
    assert_null(all);
}

static void who_has_none_is_alone(void **state)
{
    (void)state;
    tr_parties_t *all = tr_parties_new();
    assert_non_null(all);
    tr_party_t *one = tr_parties_join(all, "");
    tr_party_t *two = tr_parties_join(all, "");
    assert_ptr_not_equal(one, two);
    tr_parties_leave(all, &one);
    tr_parties_leave(all, &two);
    tr_parties_leave(all, &two); /* nothing is fine */
    tr_parties_destroy(&all);
}

static void a_name_is_forgotten_with_the_last(void **state)
{
    (void)state;
    tr_parties_t *all = tr_parties_new();
    assert_non_null(all);
    tr_party_t *one = tr_parties_join(all, "alice");
    assert_int_equal(tr_bucket_take(&one->asked, TR_BUCKET_SECOND_NS, 1, 1000), 0);
    tr_parties_leave(all, &one);
    one = tr_parties_join(all, "alice");
    assert_int_equal(one->n_peers, 1);
    tr_parties_leave(all, &one);
    tr_parties_destroy(&all);
    tr_parties_destroy(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_a_name_shares_it),
        cmocka_unit_test(who_has_none_is_alone),
        cmocka_unit_test(a_name_is_forgotten_with_the_last),
    };
    return cmocka_run_group_tests_name("remote/party", tests, NULL, NULL) != 0;
}
