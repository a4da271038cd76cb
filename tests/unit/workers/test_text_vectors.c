#include "tests/unit/workers/small_vectors.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kit/folder.h"
#include "tests/kit/random.h"
#include "workers/text_embedding/text_vectors.h"
#include "workers/text_embedding/words.h"

enum { ALL = TR_TEXT_VECTORS_DIMENSION };

static tr_word_vectors_t *meanings; /* of the group */

static int load_meanings(void **state)
{
    (void)state;
    folder_t folder;
    char path[100];
    troupe_why_t why;
    folder_begin(&folder);
    snprintf(path, sizeof path, "%s/small.vectors", folder.path);
    small_vectors_write(path);
    meanings = tr_word_vectors_new();
    troupe_status_t status = tr_word_vectors_load(meanings, path, &why);
    folder_end(&folder); /* what is mapped stays */
    return status != TROUPE_OK;
}

static int release_meanings(void **state)
{
    (void)state;
    tr_word_vectors_destroy(&meanings);
    return 0;
}

/* With meanings, and without. */
static int set_up(void **state)
{
    *state = tr_text_vectors_new(meanings);
    return *state == NULL;
}

static int set_up_lexical(void **state)
{
    *state = tr_text_vectors_new(NULL);
    return *state == NULL;
}

static int tear_down(void **state)
{
    tr_text_vectors_t *vectors = *state;
    tr_text_vectors_destroy(&vectors);
    tr_text_vectors_destroy(&vectors);
    return 0;
}

static void embed(tr_text_vectors_t *vectors, const char *text, size_t dimension, float *out)
{
    assert_int_equal(tr_text_vectors_embed(vectors, text, strlen(text), dimension, out),
                     TROUPE_OK);
}

static double product(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

static double nearness(tr_text_vectors_t *vectors, const char *one, const char *other,
                       size_t dimension)
{
    float a[ALL];
    float b[ALL];
    embed(vectors, one, dimension, a);
    embed(vectors, other, dimension, b);
    return product(a, b, dimension);
}

static void assert_unit(const float *vector, size_t n)
{
    assert_true(fabs(product(vector, vector, n) - 1) < 1e-5);
}

static void the_length_is_one(void **state)
{
    static const char *const texts[] = {
        "boat", "the", "the boat and the tax", "unheard of", "x", "\xe6\x97\xa5\xe6\x9c\xac",
        "42",
    };
    float vector[ALL];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t dimension = SMALL_DIMENSION + 500; dimension <= ALL; dimension += 97) {
            embed(*state, texts[i], dimension, vector);
            double square = product(vector, vector, dimension);
            assert_true(fabs(square - 1) < 1e-5 || square == 0);
        }
        embed(*state, texts[i], ALL, vector);
        assert_unit(vector, ALL);
    }
}

static void no_words_no_vector(void **state)
{
    static const char *const texts[] = {"", " \n\t", "?!", "\xff\xfe", "\xe2\x80\xa6"};
    float vector[ALL];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        embed(*state, texts[i], ALL, vector);
        assert_true(product(vector, vector, ALL) == 0);
    }
}

static void other_words_of_the_same_meaning_are_near(void **state)
{
    assert_true(nearness(*state, "a boat", "that ship", SMALL_DIMENSION) > 0.9);
    assert_true(nearness(*state, "a boat", "that tax", SMALL_DIMENSION) < 0.2);
    assert_true(nearness(*state, "a boat", "that ship", ALL) >
                nearness(*state, "a boat", "that tax", ALL) + 0.1);
}

static void the_same_words_are_nearer(void **state)
{
    assert_true(nearness(*state, "A boat!", "a BOAT", ALL) > 0.9999);
    assert_true(nearness(*state, "a boat", "a boat trip", ALL) >
                nearness(*state, "a boat", "a ship trip", ALL));
    assert_true(nearness(*state, "frobnicator", "frobnicators", ALL) > 0.3);
    assert_true(nearness(*state, "frobnicator", "zymurgy", ALL) < 0.2);
}

/* Of all that is not known, only the words count. */
static void unknown_words_have_no_meaning(void **state)
{
    float vector[ALL];
    embed(*state, "frobnicate zymurgy", ALL, vector);
    assert_true(product(vector, vector, SMALL_DIMENSION) == 0);
    embed(*state, "frobnicate zymurgy", SMALL_DIMENSION, vector);
    assert_true(product(vector, vector, SMALL_DIMENSION) == 0);
}

static void fewer_dimensions_are_the_first_of_all(void **state)
{
    float all[ALL];
    float few[ALL];
    embed(*state, "the boat sails", ALL, all);
    for (size_t dimension = 1; dimension <= ALL; dimension = 2 * dimension + 1) {
        embed(*state, "the boat sails", dimension, few);
        double length = sqrt(product(all, all, dimension));
        for (size_t i = 0; i < dimension; i++) {
            assert_true(fabs((double)all[i] - (double)few[i] * length) < 1e-6);
        }
    }
}

/* What is known of "boat" by the file, made to length 1, less what is common. */
static void what_is_common_is_taken_off(void **state)
{
    tr_word_vector_t boat;
    float expected[SMALL_DIMENSION];
    float got[SMALL_DIMENSION];
    assert_true(tr_word_vectors_find(meanings, "boat", 4, tr_word_hash("boat", 4), &boat));
    for (size_t i = 0; i < SMALL_DIMENSION; i++) {
        expected[i] = boat.scale * boat.values[i];
    }
    double length = sqrt(product(expected, expected, SMALL_DIMENSION));
    for (size_t i = 0; i < SMALL_DIMENSION; i++) {
        expected[i] = (float)(expected[i] / length) - small_common[i];
    }
    length = sqrt(product(expected, expected, SMALL_DIMENSION));
    embed(*state, "Boat", SMALL_DIMENSION, got);
    for (size_t i = 0; i < SMALL_DIMENSION; i++) {
        assert_true(fabs((double)got[i] - expected[i] / length) < 1e-5);
    }
}

