#include "node/account.h"

#include <assert.h>
#include <string.h>

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
