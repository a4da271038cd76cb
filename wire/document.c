/* A write that fails is noted, and none is tried after it: half a document is none. */

#include "wire/document.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int append(void *arg, const char *data, size_t size)
{
    tr_document_t *self = arg;
    self->is_out_of_memory =
        self->is_out_of_memory || msgpack_sbuffer_write(&self->buffer, data, size) != 0;
    return self->is_out_of_memory ? -1 : 0;
}

void tr_document_begin(tr_document_t *self)
{
    assert(self);
    self->is_out_of_memory = false;
    msgpack_sbuffer_init(&self->buffer);
    msgpack_packer_init(&self->packer, self, append);
}

void tr_document_drop(tr_document_t *self)
{
    assert(self);
    msgpack_sbuffer_destroy(&self->buffer);
}

static void free_bytes(void *data, void *hint)
{
    (void)hint;
    free(data);
}

troupe_message_t *tr_document_take(tr_document_t *self)
{
    assert(self);
    troupe_message_t *message = self->is_out_of_memory ? NULL : troupe_message_new();
    size_t size = self->buffer.size;
    char *data = msgpack_sbuffer_release(&self->buffer);
    if (!message || !data ||
        troupe_message_add_owned(message, data, size, free_bytes, NULL) != TROUPE_OK) {
        free(data);
        troupe_message_destroy(&message);
    }
    return message;
}

/* ---- values ---- */

void tr_document_map(tr_document_t *self, size_t n_entries)
{
    msgpack_pack_map(&self->packer, n_entries);
}

void tr_document_list(tr_document_t *self, size_t n_items)
{
    msgpack_pack_array(&self->packer, n_items);
}

void tr_document_text(tr_document_t *self, const char *text)
{
    assert(text);
    size_t size = strlen(text);
    msgpack_pack_str(&self->packer, size);
    msgpack_pack_str_body(&self->packer, text, size);
}

void tr_document_number(tr_document_t *self, int64_t number)
{
    msgpack_pack_int64(&self->packer, number);
}

void tr_document_packed(tr_document_t *self, const void *data, size_t size)
{
    append(self, data, size);
}

/* ---- entries ---- */

void tr_document_key(tr_document_t *self, const char *key)
{
    tr_document_text(self, key);
}

void tr_document_add_text(tr_document_t *self, const char *key, const char *text)
{
    tr_document_key(self, key);
    tr_document_text(self, text);
}

void tr_document_add_count(tr_document_t *self, const char *key, uint64_t count)
{
    tr_document_key(self, key);
    msgpack_pack_uint64(&self->packer, count);
}

void tr_document_add_number(tr_document_t *self, const char *key, int64_t number)
{
    tr_document_key(self, key);
    tr_document_number(self, number);
}

void tr_document_add_flag(tr_document_t *self, const char *key, bool flag)
{
    tr_document_key(self, key);
    flag ? msgpack_pack_true(&self->packer) : msgpack_pack_false(&self->packer);
}

void tr_document_add_nothing(tr_document_t *self, const char *key)
{
    tr_document_key(self, key);
    msgpack_pack_nil(&self->packer);
}