static void common_words_count_little(void **state)
{
    assert_true(nearness(*state, "the cat", "the dog", ALL) < 0.25);
    assert_true(nearness(*state, "the cat", "cat", ALL) > 0.8);
}

static void the_model_says_what_made_it(void **state)
{
    (void)state;
    char expected[80];
    tr_text_vectors_t *with = tr_text_vectors_new(meanings);
    tr_text_vectors_t *without = tr_text_vectors_new(NULL);
    snprintf(expected, sizeof expected, "meaning-1-%d+%d-%016" PRIx64, SMALL_DIMENSION,
             ALL - SMALL_DIMENSION, tr_word_vectors_identity(meanings));
    assert_string_equal(tr_text_vectors_model(with), expected);
    assert_int_equal(tr_text_vectors_n_meaning(with), SMALL_DIMENSION);
    snprintf(expected, sizeof expected, "lexical-1-%d", ALL);
    assert_string_equal(tr_text_vectors_model(without), expected);
    assert_int_equal(tr_text_vectors_n_meaning(without), 0);
    tr_text_vectors_destroy(&with);
    tr_text_vectors_destroy(&without);
}

/* ---- always the same ---- */

enum { N_TEXTS = 50, N_THREADS = 4 };

static char texts[N_TEXTS][2000];

static void make_texts(void)
{
    uint64_t seed = random_seed();
    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t size = 0;
        for (size_t n = random_below(&seed, 150); n > 0; n--) {
            size_t pick = random_below(&seed, SMALL_N_WORDS + 20);
            size += (size_t)(pick < SMALL_N_WORDS
                                 ? sprintf(texts[i] + size, "%s ", small_words[pick])
                                 : sprintf(texts[i] + size, "other%zu ", pick));
        }
    }
}

static void embed_all(tr_text_vectors_t *vectors, float *out)
{
    for (size_t i = 0; i < N_TEXTS; i++) {
        embed(vectors, texts[i], ALL, out + i * ALL);
    }
}

static void *embed_on_a_thread(void *out)
{
    tr_text_vectors_t *vectors = tr_text_vectors_new(meanings);
    for (size_t i = 0; i < N_TEXTS; i++) {
        if (tr_text_vectors_embed(vectors, texts[i], strlen(texts[i]), ALL,
                                  (float *)out + i * ALL) != TROUPE_OK) {
            abort();
        }
    }
    tr_text_vectors_destroy(&vectors);
    return NULL;
}

static void what_came_before_makes_no_difference(void **state)
{
    float *first = malloc(N_TEXTS * ALL * sizeof *first);
    float alone[ALL];
    make_texts();
    embed_all(*state, first);
    for (size_t i = N_TEXTS; i-- > 0;) {
        tr_text_vectors_t *fresh = tr_text_vectors_new(meanings);
        embed(fresh, texts[i], ALL, alone);
        assert_memory_equal(alone, first + i * ALL, sizeof alone);
        embed(*state, texts[i], ALL, alone);
        assert_memory_equal(alone, first + i * ALL, sizeof alone);
        tr_text_vectors_destroy(&fresh);
    }
    free(first);
}

static void threads_come_to_the_same(void **state)
{
    const size_t size = N_TEXTS * ALL * sizeof(float);
    float *own = malloc(size);
    float *out[N_THREADS];
    pthread_t threads[N_THREADS];
    make_texts();
    for (size_t i = 0; i < N_THREADS; i++) {
        out[i] = malloc(size);
        assert_int_equal(pthread_create(&threads[i], NULL, embed_on_a_thread, out[i]), 0);
    }
    embed_all(*state, own);
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_memory_equal(out[i], own, size);
        free(out[i]);
    }
    free(own);
}

static void a_huge_text_is_a_text(void **state)
{
    enum { SIZE = 8 * 1024 * 1024 };
    char *text = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        text[i] = " boattaxship"[(i * 7 + i / 12) % 12];
    }
    float vector[ALL];
    assert_int_equal(tr_text_vectors_embed(*state, text, SIZE, ALL, vector), TROUPE_OK);
    assert_unit(vector, ALL);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* clang-format off */
#define TEST_LEXICAL(test) \
    { .name = #test " (lexical)", .test_func = test, .setup_func = set_up_lexical, .teardown_func = tear_down }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_length_is_one),
        TEST_LEXICAL(the_length_is_one),
        TEST(no_words_no_vector),
        TEST_LEXICAL(no_words_no_vector),
        TEST(other_words_of_the_same_meaning_are_near),
        TEST(the_same_words_are_nearer),
        TEST_LEXICAL(the_same_words_are_nearer),
        TEST(unknown_words_have_no_meaning),
        TEST(fewer_dimensions_are_the_first_of_all),
        TEST_LEXICAL(fewer_dimensions_are_the_first_of_all),
        TEST(what_is_common_is_taken_off),
        TEST(common_words_count_little),
        TEST_LEXICAL(common_words_count_little),
        cmocka_unit_test(the_model_says_what_made_it),
        TEST(what_came_before_makes_no_difference),
        TEST(threads_come_to_the_same),
        TEST(a_huge_text_is_a_text),
    };
    return cmocka_run_group_tests_name("workers/text_vectors", tests, load_meanings,
                                       release_meanings) != 0;
}
