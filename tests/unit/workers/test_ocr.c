#include "tests/kit/check.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/workers/drawn.h"
#include "workers/vision/ocr.h"

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

static int load_engines(void **state)
{
    n_threads_at_first = n_threads();
    tr_engines_t *engines = tr_engines_new();
    troupe_why_t why = {""};
    *state = engines;
    if (!engines || tr_engines_load(engines, "eng", NULL, &why) != TROUPE_OK) {
        print_error("%s\n", why.text);
        return -1;
    }
    return 0;
}

static int release_engines(void **state)
{
    tr_engines_t *engines = *state;
    tr_engines_destroy(&engines);
    return 0;
}

static tr_ocr_page_t read_page(tr_engines_t *engines, const tr_ocr_question_t *question)
{
    tr_ocr_page_t page;
    troupe_why_t why = {""};
    if (tr_ocr_read(engines, question, &page, &why) != TROUPE_OK) {
        fail_msg("not read: %s", why.text);
    }
    assert_int_equal(page.length, strlen(page.text));
    return page;
}

static tr_ocr_page_t read_picture(tr_engines_t *engines, const tr_picture_t *picture)
{
    return read_page(engines,
                     &(tr_ocr_question_t){.image = picture->bytes, .size = picture->size});
}

static const char story[] = "Troupe is an actor framework for C.\n"
                            "Every worker is supervised: when one fails, another\n"
                            "takes its place, and the request that it held gets\n"
                            "an answer all the same.\n"
                            "\n"
                            "Supervisors restart 5 times in 10 seconds, then give up.\n"
                            "The quick brown fox jumps over the lazy dog.\n";

/* ---- text ---- */

static void what_was_drawn_is_read(void **state)
{
    tr_picture_t picture = drawn_page(story, 0);
    for (int i = 0; i < 2; i++) {
        tr_ocr_page_t page = read_picture(*state, &picture);
        assert_string_equal(page.text, story);
        assert_int_equal(page.width, picture.width);
        assert_int_equal(page.height, picture.height);
        assert_true(page.confidence > 0.8 && page.confidence <= 1);
        assert_memory_equal(page.model, "tesseract ", 10);
        assert_string_equal(page.model + strlen(page.model) - 4, " eng");
        assert_int_equal(page.n_words, 0);
        tr_ocr_page_release(&page);
        assert_null(page.text);
    }
    free(picture.bytes);
}

static void no_text_is_no_failure(void **state)
{
    tr_picture_t picture = drawn_page(" ", 0);
    tr_ocr_page_t page = read_picture(*state, &picture);
    assert_string_equal(page.text, "");
    assert_true(page.confidence >= 0 && page.confidence <= 0);
    tr_ocr_page_release(&page);
    free(picture.bytes);
}

/* A screen's letters, which Tesseract alone does not read well. */
static void tiny_letters_are_read_as_well(void **state)
{
    static const char text[] = "Every worker is supervised: when one fails, another\n"
                               "takes its place, and the request that it held gets\n"
                               "an answer all the same.\n";
    tr_picture_t picture = drawn_page(text, 65);
    tr_ocr_page_t page = read_page(
        *state,
        &(tr_ocr_question_t){.image = picture.bytes, .size = picture.size, .details = true});
    assert_string_equal(page.text, text);
    assert_int_equal(page.width, picture.width);
    for (size_t i = 0; i < page.n_words; i++) {
        assert_true(page.words[i].height < 20);
        assert_true(page.words[i].left + page.words[i].width <= picture.width);
    }
    assert_true(page.words[page.n_words - 1].top > picture.height / 2);
    tr_ocr_page_release(&page);
    free(picture.bytes);
}

static void a_layout_is_what_it_is_read_as(void **state)
{
    tr_picture_t picture = drawn_page("one", 0);
    for (int layout = TROUPE_VISION_AUTO; layout <= TROUPE_VISION_SPARSE; layout++) {
        tr_ocr_page_t page =
            read_page(*state, &(tr_ocr_question_t){.image = picture.bytes,
                                                   .size = picture.size,
                                                   .layout = (troupe_vision_layout_t)layout});
        assert_non_null(strstr(page.text, "one\n"));
        tr_ocr_page_release(&page);
    }
    free(picture.bytes);

    /* Two lines, taken for one, are not what they were. */
    picture = drawn_page("one two three\nfour five six", 0);
    tr_ocr_page_t page = read_page(*state, &(tr_ocr_question_t){.image = picture.bytes,
                                                                .size = picture.size,
                                                                .layout = TROUPE_VISION_LINE});
    assert_string_not_equal(page.text, "one two three\nfour five six\n");
    tr_ocr_page_release(&page);
    free(picture.bytes);
}

