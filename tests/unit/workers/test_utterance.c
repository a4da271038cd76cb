#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "tests/kit/random.h"
#include "workers/llama/utterance.h"

enum { MAX_TOKENS = 8 };

/* One row, one story: these tokens, and what can be said after each and in the end. */
struct story {
    const char *stop[4];
    const char *tokens[MAX_TOKENS];
    const char *said[MAX_TOKENS + 1];
    bool is_stopped;
};

static void assert_said(const tr_utterance_t *utterance, const char *want)
{
    size_t size;
    const char *text = tr_utterance_text(utterance, &size);
    char said[200];
    assert_true(size < sizeof said);
    memcpy(said, text, size);
    said[size] = '\0';
    assert_string_equal(said, want);
}

static size_t count(const char *const *strings)
{
    size_t n = 0;
    while (strings[n]) {
        n++;
    }
    return n;
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_utterance_t *utterance = tr_utterance_new(story->stop, count(story->stop));
    assert_non_null(utterance);

    size_t n = 0;
    for (; story->tokens[n]; n++) {
        assert_status(tr_utterance_add(utterance, story->tokens[n], strlen(story->tokens[n])),
                      TROUPE_OK);
        assert_said(utterance, story->said[n]);
    }
    assert_status(tr_utterance_end(utterance), TROUPE_OK);
    assert_said(utterance, story->said[n]);
    assert_int_equal(tr_utterance_is_stopped(utterance), story->is_stopped);

    size_t size;
    const char *text = tr_utterance_text(utterance, &size);
    assert_int_equal(strlen(text), size);
    tr_utterance_destroy(&utterance);
    assert_null(utterance);
}

static void a_nul_is_no_end(void **state)
{
    (void)state;
    tr_utterance_t *utterance = tr_utterance_new(NULL, 0);
    assert_non_null(utterance);
    assert_status(tr_utterance_add(utterance, "a\0b", 3), TROUPE_OK);
    assert_said(utterance, "a\xEF\xBF\xBD"
                           "b");
    tr_utterance_destroy(&utterance);
    tr_utterance_destroy(&utterance);
}

/* Bytes that are likely to be interesting together. */
static size_t some_bytes(uint64_t *dice, char *bytes, size_t room)
{
    static const char *const bits[] = {
        "a",   "b", "ab", "\xC3",     "\xA9", "\xE2\x80", "\xA6", "\xF0\x9F",
        "STO", "P", "S",  "\xED\xA0", " ",    "\xFF",     "é",    "\xE2\x80\xA6"};
    size_t size = 0;
    while (size + 4 < room) {
        const char *bit = bits[random_below(dice, sizeof bits / sizeof bits[0])];
        memcpy(bytes + size, bit, strlen(bit));
        size += strlen(bit);
    }
    return size;
}

static bool is_utf8(const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t n = text[i] < 0x80 ? 1 : text[i] < 0xE0 ? 2 : text[i] < 0xF0 ? 3 : 4;
        if ((n > 1 && text[i] < 0xC2) || text[i] > 0xF4 || i + n > size) {
            return false;
        }
        for (size_t j = 1; j < n; j++) {
            if ((text[i + j] & 0xC0) != 0x80) {
                return false;
            }
        }
        i += n;
    }
    return true;
}

/* However the bytes are spread, the text is the same, and at no time holds what it must not. */
static void tokens_make_no_difference(void **state)
{
    (void)state;
    static const char *const stop[] = {"STOP", "OPa", "bé", "…b"};
    uint64_t dice = random_seed();
    for (int round = 0; round < 2000; round++) {
        char bytes[60];
        size_t size = some_bytes(&dice, bytes, sizeof bytes);
        tr_utterance_t *whole = tr_utterance_new(stop, 4);
        tr_utterance_t *spread = tr_utterance_new(stop, 4);
        assert_non_null(whole);
        assert_non_null(spread);
        assert_status(tr_utterance_add(whole, bytes, size), TROUPE_OK);
        assert_status(tr_utterance_end(whole), TROUPE_OK);
        size_t n_said = 0;
        for (size_t at = 0; at < size;) {
            size_t n = 1 + random_below(&dice, 5);
            n = n < size - at ? n : size - at;
            assert_status(tr_utterance_add(spread, bytes + at, n), TROUPE_OK);
            at += n;
            size_t n_now;
            const char *now = tr_utterance_text(spread, &n_now);
            assert_true(n_now >= n_said);
            assert_true(is_utf8((const unsigned char *)now + n_said, n_now - n_said));
            n_said = n_now;
        }
        assert_status(tr_utterance_end(spread), TROUPE_OK);
        size_t n_whole;
        size_t n_spread;
        const char *text = tr_utterance_text(whole, &n_whole);
        assert_string_equal(text, tr_utterance_text(spread, &n_spread));
        assert_int_equal(n_whole, n_spread);
        assert_int_equal(tr_utterance_is_stopped(whole), tr_utterance_is_stopped(spread));
        for (size_t i = 0; i < 4; i++) {
            assert_null(strstr(text, stop[i]));
        }
        tr_utterance_destroy(&whole);
        tr_utterance_destroy(&spread);
    }
}

