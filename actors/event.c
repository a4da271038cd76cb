/* An event is packed once, outside the lock, and numbered inside it; whoever listens gets a
 * letter that holds a share. The lock is held for leaving letters only: owners are woken after
 * it, since waking one may mean to do its work.
 *
 * While a subscriber loses events its `n_shed` is not 0, and one letter is under way that will
 * tell it so: the subscription's own, which costs no memory, and which ignores bounds. Nothing
 * else is posted before that letter is taken, so it stands exactly where the lost ones would
 * have stood.
 */

#include "actors/event.h"

#include <assert.h>
#include <msgpack.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log_line.h"
#include "base/utf8.h"

#define MOST_SUBSCRIPTIONS 64

struct tr_subscription {
    atomic_uint holders; /* the hub's, the owner's, and one for each letter */
    tr_mailbox_t *to;    /* a share; NULL once it is over. Under the hub's lock */
    size_t most;
    atomic_size_t n_untaken;
    _Atomic(uint64_t) n_shed;
    tr_letter_t shed; /* under way when n_shed is not 0 */
};

struct tr_events {
    atomic_bool is_heard; /* somebody subscribed, or events are kept */
    pthread_mutex_t mutex;

    /* Under the lock. */
    uint64_t last_seq;
    size_t n_subscriptions;
    tr_subscription_t *subscriptions[MOST_SUBSCRIPTIONS];
    bool is_keeping;
    uint64_t n_kept; /* since the beginning */
    tr_event_t *kept[TR_EVENTS_KEPT];
};

typedef struct told {
    tr_letter_t letter;
    tr_event_t *event;               /* a share */
    tr_subscription_t *subscription; /* a share */
} told_t;

/* ---- events ---- */

/* Where in the bytes the numbers are that are known last. */
typedef struct blanks {
    size_t time;
    size_t seq;
} blanks_t;

static void pack_text(msgpack_packer *packer, const char *text)
{
    char mended[TR_EVENT_TEXT];
    size_t size =
        tr_utf8_cut((tr_span_t){text, strnlen(text, TR_EVENT_TEXT + 4)}, TR_EVENT_TEXT);
    memcpy(mended, text, size);
    tr_utf8_mend(mended, size);
    msgpack_pack_str(packer, size);
    msgpack_pack_str_body(packer, mended, size);
}

static size_t pack_blank(msgpack_packer *packer, const msgpack_sbuffer *buffer, const char *key)
{
    pack_text(packer, key);
    msgpack_pack_fix_uint64(packer, 0);
    return buffer->size - sizeof(uint64_t);
}

static void fill(tr_event_t *self, size_t blank, uint64_t number)
{
    for (size_t i = 0; i < sizeof number; i++) {
        self->bytes[blank + i] = (char)(number >> (8 * (sizeof number - 1 - i)));
    }
}

static tr_event_t *make(tr_log_level_t level, const char *name, const tr_field_t *fields,
                        size_t n_fields, blanks_t *blanks)
{
    assert(name && (fields || n_fields == 0));
    n_fields = n_fields < TR_EVENT_FIELDS ? n_fields : TR_EVENT_FIELDS;
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 4 + n_fields);
    blanks->time = pack_blank(&packer, &buffer, "time");
    blanks->seq = pack_blank(&packer, &buffer, "seq");
    pack_text(&packer, "level");
    pack_text(&packer, tr_log_level_name(level));
    pack_text(&packer, "event");
    pack_text(&packer, name);
    for (size_t i = 0; i < n_fields; i++) {
        pack_text(&packer, fields[i].key);
        if (fields[i].text) {
            pack_text(&packer, fields[i].text);
        } else {
            msgpack_pack_int64(&packer, fields[i].number);
        }
    }
    tr_event_t *self = buffer.data ? malloc(sizeof *self + buffer.size) : NULL;
    if (self) {
        *self = (tr_event_t){.level = level, .size = buffer.size};
        atomic_init(&self->holders, 1);
        strncpy(self->name, name, sizeof self->name - 1);
        memcpy(self->bytes, buffer.data, buffer.size);
    }
    msgpack_sbuffer_destroy(&buffer);
    return self;
}

