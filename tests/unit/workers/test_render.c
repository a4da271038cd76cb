#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "workers/text_to_image/render.h"
#include "workers/text_to_image/render_layout.h"

/* A request with a margin of -1, and others that are not 0. */
#define ASK(text, ...)                                                                         \
    &(const troupe_text_to_image_request_t)                                                    \
    {                                                                                          \
        .prompt = (text), .margin = -1, __VA_ARGS__                                            \
    }
#define PLAIN(text) ASK(text, .seed = -1)

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

/* The caller releases the picture. */
static tr_picture_t drawn(tr_renderer_t *renderer,
                          const troupe_text_to_image_request_t *request)
{
    static const char *const begins[] = {
        [TROUPE_IMAGE_PNG] = "\x89PNG\r\n\x1a\n",
        [TROUPE_IMAGE_SVG] = "<?xml ve",
        [TROUPE_IMAGE_PDF] = "%PDF-1.5",
    };
    tr_picture_t picture = {0};
    troupe_why_t why = {""};
    if (tr_renderer_draw(renderer, request, NULL, NULL, &picture, &why) != TROUPE_OK) {
        fail_msg("not drawn: %s", why.text);
    }
    assert_true(picture.size > 8);
    assert_memory_equal(picture.bytes, begins[request->format], 5);
    return picture;
}

static bool same(const tr_picture_t *one, const tr_picture_t *other)
{
    return one->size == other->size && memcmp(one->bytes, other->bytes, one->size) == 0;
}

/* Whether two requests give the same bytes. */
static bool draw_the_same(tr_renderer_t *renderer,
                          const troupe_text_to_image_request_t *request,
                          const troupe_text_to_image_request_t *other_request)
{
    tr_picture_t one = drawn(renderer, request);
    tr_picture_t other = drawn(renderer, other_request);
    bool result = same(&one, &other);
    free(one.bytes);
    free(other.bytes);
    return result;
}

/* ---- the same request gives the same bytes ---- */

static void draw_something_else(tr_renderer_t *renderer)
{
    for (int format = TROUPE_IMAGE_PNG; format <= TROUPE_IMAGE_PDF; format++) {
        tr_picture_t other = drawn(
            renderer, ASK("<tt>other</tt> things", .format = (troupe_image_format_t)format,
                          .dpi = 90, .size = 9, .background = "transparent"));
        free(other.bytes);
    }
}

static void the_same_request_gives_the_same_bytes(void **state)
{
    static const char text[] =
        "<b>Troupe</b> <u>☺</u>\n<span bgcolor='red' alpha='50%'>x</span>";
    for (int format = TROUPE_IMAGE_PNG; format <= TROUPE_IMAGE_PDF; format++) {
        const troupe_text_to_image_request_t *request =
            ASK(text, .format = (troupe_image_format_t)format, .background = "#fffff0");
        tr_picture_t first = drawn(*state, request);

        draw_something_else(*state);
        tr_picture_t later = drawn(*state, request);
        assert_true(same(&first, &later));

        tr_renderer_t *another = tr_renderer_new();
        assert_non_null(another);
        tr_picture_t there = drawn(another, request);
        assert_true(same(&first, &there));
        tr_renderer_destroy(&another);
        assert_null(another);

        free(first.bytes);
        free(later.bytes);
        free(there.bytes);
    }
    assert_false(draw_the_same(*state, PLAIN("Troupe"), PLAIN("troupe")));
}

static bool has(const tr_picture_t *picture, const char *text)
{
    return memmem(picture->bytes, picture->size, text, strlen(text)) != NULL;
}

static void no_pdf_tells_the_date(void **state)
{
    tr_picture_t picture = drawn(*state, ASK("x", .format = TROUPE_IMAGE_PDF));
    assert_true(has(&picture, "/CreationDate (19700101000000Z)"));
    assert_false(has(&picture, "/ModDate"));
    free(picture.bytes);
}

/* ---- what is asked for ---- */