static void a_long_text_has_room(void **state)
{
    (void)state;
    tr_utterance_t *utterance = tr_utterance_new(NULL, 0);
    assert_non_null(utterance);
    for (int i = 0; i < 10000; i++) {
        assert_status(tr_utterance_add(utterance, "word ", 5), TROUPE_OK);
    }
    size_t size;
    const char *text = tr_utterance_text(utterance, &size);
    assert_int_equal(size, 50000);
    assert_memory_equal(text + size - 5, "word ", 5);
    tr_utterance_destroy(&utterance);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
#define BROKEN "\xEF\xBF\xBD"

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("says what comes", {0}, {"one", " two"}, {"one", "one two", "one two"}, false),
        STORY("says nothing", {0}, {0}, {""}, false),
        STORY("waits for the rest of a character",
              {0}, {"caf\xC3", "\xA9!"}, {"caf", "café!", "café!"}, false),
        STORY("waits for four bytes one by one",
              {0}, {"\xF0", "\x9F", "\x99", "\x82"}, {"", "", "", "🙂", "🙂"}, false),
        STORY("replaces a character that never ends",
              {0}, {"\xE2\x80", "x"}, {"", BROKEN "x", BROKEN "x"}, false),
        STORY("replaces a character that is cut by the end",
              {0}, {"x\xE2\x80"}, {"x", "x" BROKEN}, false),
        STORY("replaces half of a pair, an overlong one and what lies beyond",
              {0}, {"\xED\xA0\x80", "\xC0\x80", "\xF4\x90"},
              {BROKEN BROKEN BROKEN, BROKEN BROKEN BROKEN BROKEN BROKEN,
               BROKEN BROKEN BROKEN BROKEN BROKEN BROKEN BROKEN,
               BROKEN BROKEN BROKEN BROKEN BROKEN BROKEN BROKEN}, false),
        STORY("stops within a token", {"stop"}, {"go stop go", "on"}, {"go ", "go ", "go "}, true),
        STORY("stops at a string of many tokens",
              {"\n\nUser:"}, {"Yes.", "\n", "\n", "Us", "er", ": no"},
              {"Yes.", "Yes.", "Yes.", "Yes.", "Yes.", "Yes.", "Yes."}, true),
        STORY("says what did not become one",
              {"\n\nUser:"}, {"a\n", "\nU", "b"}, {"a", "a", "a\n\nUb", "a\n\nUb"}, false),
        STORY("says at the end what waited", {"stop"}, {"sto"}, {"", "sto"}, false),
        STORY("finds a string that overlaps its own beginning",
              {"aab"}, {"aa", "a", "b"}, {"", "a", "a", "a"}, true),
        STORY("takes the first that ends", {"abcd", "bc"}, {"ab", "cd"}, {"", "a", "a"}, true),
        STORY("takes the longest that ends there",
              {"c", "abc"}, {"ab", "c"}, {"", "", ""}, true),
        STORY("stops between the bytes of a character", {"é"}, {"caf\xC3", "\xA9"},
              {"caf", "caf", "caf"}, true),
        STORY("does not stop for an empty string", {""}, {"a"}, {"a", "a"}, false),
        cmocka_unit_test(a_nul_is_no_end),
        cmocka_unit_test(a_long_text_has_room),
        cmocka_unit_test(tokens_make_no_difference),
    };
    return cmocka_run_group_tests_name("workers/utterance", tests, NULL, NULL) != 0;
}
/* clang-format on */
