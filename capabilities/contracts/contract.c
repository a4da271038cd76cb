/* A message is unpacked in the order that says most about what is wrong with it: the method,
 * the names and types of frame 1, the subject, and then all limits.
 */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/image_embedding.h>
#include <troupe/text_embedding.h>
#include <troupe/text_to_image.h>
#include <troupe/text_to_text.h>
#include <troupe/vision.h>

#include "base/json.h"
#include "base/utf8.h"
#include "capabilities/contracts/check.h"
#include "capabilities/contracts/details.h"
#include "capabilities/contracts/form.h"
#include "capabilities/contracts/json_text.h"
#include "capabilities/contracts/memory.h"
#include "capabilities/contracts/subject.h"

enum { MAX_REQUEST_JSON = 48 * 1024 * 1024 }; /* room for an image in base64 */

void troupe_why_set(troupe_why_t *self, const char *format, ...)
{
    assert(self && format);
    char line[2 * sizeof self->text];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    tr_span_t span = {line, length < 0 ? 0 : strlen(line)};
    size_t size = tr_utf8_cut(span, sizeof self->text - 1);
    memcpy(self->text, line, size);
    self->text[size] = '\0';
    tr_utf8_mend(self->text, size);
    for (char *byte = self->text; *byte; byte++) {
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f) {
            *byte = '?';
        }
    }
}

static const troupe_contract_t *const contracts[] = {
    &troupe_image_embedding_contract, &troupe_text_embedding_contract,
    &troupe_text_to_image_contract,   &troupe_text_to_text_contract,
    &troupe_vision_contract,
};

const troupe_contract_t *troupe_contract_find(const char *name)
{
    assert(name);
    for (size_t i = 0; i < sizeof contracts / sizeof *contracts; i++) {
        if (strcmp(contracts[i]->name, name) == 0) {
            return contracts[i];
        }
    }
    return NULL;
}

const char *troupe_contract_name(const troupe_contract_t *self)
{
    assert(self);
    return self->name;
}

/* ---- methods ---- */

static troupe_status_t find_method(const troupe_contract_t *self, const char *method,
                                   bool *is_batch_out, troupe_why_t *why)
{
    *is_batch_out = self->batch_method && method && strcmp(method, self->batch_method) == 0;
    if (*is_batch_out || !method || !*method || strcmp(method, self->method) == 0) {
        return TROUPE_OK;
    }
    troupe_why_set(why, "%s has no method '%.100s', only %s%s%s", self->name, method,
                   self->method, self->batch_method ? " and " : "",
                   self->batch_method ? self->batch_method : "");
    return TROUPE_ERR_INVALID;
}

static bool is_batch_of(const tr_form_t *form, const void *whole)
{
    return tr_subject_count(&form->subject, whole) != 1;
}

/* ---- a struct ---- */

static troupe_contract_memory_t **memory_in(const tr_form_t *form, void *whole)
{
    return (troupe_contract_memory_t **)(void *)((char *)whole + form->memory_offset);
}

static const troupe_contract_memory_t *memory_of(const tr_form_t *form, const void *whole)
{
    return *(troupe_contract_memory_t *const *)tr_form_at(whole, form->memory_offset);
}

void troupe_contract_init(const troupe_contract_t *self, void *request)
{
    assert(self && request);
    memcpy(request, self->request.defaults, self->request.size);
}

