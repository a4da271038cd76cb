#include "tests/kit/check.h"

#include "remote/doors/keys.h"

#define ALICE "1111111111111111111111111111111111111111"
#define BERT  "2222222222222222222222222222222222222222"

static tr_keys_t *two_keys(void)
{
    static const char *const calls[] = {"text_*"};
    const tr_key_spec_t specs[] = {
        {.name = "alice", .key = ALICE, .rights = {.calls = calls, .n_calls = 1}},
        {.name = "bert", .key = BERT, .rights = {.is_admin = true}},
    };
    tr_keys_t *keys = tr_keys_new(specs, 2);
    assert_non_null(keys);
    return keys;
}

static void a_key_is_found_by_its_bytes(void **state)
{
    (void)state;
    unsigned char bytes[TR_CURVE_KEY_BYTES];
    tr_keys_t *keys = two_keys();
    assert_true(tr_curve_key_decode(BERT, bytes));
    const tr_key_t *key = tr_keys_find(keys, (tr_span_t){(char *)bytes, sizeof bytes});
    assert_non_null(key);
    assert_string_equal(key->name, "bert");
    assert_true(key->rights.is_admin);
    assert_false(tr_allowed_has(&key->rights.calls, tr_span_of("text_upper")));
    assert_null(tr_keys_find(keys, (tr_span_t){(char *)bytes, sizeof bytes - 1}));
    bytes[31] ^= 1;
    assert_null(tr_keys_find(keys, (tr_span_t){(char *)bytes, sizeof bytes}));
    tr_keys_release(&keys);
}

static void a_name_counts_with_its_own_key_only(void **state)
{
    (void)state;
    tr_keys_t *keys = two_keys();
    const tr_key_t *key = tr_keys_check(keys, "alice", ALICE);
    assert_non_null(key);
    assert_true(tr_allowed_has(&key->rights.calls, tr_span_of("text_upper")));
    assert_null(tr_keys_check(keys, "alice", BERT));
    assert_null(tr_keys_check(keys, "carla", ALICE));
    assert_null(tr_keys_check(keys, "", ALICE));
    assert_null(tr_keys_check(keys, "alice", ""));
    assert_null(tr_keys_check(keys, NULL, ALICE));
    assert_null(tr_keys_check(keys, "alice", NULL));
    tr_keys_release(&keys);
}

static void a_share_outlives_the_others(void **state)
{
    (void)state;
    tr_keys_t *keys = two_keys();
    tr_keys_t *share = tr_keys_share(keys);
    tr_keys_release(&keys);
    assert_null(keys);
    assert_non_null(tr_keys_check(share, "bert", BERT));
    tr_keys_release(&share);
    tr_keys_release(&share);
}

static void nobody_is_in_an_empty_one(void **state)
{
    (void)state;
    tr_keys_t *keys = tr_keys_new(NULL, 0);
    assert_non_null(keys);
    assert_null(tr_keys_check(keys, "alice", ALICE));
    tr_keys_release(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_by_its_bytes),
        cmocka_unit_test(a_name_counts_with_its_own_key_only),
        cmocka_unit_test(a_share_outlives_the_others),
        cmocka_unit_test(nobody_is_in_an_empty_one),
    };
    return cmocka_run_group_tests_name("remote/keys", tests, NULL, NULL) != 0;
}
