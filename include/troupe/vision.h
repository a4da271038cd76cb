/* troupe/vision.h - the contract of `vision`: an image and what is asked about it, a text back
 *
 * Method `describe`. The subject is the image, the reply's is the text. Text comes in parts
 * too, a line each with the '\n' behind it. troupe/contract.h says what the functions do.
 */

#ifndef TROUPE_VISION_H
#define TROUPE_VISION_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/contract.h>

TROUPE_BEGIN_DECLS

/* How text is spread over the image. */
typedef enum troupe_vision_layout {
    TROUPE_VISION_AUTO,   /* "auto": found out */
    TROUPE_VISION_COLUMN, /* "column": one column of text of various sizes */
    TROUPE_VISION_BLOCK,  /* "block": one block of text of one size */
    TROUPE_VISION_LINE,   /* "line" */
    TROUPE_VISION_WORD,   /* "word" */
    TROUPE_VISION_SPARSE, /* "sparse": as much text as possible, in no order */
} troupe_vision_layout_t;

/* What is asked. */
typedef struct troupe_vision_request {
    troupe_image_t image;          /* what it is about */
    const char *query;             /* a question, or what the worker's docs say; NULL: none */
    const char *language;          /* of the text, as "eng" or "eng+deu"; NULL: the worker's */
    troupe_vision_layout_t layout; /* auto */
    bool details;                  /* false: no words, no boxes */
    bool stream;                   /* true: in parts, too */
    troupe_contract_memory_t *memory; /* of what was unpacked; else NULL */
} troupe_vision_request_t;

/* A word and where it is, in pixels from the upper left corner. */
typedef struct troupe_vision_word {
    const char *text;  /* as it was read */
    double confidence; /* 0 to 1 */
    int64_t left;      /* its left edge */
    int64_t top;       /* its upper edge */
    int64_t width;     /* to the right of that */
    int64_t height;    /* below that */
} troupe_vision_word_t;

/* What comes back. */
typedef struct troupe_vision_reply {
    const char *text;                  /* all of it */
    const char *model;                 /* what has read it, as "tesseract 5.3.0 eng" */
    double confidence;                 /* of all words, 0 to 1; 0 without any */
    int64_t width;                     /* of the image, in pixels */
    int64_t height;                    /* likewise */
    const troupe_vision_word_t *words; /* if `details` were asked for */
    size_t n_words;                    /* how many of these */
    troupe_contract_memory_t *memory;  /* of what was unpacked; else NULL */
} troupe_vision_reply_t;

TROUPE_CONTRACT(vision)

TROUPE_END_DECLS

#endif
