/* The hashes are those of the reference implementation: key 00 01 … 0f, input 00 01 … n-1. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "base/siphash.h"

#define LONGEST 64

struct row {
    size_t size;
    const char *hash;
};

static void hash_in_pieces(size_t size, size_t piece, char text[2 * TR_SIPHASH_SIZE + 1])
{
    unsigned char key[TR_SIPHASH_KEY_SIZE];
    unsigned char input[LONGEST];
    unsigned char hash[TR_SIPHASH_SIZE];
    for (size_t i = 0; i < LONGEST; i++) {
        input[i] = (unsigned char)i;
    }
    memcpy(key, input, sizeof key);
    tr_siphash_t state;
    tr_siphash_start(&state, key);
    for (size_t at = 0; at < size; at += piece) {
        tr_siphash_add(&state, input + at, size - at < piece ? size - at : piece);
        tr_siphash_add(&state, NULL, 0);
    }
    tr_siphash_finish(&state, hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        snprintf(text + 2 * i, 3, "%02X", hash[i]);
    }
}

static void is_that_of_the_reference(void **state)
{
    const struct row *row = *state;
    for (size_t piece = 1; piece <= LONGEST; piece++) {
        char text[2 * TR_SIPHASH_SIZE + 1];
        hash_in_pieces(row->size, piece, text);
        assert_string_equal(text, row->hash);
    }
}

/* clang-format off */
#define ROW(bytes, hash) \
    { .name = #bytes " bytes", .test_func = is_that_of_the_reference, \
      .initial_state = &(struct row){bytes, hash} }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(0, "A3817F04BA25A8E66DF67214C7550293"),
        ROW(1, "DA87C1D86B99AF44347659119B22FC45"),
        ROW(2, "8177228DA4A45DC7FCA38BDEF60AFFE4"),
        ROW(7, "A1F1EBBED8DBC153C0B84AA61FF08239"),
        ROW(8, "3B62A9BA6258F5610F83E264F31497B4"),
        ROW(15, "5493E99933B0A8117E08EC0F97CFC3D9"),
        ROW(63, "5150D1772F50834A503E069A973FBD7C"),
    };
    return cmocka_run_group_tests_name("base/siphash", tests, NULL, NULL) != 0;
}
/* clang-format on */
