/* A message is unpacked in the order that says most about what is wrong with it: the names and
 * types of frame 1, the subject, and then all limits.
 */

#include "capabilities/contracts/frames.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "capabilities/contracts/check.h"
#include "capabilities/contracts/details.h"
#include "capabilities/contracts/json_text.h"
#include "capabilities/contracts/subject.h"

bool tr_form_is_batch(const tr_form_t *form, const void *whole)
{
    return tr_subject_count(&form->subject, whole) != 1;
}

/* ---- packing ---- */

static troupe_status_t finish_details(tr_builder_t *packed, bool is_json, troupe_message_t *to)
{
    troupe_status_t status = TROUPE_ERR_NOMEM;
    if (packed->is_out_of_memory) {
        return status;
    }
    if (!is_json) {
        return troupe_message_add(to, packed->text, packed->size);
    }
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t at = 0;
    tr_builder_t json = {0};
    if (msgpack_unpack_next(&unpacked, packed->text, packed->size, &at) ==
        MSGPACK_UNPACK_SUCCESS) {
        tr_json_object(&json, &unpacked.data);
        if (!json.is_out_of_memory) {
            status = troupe_message_add(to, json.text, json.size);
        }
    }
    tr_builder_finish(&json);
    msgpack_unpacked_destroy(&unpacked);
    return status;
}

static troupe_status_t add_details(const tr_form_t *form, const void *whole, bool is_batch,
                                   bool is_json, troupe_message_t *to)
{
    const char *path = tr_subject_path(&form->subject, is_batch, whole);
    size_t n_pairs = tr_details_count(form, whole) + (path ? 1 : 0);
    if (n_pairs == 0) {
        return TROUPE_OK;
    }
    tr_builder_t packed = {0};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &packed, tr_builder_write);
    bool is_fine =
        msgpack_pack_map(&packer, n_pairs) == 0 && tr_details_write(form, whole, &packer) &&
        (!path ||
         (tr_pack_text(&packer, "path", 4) && tr_pack_text(&packer, path, strlen(path))));
    troupe_status_t status = is_fine ? finish_details(&packed, is_json, to) : TROUPE_ERR_NOMEM;
    tr_builder_finish(&packed);
    return status;
}

troupe_status_t tr_form_pack(const tr_form_t *form, const void *whole, bool is_batch,
                             bool is_json, troupe_message_t **out, troupe_why_t *why)
{
    assert(out && why);
    troupe_status_t status = tr_form_check(form, whole, why);
    if (status != TROUPE_OK) {
        return status;
    }
    troupe_message_t *message = troupe_message_new();
    status =
        message ? tr_subject_write(&form->subject, is_batch, whole, message) : TROUPE_ERR_NOMEM;
    if (status == TROUPE_OK) {
        status = add_details(form, whole, is_batch, is_json, message);
    }
    if (status == TROUPE_OK) {
        *out = message;
    } else {
        troupe_message_destroy(&message);
        troupe_why_set(why, "out of memory");
    }
    return status;
}

troupe_status_t troupe_contract_pack_progress(const troupe_contract_memory_t *memory,
                                              double progress, troupe_message_t **out)
{
    assert(out);
    tr_builder_t packed = {0};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &packed, tr_builder_write);
    msgpack_pack_map(&packer, 1);
    bool is_fine = tr_pack_text(&packer, "progress", 8);
    msgpack_pack_double(&packer, progress);
    troupe_message_t *message = is_fine ? troupe_message_from("", 0) : NULL;
    troupe_status_t status = message
                                 ? finish_details(&packed, memory && memory->is_json, message)
                                 : TROUPE_ERR_NOMEM;
    tr_builder_finish(&packed);
    if (status == TROUPE_OK) {
        *out = message;
    } else {
        troupe_message_destroy(&message);
    }
    return status;
}

/* ---- unpacking ---- */

static troupe_status_t unpack_frames(const tr_form_t *form, bool is_batch,
                                     const troupe_message_t *message,
                                     troupe_contract_memory_t *memory, void *whole,
                                     troupe_why_t *why)
{
    msgpack_object map;
    if (troupe_message_count(message) > 2) {
        troupe_why_set(why, "%s has two frames, not %zu", form->what,
                       troupe_message_count(message));
        return TROUPE_ERR_INVALID;
    }
    troupe_status_t status =
        tr_details_unpack(troupe_message_data(message, 1), troupe_message_size(message, 1),
                          form->max_details, memory, &map, why);
    if (status == TROUPE_OK) {
        const char *const *passed = is_batch ? NULL : tr_subject_keys(&form->subject);
        status = tr_details_read(form, &map, passed, memory, whole, why);
    }
    if (status == TROUPE_OK) {
        status = tr_subject_read(&form->subject, is_batch, troupe_message_data(message, 0),
                                 troupe_message_size(message, 0), &map, memory, whole, why);
    }
    return status == TROUPE_OK ? tr_form_check(form, whole, why) : status;
}

troupe_status_t tr_form_begin(const tr_form_t *form, void *whole,
                              troupe_contract_memory_t **memory_out)
{
    memcpy(whole, form->defaults, form->size);
    *memory_out = tr_contract_memory_new();
    return *memory_out ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

static troupe_status_t finish(const tr_form_t *form, void *whole, troupe_status_t status,
                              troupe_contract_memory_t *memory, troupe_why_t *why)
{
    if (status == TROUPE_OK) {
        *tr_form_memory(form, whole) = memory;
    } else {
        troupe_contract_release(&memory);
        memcpy(whole, form->defaults, form->size);
    }
    if (status == TROUPE_ERR_NOMEM) {
        troupe_why_set(why, "out of memory");
    }
    return status;
}

troupe_status_t tr_form_unpack(const tr_form_t *form, bool is_batch,
                               const troupe_message_t *message, void *whole, troupe_why_t *why)
{
    troupe_contract_memory_t *memory;
    troupe_status_t status = tr_form_begin(form, whole, &memory);
    if (status == TROUPE_OK) {
        memory->message = troupe_message_share(message);
        status = memory->message
                     ? unpack_frames(form, is_batch, memory->message, memory, whole, why)
                     : TROUPE_ERR_NOMEM;
    }
    return finish(form, whole, status, memory, why);
}