static void a_language_is_loaded_when_it_is_asked_for(void **state)
{
    tr_picture_t picture = drawn_page("one", 0);
    tr_ocr_page_t page = read_page(*state, &(tr_ocr_question_t){.image = picture.bytes,
                                                                .size = picture.size,
                                                                .language = "eng+eng"});
    assert_string_equal(page.model + strlen(page.model) - 8, " eng+eng");
    tr_ocr_page_release(&page);

    troupe_why_t why = {""};
    assert_status(tr_ocr_read(*state,
                              &(tr_ocr_question_t){.image = picture.bytes,
                                                   .size = picture.size,
                                                   .language = "xyz"},
                              &page, &why),
                  TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "tesseract-ocr-xyz"));
    assert_null(page.text);
    free(picture.bytes);
}

/* ---- words ---- */

static void words_lie_where_they_were_drawn(void **state)
{
    tr_picture_t picture = drawn_page("one two\nthree", 0);
    tr_ocr_page_t page = read_page(
        *state,
        &(tr_ocr_question_t){.image = picture.bytes, .size = picture.size, .details = true});
    assert_int_equal(page.n_words, 3);
    const troupe_vision_word_t *words = page.words;
    assert_string_equal(words[0].text, "one");
    assert_string_equal(words[1].text, "two");
    assert_string_equal(words[2].text, "three");
    assert_true(words[0].left >= 30 && words[0].left <= 60); /* the margin is 40 */
    assert_true(words[0].left + words[0].width < words[1].left);
    assert_true(words[2].left < words[1].left);
    assert_true(words[0].top + words[0].height < words[2].top + words[2].height);
    double sum = 0;
    for (size_t i = 0; i < page.n_words; i++) {
        assert_true(words[i].confidence > 0.5 && words[i].confidence <= 1);
        assert_true(words[i].width > 10 && words[i].height > 10);
        sum += words[i].confidence;
    }
    assert_true(page.confidence > sum / 3 - 0.001 && page.confidence < sum / 3 + 0.001);
    tr_ocr_page_release(&page);
    free(picture.bytes);
}

/* ---- lines ---- */

struct told {
    char text[4096];
    size_t length;
    size_t n_lines;
    size_t n_asked;        /* whether to go on */
    size_t asked_at_first; /* when the first line came */
    size_t stop_at;        /* line; 0: never */
};

static bool go_on(void *arg)
{
    struct told *told = arg;
    told->n_asked++;
    return true;
}

static bool take_line(const char *line, size_t length, void *arg)
{
    struct told *told = arg;
    assert_true(length > 0 && told->length + length < sizeof told->text);
    assert_int_equal(line[length - 1], '\n');
    assert_null(memchr(line, '\n', length - 1));
    memcpy(told->text + told->length, line, length);
    told->length += length;
    told->asked_at_first = told->n_lines == 0 ? told->n_asked : told->asked_at_first;
    told->n_lines++;
    return told->n_lines != told->stop_at;
}

static void lines_come_while_it_reads(void **state)
{
    tr_picture_t picture = drawn_page(story, 0);
    struct told told = {.n_asked = 0};
    tr_ocr_page_t page = read_page(*state, &(tr_ocr_question_t){.image = picture.bytes,
                                                                .size = picture.size,
                                                                .go_on = go_on,
                                                                .on_line = take_line,
                                                                .arg = &told});
    assert_string_equal(told.text, page.text);
    assert_string_equal(page.text, story);
    assert_int_equal(told.n_lines, 7);        /* the empty one too */
    assert_int_equal(told.asked_at_first, 3); /* before all, and before the first two lines */
    assert_int_equal(told.n_asked, 1 + 6);
    tr_ocr_page_release(&page);
    free(picture.bytes);
}

