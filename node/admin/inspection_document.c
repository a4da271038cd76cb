/* The state comes from a behaviour, which may be wrong: it is read before it is handed on, byte
 * for byte.
 */

#include "node/admin/inspection_document.h"

#include <assert.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/admin/account.h"

typedef struct writer {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
} writer_t;

static void text(writer_t *writer, const char *value)
{
    size_t size = strlen(value);
    msgpack_pack_str(&writer->packer, size);
    msgpack_pack_str_body(&writer->packer, value, size);
}

static void text_entry(writer_t *writer, const char *key, const char *value)
{
    text(writer, key);
    text(writer, value);
}

static void number_entry(writer_t *writer, const char *key, uint64_t value)
{
    text(writer, key);
    msgpack_pack_uint64(&writer->packer, value);
}

static void bool_entry(writer_t *writer, const char *key, bool value)
{
    text(writer, key);
    value ? msgpack_pack_true(&writer->packer) : msgpack_pack_false(&writer->packer);
}

/* False: `why` says what is wrong with it. */
static bool is_fit_to_show(const char *name, const troupe_message_t *state, char *why,
                           size_t size)
{
    size_t state_size = troupe_message_size(state, 0);
    if (state_size > TR_INSPECTION_MOST_STATE) {
        snprintf(why, size, "%.80s shows a state of %zu bytes, and %zu are the most", name,
                 state_size, TR_INSPECTION_MOST_STATE);
        return false;
    }
    tr_account_t reading = {0};
    troupe_status_t status =
        tr_account_open(&reading, troupe_message_data(state, 0), state_size);
    if (status == TROUPE_OK) {
        tr_account_close(&reading);
    } else if (status == TROUPE_ERR_INVALID) {
        snprintf(why, size, "%.80s shows a state that is no msgpack", name);
    }
    return status == TROUPE_OK;
}

static void write_inside(writer_t *writer, const troupe_message_t *state)
{
    text(writer, "inside");
    if (state) {
        msgpack_sbuffer_write(&writer->buffer, troupe_message_data(state, 0),
                              troupe_message_size(state, 0));
    } else {
        msgpack_pack_nil(&writer->packer);
    }
}

static void free_buffer(void *data, void *hint)
{
    (void)hint;
    free(data);
}

static troupe_message_t *message_of(writer_t *writer)
{
    troupe_message_t *message = troupe_message_new();
    size_t size = writer->buffer.size;
    char *data = msgpack_sbuffer_release(&writer->buffer);
    if (!message || !data ||
        troupe_message_add_owned(message, data, size, free_buffer, NULL) != TROUPE_OK) {
        free(data);
        troupe_message_destroy(&message);
    }
    return message;
}

troupe_message_t *tr_inspection_document(const tr_inspection_t *inspection,
                                         const tr_report_child_t *child, bool is_traced,
                                         char *why, size_t size)
{
    assert(inspection && child && why && size > 0);
    why[0] = '\0';
    if (inspection->state && !is_fit_to_show(child->name, inspection->state, why, size)) {
        return NULL;
    }
    writer_t writer;
    msgpack_sbuffer_init(&writer.buffer);
    msgpack_packer_init(&writer.packer, &writer.buffer, msgpack_sbuffer_write);
    bool has_nothing = !inspection->state && !inspection->remark[0];
    msgpack_pack_map(&writer.packer, 17);
    text_entry(&writer, "name", child->name);
    text_entry(&writer, "kind", child->kind);
    text_entry(&writer, "behaviour", inspection->behaviour);
    text_entry(&writer, "state", child->state);
    number_entry(&writer, "restarts", child->n_restarts);
    bool_entry(&writer, "suspended", inspection->is_suspended);
    bool_entry(&writer, "traced", is_traced);
    number_entry(&writer, "mailbox", inspection->n_waiting);
    number_entry(&writer, "messages", inspection->n_messages);
    number_entry(&writer, "rate", inspection->rate);
    number_entry(&writer, "aside", inspection->n_aside);
    number_entry(&writer, "timers", inspection->n_timers);
    number_entry(&writer, "monitors", inspection->n_monitors);
    number_entry(&writer, "asks", inspection->n_asks);
    number_entry(&writer, "calls", inspection->n_calls);
    write_inside(&writer, inspection->state);
    text_entry(&writer, "remark", has_nothing ? "it has nothing to show" : inspection->remark);
    return message_of(&writer);
}