static void markup_is_what_begins_so_and_parses(void **state)
{
    const troupe_markup_t yes = TROUPE_MARKUP_YES;
    const troupe_markup_t no = TROUPE_MARKUP_NO;
    assert_true(draw_the_same(*state, PLAIN("<b>x</b>"), ASK("<b>x</b>", .markup = yes)));
    assert_false(draw_the_same(*state, PLAIN("<b>x</b>"), ASK("<b>x</b>", .markup = no)));
    assert_true(draw_the_same(*state, PLAIN("<b>x"), ASK("<b>x", .markup = no)));
    assert_true(draw_the_same(*state, PLAIN(" <b>x</b>"), ASK(" <b>x</b>", .markup = no)));
    assert_true(draw_the_same(*state, ASK("x", .markup = yes), PLAIN("x")));
}

static void colors_are_those_asked_for(void **state)
{
    assert_true(draw_the_same(*state, PLAIN("x"), ASK("x", .color = "black")));
    assert_true(draw_the_same(*state, PLAIN("x"), ASK("x", .background = "#ffffff")));
    assert_true(draw_the_same(*state, ASK("x", .color = "navy"), ASK("x", .color = "#000080")));
    assert_false(draw_the_same(*state, PLAIN("x"), ASK("x", .color = "navy")));
    assert_false(draw_the_same(*state, PLAIN("x"), ASK("x", .background = "transparent")));

    tr_picture_t svg = drawn(
        *state, ASK("x", .format = TROUPE_IMAGE_SVG, .color = "red", .background = "blue"));
    /* As Cairo 1.16 writes it, and as 1.18 does. */
    assert_true(has(&svg, "rgb(0%,0%,100%)") || has(&svg, "rgb(0%, 0%, 100%)"));
    assert_true(has(&svg, "rgb(100%,0%,0%)") || has(&svg, "rgb(100%, 0%, 0%)"));
    free(svg.bytes);
    svg = drawn(*state, ASK("x", .format = TROUPE_IMAGE_SVG, .background = "transparent"));
    assert_false(has(&svg, "<rect"));
    free(svg.bytes);
}

static void the_picture_is_as_large_as_asked(void **state)
{
    static const char text[] = "one two three four five six";
    tr_picture_t narrow = drawn(*state, ASK(text, .width = 300, .size = 10));
    tr_picture_t natural = drawn(*state, ASK(text, .size = 10));
    tr_picture_t high = drawn(*state, ASK(text, .width = 1000, .height = 700));
    assert_int_equal(narrow.width, 300);
    assert_true(narrow.height > natural.height);
    assert_true(natural.width < 1600);
    assert_int_equal(high.width, 1000);
    assert_int_equal(high.height, 700);
    free(narrow.bytes);
    free(natural.bytes);
    free(high.bytes);
}

static void a_pdf_is_measured_in_points(void **state)
{
    tr_picture_t picture = drawn(
        *state, ASK("x", .format = TROUPE_IMAGE_PDF, .width = 600, .height = 300, .dpi = 144));
    assert_int_equal(picture.width, 300);
    assert_int_equal(picture.height, 150);
    assert_true(has(&picture, "/MediaBox [ 0 0 300 150 ]"));
    free(picture.bytes);
}

/* ---- on the way ---- */

static bool while_below(double done, void *arg)
{
    double *limit = arg;
    assert_true(done >= 0 && done <= 1);
    return done < *limit;
}

static void it_stops_when_told(void **state)
{
    for (int format = TROUPE_IMAGE_PNG; format <= TROUPE_IMAGE_PDF; format++) {
        const double limits[] = {0, 0.3, 0.5};
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
            double limit = limits[i];
            tr_picture_t picture = {0};
            troupe_why_t why = {""};
            assert_int_equal(
                tr_renderer_draw(*state,
                                 ASK("a\nb\nc\nd", .format = (troupe_image_format_t)format),
                                 while_below, &limit, &picture, &why),
                TROUPE_INTERRUPTED);
            assert_non_null(strstr(why.text, "stopped"));
            assert_null(picture.bytes);
        }
    }
}

static bool note_done(double done, void *arg)
{
    double *last = arg;
    assert_true(done >= *last);
    *last = done;
    return true;
}

