#include "tests/unit/workers/small_vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kit/folder.h"
#include "tests/kit/random.h"
#include "workers/text_embedding/words.h"

/* A folder with the small file in it, and the bytes of that. */
struct place {
    folder_t folder;
    char path[100];
    char *bytes;
    size_t size;
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    folder_begin(&place->folder);
    snprintf(place->path, sizeof place->path, "%s/small.vectors", place->folder.path);
    small_vectors_write(place->path);
    FILE *file = fopen(place->path, "rb");
    place->bytes = malloc(10000);
    place->size = fread(place->bytes, 1, 10000, file);
    fclose(file);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    folder_end(&place->folder);
    free(place->bytes);
    free(place);
    return 0;
}

static void put_bytes(const struct place *place, const void *bytes, size_t size)
{
    FILE *file = fopen(place->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The checksum that these bytes should have, written where it belongs. */
static void make_sound(char *bytes, size_t size)
{
    uint64_t checksum = tr_word_vectors_checksum(bytes + 16, size - 16);
    memcpy(bytes + 8, &checksum, sizeof checksum);
}

/* Look up all words, and read all that is found. */
static float read_all(const tr_word_vectors_t *vectors)
{
    float sum = 0;
    for (size_t i = 0; i < SMALL_N_WORDS; i++) {
        tr_word_vector_t found;
        size_t size = strlen(small_words[i]);
        if (tr_word_vectors_find(vectors, small_words[i], size,
                                 tr_word_hash(small_words[i], size), &found)) {
            for (size_t k = 0; k < tr_word_vectors_dimension(vectors); k++) {
                sum += found.weight * found.scale * found.values[k];
            }
        }
    }
    return sum;
}

static troupe_status_t load(const char *path, troupe_why_t *why)
{
    tr_word_vectors_t *vectors = tr_word_vectors_new();
    assert_non_null(vectors);
    troupe_status_t status = tr_word_vectors_load(vectors, path, why);
    if (status == TROUPE_OK) {
        assert_true(isfinite(read_all(vectors)));
    }
    tr_word_vectors_destroy(&vectors);
    assert_null(vectors);
    return status;
}

static void what_was_written_is_found(void **state)
{
    struct place *place = *state;
    troupe_why_t why = {""};
    tr_word_vectors_t *vectors = tr_word_vectors_new();
    assert_int_equal(tr_word_vectors_load(vectors, place->path, &why), TROUPE_OK);
    assert_int_equal(tr_word_vectors_dimension(vectors), SMALL_DIMENSION);
    assert_int_equal(tr_word_vectors_n(vectors), SMALL_N_WORDS);
    assert_memory_equal(tr_word_vectors_common(vectors), small_common, sizeof small_common);
    for (size_t i = 0; i < SMALL_N_WORDS; i++) {
        tr_word_vector_t found;
        size_t size = strlen(small_words[i]);
        assert_true(tr_word_vectors_find(vectors, small_words[i], size,
                                         tr_word_hash(small_words[i], size), &found));
        assert_true(found.weight == small_weights[i]);
        assert_true(found.rarity == small_rarities[i]);
        for (size_t k = 0; k < SMALL_DIMENSION; k++) {
            float value = found.scale * found.values[k];
            assert_true(fabsf(value - small_values[i * SMALL_DIMENSION + k]) <= 1.0F / 250);
        }
    }
    tr_word_vector_t none;
    assert_false(tr_word_vectors_find(vectors, "boats", 5, tr_word_hash("boats", 5), &none));
    assert_false(tr_word_vectors_find(vectors, "", 0, tr_word_hash("", 0), &none));
    tr_word_vectors_destroy(&vectors);
    tr_word_vectors_destroy(&vectors);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct place *place = *state;
    troupe_why_t why = {""};
    assert_int_equal(load("/nowhere/at/all", &why), TROUPE_NOT_FOUND);
    assert_non_null(strstr(why.text, "/nowhere/at/all"));
    assert_int_equal(load(place->folder.path, &why), TROUPE_NOT_FOUND);
    assert_non_null(strstr(why.text, "is no file"));
}

static void whatever_is_cut_off_is_refused(void **state)
{
    struct place *place = *state;
    for (size_t size = 0; size < place->size; size++) {
        troupe_why_t why = {""};
        put_bytes(place, place->bytes, size);
        assert_int_equal(load(place->path, &why), TROUPE_ERR_INVALID);
        assert_non_null(strstr(why.text, place->path));
    }
}

static void what_follows_the_end_is_refused(void **state)
{
    struct place *place = *state;
    troupe_why_t why = {""};
    place->bytes[place->size] = 0;
    put_bytes(place, place->bytes, place->size + 1);
    assert_int_equal(load(place->path, &why), TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "longer"));
}

static void every_flipped_bit_is_noticed(void **state)
{
    struct place *place = *state;
    for (size_t bit = 0; bit < 8 * place->size; bit++) {
        troupe_why_t why = {""};
        place->bytes[bit / 8] ^= (char)(1 << bit % 8);
        put_bytes(place, place->bytes, place->size);
        assert_int_equal(load(place->path, &why), TROUPE_ERR_INVALID);
        place->bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
}

/* Where the checksum is no help, nothing is read that is not there. */
static void damage_with_the_right_checksum_does_no_harm(void **state)
{
    struct place *place = *state;
    uint64_t seed = random_seed();
    char *bytes = malloc(place->size);
    for (int round = 0; round < 10000; round++) {
        troupe_why_t why = {""};
        memcpy(bytes, place->bytes, place->size);
        size_t n = 1 + random_below(&seed, 4);
        for (size_t i = 0; i < n; i++) {
            size_t at = 16 + random_below(&seed, place->size - 16);
            bytes[at] = random_once_in(&seed, 3) ? (char)0xFF : (char)random_next(&seed);
        }
        make_sound(bytes, place->size);
        put_bytes(place, bytes, place->size);
        troupe_status_t status = load(place->path, &why);
        assert_true(status == TROUPE_OK || status == TROUPE_ERR_INVALID);
    }
    free(bytes);
}

/* One row, one story: a number of the file changed, and what is said of it. */
struct lie {
    size_t at;
    uint32_t number;
    const char *why;
};

static void a_lie_is_found_out(const struct place *place, const struct lie *lie)
{
    troupe_why_t why = {""};
    char *bytes = malloc(place->size);
    memcpy(bytes, place->bytes, place->size);
    memcpy(bytes + lie->at, &lie->number, sizeof lie->number);
    make_sound(bytes, place->size);
    put_bytes(place, bytes, place->size);
    assert_int_equal(load(place->path, &why), TROUPE_ERR_INVALID);
    if (!strstr(why.text, lie->why)) {
        fail_msg("at %zu: %s", lie->at, why.text);
    }
    free(bytes);
}

static void lies_are_found_out(void **state)
{
    enum {
        COMMON = 32,
        WEIGHTS = COMMON + 4 * SMALL_DIMENSION,
        RARITIES = WEIGHTS + 4 * SMALL_N_WORDS,
        SCALES = RARITIES + 4 * SMALL_N_WORDS,
        SLOTS = SCALES + 4 * SMALL_N_WORDS,
        N_SLOTS = 16,
        OFFSETS = SLOTS + 4 * N_SLOTS,
    };
    const uint32_t not_a_number = 0x7FC00000;
    const uint32_t minus_one = 0xBF800000;
    const uint32_t two = 0x40000000;
    const struct lie lies[] = {
        {16, 0, "header"},
        {16, TR_WORD_VECTORS_MAX_DIMENSION + 1, "header"},
        {16, SMALL_DIMENSION + 1, "end is missing"},
        {16, SMALL_DIMENSION - 1, "longer"},
        {20, TR_WORD_VECTORS_MAX_WORDS + 1, "header"},
        {20, UINT32_MAX, "header"},
        {20, N_SLOTS, "header"},
        {24, 0, "header"},
        {24, 15, "header"},
        {24, 4, "header"},
        {24, 0x80000000, "header"},
        {28, UINT32_MAX, "header"},
        {COMMON, not_a_number, "a number is none"},
        {COMMON, two, "a number is none"},
        {WEIGHTS, not_a_number, "a number is none"},
        {WEIGHTS + 4, minus_one, "a number is none"},
        {RARITIES, two, "a number is none"},
        {SCALES, 0x7F800000, "a number is none"},
        {SLOTS, SMALL_N_WORDS + 1, "leads nowhere"},
        {OFFSETS, 1, "fill their place"},
        {OFFSETS + 4, 1000, "overlap"},
        {OFFSETS + 4 * SMALL_N_WORDS, UINT32_MAX, "fill their place"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        a_lie_is_found_out(*state, &lies[i]);
    }
    /* A word that no slot leads to: one that is empty is, another one is not. */
    struct place *place = *state;
    for (size_t i = 0; i < N_SLOTS; i++) {
        uint32_t slot;
        memcpy(&slot, place->bytes + SLOTS + 4 * i, sizeof slot);
        a_lie_is_found_out(place, &(struct lie){SLOTS + 4 * i, slot ? 0 : 1, "index"});
    }
}

static void it_cannot_be_written_everywhere(void **state)
{
    (void)state;
    troupe_why_t why = {""};
    const tr_word_vectors_source_t source = {.dimension = SMALL_DIMENSION,
                                             .common = small_common};
    assert_int_equal(tr_word_vectors_write(&source, "/nowhere/at/all", &why), TROUPE_ERR_IO);
    assert_non_null(strstr(why.text, "/nowhere/at/all"));
}

/* It is of no use, but it is a file. */
static void a_file_may_have_no_words(void **state)
{
    struct place *place = *state;
    troupe_why_t why = {""};
    const tr_word_vectors_source_t source = {.dimension = SMALL_DIMENSION,
                                             .common = small_common};
    assert_int_equal(tr_word_vectors_write(&source, place->path, &why), TROUPE_OK);
    assert_int_equal(load(place->path, &why), TROUPE_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_found),
        TEST(what_is_not_there_is_not_found),
        TEST(whatever_is_cut_off_is_refused),
        TEST(what_follows_the_end_is_refused),
        TEST(every_flipped_bit_is_noticed),
        TEST(damage_with_the_right_checksum_does_no_harm),
        TEST(lies_are_found_out),
        TEST(it_cannot_be_written_everywhere),
        TEST(a_file_may_have_no_words),
    };
    return cmocka_run_group_tests_name("workers/word_vectors", tests, NULL, NULL) != 0;
}
