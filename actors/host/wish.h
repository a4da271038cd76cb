/* actors/host/wish.h - what a worker in a process wants of the node about others
 *
 * To be told when they end, to be tied to them, to be among those who are spoken to together,
 * and to speak to these. A wish is a letter to the proxy, in the lane of what the worker sends:
 * so the node hears all in one order. To be called on the thread of the worker's callback, in
 * the process of a worker only.
 */

#ifndef TROUPE_ACTORS_HOST_WISH_H
#define TROUPE_ACTORS_HOST_WISH_H

#include "actors/runtime.h"
#include "wire/trp1.h"

typedef struct tr_wish {
    tr_letter_t letter;
    tr_trp1_command_t what;    /* as it is said to the node */
    uint64_t id;               /* of a monitor; else 0 */
    troupe_ref_t *whom;        /* a share, or NULL */
    troupe_message_t *message; /* of a publish; or NULL */
    char group[];              /* "": none */
} tr_wish_t;

extern const tr_letter_type_t tr_wish_type;

/* The wish in this letter, or NULL when it is none. */
tr_wish_t *tr_wish_in(tr_letter_t *letter);

/* Have the life `reader` of the worker get one notice of that number, when `whom` ends.
 * TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_wish_monitor(tr_runtime_t *runtime, troupe_ref_t *whom,
                                                 uint64_t reader, uint64_t id);

/* None that has not come yet comes any more. */
void tr_wish_demonitor(tr_runtime_t *runtime, uint64_t id);

/* TROUPE_ERR_NOMEM; likewise below. */
TROUPE_NODISCARD troupe_status_t tr_wish_link(tr_runtime_t *runtime, troupe_ref_t *whom);
TROUPE_NODISCARD troupe_status_t tr_wish_unlink(tr_runtime_t *runtime, troupe_ref_t *whom);

TROUPE_NODISCARD troupe_status_t tr_wish_join(tr_runtime_t *runtime, const char *group);
TROUPE_NODISCARD troupe_status_t tr_wish_leave(tr_runtime_t *runtime, const char *group);

/* Takes the message. TROUPE_FULL: the node does not read; the message became a dead letter. */
TROUPE_NODISCARD troupe_status_t tr_wish_publish(tr_runtime_t *runtime, const char *group,
                                                 troupe_message_t **message_p);

#endif
