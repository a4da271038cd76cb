/* A ledger is right when what it says is charged is the sum of the charges that are out,
 * after every step. */

#include "tests/kit/check.h"

#include "base/ledger.h"

static void charged_is(const tr_ledger_t *ledger, uint64_t charged, uint64_t n_charges)
{
    assert_true(ledger->charged == charged);
    assert_true(ledger->n_charges == n_charges);
}

static void what_is_charged_comes_back(void **state)
{
    (void)state;
    tr_ledger_t ledger;
    tr_charge_t one = {0};
    tr_charge_t other = {0};
    tr_ledger_init(&ledger, 100);

    assert_status(tr_ledger_charge(&ledger, 60, &one), TROUPE_OK);
    charged_is(&ledger, 60, 1);
    assert_status(tr_ledger_charge(&ledger, 40, &other), TROUPE_OK);
    charged_is(&ledger, 100, 2);
    tr_charge_release(&one);
    charged_is(&ledger, 40, 1);
    tr_charge_release(&other);
    charged_is(&ledger, 0, 0);
    tr_ledger_finish(&ledger);
}

static void what_does_not_fit_is_not_charged(void **state)
{
    (void)state;
    tr_ledger_t ledger;
    tr_charge_t one = {0};
    tr_charge_t other = {0};
    tr_ledger_init(&ledger, 100);

    assert_status(tr_ledger_charge(&ledger, 101, &one), TROUPE_LIMIT);
    assert_null(one.ledger);
    charged_is(&ledger, 0, 0);
    assert_status(tr_ledger_charge(&ledger, 1, &one), TROUPE_OK);
    assert_status(tr_ledger_charge(&ledger, 100, &other), TROUPE_LIMIT);
    assert_null(other.ledger);
    charged_is(&ledger, 1, 1);
    tr_charge_release(&one);
    tr_ledger_finish(&ledger);
}

static void releasing_twice_gives_back_once(void **state)
{
    (void)state;
    tr_ledger_t ledger;
    tr_charge_t one = {0};
    tr_charge_t other = {0};
    tr_ledger_init(&ledger, 100);
    assert_status(tr_ledger_charge(&ledger, 10, &one), TROUPE_OK);
    assert_status(tr_ledger_charge(&ledger, 10, &other), TROUPE_OK);

    tr_charge_release(&one);
    tr_charge_release(&one);
    charged_is(&ledger, 10, 1);
    tr_charge_release(&other);
    tr_ledger_finish(&ledger);
}

static void releasing_an_empty_charge_is_fine(void **state)
{
    (void)state;
    tr_charge_t charge = {0};
    tr_charge_release(&charge);
    assert_null(charge.ledger);
}

static void moving_moves_the_duty_to_release(void **state)
{
    (void)state;
    tr_ledger_t ledger;
    tr_charge_t from = {0};
    tr_charge_t to = {0};
    tr_ledger_init(&ledger, 100);
    assert_status(tr_ledger_charge(&ledger, 30, &from), TROUPE_OK);

    tr_charge_move(&from, &to);
    assert_null(from.ledger);
    assert_ptr_equal(to.ledger, &ledger);
    tr_charge_release(&from);
    charged_is(&ledger, 30, 1);
    tr_charge_release(&to);
    charged_is(&ledger, 0, 0);
    tr_ledger_finish(&ledger);
}

static void moving_nothing_leaves_nothing(void **state)
{
    (void)state;
    tr_charge_t from = {0};
    tr_charge_t to = {0};
    tr_charge_move(&from, &to);
    assert_null(from.ledger);
    assert_null(to.ledger);
}

static void a_charge_of_nothing_is_a_charge(void **state)
{
    (void)state;
    tr_ledger_t ledger;
    tr_charge_t charge = {0};
    tr_ledger_init(&ledger, 0);
    assert_status(tr_ledger_charge(&ledger, 0, &charge), TROUPE_OK);
    charged_is(&ledger, 0, 1);
    tr_charge_release(&charge);
    charged_is(&ledger, 0, 0);
    tr_ledger_finish(&ledger);
}

