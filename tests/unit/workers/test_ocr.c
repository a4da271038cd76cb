#include "tests/kit/check.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers/ocr.h"
#include "workers/render.h"

static size_t n_threads(void)
{
    size_t n = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task = readdir(tasks); task; task = readdir(tasks)) {
        n += task->d_name[0] != '.';
    }
    closedir(tasks);
    return n;
}

/* Before anything was read: OpenMP keeps the threads that it ever made. */
static size_t n_threads_at_first;

static int load_reader(void **state)
{
    n_threads_at_first = n_threads();
    tr_ocr_t *reader = tr_ocr_new();
    tr_why_t why = {""};
    *state = reader;
    if (!reader || tr_ocr_load(reader, "eng", NULL, &why) != TROUPE_OK) {
        print_error("%s\n", why.text);
        return -1;
    }
    return 0;
}

static int release_reader(void **state)
{
    tr_ocr_t *reader = *state;
    tr_ocr_destroy(&reader);
    return 0;
}

static tr_picture_t drawn(const char *text)
{
    tr_renderer_t *renderer = tr_renderer_new();
    tr_render_options_t options = tr_render_options_default();
    tr_picture_t picture = {0};
    tr_why_t why = {""};
    assert_non_null(renderer);
    assert_int_equal(
        tr_renderer_draw(renderer, text, strlen(text), &options, NULL, NULL, &picture, &why),
        TROUPE_OK);
    tr_renderer_destroy(&renderer);
    return picture;
}

static char *read_back(tr_ocr_t *reader, const tr_picture_t *picture)
{
    char *text = NULL;
    tr_why_t why = {""};
    if (tr_ocr_read(reader, picture->png, picture->size, NULL, NULL, &text, &why) !=
        TROUPE_OK) {
        fail_msg("not read: %s", why.text);
    }
    return text;
}

