/* What is kept goes with the last holder, once, on whatever thread that is. */

#include "tests/kit/check.h"

#include <pthread.h>

#include "base/keepsake.h"

static void count(void *what)
{
    ++*(int *)what;
}

static void it_goes_with_the_last_share(void **state)
{
    (void)state;
    int n_freed = 0;
    tr_keepsake_t *one = tr_keepsake_new(&n_freed, count);
    assert_non_null(one);
    tr_keepsake_t *other = tr_keepsake_share(one);
    assert_ptr_equal(one, other);
    tr_keepsake_release(&one);
    assert_null(one);
    assert_int_equal(n_freed, 0);
    tr_keepsake_release(&other);
    assert_int_equal(n_freed, 1);
}

static void nothing_is_kept_by_nothing(void **state)
{
    (void)state;
    tr_keepsake_t *none = tr_keepsake_share(NULL);
    assert_null(none);
    tr_keepsake_release(&none);
}

static void *let_go(void *arg)
{
    tr_keepsake_t *share = arg;
    tr_keepsake_release(&share);
    return NULL;
}

static void many_threads_let_go(void **state)
{
    (void)state;
    enum { N = 16 };
    int n_freed = 0;
    pthread_t threads[N];
    tr_keepsake_t *keepsake = tr_keepsake_new(&n_freed, count);
    assert_non_null(keepsake);
    for (int i = 0; i < N; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, let_go, tr_keepsake_share(keepsake)),
                         0);
    }
    tr_keepsake_release(&keepsake);
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(n_freed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_with_the_last_share),
        cmocka_unit_test(nothing_is_kept_by_nothing),
        cmocka_unit_test(many_threads_let_go),
    };
    return cmocka_run_group_tests_name("base/keepsake", tests, NULL, NULL) != 0;
}
