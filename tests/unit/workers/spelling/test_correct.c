#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "workers/text_to_text/correct.h"

/* Loaded once: a group's state would take the place of the rows'. */
static tr_speller_t *english;

static tr_corrected_t corrected(const char *text, const troupe_text_to_text_request_t *request)
{
    troupe_why_t why = {""};
    tr_corrected_t out;
    assert_status(tr_correct(english, NULL, request, text, NULL, &out, &why), TROUPE_OK);
    assert_int_equal(out.size, strlen(out.text));
    return out;
}

/* One row: a text, and what becomes of it. */
struct story {
    const char *text;
    const char *corrected;
};

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_corrected_t out = corrected(story->text, &(troupe_text_to_text_request_t){0});
    assert_string_equal(out.text, story->corrected);
    assert_int_equal(out.finish, TROUPE_FINISH_STOP);
    tr_corrected_release(&out);
}

static void what_was_replaced_is_listed(void **state)
{
    (void)state;
    static const char text[] = "We recieve an exam-\nqle of Debian.";
    tr_corrected_t out = corrected(text, &(troupe_text_to_text_request_t){0});

    assert_string_equal(out.text, "We receive an exam-\nple of Debian.");
    assert_int_equal(out.n_words_in, 6);
    assert_int_equal(out.n_words_out, 6);
    assert_int_equal(out.n_corrections, 2);
    assert_string_equal(out.corrections[0].word, "recieve");
    assert_int_equal(out.corrections[0].offset, 3);
    assert_string_equal(out.corrections[0].replacement, "receive");
    assert_string_equal(out.corrections[0].suggestions[0], "receive");
    assert_in_range(out.corrections[0].n_suggestions, 1, TR_CORRECT_N_SUGGESTIONS);
    assert_string_equal(out.corrections[1].word, "exam-\nqle");
    assert_int_equal(out.corrections[1].offset, 14);
    assert_string_equal(out.corrections[1].replacement, "exam-\nple");
    assert_string_equal(out.corrections[1].suggestions[0], "example");
    tr_corrected_release(&out);
}

static void suggestions_leave_the_text_alone(void **state)
{
    (void)state;
    static const char text[] = "We recieve it from Qwertzland, with an x86 and recieve it.";
    const troupe_text_to_text_request_t request = {.suggest = true};
    tr_corrected_t out = corrected(text, &request);

    assert_string_equal(out.text, text);
    assert_int_equal(out.n_corrections, 3);
    assert_string_equal(out.corrections[0].word, "recieve");
    assert_null(out.corrections[0].replacement);
    assert_string_equal(out.corrections[0].suggestions[0], "receive");
    assert_string_equal(out.corrections[1].word, "Qwertzland");
    assert_string_equal(out.corrections[2].word, "recieve");
    assert_int_equal(out.corrections[2].offset, strstr(text, "and recieve") + 4 - text);
    tr_corrected_release(&out);
}

/* Only Hunspell knows what "definately" is, and is not asked behind so much noise; a right word
 * ends that. */
static void in_noise_nobody_is_asked(void **state)
{
    (void)state;
#define NOISE "xqzkwv vqxzkj kzqwxv jqxvzk wzxqkj qvkzxw zjxqwk kxvqzj xwqzvk qzkjxv "
    tr_corrected_t out = corrected(NOISE "definately not, and it is definately late.",
                                   &(troupe_text_to_text_request_t){0});
    assert_string_equal(out.text, NOISE "definately not, and it is definitely late.");
    tr_corrected_release(&out);
#undef NOISE
}

static void personal_words_are_right_for_one_request(void **state)
{
    (void)state;
    static const char text[] = "we frobnicate the messsage of qwertzu's";
    const char *const words[] = {"messsage", "qwertzu"};
    const troupe_text_to_text_request_t with = {.words = words, .n_words = 2, .suggest = true};
    const troupe_text_to_text_request_t without = {.suggest = true};

    tr_corrected_t out = corrected(text, &with);
    assert_int_equal(out.n_corrections, 1);
    assert_string_equal(out.corrections[0].word, "frobnicate");
    tr_corrected_release(&out);

    out = corrected(text, &without);
    assert_int_equal(out.n_corrections, 3);
    tr_corrected_release(&out);
}

static void personal_words_are_suggested(void **state)
{
    (void)state;
    const char *const words[] = {"frobnicate"};
    const troupe_text_to_text_request_t request = {.words = words, .n_words = 1};
    tr_corrected_t out = corrected("you may frobnicaet it", &request);
    assert_string_equal(out.text, "you may frobnicate it");
    tr_corrected_release(&out);
}

