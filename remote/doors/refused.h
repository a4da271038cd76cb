/* remote/doors/refused.h - whoever is not let in is counted, and told of once
 *
 * Not thread-safe: the gateway and the doorkeeper each have one.
 */

#ifndef TROUPE_REMOTE_DOORS_REFUSED_H
#define TROUPE_REMOTE_DOORS_REFUSED_H

#include "actors/runtime.h"
#include "remote/doors/refusals.h"

/* Why somebody is refused; the names are those of the metric and of the event. */
#define TR_REFUSED_MAP(X)                                                                      \
    X(KEY, "key")               /* his key is not known */                                     \
    X(SERVER_KEY, "server_key") /* he has another key of the node */                           \
    X(MECHANISM, "mechanism")   /* he does not speak CURVE */                                  \
    X(HANDSHAKE, "handshake")   /* he has given up, or is too slow, or speaks nonsense */      \
    X(MALFORMED, "malformed")   /* what was asked of the doorkeeper is no question */

typedef enum tr_refused_why {
#define X(NAME, name) TR_REFUSED_##NAME,
    TR_REFUSED_MAP(X)
#undef X
        TR_N_REFUSED
} tr_refused_why_t;

typedef struct tr_refused {
    tr_events_t *events;
    tr_refusals_t known;
    tr_metric_t *counted[TR_N_REFUSED];
} tr_refused_t;

/* Who was refused; texts that are not known are NULL. */
typedef struct tr_refused_peer {
    tr_refused_why_t why;
    const char *address;
    const char *endpoint;
    const char *key;  /* that he has shown */
    const char *name; /* whose key that was */
} tr_refused_peer_t;

void tr_refused_init(tr_refused_t *self, tr_runtime_t *runtime);

void tr_refused_note(tr_refused_t *self, const tr_refused_peer_t *peer, int64_t now_ms);

/* Tell how many were not told of, if it is time. Returns when to look again. */
int64_t tr_refused_turn(tr_refused_t *self, int64_t now_ms);

#endif
