/* workers/text_to_image/render_layout.h - a text laid out on a page, if it fits
 *
 * What is measured here before anything is drawn is all that keeps a picture within the limits.
 */

#ifndef TROUPE_WORKERS_RENDER_LAYOUT_H
#define TROUPE_WORKERS_RENDER_LAYOUT_H

#include <pango/pango.h>

#include <troupe/status.h>
#include <troupe/text_to_image.h>

enum {
    TR_LAYOUT_MAX_TEXT = 100 * 1024,       /* bytes */
    TR_LAYOUT_MAX_SIDE = 8192,             /* pixels */
    TR_LAYOUT_MAX_AREA = 32 * 1000 * 1000, /* pixels */
};

/* How large the picture will be in pixels, and where in it the layout begins. */
typedef struct tr_page {
    int width;
    int height;
    int x;
    int y;
} tr_page_t;

/* Lay out the prompt of `request`, as whose defaults count 0, NULL, or -1 for the margin. On
 * TROUPE_OK *layout is the caller's, to be released with g_object_unref(); for the rest see
 * tr_renderer_draw. */
TROUPE_NODISCARD troupe_status_t tr_layout_make(PangoFontMap *fonts,
                                                const troupe_text_to_image_request_t *request,
                                                PangoLayout **layout, tr_page_t *page,
                                                troupe_why_t *why);

/* Dots that make an inch, as the request says or by default. */
int tr_layout_dpi(const troupe_text_to_image_request_t *request);

#endif
