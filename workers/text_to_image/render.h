/* workers/text_to_image/render.h - text in, the bytes of a PNG, SVG or PDF out
 *
 * The drawing behind the module text_to_image, with nothing of a node in it. The same request
 * gives the same bytes on the same machine, whatever was drawn before. Text and markup come
 * from strangers: whatever they are, the answer is a picture or a reason, and no picture is
 * begun that would exceed the limits.
 *
 * A renderer belongs to one thread at a time; several may run at once.
 */

#ifndef TROUPE_WORKERS_RENDER_H
#define TROUPE_WORKERS_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>
#include <troupe/text_to_image.h>

typedef struct tr_picture {
    unsigned char *bytes; /* the owner's, to be released with free() */
    size_t size;
    int width; /* in pixels; of a PDF in points */
    int height;
} tr_picture_t;

/* Told how much is done, from 0 to 1, and asked whether to go on; false stops the work. */
typedef bool(tr_render_go_on_fn)(double done, void *arg);

typedef struct tr_renderer tr_renderer_t;

/* A renderer, owned by the caller; NULL when out of memory. */
TROUPE_NODISCARD tr_renderer_t *tr_renderer_new(void);

/* Release it and set *self_p to NULL; NULL is fine. */
void tr_renderer_destroy(tr_renderer_t **self_p);

/* Whether any font is installed. Finds them all, which takes a while the first time. */
bool tr_renderer_has_fonts(tr_renderer_t *self);

/* What draws, as "pango 1.50.12 cairo 1.16.0". Constant. */
const char *tr_renderer_model(void);

/* Draw the prompt of `request`, whose steps and seed are not looked at. `go_on` may be NULL; it
 * is not asked while the text is laid out. *why is set on all but TROUPE_OK.
 *
 *   TROUPE_OK           *out is filled, the bytes are the caller's
 *   TROUPE_LIMIT        text or picture above the limits
 *   TROUPE_ERR_INVALID  no UTF-8, no markup, no such font or colour, a number out of its range,
 *                       no room between the margins
 *   TROUPE_INTERRUPTED  go_on said no
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_renderer_draw(tr_renderer_t *self,
                                                  const troupe_text_to_image_request_t *request,
                                                  tr_render_go_on_fn *go_on, void *arg,
                                                  tr_picture_t *out, troupe_why_t *why);

#endif