/* Tesseract puts an empty line where it sees a paragraph. */
static void drop_empty_lines(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (!(from[0] == '\n' && from[1] == '\n')) {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static void what_was_drawn_is_read(void **state)
{
    static const char text[] = "Troupe is an actor framework for C.\n"
                               "Every worker is supervised: when one fails, another\n"
                               "takes its place, and the request that it held gets\n"
                               "an answer all the same.\n"
                               "Supervisors restart 5 times in 10 seconds, then give up.\n"
                               "The quick brown fox jumps over the lazy dog.";
    tr_picture_t picture = drawn(text);

    for (int i = 0; i < 2; i++) {
        char *back = read_back(*state, &picture);
        drop_empty_lines(back);
        assert_string_equal(back, text);
        free(back);
    }
    free(picture.png);
}

static void no_text_is_no_failure(void **state)
{
    tr_picture_t picture = drawn(" ");
    char *back = read_back(*state, &picture);
    assert_string_equal(back, "");
    free(back);
    free(picture.png);
}

/* ---- stopping ---- */

struct patience {
    int n_asked;
    int n_yes;
};

static bool while_patient(void *arg)
{
    struct patience *patience = arg;
    return patience->n_asked++ < patience->n_yes;
}

static void it_stops_when_told(void **state)
{
    tr_picture_t picture = drawn("one two three\nfour five six");

    for (int n_yes = 0; n_yes < 2; n_yes++) {
        struct patience patience = {.n_yes = n_yes};
        char *text = NULL;
        tr_why_t why = {""};
        assert_int_equal(tr_ocr_read(*state, picture.png, picture.size, while_patient,
                                     &patience, &text, &why),
                         TROUPE_INTERRUPTED);
        assert_int_equal(patience.n_asked, n_yes + 1);
        assert_null(text);
    }
    char *back = read_back(*state, &picture);
    drop_empty_lines(back);
    assert_string_equal(back, "one two three\nfour five six");
    free(back);
    free(picture.png);
}

static void it_reads_on_its_own_thread_alone(void **state)
{
    tr_picture_t picture = drawn("one two three");
    free(read_back(*state, &picture));
    free(picture.png);
    /* The thread with which the fonts were looked for may still be on its way out. */
    for (int i = 0; i < 1000 && n_threads() > n_threads_at_first; i++) {
        usleep(10000);
    }
    assert_int_equal(n_threads(), n_threads_at_first);
}

/* ---- images that mean no good ---- */

struct refusal {
    const char *bytes;
    size_t size;
    troupe_status_t status;
    const char *why;
};

/* clang-format off */
#define BYTES(text) text, sizeof text - 1
#define PNG_OF(width, height) \
    BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR" width height "\x08\0\0\0\0\0\0\0\0\0\0\0\0IDAT\0\0\0\0")
/* clang-format on */

static void bad_images_are_refused_in_words(void **state)
{
    static const struct refusal refusals[] = {
        {"", 0, TROUPE_ERR_INVALID, "empty"},
        {BYTES("x"), TROUPE_ERR_INVALID, "1 bytes that are no PNG"},
        {BYTES("\x89PNG\r\n\x1a\n"), TROUPE_ERR_INVALID, "8 bytes that are no"},
        {BYTES("just some text, and no image"), TROUPE_ERR_INVALID, "are no PNG, JPEG"},
        {BYTES("GIF89a\xff\xff\xff\xff\x80\0\0"), TROUPE_ERR_INVALID, "are no PNG, JPEG"},
        {BYTES("%PDF-1.4 and more of it"), TROUPE_ERR_INVALID, "are no PNG, JPEG"},
        {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), TROUPE_ERR_INVALID, "header"},
        {BYTES("P5 99999999 99999999 255\n"), TROUPE_ERR_INVALID, "header"},
        {BYTES("BM\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
         TROUPE_ERR_INVALID, "header"},
        {BYTES("II*\0\x08\0\0\0\xff\xff\xff\xff\xff\xff"), TROUPE_ERR_INVALID, "header"},
        {BYTES("RIFF\x20\0\0\0WEBPVP8 \0\0\0\0\0\0\0\0"), TROUPE_ERR_INVALID, "header"},
        {PNG_OF("\0\0\xea\x60", "\0\0\xea\x60"), TROUPE_LIMIT, "60000 by 60000"},
        {PNG_OF("\0\0\x80\0", "\0\0\0\x01"), TROUPE_LIMIT, "32768 by 1"},
        {PNG_OF("\0\0\x20\0", "\0\0\x20\0"), TROUPE_LIMIT, "40 million pixels"},
        {PNG_OF("\0\0\x10\0", "\0\0\x10\0"), TROUPE_ERR_INVALID, "damaged"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];
        char *text = NULL;
        tr_why_t why = {""};
        troupe_status_t status =
            tr_ocr_read(*state, refusal->bytes, refusal->size, NULL, NULL, &text, &why);
        if (status != refusal->status || !strstr(why.text, refusal->why)) {
            fail_msg("row %zu: status %d, \"%s\"", i, status, why.text);
        }
    }
}

/* Each prefix of a good image, in a block of just that size for the sanitizers to watch. */
static void a_cut_image_is_damaged(void **state)
{
    tr_picture_t picture = drawn("x");
    for (size_t size = 1; size < picture.size - 20; size += 7) {
        unsigned char *cut = malloc(size);
        assert_non_null(cut);
        memcpy(cut, picture.png, size);
        char *text = NULL;
        tr_why_t why = {""};
        assert_int_equal(tr_ocr_read(*state, cut, size, NULL, NULL, &text, &why),
                         TROUPE_ERR_INVALID);
        free(cut);
    }
    free(picture.png);
}

/* ---- loading ---- */

static void missing_data_name_their_package(void **state)
{
    (void)state;
    static const struct {
        const char *language;
        const char *tessdata;
        const char *why;
    } rows[] = {
        {"xx_none", NULL, "install the package tesseract-ocr-xx-none"},
        {"eng+xyz", NULL, "language 'xyz': install the package tesseract-ocr-xyz"},
        {"eng", "/nonexistent", "'eng' in /nonexistent: install the package tesseract-ocr-eng"},
        {"", NULL, "no language is named"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tr_ocr_t *reader = tr_ocr_new();
        tr_why_t why = {""};
        assert_non_null(reader);
        assert_int_equal(tr_ocr_load(reader, rows[i].language, rows[i].tessdata, &why),
                         TROUPE_NOT_FOUND);
        if (!strstr(why.text, rows[i].why)) {
            fail_msg("\"%s\" does not say \"%s\"", why.text, rows[i].why);
        }
        tr_ocr_destroy(&reader);
        assert_null(reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_drawn_is_read),
        cmocka_unit_test(no_text_is_no_failure),
        cmocka_unit_test(it_stops_when_told),
        cmocka_unit_test(it_reads_on_its_own_thread_alone),
        cmocka_unit_test(bad_images_are_refused_in_words),
        cmocka_unit_test(a_cut_image_is_damaged),
        cmocka_unit_test(missing_data_name_their_package),
    };
    return cmocka_run_group_tests_name("workers/ocr", tests, load_reader, release_reader) != 0;
}
