/* Every question gets an answer, and only those get in whose key is known. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/doors/zap.h"

#define ALICE "1111111111111111111111111111111111111111"
#define BERT  "2222222222222222222222222222222222222222"
#define EVE   "3333333333333333333333333333333333333333"

#define DOOR "troupe tcp://0.0.0.0:5671"

static unsigned char alice[TR_CURVE_KEY_BYTES];
static unsigned char bert[TR_CURVE_KEY_BYTES];
static unsigned char eve[TR_CURVE_KEY_BYTES];
static char long_text[257];
static tr_keys_t *keys;

static int begin(void **state)
{
    (void)state;
    const tr_key_spec_t specs[] = {{.name = "alice", .key = ALICE},
                                   {.name = "bert", .key = BERT}};
    keys = tr_keys_new(specs, 2);
    memset(long_text, 'x', sizeof long_text - 1);
    return keys && tr_curve_key_decode(ALICE, alice) && tr_curve_key_decode(BERT, bert) &&
                   tr_curve_key_decode(EVE, eve)
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    tr_keys_release(&keys);
    return 0;
}

typedef struct row {
    const char *frames[10]; /* NULL: no more; "KEY ..." stands for a key */
    const char *status;
    tr_refused_why_t why;
    const char *name;
} row_t;

static tr_span_t span_of(const char *text)
{
    static const struct {
        const char *text;
        const unsigned char *bytes;
        size_t size;
    } keys_of[] = {
        {"KEY alice", alice, 32},
        {"KEY bert", bert, 32},
        {"KEY eve", eve, 32},
        {"KEY short", alice, 31},
        {"KEY long", alice, 33},
        {"KEY none", alice, 0},
        {"KEY as text", (const unsigned char *)ALICE, 40},
    };
    for (size_t i = 0; i < sizeof keys_of / sizeof keys_of[0]; i++) {
        if (strcmp(text, keys_of[i].text) == 0) {
            return (tr_span_t){(const char *)keys_of[i].bytes, keys_of[i].size};
        }
    }
    return strcmp(text, "LONG") == 0 ? tr_span_of(long_text) : tr_span_of(text);
}

static void question_is_answered(void **state)
{
    const row_t *row = *state;
    tr_span_t frames[10];
    size_t n = 0;
    while (n < 10 && row->frames[n]) {
        frames[n] = span_of(row->frames[n]);
        n++;
    }
    tr_zap_answer_t answer = tr_zap_decide(keys, frames, n);
    assert_string_equal(answer.status, row->status);
    assert_non_null(answer.text);
    if (row->name) {
        assert_non_null(answer.key);
        assert_string_equal(answer.key->name, row->name);
    } else {
        assert_null(answer.key);
        assert_int_equal(answer.why, row->why);
    }
    if (n > 1 && frames[1].size <= 255) { /* as it came */
        assert_int_equal(answer.id.size, frames[1].size);
        assert_memory_equal(answer.id.data, frames[1].data, frames[1].size);
    }
}

static void it_says_who_asked_and_where(void **state)
{
    (void)state;
    tr_span_t frames[] = {tr_span_of("1.0"),      tr_span_of("1"), tr_span_of(DOOR),
                          tr_span_of("10.0.0.5"), tr_span_of(""),  tr_span_of("CURVE"),
                          span_of("KEY eve")};
    tr_zap_answer_t answer = tr_zap_decide(keys, frames, 7);
    assert_true(tr_span_equals(answer.endpoint, "tcp://0.0.0.0:5671"));
    assert_true(tr_span_equals(answer.address, "10.0.0.5"));
    assert_int_equal(answer.key_bytes.size, 32);
    assert_memory_equal(answer.key_bytes.data, eve, 32);
}

static void the_key_travels_as_metadata(void **state)
{
    (void)state;
    unsigned char metadata[TR_ZAP_MAX_METADATA];
    const tr_key_t *key = tr_keys_find(keys, span_of("KEY bert"));
    assert_non_null(key);
    size_t size = tr_zap_metadata(key, metadata);
    assert_int_equal(size, 1 + 10 + 4 + 40);
    assert_memory_equal(metadata, "\x0aTroupe-Key\0\0\0\x28" BERT, size);
}

/* What is in nobody's interest to send is answered all the same. */
static void noise_is_answered_and_lets_nobody_in(void **state)
{
    (void)state;
    static const char *const words[] = {"1.0",   "1",         "",        DOOR,
                                        "CURVE", "KEY short", "KEY eve", "KEY none",
                                        "NULL",  "LONG",      "troupe "};
    srand(7);
    for (int i = 0; i < 200000; i++) {
        tr_span_t frames[TR_ZAP_MAX_FRAMES];
        size_t n = (size_t)rand() % (TR_ZAP_MAX_FRAMES + 1);
        for (size_t j = 0; j < n; j++) {
            frames[j] = span_of(words[(size_t)rand() % (sizeof words / sizeof words[0])]);
            frames[j].size = frames[j].size > 0 && rand() % 8 == 0
                                 ? (size_t)rand() % frames[j].size
                                 : frames[j].size;
        }
        tr_zap_answer_t answer = tr_zap_decide(keys, frames, n);
        assert_true(strcmp(answer.status, "400") == 0 || strcmp(answer.status, "500") == 0);
        assert_null(answer.key);
    }
}

