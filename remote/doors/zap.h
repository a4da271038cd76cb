/* remote/doors/zap.h - the ZeroMQ authentication protocol: what is asked, and what is answered
 *
 * RFC 27, as far as the doors of a node need it: only CURVE, only their own domains. Pure.
 * Whatever is asked is answered; what is no question of the protocol is refused as such.
 */

#ifndef TROUPE_REMOTE_DOORS_ZAP_H
#define TROUPE_REMOTE_DOORS_ZAP_H

#include <stddef.h>

#include "base/span.h"
#include "remote/doors/keys.h"
#include "remote/doors/refused.h"

/* Where libzmq asks, within a context. */
#define TR_ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define TR_ZAP_VERSION  "1.0"

/* The domain of a door is this, and its endpoint. */
#define TR_ZAP_DOMAIN     "troupe "
#define TR_ZAP_MAX_DOMAIN 255

/* What tells a message of who came in with which key, as it does with which name. */
#define TR_ZAP_KEY_PROPERTY "Troupe-Key"

/* More frames than any question has; of a longer one the rest is not looked at. */
#define TR_ZAP_MAX_FRAMES 16

/* Room for the metadata of an answer. */
#define TR_ZAP_MAX_METADATA 64

typedef struct tr_zap_answer {
    const char *status; /* "200", "400" or "500" */
    const char *text;
    const tr_key_t *key;  /* whose; borrowed from the table; NULL: it is refused */
    tr_refused_why_t why; /* if it is */
    tr_span_t id;         /* the rest is borrowed from the question; what it has not is empty */
    tr_span_t endpoint;   /* of the door */
    tr_span_t address;    /* of the peer */
    tr_span_t key_bytes;  /* that it has shown */
} tr_zap_answer_t;

/* Decide; `frames` are those behind the empty one that ends the envelope. */
tr_zap_answer_t tr_zap_decide(const tr_keys_t *keys, const tr_span_t *frames, size_t n_frames);

/* Write the metadata of who is let in; returns its size. */
size_t tr_zap_metadata(const tr_key_t *key, unsigned char metadata[TR_ZAP_MAX_METADATA]);

#endif
