/* Every public function that can change anything ends with `tr_client_leave`, which makes the
 * descriptor tell the truth: an epoll instance over the link's sockets, a timer for what is
 * due, and an event counter that is up while replies wait or while the link was touched and not
 * read dry since. The last is the price of a ZeroMQ descriptor that tells of changes only; it
 * may wake a program for nothing, but it never leaves one asleep.
 *
 * A call that cannot even begin still gets its place in the table, and ends there at once: so
 * there is one way for a caller to learn how a call ended.
 */

#include <troupe/client.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "mailbox/message.h"
#include "remote/client/client.h"

#define MAX_OPEN         65536
#define MAX_UNSENT_BYTES ((size_t)256 << 20)
#define N_WATCHED        4 /* the link's two, the timer, the event counter */

static bool watch(troupe_client_t *self, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return fd >= 0 && epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void shut(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void end_client(troupe_client_t **self_p)
{
    troupe_client_t *self = *self_p;
    tr_link_destroy(&self->link);
    tr_calls_destroy(&self->calls);
    tr_replies_clear(&self->ready);
    tr_inbox_clear(&self->inbox);
    shut(&self->event_fd);
    shut(&self->timer_fd);
    shut(&self->epoll_fd);
    free(self);
    *self_p = NULL;
}

troupe_client_t *troupe_client_new(const char *endpoint)
{
    assert(endpoint);
    troupe_client_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->armed_ms = TR_NEVER;
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    self->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->epoll_fd >= 0 && watch(self, self->timer_fd) && watch(self, self->event_fd)) {
        self->calls = tr_calls_new();
        self->link = tr_link_new(endpoint, self->epoll_fd);
    }
    if (!self->calls || !self->link) {
        end_client(&self);
    }
    return self;
}

troupe_status_t troupe_client_set_keys(troupe_client_t *self, const char *key_file,
                                       const char *node_key, char *why, size_t size)
{
    assert(self && key_file && node_key && why && size > 0);
    tr_curve_pair_t pair;
    if (!tr_curve_key_decode(node_key, NULL)) {
        snprintf(why, size, "the node's key must have 40 characters of Z85");
        return TROUPE_ERR_INVALID;
    }
    troupe_status_t status = tr_curve_pair_read(key_file, &pair, why, size);
    if (status == TROUPE_OK) {
        tr_link_set_keys(self->link, &pair, node_key);
        self->must_look = true;
        tr_client_leave(self);
    }
    tr_curve_pair_forget(&pair);
    return status;
}

static void raise_event(troupe_client_t *self, bool is_raised)
{
    if (self->is_raised != is_raised) {
        uint64_t count = 1;
        /* Between 0 and 1 neither can fail, except for a signal before it began. */
        while ((is_raised ? write(self->event_fd, &count, sizeof count)
                          : read(self->event_fd, &count, sizeof count)) < 0 &&
               errno == EINTR) {
        }
        self->is_raised = is_raised;
    }
}

static int64_t due_ms(const troupe_client_t *self)
{
    const tr_call_t *call = tr_calls_next_due(self->calls);
    int64_t link_ms = tr_link_due_ms(self->link);
    return call && call->deadline_ms < link_ms ? call->deadline_ms : link_ms;
}

/* A timer that goes off too early is left alone: it costs one look, setting it anew for each
 * call a system call. One that went off since the last turn brings about the next. */
static void arm_timer(troupe_client_t *self)
{
    int64_t wanted_ms = due_ms(self);
    bool is_over = self->armed_ms <= self->turned_ms;
    if (!is_over && self->armed_ms <= wanted_ms) {
        return;
    }
    int64_t now_ms = tr_clock_now_ms();
    int64_t delay_ms = wanted_ms > now_ms ? wanted_ms - now_ms : 0;
    struct itimerspec spec = {{0, 0}, {0, 0}};
    if (wanted_ms != TR_NEVER) {
        spec.it_value.tv_sec = (time_t)(delay_ms / 1000);
        spec.it_value.tv_nsec = delay_ms > 0 ? (long)(delay_ms % 1000) * 1000000 : 1;
    }
    timerfd_settime(self->timer_fd, 0, &spec, NULL);
    self->armed_ms = wanted_ms;
}

void tr_client_leave(troupe_client_t *self)
{
    if (self->is_watched) {
        raise_event(self, self->ready.n_replies > 0 || self->inbox.first || self->must_look);
    }
    arm_timer(self);
}

/* Wait until something happens, or until then. What is there already must not count as
 * something, or a wait for other things would spin. */
static void wait_until(troupe_client_t *self, int64_t until_ms)
{
    raise_event(self, false);
    arm_timer(self);
    int64_t now_ms = tr_clock_now_ms();
    int64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    struct epoll_event events[N_WATCHED];
    /* A signal ends the wait early, which does no harm: the caller looks and waits again. */
    int n_events =
        epoll_wait(self->epoll_fd, events, N_WATCHED, left_ms > INT_MAX ? -1 : (int)left_ms);
    for (int i = 0; i < n_events; i++) {
        tr_link_note_event(self->link, events[i].data.fd);
    }
}

bool tr_client_work_until(troupe_client_t *self, int64_t until_ms, bool may_hold,
                          tr_client_done_fn *is_done, const void *arg)
{
    for (;;) {
        tr_client_turn(self, may_hold);
        if (is_done(self, arg)) {
            return true;
        }
        if (tr_clock_now_ms() >= until_ms) {
            return false;
        }
        if (!self->must_look) {
            wait_until(self, until_ms);
        }
    }
}

void troupe_client_destroy(troupe_client_t **self_p)
{
    assert(self_p);
    troupe_client_t *self = *self_p;
    if (!self) {
        return;
    }
    int64_t now_ms = tr_clock_now_ms();
    tr_call_t *next;
    for (tr_call_t *call = tr_calls_sent(self->calls); call; call = next) {
        next = call->next;
        tr_client_cancel(self, call, now_ms);
    }
    tr_link_say_bye(self->link, now_ms);
    end_client(self_p);
}

static bool has_verdict(const troupe_client_t *self, const void *arg)
{
    (void)arg;
    return tr_link_is_up(self->link) || tr_link_is_refused(self->link) ||
           tr_link_refusal(self->link)[0];
}

troupe_status_t troupe_client_connect(troupe_client_t *self, int64_t timeout_ms)
{
    assert(self);
    int64_t until_ms =
        timeout_ms < 0 ? TR_NEVER : tr_clock_after(tr_clock_now_ms(), timeout_ms);
    bool has_one = tr_client_work_until(self, until_ms, false, has_verdict, NULL);
    tr_client_leave(self);
    if (!has_one) {
        return TROUPE_TIMEOUT;
    }
    return tr_link_is_up(self->link)        ? TROUPE_OK
           : tr_link_refusal(self->link)[0] ? TROUPE_FORBIDDEN
                                            : TROUPE_ERR_PROTOCOL;
}

const char *troupe_client_refusal(const troupe_client_t *self)
{
    assert(self);
    return tr_link_refusal(self->link);
}

const char *troupe_client_node_name(const troupe_client_t *self)
{
    assert(self);
    return tr_link_node(self->link);
}

static bool is_key(const char *text)
{
    return !text || strlen(text) <= TR_TRP1_MAX_KEY;
}

/* What keeps a call from being started at all; OK when nothing does. */
static troupe_outcome_t judge(const troupe_client_t *self, const tr_order_t *order,
                              size_t n_bytes, const char **text_out)
{
    const char *name = order->name;
    const troupe_call_options_t *options = &order->options;
    bool is_well_formed = name && *name && strlen(name) <= TR_TRP1_MAX_NAME &&
                          (!options->method || strlen(options->method) <= TR_TRP1_MAX_NAME) &&
                          is_key(options->traceparent) && is_key(options->sticky_key) &&
                          is_key(options->dedup_key) && options->timeout_ms >= 0 &&
                          options->priority <= TROUPE_PRIORITY_BATCH;
    if (!is_well_formed) {
        *text_out =
            order->kind == TR_CALL_REQUEST
                ? "the capability, method, timeout, priority, traceparent or a key is invalid"
                : "the actor's name or the timeout is invalid";
        return TROUPE_OUTCOME_BAD_REQUEST;
    }
    if (self->is_draining) {
        *text_out = "the node is draining";
        return TROUPE_OUTCOME_SHUTTING_DOWN;
    }
    size_t n_waiting = tr_calls_unsent_bytes(self->calls);
    if (tr_calls_n_open(self->calls) >= MAX_OPEN ||
        (n_waiting > 0 && n_bytes > MAX_UNSENT_BYTES - n_waiting)) {
        *text_out = "too many calls, or bytes of them, wait in the client";
        return TROUPE_OUTCOME_OVERLOADED;
    }
    return TROUPE_OUTCOME_OK;
}

troupe_status_t tr_client_start(troupe_client_t *self, const tr_order_t *order,
                                troupe_message_t **message_p, tr_replies_t *sink,
                                uint64_t *id_out)
{
    const troupe_call_options_t *options = &order->options;
    troupe_message_t *message = message_p ? *message_p : NULL;
    if (message_p) {
        *message_p = NULL;
    }
    const char *text = NULL;
    troupe_outcome_t verdict =
        judge(self, order, message ? troupe_message_bytes(message) : 0, &text);

    int64_t now_ms = tr_clock_now_ms();
    bool has_deadline = options->timeout_ms > 0;
    int64_t ends_ms = has_deadline ? tr_clock_after(now_ms, options->timeout_ms) : TR_NEVER;
    int64_t deadline_ms =
        has_deadline ? ends_ms : tr_clock_after(now_ms, TR_CLIENT_PATIENCE_MS);
    tr_call_t *call = tr_calls_add(self->calls, order->name ? order->name : "", options,
                                   &message, deadline_ms);
    if (!call) {
        troupe_message_destroy(&message);
        return TROUPE_ERR_NOMEM;
    }
    call->kind = order->kind;
    call->is_urgent = order->is_urgent;
    call->wants_status = options->wants_status;
    call->ends_ms = ends_ms;
    call->sink = sink;
    *id_out = call->id;
    if (verdict != TROUPE_OUTCOME_OK) {
        tr_client_end(self, call, verdict, text);
    } else {
        tr_link_connect(self->link, now_ms); /* while the application does other things */
        tr_client_send_or_hold(self, now_ms);
    }
    return TROUPE_OK;
}

static tr_order_t order_of(const char *capability, const troupe_call_options_t *options)
{
    tr_order_t order = {.kind = TR_CALL_REQUEST, .name = capability};
    if (options) {
        order.options = *options;
    }
    return order;
}

troupe_status_t troupe_client_start(troupe_client_t *self, const char *capability,
                                    const troupe_call_options_t *options,
                                    troupe_message_t **message_p, uint64_t *id_out)
{
    assert(self && id_out);
    const tr_order_t order = order_of(capability, options);
    troupe_status_t status = tr_client_start(self, &order, message_p, &self->ready, id_out);
    tr_client_leave(self);
    return status;
}

static bool has_reply(const troupe_client_t *self, const void *arg)
{
    const tr_replies_t *replies = arg;
    return replies->first || tr_calls_n_open(self->calls) == 0;
}

troupe_status_t troupe_client_next(troupe_client_t *self, int64_t timeout_ms,
                                   troupe_reply_t **out)
{
    assert(self && out);
    if (tr_client_has_ready(self)) {
        tr_client_note_pause(self);
    } else {
        int64_t until_ms =
            timeout_ms < 0 ? TR_NEVER : tr_clock_after(tr_clock_now_ms(), timeout_ms);
        (void)tr_client_work_until(self, until_ms, true, has_reply, &self->ready);
    }
    troupe_reply_t *reply = tr_replies_pop(&self->ready);
    if (reply) {
        tr_client_note_taken(self, reply);
    }
    tr_client_leave(self);
    if (reply) {
        *out = reply;
        return TROUPE_OK;
    }
    return tr_calls_n_open(self->calls) > 0 ? TROUPE_TIMEOUT : TROUPE_NOT_FOUND;
}

void troupe_client_cancel(troupe_client_t *self, uint64_t id)
{
    assert(self);
    tr_call_t *call = tr_calls_find(self->calls, id);
    if (call && !call->is_sent) {
        tr_client_end(self, call, TROUPE_OUTCOME_CANCELLED, "cancelled before it was sent");
    } else if (call) {
        tr_client_cancel(self, call, tr_clock_now_ms());
    }
    tr_client_leave(self);
}

size_t troupe_client_n_open(const troupe_client_t *self)
{
    assert(self);
    return tr_calls_n_open(self->calls);
}

int troupe_client_fd(troupe_client_t *self)
{
    assert(self);
    self->is_watched = true;
    tr_client_leave(self);
    return self->epoll_fd;
}

troupe_status_t tr_client_finish(troupe_client_t *self, const tr_order_t *order,
                                 troupe_message_t **message_p, troupe_part_fn *on_part,
                                 void *arg, troupe_reply_t **out)
{
    tr_replies_t mine = {.first = NULL};
    uint64_t id;
    troupe_status_t status = tr_client_start(self, order, message_p, &mine, &id);
    troupe_reply_t *reply = NULL;
    while (status == TROUPE_OK && !(reply && troupe_reply_is_final(reply))) {
        troupe_reply_destroy(&reply);
        if (!mine.first) {
            (void)tr_client_work_until(self, TR_NEVER, false, has_reply, &mine);
        }
        reply = tr_replies_pop(&mine);
        assert(reply); /* a call that is open ends, and its end is a reply */
        if (!troupe_reply_is_final(reply) && on_part) {
            on_part(arg, reply);
        }
        tr_client_note_taken(self, reply);
    }
    tr_client_leave(self);
    if (status == TROUPE_OK) {
        *out = reply;
    }
    return status;
}

troupe_status_t troupe_client_call(troupe_client_t *self, const char *capability,
                                   const troupe_call_options_t *options,
                                   troupe_message_t **message_p, troupe_part_fn *on_part,
                                   void *arg, troupe_reply_t **out)
{
    assert(self && out);
    const tr_order_t order = order_of(capability, options);
    return tr_client_finish(self, &order, message_p, on_part, arg, out);
}
