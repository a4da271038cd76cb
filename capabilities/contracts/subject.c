/* A batch is read item by item, as its count must be believed only as far as there are bytes,
 * and so that images are not copied.
 */

#include "capabilities/contracts/subject.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "capabilities/contracts/details.h"
#include "wire/items.h"

static void *member(void *whole, size_t offset)
{
    return (char *)whole + offset;
}

static const msgpack_object *find(const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        if (tr_object_says(&map->via.map.ptr[i].key, key)) {
            return &map->via.map.ptr[i].val;
        }
    }
    return NULL;
}

static bool is_of_images(const tr_subject_t *subject)
{
    return subject->kind == TR_SUBJECT_IMAGE || subject->kind == TR_SUBJECT_IMAGES;
}

static bool is_of_several(const tr_subject_t *subject)
{
    return subject->kind == TR_SUBJECT_TEXTS || subject->kind == TR_SUBJECT_IMAGES;
}

const char *const *tr_subject_keys(const tr_subject_t *subject)
{
    static const char *const of_images[] = {"path", "url", NULL};
    return is_of_images(subject) ? of_images : of_images + 2;
}

size_t tr_subject_count(const tr_subject_t *subject, const void *whole)
{
    return is_of_several(subject) ? tr_form_count(whole, subject->count_offset) : 1;
}

const char *tr_subject_name(const tr_subject_t *subject, bool is_batch)
{
    return is_batch || !subject->one ? subject->name : subject->one;
}

/* ---- one item ---- */

