/* Numbers and runs at the edges of every form, and heads that promise too much. What whole
 * frames look like is told in test_trp1.c.
 */

#include "tests/kit/check.h"

#include <stdlib.h>
#include <string.h>

#include "wire/items.h"

static void numbers_take_the_shortest_form(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        ptrdiff_t size;
    } rows[] = {
        {0, 1},          {127, 1},       {128, 2},        {255, 2},
        {256, 3},        {65535, 3},     {65536, 5},      {UINT32_MAX, 5},
        {1ull << 32, 9}, {INT64_MAX, 9}, {UINT64_MAX, 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char bytes[16];
        tr_writer_t writer = {.at = bytes, .end = bytes + sizeof bytes};
        tr_put_number(&writer, rows[i].value);
        assert_false(writer.is_full);
        assert_int_equal(writer.at - bytes, rows[i].size);

        tr_reader_t reader = tr_reader_of(bytes, (size_t)rows[i].size);
        tr_item_t item;
        assert_true(tr_take_item(&reader, &item));
        assert_int_equal(item.type, TR_ITEM_NUMBER);
        assert_true(item.value == rows[i].value);
        assert_int_equal(tr_bytes_left(&reader), 0);
    }
}

static void runs_of_every_length_come_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535};
    static char text[65535];
    static unsigned char bytes[65535 + 3];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i / 2];
        tr_writer_t writer = {.at = bytes, .end = bytes + sizeof bytes};
        assert_non_null(tr_put_run(&writer, (tr_span_t){text, size}, i % 2));

        tr_reader_t reader = tr_reader_of(bytes, (size_t)(writer.at - bytes));
        tr_item_t item;
        assert_true(tr_take_item(&reader, &item));
        assert_int_equal(item.type, TR_ITEM_RUN);
        assert_int_equal(item.run.size, size);
        assert_int_equal(tr_bytes_left(&reader), 0);
    }
}

static void heads_of_containers_come_back(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 15, 16, 65535};
    static unsigned char bytes[3 + 2 * 65535]; /* room for what the heads promise */
    for (size_t i = 0; i < 2 * sizeof counts / sizeof counts[0]; i++) {
        tr_writer_t writer = {.at = bytes, .end = bytes + sizeof bytes};
        (i % 2 ? tr_put_map : tr_put_array)(&writer, counts[i / 2]);

        tr_reader_t reader = tr_reader_of(bytes, sizeof bytes);
        tr_item_t item;
        assert_true(tr_take_item(&reader, &item));
        assert_int_equal(item.type, i % 2 ? TR_ITEM_MAP : TR_ITEM_ARRAY);
        assert_int_equal(item.value, counts[i / 2]);
        assert_ptr_equal(reader.at, writer.at);
    }
}

static void a_full_writer_stays_full(void **state)
{
    (void)state;
    unsigned char bytes[4] = {0};
    tr_writer_t writer = {.at = bytes, .end = bytes + 3};
    assert_null(tr_put_run(&writer, tr_span_of("long"), false));
    assert_true(writer.is_full);
    tr_put_number(&writer, 1);
    tr_put_bool(&writer, true);
    assert_null(tr_put_run(&writer, tr_span_of(""), false));
    assert_true(writer.is_full);
    assert_int_equal(bytes[3], 0);
}

/* One row, one head that says more than there is. */
struct promise {
    const char *bytes;
    size_t size;
};

static void is_not_believed(void **state)
{
    const struct promise *promise = *state;
    /* On the heap, exactly as long as it is: a read beyond the end is then found. */
    unsigned char *bytes = malloc(promise->size);
    assert_non_null(bytes);
    memcpy(bytes, promise->bytes, promise->size);
    tr_reader_t reader = tr_reader_of(bytes, promise->size);
    tr_item_t item;
    assert_false(tr_take_item(&reader, &item));
    free(bytes);
}

/* Arrays in arrays: the n-th is the innermost, and is empty. */
static bool skips(size_t n_arrays, int room)
{
    unsigned char bytes[64];
    memset(bytes, 0x91, n_arrays);
    bytes[n_arrays - 1] = 0x90;
    tr_reader_t reader = tr_reader_of(bytes, n_arrays);
    tr_item_t item;
    return tr_take_item(&reader, &item) && tr_skip_inside(&reader, &item, room) &&
           tr_bytes_left(&reader) == 0;
}

static void nesting_ends_where_the_room_does(void **state)
{
    (void)state;
    assert_true(skips(32, 32));
    assert_false(skips(33, 32));
    assert_true(skips(1, 1));
    assert_false(skips(1, 0));
}

/* clang-format off */
#define PROMISE(title, text) \
    { .name = title, .test_func = is_not_believed, \
      .initial_state = &(struct promise){text, sizeof text - 1} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_take_the_shortest_form),
        cmocka_unit_test(runs_of_every_length_come_back),
        cmocka_unit_test(heads_of_containers_come_back),
        cmocka_unit_test(a_full_writer_stays_full),
        cmocka_unit_test(nesting_ends_where_the_room_does),
        PROMISE("nothing is no item", ""),
        PROMISE("an array of 2^27", "\xdd\x08\x00\x00\x00"),
        PROMISE("an array of 2^32 - 1", "\xdd\xff\xff\xff\xff"),
        PROMISE("a map of 2^32 - 1", "\xdf\xff\xff\xff\xff"),
        PROMISE("a map of one pair, but one item", "\x81\xc0"),
        PROMISE("an array of 65535", "\xdc\xff\xff"),
        PROMISE("a small array of two, but one item", "\x92\xc0"),
        PROMISE("a str of 2^32 - 1", "\xdb\xff\xff\xff\xff"),
        PROMISE("a bin of 2^32 - 1", "\xc6\xff\xff\xff\xff"),
        PROMISE("an ext of 2^32 - 1, and its type", "\xc9\xff\xff\xff\xff\x00"),
        PROMISE("an ext of nothing, without its type", "\xc7\x00"),
        PROMISE("a fixext 16 one byte short", "\xd8\x00"
                                              "123456789012345"),
        PROMISE("a str one byte short", "\xa2y"),
        PROMISE("half a length", "\xda\x00"),
        PROMISE("a uint 64 one byte short", "\xcf\x00\x00\x00\x00\x00\x00\x00"),
        PROMISE("a double one byte short", "\xcb\x00\x00\x00\x00\x00\x00\x00"),
        PROMISE("the byte that is never used", "\xc1"),
    };
    return cmocka_run_group_tests_name("wire/items", tests, NULL, NULL) != 0;
}
