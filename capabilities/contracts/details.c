#include "capabilities/contracts/details.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/builder.h"
#include "capabilities/contracts/json_text.h"
#include "wire/items.h"

enum { MAX_DEPTH = 16 };

/* ---- reading ---- */

/* What its counts promise must be there, before msgpack's own unpacker believes them. */
static bool is_possible(const void *data, size_t size)
{
    tr_reader_t reader = tr_reader_of(data, size);
    tr_item_t item;
    return tr_take_item(&reader, &item) && tr_skip_inside(&reader, &item, MAX_DEPTH) &&
           tr_bytes_left(&reader) == 0;
}

static troupe_status_t unpack_map(const void *data, size_t size,
                                  troupe_contract_memory_t *memory, msgpack_object *map_out,
                                  troupe_why_t *why)
{
    size_t at = 0;
    if (!is_possible(data, size)) {
        troupe_why_set(why, "the details are neither msgpack nor JSON");
        return TROUPE_ERR_INVALID;
    }
    msgpack_unpack_return result = msgpack_unpack(data, size, &at, &memory->zone, map_out);
    if (result == MSGPACK_UNPACK_NOMEM_ERROR) {
        return TROUPE_ERR_NOMEM;
    }
    if (result != MSGPACK_UNPACK_SUCCESS || map_out->type != MSGPACK_OBJECT_MAP) {
        troupe_why_set(why, "the details are no map of names and values");
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

static troupe_status_t unpack_json(const char *json, size_t size,
                                   troupe_contract_memory_t *memory, msgpack_object *map_out,
                                   troupe_why_t *why)
{
    tr_builder_t packed = {0};
    troupe_status_t status = tr_json_text_pack(json, size, &packed, why);
    if (status == TROUPE_OK) {
        /* Strings stay where they were packed, so that must last as long as the map does. */
        size_t n_bytes = packed.size;
        char *copy = tr_contract_copy(memory, packed.text, n_bytes);
        status = copy ? unpack_map(copy, n_bytes, memory, map_out, why) : TROUPE_ERR_NOMEM;
    }
    tr_builder_finish(&packed);
    return status;
}

troupe_status_t tr_details_unpack(const void *data, size_t size, size_t max_size,
                                  troupe_contract_memory_t *memory, msgpack_object *map_out,
                                  troupe_why_t *why)
{
    assert(memory && map_out && why);
    if (size == 0) {
        *map_out = (msgpack_object){.type = MSGPACK_OBJECT_MAP};
        return TROUPE_OK;
    }
    if (size > max_size) {
        troupe_why_set(why, "the details have %zu bytes, of which there may be %zu", size,
                       max_size);
        return TROUPE_LIMIT;
    }
    memory->is_json = *(const char *)data == '{';
    return memory->is_json ? unpack_json(data, size, memory, map_out, why)
                           : unpack_map(data, size, memory, map_out, why);
}

bool tr_object_says(const msgpack_object *object, const char *text)
{
    return object->type == MSGPACK_OBJECT_STR && object->via.str.size == strlen(text) &&
           memcmp(object->via.str.ptr, text, object->via.str.size) == 0;
}

static troupe_status_t complain(const tr_field_t *field, const char *kind, troupe_why_t *why)
{
    troupe_why_set(why, "%s must be %s", field->name, kind);
    return TROUPE_ERR_INVALID;
}

static troupe_status_t read_text(const tr_field_t *field, const msgpack_object *object,
                                 troupe_contract_memory_t *memory, const char **out,
                                 troupe_why_t *why)
{
    if (object->type != MSGPACK_OBJECT_STR) {
        return complain(field, "a text", why);
    }
    size_t size = object->via.str.size;
    if (size > 0 && memchr(object->via.str.ptr, '\0', size)) {
        return complain(field, "a text without NUL", why);
    }
    *out = tr_contract_copy(memory, object->via.str.ptr, size);
    return *out ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

static troupe_status_t read_whole(const tr_field_t *field, const msgpack_object *object,
                                  int64_t *out, troupe_why_t *why)
{
    /* JSON of some languages knows no whole numbers. 2^63 is the first that is too large. */
    double real = object->via.f64;
    switch (object->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        *out = object->via.u64 <= INT64_MAX ? (int64_t)object->via.u64 : INT64_MAX;
        return TROUPE_OK;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        *out = object->via.i64;
        return TROUPE_OK;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        if (real >= -0x1p63 && real < 0x1p63 && !(trunc(real) < real || trunc(real) > real)) {
            *out = (int64_t)real;
            return TROUPE_OK;
        }
        return complain(field, "a whole number", why);
    default:
        return complain(field, "a whole number", why);
    }
}

static troupe_status_t read_real(const tr_field_t *field, const msgpack_object *object,
                                 double *out, troupe_why_t *why)
{
    switch (object->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        *out = (double)object->via.u64;
        return TROUPE_OK;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        *out = (double)object->via.i64;
        return TROUPE_OK;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        *out = object->via.f64;
        return TROUPE_OK;
    default:
        return complain(field, "a number", why);
    }
}

static troupe_status_t read_choice(const tr_field_t *field, const msgpack_object *object,
                                   int *out, troupe_why_t *why)
{
    for (int i = 0; field->choices[i]; i++) {
        if (tr_object_says(object, field->choices[i])) {
            *out = i;
            return TROUPE_OK;
        }
    }
    char choices[200] = "";
    for (size_t i = 0, at = 0; field->choices[i] && at + 30 < sizeof choices; i++) {
        const char *between = i == 0 ? "" : field->choices[i + 1] ? ", " : " or ";
        at += (size_t)snprintf(choices + at, sizeof choices - at, "%s%.20s", between,
                               field->choices[i]);
    }
    return complain(field, choices, why);
}

static troupe_status_t read_fields(const tr_field_t *fields, const char *what,
                                   const msgpack_object *map, const char *const *passed,
                                   troupe_contract_memory_t *memory, void *whole,
                                   troupe_why_t *why);

static troupe_status_t read_item(const tr_field_t *field, const msgpack_object *object,
                                 troupe_contract_memory_t *memory, void *at, troupe_why_t *why)
{
    if (field->kind == TR_FIELD_TEXTS) {
        return read_text(field, object, memory, at, why);
    }
    if (object->type != MSGPACK_OBJECT_MAP) {
        return complain(field, "a list of maps", why);
    }
    return read_fields(field->row->fields, field->name, object, NULL, memory, at, why);
}

/* A single text stands for a list of one. */
static troupe_status_t read_list(const tr_field_t *field, const msgpack_object *object,
                                 troupe_contract_memory_t *memory, void *whole,
                                 troupe_why_t *why)
{
    bool is_one = object->type == MSGPACK_OBJECT_STR && field->kind == TR_FIELD_TEXTS;
    if (object->type != MSGPACK_OBJECT_ARRAY && !is_one) {
        return complain(field, "a list", why);
    }
    const msgpack_object *objects = is_one ? object : object->via.array.ptr;
    size_t count = is_one ? 1 : object->via.array.size;
    if (count > field->max_count) {
        troupe_why_set(why, "%s has %zu items, of which there may be %zu", field->name, count,
                       field->max_count);
        return TROUPE_LIMIT;
    }
    size_t size = field->kind == TR_FIELD_TEXTS ? sizeof(char *) : field->row->size;
    char *items = tr_contract_room(memory, count, size);
    troupe_status_t status = items ? TROUPE_OK : TROUPE_ERR_NOMEM;
    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        status = read_item(field, &objects[i], memory, items + i * size, why);
    }
    if (status == TROUPE_OK) {
        *(void **)((char *)whole + field->offset) = items;
        *(size_t *)(void *)((char *)whole + field->count_offset) = count;
    }
    return status;
}

static troupe_status_t read_field(const tr_field_t *field, const msgpack_object *object,
                                  troupe_contract_memory_t *memory, void *whole,
                                  troupe_why_t *why)
{
    void *at = (char *)whole + field->offset;
    switch (field->kind) {
    case TR_FIELD_FLAG:
        if (object->type != MSGPACK_OBJECT_BOOLEAN) {
            return complain(field, "true or false", why);
        }
        *(bool *)at = object->via.boolean;
        return TROUPE_OK;
    case TR_FIELD_WHOLE:
        return read_whole(field, object, at, why);
    case TR_FIELD_REAL:
        return read_real(field, object, at, why);
    case TR_FIELD_TEXT:
        return read_text(field, object, memory, at, why);
    case TR_FIELD_CHOICE:
        return read_choice(field, object, at, why);
    case TR_FIELD_TEXTS:
    case TR_FIELD_ROWS:
    default:
        return read_list(field, object, memory, whole, why);
    }
}

static const tr_field_t *find_field(const tr_field_t *fields, const msgpack_object *key)
{
    for (const tr_field_t *field = fields; field->name; field++) {
        if (tr_object_says(key, field->name)) {
            return field;
        }
    }
    return NULL;
}

static bool is_passed(const char *const *passed, const msgpack_object *key)
{
    for (; passed && *passed; passed++) {
        if (tr_object_says(key, *passed)) {
            return true;
        }
    }
    return false;
}

static troupe_status_t complain_of_key(const tr_field_t *fields, const char *what,
                                       const msgpack_object *key, troupe_why_t *why)
{
    bool is_text = key->type == MSGPACK_OBJECT_STR;
    int size = is_text ? (int)(key->via.str.size < 40 ? key->via.str.size : 40) : 0;
    char names[220] = "";
    for (size_t at = 0; fields->name && at + 40 < sizeof names; fields++) {
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%.30s", at ? ", " : "",
                               fields->name);
    }
    troupe_why_set(why, "%s has no '%.*s', only %s", what, size,
                   is_text ? key->via.str.ptr : "", *names ? names : "a subject");
    return TROUPE_ERR_INVALID;
}

static troupe_status_t read_fields(const tr_field_t *fields, const char *what,
                                   const msgpack_object *map, const char *const *passed,
                                   troupe_contract_memory_t *memory, void *whole,
                                   troupe_why_t *why)
{
    uint64_t seen = 0; /* a bit for each field; no form has 64 */
    troupe_status_t status = TROUPE_OK;
    for (uint32_t i = 0; i < map->via.map.size && status == TROUPE_OK; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        const tr_field_t *field = find_field(fields, &pair->key);
        if (!field) {
            status = is_passed(passed, &pair->key)
                         ? TROUPE_OK
                         : complain_of_key(fields, what, &pair->key, why);
        } else if (seen >> (field - fields) & 1) {
            status = complain(field, "there only once", why);
        } else if (pair->val.type != MSGPACK_OBJECT_NIL) {
            seen |= (uint64_t)1 << (field - fields);
            status = read_field(field, &pair->val, memory, whole, why);
        }
    }
    return status;
}

troupe_status_t tr_details_read(const tr_form_t *form, const msgpack_object *map,
                                const char *const *passed, troupe_contract_memory_t *memory,
                                void *whole, troupe_why_t *why)
{
    assert(form && map && memory && whole && why);
    return read_fields(form->fields, form->what, map, passed, memory, whole, why);
}

/* ---- writing ---- */

bool tr_pack_text(msgpack_packer *packer, const char *text, size_t size)
{
    return msgpack_pack_str(packer, size) == 0 &&
           msgpack_pack_str_body(packer, text, size) == 0;
}

static bool differs(const tr_field_t *field, const void *whole, const void *defaults)
{
    const void *at = tr_form_at(whole, field->offset);
    const void *usual = tr_form_at(defaults, field->offset);
    switch (field->kind) {
    case TR_FIELD_FLAG:
        return *(const bool *)at != *(const bool *)usual;
    case TR_FIELD_WHOLE:
        return *(const int64_t *)at != *(const int64_t *)usual;
    case TR_FIELD_REAL:
        return *(const double *)at < *(const double *)usual ||
               *(const double *)at > *(const double *)usual;
    case TR_FIELD_CHOICE:
        return *(const int *)at != *(const int *)usual;
    case TR_FIELD_TEXT:
    case TR_FIELD_TEXTS:
    case TR_FIELD_ROWS:
    default:
        return true;
    }
}

static bool is_there(const tr_field_t *field, const void *whole)
{
    switch (field->kind) {
    case TR_FIELD_TEXT:
        return *(const char *const *)tr_form_at(whole, field->offset) != NULL;
    case TR_FIELD_TEXTS:
    case TR_FIELD_ROWS:
        return tr_form_count(whole, field->count_offset) > 0;
    case TR_FIELD_FLAG:
    case TR_FIELD_WHOLE:
    case TR_FIELD_REAL:
    case TR_FIELD_CHOICE:
    default:
        return true;
    }
}

/* Rows have no defaults: all that is there is written. */
static bool is_written(const tr_field_t *field, const void *whole, const void *defaults)
{
    return is_there(field, whole) && (!defaults || differs(field, whole, defaults));
}

static size_t count_fields(const tr_field_t *fields, const void *whole, const void *defaults)
{
    size_t count = 0;
    for (; fields->name; fields++) {
        count += is_written(fields, whole, defaults);
    }
    return count;
}

static bool write_fields(const tr_field_t *fields, const void *whole, const void *defaults,
                         msgpack_packer *packer);

static bool write_list(const tr_field_t *field, const void *whole, msgpack_packer *packer)
{
    const void *items = *(const void *const *)tr_form_at(whole, field->offset);
    size_t count = tr_form_count(whole, field->count_offset);
    bool is_fine = msgpack_pack_array(packer, count) == 0;
    for (size_t i = 0; i < count && is_fine; i++) {
        if (field->kind == TR_FIELD_TEXTS) {
            const char *text = ((const char *const *)items)[i];
            is_fine = tr_pack_text(packer, text, strlen(text));
        } else {
            const void *row = tr_form_at(items, i * field->row->size);
            const tr_field_t *fields = field->row->fields;
            is_fine = msgpack_pack_map(packer, count_fields(fields, row, NULL)) == 0 &&
                      write_fields(fields, row, NULL, packer);
        }
    }
    return is_fine;
}

static bool write_value(const tr_field_t *field, const void *whole, msgpack_packer *packer)
{
    const void *at = tr_form_at(whole, field->offset);
    const char *text;
    switch (field->kind) {
    case TR_FIELD_FLAG:
        return (*(const bool *)at ? msgpack_pack_true : msgpack_pack_false)(packer) == 0;
    case TR_FIELD_WHOLE:
        return msgpack_pack_int64(packer, *(const int64_t *)at) == 0;
    case TR_FIELD_REAL:
        return msgpack_pack_double(packer, *(const double *)at) == 0;
    case TR_FIELD_CHOICE:
        text = field->choices[*(const int *)at];
        return tr_pack_text(packer, text, strlen(text));
    case TR_FIELD_TEXT:
        text = *(const char *const *)at;
        return tr_pack_text(packer, text, strlen(text));
    case TR_FIELD_TEXTS:
    case TR_FIELD_ROWS:
    default:
        return write_list(field, whole, packer);
    }
}

static bool write_fields(const tr_field_t *fields, const void *whole, const void *defaults,
                         msgpack_packer *packer)
{
    bool is_fine = true;
    for (; fields->name && is_fine; fields++) {
        if (is_written(fields, whole, defaults)) {
            is_fine = tr_pack_text(packer, fields->name, strlen(fields->name)) &&
                      write_value(fields, whole, packer);
        }
    }
    return is_fine;
}

size_t tr_details_count(const tr_form_t *form, const void *whole)
{
    return count_fields(form->fields, whole, form->is_reply ? NULL : form->defaults);
}

bool tr_details_write(const tr_form_t *form, const void *whole, msgpack_packer *packer)
{
    return write_fields(form->fields, whole, form->is_reply ? NULL : form->defaults, packer);
}
