#include "tests/kit/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "node/admin/account.h"

typedef struct packed {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
} packed_t;

static packed_t begin(void)
{
    packed_t packed;
    msgpack_sbuffer_init(&packed.buffer);
    return packed;
}

/* What was packed, as JSON; a new string. */
static char *json_of(packed_t *packed)
{
    tr_account_t account = {0};
    assert_status(tr_account_open(&account, packed->buffer.data, packed->buffer.size),
                  TROUPE_OK);
    tr_builder_t builder = {0};
    size_t size;
    tr_json_object(&builder, &account.root);
    char *text = tr_builder_take(&builder, &size);
    assert_non_null(text);
    tr_account_close(&account);
    msgpack_sbuffer_destroy(&packed->buffer);
    return text;
}

struct row {
    const char *packed;
    size_t size;
    const char *want;
};

static void becomes(void **state)
{
    const struct row *row = *state;
    packed_t packed = begin();
    msgpack_sbuffer_write(&packed.buffer, row->packed, row->size);
    char *text = json_of(&packed);
    assert_string_equal(text, row->want);
    free(text);
}

static void a_number_reads_back_as_itself(void **state)
{
    (void)state;
    static const double numbers[] = {
        0.0, 0.1, -2.5, 1e300, 5e-324, 1.0 / 3, 123456789.123456789};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        packed_t packed = begin();
        msgpack_packer_init(&packed.packer, &packed.buffer, msgpack_sbuffer_write);
        msgpack_pack_double(&packed.packer, numbers[i]);
        char *text = json_of(&packed);
        assert_true(memcmp(&(double){strtod(text, NULL)}, &numbers[i], sizeof(double)) == 0);
        free(text);
    }
}

static void what_is_no_number_is_null(void **state)
{
    (void)state;
    static const double numbers[] = {(double)INFINITY, -(double)INFINITY, (double)NAN};
    for (size_t i = 0; i < 3; i++) {
        packed_t packed = begin();
        msgpack_packer_init(&packed.packer, &packed.buffer, msgpack_sbuffer_write);
        msgpack_pack_double(&packed.packer, numbers[i]);
        char *text = json_of(&packed);
        assert_string_equal(text, "null");
        free(text);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    enum { N = TR_JSON_DEPTH + 2 };
    msgpack_object nested[N];
    nested[N - 1] = (msgpack_object){.type = MSGPACK_OBJECT_BOOLEAN};
    for (int i = N - 1; i-- > 0;) {
        nested[i] = (msgpack_object){.type = MSGPACK_OBJECT_ARRAY,
                                     .via.array = {.size = 1, .ptr = &nested[i + 1]}};
    }
    tr_builder_t builder = {0};
    size_t size;
    tr_json_object(&builder, nested);
    char *text = tr_builder_take(&builder, &size);
    char want[2 * TR_JSON_DEPTH + 5];
    memset(want, '[', TR_JSON_DEPTH);
    memcpy(want + TR_JSON_DEPTH, "null", 4);
    memset(want + TR_JSON_DEPTH + 4, ']', TR_JSON_DEPTH);
    want[2 * TR_JSON_DEPTH + 4] = '\0';
    assert_string_equal(text, want);
    free(text);
}

/* clang-format off */
#define ROW(title, bytes, want) \
    { .name = title, .test_func = becomes, \
      .initial_state = &(struct row){bytes, sizeof bytes - 1, want} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW("nil", "\xc0", "null"),
        ROW("yes and no", "\x92\xc3\xc2", "[true,false]"),
        ROW("the largest number", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
            "18446744073709551615"),
        ROW("the least number", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"),
        ROW("a float of half the size", "\xca\x3f\x00\x00\x00", "0.5"),
        ROW("a text", "\xa5h\xc3\xa9.!", "\"h\xc3\xa9.!\""),
        ROW("a text with all that must be escaped", "\xa9\"\\/\b\t\n\f\r\x01",
            "\"\\\"\\\\/\\b\\t\\n\\f\\r\\u0001\""),
        ROW("a text with a NUL and a delete",
            "\xa3"
            "a\0\x7f",
            "\"a\\u0000\\u007f\""),
        ROW("a text that is no UTF-8",
            "\xa3"
            "a\xff"
            "b",
            "\"a\xef\xbf\xbd"
            "b\""),
        ROW("a text that is cut off", "\xa2\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""),
        ROW("empty ones", "\x93\xa0\x90\x80", "[\"\",[],{}]"),
        ROW("a map",
            "\x82\xa1"
            "a\x01\xa1"
            "b\x92\xc0\xc3",
            "{\"a\":1,\"b\":[null,true]}"),
        ROW("keys that are no texts", "\x83\x01\xc0\xc3\xc0\x90\xc0",
            "{\"1\":null,\"true\":null,\"(no text)\":null}"),
        ROW("bytes that are a text", "\xc4\x02hi", "\"hi\""),
        ROW("bytes that are none", "\xc4\x03\x00\xff\x10", "{\"base64\":\"AP8Q\"}"),
        ROW("bytes that leave one over", "\xc4\x01\xff", "{\"base64\":\"/w==\"}"),
        ROW("bytes that leave two over", "\xc4\x02\xff\xfe", "{\"base64\":\"//4=\"}"),
        ROW("an extension",
            "\xd4\x05"
            "a",
            "{\"ext\":5,\"base64\":\"YQ==\"}"),
        cmocka_unit_test(a_number_reads_back_as_itself),
        cmocka_unit_test(what_is_no_number_is_null),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests_name("base/json", tests, NULL, NULL) != 0;
}
