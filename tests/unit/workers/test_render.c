#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "workers/render.h"

static int make_renderer(void **state)
{
    *state = tr_renderer_new();
    return *state && tr_renderer_has_fonts(*state) ? 0 : -1;
}

static int release_renderer(void **state)
{
    tr_renderer_t *renderer = *state;
    tr_renderer_destroy(&renderer);
    return 0;
}

/* Draws a text with options such as "width=300"; the caller releases the picture. */
static troupe_status_t draw(tr_renderer_t *renderer, const char *text, size_t size,
                            const char *lines, tr_picture_t *picture, tr_why_t *why)
{
    tr_render_options_t options = tr_render_options_default();
    assert_int_equal(tr_render_options_parse(lines, strlen(lines), &options, why), TROUPE_OK);
    return tr_renderer_draw(renderer, text, size, &options, NULL, NULL, picture, why);
}

static tr_picture_t drawn(tr_renderer_t *renderer, const char *text, const char *lines)
{
    tr_picture_t picture = {0};
    tr_why_t why = {""};
    if (draw(renderer, text, strlen(text), lines, &picture, &why) != TROUPE_OK) {
        fail_msg("not drawn: %s", why.text);
    }
    assert_true(picture.size > 8);
    assert_memory_equal(picture.png, "\x89PNG\r\n\x1a\n", 8);
    return picture;
}

static bool same(const tr_picture_t *one, const tr_picture_t *other)
{
    return one->size == other->size && memcmp(one->png, other->png, one->size) == 0;
}

/* Whether two texts, each with its options, give the same bytes. */
static bool draw_the_same(tr_renderer_t *renderer, const char *text, const char *lines,
                          const char *other_text, const char *other_lines)
{
    tr_picture_t one = drawn(renderer, text, lines);
    tr_picture_t other = drawn(renderer, other_text, other_lines);
    bool result = same(&one, &other);
    free(one.png);
    free(other.png);
    return result;
}

static void the_same_text_gives_the_same_bytes(void **state)
{
    assert_true(draw_the_same(*state, "Troupe ☺", "", "Troupe ☺", ""));
    assert_false(draw_the_same(*state, "Troupe", "", "troupe", ""));

    tr_renderer_t *another = tr_renderer_new();
    assert_non_null(another);
    tr_picture_t here = drawn(*state, "Troupe", "");
    tr_picture_t there = drawn(another, "Troupe", "");
    assert_true(same(&here, &there));
    free(here.png);
    free(there.png);
    tr_renderer_destroy(&another);
    assert_null(another);
}

static void markup_is_what_begins_so_and_parses(void **state)
{
    assert_true(draw_the_same(*state, "<b>x</b>", "", "<b>x</b>", "markup=yes"));
    assert_false(draw_the_same(*state, "<b>x</b>", "", "<b>x</b>", "markup=no"));
    assert_true(draw_the_same(*state, "<b>x", "", "<b>x", "markup=no"));
    assert_true(draw_the_same(*state, " <b>x</b>", "", " <b>x</b>", "markup=no"));
    assert_true(draw_the_same(*state, "x", "markup=yes", "x", ""));
}

static void the_picture_is_as_large_as_asked(void **state)
{
    tr_picture_t narrow = drawn(*state, "one two three four five six", "width=300\nmargin=10");
    tr_picture_t natural = drawn(*state, "one two three four five six", "margin=10");
    assert_int_equal(narrow.width, 300);
    assert_true(narrow.height > natural.height);
    assert_true(natural.width < 1600);
    free(narrow.png);
    free(natural.png);
}

static bool never(void *arg)
{
    ++*(int *)arg;
    return false;
}

static void it_stops_when_told(void **state)
{
    tr_render_options_t options = tr_render_options_default();
    tr_picture_t picture = {0};
    tr_why_t why = {""};
    int n_asked = 0;

    assert_int_equal(
        tr_renderer_draw(*state, "x", 1, &options, never, &n_asked, &picture, &why),
        TROUPE_INTERRUPTED);
    assert_int_equal(n_asked, 1);
    assert_null(picture.png);
}

/* ---- texts that mean no good ---- */