troupe_status_t troupe_contract_check(const troupe_contract_t *self, const void *request,
                                      troupe_why_t *why)
{
    return tr_form_check(&self->request, request, why);
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

static troupe_status_t pack(const tr_form_t *form, const void *whole, bool is_batch,
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

troupe_status_t troupe_contract_pack(const troupe_contract_t *self, const void *request,
                                     troupe_message_t **out, troupe_why_t *why)
{
    assert(self);
    return pack(&self->request, request, is_batch_of(&self->request, request), false, out, why);
}

static bool wants_json(const troupe_contract_memory_t *memory)
{
    return memory && memory->is_json;
}

troupe_status_t troupe_contract_pack_reply(const troupe_contract_t *self, const void *request,
                                           const void *reply, troupe_message_t **out,
                                           troupe_why_t *why)
{
    assert(self);
    return pack(&self->reply, reply, false, wants_json(memory_of(&self->request, request)), out,
                why);
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
    troupe_status_t status =
        message ? finish_details(&packed, wants_json(memory), message) : TROUPE_ERR_NOMEM;
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
        status =
            tr_details_read(form, &map, tr_subject_keys(&form->subject), memory, whole, why);
    }
    if (status == TROUPE_OK) {
        status = tr_subject_read(&form->subject, is_batch, troupe_message_data(message, 0),
                                 troupe_message_size(message, 0), &map, memory, whole, why);
    }
    return status == TROUPE_OK ? tr_form_check(form, whole, why) : status;
}

/* Fills `whole` by one of the two below, into memory of its own. */
static troupe_status_t begin(const tr_form_t *form, void *whole,
                             troupe_contract_memory_t **memory_out)
{
    memcpy(whole, form->defaults, form->size);
    *memory_out = tr_contract_memory_new();
    return *memory_out ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

static troupe_status_t end(const tr_form_t *form, void *whole, troupe_status_t status,
                           troupe_contract_memory_t *memory, troupe_why_t *why)
{
    if (status == TROUPE_OK) {
        *memory_in(form, whole) = memory;
    } else {
        troupe_contract_release(&memory);
        memcpy(whole, form->defaults, form->size);
    }
    if (status == TROUPE_ERR_NOMEM) {
        troupe_why_set(why, "out of memory");
    }
    return status;
}

static troupe_status_t unpack(const tr_form_t *form, bool is_batch,
                              const troupe_message_t *message, void *whole, troupe_why_t *why)
{
    troupe_contract_memory_t *memory;
    troupe_status_t status = begin(form, whole, &memory);
    if (status == TROUPE_OK) {
        memory->message = troupe_message_share(message);
        status = memory->message
                     ? unpack_frames(form, is_batch, memory->message, memory, whole, why)
                     : TROUPE_ERR_NOMEM;
    }
    return end(form, whole, status, memory, why);
}

troupe_status_t troupe_contract_unpack(const troupe_contract_t *self, const char *method,
                                       const troupe_message_t *message, void *request,
                                       troupe_why_t *why)
{
    assert(self && message && request && why);
    bool is_batch;
    troupe_status_t status = find_method(self, method, &is_batch, why);
    if (status != TROUPE_OK) {
        memcpy(request, self->request.defaults, self->request.size);
        return status;
    }
    return unpack(&self->request, is_batch, message, request, why);
}

troupe_status_t troupe_contract_unpack_reply(const troupe_contract_t *self, const char *method,
                                             const troupe_message_t *message, void *reply,
                                             troupe_why_t *why)
{
    assert(self && message && reply && why);
    bool is_batch;
    troupe_status_t status = find_method(self, method, &is_batch, why);
    if (status != TROUPE_OK) {
        memcpy(reply, self->reply.defaults, self->reply.size);
        return status;
    }
    return unpack(&self->reply, is_batch, message, reply, why);
}

/* ---- the JSON form ---- */

static const msgpack_object *find_value(const msgpack_object *map, const char *name)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        if (tr_object_says(&map->via.map.ptr[i].key, name)) {
            return &map->via.map.ptr[i].val;
        }
    }
    return NULL;
}

static troupe_status_t read_subject(const tr_subject_t *subject, bool is_batch,
                                    const msgpack_object *map, const troupe_message_t *given,
                                    troupe_contract_memory_t *memory, void *request,
                                    troupe_why_t *why)
{
    const char *name = tr_subject_name(subject, is_batch);
    const msgpack_object *value = find_value(map, name);
    const msgpack_object none = {.type = MSGPACK_OBJECT_MAP};
    if (given) {
        return tr_subject_read(subject, is_batch, troupe_message_data(given, 0),
                               troupe_message_size(given, 0), &none, memory, request, why);
    }
    if (value) {
        return tr_subject_from_json(subject, is_batch, value, memory, request, why);
    }
    if (subject->may_lack) {
        return TROUPE_OK;
    }
    troupe_why_set(why, "%s is missing", name);
    return TROUPE_ERR_INVALID;
}