static void it_says_how_far_it_is(void **state)
{
    double last = 0;
    tr_picture_t picture = {0};
    troupe_why_t why = {""};
    assert_int_equal(
        tr_renderer_draw(*state, PLAIN("a\nb\nc"), note_done, &last, &picture, &why),
        TROUPE_OK);
    assert_true(last > 0);
    free(picture.bytes);
}

/* ---- texts that mean no good ---- */

/* The request's prompt once, or `times` over when that is not 0. */
struct refusal {
    const troupe_text_to_image_request_t *request;
    size_t times;
    troupe_status_t status;
    const char *why;
};

static char *repeated(const char *text, size_t times)
{
    size_t length = strlen(text);
    char *all = malloc(length * times + 1);
    assert_non_null(all);
    for (size_t i = 0; i < times; i++) {
        memcpy(all + i * length, text, length);
    }
    all[length * times] = '\0';
    return all;
}

static void it_is_refused(void **state, const struct refusal *refusal)
{
    char *text = repeated(refusal->request->prompt, refusal->times > 0 ? refusal->times : 1);
    troupe_text_to_image_request_t request = *refusal->request;
    request.prompt = text;
    tr_picture_t picture = {0};
    troupe_why_t why = {""};
    troupe_status_t status = tr_renderer_draw(*state, &request, NULL, NULL, &picture, &why);
    free(picture.bytes);

    if (status != refusal->status || !strstr(why.text, refusal->why)) {
        fail_msg("%.40s...: status %d, \"%s\"", text, status, why.text);
    }
    free(text);
}

