/* The first rows are the vectors of RFC 4648, section 10. */

#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

static const char *const rows[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xfb\xef", "//vv"},
};

static void reads_back_what_it_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = tr_base64_encode(rows[i][0], strlen(rows[i][0]));
        assert_non_null(text);
        assert_string_equal(text, rows[i][1]);
        free(text);
        unsigned char bytes[16];
        size_t size;
        assert_true(tr_base64_decode(rows[i][1], strlen(rows[i][1]), bytes, &size));
        assert_int_equal(size, strlen(rows[i][0]));
        assert_memory_equal(bytes, rows[i][0], size);
    }
}

static void refuses_what_means_no_bytes(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",        "Zg",    "Zg=",  "Zg= ", "====",
                                      "=AAA",     "Z===",  "Zh==", "Zm9=", "Zm 9",
                                      "Zg==Zg==", "Zm9\n", "-_-_"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned char bytes[16];
        size_t size;
        if (tr_base64_decode(bad[i], strlen(bad[i]), bytes, &size)) {
            fail_msg("'%s' was taken for %zu bytes", bad[i], size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(refuses_what_means_no_bytes),
    };
    return cmocka_run_group_tests_name("base/base64", tests, NULL, NULL) != 0;
}
