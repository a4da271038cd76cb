#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "workers/images/orientation.h"

/* ---- what Exif says ---- */

/* One row, one segment: its bytes behind "Exif", and what is made of them. */
struct story {
    const char *bytes;
    size_t size;
    tr_orientation_t want;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    size_t size = story->size + 6;
    unsigned char *segment = malloc(size); /* just so large, for the sanitizers to watch */
    assert_non_null(segment);
    memcpy(segment, "Exif\0", 6);
    memcpy(segment + 6, story->bytes, story->size);
    assert_int_equal(tr_orientation_of(segment, size), story->want);
    free(segment);
}

/* No byte may be read that is not there, wherever it ends. */
static void what_is_cut_off_says_nothing(void **state)
{
    (void)state;
    static const char whole[] = "Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0";
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        unsigned char *cut = malloc(size + 1);
        assert_non_null(cut);
        unsigned char *exact = realloc(cut, size ? size : 1);
        memcpy(exact, whole, size);
        assert_int_equal(tr_orientation_of(exact, size), TR_UPRIGHT);
        free(exact);
    }
    assert_int_equal(tr_orientation_of(whole, sizeof whole - 1), TR_TURNED_90);
    assert_int_equal(tr_orientation_of(NULL, 0), TR_UPRIGHT);
    assert_int_equal(tr_orientation_of("http://ns.adobe.com/xap/1.0/", 29), TR_UPRIGHT);
}

/* ---- where pixels go ---- */

/* A picture of two lines of three, "abc" and "def", as it is to be seen. */
struct turn {
    tr_orientation_t orientation;
    const char *lines[4];
};

static void turn_is_right(void **state)
{
    const struct turn *turn = *state;
    static const char stored[2][4] = {"abc", "def"};
    char seen[3][4] = {{0}};
    for (int line = 0; line < 2; line++) {
        tr_way_t way = tr_orientation_way(turn->orientation, 3, 2, line);
        for (int i = 0; i < 3; i++) {
            assert_in_range(way.x, 0, 2);
            assert_in_range(way.y, 0, 2);
            seen[way.y][way.x] = stored[line][i];
            way.x += way.step_x;
            way.y += way.step_y;
        }
    }
    int n_lines = tr_orientation_swaps(turn->orientation) ? 3 : 2;
    for (int line = 0; line < n_lines; line++) {
        assert_string_equal(seen[line], turn->lines[line]);
    }
    assert_null(turn->lines[n_lines]);
}

/* clang-format off */
#define BYTES(text) text, sizeof text - 1
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
#define TURN(title, ...) \
    { .name = title, .test_func = turn_is_right, .initial_state = &(struct turn){__VA_ARGS__} }

#define II        "II*\0\x08\0\0\0"
#define MM        "MM\0*\0\0\0\x08"
#define WIDTH_II  "\0\1\3\0\1\0\0\0\x40\0\0\0"
#define IN_II(n)  "\x12\1\3\0\1\0\0\0" n "\0\0\0"
#define IN_MM(n)  "\1\x12\0\3\0\0\0\1\0" n "\0\0"
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("the least byte first", BYTES(II "\1\0" IN_II("\6")), TR_TURNED_90),
        STORY("the greatest byte first", BYTES(MM "\0\1" IN_MM("\10")), TR_TURNED_270),
        STORY("behind other entries", BYTES(II "\2\0" WIDTH_II IN_II("\3")), TR_TURNED_180),
        STORY("behind a gap", BYTES("II*\0\x0b\0\0\0xyz\1\0" IN_II("\2")), TR_MIRRORED),
        STORY("the first counts", BYTES(II "\2\0" IN_II("\4") IN_II("\5")), TR_UPSIDE_DOWN),
        STORY("fewer entries than are said", BYTES(II "\xff\xff" IN_II("\7")), TR_TRANSVERSED),
        STORY("more entries than are said", BYTES(II "\1\0" WIDTH_II IN_II("\6")), TR_UPRIGHT),
        STORY("no entries", BYTES(II "\0\0"), TR_UPRIGHT),
        STORY("no such number", BYTES(II "\1\0" IN_II("\0")), TR_UPRIGHT),
        STORY("no such number either", BYTES(II "\1\0" IN_II("\11")), TR_UPRIGHT),
        STORY("another type", BYTES(II "\1\0\x12\1\4\0\1\0\0\0\6\0\0\0"), TR_UPRIGHT),
        STORY("more than one", BYTES(II "\1\0\x12\1\3\0\2\0\0\0\6\0\6\0"), TR_UPRIGHT),
        STORY("a directory that is not there", BYTES("II*\0\xff\xff\xff\xff\1\0" IN_II("\6")),
              TR_UPRIGHT),
        STORY("a directory at the end", BYTES("II*\0\x09\0\0\0\1\0"), TR_UPRIGHT),
        STORY("another order", BYTES("IM*\0\x08\0\0\0\1\0" IN_II("\6")), TR_UPRIGHT),
        STORY("another mark", BYTES("II+\0\x08\0\0\0\1\0" IN_II("\6")), TR_UPRIGHT),
        cmocka_unit_test(what_is_cut_off_says_nothing),
        TURN("upright", TR_UPRIGHT, {"abc", "def"}),
        TURN("mirrored", TR_MIRRORED, {"cba", "fed"}),
        TURN("turned by half", TR_TURNED_180, {"fed", "cba"}),
        TURN("upside down", TR_UPSIDE_DOWN, {"def", "abc"}),
        TURN("transposed", TR_TRANSPOSED, {"ad", "be", "cf"}),
        TURN("turned to the right", TR_TURNED_90, {"da", "eb", "fc"}),
        TURN("transversed", TR_TRANSVERSED, {"fc", "eb", "da"}),
        TURN("turned to the left", TR_TURNED_270, {"cf", "be", "ad"}),
    };
    return cmocka_run_group_tests_name("workers/orientation", tests, NULL, NULL) != 0;
}