/* clang-format off */
#define ROW(title, ...) \
    { .name = title, .test_func = question_is_answered, .initial_state = &(row_t){__VA_ARGS__} }
#define FRAMES(...) {__VA_ARGS__}
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW("a known key", FRAMES("1.0", "1", DOOR, "10.0.0.5", "", "CURVE", "KEY alice"),
            "200", 0, "alice"),
        ROW("another one, of who has an identity",
            FRAMES("1.0", "abc", DOOR, "::1", "me", "CURVE", "KEY bert"), "200", 0, "bert"),
        ROW("an id may be empty", FRAMES("1.0", "", DOOR, "", "", "CURVE", "KEY bert"), "200",
            0, "bert"),
        ROW("an unknown key", FRAMES("1.0", "1", DOOR, "10.0.0.5", "", "CURVE", "KEY eve"),
            "400", TR_REFUSED_KEY, NULL),
        ROW("a key that is too short", FRAMES("1.0", "1", DOOR, "", "", "CURVE", "KEY short"),
            "400", TR_REFUSED_MALFORMED, NULL),
        ROW("a key that is too long", FRAMES("1.0", "1", DOOR, "", "", "CURVE", "KEY long"),
            "400", TR_REFUSED_MALFORMED, NULL),
        ROW("a key of nothing", FRAMES("1.0", "1", DOOR, "", "", "CURVE", "KEY none"), "400",
            TR_REFUSED_MALFORMED, NULL),
        ROW("a key as text", FRAMES("1.0", "1", DOOR, "", "", "CURVE", "KEY as text"), "400",
            TR_REFUSED_MALFORMED, NULL),
        ROW("CURVE without a key", FRAMES("1.0", "1", DOOR, "", "", "CURVE"), "400",
            TR_REFUSED_MALFORMED, NULL),
        ROW("CURVE with two",
            FRAMES("1.0", "1", DOOR, "", "", "CURVE", "KEY alice", "KEY alice"), "400",
            TR_REFUSED_MALFORMED, NULL),
        ROW("NULL", FRAMES("1.0", "1", DOOR, "10.0.0.5", "", "NULL"), "400",
            TR_REFUSED_MECHANISM, NULL),
        ROW("PLAIN", FRAMES("1.0", "1", DOOR, "10.0.0.5", "", "PLAIN", "alice", "secret"),
            "400", TR_REFUSED_MECHANISM, NULL),
        ROW("GSSAPI", FRAMES("1.0", "1", DOOR, "10.0.0.5", "", "GSSAPI", "alice"), "400",
            TR_REFUSED_MECHANISM, NULL),
        ROW("a mechanism in small letters",
            FRAMES("1.0", "1", DOOR, "", "", "curve", "KEY alice"), "400", TR_REFUSED_MECHANISM,
            NULL),
        ROW("the domain of somebody else",
            FRAMES("1.0", "1", "global", "", "", "CURVE", "KEY alice"), "400",
            TR_REFUSED_MALFORMED, NULL),
        ROW("no domain", FRAMES("1.0", "1", "", "", "", "CURVE", "KEY alice"), "400",
            TR_REFUSED_MALFORMED, NULL),
        ROW("another version", FRAMES("2.0", "1", DOOR, "", "", "CURVE", "KEY alice"), "500",
            TR_REFUSED_MALFORMED, NULL),
        ROW("no version", FRAMES("", "1", DOOR, "", "", "CURVE", "KEY alice"), "500",
            TR_REFUSED_MALFORMED, NULL),
        ROW("too few frames", FRAMES("1.0", "1", DOOR, "", ""), "500", TR_REFUSED_MALFORMED,
            NULL),
        ROW("a version alone", FRAMES("1.0"), "500", TR_REFUSED_MALFORMED, NULL),
        ROW("nothing", FRAMES(NULL), "500", TR_REFUSED_MALFORMED, NULL),
        ROW("an identity of 256 bytes",
            FRAMES("1.0", "1", DOOR, "", "LONG", "CURVE", "KEY alice"), "500",
            TR_REFUSED_MALFORMED, NULL),
        ROW("an id of 256 bytes", FRAMES("1.0", "LONG", DOOR, "", "", "CURVE", "KEY alice"),
            "500", TR_REFUSED_MALFORMED, NULL),
        cmocka_unit_test(it_says_who_asked_and_where),
        cmocka_unit_test(the_key_travels_as_metadata),
        cmocka_unit_test(noise_is_answered_and_lets_nobody_in),
    };
    return cmocka_run_group_tests_name("remote/zap", tests, begin, end) != 0;
}
