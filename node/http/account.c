/* What came is read where it lies, so the reply is kept as long as anybody may look. */

#include "node/http/account.h"

#include <assert.h>

#include "base/clock.h"
#include "mailbox/reply.h"
#include "node/assembly.h"

#define GOOD_MS     250
#define PATIENCE_MS 2000

void tr_http_account_init(tr_http_account_t *self, tr_self_t *actor)
{
    assert(self && actor);
    *self = (tr_http_account_t){.self = actor};
}

/* It is not waited for any more. */
static void drop_question(tr_http_account_t *self)
{
    if (self->question->router) {
        tr_envelope_cancel(self->question, self->question->router);
    }
    tr_envelope_release(&self->question);
}

void tr_http_account_finish(tr_http_account_t *self)
{
    assert(self);
    if (self->question) {
        drop_question(self);
    }
    tr_account_close(&self->answer);
    troupe_reply_destroy(&self->reply);
}

const msgpack_object *tr_http_account_last(const tr_http_account_t *self)
{
    assert(self);
    return self->reply ? &self->answer.root : NULL;
}

const msgpack_object *tr_http_account_now(const tr_http_account_t *self, int64_t now_ms)
{
    bool is_good = self->reply && now_ms - self->came_ms < GOOD_MS;
    return is_good ? tr_http_account_last(self) : NULL;
}

bool tr_http_account_ask(tr_http_account_t *self, int64_t now_ms)
{
    assert(self);
    if (self->question) {
        return true;
    }
    tr_runtime_t *runtime = self->self->runtime;
    const tr_header_t header = {
        .capability = tr_span_of(TR_NAME_ADMIN),
        .method = tr_span_of("tree"),
        .timeout_ms = PATIENCE_MS,
        .peer = self->self->incarnation,
    };
    troupe_message_t *nothing = NULL;
    self->until_ms = tr_clock_after(now_ms, PATIENCE_MS);
    self->question = tr_envelope_new(++self->last_id, self->self->mailbox, &header, &nothing);
    if (self->question) {
        tr_mailbox_t *admin =
            tr_directory_find(runtime->directory, TR_NAMES_CAPABILITY, header.capability);
        tr_runtime_submit(runtime, self->question, admin, false);
        tr_mailbox_release(&admin);
    }
    return self->question != NULL;
}

/* Keep the reply, and forget the one before. False: it cannot be read, and is not kept. */
static bool keep(tr_http_account_t *self, troupe_reply_t *reply)
{
    tr_account_close(&self->answer);
    troupe_reply_destroy(&self->reply);
    const troupe_message_t *message = troupe_reply_message(reply);
    bool is_read = tr_account_open(&self->answer, troupe_message_data(message, 0),
                                   troupe_message_size(message, 0)) == TROUPE_OK;
    self->reply = is_read ? reply : NULL;
    return is_read;
}

static tr_http_lack_t lack_after(troupe_outcome_t outcome)
{
    switch (outcome) {
    case TROUPE_OUTCOME_OK:
        return TR_HTTP_LACKS_MEMORY; /* to read it with */
    case TROUPE_OUTCOME_TIMEOUT:
    case TROUPE_OUTCOME_OVERLOADED:
        return TR_HTTP_LACKS_TIME;
    default:
        return TR_HTTP_LACKS_NODE;
    }
}

bool tr_http_account_take(tr_http_account_t *self, troupe_reply_t *reply, int64_t now_ms,
                          tr_http_lack_t *lack_out)
{
    assert(self && reply && lack_out);
    if (!self->question || reply->id != self->last_id || !reply->is_final) {
        troupe_reply_destroy(&reply); /* of one that was given up */
        return false;
    }
    tr_envelope_release(&self->question);
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    if (outcome == TROUPE_OUTCOME_OK && keep(self, reply)) {
        self->came_ms = now_ms;
        *lack_out = TR_HTTP_LACKS_NOTHING;
    } else {
        troupe_reply_destroy(&reply);
        *lack_out = lack_after(outcome);
    }
    return true;
}

bool tr_http_account_expire(tr_http_account_t *self, int64_t now_ms)
{
    assert(self);
    bool is_over = self->question && now_ms >= self->until_ms;
    if (is_over) {
        drop_question(self);
    }
    return is_over;
}

int64_t tr_http_account_due_ms(const tr_http_account_t *self)
{
    assert(self);
    return self->question ? self->until_ms : TR_NEVER;
}
