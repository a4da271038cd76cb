#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"

static const char replacement[] = "\xef\xbf\xbd";

static void add_escaped(tr_builder_t *to, unsigned char byte)
{
    static const char letters[] = "\b\t\n\f\r\"\\";
    static const char *const escapes[] = {"\\b", "\\t", "\\n", "\\f", "\\r", "\\\"", "\\\\"};
    const char *letter = byte ? strchr(letters, byte) : NULL;
    if (letter) {
        tr_builder_add_text(to, escapes[letter - letters]);
    } else {
        tr_builder_format(to, "\\u%04x", byte);
    }
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
}

void tr_json_string(tr_builder_t *to, const void *data, size_t size)
{
    assert(to && (data || size == 0));
    const char *bytes = data;
    tr_builder_add_char(to, '"');
    for (size_t at = 0; at < size;) {
        size_t length = tr_utf8_size(bytes + at, size - at);
        if (length == 0) {
            tr_builder_add_text(to, replacement);
        } else if (is_plain((unsigned char)bytes[at])) {
            tr_builder_add(to, bytes + at, length);
        } else {
            add_escaped(to, (unsigned char)bytes[at]);
        }
        at += length ? length : 1;
    }
    tr_builder_add_char(to, '"');
}

static bool is_text(const char *bytes, size_t size)
{
    for (size_t at = 0, length; at < size; at += length) {
        length = bytes[at] ? tr_utf8_size(bytes + at, size - at) : 0;
        if (length == 0) {
            return false;
        }
    }
    return true;
}

static void add_base64(tr_builder_t *to, const void *data, size_t size)
{
    char *text = tr_base64_encode(data, size);
    if (!text) {
        to->is_out_of_memory = true;
        return;
    }
    tr_builder_add_char(to, '"');
    tr_builder_add_text(to, text);
    tr_builder_add_char(to, '"');
    free(text);
}

static void add_bytes(tr_builder_t *to, const char *bytes, size_t size)
{
    if (is_text(bytes, size)) {
        tr_json_string(to, bytes, size);
        return;
    }
    tr_builder_add_text(to, "{\"base64\":");
    add_base64(to, bytes, size);
    tr_builder_add_char(to, '}');
}

/* The fewest digits that read back as the same number. */
static void add_float(tr_builder_t *to, double number, bool is_single)
{
    if (!isfinite(number)) {
        tr_builder_add_text(to, "null");
        return;
    }
    char text[40];
    for (int digits = is_single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        double again = is_single ? strtof(text, NULL) : strtod(text, NULL);
        if (again >= number && again <= number) {
            break;
        }
    }
    tr_builder_add_text(to, text);
}

static void add_object(tr_builder_t *to, const msgpack_object *object, int depth);

static void add_key(tr_builder_t *to, const msgpack_object *key, int depth)
{
    switch (key->type) {
    case MSGPACK_OBJECT_STR:
        tr_json_string(to, key->via.str.ptr, key->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        tr_json_string(to, key->via.bin.ptr, key->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
    case MSGPACK_OBJECT_EXT:
        tr_builder_add_text(to, "\"(no text)\"");
        break;
    default:
        tr_builder_add_char(to, '"');
        add_object(to, key, depth);
        tr_builder_add_char(to, '"');
        break;
    }
}

static void add_array(tr_builder_t *to, const msgpack_object_array *array, int depth)
{
    tr_builder_add_char(to, '[');
    for (uint32_t i = 0; i < array->size; i++) {
        if (i > 0) {
            tr_builder_add_char(to, ',');
        }
        add_object(to, &array->ptr[i], depth + 1);
    }
    tr_builder_add_char(to, ']');
}

static void add_map(tr_builder_t *to, const msgpack_object_map *map, int depth)
{
    tr_builder_add_char(to, '{');
    for (uint32_t i = 0; i < map->size; i++) {
        if (i > 0) {
            tr_builder_add_char(to, ',');
        }
        add_key(to, &map->ptr[i].key, depth + 1);
        tr_builder_add_char(to, ':');
        add_object(to, &map->ptr[i].val, depth + 1);
    }
    tr_builder_add_char(to, '}');
}

static void add_extension(tr_builder_t *to, const msgpack_object_ext *extension)
{
    tr_builder_format(to, "{\"ext\":%d,\"base64\":", extension->type);
    add_base64(to, extension->ptr, extension->size);
    tr_builder_add_char(to, '}');
}

static void add_object(tr_builder_t *to, const msgpack_object *object, int depth)
{
    bool is_nested = object->type == MSGPACK_OBJECT_ARRAY || object->type == MSGPACK_OBJECT_MAP;
    switch (is_nested && depth >= TR_JSON_DEPTH ? MSGPACK_OBJECT_NIL : object->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        tr_builder_add_text(to, object->via.boolean ? "true" : "false");
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        tr_builder_format(to, "%" PRIu64, object->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        tr_builder_format(to, "%" PRId64, object->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        add_float(to, object->via.f64, object->type == MSGPACK_OBJECT_FLOAT32);
        break;
    case MSGPACK_OBJECT_STR:
        tr_json_string(to, object->via.str.ptr, object->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        add_bytes(to, object->via.bin.ptr, object->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
        add_array(to, &object->via.array, depth);
        break;
    case MSGPACK_OBJECT_MAP:
        add_map(to, &object->via.map, depth);
        break;
    case MSGPACK_OBJECT_EXT:
        add_extension(to, &object->via.ext);
        break;
    case MSGPACK_OBJECT_NIL:
    default:
        tr_builder_add_text(to, "null");
        break;
    }
}

void tr_json_object(tr_builder_t *to, const msgpack_object *object)
{
    assert(to && object);
    add_object(to, object, 0);
}
