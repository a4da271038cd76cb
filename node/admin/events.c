/* What waits for a reader waits in a ring of shares. When that is full, events are counted
 * instead until all of it has gone out; then the count goes out, exactly where they would have
 * stood.
 */

#include "node/admin/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "mailbox/message.h"
#include "mailbox/reply.h"

#define MOST_STREAMS  128
#define MOST_WAITING  TR_EVENTS_KEPT
#define MOST_UNTAKEN  2048 /* of the admin's own letters */
#define LONGEST_WORDS 1000

struct tr_stream {
    tr_stream_t *next;
    tr_envelope_t *envelope; /* a share */
    tr_flow_spent_t spent;
    int64_t deadline_ms;
    uint64_t after_seq; /* its reader has had, or does not want, what is not behind this */
    uint64_t n_shed;
    size_t head;
    size_t n_waiting;
    tr_event_t *waiting[MOST_WAITING]; /* shares */
    char filter[LONGEST_WORDS + 1];
};

/* ---- filters ---- */

static bool is_meant(const char *word, size_t size, const char *name)
{
    return strncmp(name, word, size) == 0 && (name[size] == '\0' || name[size] == '_');
}

bool tr_events_filter(const char *filter, const char *name)
{
    assert(filter && name);
    static const char spaces[] = " \t\r\n";
    const char *word = filter + strspn(filter, spaces);
    bool is_empty = *word == '\0';
    while (*word) {
        size_t size = strcspn(word, spaces);
        if (is_meant(word, size, name)) {
            return true;
        }
        word += size;
        word += strspn(word, spaces);
    }
    return is_empty;
}

/* ---- one stream ---- */

static void destroy(tr_stream_t *self)
{
    while (self->n_waiting > 0) {
        tr_event_release(&self->waiting[self->head]);
        self->head = (self->head + 1) % MOST_WAITING;
        self->n_waiting--;
    }
    tr_envelope_release(&self->envelope);
    free(self);
}

/* Whether the reader is still there. */
static bool send_part(tr_stream_t *self, const tr_event_t *event)
{
    troupe_message_t *message = troupe_message_from(event->bytes, event->size);
    troupe_reply_t *part =
        message ? tr_reply_new(self->envelope->id, false, TROUPE_OUTCOME_OK, NULL, &message)
                : NULL;
    if (!part) {
        self->n_shed++; /* out of memory */
        return true;
    }
    tr_flow_spend(&self->spent, event->size);
    return tr_envelope_forward(self->envelope, &part);
}

static void put(tr_stream_t *self, tr_event_t *event)
{
    if (self->n_waiting == MOST_WAITING || self->n_shed > 0) {
        self->n_shed++;
        return;
    }
    self->waiting[(self->head + self->n_waiting++) % MOST_WAITING] = tr_event_share(event);
}

/* The next to go out, as a share; NULL when there is none. */
static tr_event_t *next_of(tr_stream_t *self)
{
    if (self->n_waiting > 0) {
        tr_event_t *event = self->waiting[self->head];
        self->head = (self->head + 1) % MOST_WAITING;
        self->n_waiting--;
        return event;
    }
    if (self->n_shed == 0) {
        return NULL;
    }
    const tr_field_t count = TR_NUMBER("count", self->n_shed);
    tr_event_t *shed = tr_event_new(TR_LOG_WARNING, TR_EVENTS_SHED, &count, 1);
    self->n_shed = shed ? 0 : self->n_shed;
    return shed;
}

/* Send what the reader has room for. False: it has gone, or takes nothing more. */
static bool pump(tr_stream_t *self)
{
    tr_flow_t *flow = &self->envelope->flow;
    while (self->n_waiting > 0 || self->n_shed > 0) {
        if (!tr_flow_has_room(flow, &self->spent)) {
            if (tr_flow_ask_for_word(flow, &self->spent)) {
                return true;
            }
            continue;
        }
        tr_event_t *event = next_of(self);
        if (!event) {
            return true; /* out of memory: with the next event */
        }
        bool is_there = send_part(self, event);
        tr_event_release(&event);
        if (!is_there) {
            return false;
        }
    }
    return true;
}

/* ---- all streams ---- */

void tr_streams_init(tr_streams_t *self, tr_self_t *admin)
{
    assert(self && admin);
    *self = (tr_streams_t){.admin = admin};
    tr_events_keep(admin->runtime->events);
}

/* Take it out of the list and answer it, with the rest that waits unsent. */
static void end_at(tr_streams_t *self, tr_stream_t **link, troupe_outcome_t outcome,
                   const char *why)
{
    tr_stream_t *stream = *link;
    *link = stream->next;
    self->n--;
    tr_envelope_answer(stream->envelope, outcome, 0, why ? "%s" : NULL, why);
    destroy(stream);
    if (self->n == 0) {
        tr_events_unsubscribe(self->admin->runtime->events, &self->subscription);
    }
}

static void end_slow(tr_streams_t *self, tr_stream_t **link)
{
    end_at(self, link, TROUPE_OUTCOME_OVERLOADED,
           "its reader has left, or has no room for one more event");
}

void tr_streams_finish(tr_streams_t *self)
{
    assert(self);
    while (self->first) {
        end_at(self, &self->first, TROUPE_OUTCOME_SHUTTING_DOWN, "the node is stopping");
    }
}

