#include "node/admin/account.h"

#include <assert.h>
#include <string.h>

#include "wire/items.h"

/* ---- the whole ---- */

/* Every part of an array or a map takes a byte at least, and is a part of one only: so of all
 * together there are not more than bytes. Without that a short text of many arrays in each
 * other could have each take room for as many parts as bytes are left. */
typedef struct walk {
    msgpack_zone *zone;
    tr_reader_t reader;
    size_t n_parts_left; /* that may still be claimed */
} walk_t;

static troupe_status_t read_object(walk_t *walk, int depth, msgpack_object *out);

static troupe_status_t claim(walk_t *walk, size_t n_parts)
{
    if (n_parts > walk->n_parts_left) {
        return TROUPE_ERR_INVALID;
    }
    walk->n_parts_left -= n_parts;
    return TROUPE_OK;
}

static troupe_status_t read_array(walk_t *walk, int depth, size_t n, msgpack_object *out)
{
    troupe_status_t status = claim(walk, n);
    if (status != TROUPE_OK) {
        return status;
    }
    msgpack_object *items = msgpack_zone_malloc(walk->zone, (n + 1) * sizeof *items);
    status = items ? TROUPE_OK : TROUPE_ERR_NOMEM;
    for (size_t i = 0; status == TROUPE_OK && i < n; i++) {
        status = read_object(walk, depth + 1, &items[i]);
    }
    *out = (msgpack_object){.type = MSGPACK_OBJECT_ARRAY,
                            .via.array = {.size = (uint32_t)n, .ptr = items}};
    return status;
}

static troupe_status_t read_map(walk_t *walk, int depth, size_t n, msgpack_object *out)
{
    troupe_status_t status = claim(walk, 2 * n);
    if (status != TROUPE_OK) {
        return status;
    }
    msgpack_object_kv *pairs = msgpack_zone_malloc(walk->zone, (n + 1) * sizeof *pairs);
    status = pairs ? TROUPE_OK : TROUPE_ERR_NOMEM;
    for (size_t i = 0; status == TROUPE_OK && i < n; i++) {
        status = read_object(walk, depth + 1, &pairs[i].key);
        if (status == TROUPE_OK) {
            status = read_object(walk, depth + 1, &pairs[i].val);
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
static troupe_status_t read_object(walk_t *walk, int depth, msgpack_object *out)
{
    const unsigned char *from = walk->reader.at;
    tr_item_t item;
    if (depth >= TR_ACCOUNT_DEPTH || !tr_take_item(&walk->reader, &item)) {
        return TROUPE_ERR_INVALID;
    }
    switch (item.type) {
    case TR_ITEM_ARRAY:
        return read_array(walk, depth, item.value, out);
    case TR_ITEM_MAP:
        return read_map(walk, depth, item.value, out);
    default:
        return read_leaf(walk->zone, from, walk->reader.at, out);
    }
}

troupe_status_t tr_account_open(tr_account_t *self, const void *data, size_t size)
{
    assert(self && !self->zone && (data || size == 0));
    self->zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    if (!self->zone) {
        return TROUPE_ERR_NOMEM;
    }
    walk_t walk = {
        .zone = self->zone, .reader = tr_reader_of(data, size), .n_parts_left = size};
    troupe_status_t status = read_object(&walk, 0, &self->root);
    if (status == TROUPE_OK && tr_bytes_left(&walk.reader) > 0) {
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
