/* workers/vision.c - the module `vision`: reads the text in an image
 *
 * It puts a request's image into the reader's hands and the text into the reply's; how to
 * read is the business of ocr.c. The model is loaded once, in init, so a worker is either
 * not ready or able to read.
 */

#include <stdlib.h>
#include <string.h>

#include <troupe/behaviour.h>

#include "ocr.h"

enum { FINE = 0, BROKEN = -1 };

/* The two whom a long reading concerns. */
struct errand {
    troupe_worker_t *worker;
    troupe_request_t *request;
};

static bool go_on(void *arg)
{
    const struct errand *errand = arg;
    troupe_worker_progress(errand->worker);
    return !troupe_request_cancelled(errand->request);
}

/* Sends each line of `text` that holds anything as a part of its own; false, and the request
 * is finished, when that was in vain. */
static bool send_lines(troupe_request_t *request, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length > 0) {
            troupe_message_t *part = troupe_message_from(text, length);
            if (!part) {
                troupe_request_fail(request, "out of memory");
                return false;
            }
            troupe_status_t status = troupe_request_part(request, &part);
            if (status != TROUPE_OK) {
                troupe_message_destroy(&part);
                troupe_request_fail(request, status == TROUPE_FULL
                                                 ? "there is no room for more lines"
                                                 : "nobody takes the lines any more");
                return false;
            }
        }
        text += length + (text[length] == '\n');
    }
    return true;
}

static void refuse(troupe_request_t *request, troupe_status_t status, const tr_why_t *why)
{
    switch (status) {
    case TROUPE_ERR_INVALID:
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "%s", why->text);
        break;
    case TROUPE_LIMIT:
        troupe_request_refuse(request, TROUPE_OUTCOME_TOO_LARGE, "%s", why->text);
        break;
    default:
        troupe_request_fail(request, "%s", why->text);
        break;
    }
}

static int vision_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    tr_why_t why = {""};
    tr_ocr_t *reader = tr_ocr_new();
    if (!reader) {
        troupe_worker_explain(self, "out of memory");
        return BROKEN;
    }
    troupe_status_t status = tr_ocr_load(reader, troupe_args_get_or(args, "language", "eng"),
                                         troupe_args_get(args, "tessdata"), &why);
    if (status != TROUPE_OK) {
        troupe_worker_explain(self, "%s", why.text);
        tr_ocr_destroy(&reader);
        return BROKEN;
    }
    *state_p = reader;
    return TROUPE_INIT_OK;
}

static int vision_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    const char *method = troupe_request_method(request);
    bool by_lines = strcmp(method, "lines") == 0;
    if (!by_lines && method[0] != '\0' && strcmp(method, "describe") != 0) {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST,
                              "vision has no method '%.100s', only describe and lines", method);
        return FINE;
    }
    struct errand errand = {self, request};
    tr_why_t why = {""};
    char *text = NULL;
    troupe_status_t status =
        tr_ocr_read(state, troupe_request_data(request), troupe_request_size(request), go_on,
                    &errand, &text, &why);

    if (status != TROUPE_OK) {
        refuse(request, status, &why);
    } else if (!by_lines || send_lines(request, text)) {
        troupe_request_reply_data(request, text, strlen(text));
    }
    free(text);
    return FINE;
}

static void vision_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    tr_ocr_t *reader = *state_p;
    tr_ocr_destroy(&reader);
    *state_p = NULL;
}

static const troupe_behaviour_t vision = {
    .name = "vision",
    .init = vision_init,
    .handle = vision_handle,
    .terminate = vision_terminate,
};

TROUPE_MODULE(vision);
