/* remote/spares.h - messages that were used up, for those to come
 *
 * Where as many messages go as come, each can have the memory of one before it. Not
 * thread-safe: one thread owns it.
 */

#ifndef TROUPE_REMOTE_SPARES_H
#define TROUPE_REMOTE_SPARES_H

#include <troupe/message.h>

#define TR_SPARES_KEPT 64

/* A zeroed one is empty. */
typedef struct tr_spares {
    size_t n_kept;
    troupe_message_t *kept[TR_SPARES_KEPT];
} tr_spares_t;

/* A message without frames, the caller's; NULL when out of memory. */
TROUPE_NODISCARD troupe_message_t *tr_spares_take(tr_spares_t *self);

/* Take a message that is not needed any more, and what is in it; NULL inside is fine. */
void tr_spares_give(tr_spares_t *self, troupe_message_t **message_p);

void tr_spares_finish(tr_spares_t *self);

#endif
