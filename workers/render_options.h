/* workers/render_options.h - how a text is to be drawn
 *
 * Read from a few lines of `key=value` that a stranger sent. Pure.
 */

#ifndef TROUPE_WORKERS_RENDER_OPTIONS_H
#define TROUPE_WORKERS_RENDER_OPTIONS_H

#include <stddef.h>

#include <troupe/status.h>

#include "why.h"

enum {
    TR_RENDER_MAX_SIDE = 8192,    /* pixels */
    TR_RENDER_MAX_OPTIONS = 1024, /* bytes */
};

typedef enum tr_render_markup {
    TR_RENDER_MARKUP_AUTO, /* markup if it begins with '<' and parses, else plain text */
    TR_RENDER_MARKUP_YES,  /* markup, or refused */
    TR_RENDER_MARKUP_NO,   /* plain text, whatever it looks like */
} tr_render_markup_t;

typedef struct tr_render_options {
    int width;      /* of the picture in pixels; 0: as wide as the text, 1600 at most */
    int margin;     /* in pixels, on all sides */
    int size_pt;    /* of the letters */
    int dpi;        /* dots that make an inch, which is 72 points */
    char font[100]; /* a Pango font description; its size is not looked at */
    tr_render_markup_t markup;
} tr_render_options_t;

/* Black on white, sized to be read by people and by text recognition. */
tr_render_options_t tr_render_options_default(void);

/* Change *options by `text`, one `key=value` a line, of width, margin, size, dpi, font and
 * markup (yes or no). Of a repeated key the last counts. TROUPE_ERR_INVALID leaves *options
 * untouched and says in *why what is wrong. */
TROUPE_NODISCARD troupe_status_t tr_render_options_parse(const char *text, size_t size,
                                                         tr_render_options_t *options,
                                                         tr_why_t *why);

#endif
