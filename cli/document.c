/* A container of n elements costs the library n objects of memory before it reads the first of
 * them, so a header of five bytes could ask for gigabytes. The walk below knows that each
 * element takes a byte at least, and refuses what cannot be true.
 */

#include "cli/document.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/text.h"

typedef struct walk {
    const unsigned char *at;
    const unsigned char *end;
    size_t n_objects; /* seen so far */
    const char *reason;
} walk_t;

static bool refuse(walk_t *walk, const char *reason)
{
    walk->reason = reason;
    return false;
}

static bool skip(walk_t *walk, uint64_t size)
{
    if (size > (uint64_t)(walk->end - walk->at)) {
        return refuse(walk, "it is cut off");
    }
    walk->at += size;
    return true;
}

/* A length of 1, 2 or 4 bytes, the highest first. */
static bool read_length(walk_t *walk, size_t n_bytes, uint64_t *out)
{
    const unsigned char *bytes = walk->at;
    if (!skip(walk, n_bytes)) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        *out = *out << 8 | bytes[i];
    }
    return true;
}

/* What one object's first byte says about what follows it. */
typedef struct shape {
    size_t length_bytes; /* of a length that comes next; 0: `length` is known */
    uint64_t length;
    uint64_t extra; /* bytes besides, as the type of an ext */
    enum { SHAPE_BYTES, SHAPE_ARRAY, SHAPE_MAP, SHAPE_NONE } kind;
} shape_t;

static shape_t shape_of(unsigned char first)
{
    static const shape_t from_c0[] = {
        {0, 0, 0, SHAPE_BYTES},                                                 /* nil */
        {0, 0, 0, SHAPE_NONE},                                                  /* never used */
        {0, 0, 0, SHAPE_BYTES}, {0, 0, 0, SHAPE_BYTES},                         /* bool */
        {1, 0, 0, SHAPE_BYTES}, {2, 0, 0, SHAPE_BYTES}, {4, 0, 0, SHAPE_BYTES}, /* bin */
        {1, 0, 1, SHAPE_BYTES}, {2, 0, 1, SHAPE_BYTES}, {4, 0, 1, SHAPE_BYTES}, /* ext */
        {0, 4, 0, SHAPE_BYTES}, {0, 8, 0, SHAPE_BYTES},                         /* float */
        {0, 1, 0, SHAPE_BYTES}, {0, 2, 0, SHAPE_BYTES},                         /* uint */
        {0, 4, 0, SHAPE_BYTES}, {0, 8, 0, SHAPE_BYTES}, {0, 1, 0, SHAPE_BYTES},
        {0, 2, 0, SHAPE_BYTES}, /* int */
        {0, 4, 0, SHAPE_BYTES}, {0, 8, 0, SHAPE_BYTES}, {0, 1, 1, SHAPE_BYTES},
        {0, 2, 1, SHAPE_BYTES}, /* fixext */
        {0, 4, 1, SHAPE_BYTES}, {0, 8, 1, SHAPE_BYTES}, {0, 16, 1, SHAPE_BYTES},
        {1, 0, 0, SHAPE_BYTES}, {2, 0, 0, SHAPE_BYTES}, {4, 0, 0, SHAPE_BYTES}, /* str */
        {2, 0, 0, SHAPE_ARRAY}, {4, 0, 0, SHAPE_ARRAY}, {2, 0, 0, SHAPE_MAP},
        {4, 0, 0, SHAPE_MAP},
    };
    if (first < 0x80 || first >= 0xe0) {
        return (shape_t){0, 0, 0, SHAPE_BYTES}; /* small integers */
    }
    if (first < 0x90) {
        return (shape_t){0, first & 0x0fu, 0, SHAPE_MAP};
    }
    if (first < 0xa0) {
        return (shape_t){0, first & 0x0fu, 0, SHAPE_ARRAY};
    }
    if (first < 0xc0) {
        return (shape_t){0, first & 0x1fu, 0, SHAPE_BYTES};
    }
    return from_c0[first - 0xc0];
}

