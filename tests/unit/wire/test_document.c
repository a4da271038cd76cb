/* What is written is read again, by another reader. */

#include "tests/kit/check.h"

#include <string.h>

#include "tests/kit/fault_point.h"
#include "wire/document.h"

static void write_all(tr_document_t *document)
{
    static const char packed[] = "\x92\x01\x02"; /* [1, 2] */
    tr_document_map(document, 8);
    tr_document_add_text(document, "text", "\xc3\xa9");
    tr_document_add_count(document, "count", UINT64_MAX);
    tr_document_add_number(document, "number", -7);
    tr_document_add_flag(document, "yes", true);
    tr_document_add_flag(document, "no", false);
    tr_document_add_nothing(document, "nothing");
    tr_document_key(document, "list");
    tr_document_list(document, 2);
    tr_document_text(document, "");
    tr_document_map(document, 0);
    tr_document_key(document, "packed");
    tr_document_packed(document, packed, sizeof packed - 1);
}

static const msgpack_object *value_of(const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *entry = &map->via.map.ptr[i];
        if (entry->key.via.str.size == strlen(key) &&
            memcmp(entry->key.via.str.ptr, key, strlen(key)) == 0) {
            return &entry->val;
        }
    }
    fail_msg("there is no %s", key);
    return NULL;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    tr_document_t document;
    tr_document_begin(&document);
    write_all(&document);
    troupe_message_t *message = tr_document_take(&document);
    assert_non_null(message);
    assert_int_equal(troupe_message_count(message), 1);

    msgpack_unpacked got;
    size_t at = 0;
    msgpack_unpacked_init(&got);
    assert_int_equal(msgpack_unpack_next(&got, troupe_message_data(message, 0),
                                         troupe_message_size(message, 0), &at),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(at, troupe_message_size(message, 0));
    const msgpack_object *map = &got.data;
    assert_int_equal(map->type, MSGPACK_OBJECT_MAP);
    assert_int_equal(map->via.map.size, 8);
    assert_memory_equal(value_of(map, "text")->via.str.ptr, "\xc3\xa9", 2);
    assert_true(value_of(map, "count")->via.u64 == UINT64_MAX);
    assert_int_equal(value_of(map, "number")->via.i64, -7);
    assert_true(value_of(map, "yes")->via.boolean);
    assert_false(value_of(map, "no")->via.boolean);
    assert_int_equal(value_of(map, "nothing")->type, MSGPACK_OBJECT_NIL);
    assert_int_equal(value_of(map, "list")->via.array.size, 2);
    assert_int_equal(value_of(map, "list")->via.array.ptr[0].via.str.size, 0);
    assert_int_equal(value_of(map, "list")->via.array.ptr[1].type, MSGPACK_OBJECT_MAP);
    assert_int_equal(value_of(map, "packed")->via.array.ptr[1].via.u64, 2);
    msgpack_unpacked_destroy(&got);
    troupe_message_destroy(&message);
}

static void one_that_is_dropped_leaves_nothing(void **state)
{
    (void)state;
    tr_document_t document;
    tr_document_begin(&document);
    write_all(&document);
    tr_document_drop(&document);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    bool is_made = false;
    for (size_t n = 0; n < 100 && !is_made; n++) {
        tr_document_t document;
        tr_fault_arm(&tr_fault_memory, n, 1);
        tr_document_begin(&document);
        write_all(&document);
        troupe_message_t *message = tr_document_take(&document);
        tr_fault_disarm(&tr_fault_memory);
        is_made = message != NULL;
        troupe_message_destroy(&message);
    }
    assert_true(is_made);
}

/* What is written after a write that failed does not make it whole. */
static void half_a_document_is_none(void **state)
{
    (void)state;
    tr_document_t document;
    tr_document_begin(&document);
    document.is_out_of_memory = true; /* as after a write that failed */
    tr_document_map(&document, 1);
    tr_document_add_text(&document, "a", "b");
    assert_null(tr_document_take(&document));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(one_that_is_dropped_leaves_nothing),
        cmocka_unit_test(without_memory_there_is_none),
        cmocka_unit_test(half_a_document_is_none),
    };
    return cmocka_run_group_tests_name("wire/document", tests, NULL, NULL) != 0;
}