static void the_largest_amounts_do_not_overflow(void **state)
{
    (void)state;
    tr_ledger_t ledger;
    tr_charge_t one = {0};
    tr_charge_t other = {0};
    tr_ledger_init(&ledger, UINT64_MAX);
    assert_status(tr_ledger_charge(&ledger, UINT64_MAX - 1, &one), TROUPE_OK);
    assert_status(tr_ledger_charge(&ledger, 2, &other), TROUPE_LIMIT);
    assert_status(tr_ledger_charge(&ledger, UINT64_MAX, &other), TROUPE_LIMIT);
    assert_status(tr_ledger_charge(&ledger, 1, &other), TROUPE_OK);
    tr_charge_release(&one);
    tr_charge_release(&other);
    tr_ledger_finish(&ledger);
}

static void a_lowered_limit_takes_nothing_away_and_lets_nothing_in(void **state)
{
    (void)state;
    tr_ledger_t ledger;
    tr_charge_t one = {0};
    tr_charge_t other = {0};
    tr_ledger_init(&ledger, 100);
    assert_status(tr_ledger_charge(&ledger, 80, &one), TROUPE_OK);

    ledger.limit = 50;
    assert_status(tr_ledger_charge(&ledger, 1, &other), TROUPE_LIMIT);
    charged_is(&ledger, 80, 1);
    tr_charge_release(&one);
    assert_status(tr_ledger_charge(&ledger, 50, &other), TROUPE_OK);
    tr_charge_release(&other);
    tr_ledger_finish(&ledger);
}

static void what_has_grown_may_pass_the_limit_and_comes_back_whole(void **state)
{
    (void)state;
    tr_ledger_t ledger;
    tr_charge_t one = {0};
    tr_charge_t other = {0};
    tr_ledger_init(&ledger, 100);
    assert_status(tr_ledger_charge(&ledger, 60, &one), TROUPE_OK);
    assert_status(tr_ledger_charge(&ledger, 10, &other), TROUPE_OK);

    tr_charge_resize(&one, 150);
    charged_is(&ledger, 160, 2);
    assert_true(tr_ledger_room(&ledger) == 0);
    tr_charge_resize(&one, 70); /* and may shrink again */
    charged_is(&ledger, 80, 2);
    assert_true(tr_ledger_room(&ledger) == 20);
    tr_charge_release(&one);
    charged_is(&ledger, 10, 1);
    tr_charge_release(&other);
    tr_ledger_finish(&ledger);
}

static void growing_does_not_overflow(void **state)
{
    (void)state;
    tr_ledger_t ledger;
    tr_charge_t one = {0};
    tr_charge_t other = {0};
    tr_ledger_init(&ledger, 100);
    assert_status(tr_ledger_charge(&ledger, 60, &one), TROUPE_OK);
    assert_status(tr_ledger_charge(&ledger, 10, &other), TROUPE_OK);

    tr_charge_resize(&one, UINT64_MAX);
    charged_is(&ledger, UINT64_MAX, 2);
    tr_charge_release(&one);
    charged_is(&ledger, 10, 1);
    tr_charge_release(&other);
    tr_ledger_finish(&ledger);
}

static void an_empty_charge_does_not_grow(void **state)
{
    (void)state;
    tr_charge_t charge = {0};
    tr_charge_resize(&charge, 5);
    assert_null(charge.ledger);
    assert_true(charge.amount == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_charged_comes_back),
        cmocka_unit_test(what_does_not_fit_is_not_charged),
        cmocka_unit_test(releasing_twice_gives_back_once),
        cmocka_unit_test(releasing_an_empty_charge_is_fine),
        cmocka_unit_test(moving_moves_the_duty_to_release),
        cmocka_unit_test(moving_nothing_leaves_nothing),
        cmocka_unit_test(a_charge_of_nothing_is_a_charge),
        cmocka_unit_test(the_largest_amounts_do_not_overflow),
        cmocka_unit_test(a_lowered_limit_takes_nothing_away_and_lets_nothing_in),
        cmocka_unit_test(what_has_grown_may_pass_the_limit_and_comes_back_whole),
        cmocka_unit_test(growing_does_not_overflow),
        cmocka_unit_test(an_empty_charge_does_not_grow),
    };
    return cmocka_run_group_tests_name("base/ledger", tests, NULL, NULL) != 0;
}
