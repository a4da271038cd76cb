/* Frames are compared as text in which the codes are words, so that a test reads as a screen.
 */

#include "tests/kit/check.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "cli/frame.h"

static const char *const two_tables[] = {"TITLE\na\nb\nc\n", "OTHER\nd\n"};

/* "\033[H" becomes "^", "\033[K" "<", "\r\n" "\n"; colours stay. */
static char *drawn(const cli_frame_t *frame)
{
    static char text[1000];
    size_t size;
    char *bytes = cli_frame_draw(frame, &size);
    size_t used = 0;
    const size_t mark = strlen("\033[?2026h");
    assert_true(size > 2 * mark && memcmp(bytes, "\033[?2026h", mark) == 0);
    assert_memory_equal(bytes + size - mark, "\033[?2026l", mark);
    for (const char *at = bytes + mark; at < bytes + size - mark;) {
        if (strncmp(at, "\033[H", 3) == 0 || strncmp(at, "\033[K", 3) == 0) {
            text[used++] = at[2] == 'H' ? '^' : '<';
            at += 3;
        } else if (*at == '\r') {
            at++;
        } else {
            text[used++] = *at++;
        }
        assert_true(used < sizeof text - 1);
    }
    text[used] = '\0';
    free(bytes);
    return text;
}

static cli_frame_t frame_of(size_t rows, size_t columns)
{
    return (cli_frame_t){.head = "head\n",
                         .sections = two_tables,
                         .n_sections = 2,
                         .foot = "foot",
                         .rows = rows,
                         .columns = columns};
}

static void what_fits_is_shown_with_empty_lines_below(void **state)
{
    (void)state;
    cli_frame_t frame = frame_of(11, 20);
    assert_int_equal(cli_frame_n_lines(&frame), 7);
    assert_int_equal(cli_frame_room(&frame), 9);
    assert_string_equal(drawn(&frame),
                        "^head<\nTITLE<\na<\nb<\nc<\n<\nOTHER<\nd<\n<\n<\nfoot<");
}

static void the_title_stays_when_its_rows_are_scrolled(void **state)
{
    (void)state;
    cli_frame_t frame = frame_of(5, 20);
    frame.first = 2;
    assert_string_equal(drawn(&frame), "^head<\nTITLE<\nc<\n<\nfoot<");
}

static void scrolling_ends_with_the_last_line(void **state)
{
    (void)state;
    cli_frame_t frame = frame_of(5, 20);
    frame.first = 1000;
    assert_string_equal(drawn(&frame), "^head<\n<\nOTHER<\nd<\nfoot<");
    frame.first = 5;
    frame.rows = 3;
    assert_string_equal(drawn(&frame), "^head<\nOTHER<\nfoot<");
}

static void a_small_terminal_gets_what_it_has_room_for(void **state)
{
    (void)state;
    cli_frame_t frame = frame_of(2, 20);
    assert_int_equal(cli_frame_room(&frame), 0);
    assert_string_equal(drawn(&frame), "^head<\nfoot<");
    frame.rows = 1;
    assert_string_equal(drawn(&frame), "^foot<");
}

static void long_lines_are_cut_and_full_ones_not_erased(void **state)
{
    (void)state;
    static const char *const long_table[] = {"TITLE\nabcdefgh\n\033[31mabcdefgh\033[0m\n"};
    cli_frame_t frame = frame_of(5, 5);
    frame.sections = long_table;
    frame.n_sections = 1;
    assert_string_equal(drawn(&frame), "^head<\nTITLE\nabcde\n\033[31mabcde\033[0m\nfoot<");
}

static void wide_characters_are_never_cut_in_half(void **state)
{
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        skip();
    }
    static const char *const wide[] = {"\xe6\xbc\xa2\xe5\xad\x97x\n"}; /* two of two columns */
    cli_frame_t frame = frame_of(3, 3);
    frame.sections = wide;
    frame.n_sections = 1;
    frame.head = "";
    frame.foot = "f";
    assert_string_equal(drawn(&frame), "^\xe6\xbc\xa2<\n<\nf<");
}

static void a_frame_without_tables_is_one_too(void **state)
{
    (void)state;
    cli_frame_t frame = frame_of(3, 20);
    frame.n_sections = 0;
    assert_int_equal(cli_frame_n_lines(&frame), 0);
    assert_string_equal(drawn(&frame), "^head<\n<\nfoot<");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_shown_with_empty_lines_below),
        cmocka_unit_test(the_title_stays_when_its_rows_are_scrolled),
        cmocka_unit_test(scrolling_ends_with_the_last_line),
        cmocka_unit_test(a_small_terminal_gets_what_it_has_room_for),
        cmocka_unit_test(long_lines_are_cut_and_full_ones_not_erased),
        cmocka_unit_test(wide_characters_are_never_cut_in_half),
        cmocka_unit_test(a_frame_without_tables_is_one_too),
    };
    return cmocka_run_group_tests_name("cli/frame", tests, NULL, NULL) != 0;
}