/* More lines than are told one by one. */
static void many_lines_come_in_groups(void **state)
{
    /* Of two kinds, so that no gap runs down the page: that would make columns of it. */
    static const char *const lines[] = {"the same line again\n",
                                        "and so it goes on for ever\n"};
    char text[2000] = "";
    for (int i = 0; i < 60; i++) {
        strcat(text, lines[i % 2]);
    }
    tr_picture_t picture = drawn_page(text, 100);
    struct told told = {.n_asked = 0};
    tr_ocr_page_t page = read_page(*state, &(tr_ocr_question_t){.image = picture.bytes,
                                                                .size = picture.size,
                                                                .go_on = go_on,
                                                                .on_line = take_line,
                                                                .arg = &told});
    assert_string_equal(told.text, page.text);
    assert_true(told.n_lines >= 60);
    for (size_t i = 0; i < 2; i++) {
        size_t n_same = 0;
        for (const char *at = page.text; (at = strstr(at, lines[i])); at++) {
            n_same++;
        }
        assert_int_equal(n_same, 30);
    }
    tr_ocr_page_release(&page);
    free(picture.bytes);
}

static void it_stops_when_nobody_takes_a_line(void **state)
{
    tr_picture_t picture = drawn_page(story, 0);
    for (size_t stop_at = 1; stop_at <= 7; stop_at += 3) {
        struct told told = {.stop_at = stop_at};
        tr_ocr_page_t page;
        troupe_why_t why = {""};
        assert_status(tr_ocr_read(*state,
                                  &(tr_ocr_question_t){.image = picture.bytes,
                                                       .size = picture.size,
                                                       .details = true,
                                                       .on_line = take_line,
                                                       .arg = &told},
                                  &page, &why),
                      TROUPE_INTERRUPTED);
        assert_int_equal(told.n_lines, stop_at);
        assert_null(page.text);
        assert_null(page.words);
    }
    free(picture.bytes);
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
    tr_picture_t picture = drawn_page("one two three\nfour five six", 0);

    for (int n_yes = 0; n_yes < 3; n_yes++) {
        struct patience patience = {.n_yes = n_yes};
        tr_ocr_page_t page;
        troupe_why_t why = {""};
        assert_status(tr_ocr_read(*state,
                                  &(tr_ocr_question_t){.image = picture.bytes,
                                                       .size = picture.size,
                                                       .go_on = while_patient,
                                                       .arg = &patience},
                                  &page, &why),
                      TROUPE_INTERRUPTED);
        assert_int_equal(patience.n_asked, n_yes + 1);
        assert_null(page.text);
    }
    tr_ocr_page_t page = read_picture(*state, &picture);
    assert_string_equal(page.text, "one two three\nfour five six\n");
    tr_ocr_page_release(&page);
    free(picture.bytes);
}

static void it_reads_on_its_own_thread_alone(void **state)
{
    tr_picture_t picture = drawn_page("one two three", 0);
    tr_ocr_page_t page = read_picture(*state, &picture);
    tr_ocr_page_release(&page);
    free(picture.bytes);
    /* The thread with which the fonts were looked for may still be on its way out. */
    for (int i = 0; i < 1000 && n_threads() > n_threads_at_first; i++) {
        usleep(10000);
    }
    assert_int_equal(n_threads(), n_threads_at_first);
}

static void what_is_no_image_is_refused(void **state)
{
    tr_ocr_page_t page;
    troupe_why_t why = {""};
    assert_status(
        tr_ocr_read(*state, &(tr_ocr_question_t){.image = "", .size = 0}, &page, &why),
        TROUPE_ERR_INVALID);
    assert_string_equal(why.text, "the image is empty");
    assert_null(page.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_drawn_is_read),
        cmocka_unit_test(no_text_is_no_failure),
        cmocka_unit_test(tiny_letters_are_read_as_well),
        cmocka_unit_test(a_layout_is_what_it_is_read_as),
        cmocka_unit_test(a_language_is_loaded_when_it_is_asked_for),
        cmocka_unit_test(words_lie_where_they_were_drawn),
        cmocka_unit_test(lines_come_while_it_reads),
        cmocka_unit_test(many_lines_come_in_groups),
        cmocka_unit_test(it_stops_when_nobody_takes_a_line),
        cmocka_unit_test(it_stops_when_told),
        cmocka_unit_test(it_reads_on_its_own_thread_alone),
        cmocka_unit_test(what_is_no_image_is_refused),
    };
    return cmocka_run_group_tests_name("workers/ocr", tests, load_engines, release_engines) !=
           0;
}
