#include "node/account.h"

#include <assert.h>
#include <string.h>

#include "wire/items.h"

/* ---- the whole ---- */

static troupe_status_t read_object(msgpack_zone *zone, tr_reader_t *reader, int depth,
                                   msgpack_object *out);

static troupe_status_t read_array(msgpack_zone *zone, tr_reader_t *reader, int depth, size_t n,
                                  msgpack_object *out)
{
    msgpack_object *items = msgpack_zone_malloc(zone, (n + 1) * sizeof *items);
    troupe_status_t status = items ? TROUPE_OK : TROUPE_ERR_NOMEM;
    for (size_t i = 0; status == TROUPE_OK && i < n; i++) {
        status = read_object(zone, reader, depth + 1, &items[i]);
    }
    *out = (msgpack_object){.type = MSGPACK_OBJECT_ARRAY,
                            .via.array = {.size = (uint32_t)n, .ptr = items}};
    return status;
}

static troupe_status_t read_map(msgpack_zone *zone, tr_reader_t *reader, int depth, size_t n,
                                msgpack_object *out)
{
    msgpack_object_kv *pairs = msgpack_zone_malloc(zone, (n + 1) * sizeof *pairs);
    troupe_status_t status = pairs ? TROUPE_OK : TROUPE_ERR_NOMEM;
    for (size_t i = 0; status == TROUPE_OK && i < n; i++) {
        status = read_object(zone, reader, depth + 1, &pairs[i].key);
        if (status == TROUPE_OK) {
            status = read_object(zone, reader, depth + 1, &pairs[i].val);
        }
    }
    *out = (msgpack_object){.type = MSGPACK_OBJECT_MAP,
                            .via.map = {.size = (uint32_t)n, .ptr = pairs}};
    return status;
}

/* The library decodes what has no parts, and is given exactly those bytes. */
static troupe_status_t read_leaf(msgpack_zone *zone, const unsigned char *from,
                                 const unsigned char *to, msgpack_object *out)
{
    msgpack_unpack_return result =
        msgpack_unpack((const char *)from, (size_t)(to - from), NULL, zone, out);
    return result == MSGPACK_UNPACK_SUCCESS ? TROUPE_OK : TROUPE_ERR_INVALID;
}

/* A head is not believed to have more parts than bytes are left. */
static troupe_status_t read_object(msgpack_zone *zone, tr_reader_t *reader, int depth,
                                   msgpack_object *out)
{
    const unsigned char *from = reader->at;
    tr_item_t item;
    if (depth >= TR_ACCOUNT_DEPTH || !tr_take_item(reader, &item)) {
        return TROUPE_ERR_INVALID;
    }
    switch (item.type) {
    case TR_ITEM_ARRAY:
        return read_array(zone, reader, depth, item.value, out);
    case TR_ITEM_MAP:
        return read_map(zone, reader, depth, item.value, out);
    default:
        return read_leaf(zone, from, reader->at, out);
    }
}

troupe_status_t tr_account_open(tr_account_t *self, const void *data, size_t size)
{
    assert(self && !self->zone && (data || size == 0));
    self->zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    if (!self->zone) {
        return TROUPE_ERR_NOMEM;
    }
    tr_reader_t reader = tr_reader_of(data, size);
    troupe_status_t status = read_object(self->zone, &reader, 0, &self->root);
    if (status == TROUPE_OK && tr_bytes_left(&reader) > 0) {
        status = TROUPE_ERR_INVALID;
    }
    if (status != TROUPE_OK) {
        tr_account_close(self);
    }
    return status;
}

void tr_account_close(tr_account_t *self)
{
    assert(self);
    msgpack_zone_free(self->zone);
    *self = (tr_account_t){0};
}

/* ---- its parts ---- */

static bool is_text(const msgpack_object *object, const char *text)
{
    return object->type == MSGPACK_OBJECT_STR && object->via.str.size == strlen(text) &&
           memcmp(object->via.str.ptr, text, strlen(text)) == 0;
}

const msgpack_object *tr_account_member(const msgpack_object *map, const char *key)
{
    assert(map && key);
    for (uint32_t i = 0; map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
        if (is_text(&map->via.map.ptr[i].key, key)) {
            return &map->via.map.ptr[i].val;
        }
    }
    return NULL;
}

bool tr_account_says(const msgpack_object *map, const char *key, const char *text)
{
    const msgpack_object *value = tr_account_member(map, key);
    return value && is_text(value, text);
}

msgpack_object_array tr_account_list(const msgpack_object *map, const char *key)
{
    const msgpack_object *list = tr_account_member(map, key);
    return list && list->type == MSGPACK_OBJECT_ARRAY ? list->via.array
                                                      : (msgpack_object_array){0};
}

bool tr_account_is(const msgpack_object *map, const char *key)
{
    const msgpack_object *value = tr_account_member(map, key);
    return value && value->type == MSGPACK_OBJECT_BOOLEAN && value->via.boolean;
}
