/* Written by hand, because the formats are few, and because a library that unpacks into a tree
 * must be guarded by a walk like this one anyway. The writer chooses the shortest form of
 * everything, so one value has one encoding and test vectors can be compared bytewise.
 *
 * Recursion ends at the depth the user allows, never at what the bytes say.
 */

#include "wire/items.h"

#include <assert.h>
#include <string.h>

static void put_byte(tr_writer_t *writer, unsigned byte)
{
    if (writer->at == writer->end) {
        writer->is_full = true;
    } else if (!writer->is_full) {
        *writer->at++ = (unsigned char)byte;
    }
}

static void put_bytes_of(tr_writer_t *writer, unsigned n_bytes, uint64_t value)
{
    for (unsigned i = n_bytes; i > 0; i--) {
        put_byte(writer, (unsigned)(value >> (8 * (i - 1))) & 0xff);
    }
}

void tr_put_bool(tr_writer_t *writer, bool value)
{
    put_byte(writer, value ? 0xc3 : 0xc2);
}

void tr_put_number(tr_writer_t *writer, uint64_t value)
{
    if (value < 0x80) {
        put_byte(writer, (unsigned)value);
    } else if (value <= UINT8_MAX) {
        put_byte(writer, 0xcc);
        put_bytes_of(writer, 1, value);
    } else if (value <= UINT16_MAX) {
        put_byte(writer, 0xcd);
        put_bytes_of(writer, 2, value);
    } else if (value <= UINT32_MAX) {
        put_byte(writer, 0xce);
        put_bytes_of(writer, 4, value);
    } else {
        put_byte(writer, 0xcf);
        put_bytes_of(writer, 8, value);
    }
}

char *tr_put_run(tr_writer_t *writer, tr_span_t span, bool is_binary)
{
    assert(span.size <= UINT16_MAX);
    if (!is_binary && span.size < 32) {
        put_byte(writer, 0xa0 | (unsigned)span.size);
    } else if (span.size <= UINT8_MAX) {
        put_byte(writer, is_binary ? 0xc4 : 0xd9);
        put_bytes_of(writer, 1, span.size);
    } else {
        put_byte(writer, is_binary ? 0xc5 : 0xda);
        put_bytes_of(writer, 2, span.size);
    }
    if (writer->is_full || (size_t)(writer->end - writer->at) < span.size) {
        writer->is_full = true;
        return NULL;
    }
    char *start = (char *)writer->at;
    if (span.size > 0) {
        memcpy(start, span.data, span.size);
    }
    writer->at += span.size;
    return start;
}

void tr_put_text(tr_writer_t *writer, const char *text)
{
    tr_put_run(writer, tr_span_of(text), false);
}

static void put_head(tr_writer_t *writer, unsigned lead, unsigned lead_16, size_t count)
{
    assert(count <= UINT16_MAX);
    if (count < 16) {
        put_byte(writer, lead | (unsigned)count);
    } else {
        put_byte(writer, lead_16);
        put_bytes_of(writer, 2, count);
    }
}

void tr_put_array(tr_writer_t *writer, size_t count)
{
    put_head(writer, 0x90, 0xdc, count);
}

void tr_put_map(tr_writer_t *writer, size_t count)
{
    put_head(writer, 0x80, 0xde, count);
}

static bool take_number(tr_reader_t *reader, unsigned n_bytes, uint64_t *out)
{
    if (tr_bytes_left(reader) < n_bytes) {
        return false;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < n_bytes; i++) {
        value = value << 8 | *reader->at++;
    }
    *out = value;
    return true;
}

static bool take_run(tr_reader_t *reader, uint64_t size, tr_item_type_t type, tr_item_t *out)
{
    if (size > tr_bytes_left(reader)) {
        return false;
    }
    *out = (tr_item_t){.type = type, .run = {(const char *)reader->at, (size_t)size}};
    reader->at += size;
    return true;
}

/* Every item takes a byte at least, which bounds what a count may claim. */
static bool take_count(const tr_reader_t *reader, uint64_t count, tr_item_type_t type,
                       tr_item_t *out)
{
    if (count > tr_bytes_left(reader) / (type == TR_ITEM_MAP ? 2 : 1)) {
        return false;
    }
    *out = (tr_item_t){.type = type, .value = count};
    return true;
}

static bool take_unsigned(tr_reader_t *reader, unsigned n_bytes, tr_item_t *out)
{
    *out = (tr_item_t){.type = TR_ITEM_NUMBER};
    return take_number(reader, n_bytes, &out->value);
}

