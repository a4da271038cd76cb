/* workers/vision/ocr_query.h - what a query asks of a reading
 *
 * Words that name a layout or a language, as "sparse deu" or "layout=line language=eng". A
 * question in plain words is refused, since who reads text cannot answer it.
 */

#ifndef TROUPE_WORKERS_OCR_QUERY_H
#define TROUPE_WORKERS_OCR_QUERY_H

#include <troupe/status.h>
#include <troupe/vision.h>

#include "engines.h"

/* What it says; a zeroed one says nothing. */
typedef struct tr_ocr_query {
    bool has_layout;
    troupe_vision_layout_t layout;
    char language[TR_ENGINES_MAX_NAME + 1]; /* "": none */
} tr_ocr_query_t;

/* Read `query`. A word without '=' is a language if it is installed. Of several the last
 * counts. TROUPE_ERR_INVALID when it says anything else; *why says what can be asked. */
TROUPE_NODISCARD troupe_status_t tr_ocr_query_parse(tr_engines_t *engines, const char *query,
                                                    tr_ocr_query_t *out, troupe_why_t *why);

#endif
