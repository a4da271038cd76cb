/* workers/vision/vision.c - the module `vision`: reads the text in an image
 *
 * It puts a request's image into the reader's hands and the page into the reply's; how to read
 * is the business of ocr.c. The model is loaded once, in init, so a worker is either not ready
 * or able to read.
 */

#include <stdlib.h>
#include <string.h>

#include <troupe/behaviour.h>

#include "../images/image_folder.h"
#include "../refuse.h"
#include "ocr.h"
#include "ocr_query.h"

enum { FINE = 0, BROKEN = -1 };

typedef struct vision {
    tr_engines_t *engines;
    tr_image_folder_t *images;
} vision_t;

/* Whom a reading concerns. */
struct errand {
    troupe_worker_t *worker;
    troupe_request_t *request;
    const char *trouble; /* with parts; NULL: none */
};

static bool go_on(void *arg)
{
    const struct errand *errand = arg;
    troupe_worker_progress(errand->worker);
    return !troupe_request_cancelled(errand->request);
}

static bool send_line(const char *line, size_t length, void *arg)
{
    struct errand *errand = arg;
    troupe_message_t *part = troupe_message_from(line, length);
    troupe_status_t status =
        part ? troupe_request_part(errand->request, &part) : TROUPE_ERR_NOMEM;
    switch (status) {
    case TROUPE_OK:
        return true;
    case TROUPE_FULL:
        troupe_message_destroy(&part);
        errand->trouble = "there is no room for more lines";
        break;
    case TROUPE_CLOSED:
        errand->trouble = "nobody takes the lines any more";
        break;
    default:
        errand->trouble = "out of memory";
        break;
    }
    return false;
}

/* ---- what is asked ---- */

/* Reads as `asked` says, into *page. */
static troupe_status_t read_image(vision_t *self, const troupe_vision_request_t *asked,
                                  struct errand *errand, tr_ocr_page_t *page, troupe_why_t *why)
{
    tr_ocr_query_t query = {0};
    tr_image_bytes_t image = {0};
    troupe_status_t status =
        asked->query ? tr_ocr_query_parse(self->engines, asked->query, &query, why) : TROUPE_OK;
    if (status == TROUPE_OK) {
        status = tr_image_folder_bytes(self->images, &asked->image, &image, why);
    }
    if (status == TROUPE_OK) {
        const tr_ocr_question_t question = {
            .image = image.data,
            .size = image.size,
            .language = query.language[0] != '\0' ? query.language : asked->language,
            .layout = query.has_layout ? query.layout : asked->layout,
            .details = asked->details,
            .go_on = go_on,
            .on_line = asked->stream ? send_line : NULL,
            .arg = errand,
        };
        status = tr_ocr_read(self->engines, &question, page, why);
    }
    tr_image_bytes_release(&image);
    return status;
}

static troupe_status_t pack(const troupe_vision_request_t *asked, const tr_ocr_page_t *page,
                            troupe_message_t **out, troupe_why_t *why)
{
    const troupe_vision_reply_t reply = {
        .text = page->text,
        .model = page->model,
        .confidence = page->confidence,
        .width = page->width,
        .height = page->height,
        .words = page->words,
        .n_words = page->n_words,
    };
    return troupe_vision_pack_reply(asked, &reply, out, why);
}

/* ---- callbacks ---- */

static void vision_destroy(vision_t **self_p)
{
    vision_t *self = *self_p;
    if (self) {
        tr_engines_destroy(&self->engines);
        tr_image_folder_destroy(&self->images);
        free(self);
        *self_p = NULL;
    }
}

/* TROUPE_ERR_NOMEM when there is no memory; *why is set on all but TROUPE_OK. */
static troupe_status_t vision_open(vision_t *self, const troupe_args_t *args, troupe_why_t *why)
{
    self->engines = tr_engines_new();
    self->images = tr_image_folder_new();
    if (!self->engines || !self->images) {
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status =
        tr_image_folder_open(self->images, troupe_args_get(args, "images"), why);
    return status == TROUPE_OK
               ? tr_engines_load(self->engines, troupe_args_get_or(args, "language", "eng"),
                                 troupe_args_get(args, "tessdata"), why)
               : status;
}

static int vision_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    troupe_why_t why = {"out of memory"};
    vision_t *state = calloc(1, sizeof *state);
    troupe_status_t status = state ? vision_open(state, args, &why) : TROUPE_ERR_NOMEM;
    if (status != TROUPE_OK) {
        troupe_worker_explain(self, "%s", why.text);
        vision_destroy(&state);
        return status == TROUPE_ERR_NOMEM ? TROUPE_INIT_NO_MEMORY : BROKEN;
    }
    *state_p = state;
    return TROUPE_INIT_OK;
}

static int vision_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    troupe_vision_request_t asked;
    struct errand errand = {self, request, NULL};
    tr_ocr_page_t page = {0};
    troupe_message_t *reply = NULL;
    troupe_why_t why = {""};

    troupe_status_t status = troupe_vision_unpack(
        troupe_request_method(request), troupe_request_message(request), &asked, &why);
    if (status != TROUPE_OK) {
        tr_refuse(request, status, why.text);
        return FINE;
    }
    status = read_image(state, &asked, &errand, &page, &why);
    if (status == TROUPE_OK) {
        status = pack(&asked, &page, &reply, &why);
    }
    if (status == TROUPE_OK) {
        troupe_request_reply(request, &reply);
    } else {
        tr_refuse(request, status, errand.trouble ? errand.trouble : why.text);
    }
    tr_ocr_page_release(&page);
    troupe_vision_release(&asked);
    return FINE;
}

static void vision_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    vision_t *state = *state_p;
    vision_destroy(&state);
    *state_p = NULL;
}

static const troupe_behaviour_t vision = {
    .name = "vision",
    .init = vision_init,
    .handle = vision_handle,
    .terminate = vision_terminate,
};

TROUPE_MODULE(vision);
