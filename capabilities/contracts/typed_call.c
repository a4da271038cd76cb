#include <assert.h>

#include <troupe/contract.h>

#include "capabilities/contracts/frames.h"

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

/* Who has sent several gets a vector for each: what is missing, or too much, would be taken for
 * that of another. */
static bool has_a_vector_for_each(const troupe_contract_t *self, const void *request,
                                  const void *reply, troupe_why_t *why)
{
    const tr_subject_t *asked = &self->request.subject;
    const tr_subject_t *got = &self->reply.subject;
    if (got->kind != TR_SUBJECT_VALUES) {
        return true;
    }
    size_t n_asked = tr_form_count(request, asked->count_offset);
    size_t dimension = (size_t) * (const int64_t *)tr_form_at(reply, got->dimension_offset);
    size_t n_vectors = tr_form_count(reply, got->count_offset) / dimension;
    if (n_vectors != n_asked) {
        troupe_why_set(why, "it has %zu vector%s for %zu %s", n_vectors,
                       n_vectors == 1 ? "" : "s", n_asked,
                       n_asked == 1 ? asked->one : asked->name);
    }
    return n_vectors == n_asked;
}

static troupe_outcome_t take_final(const troupe_contract_t *self, const char *method,
                                   const void *request, const troupe_reply_t *final,
                                   void *reply, troupe_why_t *why)
{
    troupe_outcome_t outcome = troupe_reply_outcome(final);
    if (outcome != TROUPE_OUTCOME_OK) {
        troupe_why_set(why, "%s", troupe_reply_text(final));
        return outcome;
    }
    troupe_why_t what;
    if (troupe_contract_unpack_reply(self, method, troupe_reply_message(final), reply, &what) ==
        TROUPE_OK) {
        if (has_a_vector_for_each(self, request, reply, &what)) {
            return TROUPE_OUTCOME_OK;
        }
        troupe_contract_release(
            (troupe_contract_memory_t **)((char *)reply + self->reply.memory_offset));
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
    options.method =
        tr_form_is_batch(&self->request, request) ? self->batch_method : self->method;

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
    troupe_outcome_t outcome = take_final(self, options.method, request, final, reply, why);
    troupe_reply_destroy(&final);
    return outcome;
}
