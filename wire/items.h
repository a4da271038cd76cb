/* wire/items.h - msgpack, item by item, read with distrust and written in its shortest form
 *
 * What a peer sends is untrusted, and a general unpacker believes the counts it reads: five
 * bytes can make one reserve gigabytes. Nothing here allocates, and every length and count is
 * compared with the bytes that are left before it is used.
 *
 * Pure. Reader and writer live on their user's stack.
 */

#ifndef TROUPE_WIRE_ITEMS_H
#define TROUPE_WIRE_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>

#include "base/span.h"

/* Once something did not fit, nothing more is written and `is_full` stays. */
typedef struct tr_writer {
    unsigned char *at;
    unsigned char *end;
    bool is_full;
} tr_writer_t;

void tr_put_bool(tr_writer_t *writer, bool value);
void tr_put_number(tr_writer_t *writer, uint64_t value);
void tr_put_text(tr_writer_t *writer, const char *text);

/* Write `span`, of at most 65535 bytes, as str or bin. Returns where the bytes lie now, NULL
 * when they did not fit. */
char *tr_put_run(tr_writer_t *writer, tr_span_t span, bool is_binary);

/* The head of an array of `count` items, or of a map of `count` pairs, at most 65535. */
void tr_put_array(tr_writer_t *writer, size_t count);
void tr_put_map(tr_writer_t *writer, size_t count);

/* at <= end, and everything before `at` has been understood. */
typedef struct tr_reader {
    const unsigned char *at;
    const unsigned char *end;
} tr_reader_t;

typedef enum tr_item_type {
    TR_ITEM_NIL,
    TR_ITEM_BOOL,
    TR_ITEM_NUMBER,   /* not negative */
    TR_ITEM_NEGATIVE, /* its value is not kept: nothing of ours is negative */
    TR_ITEM_RUN,      /* str or bin */
    TR_ITEM_ARRAY,    /* its items come next */
    TR_ITEM_MAP,      /* its keys and values come next */
    TR_ITEM_OTHER,    /* float or extension, already passed */
} tr_item_type_t;

/* Of `value` and `run`, what does not belong to the type means nothing. */
typedef struct tr_item {
    tr_item_type_t type;
    uint64_t value; /* the number; 0 or 1; how many items or pairs */
    tr_span_t run;  /* of TR_ITEM_RUN, borrowed from the bytes read */
} tr_item_t;

static inline tr_reader_t tr_reader_of(const void *data, size_t size)
{
    const unsigned char *start = size > 0 ? data : (const unsigned char *)"";
    return (tr_reader_t){.at = start, .end = start + size};
}

static inline size_t tr_bytes_left(const tr_reader_t *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Take one item; of arrays and maps only the head, whose count is then possible at least.
 * False when the bytes are no msgpack or are too few; the reader is of no use afterwards. */
TROUPE_NODISCARD bool tr_take_any_item(tr_reader_t *reader, tr_item_t *out);

/* The same, quick for the short texts and small numbers that almost all items are. */
TROUPE_NODISCARD static inline bool tr_take_item(tr_reader_t *reader, tr_item_t *out)
{
    size_t n_left = tr_bytes_left(reader);
    unsigned lead = n_left > 0 ? *reader->at : 0xc1;
    if (lead < 0x80) {
        out->type = TR_ITEM_NUMBER;
        out->value = lead;
        reader->at++;
        return true;
    }
    size_t size = lead & 0x1f;
    if (lead >= 0xa0 && lead < 0xc0 && size < n_left) {
        out->type = TR_ITEM_RUN;
        out->run = (tr_span_t){(const char *)reader->at + 1, size};
        reader->at += 1 + size;
        return true;
    }
    return tr_take_any_item(reader, out);
}

/* Pass what is inside `item`, an array or a map. `room` is how many containers may lie in each
 * other, this one included. False as above, or when there are more. */
TROUPE_NODISCARD bool tr_skip_container(tr_reader_t *reader, const tr_item_t *item, int room);

/* The same for any item: there is nothing inside others. */
TROUPE_NODISCARD static inline bool tr_skip_inside(tr_reader_t *reader, const tr_item_t *item,
                                                   int room)
{
    bool is_container = item->type == TR_ITEM_ARRAY || item->type == TR_ITEM_MAP;
    return !is_container || tr_skip_container(reader, item, room);
}

#endif