static troupe_status_t read_json(const troupe_contract_t *self, bool is_batch,
                                 const msgpack_object *map, const troupe_message_t *subject,
                                 troupe_contract_memory_t *memory, void *request,
                                 troupe_why_t *why)
{
    const tr_form_t *form = &self->request;
    const char *const passed[] = {tr_subject_name(&form->subject, is_batch), NULL};
    troupe_status_t status =
        tr_details_read(form, map, subject ? NULL : passed, memory, request, why);
    return status == TROUPE_OK
               ? read_subject(&form->subject, is_batch, map, subject, memory, request, why)
               : status;
}

/* Make *method_p the contract's own name of it; of none, that which the object is meant for. */
static troupe_status_t choose_method(const troupe_contract_t *self, const msgpack_object *map,
                                     const char **method_p, troupe_why_t *why)
{
    bool is_batch;
    troupe_status_t status = find_method(self, *method_p, &is_batch, why);
    if (!*method_p || !**method_p) {
        is_batch = self->batch_method &&
                   find_value(map, tr_subject_name(&self->request.subject, true));
    }
    *method_p = is_batch ? self->batch_method : self->method;
    return status;
}

static troupe_status_t pack_json(const troupe_contract_t *self, const char **method_p,
                                 const char *json, size_t size, const troupe_message_t *subject,
                                 void *request, troupe_message_t **message_out,
                                 troupe_why_t *why)
{
    msgpack_object map;
    troupe_contract_memory_t *memory;
    troupe_status_t status = begin(&self->request, request, &memory);
    if (status == TROUPE_OK) {
        status = tr_details_unpack(json, size, MAX_REQUEST_JSON, memory, &map, why);
    }
    if (status == TROUPE_OK) {
        status = choose_method(self, &map, method_p, why);
    }
    if (status == TROUPE_OK) {
        status = read_json(self, *method_p == self->batch_method, &map, subject, memory,
                           request, why);
    }
    if (status == TROUPE_OK) {
        status = pack(&self->request, request, *method_p == self->batch_method, false,
                      message_out, why);
    }
    troupe_contract_release(&memory);
    return status;
}

troupe_status_t troupe_contract_request_from_json(const troupe_contract_t *self,
                                                  const char *method, const char *json,
                                                  size_t size, const troupe_message_t *subject,
                                                  troupe_message_t **message_out,
                                                  const char **method_out, troupe_why_t *why)
{
    assert(self && json && message_out && why);
    void *request = malloc(self->request.size);
    troupe_status_t status = TROUPE_ERR_NOMEM;
    if (request) {
        status = pack_json(self, &method, json, size, subject, request, message_out, why);
    }
    if (status == TROUPE_OK && method_out) {
        *method_out = method;
    }
    if (status == TROUPE_ERR_NOMEM) {
        troupe_why_set(why, "out of memory");
    }
    free(request);
    return status;
}

static troupe_status_t write_json(const tr_form_t *form, bool is_batch, const void *reply,
                                  char **json_out)
{
    tr_builder_t packed = {0}, json = {0};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &packed, tr_builder_write);
    const char *name = tr_subject_name(&form->subject, is_batch);
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t at = 0;
    if (msgpack_pack_map(&packer, tr_details_count(form, reply) + 1) == 0 &&
        tr_pack_text(&packer, name, strlen(name)) &&
        tr_subject_to_json(&form->subject, is_batch, reply, &packer) &&
        tr_details_write(form, reply, &packer) &&
        msgpack_unpack_next(&unpacked, packed.text, packed.size, &at) ==
            MSGPACK_UNPACK_SUCCESS) {
        tr_json_object(&json, &unpacked.data);
    }
    size_t size;
    *json_out = json.size > 0 ? tr_builder_take(&json, &size) : NULL;
    tr_builder_finish(&json);
    tr_builder_finish(&packed);
    msgpack_unpacked_destroy(&unpacked);
    return *json_out ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

