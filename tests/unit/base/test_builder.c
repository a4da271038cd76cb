#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/builder.h"
#include "tests/kit/fault_point.h"

static void an_empty_text_is_one(void **state)
{
    (void)state;
    tr_builder_t builder = {0};
    size_t size = 99;
    char *text = tr_builder_take(&builder, &size);
    assert_string_equal(text, "");
    assert_int_equal(size, 0);
    free(text);
}

static void everything_comes_out_in_order(void **state)
{
    (void)state;
    tr_builder_t builder = {0};
    tr_builder_add_text(&builder, "one");
    tr_builder_add_char(&builder, ' ');
    tr_builder_format(&builder, "%d %s", 2, "three");
    tr_builder_add(&builder, "\0x", 2);
    tr_builder_add(&builder, NULL, 0);
    size_t size;
    char *text = tr_builder_take(&builder, &size);
    assert_int_equal(size, 13);
    assert_memory_equal(text, "one 2 three\0x", 14);
    free(text);
    assert_null(builder.text);
}

/* Pieces that end just before, at and behind each border of what was allocated. */
static void it_grows_at_any_place(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 1100; piece += 7) {
        tr_builder_t builder = {0};
        char *letters = malloc(piece + 1);
        memset(letters, 'x', piece);
        letters[piece] = '\0';
        for (size_t i = 0; i < 5; i++) {
            tr_builder_add(&builder, letters, piece);
            tr_builder_format(&builder, "%s", letters);
        }
        size_t size;
        char *text = tr_builder_take(&builder, &size);
        assert_int_equal(size, 10 * piece);
        assert_int_equal(strspn(text, "x"), size);
        free(letters);
        free(text);
    }
}

static void without_memory_there_is_no_text(void **state)
{
    (void)state;
    tr_builder_t builder = {0};
    size_t size;
    tr_fault_arm(&tr_fault_memory, 0, 1);
    tr_builder_add_text(&builder, "lost");
    tr_fault_disarm(&tr_fault_memory);
    assert_true(builder.is_out_of_memory);
    tr_builder_add_text(&builder, "and so is this");
    assert_null(tr_builder_take(&builder, &size));
    tr_builder_add_text(&builder, "again");
    char *text = tr_builder_take(&builder, &size);
    assert_string_equal(text, "again");
    free(text);
}

static void what_is_not_taken_is_forgotten(void **state)
{
    (void)state;
    tr_builder_t builder = {0};
    tr_builder_add_text(&builder, "text");
    tr_builder_finish(&builder);
    assert_null(builder.text);
    tr_builder_finish(&builder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_is_one),
        cmocka_unit_test(everything_comes_out_in_order),
        cmocka_unit_test(it_grows_at_any_place),
        cmocka_unit_test(without_memory_there_is_no_text),
        cmocka_unit_test(what_is_not_taken_is_forgotten),
    };
    return cmocka_run_group_tests_name("base/builder", tests, NULL, NULL) != 0;
}
