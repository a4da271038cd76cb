/* A client and the actors of its node. What it sends and asks are calls like all others, so
 * that they keep their order and each has its end; what it is sent waits in its inbox. So are
 * its monitors, which last until the actor goes down.
 */

#include <troupe/client.h>

#include <assert.h>

#include "base/clock.h"
#include "mailbox/reply.h"
#include "remote/client/client.h"

troupe_status_t troupe_client_start_send(troupe_client_t *self, const char *actor,
                                         int64_t timeout_ms, bool is_urgent,
                                         troupe_message_t **message_p, uint64_t *id_out)
{
    assert(self && id_out);
    const tr_order_t order = {.kind = TR_CALL_SEND,
                              .name = actor,
                              .is_urgent = is_urgent,
                              .options.timeout_ms = timeout_ms};
    troupe_status_t status = tr_client_start(self, &order, message_p, &self->ready, id_out);
    tr_client_leave(self);
    return status;
}

troupe_status_t troupe_client_start_ask(troupe_client_t *self, const char *actor,
                                        int64_t timeout_ms, troupe_message_t **message_p,
                                        uint64_t *id_out)
{
    assert(self && id_out);
    const tr_order_t order = {
        .kind = TR_CALL_ASK, .name = actor, .options.timeout_ms = timeout_ms};
    troupe_status_t status = tr_client_start(self, &order, message_p, &self->ready, id_out);
    tr_client_leave(self);
    return status;
}

troupe_status_t troupe_client_send(troupe_client_t *self, const char *actor, int64_t timeout_ms,
                                   troupe_message_t **message_p, troupe_reply_t **out)
{
    assert(self && out);
    const tr_order_t order = {
        .kind = TR_CALL_SEND, .name = actor, .options.timeout_ms = timeout_ms};
    return tr_client_finish(self, &order, message_p, NULL, NULL, out);
}

troupe_status_t troupe_client_ask(troupe_client_t *self, const char *actor, int64_t timeout_ms,
                                  troupe_message_t **message_p, troupe_reply_t **out)
{
    assert(self && out);
    const tr_order_t order = {
        .kind = TR_CALL_ASK, .name = actor, .options.timeout_ms = timeout_ms};
    return tr_client_finish(self, &order, message_p, NULL, NULL, out);
}

/* ---- monitors ---- */

troupe_status_t troupe_client_start_monitor(troupe_client_t *self, const char *actor,
                                            uint64_t *id_out)
{
    assert(self && id_out);
    const tr_order_t order = {.kind = TR_CALL_MONITOR, .name = actor};
    troupe_status_t status = tr_client_start(self, &order, NULL, &self->ready, id_out);
    tr_client_leave(self);
    return status;
}

troupe_reason_t troupe_reply_reason(const troupe_reply_t *self)
{
    assert(self);
    return self->reason ? tr_reason_view(self->reason)
                        : (troupe_reason_t){.kind = TROUPE_REASON_NORMAL, .text = ""};
}

/* ---- what actors send ---- */

void troupe_client_listen(troupe_client_t *self, size_t most)
{
    assert(self);
    self->inbox.most = most;
    if (most > 0) {
        tr_link_welcome_messages(self->link, tr_clock_now_ms());
        self->must_look = true;
    }
    tr_client_leave(self);
}

static bool has_message(const troupe_client_t *self, const void *arg)
{
    (void)arg;
    return self->inbox.first;
}

troupe_status_t troupe_client_next_message(troupe_client_t *self, int64_t timeout_ms,
                                           const char **from_out, troupe_message_t **out)
{
    assert(self && out);
    if (self->inbox.most == 0 && !self->inbox.first) {
        return TROUPE_NOT_FOUND;
    }
    if (!self->inbox.first) {
        int64_t until_ms =
            timeout_ms < 0 ? TR_NEVER : tr_clock_after(tr_clock_now_ms(), timeout_ms);
        (void)tr_client_work_until(self, until_ms, false, has_message, NULL);
    }
    troupe_message_t *message = tr_inbox_take(&self->inbox);
    tr_client_leave(self);
    if (!message) {
        return TROUPE_TIMEOUT;
    }
    *out = message;
    if (from_out) {
        *from_out = self->inbox.from;
    }
    return TROUPE_OK;
}

uint64_t troupe_client_n_missed(const troupe_client_t *self)
{
    assert(self);
    return self->inbox.n_missed;
}