static troupe_status_t take_text(const char *text, size_t size, const char *name,
                                 troupe_contract_memory_t *memory, const char **out,
                                 troupe_why_t *why)
{
    if (size > TROUPE_MAX_TEXT) {
        troupe_why_set(why, "%s has %zu bytes, of which there may be %d", name, size,
                       TROUPE_MAX_TEXT);
        return TROUPE_LIMIT;
    }
    if (size > 0 && memchr(text, '\0', size)) {
        troupe_why_set(why, "%s has a NUL in it", name);
        return TROUPE_ERR_INVALID;
    }
    *out = tr_contract_copy(memory, text, size);
    return *out ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

static troupe_status_t take_path(const char *path, size_t size,
                                 troupe_contract_memory_t *memory, troupe_image_t *image,
                                 troupe_why_t *why)
{
    return take_text(path, size, "path", memory, &image->path, why);
}

static troupe_status_t complain(const char *name, const char *kind, troupe_why_t *why)
{
    troupe_why_set(why, "%s must be %s", name, kind);
    return TROUPE_ERR_INVALID;
}

/* A path in the details stands for the bytes that are not there. */
static troupe_status_t take_image(const void *data, size_t size, const msgpack_object *map,
                                  troupe_contract_memory_t *memory, troupe_image_t *image,
                                  troupe_why_t *why)
{
    const msgpack_object *path = find(map, "path");
    if (find(map, "url")) {
        troupe_why_set(why, "images are not fetched from URLs: send the bytes, or a path");
        return TROUPE_ERR_INVALID;
    }
    if (!path || path->type == MSGPACK_OBJECT_NIL) {
        image->data = data;
        image->size = size;
        return TROUPE_OK;
    }
    if (size > 0) {
        troupe_why_set(why, "there is an image and a path, and only one of them can be meant");
        return TROUPE_ERR_INVALID;
    }
    return path->type == MSGPACK_OBJECT_STR
               ? take_path(path->via.str.ptr, path->via.str.size, memory, image, why)
               : complain("path", "a text", why);
}

/* ---- a batch ---- */

static troupe_status_t no_batch(const tr_subject_t *subject, troupe_why_t *why)
{
    troupe_why_set(why, "%s must be a msgpack array of %s", subject->name,
                   is_of_images(subject) ? "bytes, or maps with a path" : "texts");
    return TROUPE_ERR_INVALID;
}

/* {"path": ...}, and nothing else. */
static troupe_status_t take_path_item(const tr_subject_t *subject, tr_reader_t *reader,
                                      const tr_item_t *map, troupe_contract_memory_t *memory,
                                      troupe_image_t *image, troupe_why_t *why)
{
    tr_item_t key, path;
    if (map->type != TR_ITEM_MAP || map->value != 1 || !tr_take_item(reader, &key) ||
        key.type != TR_ITEM_RUN || !tr_span_equals(key.run, "path") ||
        !tr_take_item(reader, &path) || path.type != TR_ITEM_RUN) {
        return no_batch(subject, why);
    }
    return take_path(path.run.data, path.run.size, memory, image, why);
}

static troupe_status_t take_item(const tr_subject_t *subject, tr_reader_t *reader,
                                 troupe_contract_memory_t *memory, void *items, size_t index,
                                 troupe_why_t *why)
{
    tr_item_t item;
    if (!tr_take_item(reader, &item)) {
        return no_batch(subject, why);
    }
    if (subject->kind == TR_SUBJECT_IMAGES) {
        troupe_image_t *image = (troupe_image_t *)items + index;
        if (item.type != TR_ITEM_RUN) {
            return take_path_item(subject, reader, &item, memory, image, why);
        }
        image->data = item.run.data;
        image->size = item.run.size;
        return TROUPE_OK;
    }
    return item.type == TR_ITEM_RUN ? take_text(item.run.data, item.run.size, subject->one,
                                                memory, (const char **)items + index, why)
                                    : no_batch(subject, why);
}

static size_t item_size(const tr_subject_t *subject)
{
    return subject->kind == TR_SUBJECT_IMAGES ? sizeof(troupe_image_t) : sizeof(char *);
}

static troupe_status_t make_items(const tr_subject_t *subject, uint64_t count,
                                  troupe_contract_memory_t *memory, void *whole,
                                  void **items_out, troupe_why_t *why)
{
    if (count > TROUPE_MAX_BATCH) {
        troupe_why_set(why, "%s has %llu items, of which there may be %d", subject->name,
                       (unsigned long long)count, TROUPE_MAX_BATCH);
        return TROUPE_LIMIT;
    }
    *items_out = tr_contract_room(memory, count, item_size(subject));
    *(void **)member(whole, subject->offset) = *items_out;
    *(size_t *)member(whole, subject->count_offset) = count;
    return *items_out ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

static troupe_status_t take_batch(const tr_subject_t *subject, const void *data, size_t size,
                                  troupe_contract_memory_t *memory, void *whole,
                                  troupe_why_t *why)
{
    tr_reader_t reader = tr_reader_of(data, size);
    tr_item_t array;
    void *items;
    if (!tr_take_item(&reader, &array) || array.type != TR_ITEM_ARRAY) {
        return no_batch(subject, why);
    }
    troupe_status_t status = make_items(subject, array.value, memory, whole, &items, why);
    for (size_t i = 0; i < array.value && status == TROUPE_OK; i++) {
        status = take_item(subject, &reader, memory, items, i, why);
    }
    return status == TROUPE_OK && tr_bytes_left(&reader) > 0 ? no_batch(subject, why) : status;
}

static troupe_status_t take_one(const tr_subject_t *subject, const void *data, size_t size,
                                const msgpack_object *map, troupe_contract_memory_t *memory,
                                void *whole, troupe_why_t *why)
{
    void *items;
    troupe_status_t status = make_items(subject, 1, memory, whole, &items, why);
    if (status != TROUPE_OK) {
        return status;
    }
    return subject->kind == TR_SUBJECT_IMAGES
               ? take_image(data, size, map, memory, items, why)
               : take_text(data, size, subject->one, memory, items, why);
}

/* ---- values ---- */

static troupe_status_t take_values(const tr_subject_t *subject, const void *data, size_t size,
                                   troupe_contract_memory_t *memory, void *whole,
                                   troupe_why_t *why)
{
    size_t count = size / sizeof(float);
    if (size % sizeof(float) != 0) {
        troupe_why_set(why, "%zu bytes are no float32 values", size);
        return TROUPE_ERR_INVALID;
    }
    uint32_t *bits = tr_contract_room(memory, count, sizeof *bits);
    if (!bits) {
        return TROUPE_ERR_NOMEM;
    }
    if (size > 0) {
        memcpy(bits, data, size);
    }
    for (size_t i = 0; i < count; i++) {
        bits[i] = le32toh(bits[i]);
    }
    *(void **)member(whole, subject->offset) = bits;
    *(size_t *)member(whole, subject->count_offset) = count;
    return TROUPE_OK;
}

static troupe_status_t write_values(const tr_subject_t *subject, const void *whole,
                                    troupe_message_t *to)
{
    const float *values = *(const float *const *)tr_form_at(whole, subject->offset);
    size_t count = tr_form_count(whole, subject->count_offset);
    uint32_t *bits = malloc(count * sizeof *bits + 1);
    if (!bits) {
        return TROUPE_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(&bits[i], &values[i], sizeof bits[i]);
        bits[i] = htole32(bits[i]);
    }
    troupe_status_t status = troupe_message_add(to, bits, count * sizeof *bits);
    free(bits);
    return status;
}

/* ---- all kinds ---- */

troupe_status_t tr_subject_read(const tr_subject_t *subject, bool is_batch, const void *data,
                                size_t size, const msgpack_object *map,
                                troupe_contract_memory_t *memory, void *whole,
                                troupe_why_t *why)
{
    assert(subject && map && memory && whole && why);
    void *at = member(whole, subject->offset);
    switch (subject->kind) {
    case TR_SUBJECT_TEXT:
        return size == 0 && subject->may_lack
                   ? TROUPE_OK
                   : take_text(data, size, subject->name, memory, at, why);
    case TR_SUBJECT_IMAGE:
        return take_image(data, size, map, memory, at, why);
    case TR_SUBJECT_TEXTS:
    case TR_SUBJECT_IMAGES:
        return is_batch ? take_batch(subject, data, size, memory, whole, why)
                        : take_one(subject, data, size, map, memory, whole, why);
    case TR_SUBJECT_VALUES:
        return take_values(subject, data, size, memory, whole, why);
    case TR_SUBJECT_BYTES:
    default:
        *(const void **)at = data;
        *(size_t *)member(whole, subject->count_offset) = size;
        return TROUPE_OK;
    }
}

static bool write_item(const tr_subject_t *subject, const void *items, size_t index,
                       msgpack_packer *packer)
{
    if (subject->kind == TR_SUBJECT_TEXTS) {
        const char *text = ((const char *const *)items)[index];
        return tr_pack_text(packer, text, strlen(text));
    }
    const troupe_image_t *image = (const troupe_image_t *)items + index;
    if (image->path) {
        return msgpack_pack_map(packer, 1) == 0 && tr_pack_text(packer, "path", 4) &&
               tr_pack_text(packer, image->path, strlen(image->path));
    }
    return msgpack_pack_bin(packer, image->size) == 0 &&
           msgpack_pack_bin_body(packer, image->data, image->size) == 0;
}

static troupe_status_t write_batch(const tr_subject_t *subject, const void *whole,
                                   troupe_message_t *to)
{
    const void *items = *(const void *const *)tr_form_at(whole, subject->offset);
    size_t count = tr_form_count(whole, subject->count_offset);
    msgpack_sbuffer packed;
    msgpack_packer packer;
    msgpack_sbuffer_init(&packed);
    msgpack_packer_init(&packer, &packed, msgpack_sbuffer_write);
    bool is_fine = msgpack_pack_array(&packer, count) == 0;
    for (size_t i = 0; i < count && is_fine; i++) {
        is_fine = write_item(subject, items, i, &packer);
    }
    troupe_status_t status =
        is_fine ? troupe_message_add(to, packed.data, packed.size) : TROUPE_ERR_NOMEM;
    msgpack_sbuffer_destroy(&packed);
    return status;
}

/* Where the subject lies that is not a batch. */
static const void *only_one(const tr_subject_t *subject, const void *whole)
{
    const void *at = tr_form_at(whole, subject->offset);
    return is_of_several(subject) ? *(const void *const *)at : at;
}

const char *tr_subject_path(const tr_subject_t *subject, bool is_batch, const void *whole)
{
    bool may_have = is_of_images(subject) && !is_batch;
    return may_have ? ((const troupe_image_t *)only_one(subject, whole))->path : NULL;
}

troupe_status_t tr_subject_write(const tr_subject_t *subject, bool is_batch, const void *whole,
                                 troupe_message_t *to)
{
    assert(subject && whole && to);
    if (is_of_several(subject) && is_batch) {
        return write_batch(subject, whole, to);
    }
    const void *at = only_one(subject, whole);
    const troupe_image_t *image = at;
    const char *text;
    switch (subject->kind) {
    case TR_SUBJECT_TEXT:
    case TR_SUBJECT_TEXTS:
        text = *(const char *const *)at;
        return troupe_message_add(to, text ? text : "", text ? strlen(text) : 0);
    case TR_SUBJECT_IMAGE:
    case TR_SUBJECT_IMAGES:
        return troupe_message_add(to, image->path ? "" : image->data,
                                  image->path ? 0 : image->size);
    case TR_SUBJECT_VALUES:
        return write_values(subject, whole, to);
    case TR_SUBJECT_BYTES:
    default:
        return troupe_message_add(to, *(const void *const *)at,
                                  tr_form_count(whole, subject->count_offset));
    }
}

/* ---- the JSON form ---- */

static troupe_status_t image_from_json(const msgpack_object *object, const char *name,
                                       troupe_contract_memory_t *memory, troupe_image_t *image,
                                       troupe_why_t *why)
{
    const msgpack_object *base64 = NULL, *path = NULL;
    if (object->type == MSGPACK_OBJECT_MAP && object->via.map.size == 1) {
        base64 = find(object, "base64");
        path = find(object, "path");
        if (find(object, "url")) {
            return take_image(NULL, 0, object, memory, image, why);
        }
    }
    if (path && path->type == MSGPACK_OBJECT_STR) {
        return take_path(path->via.str.ptr, path->via.str.size, memory, image, why);
    }
    if (!base64 || base64->type != MSGPACK_OBJECT_STR) {
        return complain(name, "{\"base64\": \"...\"} or {\"path\": \"...\"}", why);
    }
    unsigned char *bytes = tr_contract_room(memory, base64->via.str.size / 4 + 1, 3);
    if (!bytes) {
        return TROUPE_ERR_NOMEM;
    }
    if (!tr_base64_decode(base64->via.str.ptr, base64->via.str.size, bytes, &image->size)) {
        return complain(name, "base64 (RFC 4648)", why);
    }
    image->data = bytes;
    return TROUPE_OK;
}

static troupe_status_t item_from_json(const tr_subject_t *subject, const msgpack_object *object,
                                      const char *name, troupe_contract_memory_t *memory,
                                      void *at, troupe_why_t *why)
{
    if (is_of_images(subject)) {
        return image_from_json(object, name, memory, at, why);
    }
    return object->type == MSGPACK_OBJECT_STR
               ? take_text(object->via.str.ptr, object->via.str.size, name, memory, at, why)
               : complain(name, "a text", why);
}

troupe_status_t tr_subject_from_json(const tr_subject_t *subject, bool is_batch,
                                     const msgpack_object *object,
                                     troupe_contract_memory_t *memory, void *whole,
                                     troupe_why_t *why)
{
    assert(subject && object && memory && whole && why);
    const char *name = tr_subject_name(subject, is_batch);
    if (!is_of_several(subject)) {
        return item_from_json(subject, object, name, memory, member(whole, subject->offset),
                              why);
    }
    if (is_batch && object->type != MSGPACK_OBJECT_ARRAY) {
        return complain(name, "a list", why);
    }
    const msgpack_object *objects = is_batch ? object->via.array.ptr : object;
    size_t count = is_batch ? object->via.array.size : 1;
    void *items;
    troupe_status_t status = make_items(subject, count, memory, whole, &items, why);
    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        status = item_from_json(subject, &objects[i], name, memory,
                                (char *)items + i * item_size(subject), why);
    }
    return status;
}

static bool vector_to_json(const float *values, size_t dimension, msgpack_packer *packer)
{
    bool is_fine = msgpack_pack_array(packer, dimension) == 0;
    for (size_t i = 0; i < dimension && is_fine; i++) {
        is_fine = msgpack_pack_float(packer, values[i]) == 0;
    }
    return is_fine;
}

static bool vectors_to_json(const tr_subject_t *subject, bool is_batch, const void *whole,
                            msgpack_packer *packer)
{
    const float *values = *(const float *const *)tr_form_at(whole, subject->offset);
    size_t n_values = tr_form_count(whole, subject->count_offset);
    size_t dimension = (size_t) * (const int64_t *)tr_form_at(whole, subject->dimension_offset);
    if (!is_batch) {
        return vector_to_json(values, n_values, packer);
    }
    bool is_fine = msgpack_pack_array(packer, n_values / dimension) == 0;
    for (size_t at = 0; at < n_values && is_fine; at += dimension) {
        is_fine = vector_to_json(values + at, dimension, packer);
    }
    return is_fine;
}

/* As text even where the bytes might be read as one. */
static bool bytes_to_json(const void *data, size_t size, msgpack_packer *packer)
{
    char *text = tr_base64_encode(data, size);
    bool is_fine = text && msgpack_pack_map(packer, 1) == 0 &&
                   tr_pack_text(packer, "base64", 6) &&
                   tr_pack_text(packer, text, strlen(text));
    free(text);
    return is_fine;
}

bool tr_subject_to_json(const tr_subject_t *subject, bool is_batch, const void *whole,
                        msgpack_packer *packer)
{
    const void *at = tr_form_at(whole, subject->offset);
    switch (subject->kind) {
    case TR_SUBJECT_TEXT:
        return tr_pack_text(packer, *(const char *const *)at, strlen(*(const char *const *)at));
    case TR_SUBJECT_BYTES:
        return bytes_to_json(*(const void *const *)at,
                             tr_form_count(whole, subject->count_offset), packer);
    case TR_SUBJECT_VALUES:
        return vectors_to_json(subject, is_batch, whole, packer);
    case TR_SUBJECT_IMAGE:
    case TR_SUBJECT_TEXTS:
    case TR_SUBJECT_IMAGES:
    default:
        return false; /* of requests, which are not written as JSON */
    }
}
