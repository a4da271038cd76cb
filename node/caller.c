/* A caller is a mailbox and the list of its open calls. Calls that no router ever saw end here,
 * through the same list in which replies to other calls wait.
 */

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/caller.h>

#include "base/clock.h"
#include "base/idmap.h"
#include "mailbox/envelope.h"
#include "mailbox/reply.h"
#include "node/node.h"

/* What may wait: parts are bounded by the flows of their streams, finals always fit. */
#define MAILBOX_LETTERS ((size_t)1 << 20)
#define MAILBOX_BYTES   ((size_t)256 << 20)

struct troupe_caller {
    tr_runtime_t *runtime;
    tr_mailbox_t *mailbox;
    tr_idmap_t calls;                   /* tr_envelope_t: a share */
    tr_mailbox_t *router;               /* that was asked last: a share, or NULL */
    char asked[TR_DIRECTORY_NAME_SIZE]; /* its capability */
    uint64_t last_id;
    troupe_reply_t *first_kept; /* came while another call was waited for */
    troupe_reply_t *last_kept;
};

troupe_caller_t *troupe_caller_new(troupe_node_t *node)
{
    assert(node && node->runtime);
    troupe_caller_t *self = calloc(1, sizeof *self);
    if (self) {
        self->runtime = tr_runtime_share(node->runtime);
        self->mailbox = tr_mailbox_new("caller", tr_runtime_next_incarnation(self->runtime),
                                       (tr_mailbox_limits_t){MAILBOX_LETTERS, MAILBOX_BYTES});
        tr_idmap_init(&self->calls);
        if (!self->mailbox) {
            troupe_caller_destroy(&self);
        }
    }
    return self;
}

static void close_call(troupe_caller_t *self, uint64_t id)
{
    tr_envelope_t *envelope = tr_idmap_take(&self->calls, id);
    tr_envelope_release(&envelope);
}

static void keep_reply(troupe_caller_t *self, troupe_reply_t *reply)
{
    reply->letter.next = NULL;
    if (self->last_kept) {
        self->last_kept->letter.next = &reply->letter;
    } else {
        self->first_kept = reply;
    }
    self->last_kept = reply;
}

static troupe_reply_t *take_kept(troupe_caller_t *self)
{
    troupe_reply_t *reply = self->first_kept;
    if (reply) {
        self->first_kept = (troupe_reply_t *)reply->letter.next;
        if (!self->first_kept) {
            self->last_kept = NULL;
        }
        reply->letter.next = NULL;
    }
    return reply;
}

void troupe_caller_destroy(troupe_caller_t **self_p)
{
    assert(self_p);
    troupe_caller_t *self = *self_p;
    if (!self) {
        return;
    }
    if (self->mailbox) {
        tr_mailbox_close(self->mailbox);
    }
    uint64_t id;
    while (tr_idmap_any(&self->calls, &id)) {
        troupe_caller_cancel(self, id);
        close_call(self, id);
    }
    troupe_reply_t *reply;
    while ((reply = take_kept(self)) != NULL) {
        troupe_reply_destroy(&reply);
    }
    tr_idmap_finish(&self->calls);
    tr_mailbox_release(&self->router);
    tr_mailbox_release(&self->mailbox);
    tr_runtime_release(&self->runtime);
    free(self);
    *self_p = NULL;
}

/* ---- starting ---- */

/* Callers mostly ask for one capability again and again. */
static tr_mailbox_t *find_router(troupe_caller_t *self, const char *capability)
{
    bool is_the_last = self->router && strcmp(self->asked, capability) == 0 &&
                       !tr_mailbox_is_closed(self->router);
    if (!is_the_last) {
        tr_mailbox_release(&self->router);
        self->router = tr_directory_find(self->runtime->directory, TR_NAMES_CAPABILITY,
                                         tr_span_of(capability));
        snprintf(self->asked, sizeof self->asked, "%s", capability);
    }
    return self->router;
}

/* An envelope that nobody has seen. */
static void drop(tr_envelope_t **envelope_p)
{
    if (*envelope_p) {
        atomic_store(&(*envelope_p)->is_answered, true);
        tr_envelope_release(envelope_p);
    }
}

troupe_status_t troupe_caller_start(troupe_caller_t *self, const char *capability,
                                    const troupe_call_options_t *options,
                                    troupe_message_t **message_p, uint64_t *id_out)
{
    assert(self && capability && message_p && id_out);
    static const troupe_call_options_t defaults = {0};
    options = options ? options : &defaults;
    uint64_t id = self->last_id + 1;
    const tr_header_t header = {
        .capability = tr_span_of(capability),
        .method = tr_span_of(options->method),
        .traceparent = tr_span_of(options->traceparent),
        .sticky = tr_span_of(options->sticky_key),
        .dedup = tr_span_of(options->dedup_key),
        .timeout_ms = options->timeout_ms,
        .priority = options->priority,
        .credit = options->credit,
        .wants_status = options->wants_status,
        .peer = tr_mailbox_incarnation(self->mailbox),
    };
    tr_envelope_t *envelope = tr_envelope_new(id, self->mailbox, &header, message_p);
    if (!envelope || tr_idmap_put(&self->calls, id, envelope) != TROUPE_OK) {
        drop(&envelope);
        return TROUPE_ERR_NOMEM;
    }
    self->last_id = id;
    bool was_host = tr_mailbox_set_host(true);
    tr_runtime_submit(self->runtime, envelope, find_router(self, capability), true);
    tr_mailbox_set_host(was_host);
    *id_out = id;
    return TROUPE_OK;
}

