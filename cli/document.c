/* Arrays and maps are read here, all else by the library. Its own reader takes 32 levels, fewer
 * than a description may have, and makes room for n elements before it has seen the first: a
 * header of five bytes could ask for gigabytes. Here each element is known to take a byte at
 * least, and what cannot be true is refused before anything is kept.
 */

#include "cli/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/text.h"

typedef struct walk {
    const unsigned char *at;
    const unsigned char *end;
    size_t n_claimed; /* parts of all arrays and maps begun so far */
    const char *reason;
    msgpack_zone *zone; /* where arrays and maps are put */
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

/* The library decodes what has no parts; it is given exactly those bytes. */
static bool read_leaf(walk_t *walk, const unsigned char *start, msgpack_object *out)
{
    size_t size = (size_t)(walk->at - start);
    msgpack_unpack_return result =
        msgpack_unpack((const char *)start, size, NULL, walk->zone, out);
    return result == MSGPACK_UNPACK_SUCCESS || refuse(walk, "it is no msgpack");
}

static bool read_object(walk_t *walk, unsigned depth, msgpack_object *out);

static bool read_array(walk_t *walk, unsigned depth, size_t n_items, msgpack_object *out)
{
    *out = (msgpack_object){.type = MSGPACK_OBJECT_ARRAY};
    out->via.array.size = (uint32_t)n_items;
    out->via.array.ptr = cli_need(msgpack_zone_malloc(walk->zone, (n_items + 1) * sizeof *out));
    for (size_t i = 0; i < n_items; i++) {
        if (!read_object(walk, depth + 1, &out->via.array.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool read_map(walk_t *walk, unsigned depth, size_t n_pairs, msgpack_object *out)
{
    *out = (msgpack_object){.type = MSGPACK_OBJECT_MAP};
    out->via.map.size = (uint32_t)n_pairs;
    out->via.map.ptr =
        cli_need(msgpack_zone_malloc(walk->zone, (n_pairs + 1) * sizeof *out->via.map.ptr));
    for (size_t i = 0; i < n_pairs; i++) {
        msgpack_object_kv *pair = &out->via.map.ptr[i];
        if (!read_object(walk, depth + 1, &pair->key) ||
            !read_object(walk, depth + 1, &pair->val)) {
            return false;
        }
    }
    return true;
}

static bool read_object(walk_t *walk, unsigned depth, msgpack_object *out)
{
    if (depth > CLI_MAX_DEPTH) {
        return refuse(walk, "it is nested too deep");
    }
    if (walk->at == walk->end) {
        return refuse(walk, "it is cut off");
    }
    const unsigned char *start = walk->at;
    shape_t shape = shape_of(*walk->at++);
    if (shape.kind == SHAPE_NONE) {
        return refuse(walk, "it is no msgpack");
    }
    if (shape.length_bytes && !read_length(walk, shape.length_bytes, &shape.length)) {
        return false;
    }
    if (shape.kind == SHAPE_BYTES) {
        return skip(walk, shape.length + shape.extra) && read_leaf(walk, start, out);
    }

    uint64_t n_items = shape.kind == SHAPE_MAP ? shape.length * 2 : shape.length;
    if (n_items > (uint64_t)(walk->end - walk->at)) {
        return refuse(walk, "it is cut off");
    }
    if (n_items > CLI_MAX_OBJECTS - walk->n_claimed) {
        return refuse(walk, "it has too many parts");
    }
    walk->n_claimed += (size_t)n_items;
    return shape.kind == SHAPE_MAP ? read_map(walk, depth, (size_t)shape.length, out)
                                   : read_array(walk, depth, (size_t)shape.length, out);
}

static bool read_whole(walk_t *walk, size_t size, msgpack_object *out)
{
    if (size > CLI_MAX_DOCUMENT) {
        return refuse(walk, "it is too large");
    }
    if (!read_object(walk, 0, out)) {
        return false;
    }
    if (walk->at != walk->end) {
        return refuse(walk, "more follows than it says");
    }
    return out->type == MSGPACK_OBJECT_MAP || refuse(walk, "it is no map");
}

bool cli_document_open(cli_document_t *self, const void *data, size_t size,
                       const char **reason_out)
{
    self->zone = cli_need(msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE));
    walk_t walk = {.at = data, .end = (const unsigned char *)data + size, .zone = self->zone};
    if (read_whole(&walk, size, &self->root)) {
        return true;
    }
    *reason_out = walk.reason;
    cli_document_close(self);
    return false;
}

void cli_document_close(cli_document_t *self)
{
    msgpack_zone_free(self->zone);
    self->zone = NULL;
}

const msgpack_object *cli_document_root(const cli_document_t *self)
{
    return &self->root;
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
