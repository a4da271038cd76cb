/* wire/document.h - a document of maps and lists, written entry by entry
 *
 * What the node tells its operators is msgpack in one frame. A map, or a list, says first how
 * many entries it has. That memory ran out is told in the end, by tr_document_take.
 *
 * One thread at a time; not to be copied or moved once it has begun.
 */

#ifndef TROUPE_WIRE_DOCUMENT_H
#define TROUPE_WIRE_DOCUMENT_H

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/message.h>

typedef struct tr_document {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    bool is_out_of_memory;
} tr_document_t;

/* An empty one. It ends with tr_document_take, or tr_document_drop. */
void tr_document_begin(tr_document_t *self);
void tr_document_drop(tr_document_t *self);

/* What was written, as a message of one frame, the caller's; the document is empty then. NULL
 * when out of memory. */
TROUPE_NODISCARD troupe_message_t *tr_document_take(tr_document_t *self);

/* ---- values: what a list has, or what follows a key ---- */

void tr_document_map(tr_document_t *self, size_t n_entries);
void tr_document_list(tr_document_t *self, size_t n_items);
void tr_document_text(tr_document_t *self, const char *text);
void tr_document_number(tr_document_t *self, int64_t number);

/* Something that is packed already. */
void tr_document_packed(tr_document_t *self, const void *data, size_t size);

/* ---- entries of a map; the value follows a key alone ---- */

void tr_document_key(tr_document_t *self, const char *key);
void tr_document_add_text(tr_document_t *self, const char *key, const char *text);
void tr_document_add_count(tr_document_t *self, const char *key, uint64_t count);
void tr_document_add_number(tr_document_t *self, const char *key, int64_t number);
void tr_document_add_flag(tr_document_t *self, const char *key, bool flag);
void tr_document_add_nothing(tr_document_t *self, const char *key);

#endif
