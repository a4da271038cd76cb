/* wire/bundle.h - many small commands in one frame
 *
 * What a message costs on its way hardly depends on how short it is. Who has several to send at
 * once to somebody who understands it puts them into the body of one `bundle` command: for each
 * its frame 0 as a bin, and an array of its payload frames, each a bin. docs/protocol.md is the
 * normative text.
 *
 * Pure. As everywhere in this folder, what is read is checked before it is used.
 */

#ifndef TROUPE_WIRE_BUNDLE_H
#define TROUPE_WIRE_BUNDLE_H

#include "wire/items.h"
#include "wire/trp1.h"

/* The largest body: what a reader accepts, and what it says in its `hello`. */
#define TR_BUNDLE_MAX_BODY 65536

/* The longest frame 0 that is put into one; what is longer goes by itself. */
#define TR_BUNDLE_MAX_HEAD 255

/* Put a command of `n_frames` payload frames, which follow by tr_bundle_put_frame. False: it
 * does not fit, or its frame 0 is too long; then what the writer has got since is to be
 * dropped. */
TROUPE_NODISCARD bool tr_bundle_put(tr_writer_t *writer, const tr_trp1_t *command,
                                    size_t n_frames);

/* Put a payload frame of at most 65535 bytes; false as above. */
TROUPE_NODISCARD bool tr_bundle_put_frame(tr_writer_t *writer, const void *data, size_t size);

/* Take the next command: its frame 0, which may be anything, and how many payload frames it
 * has, which come next. False: this is no bundle, and nothing more can be read. */
TROUPE_NODISCARD bool tr_bundle_take(tr_reader_t *reader, tr_span_t *head_out,
                                     uint64_t *n_frames_out);

/* Take the next payload frame; false as above. */
TROUPE_NODISCARD bool tr_bundle_take_frame(tr_reader_t *reader, tr_span_t *out);

#endif