static tr_stream_t **find(tr_streams_t *self, const tr_envelope_t *envelope)
{
    tr_stream_t **link = &self->first;
    while (*link && (*link)->envelope != envelope) {
        link = &(*link)->next;
    }
    return link;
}

/* ---- beginning ---- */

/* False: `why` says what is wrong with the request. */
static bool read_request(const tr_envelope_t *envelope, tr_stream_t *stream, int64_t *n_past,
                         const char **why)
{
    size_t size = troupe_message_size(envelope->message, 0);
    if (size > LONGEST_WORDS) {
        *why = "the filter is too long";
        return false;
    }
    memcpy(stream->filter, troupe_message_data(envelope->message, 0), size);
    if (strlen(stream->filter) != size) {
        *why = "the first frame must be the filter, a text";
        return false;
    }
    char number[16] = "0";
    size = troupe_message_size(envelope->message, 1);
    if (size > 0 && size < sizeof number) {
        memcpy(number, troupe_message_data(envelope->message, 1), size);
        number[size] = '\0';
    }
    if (size >= sizeof number || tr_text_number(number, n_past) != TROUPE_OK ||
        *n_past > TR_EVENTS_KEPT) {
        *why = "the second frame must be how many past events are wanted: 256 at most";
        return false;
    }
    return true;
}

/* The last `n_past` of those that are kept and meant. */
static void put_past(tr_streams_t *self, tr_stream_t *stream, int64_t n_past)
{
    tr_event_t *kept[TR_EVENTS_KEPT];
    size_t n_kept = tr_events_kept(self->admin->runtime->events, kept);
    size_t first = n_kept;
    for (int64_t n = 0; first > 0 && n < n_past; first--) {
        n += tr_events_filter(stream->filter, kept[first - 1]->name);
    }
    for (size_t i = 0; i < n_kept; i++) {
        if (i >= first && tr_events_filter(stream->filter, kept[i]->name)) {
            put(stream, kept[i]);
        }
        stream->after_seq = kept[i]->seq;
        tr_event_release(&kept[i]);
    }
}

static troupe_status_t subscribe(tr_streams_t *self)
{
    return self->subscription
               ? TROUPE_OK
               : tr_events_subscribe(self->admin->runtime->events, self->admin->mailbox,
                                     MOST_UNTAKEN, &self->subscription);
}

void tr_streams_begin(tr_streams_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope);
    tr_stream_t *stream = self->n < MOST_STREAMS ? calloc(1, sizeof *stream) : NULL;
    const char *why = NULL;
    int64_t n_past = 0;
    if (stream && !read_request(envelope, stream, &n_past, &why)) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_BAD_REQUEST, 0, "%s", why);
    } else if (!stream || subscribe(self) != TROUPE_OK) {
        tr_envelope_answer(envelope, TROUPE_OUTCOME_OVERLOADED, 0,
                           "too many are listening to the events");
        why = "";
    }
    if (!stream || why) {
        free(stream);
        tr_envelope_release(&envelope);
        return;
    }
    stream->envelope = envelope;
    stream->deadline_ms = envelope->timeout_ms > 0
                              ? tr_clock_after(envelope->sent_ms, envelope->timeout_ms)
                              : TR_NEVER;
    stream->next = self->first;
    self->first = stream;
    self->n++;
    put_past(self, stream, n_past);
    if (!pump(stream)) {
        end_slow(self, &self->first);
    }
}

/* ---- going on ---- */

static bool is_wanted(const tr_stream_t *stream, const tr_event_t *event)
{
    bool is_about_stream = event->seq == 0; /* the admin itself has lost some */
    return is_about_stream ||
           (event->seq > stream->after_seq && tr_events_filter(stream->filter, event->name));
}

void tr_streams_take(tr_streams_t *self, tr_letter_t *letter)
{
    assert(self && letter);
    tr_event_t *event = tr_event_take(&letter);
    if (!event) {
        return;
    }
    for (tr_stream_t **link = &self->first; *link;) {
        tr_stream_t *stream = *link;
        if (is_wanted(stream, event)) {
            put(stream, event);
        }
        if (pump(stream)) {
            link = &stream->next;
        } else {
            end_slow(self, link);
        }
    }
    tr_event_release(&event);
}

void tr_streams_on_credit(tr_streams_t *self, const tr_envelope_t *envelope)
{
    assert(self && envelope);
    tr_stream_t **link = find(self, envelope);
    if (*link && !pump(*link)) {
        end_slow(self, link);
    }
}

void tr_streams_cancel(tr_streams_t *self, const tr_envelope_t *envelope)
{
    assert(self && envelope);
    tr_stream_t **link = find(self, envelope);
    if (*link) {
        end_at(self, link, TROUPE_OUTCOME_CANCELLED, NULL);
    }
}

int64_t tr_streams_expire(tr_streams_t *self, int64_t now_ms)
{
    assert(self);
    int64_t due_ms = TR_NEVER;
    for (tr_stream_t **link = &self->first; *link;) {
        int64_t deadline_ms = (*link)->deadline_ms;
        if (now_ms >= deadline_ms) {
            end_at(self, link, TROUPE_OUTCOME_TIMEOUT, "its time was over");
        } else {
            due_ms = tr_clock_earlier(due_ms, deadline_ms);
            link = &(*link)->next;
        }
    }
    return due_ms;
}
