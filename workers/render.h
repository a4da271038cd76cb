/* workers/render.h - text in, PNG bytes out
 *
 * The drawing behind the module text_to_image, with nothing of a node in it. The same text
 * and options give the same bytes on the same machine. Text, options and markup come from
 * strangers: whatever they are, the answer is a picture or a reason, and no picture is begun
 * that would exceed the limits.
 *
 * A renderer belongs to one thread at a time; several may run at once.
 */

#ifndef TROUPE_WORKERS_RENDER_H
#define TROUPE_WORKERS_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>

#include "render_options.h"
#include "why.h"

enum {
    TR_RENDER_MAX_TEXT = 100 * 1024,       /* bytes */
    TR_RENDER_MAX_AREA = 32 * 1000 * 1000, /* pixels */
};

typedef struct tr_picture {
    unsigned char *png; /* the owner's, to be released with free() */
    size_t size;
    int width;
    int height;
} tr_picture_t;

/* Asked now and then whether to go on; false stops the work. */
typedef bool(tr_render_go_on_fn)(void *arg);

typedef struct tr_renderer tr_renderer_t;

/* A renderer, owned by the caller; NULL when out of memory. */
TROUPE_NODISCARD tr_renderer_t *tr_renderer_new(void);

/* Release it and set *self_p to NULL; NULL is fine. */
void tr_renderer_destroy(tr_renderer_t **self_p);

/* Whether any font is installed. Finds them all, which takes a while the first time. */
bool tr_renderer_has_fonts(tr_renderer_t *self);

/* Draw `size` bytes of UTF-8. `go_on` may be NULL. *why is set on all but TROUPE_OK.
 *
 *   TROUPE_OK           *out is filled, the bytes are the caller's
 *   TROUPE_LIMIT        text or picture above the limits
 *   TROUPE_ERR_INVALID  no UTF-8, no markup, no such font, no room between the margins
 *   TROUPE_INTERRUPTED  go_on said no
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_renderer_draw(tr_renderer_t *self, const char *text,
                                                  size_t size,
                                                  const tr_render_options_t *options,
                                                  tr_render_go_on_fn *go_on, void *arg,
                                                  tr_picture_t *out, tr_why_t *why);

#endif
