/* The vectors, as for frame 0; and what no list can say: every cut, every room, every flipped
 * bit.
 */

#include "tests/kit/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/wire/vectors.h"
#include "wire/bundle.h"

#define MAX_BYTES 1024
#define MAX_TEXT  4096

typedef struct vector {
    char kind[16];
    unsigned char bytes[MAX_BYTES];
    size_t size;
    char what[MAX_TEXT];
} vector_t;

static bool next_vector(FILE *file, vector_t *out)
{
    static char line[8192];
    while (fgets(line, sizeof line, file)) {
        char hex[2 * MAX_BYTES + 1];
        if (line[0] == '#') {
            continue;
        }
        assert_int_equal(sscanf(line, "%15s | %2048s | %4095[^|]", out->kind, hex, out->what),
                         3);
        out->what[strlen(out->what) - 1] = '\0';
        out->size = strlen(hex) / 2;
        for (size_t i = 0; i < out->size; i++) {
            unsigned byte;
            assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
            out->bytes[i] = (unsigned char)byte;
        }
        return true;
    }
    return false;
}

static void each_vector(void (*visit)(const vector_t *vector))
{
    static vector_t vector;
    FILE *file = fopen(BUNDLE_VECTORS, "r");
    if (!file) {
        fail_msg("%s: %s", BUNDLE_VECTORS, strerror(errno));
    }
    size_t n_vectors = 0;
    while (next_vector(file, &vector)) {
        visit(&vector);
        n_vectors++;
    }
    fclose(file);
    assert_true(n_vectors > 10);
}

static char *say(char *at, tr_span_t span)
{
    for (size_t i = 0; i < span.size; i++) {
        at += sprintf(at, "%02x", (unsigned char)span.data[i]);
    }
    return span.size == 0 ? at + sprintf(at, "-") : at;
}

/* Read a copy that is exactly as long as it is, and tell what was in it as the file does. */
static bool read_exactly(const unsigned char *bytes, size_t size, char *told)
{
    unsigned char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    tr_reader_t reader = tr_reader_of(copy, size);
    bool is_good = true;
    char *end = told; /* of what is whole */
    while (is_good && tr_bytes_left(&reader) > 0) {
        tr_span_t span;
        uint64_t n_frames;
        char *at = end + sprintf(end, end == told ? "" : " ; ");
        is_good = tr_bundle_take(&reader, &span, &n_frames);
        at = is_good ? say(at, span) : at;
        for (uint64_t i = 0; is_good && i < n_frames; i++) {
            is_good = tr_bundle_take_frame(&reader, &span);
            at = is_good ? say(at + sprintf(at, " "), span) : at;
        }
        end = is_good ? at : end;
    }
    *end = '\0';
    if (end == told) {
        sprintf(told, "nothing");
    }
    free(copy);
    return is_good;
}

static void means_what_it_says(const vector_t *vector)
{
    char told[2 * MAX_TEXT];
    bool is_good = read_exactly(vector->bytes, vector->size, told);
    assert_int_equal(is_good, strcmp(vector->kind, "malformed") != 0);
    assert_string_equal(told, vector->what);
}

static void vectors_mean_what_they_say(void **state)
{
    (void)state;
    each_vector(means_what_it_says);
}

/* Write again what was read; false when there was no room. */
static bool write_again(const vector_t *vector, unsigned char *bytes, size_t room,
                        size_t *size_out)
{
    tr_reader_t reader = tr_reader_of(vector->bytes, vector->size);
    tr_writer_t writer = {.at = bytes, .end = bytes + room};
    while (tr_bytes_left(&reader) > 0) {
        tr_span_t span;
        uint64_t n_frames;
        tr_trp1_t command;
        const char *reason;
        assert_true(tr_bundle_take(&reader, &span, &n_frames));
        assert_status(tr_trp1_decode(span.data, span.size, &command, &reason), TROUPE_OK);
        bool is_in = tr_bundle_put(&writer, &command, n_frames);
        for (; n_frames > 0; n_frames--) {
            assert_true(tr_bundle_take_frame(&reader, &span));
            is_in = is_in && tr_bundle_put_frame(&writer, span.data, span.size);
        }
        if (!is_in) {
            return false;
        }
    }
    *size_out = (size_t)(writer.at - bytes);
    return true;
}

static void is_written_so(const vector_t *vector)
{
    if (strcmp(vector->kind, "canonical") != 0) {
        return;
    }
    for (size_t room = 0; room <= vector->size; room++) {
        unsigned char *exact = malloc(room > 0 ? room : 1);
        size_t size = 0;
        assert_non_null(exact);
        assert_int_equal(write_again(vector, exact, room, &size), room == vector->size);
        if (room == vector->size) {
            assert_int_equal(size, room);
            assert_memory_equal(exact, vector->bytes, size);
        }
        free(exact);
    }
}

static void a_writer_writes_the_shortest_form_where_it_fits(void **state)
{
    (void)state;
    each_vector(is_written_so);
}

static void survives_cuts_and_flips(const vector_t *vector)
{
    static uint64_t seed = 20170401;
    char told[8 * MAX_TEXT];
    for (size_t size = 0; size < vector->size; size++) {
        (void)read_exactly(vector->bytes, size, told);
    }
    for (int round = 0; round < 2000; round++) {
        unsigned char bytes[MAX_BYTES];
        memcpy(bytes, vector->bytes, vector->size);
        for (int n = 0; n < 2; n++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            bytes[(seed >> 33) % vector->size] ^= (unsigned char)(1u << (seed >> 61));
        }
        (void)read_exactly(bytes, vector->size, told);
    }
}

static void cuts_and_flipped_bits_do_no_harm(void **state)
{
    (void)state;
    each_vector(survives_cuts_and_flips);
}

static void a_frame_0_that_is_too_long_goes_by_itself(void **state)
{
    (void)state;
    static char text[TR_BUNDLE_MAX_HEAD];
    static unsigned char bytes[2 * TR_BUNDLE_MAX_HEAD];
    memset(text, 'x', sizeof text);
    tr_trp1_t error;
    tr_trp1_init(&error, TR_TRP1_ERROR, 1);
    tr_writer_t writer = {.at = bytes, .end = bytes + sizeof bytes};
    error.text = (tr_span_t){text, sizeof text - 100};
    assert_true(tr_bundle_put(&writer, &error, 0));
    error.text.size = sizeof text;
    assert_false(tr_bundle_put(&writer, &error, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_mean_what_they_say),
        cmocka_unit_test(a_writer_writes_the_shortest_form_where_it_fits),
        cmocka_unit_test(cuts_and_flipped_bits_do_no_harm),
        cmocka_unit_test(a_frame_0_that_is_too_long_goes_by_itself),
    };
    return cmocka_run_group_tests_name("wire/bundle", tests, NULL, NULL) != 0;
}
