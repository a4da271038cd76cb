#include "tests/kit/check.h"

#include "remote/doors/allowed.h"

static bool has(const tr_allowed_t *allowed, const char *name)
{
    return tr_allowed_has(allowed, tr_span_of(name));
}

static void nothing_allows_nobody(void **state)
{
    (void)state;
    tr_allowed_t allowed = {0};
    assert_false(has(&allowed, "room"));
    assert_false(has(&allowed, ""));
    tr_allowed_finish(&allowed);
}

static void those_named_and_no_others(void **state)
{
    (void)state;
    static const char *const names[] = {"room", "clock/1"};
    tr_allowed_t allowed = {0};
    assert_status(tr_allowed_set(&allowed, names, 2), TROUPE_OK);
    assert_true(has(&allowed, "room"));
    assert_true(has(&allowed, "clock/1"));
    assert_false(has(&allowed, "roo"));
    assert_false(has(&allowed, "rooms"));
    assert_false(has(&allowed, "clock"));
    assert_false(has(&allowed, "*"));
    tr_allowed_finish(&allowed);
}

static void a_star_allows_all(void **state)
{
    (void)state;
    static const char *const names[] = {"room", "*"};
    tr_allowed_t allowed = {0};
    assert_status(tr_allowed_set(&allowed, names, 2), TROUPE_OK);
    assert_true(has(&allowed, "anybody"));
    tr_allowed_finish(&allowed);
}

static void a_star_behind_a_beginning_allows_what_begins_so(void **state)
{
    (void)state;
    static const char *const names[] = {"text_*", "room/*"};
    tr_allowed_t allowed = {0};
    assert_status(tr_allowed_set(&allowed, names, 2), TROUPE_OK);
    assert_true(has(&allowed, "text_upper"));
    assert_true(has(&allowed, "text_"));
    assert_true(has(&allowed, "room/1"));
    assert_false(has(&allowed, "text"));
    assert_false(has(&allowed, "Text_upper"));
    assert_false(has(&allowed, "a_text_upper"));
    assert_false(has(&allowed, "room"));
    assert_false(has(&allowed, ""));
    tr_allowed_finish(&allowed);
}

static void another_list_replaces_it(void **state)
{
    (void)state;
    static const char *const names[] = {"*", "room"};
    tr_allowed_t allowed = {0};
    assert_status(tr_allowed_set(&allowed, names, 1), TROUPE_OK);
    assert_status(tr_allowed_set(&allowed, names + 1, 1), TROUPE_OK);
    assert_true(has(&allowed, "room"));
    assert_false(has(&allowed, "anybody"));
    assert_status(tr_allowed_set(&allowed, NULL, 0), TROUPE_OK);
    assert_false(has(&allowed, "room"));
    tr_allowed_finish(&allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_allows_nobody),
        cmocka_unit_test(those_named_and_no_others),
        cmocka_unit_test(a_star_allows_all),
        cmocka_unit_test(a_star_behind_a_beginning_allows_what_begins_so),
        cmocka_unit_test(another_list_replaces_it),
    };
    return cmocka_run_group_tests_name("remote/allowed", tests, NULL, NULL) != 0;
}