static void bad_requests_are_refused_in_words(void **state)
{
    const troupe_markup_t yes = TROUPE_MARKUP_YES;
    const struct refusal refusals[] = {
        {PLAIN(""), 0, TROUPE_ERR_INVALID, "empty"},
        {PLAIN("abc\xff"), 0, TROUPE_ERR_INVALID, "UTF-8 at byte 3"},
        {PLAIN("abc\xe2\x82"), 0, TROUPE_ERR_INVALID, "UTF-8 at byte 3"},
        {ASK("<b>x", .markup = yes), 0, TROUPE_ERR_INVALID, "markup"},
        {ASK("a < b", .markup = yes), 0, TROUPE_ERR_INVALID, "markup"},
        {ASK("x", .font = "No Such Font"), 0, TROUPE_ERR_INVALID, "no font 'No Such Font'"},
        {ASK("x", .font = "\xff"), 0, TROUPE_ERR_INVALID, "font is no valid UTF-8"},
        {PLAIN("<span font_family='Nil'>x</span>"), 0, TROUPE_ERR_INVALID, "no font 'Nil'"},
        {PLAIN("<span font='Nil Bold 9'>x</span>"), 0, TROUPE_ERR_INVALID, "no font 'Nil'"},
        {ASK("x", .width = 70), 0, TROUPE_ERR_INVALID, "margins of 40 leave nothing"},
        {ASK("x", .width = 300, .height = 90), 0, TROUPE_ERR_INVALID, "pixels high"},
        {ASK("x", .width = 15), 0, TROUPE_ERR_INVALID, "width is a number from 16 to 8192"},
        {ASK("x", .width = INT64_MAX), 0, TROUPE_ERR_INVALID, "width is a number"},
        {ASK("x", .height = -1), 0, TROUPE_ERR_INVALID, "height is a number"},
        {ASK("x", .size = 401), 0, TROUPE_ERR_INVALID, "size is a number from 4 to 400"},
        {ASK("x", .dpi = 1201), 0, TROUPE_ERR_INVALID, "dpi is a number from 50 to 1200"},
        {ASK("x", .color = "rot"), 0, TROUPE_ERR_INVALID, "'rot' is no colour"},
        {ASK("x", .color = ""), 0, TROUPE_ERR_INVALID, "is no colour"},
        {ASK("x", .background = "#12345"), 0, TROUPE_ERR_INVALID, "'#12345' is no colour"},
        {PLAIN("x"), TR_LAYOUT_MAX_TEXT + 1, TROUPE_LIMIT, "102401 bytes"},
        {PLAIN("0123456789abcdef"), 100 * 1024 * 1024 / 16, TROUPE_LIMIT, "104857600 bytes"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        it_is_refused(state, &refusals[i]);
    }
}

static void no_picture_exceeds_the_limits(void **state)
{
    const struct refusal refusals[] = {
        {PLAIN("\n"), TR_LAYOUT_MAX_TEXT, TROUPE_LIMIT, "exceed"},
        {PLAIN("a"), TR_LAYOUT_MAX_TEXT, TROUPE_LIMIT, "exceed"}, /* one line, wraps an int */
        {ASK("M ", .width = 8192, .size = 20), 9000, TROUPE_LIMIT,
         "exceed"}, /* only the area */
        {ASK("MMMMMMMM", .width = 8192, .size = 400, .dpi = 1200), 0, TROUPE_LIMIT, "exceed"},
        {ASK("x", .width = 8192, .height = 8192), 0, TROUPE_LIMIT, "exceed"},
        {PLAIN("<span letter_spacing='2000000000'>xx</span>"), 0, TROUPE_LIMIT, "exceed"},
        {PLAIN("<span rise='-2000000000'>xx</span>"), 0, TROUPE_LIMIT, "exceed"},
        {PLAIN("<span size='2000000000'>x</span>"), 0, TROUPE_LIMIT, "letters above"},
        {PLAIN("<span font='Sans 5000'>x</span>"), 0, TROUPE_LIMIT, "letters above"},
        {PLAIN("<span font_size='5000%'>x</span>"), 0, TROUPE_LIMIT, "letters above"},
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
        for (int format = TROUPE_IMAGE_PNG; format <= TROUPE_IMAGE_PDF; format++) {
            tr_picture_t picture =
                drawn(*state, ASK(texts[i], .format = (troupe_image_format_t)format));
            free(picture.bytes);
        }
    }
}

/* Bytes that chance has changed in markup: a picture or a reason, and nothing of either kept.
 */
static void changed_markup_is_drawn_or_refused(void **state)
{
    static const char markup[] =
        "<span font='DejaVu Sans 12' foreground='#123456' rise='200' letter_spacing='50'>a<b>b"
        "<i>c</i></b><sub>d</sub> &amp; <span size='x-large' "
        "underline='double'>e\n</span></span>";
    static const char letters[] = "<>/&;='\" aebx0149-%.\n\xff";
    uint64_t chance = 1;
    int n_drawn = 0;
    for (int round = 0; round < 2000; round++) {
        char text[sizeof markup];
        memcpy(text, markup, sizeof markup);
        for (int change = 0; change < 1 + round % 3; change++) {
            chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            text[(chance >> 33) % (sizeof markup - 1)] =
                letters[(chance >> 56) % (sizeof letters - 1)];
        }
        tr_picture_t picture = {0};
        troupe_why_t why = {""};
        troupe_status_t status =
            tr_renderer_draw(*state, ASK(text, .markup = TROUPE_MARKUP_YES, .dpi = 50), NULL,
                             NULL, &picture, &why);
        n_drawn += status == TROUPE_OK;
        assert_true(status == TROUPE_OK || status == TROUPE_LIMIT ||
                    status == TROUPE_ERR_INVALID);
        assert_true((status == TROUPE_OK) == (picture.bytes != NULL));
        assert_true((status == TROUPE_OK) == (why.text[0] == '\0'));
        free(picture.bytes);
    }
    assert_in_range(n_drawn, 20, 1980); /* some of either */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_request_gives_the_same_bytes),
        cmocka_unit_test(no_pdf_tells_the_date),
        cmocka_unit_test(markup_is_what_begins_so_and_parses),
        cmocka_unit_test(colors_are_those_asked_for),
        cmocka_unit_test(the_picture_is_as_large_as_asked),
        cmocka_unit_test(a_pdf_is_measured_in_points),
        cmocka_unit_test(it_stops_when_told),
        cmocka_unit_test(it_says_how_far_it_is),
        cmocka_unit_test(bad_requests_are_refused_in_words),
        cmocka_unit_test(no_picture_exceeds_the_limits),
        cmocka_unit_test(odd_texts_are_drawn_all_the_same),
        cmocka_unit_test(changed_markup_is_drawn_or_refused),
    };
    return cmocka_run_group_tests_name("workers/render", tests, make_renderer,
                                       release_renderer) != 0;
}
