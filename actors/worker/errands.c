/* A call that cannot even begin still gets its place in the table, and its final by the
 * mailbox: so there is one way for a behaviour to learn how a call ended.
 */

#include "actors/worker/errands.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mailbox/reply.h"

void tr_errands_init(tr_errands_t *self, tr_self_t *actor)
{
    assert(self && actor);
    *self = (tr_errands_t){.self = actor};
    tr_idmap_init(&self->open);
}

static void forget(tr_errands_t *self, uint64_t id)
{
    tr_errand_t *errand = tr_idmap_take(&self->open, id);
    if (errand) {
        tr_envelope_release(&errand->envelope);
        tr_mailbox_release(&errand->router);
        free(errand);
    }
}

static void cancel(tr_errand_t *errand)
{
    if (errand->router) {
        tr_envelope_cancel(errand->envelope, errand->router);
    }
}

void tr_errands_finish(tr_errands_t *self)
{
    assert(self);
    uint64_t id;
    tr_errand_t *errand;
    while ((errand = tr_idmap_any(&self->open, &id)) != NULL) {
        cancel(errand);
        forget(self, id);
    }
    tr_idmap_finish(&self->open);
}

/* The time that the call may take; 0: as long as the capability allows. */
static int64_t timeout_of(const tr_job_t *parent, const troupe_call_options_t *options)
{
    int64_t timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TR_NEVER;
    int64_t left_ms = parent ? troupe_request_remaining_ms(parent) : TR_NEVER;
    timeout_ms = left_ms < timeout_ms ? left_ms : timeout_ms;
    return timeout_ms == TR_NEVER ? 0 : timeout_ms > 0 ? timeout_ms : 1;
}

tr_header_t tr_errands_header(const tr_errands_t *self, const tr_job_t *parent,
                              const char *capability, const troupe_call_options_t *options)
{
    assert(self && capability && options);
    const tr_envelope_t *above = parent ? parent->envelope : NULL;
    return (tr_header_t){
        .capability = tr_span_of(capability),
        .method = tr_span_of(options->method),
        .traceparent = tr_span_of(options->traceparent ? options->traceparent
                                  : above              ? above->traceparent
                                                       : NULL),
        .sticky = tr_span_of(options->sticky_key),
        .dedup = tr_span_of(options->dedup_key),
        .timeout_ms = timeout_of(parent, options),
        .priority = options->priority != TROUPE_PRIORITY_DEFAULT || !above ? options->priority
                                                                           : above->priority,
        .credit = options->credit,
        .peer = above ? above->peer : self->self->incarnation,
        .depth = above ? above->depth + 1 : 1,
        .parent = parent ? parent->number : 0,
    };
}

static tr_mailbox_t *router_for(const tr_errands_t *self, tr_span_t capability)
{
    tr_runtime_t *runtime = self->self->runtime;
    tr_mailbox_t *router =
        tr_directory_find(runtime->directory, TR_NAMES_CAPABILITY, capability);
    return router || !runtime->beyond ? router : tr_mailbox_share(runtime->beyond);
}

static void post(tr_runtime_t *runtime, tr_errand_t *errand, const tr_job_t *parent)
{
    tr_envelope_t *envelope = errand->envelope;
    if (parent && troupe_request_cancelled(parent)) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_CANCELLED, 0,
                           "nobody waits for the request that it was called for");
    } else if (envelope->depth > TR_ERRAND_MAX_DEPTH) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_BAD_REQUEST, 0,
                           "calls are nested deeper than %d: a circle", TR_ERRAND_MAX_DEPTH);
    } else {
        tr_runtime_submit(runtime, envelope, errand->router, false);
    }
}

troupe_status_t tr_errands_start(tr_errands_t *self, uint64_t id, const tr_job_t *parent,
                                 const tr_header_t *header, troupe_message_t **message_p,
                                 troupe_answer_fn *on_answer, void *arg)
{
    assert(self && id > 0 && header && message_p);
    tr_errand_t *errand = calloc(1, sizeof *errand);
    troupe_status_t status = errand ? tr_idmap_put(&self->open, id, errand) : TROUPE_ERR_NOMEM;
    if (status != TROUPE_OK) {
        free(errand);
        troupe_message_destroy(message_p);
        return status;
    }
    errand->envelope = tr_envelope_new(id, self->self->mailbox, header, message_p);
    if (!errand->envelope) {
        forget(self, id);
        return TROUPE_ERR_NOMEM;
    }
    errand->router = router_for(self, header->capability);
    errand->on_answer = on_answer;
    errand->arg = arg;
    post(self->self->runtime, errand, parent);
    return TROUPE_OK;
}

tr_errand_t *tr_errands_get(const tr_errands_t *self, uint64_t id)
{
    assert(self);
    return tr_idmap_get(&self->open, id);
}

tr_errand_t *tr_errands_find(const tr_errands_t *self, const troupe_reply_t *reply)
{
    assert(self && reply);
    return tr_idmap_get(&self->open, reply->id);
}

void tr_errands_grant(tr_errands_t *self, uint64_t id, uint64_t n_parts, uint64_t n_bytes)
{
    assert(self);
    tr_errand_t *errand = tr_idmap_get(&self->open, id);
    if (errand && errand->router) {
        tr_envelope_grant(errand->envelope, errand->router, n_parts, n_bytes);
    }
}

void tr_errands_taken(tr_errands_t *self, const troupe_reply_t *reply)
{
    assert(self && reply);
    if (reply->is_final) {
        forget(self, reply->id);
    } else {
        tr_errands_grant(self, reply->id, 1, tr_reply_flow_bytes(reply));
    }
}

void tr_errands_cancel(tr_errands_t *self, uint64_t id)
{
    assert(self);
    tr_errand_t *errand = tr_idmap_get(&self->open, id);
    if (errand) {
        cancel(errand);
    }
}

void tr_errands_cancel_of(tr_errands_t *self, uint64_t parent)
{
    assert(self && parent > 0);
    for (size_t i = 0; i < self->open.n_slots; i++) {
        tr_errand_t *errand = self->open.slots[i].item;
        if (errand && errand->envelope->parent == parent) {
            cancel(errand);
        }
    }
}