static void a_personal_word_of_the_dictionary_stays_in_it(void **state)
{
    (void)state;
    const char *const words[] = {"hello"};
    const troupe_text_to_text_request_t with = {.words = words, .n_words = 1};
    tr_corrected_t out = corrected("hello", &with);
    tr_corrected_release(&out);
    assert_true(tr_speller_knows(english, "hello"));
}

static void likely_words_are_rather_meant(void **state)
{
    (void)state;
    static const char bricks[] = "wall wall wall wall wall wall wall";
    static const char wishes[] = "will will will will will will will";
    for (int i = 0; i < 2; i++) {
        troupe_why_t why = {""};
        tr_corrected_t out;
        const troupe_text_to_text_request_t request = {.suggest = true};
        const char *text = i == 0 ? bricks : wishes;
        tr_vocabulary_t *likely = tr_vocabulary_new();
        assert_non_null(likely);
        assert_status(tr_correct_count(text, strlen(text), likely), TROUPE_OK);
        assert_status(tr_correct(english, likely, &request, "a wxll", NULL, &out, &why),
                      TROUPE_OK);
        assert_int_equal(out.n_corrections, 1);
        assert_string_equal(out.corrections[0].suggestions[0], i == 0 ? "wall" : "will");
        tr_corrected_release(&out);
        tr_vocabulary_destroy(&likely);
    }
    assert_status(tr_correct_count("\xFF", 1, NULL), TROUPE_ERR_INVALID);
}

static void as_many_words_as_wished_for(void **state)
{
    (void)state;
    troupe_text_to_text_request_t request = {.max_tokens = 2};
    tr_corrected_t out = corrected("(one, two, three", &request);
    assert_string_equal(out.text, "(one, two, ");
    assert_int_equal(out.finish, TROUPE_FINISH_LENGTH);
    assert_int_equal(out.n_words_in, 3);
    assert_int_equal(out.n_words_out, 2);
    tr_corrected_release(&out);

    request.max_tokens = 3;
    out = corrected("(one, two, three.", &request);
    assert_string_equal(out.text, "(one, two, three.");
    assert_int_equal(out.finish, TROUPE_FINISH_STOP);
    tr_corrected_release(&out);
}

/* ---- parts ---- */

struct parts {
    char text[1000];
    int n;
    size_t longest;
    int n_left; /* until no is said; -1: never */
};

static bool take(void *arg, const char *part, size_t size)
{
    struct parts *parts = arg;
    strncat(parts->text, part, size);
    parts->longest = size > parts->longest ? size : parts->longest;
    parts->n++;
    return parts->n_left < 0 || parts->n_left-- > 0;
}

static bool stop_after(void *arg)
{
    struct parts *parts = arg;
    return parts->n_left < 0 || parts->n_left-- > 0;
}

static void parts_make_the_text(void **state)
{
    (void)state;
    struct parts parts = {.n_left = -1};
    const tr_correct_watch_t watch = {NULL, take, &parts};
    const troupe_text_to_text_request_t request = {0};
    troupe_why_t why = {""};
    tr_corrected_t out;
    assert_status(
        tr_correct(english, NULL, &request, "  A recieved,\nword. ", &watch, &out, &why),
        TROUPE_OK);
    assert_string_equal(out.text, "  A received,\nword. ");
    assert_string_equal(parts.text, out.text);
    assert_int_equal(parts.n, 4);
    tr_corrected_release(&out);
}

static void nothing_of_what_stops_is_sent(void **state)
{
    (void)state;
    static const char *const stops[] = {"never there", "end. Of", ""};
    struct parts parts = {.n_left = -1};
    const tr_correct_watch_t watch = {NULL, take, &parts};
    const troupe_text_to_text_request_t request = {.stop = stops, .n_stop = 3};
    troupe_why_t why = {""};
    tr_corrected_t out;
    assert_status(tr_correct(english, NULL, &request, "This is the edn, the end. Of all.",
                             &watch, &out, &why),
                  TROUPE_OK);
    assert_string_equal(out.text, "This is the end, the ");
    assert_string_equal(parts.text, out.text);
    assert_int_equal(out.finish, TROUPE_FINISH_STOP);
    tr_corrected_release(&out);
}

static void a_text_that_nothing_stops_is_sent_whole(void **state)
{
    (void)state;
    static const char *const stops[] = {"word. Or not"};
    struct parts parts = {.n_left = -1};
    const tr_correct_watch_t watch = {NULL, take, &parts};
    const troupe_text_to_text_request_t request = {.stop = stops, .n_stop = 1};
    troupe_why_t why = {""};
    tr_corrected_t out;
    assert_status(
        tr_correct(english, NULL, &request, "One word. Or another.", &watch, &out, &why),
        TROUPE_OK);
    assert_string_equal(out.text, "One word. Or another.");
    assert_string_equal(parts.text, out.text);
    tr_corrected_release(&out);
}