static bool walk_object(walk_t *walk, unsigned depth)
{
    if (depth > CLI_MAX_DEPTH) {
        return refuse(walk, "it is nested too deep");
    }
    if (++walk->n_objects > CLI_MAX_OBJECTS) {
        return refuse(walk, "it has too many parts");
    }
    if (walk->at == walk->end) {
        return refuse(walk, "it is cut off");
    }
    shape_t shape = shape_of(*walk->at++);
    if (shape.kind == SHAPE_NONE) {
        return refuse(walk, "it is no msgpack");
    }
    if (shape.length_bytes && !read_length(walk, shape.length_bytes, &shape.length)) {
        return false;
    }
    if (shape.kind == SHAPE_BYTES) {
        return skip(walk, shape.length + shape.extra);
    }

    uint64_t n_items = shape.kind == SHAPE_MAP ? shape.length * 2 : shape.length;
    if (n_items > (uint64_t)(walk->end - walk->at)) {
        return refuse(walk, "it is cut off");
    }
    for (uint64_t i = 0; i < n_items; i++) {
        if (!walk_object(walk, depth + 1)) {
            return false;
        }
    }
    return true;
}

static bool check(const void *data, size_t size, const char **reason_out)
{
    walk_t walk = {.at = data, .end = (const unsigned char *)data + size};
    bool is_fine =
        size <= CLI_MAX_DOCUMENT ? walk_object(&walk, 0) : refuse(&walk, "it is too large");
    if (is_fine && walk.at != walk.end) {
        is_fine = refuse(&walk, "more follows than it says");
    }
    if (!is_fine) {
        *reason_out = walk.reason;
    }
    return is_fine;
}

bool cli_document_open(cli_document_t *self, const void *data, size_t size,
                       const char **reason_out)
{
    if (!check(data, size, reason_out)) {
        return false;
    }
    msgpack_unpacked_init(&self->unpacked);
    size_t offset = 0;
    if (msgpack_unpack_next(&self->unpacked, data, size, &offset) != MSGPACK_UNPACK_SUCCESS) {
        *reason_out = "it is no msgpack";
    } else if (self->unpacked.data.type != MSGPACK_OBJECT_MAP) {
        *reason_out = "it is no map";
    } else {
        return true;
    }
    msgpack_unpacked_destroy(&self->unpacked);
    return false;
}

void cli_document_close(cli_document_t *self)
{
    msgpack_unpacked_destroy(&self->unpacked);
}

const msgpack_object *cli_document_root(const cli_document_t *self)
{
    return &self->unpacked.data;
}

const msgpack_object *cli_member(const msgpack_object *map, const char *key)
{
    if (!map || map->type != MSGPACK_OBJECT_MAP) {
        return NULL;
    }
    size_t size = strlen(key);
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        if (pair->key.type == MSGPACK_OBJECT_STR && pair->key.via.str.size == size &&
            memcmp(pair->key.via.str.ptr, key, size) == 0) {
            return &pair->val;
        }
    }
    return NULL;
}

char *cli_object_text(const msgpack_object *object, size_t max)
{
    char number[32] = "";
    if (object && object->type == MSGPACK_OBJECT_STR) {
        return cli_clean(object->via.str.ptr, object->via.str.size, max);
    }
    if (object && object->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        snprintf(number, sizeof number, "%" PRIu64, object->via.u64);
    }
    if (object && object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        snprintf(number, sizeof number, "%" PRId64, object->via.i64);
    }
    return cli_need(strdup(number));
}

char *cli_member_text(const msgpack_object *map, const char *key, size_t max)
{
    return cli_object_text(cli_member(map, key), max);
}

bool cli_member_number(const msgpack_object *map, const char *key, uint64_t *out)
{
    const msgpack_object *value = cli_member(map, key);
    if (!value || value->type != MSGPACK_OBJECT_POSITIVE_INTEGER) {
        return false;
    }
    *out = value->via.u64;
    return true;
}

msgpack_object_array cli_member_array(const msgpack_object *map, const char *key)
{
    const msgpack_object *value = cli_member(map, key);
    return value && value->type == MSGPACK_OBJECT_ARRAY ? value->via.array
                                                        : (msgpack_object_array){0};
}
