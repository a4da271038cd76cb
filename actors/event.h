/* actors/event.h - what happens in a node, told once
 *
 * An event is a name and fields, as a line of the log is: it goes to the log, and to whoever
 * has subscribed to the events of that node. Telling never waits: a subscriber that does not
 * take its letters loses events, and is told how many. Any thread.
 *
 * docs/events.md lists all events with their fields; tests/lint/events_documented.py holds it
 * to the source.
 */

#ifndef TROUPE_ACTORS_EVENT_H
#define TROUPE_ACTORS_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "mailbox/mailbox.h"

typedef struct tr_events tr_events_t;
typedef struct tr_subscription tr_subscription_t;

/* So many of the last events are kept for those who come late. */
#define TR_EVENTS_KEPT 256

/* Texts longer than that are cut; so are all fields behind so many. */
#define TR_EVENT_TEXT   1024
#define TR_EVENT_FIELDS 16

/* Told to a subscriber in the place of those that it lost; field `count`. */
#define TR_EVENTS_SHED "events_shed"

/* One event: immutable, and shared by all who have it. */
typedef struct tr_event {
    atomic_uint holders;
    uint64_t seq; /* counts the node's events; 0: about the subscription itself */
    tr_log_level_t level;
    char name[48];
    size_t size;
    char bytes[]; /* a msgpack map: time (ms since 1970), seq, level, event, and its fields */
} tr_event_t;

/* Nobody has subscribed, and nothing is kept. NULL when out of memory. */
TROUPE_NODISCARD tr_events_t *tr_events_new(void);

/* No teller may be left; subscriptions end. NULL is fine. */
void tr_events_destroy(tr_events_t **self_p);

/* ---- telling ---- */

/* tr_event (runtime->events, TR_LOG_INFO, "evicted", TR_TEXT ("worker", name)); */
#define tr_event(events, level, name, ...)                                                     \
    tr_events_tell((events), (level), (name), (const tr_field_t[]){__VA_ARGS__},               \
                   sizeof((const tr_field_t[]){__VA_ARGS__}) / sizeof(tr_field_t))

/* The same, not to be kept for those who come late: of what there is too much of. */
#define tr_event_live(events, level, name, ...)                                                \
    tr_events_tell_live((events), (level), (name), (const tr_field_t[]){__VA_ARGS__},          \
                        sizeof((const tr_field_t[]){__VA_ARGS__}) / sizeof(tr_field_t))

/* Texts are copied. Beyond the line of the log it costs a relaxed load where nobody listens and
 * nothing is kept, as in a worker's process; a node keeps its last events, and packs each. */
void tr_events_tell(tr_events_t *self, tr_log_level_t level, const char *name,
                    const tr_field_t *fields, size_t n_fields);

void tr_events_tell_live(tr_events_t *self, tr_log_level_t level, const char *name,
                         const tr_field_t *fields, size_t n_fields);

/* ---- listening ---- */

/* Post each event from now on to the user lane of `to` (shared), as a letter. Of those that
 * were not taken yet there are at most `most`: what comes then is counted, and told by one
 * TR_EVENTS_SHED that stands where they would have stood.
 *
 *   TROUPE_OK         *out is the caller's, to be ended by tr_events_unsubscribe
 *   TROUPE_LIMIT      there are too many subscriptions
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_events_subscribe(tr_events_t *self, tr_mailbox_t *to,
                                                     size_t most, tr_subscription_t **out);

/* End a subscription and set *subscription_p to NULL; NULL inside is fine. At any time, on any
 * thread. A letter that is under way may still come. */
void tr_events_unsubscribe(tr_events_t *self, tr_subscription_t **subscription_p);

/* Whether this letter brings an event. */
bool tr_event_is_in(const tr_letter_t *letter);

/* The event that the letter brings, the caller's to release; takes the letter. NULL when out of
 * memory. */
TROUPE_NODISCARD tr_event_t *tr_event_take(tr_letter_t **letter_p);

/* From now on keep the last TR_EVENTS_KEPT events, whoever listens. */
void tr_events_keep(tr_events_t *self);

/* Fill `out` with shares of those that are kept, the oldest first; returns how many. */
size_t tr_events_kept(tr_events_t *self, tr_event_t *out[TR_EVENTS_KEPT]);

/* An event that concerns one subscriber alone: it has no number. NULL when out of memory. */
TROUPE_NODISCARD tr_event_t *tr_event_new(tr_log_level_t level, const char *name,
                                          const tr_field_t *fields, size_t n_fields);

tr_event_t *tr_event_share(tr_event_t *self);
void tr_event_release(tr_event_t **self_p);

#endif