troupe_status_t troupe_contract_reply_to_json(const troupe_contract_t *self, const char *method,
                                              const troupe_message_t *reply, char **json_out,
                                              troupe_why_t *why)
{
    assert(self && reply && json_out && why);
    bool is_batch;
    void *whole = malloc(self->reply.size);
    troupe_status_t status = find_method(self, method, &is_batch, why);
    if (status == TROUPE_OK) {
        status = whole ? unpack(&self->reply, is_batch, reply, whole, why) : TROUPE_ERR_NOMEM;
    }
    if (status == TROUPE_OK) {
        status = write_json(&self->reply, is_batch, whole, json_out);
        troupe_contract_release(memory_in(&self->reply, whole));
    }
    if (status == TROUPE_ERR_NOMEM) {
        troupe_why_set(why, "out of memory");
    }
    free(whole);
    return status;
}

/* ---- calls ---- */

static troupe_status_t call(troupe_client_t *client, troupe_caller_t *caller,
                            const char *capability, const troupe_call_options_t *options,
                            const troupe_typed_call_t *how, troupe_message_t **message_p,
                            troupe_reply_t **out)
{
    return client ? troupe_client_call(client, capability, options, message_p, how->on_part,
                                       how->arg, out)
                  : troupe_caller_call(caller, capability, options, message_p, how->on_part,
                                       how->arg, out);
}

static troupe_outcome_t take_final(const troupe_contract_t *self, const char *method,
                                   const troupe_reply_t *final, void *reply, troupe_why_t *why)
{
    troupe_outcome_t outcome = troupe_reply_outcome(final);
    if (outcome != TROUPE_OUTCOME_OK) {
        troupe_why_set(why, "%s", troupe_reply_text(final));
        return outcome;
    }
    troupe_why_t what;
    if (troupe_contract_unpack_reply(self, method, troupe_reply_message(final), reply, &what) ==
        TROUPE_OK) {
        return TROUPE_OUTCOME_OK;
    }
    troupe_why_set(why, "the reply does not keep to the contract: %s", what.text);
    return TROUPE_OUTCOME_WORKER_ERROR;
}

troupe_outcome_t troupe_contract_call(const troupe_contract_t *self, troupe_client_t *client,
                                      troupe_caller_t *caller, const troupe_typed_call_t *how,
                                      const void *request, void *reply, troupe_why_t *why)
{
    assert(self && (client || caller) && request && reply && why);
    const troupe_typed_call_t usual = {0};
    how = how ? how : &usual;
    troupe_call_options_t options = how->options ? *how->options : (troupe_call_options_t){0};
    options.method = is_batch_of(&self->request, request) ? self->batch_method : self->method;

    troupe_message_t *message = NULL;
    troupe_status_t status = troupe_contract_pack(self, request, &message, why);
    if (status != TROUPE_OK) {
        return status == TROUPE_ERR_NOMEM ? TROUPE_OUTCOME_MEMORY_EXHAUSTED
               : status == TROUPE_LIMIT   ? TROUPE_OUTCOME_TOO_LARGE
                                          : TROUPE_OUTCOME_BAD_REQUEST;
    }
    troupe_reply_t *final = NULL;
    if (call(client, caller, how->capability ? how->capability : self->name, &options, how,
             &message, &final) != TROUPE_OK) {
        troupe_why_set(why, "out of memory");
        return TROUPE_OUTCOME_MEMORY_EXHAUSTED;
    }
    troupe_outcome_t outcome = take_final(self, options.method, final, reply, why);
    troupe_reply_destroy(&final);
    return outcome;
}
