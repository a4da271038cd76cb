#include "capabilities/contracts/contract.h"

#include <assert.h>
#include <string.h>

#include <troupe/image_embedding.h>
#include <troupe/text_embedding.h>
#include <troupe/text_to_image.h>
#include <troupe/text_to_text.h>
#include <troupe/vision.h>

#include "capabilities/contracts/check.h"
#include "capabilities/contracts/frames.h"

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

troupe_status_t tr_contract_method(const troupe_contract_t *self, const char *method,
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

/* ---- as messages ---- */

troupe_status_t troupe_contract_pack(const troupe_contract_t *self, const void *request,
                                     troupe_message_t **out, troupe_why_t *why)
{
    assert(self);
    return tr_form_pack(&self->request, request, tr_form_is_batch(&self->request, request),
                        false, out, why);
}

/* A request that was not unpacked came in no form. */
static bool wants_json(const tr_form_t *form, const void *request)
{
    const troupe_contract_memory_t *memory =
        *(troupe_contract_memory_t *const *)tr_form_at(request, form->memory_offset);
    return memory && memory->is_json;
}

troupe_status_t troupe_contract_pack_reply(const troupe_contract_t *self, const void *request,
                                           const void *reply, troupe_message_t **out,
                                           troupe_why_t *why)
{
    assert(self);
    return tr_form_pack(&self->reply, reply, false, wants_json(&self->request, request), out,
                        why);
}

troupe_status_t troupe_contract_unpack(const troupe_contract_t *self, const char *method,
                                       const troupe_message_t *message, void *request,
                                       troupe_why_t *why)
{
    assert(self && message && request && why);
    bool is_batch;
    troupe_status_t status = tr_contract_method(self, method, &is_batch, why);
    if (status != TROUPE_OK) {
        memcpy(request, self->request.defaults, self->request.size);
        return status;
    }
    return tr_form_unpack(&self->request, is_batch, message, request, why);
}

troupe_status_t troupe_contract_unpack_reply(const troupe_contract_t *self, const char *method,
                                             const troupe_message_t *message, void *reply,
                                             troupe_why_t *why)
{
    assert(self && message && reply && why);
    bool is_batch;
    troupe_status_t status = tr_contract_method(self, method, &is_batch, why);
    if (status != TROUPE_OK) {
        memcpy(reply, self->reply.defaults, self->reply.size);
        return status;
    }
    return tr_form_unpack(&self->reply, is_batch, message, reply, why);
}
