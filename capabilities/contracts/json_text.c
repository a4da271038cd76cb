/* The parser is jansson, which refuses what JSON does not allow (RFC 8259). */

#include "capabilities/contracts/json_text.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <jansson.h>
#include <msgpack.h>

enum { MAX_DEPTH = 16 };

int tr_builder_write(void *builder, const char *bytes, size_t size)
{
    tr_builder_t *to = builder;
    tr_builder_add(to, bytes, size);
    return to->is_out_of_memory ? -1 : 0;
}

static void pack_text(msgpack_packer *packer, const char *text, size_t size)
{
    msgpack_pack_str(packer, size);
    msgpack_pack_str_body(packer, text, size);
}

/* False when it is nested too deeply. That memory ran out is noted in the builder. */
static bool pack_value(msgpack_packer *packer, json_t *value, int depth)
{
    bool is_fine = depth < MAX_DEPTH;
    const char *key;
    json_t *item;
    size_t index;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        msgpack_pack_map(packer, json_object_size(value));
        json_object_foreach(value, key, item)
        {
            pack_text(packer, key, strlen(key));
            is_fine = is_fine && pack_value(packer, item, depth + 1);
        }
        return is_fine;
    case JSON_ARRAY:
        msgpack_pack_array(packer, json_array_size(value));
        json_array_foreach(value, index, item)
        {
            is_fine = is_fine && pack_value(packer, item, depth + 1);
        }
        return is_fine;
    case JSON_STRING:
        pack_text(packer, json_string_value(value), json_string_length(value));
        return true;
    case JSON_INTEGER:
        msgpack_pack_int64(packer, json_integer_value(value));
        return true;
    case JSON_REAL:
        msgpack_pack_double(packer, json_real_value(value));
        return true;
    case JSON_TRUE:
        msgpack_pack_true(packer);
        return true;
    case JSON_FALSE:
        msgpack_pack_false(packer);
        return true;
    case JSON_NULL:
    default:
        msgpack_pack_nil(packer);
        return true;
    }
}

troupe_status_t tr_json_text_pack(const char *json, size_t size, tr_builder_t *to,
                                  troupe_why_t *why)
{
    assert(json && to && why);
    json_error_t error;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        if (json_error_code(&error) == json_error_out_of_memory) {
            return TROUPE_ERR_NOMEM;
        }
        troupe_why_set(why, "no JSON: %s in line %d, column %d", error.text, error.line,
                       error.column);
        return TROUPE_ERR_INVALID;
    }
    msgpack_packer packer;
    msgpack_packer_init(&packer, to, tr_builder_write);
    troupe_status_t status = TROUPE_OK;
    if (!json_is_object(root)) {
        troupe_why_set(why, "the JSON is no object");
        status = TROUPE_ERR_INVALID;
    } else if (!pack_value(&packer, root, 0)) {
        troupe_why_set(why, "the JSON is nested more than %d deep", MAX_DEPTH);
        status = TROUPE_ERR_INVALID;
    } else if (to->is_out_of_memory) {
        status = TROUPE_ERR_NOMEM;
    }
    json_decref(root);
    return status;
}