/* `text` once, or `times` over when that is not 0. */
struct refusal {
    const char *text;
    size_t times;
    const char *options;
    troupe_status_t status;
    const char *why;
};

static void it_is_refused(void **state, const struct refusal *refusal)
{
    size_t length = strlen(refusal->text);
    size_t times = refusal->times > 0 ? refusal->times : 1;
    char *text = malloc(length * times + 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + i * length, refusal->text, length);
    }
    tr_picture_t picture = {0};
    tr_why_t why = {""};
    troupe_status_t status =
        draw(*state, text, length * times, refusal->options, &picture, &why);
    free(text);
    free(picture.png);

    if (status != refusal->status || !strstr(why.text, refusal->why)) {
        fail_msg("%.40s...: status %d, \"%s\"", refusal->text, status, why.text);
    }
}

static void bad_texts_are_refused_in_words(void **state)
{
    static const struct refusal refusals[] = {
        {"", 0, "", TROUPE_ERR_INVALID, "empty"},
        {"abc\xff", 0, "", TROUPE_ERR_INVALID, "UTF-8 at byte 3"},
        {"abc\xe2\x82", 0, "", TROUPE_ERR_INVALID, "UTF-8 at byte 3"},
        {"<b>x", 0, "markup=yes", TROUPE_ERR_INVALID, "markup"},
        {"a < b", 0, "markup=yes", TROUPE_ERR_INVALID, "markup"},
        {"x", 0, "font=No Such Font", TROUPE_ERR_INVALID, "no font 'No Such Font'"},
        {"x", 0, "width=80\nmargin=40", TROUPE_ERR_INVALID, "margins"},
        {"x", TR_RENDER_MAX_TEXT + 1, "", TROUPE_LIMIT, "102401 bytes"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        it_is_refused(state, &refusals[i]);
    }
}

static void no_picture_exceeds_the_limits(void **state)
{
    static const struct refusal refusals[] = {
        {"\n", TR_RENDER_MAX_TEXT, "", TROUPE_LIMIT, "exceed"},
        {"a", TR_RENDER_MAX_TEXT, "", TROUPE_LIMIT, "exceed"}, /* one line, wraps an int */
        {"M ", 9000, "width=8192\nsize=20", TROUPE_LIMIT, "exceed"}, /* sides fit, area not */
        {"MMMMMMMM", 0, "width=8192\nsize=400\ndpi=1200", TROUPE_LIMIT, "exceed"},
        {"<span letter_spacing='2000000000'>xx</span>", 0, "", TROUPE_LIMIT, "exceed"},
        {"<span rise='-2000000000'>xx</span>", 0, "", TROUPE_LIMIT, "exceed"},
        {"<span size='2000000000'>x</span>", 0, "", TROUPE_LIMIT, "letters above"},
        {"<span font='Sans 5000'>x</span>", 0, "", TROUPE_LIMIT, "letters above"},
        {"<span font_size='5000%'>x</span>", 0, "", TROUPE_LIMIT, "letters above"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        it_is_refused(state, &refusals[i]);
    }
}

static void odd_texts_are_drawn_all_the_same(void **state)
{
    static const char *const texts[] = {
        "\n",
        "\t\x01\x7f",
        "\u202e\u202dabc",
        "\ufeff",
        "Z\u0300\u0301\u0302\u0303",
        "سلام",
        "<span line_height='-5'>x</span>",
        "<span letter_spacing='-2000000000'>xx</span>",
        "<span scale='1e300'>x</span>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        tr_picture_t picture = drawn(*state, texts[i], "");
        free(picture.png);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_gives_the_same_bytes),
        cmocka_unit_test(markup_is_what_begins_so_and_parses),
        cmocka_unit_test(the_picture_is_as_large_as_asked),
        cmocka_unit_test(it_stops_when_told),
        cmocka_unit_test(bad_texts_are_refused_in_words),
        cmocka_unit_test(no_picture_exceeds_the_limits),
        cmocka_unit_test(odd_texts_are_drawn_all_the_same),
    };
    return cmocka_run_group_tests_name("workers/render", tests, make_renderer,
                                       release_renderer) != 0;
}
