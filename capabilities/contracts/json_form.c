/* A request and a reply as one JSON object each, for callers that have no structs. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "capabilities/contracts/contract.h"
#include "capabilities/contracts/details.h"
#include "capabilities/contracts/frames.h"
#include "capabilities/contracts/json_text.h"
#include "capabilities/contracts/subject.h"

enum { MAX_REQUEST_JSON = 48 * 1024 * 1024 }; /* room for an image in base64 */

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
    troupe_status_t status = tr_contract_method(self, *method_p, &is_batch, why);
    if (!*method_p || !**method_p) {
        is_batch = self->batch_method &&
                   find_value(map, tr_subject_name(&self->request.subject, true));
    }
    *method_p = is_batch ? self->batch_method : self->method;
    return status;
}

/* Of RFC 8259, section 2. */
static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static troupe_status_t pack_json(const troupe_contract_t *self, const char **method_p,
                                 const char *json, size_t size, const troupe_message_t *subject,
                                 void *request, troupe_message_t **message_out,
                                 troupe_why_t *why)
{
    msgpack_object map;
    troupe_contract_memory_t *memory;
    troupe_status_t status = tr_form_begin(&self->request, request, &memory);
    for (; size > 0 && is_space(*json); json++, size--) {
    }
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
        status = tr_form_pack(&self->request, request, *method_p == self->batch_method, false,
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
    troupe_status_t status = tr_contract_method(self, method, &is_batch, why);
    if (status == TROUPE_OK) {
        status = whole ? tr_form_unpack(&self->reply, is_batch, reply, whole, why)
                       : TROUPE_ERR_NOMEM;
    }
    if (status == TROUPE_OK) {
        status = write_json(&self->reply, is_batch, whole, json_out);
        troupe_contract_release(tr_form_memory(&self->reply, whole));
    }
    if (status == TROUPE_ERR_NOMEM) {
        troupe_why_set(why, "out of memory");
    }
    free(whole);
    return status;
}