static bool take_signed(tr_reader_t *reader, unsigned n_bytes, tr_item_t *out)
{
    if (!take_unsigned(reader, n_bytes, out)) {
        return false;
    }
    if (out->value >> (8 * n_bytes - 1)) {
        out->type = TR_ITEM_NEGATIVE;
    }
    return true;
}

/* Length in `n_bytes`, then that many bytes and `extra` ones. */
static bool take_sized(tr_reader_t *reader, unsigned n_bytes, unsigned extra,
                       tr_item_type_t type, tr_item_t *out)
{
    uint64_t size;
    return take_number(reader, n_bytes, &size) && take_run(reader, size + extra, type, out);
}

static bool take_counted(tr_reader_t *reader, unsigned n_bytes, tr_item_type_t type,
                         tr_item_t *out)
{
    uint64_t count;
    return take_number(reader, n_bytes, &count) && take_count(reader, count, type, out);
}

bool tr_take_any_item(tr_reader_t *reader, tr_item_t *out)
{
    if (reader->at == reader->end) {
        return false;
    }
    unsigned lead = *reader->at++;
    if (lead < 0x80) {
        *out = (tr_item_t){.type = TR_ITEM_NUMBER, .value = lead};
        return true;
    }
    if (lead < 0x90) {
        return take_count(reader, lead & 0x0f, TR_ITEM_MAP, out);
    }
    if (lead < 0xa0) {
        return take_count(reader, lead & 0x0f, TR_ITEM_ARRAY, out);
    }
    if (lead < 0xc0) {
        return take_run(reader, lead & 0x1f, TR_ITEM_RUN, out);
    }
    if (lead >= 0xe0) {
        *out = (tr_item_t){.type = TR_ITEM_NEGATIVE};
        return true;
    }
    switch (lead) {
    case 0xc0:
        *out = (tr_item_t){.type = TR_ITEM_NIL};
        return true;
    case 0xc2:
    case 0xc3:
        *out = (tr_item_t){.type = TR_ITEM_BOOL, .value = lead & 1};
        return true;
    case 0xc4: /* bin 8, 16, 32 */
    case 0xc5:
    case 0xc6:
        return take_sized(reader, 1u << (lead - 0xc4), 0, TR_ITEM_RUN, out);
    case 0xc7: /* ext 8, 16, 32: a type byte before the data */
    case 0xc8:
    case 0xc9:
        return take_sized(reader, 1u << (lead - 0xc7), 1, TR_ITEM_OTHER, out);
    case 0xca: /* float 32, 64 */
    case 0xcb:
        return take_run(reader, 4u << (lead - 0xca), TR_ITEM_OTHER, out);
    case 0xcc: /* uint 8 to 64 */
    case 0xcd:
    case 0xce:
    case 0xcf:
        return take_unsigned(reader, 1u << (lead - 0xcc), out);
    case 0xd0: /* int 8 to 64 */
    case 0xd1:
    case 0xd2:
    case 0xd3:
        return take_signed(reader, 1u << (lead - 0xd0), out);
    case 0xd4: /* fixext 1 to 16: a type byte before the data */
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return take_run(reader, (1u << (lead - 0xd4)) + 1, TR_ITEM_OTHER, out);
    case 0xd9: /* str 8, 16, 32 */
    case 0xda:
    case 0xdb:
        return take_sized(reader, 1u << (lead - 0xd9), 0, TR_ITEM_RUN, out);
    case 0xdc: /* array 16, 32 */
    case 0xdd:
        return take_counted(reader, 2u << (lead - 0xdc), TR_ITEM_ARRAY, out);
    case 0xde: /* map 16, 32 */
    case 0xdf:
        return take_counted(reader, 2u << (lead - 0xde), TR_ITEM_MAP, out);
    default: /* 0xc1 is never used */
        return false;
    }
}

bool tr_skip_container(tr_reader_t *reader, const tr_item_t *item, int room)
{
    if (room <= 0) {
        return false;
    }
    uint64_t n_items = item->type == TR_ITEM_MAP ? item->value * 2 : item->value;
    for (uint64_t i = 0; i < n_items; i++) {
        tr_item_t inner;
        if (!tr_take_item(reader, &inner) || !tr_skip_inside(reader, &inner, room - 1)) {
            return false;
        }
    }
    return true;
}
