/* workers/vision/ocr.h - image bytes in, text out
 *
 * The reading behind the module vision, with nothing of a node in it. Lines are told as they
 * are read, and the text of the page is those lines.
 *
 * Letters that are too small for Tesseract are enlarged first. Whether they are is seen by the
 * lines that it finds, before it reads any.
 */

#ifndef TROUPE_WORKERS_OCR_H
#define TROUPE_WORKERS_OCR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>
#include <troupe/vision.h>

#include "engines.h"

/* What is to be read, and who is told meanwhile. A zeroed one but for the image is fine. */
typedef struct tr_ocr_question {
    const void *image; /* PNG, JPEG, TIFF, BMP, PNM or WebP, of which the first is read */
    size_t size;
    const char *language; /* NULL: that which is always there */
    troupe_vision_layout_t layout;
    bool details; /* whether the page is to have words */

    /* Asked word by word whether to go on, but not while the image is unpacked and its layout
     * found; false stops the reading. */
    bool (*go_on)(void *arg);
    /* Told each line with the '\n' behind it; an empty one parts paragraphs. False stops. */
    bool (*on_line)(const char *line, size_t length, void *arg);
    void *arg;
} tr_ocr_question_t;

/* What was read. A zeroed one is empty. */
typedef struct tr_ocr_page {
    char *text; /* all the lines, never NULL after TROUPE_OK */
    size_t length;
    double confidence; /* 0 to 1, of all words; 0 without any */
    int64_t width;     /* of the image, in pixels */
    int64_t height;
    char model[160]; /* as "tesseract 5.3.0 eng" */
    troupe_vision_word_t *words;
    size_t n_words;
} tr_ocr_page_t;

/* Read. *why is set on all but TROUPE_OK.
 *
 *   TROUPE_OK           *page is the caller's to release
 *   TROUPE_LIMIT        more pixels than the limits allow
 *   TROUPE_ERR_INVALID  no image of these formats, a damaged one, or a language without data
 *   TROUPE_INTERRUPTED  go_on or on_line said no
 *   TROUPE_ERR_NOMEM
 *   TROUPE_ERR_IO       Tesseract failed
 */
TROUPE_NODISCARD troupe_status_t tr_ocr_read(tr_engines_t *engines,
                                             const tr_ocr_question_t *question,
                                             tr_ocr_page_t *page, troupe_why_t *why);

/* Release what is in it, and zero it. */
void tr_ocr_page_release(tr_ocr_page_t *page);

#endif