static void every_watch_can_stop_it(void **state)
{
    (void)state;
    for (int n_left = 0; n_left < 6; n_left++) {
        struct parts parts = {.n_left = n_left};
        const tr_correct_watch_t watch = {stop_after, NULL, &parts};
        const troupe_text_to_text_request_t request = {0};
        troupe_why_t why = {""};
        tr_corrected_t out;
        assert_status(tr_correct(english, NULL, &request, "a few words", &watch, &out, &why),
                      n_left < 6 ? TROUPE_INTERRUPTED : TROUPE_OK);
        assert_null(out.text);
    }
    struct parts parts = {.n_left = 1};
    const tr_correct_watch_t watch = {NULL, take, &parts};
    const troupe_text_to_text_request_t request = {0};
    troupe_why_t why = {""};
    tr_corrected_t out;
    assert_status(tr_correct(english, NULL, &request, "a few words", &watch, &out, &why),
                  TROUPE_INTERRUPTED);
    assert_string_equal(parts.text, "a few ");
}

/* ---- hostile texts ---- */

static char *repeated(const char *what, size_t size)
{
    size_t length = strlen(what);
    char *text = malloc(size + 1);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++) {
        text[i] = what[i % length];
    }
    text[size] = '\0';
    return text;
}

static void stays_as_it_is(const char *what, size_t size)
{
    char *text = repeated(what, size);
    tr_corrected_t out = corrected(text, &(troupe_text_to_text_request_t){0});
    assert_true(strcmp(out.text, text) == 0);
    tr_corrected_release(&out);
    free(text);
}

static void a_mebibyte_of_anything_comes_back(void **state)
{
    (void)state;
    stays_as_it_is("a", TROUPE_MAX_TEXT);
    stays_as_it_is("xqz", TROUPE_MAX_TEXT);
    stays_as_it_is("a-\n", TROUPE_MAX_TEXT);
    stays_as_it_is("a'|!", TROUPE_MAX_TEXT);
    stays_as_it_is("1", TROUPE_MAX_TEXT);
    stays_as_it_is("a/", TROUPE_MAX_TEXT);
    stays_as_it_is("\n", TROUPE_MAX_TEXT);
    stays_as_it_is("xqzk vbnw ", TROUPE_MAX_TEXT);
    stays_as_it_is("e\xCC\x81", TROUPE_MAX_TEXT);
}

static void a_larger_text_is_refused(void **state)
{
    (void)state;
    const troupe_text_to_text_request_t request = {0};
    troupe_why_t why = {""};
    tr_corrected_t out;
    char *text = repeated("a ", TROUPE_MAX_TEXT + 1);
    assert_status(tr_correct(english, NULL, &request, text, NULL, &out, &why), TROUPE_LIMIT);
    assert_true(why.text[0] != '\0');
    free(text);
}

static void too_many_personal_words_are_refused(void **state)
{
    (void)state;
    static const char *words[TR_CORRECT_MAX_PERSONAL + 1];
    const troupe_text_to_text_request_t request = {.words = words,
                                                   .n_words = TR_CORRECT_MAX_PERSONAL + 1};
    troupe_why_t why = {""};
    tr_corrected_t out;
    assert_status(tr_correct(english, NULL, &request, "a", NULL, &out, &why), TROUPE_LIMIT);
}

static void what_is_no_utf8_is_refused(void **state)
{
    (void)state;
    const troupe_text_to_text_request_t request = {0};
    troupe_why_t why = {""};
    tr_corrected_t out;
    assert_status(tr_correct(english, NULL, &request, "a b\xFF", NULL, &out, &why),
                  TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "at 3"));
}

