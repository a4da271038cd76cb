/* JSON is written piece by piece to stdout's buffer: no tree is built, and a frame of any
 * size passes through a few bytes of stack. Whatever goes in, what comes out is one line of
 * valid JSON in UTF-8.
 */

#include "cli/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"

static void write_escaped(unsigned char byte)
{
    static const char letters[] = "\b\t\n\f\r\"\\";
    static const char *const escapes[] = {"\\b", "\\t", "\\n", "\\f", "\\r", "\\\"", "\\\\"};
    const char *letter = byte ? strchr(letters, byte) : NULL;
    if (letter) {
        fputs(escapes[letter - letters], stdout);
    } else {
        printf("\\u%04x", byte);
    }
}

void cli_json_string(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    putchar('"');
    for (size_t at = 0; at < size;) {
        unsigned char byte = bytes[at];
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f) {
            write_escaped(byte);
            at++;
            continue;
        }
        uint32_t code;
        size_t length = cli_utf8_length(bytes + at, size - at, &code);
        if (length) {
            fwrite(bytes + at, 1, length, stdout);
        } else {
            fputs("\xef\xbf\xbd", stdout);
        }
        at += length ? length : 1;
    }
    putchar('"');
}

static void write_base64(const unsigned char *bytes, size_t size)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    putchar('"');
    for (size_t at = 0; at < size; at += 3) {
        size_t n_left = size - at;
        uint32_t group = (uint32_t)bytes[at] << 16;
        group |= n_left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0;
        group |= n_left > 2 ? bytes[at + 2] : 0;
        putchar(digits[group >> 18]);
        putchar(digits[group >> 12 & 63]);
        putchar(n_left > 1 ? digits[group >> 6 & 63] : '=');
        putchar(n_left > 2 ? digits[group & 63] : '=');
    }
    putchar('"');
}

void cli_json_bytes(const void *data, size_t size)
{
    if (cli_is_text(data, size)) {
        cli_json_string(data, size);
        return;
    }
    fputs("{\"base64\":", stdout);
    write_base64(data, size);
    putchar('}');
}

void cli_json_frames(const troupe_message_t *message)
{
    putchar('[');
    for (size_t i = 0; i < troupe_message_count(message); i++) {
        if (i) {
            putchar(',');
        }
        cli_json_bytes(troupe_message_data(message, i), troupe_message_size(message, i));
    }
    putchar(']');
}

static void write_float(double number)
{
    if (!isfinite(number)) {
        fputs("null", stdout);
        return;
    }
    /* The fewest digits that read back as the same number. */
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        double again;
        if (sscanf(text, "%lf", &again) == 1 && again >= number && again <= number) {
            break;
        }
    }
    fputs(text, stdout);
}

static void write_key(const msgpack_object *key)
{
    switch (key->type) {
    case MSGPACK_OBJECT_STR:
        cli_json_string(key->via.str.ptr, key->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        cli_json_string(key->via.bin.ptr, key->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
    case MSGPACK_OBJECT_MAP:
    case MSGPACK_OBJECT_EXT:
        fputs("\"(no text)\"", stdout);
        break;
    default:
        putchar('"');
        cli_json_object(key);
        putchar('"');
        break;
    }
}

static void write_array(const msgpack_object_array *array)
{
    putchar('[');
    for (uint32_t i = 0; i < array->size; i++) {
        if (i) {
            putchar(',');
        }
        cli_json_object(&array->ptr[i]);
    }
    putchar(']');
}

static void write_map(const msgpack_object_map *map)
{
    putchar('{');
    for (uint32_t i = 0; i < map->size; i++) {
        if (i) {
            putchar(',');
        }
        write_key(&map->ptr[i].key);
        putchar(':');
        cli_json_object(&map->ptr[i].val);
    }
    putchar('}');
}

static void write_extension(const msgpack_object_ext *extension)
{
    printf("{\"ext\":%d,\"base64\":", extension->type);
    write_base64((const unsigned char *)extension->ptr, extension->size);
    putchar('}');
}

void cli_json_object(const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        fputs(object->via.boolean ? "true" : "false", stdout);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        printf("%" PRIu64, object->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        printf("%" PRId64, object->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        write_float(object->via.f64);
        break;
    case MSGPACK_OBJECT_STR:
        cli_json_string(object->via.str.ptr, object->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        cli_json_bytes(object->via.bin.ptr, object->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
        write_array(&object->via.array);
        break;
    case MSGPACK_OBJECT_MAP:
        write_map(&object->via.map);
        break;
    case MSGPACK_OBJECT_EXT:
        write_extension(&object->via.ext);
        break;
    case MSGPACK_OBJECT_NIL:
    default:
        fputs("null", stdout);
        break;
    }
}
