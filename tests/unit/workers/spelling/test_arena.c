#include "tests/kit/check.h"

#include <stdint.h>
#include <string.h>

#include "workers/text_to_text/arena.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    tr_arena_t arena = {0};
    unsigned char *pieces[1000];
    for (size_t i = 0; i < 1000; i++) {
        pieces[i] = tr_arena_take(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(pieces[i][k], 0);
        }
        memset(pieces[i], (int)(i % 255 + 1), i);
    }
    for (size_t i = 1; i < 1000; i++) {
        assert_int_equal(pieces[i][0], i % 255 + 1);
        assert_int_equal(pieces[i][i - 1], i % 255 + 1);
    }
    tr_arena_release(&arena);
    tr_arena_release(&arena);
}

static void what_is_larger_than_a_block_fits(void **state)
{
    (void)state;
    tr_arena_t arena = {0};
    char *large = tr_arena_take(&arena, 1024 * 1024);
    assert_non_null(large);
    memset(large, 1, 1024 * 1024);
    assert_null(tr_arena_take(&arena, SIZE_MAX));
    assert_null(tr_arena_take(&arena, SIZE_MAX - 4));
    tr_arena_release(&arena);
}

static void a_copy_ends_with_nul(void **state)
{
    (void)state;
    tr_arena_t arena = {0};
    assert_string_equal(tr_arena_copy(&arena, "wordless", 4), "word");
    assert_string_equal(tr_arena_copy(&arena, NULL, 0), "");
    tr_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(what_is_larger_than_a_block_fits),
        cmocka_unit_test(a_copy_ends_with_nul),
    };
    return cmocka_run_group_tests_name("workers/spelling/arena", tests, NULL, NULL) != 0;
}
