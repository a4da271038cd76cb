/* troupe/text_to_image.h - the contract of `text_to_image`: a prompt, an image back
 *
 * Method `generate`. The subject is the prompt, the reply's is the image. troupe/contract.h
 * says what the functions do.
 */

#ifndef TROUPE_TEXT_TO_IMAGE_H
#define TROUPE_TEXT_TO_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/contract.h>

TROUPE_BEGIN_DECLS

/* What is made. */
typedef enum troupe_image_format {
    TROUPE_IMAGE_PNG, /* "png" */
    TROUPE_IMAGE_SVG, /* "svg" */
    TROUPE_IMAGE_PDF, /* "pdf" */
} troupe_image_format_t;

/* Whether the prompt is markup, for workers that draw what it says. */
typedef enum troupe_markup {
    TROUPE_MARKUP_AUTO, /* "auto": if it begins with '<' and is markup */
    TROUPE_MARKUP_YES,  /* "yes": or it is refused */
    TROUPE_MARKUP_NO,   /* "no": a text, whatever it looks like */
} troupe_markup_t;

/* What is asked. */
typedef struct troupe_text_to_image_request {
    const char *prompt;               /* what is to be seen */
    troupe_image_format_t format;     /* png */
    int64_t width;                    /* in pixels; 0: as the worker sees fit */
    int64_t height;                   /* likewise */
    int64_t steps;                    /* of workers that work in steps; 0: theirs */
    int64_t seed;                     /* of workers that throw dice; -1: any */
    troupe_markup_t markup;           /* auto */
    const char *font;                 /* a family, as "DejaVu Serif"; NULL: the worker's */
    int64_t size;                     /* of letters in points; 0: the worker's */
    int64_t margin;                   /* in pixels; -1: the worker's */
    int64_t dpi;                      /* dots that make an inch; 0: the worker's */
    const char *color;                /* of letters, as "#203040" or "navy"; NULL: black */
    const char *background;           /* likewise, or "transparent"; NULL: white */
    bool progress;                    /* false: no parts that tell how far it is */
    troupe_contract_memory_t *memory; /* of what was unpacked; else NULL */
} troupe_text_to_image_request_t;

/* What comes back. Parts, if they were asked for, have an empty frame 0, and `progress` (0 to
 * 1) in frame 1. */
typedef struct troupe_text_to_image_reply {
    const void *data;                 /* the bytes of a file of `format` */
    size_t size;                      /* in bytes */
    troupe_image_format_t format;     /* that was asked for */
    int64_t width;                    /* in pixels; of a PDF in points */
    int64_t height;                   /* likewise */
    const char *model;                /* what has drawn it */
    troupe_contract_memory_t *memory; /* of what was unpacked; else NULL */
} troupe_text_to_image_reply_t;

TROUPE_CONTRACT(text_to_image)

TROUPE_END_DECLS

#endif
