/* actors/event.h - what happens in a node, told once
 *
 * An event is a name and fields, as a line of the log is: it goes to the log, and to whoever
 * has subscribed to the events of that node. Telling never waits. Any thread.
 */

#ifndef TROUPE_ACTORS_EVENT_H
#define TROUPE_ACTORS_EVENT_H

#include "base/log.h"
#include "mailbox/mailbox.h"

typedef struct tr_events tr_events_t;

/* Nobody has subscribed. NULL when out of memory. */
TROUPE_NODISCARD tr_events_t *tr_events_new(void);

/* NULL is fine. */
void tr_events_destroy(tr_events_t **self_p);

/* tr_event (runtime->events, TR_LOG_INFO, "evicted", TR_TEXT ("worker", name)); */
#define tr_event(events, level, name, ...)                                                     \
    tr_events_tell((events), (level), (name), (const tr_field_t[]){__VA_ARGS__},               \
                   sizeof((const tr_field_t[]){__VA_ARGS__}) / sizeof(tr_field_t))

/* Texts are copied. */
void tr_events_tell(tr_events_t *self, tr_log_level_t level, const char *name,
                    const tr_field_t *fields, size_t n_fields);

#endif
