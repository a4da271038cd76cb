/* remote/bundle.h - small commands that leave together, and what comes so
 *
 * A bundle is gathered from commands with little payload and then sent as one message: frame 0
 * of the `bundle` command and the body. Not thread-safe: whoever sends owns it.
 */

#ifndef TROUPE_REMOTE_BUNDLE_H
#define TROUPE_REMOTE_BUNDLE_H

#include <troupe/message.h>
#include <troupe/status.h>

#include "wire/bundle.h"

/* A body that is sent is not larger: enough for it to pay, and a copy hardly costs. */
#define TR_BUNDLE_BODY 16384

/* Payloads with more bytes are not copied, but go by themselves. */
#define TR_BUNDLE_MAX_PAYLOAD 1024

/* A zeroed one is empty. */
typedef struct tr_bundle {
    unsigned char *body; /* NULL: nothing was gathered yet */
    size_t size;
    size_t n_commands;
} tr_bundle_t;

/* Gather a command and a copy of its payload, which may be NULL; the body stays within
 * `max_body`. False: it must go by itself, or in the next bundle. */
TROUPE_NODISCARD bool tr_bundle_add(tr_bundle_t *self, size_t max_body,
                                    const tr_trp1_t *command, const troupe_message_t *payload);

/* Forget what was gathered. */
void tr_bundle_empty(tr_bundle_t *self);

/* The same, and free the memory; it may be used again. */
void tr_bundle_finish(tr_bundle_t *self);

/* Frame 0 of every bundle. */
tr_span_t tr_bundle_head(void);

/* Take the payload of a command out of a bundle that came: `n_frames` of it into a message of
 * the caller's; what is behind the first `max_frames` is passed
 * over. NULL in *out: no payload.
 *
 *   TROUPE_OK
 *   TROUPE_ERR_NOMEM     the payload is lost, but passed
 *   TROUPE_ERR_PROTOCOL  this is no bundle
 */
TROUPE_NODISCARD troupe_status_t tr_bundle_take_payload(tr_reader_t *reader, uint64_t n_frames,
                                                        uint64_t max_frames,
                                                        troupe_message_t **out);

#endif
