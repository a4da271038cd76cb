/* The keys of a bench: what a node and its clients are told fits, and no file stays behind. */

#include "tests/kit/check.h"

#include <string.h>
#include <unistd.h>

#include "bench/keys.h"
#include "wire/curve_key.h"

static bench_keys_t keys;

static int make(void **state)
{
    (void)state;
    bench_keys_make(&keys);
    return 0;
}

static tr_curve_pair_t pair_in(const char *file)
{
    tr_curve_pair_t pair;
    char why[256];
    assert_status(tr_curve_pair_read(file, &pair, why, sizeof why), TROUPE_OK);
    return pair;
}

static void the_file_of_the_node_has_the_key_that_clients_are_told(void **state)
{
    (void)state;
    tr_curve_pair_t pair = pair_in(keys.node_file);
    assert_string_equal(pair.public_key, keys.node_key);
    pair = pair_in(keys.node_file); /* a file can be read again */
    assert_string_equal(pair.public_key, keys.node_key);
}

static void the_file_of_the_clients_has_the_key_that_the_node_is_told(void **state)
{
    (void)state;
    tr_curve_pair_t pair = pair_in(keys.client_file);
    assert_string_equal(pair.public_key, keys.client_key);
    assert_string_not_equal(keys.client_key, keys.node_key);
}

static void a_client_takes_them(void **state)
{
    (void)state;
    troupe_client_t *client = troupe_client_new("tcp://127.0.0.1:1");
    assert_non_null(client);
    bench_keys_give(&keys, client);
    troupe_client_destroy(&client);
}

static void their_files_have_no_names(void **state)
{
    (void)state;
    const char *const files[] = {keys.node_file, keys.client_file};
    for (size_t i = 0; i < 2; i++) {
        char path[256];
        ssize_t size = readlink(files[i], path, sizeof path - 1);
        assert_true(size > 0);
        path[size] = '\0';
        assert_non_null(strstr(path, " (deleted)"));
        *strstr(path, " (deleted)") = '\0';
        assert_int_equal(access(path, F_OK), -1);
        *strrchr(path, '/') = '\0';
        assert_int_equal(access(path, F_OK), -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_of_the_node_has_the_key_that_clients_are_told),
        cmocka_unit_test(the_file_of_the_clients_has_the_key_that_the_node_is_told),
        cmocka_unit_test(a_client_takes_them),
        cmocka_unit_test(their_files_have_no_names),
    };
    return cmocka_run_group_tests_name("bench/keys", tests, make, NULL) != 0;
}
