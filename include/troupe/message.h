/* troupe/message.h - a payload: an ordered list of frames
 *
 * A frame is a run of bytes. Frames are reference-counted: inside a node they are
 * handed over or shared, never copied, whatever their size. A message belongs to
 * one thread at a time; calls that take a message away do so through a
 * `troupe_message_t **` and set it to NULL.
 */

#ifndef TROUPE_MESSAGE_H
#define TROUPE_MESSAGE_H

#include <stddef.h>

#include <troupe/api.h>
#include <troupe/status.h>

TROUPE_BEGIN_DECLS

/* An ordered list of frames. */
typedef struct troupe_message troupe_message_t;

/* Called when the last holder of a frame lets go of it, on whatever thread that is. */
typedef void(troupe_free_fn)(void *data, void *hint);

/* An empty message, owned by the caller; NULL when out of memory. */
TROUPE_API TROUPE_NODISCARD troupe_message_t *troupe_message_new(void);

/* A message of one frame that holds a copy of `size` bytes at `data`. */
TROUPE_API TROUPE_NODISCARD troupe_message_t *troupe_message_from(const void *data,
                                                                  size_t size);

/* A message of one frame that holds a copy of `text` without its final NUL. */
TROUPE_API TROUPE_NODISCARD troupe_message_t *troupe_message_from_text(const char *text);

/* Let go of the message and set *self_p to NULL; a NULL message is fine. */
TROUPE_API void troupe_message_destroy(troupe_message_t **self_p);

/* Append a frame with a copy of `size` bytes. TROUPE_ERR_NOMEM adds nothing. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_message_add(troupe_message_t *self,
                                                               const void *data, size_t size);

/* Append a frame that is `data` itself, no copy. From here on the message owns it
 * and calls `free_fn (data, hint)` once, in the end. On TROUPE_ERR_NOMEM nothing
 * was taken: `data` is still the caller's. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_message_add_owned(troupe_message_t *self,
                                                                     void *data, size_t size,
                                                                     troupe_free_fn *free_fn,
                                                                     void *hint);

/* A second message with the same frames, shared and not copied; NULL when out of
 * memory. Shared frames must not be written to. */
TROUPE_API TROUPE_NODISCARD troupe_message_t *
troupe_message_share(const troupe_message_t *self);

/* How many frames there are. */
TROUPE_API size_t troupe_message_count(const troupe_message_t *self);

/* The bytes of frame `index`, borrowed until the message changes or ends; for a
 * frame that is not there, an empty one. Not NUL-terminated. Never NULL. */
TROUPE_API const void *troupe_message_data(const troupe_message_t *self, size_t index);

/* The length of frame `index` in bytes; 0 for a frame that is not there. */
TROUPE_API size_t troupe_message_size(const troupe_message_t *self, size_t index);

/* All frames' bytes together. */
TROUPE_API size_t troupe_message_bytes(const troupe_message_t *self);

/* Frame `index` as a new NUL-terminated string, to be released with free(); NULL
 * when out of memory. A frame with NUL inside is cut there for most readers. */
TROUPE_API TROUPE_NODISCARD char *troupe_message_text(const troupe_message_t *self,
                                                      size_t index);

TROUPE_END_DECLS

#endif