static void corrections_beyond_the_limit_are_made_and_not_listed(void **state)
{
    (void)state;
    /* Half of the words are right, so it is English after all. */
    enum { N = TR_CORRECT_MAX_LISTED + 10 };
    char *text = repeated("the w0rld ", N * 10);
    tr_corrected_t out = corrected(text, &(troupe_text_to_text_request_t){0});
    assert_int_equal(out.n_corrections, TR_CORRECT_MAX_LISTED);
    assert_string_equal(out.text + out.size - 10, "the world ");
    tr_corrected_release(&out);
    free(text);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("nothing", "", ""),
        STORY("slips of the pen",
              "Actors recieve messsages in seperate threads, and definately beleive it.",
              "Actors receive messages in separate threads, and definitely believe it."),
        STORY("slips of the eye", "Tbe w0rld has a rnodern 1ine of cornmunity.",
              "The world has a modern line of community."),
        STORY("a small l for a large I", "If it is so, It is. It was. lt is.",
              "If it is so, It is. It was. It is."),
        STORY("ligatures",
              "an o\xEF\xAC\x83"
              "ce to \xEF\xAC\x81nd",
              "an office to find"),
        STORY("what is right stays", "The quick brown fox doesn't jump over John's lazy dog.",
              "The quick brown fox doesn't jump over John's lazy dog."),
        STORY("names, numbers and addresses stay",
              "Torvalds of IBM saw x86 on http://exmaple.invalid/recieve, wrote to "
              "recieve@host.org, and ran ./recieve 1234 times.",
              "Torvalds of IBM saw x86 on http://exmaple.invalid/recieve, wrote to "
              "recieve@host.org, and ran ./recieve 1234 times."),
        STORY("accents stay", "a na\xC3\xAFve caf\xC3\xA9", "a na\xC3\xAFve caf\xC3\xA9"),
        STORY("capitals stay capitals", "Recieve a SEPERATE message.",
              "Receive a SEPERATE message."),
        STORY("small letters that should be capitals stay", "a jewish hacker of linux",
              "a jewish hacker of linux"),
        STORY("what is written often is meant", "a dmesg, two dmesgs: dmesg, dmesg and dmesg",
              "a dmesg, two dmesgs: dmesg, dmesg and dmesg"),
        STORY("lost spaces", "Most of the time, of the old and of the new, ofthe best.",
              "Most of the time, of the old and of the new, of the best."),
        STORY("curly apostrophes stay curly",
              "we dont, they doesn\xE2\x80\x99"
              "t, wouldn\xE2\x80\x99tt",
              "we don't, they doesn\xE2\x80\x99"
              "t, wouldn\xE2\x80\x99t"),
        STORY("a word at the end of a line", "a conpu-\nter that compu-\nted",
              "a compu-\nter that compu-\nted"),
        STORY(
            "other languages stay",
            "Der schnelle braune Fuchs springt ohne zu z\xC3\xB6gern \xC3\xBC"
            "ber den faulen Hund und "
            "freut sich dabei sehr, weil niemand ihn jemals daran hindern konnte, nicht einmal "
            "der wachsame alte F\xC3\xB6rster mit seinem Gewehr und seiner M\xC3\xBCtze am "
            "Rande des "
            "dunklen Waldes",
            "Der schnelle braune Fuchs springt ohne zu z\xC3\xB6gern \xC3\xBC"
            "ber den faulen Hund und "
            "freut sich dabei sehr, weil niemand ihn jemals daran hindern konnte, nicht einmal "
            "der wachsame alte F\xC3\xB6rster mit seinem Gewehr und seiner M\xC3\xBCtze am "
            "Rande des "
            "dunklen Waldes"),
        STORY("other scripts stay",
              "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D \xD0\xBC\xD0\xB8\xD1\x80 "
              "\xE4\xB8\x96\xE7\x95\x8C",
              "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D \xD0\xBC\xD0\xB8\xD1\x80 "
              "\xE4\xB8\x96\xE7\x95\x8C"),
        cmocka_unit_test(what_was_replaced_is_listed),
        cmocka_unit_test(suggestions_leave_the_text_alone),
        cmocka_unit_test(in_noise_nobody_is_asked),
        cmocka_unit_test(personal_words_are_right_for_one_request),
        cmocka_unit_test(personal_words_are_suggested),
        cmocka_unit_test(a_personal_word_of_the_dictionary_stays_in_it),
        cmocka_unit_test(likely_words_are_rather_meant),
        cmocka_unit_test(as_many_words_as_wished_for),
        cmocka_unit_test(parts_make_the_text),
        cmocka_unit_test(nothing_of_what_stops_is_sent),
        cmocka_unit_test(a_text_that_nothing_stops_is_sent_whole),
        cmocka_unit_test(every_watch_can_stop_it),
        cmocka_unit_test(a_mebibyte_of_anything_comes_back),
        cmocka_unit_test(a_larger_text_is_refused),
        cmocka_unit_test(too_many_personal_words_are_refused),
        cmocka_unit_test(what_is_no_utf8_is_refused),
        cmocka_unit_test(corrections_beyond_the_limit_are_made_and_not_listed),
    };
    troupe_why_t why = {""};
    if (tr_speller_load("/usr/share/hunspell", "en_US", &english, &why) != TROUPE_OK) {
        print_error("%s\n", why.text);
        return 1;
    }
    int n_failed = cmocka_run_group_tests_name("workers/spelling/correct", tests, NULL, NULL);
    tr_speller_destroy(&english);
    return n_failed != 0;
}