void troupe_caller_cancel(troupe_caller_t *self, uint64_t id)
{
    assert(self);
    tr_envelope_t *envelope = tr_idmap_get(&self->calls, id);
    if (envelope && envelope->router) {
        tr_envelope_cancel(envelope, envelope->router);
    }
}

size_t troupe_caller_n_open(const troupe_caller_t *self)
{
    assert(self);
    return self->calls.n_items;
}

int troupe_caller_fd(troupe_caller_t *self)
{
    assert(self);
    return tr_mailbox_bell(self->mailbox);
}

/* ---- taking ---- */

/* The application has this reply: a part makes room for another one. */
static void note_taken(troupe_caller_t *self, const troupe_reply_t *reply)
{
    bool is_part = !reply->is_final && reply->standing == TROUPE_STANDING_UNTOLD;
    tr_envelope_t *envelope = is_part ? tr_idmap_get(&self->calls, reply->id) : NULL;
    if (envelope) {
        tr_envelope_grant(envelope, envelope->router, 1,
                          troupe_message_bytes(troupe_reply_message(reply)));
    }
}

/* The next reply in the mailbox, without waiting. */
static troupe_reply_t *take_posted(troupe_caller_t *self)
{
    tr_letter_t *letter = tr_mailbox_next(self->mailbox, NULL);
    if (!letter) {
        return NULL;
    }
    assert(letter->type == &tr_reply_type);
    troupe_reply_t *reply = (troupe_reply_t *)letter;
    if (reply->is_final) {
        close_call(self, reply->id);
    }
    return reply;
}

static void wait_for_letters(troupe_caller_t *self, int64_t deadline_ms)
{
    if (tr_mailbox_spin(self->mailbox, self->runtime->spin_us)) {
        return;
    }
    int64_t now_ms = tr_clock_real_ms();
    int64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    if (tr_mailbox_park(self->mailbox)) {
        struct pollfd bell = {.fd = tr_mailbox_bell(self->mailbox), .events = POLLIN};
        poll(&bell, 1, deadline_ms == TR_NEVER ? -1 : left_ms > 60000 ? 60000 : (int)left_ms);
        tr_mailbox_unpark(self->mailbox);
    }
}

/* The next reply of any call that is not among the kept ones. */
static troupe_status_t take(troupe_caller_t *self, int64_t deadline_ms, troupe_reply_t **out)
{
    for (;;) {
        size_t n_open = self->calls.n_items;
        troupe_reply_t *reply = take_posted(self);
        if (reply) {
            *out = reply;
            return TROUPE_OK;
        }
        if (n_open == 0) {
            return TROUPE_NOT_FOUND;
        }
        /* This may be a handler's doing, on a thread that carries it. */
        tr_mailbox_leave_next();
        if (deadline_ms != TR_NEVER && tr_clock_real_ms() >= deadline_ms) {
            /* Parked, the bell rings for whoever polls the descriptor. */
            return tr_mailbox_park(self->mailbox) ? TROUPE_TIMEOUT
                                                  : take(self, deadline_ms, out);
        }
        wait_for_letters(self, deadline_ms);
    }
}

/* The clock is read only when nothing is there. */
static troupe_status_t take_within(troupe_caller_t *self, int64_t timeout_ms,
                                   troupe_reply_t **out)
{
    *out = take_posted(self);
    if (*out) {
        return TROUPE_OK;
    }
    return take(
        self, timeout_ms < 0 ? TR_NEVER : tr_clock_after(tr_clock_real_ms(), timeout_ms), out);
}

troupe_status_t troupe_caller_next(troupe_caller_t *self, int64_t timeout_ms,
                                   troupe_reply_t **out)
{
    assert(self && out);
    troupe_reply_t *reply = take_kept(self);
    if (!reply) {
        tr_mailbox_unpark(self->mailbox);
        troupe_status_t status = take_within(self, timeout_ms, &reply);
        if (status != TROUPE_OK) {
            return status;
        }
    }
    note_taken(self, reply);
    *out = reply;
    return TROUPE_OK;
}

troupe_status_t troupe_caller_call(troupe_caller_t *self, const char *capability,
                                   const troupe_call_options_t *options,
                                   troupe_message_t **message_p, troupe_part_fn *on_part,
                                   void *arg, troupe_reply_t **out)
{
    assert(out);
    uint64_t id;
    troupe_status_t status = troupe_caller_start(self, capability, options, message_p, &id);
    while (status == TROUPE_OK) {
        troupe_reply_t *reply = NULL;
        status = take(self, TR_NEVER, &reply);
        if (status != TROUPE_OK) {
            break;
        }
        if (reply->id != id) {
            keep_reply(self, reply);
        } else if (reply->is_final) {
            *out = reply;
            return TROUPE_OK;
        } else {
            if (on_part) {
                on_part(arg, reply);
            }
            note_taken(self, reply);
            troupe_reply_destroy(&reply);
        }
    }
    return status;
}