static void stamp(tr_event_t *self, const blanks_t *blanks, uint64_t seq)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    self->seq = seq;
    fill(self, blanks->seq, seq);
    fill(self, blanks->time, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

tr_event_t *tr_event_new(tr_log_level_t level, const char *name, const tr_field_t *fields,
                         size_t n_fields)
{
    blanks_t blanks;
    tr_event_t *self = make(level, name, fields, n_fields, &blanks);
    if (self) {
        stamp(self, &blanks, 0);
    }
    return self;
}

tr_event_t *tr_event_share(tr_event_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

void tr_event_release(tr_event_t **self_p)
{
    assert(self_p);
    tr_event_t *self = *self_p;
    *self_p = NULL;
    if (self && atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) == 1) {
        free(self);
    }
}

/* ---- letters ---- */

static tr_subscription_t *share_subscription(tr_subscription_t *self)
{
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

static void release_subscription(tr_subscription_t *self)
{
    if (atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) == 1) {
        assert(!self->to);
        free(self);
    }
}

static void destroy_told(tr_letter_t *letter)
{
    told_t *self = (told_t *)letter;
    atomic_fetch_sub(&self->subscription->n_untaken, 1);
    release_subscription(self->subscription);
    tr_event_release(&self->event);
    free(self);
}

static const tr_letter_type_t told_type = {"event", destroy_told};

static tr_subscription_t *subscription_of(tr_letter_t *shed)
{
    return (tr_subscription_t *)((char *)shed - offsetof(tr_subscription_t, shed));
}

/* The letter is at the disposal of whoever tells from the moment in which the count is 0. */
static uint64_t take_shed(tr_letter_t *letter)
{
    tr_subscription_t *subscription = subscription_of(letter);
    uint64_t count = atomic_exchange(&subscription->n_shed, 0);
    release_subscription(subscription);
    return count;
}

static void destroy_shed(tr_letter_t *letter)
{
    take_shed(letter);
}

static const tr_letter_type_t shed_type = {"event", destroy_shed};

bool tr_event_is_in(const tr_letter_t *letter)
{
    assert(letter);
    return letter->type == &told_type || letter->type == &shed_type;
}

tr_event_t *tr_event_take(tr_letter_t **letter_p)
{
    assert(letter_p && *letter_p && tr_event_is_in(*letter_p));
    tr_letter_t *letter = *letter_p;
    *letter_p = NULL;
    if (letter->type == &shed_type) {
        const tr_field_t count = TR_NUMBER("count", take_shed(letter));
        return tr_event_new(TR_LOG_WARNING, TR_EVENTS_SHED, &count, 1);
    }
    tr_event_t *event = tr_event_share(((told_t *)letter)->event);
    tr_letter_destroy(&letter);
    return event;
}

/* ---- the hub ---- */

tr_events_t *tr_events_new(void)
{
    tr_events_t *self = calloc(1, sizeof *self);
    if (self) {
        pthread_mutex_init(&self->mutex, NULL);
    }
    return self;
}

/* Under the lock: its place is somebody else's. */
static void remove_at(tr_events_t *self, size_t index)
{
    tr_subscription_t *subscription = self->subscriptions[index];
    self->subscriptions[index] = self->subscriptions[--self->n_subscriptions];
    tr_mailbox_release(&subscription->to);
    release_subscription(subscription);
    atomic_store_explicit(&self->is_heard, self->n_subscriptions > 0 || self->is_keeping,
                          memory_order_relaxed);
}

void tr_events_destroy(tr_events_t **self_p)
{
    assert(self_p);
    tr_events_t *self = *self_p;
    if (!self) {
        return;
    }
    while (self->n_subscriptions > 0) {
        remove_at(self, self->n_subscriptions - 1);
    }
    for (size_t i = 0; i < TR_EVENTS_KEPT; i++) {
        tr_event_release(&self->kept[i]);
    }
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *self_p = NULL;
}

troupe_status_t tr_events_subscribe(tr_events_t *self, tr_mailbox_t *to, size_t most,
                                    tr_subscription_t **out)
{
    assert(self && to && most > 0 && out);
    tr_subscription_t *subscription = calloc(1, sizeof *subscription);
    if (!subscription) {
        return TROUPE_ERR_NOMEM;
    }
    atomic_init(&subscription->holders, 2);
    subscription->to = tr_mailbox_share(to);
    subscription->most = most;
    pthread_mutex_lock(&self->mutex);
    bool has_place = self->n_subscriptions < MOST_SUBSCRIPTIONS;
    if (has_place) {
        self->subscriptions[self->n_subscriptions++] = subscription;
        atomic_store_explicit(&self->is_heard, true, memory_order_relaxed);
    }
    pthread_mutex_unlock(&self->mutex);
    if (!has_place) {
        tr_mailbox_release(&subscription->to);
        free(subscription);
        return TROUPE_LIMIT;
    }
    *out = subscription;
    return TROUPE_OK;
}

void tr_events_unsubscribe(tr_events_t *self, tr_subscription_t **subscription_p)
{
    assert(self && subscription_p);
    tr_subscription_t *subscription = *subscription_p;
    *subscription_p = NULL;
    if (!subscription) {
        return;
    }
    pthread_mutex_lock(&self->mutex);
    for (size_t i = 0; i < self->n_subscriptions; i++) {
        if (self->subscriptions[i] == subscription) {
            remove_at(self, i);
            break;
        }
    }
    pthread_mutex_unlock(&self->mutex);
    release_subscription(subscription);
}

void tr_events_keep(tr_events_t *self)
{
    assert(self);
    pthread_mutex_lock(&self->mutex);
    self->is_keeping = true;
    atomic_store_explicit(&self->is_heard, true, memory_order_relaxed);
    pthread_mutex_unlock(&self->mutex);
}

size_t tr_events_kept(tr_events_t *self, tr_event_t *out[TR_EVENTS_KEPT])
{
    assert(self && out);
    pthread_mutex_lock(&self->mutex);
    size_t n = self->n_kept < TR_EVENTS_KEPT ? (size_t)self->n_kept : TR_EVENTS_KEPT;
    for (size_t i = 0; i < n; i++) {
        out[i] = tr_event_share(self->kept[(self->n_kept - n + i) % TR_EVENTS_KEPT]);
    }
    pthread_mutex_unlock(&self->mutex);
    return n;
}

static void keep(tr_events_t *self, tr_event_t *event)
{
    tr_event_t **place = &self->kept[self->n_kept++ % TR_EVENTS_KEPT];
    tr_event_release(place);
    *place = tr_event_share(event);
}

/* ---- telling ---- */

/* What is left to be done for a subscriber without the lock. */
typedef struct call {
    tr_mailbox_t *to;  /* a share */
    tr_letter_t *shed; /* to be posted; NULL: its owner is only to be woken */
} call_t;

/* Whether the event was counted as lost because others before it are. */
static bool is_shed_too(tr_subscription_t *subscription)
{
    uint64_t n_shed = atomic_load(&subscription->n_shed);
    while (n_shed > 0 &&
           !atomic_compare_exchange_weak(&subscription->n_shed, &n_shed, n_shed + 1)) {
    }
    return n_shed > 0;
}

static troupe_status_t leave(tr_subscription_t *subscription, tr_event_t *event)
{
    told_t *told = atomic_load(&subscription->n_untaken) < subscription->most
                       ? calloc(1, sizeof *told)
                       : NULL;
    if (!told) {
        return TROUPE_FULL;
    }
    tr_letter_init(&told->letter, &told_type, sizeof *told + event->size);
    told->event = tr_event_share(event);
    told->subscription = share_subscription(subscription);
    atomic_fetch_add(&subscription->n_untaken, 1);
    tr_letter_t *letter = &told->letter;
    troupe_status_t status = tr_mailbox_leave(subscription->to, TR_LANE_USER, &letter);
    tr_letter_destroy(&letter);
    return status;
}

/* Under the lock. Returns how many calls are to be made. */
static size_t tell_all(tr_events_t *self, tr_event_t *event, call_t calls[MOST_SUBSCRIPTIONS])
{
    size_t n_calls = 0;
    for (size_t i = self->n_subscriptions; i-- > 0;) {
        tr_subscription_t *subscription = self->subscriptions[i];
        if (is_shed_too(subscription)) {
            continue;
        }
        troupe_status_t status = leave(subscription, event);
        if (status == TROUPE_CLOSED) {
            remove_at(self, i);
            continue;
        }
        call_t *call = &calls[n_calls++];
        *call = (call_t){.to = tr_mailbox_share(subscription->to)};
        if (status != TROUPE_OK) {
            atomic_store(&subscription->n_shed, 1);
            tr_letter_init(&subscription->shed, &shed_type, sizeof subscription->shed);
            call->shed = &share_subscription(subscription)->shed;
        }
    }
    return n_calls;
}

static void make_call(call_t *call)
{
    if (!call->shed) {
        tr_mailbox_alert(call->to);
    } else if (tr_mailbox_post_answer(call->to, TR_LANE_USER, &call->shed) != TROUPE_OK) {
        tr_letter_destroy(&call->shed);
    }
    tr_mailbox_release(&call->to);
}

static void publish(tr_events_t *self, tr_event_t *event, const blanks_t *blanks, bool is_kept)
{
    call_t calls[MOST_SUBSCRIPTIONS];
    pthread_mutex_lock(&self->mutex);
    stamp(event, blanks, ++self->last_seq);
    if (self->is_keeping && is_kept) {
        keep(self, event);
    }
    size_t n_calls = tell_all(self, event, calls);
    pthread_mutex_unlock(&self->mutex);
    for (size_t i = 0; i < n_calls; i++) {
        make_call(&calls[i]);
    }
}

static void tell(tr_events_t *self, tr_log_level_t level, const char *name,
                 const tr_field_t *fields, size_t n_fields, bool is_kept)
{
    assert(self);
    tr_log_write(level, name, fields, n_fields);
    if (!atomic_load_explicit(&self->is_heard, memory_order_relaxed)) {
        return;
    }
    blanks_t blanks;
    tr_event_t *event = make(level, name, fields, n_fields, &blanks);
    if (event) {
        publish(self, event, &blanks, is_kept);
        tr_event_release(&event);
    }
}

void tr_events_tell(tr_events_t *self, tr_log_level_t level, const char *name,
                    const tr_field_t *fields, size_t n_fields)
{
    tell(self, level, name, fields, n_fields, true);
}

void tr_events_tell_live(tr_events_t *self, tr_log_level_t level, const char *name,
                         const tr_field_t *fields, size_t n_fields)
{
    tell(self, level, name, fields, n_fields, false);
}
