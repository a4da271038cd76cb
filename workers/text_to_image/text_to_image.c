/* workers/text_to_image/text_to_image.c - the module `text_to_image`: draws a text as PNG, SVG
 * or PDF
 *
 * It puts a request into the renderer's hands and the picture into the reply's; how to draw is
 * the business of render.c.
 */

#include <stdlib.h>
#include <string.h>

#include <troupe/behaviour.h>

#include "../refuse.h"
#include "render.h"

enum { FINE = 0, BROKEN = -1 };

#define PROGRESS_STEP 0.1 /* between parts that tell how far it is */

/* Whom a drawing concerns. */
struct errand {
    troupe_worker_t *worker;
    troupe_request_t *request;
    const troupe_text_to_image_request_t *asked;
    double told; /* how much of it is done, 0 to 1 */
};

/* How far it is matters to nobody who has no room for it. */
static void tell_progress(struct errand *errand, double done)
{
    troupe_message_t *part = NULL;
    errand->told = done;
    if (troupe_contract_pack_progress(errand->asked->memory, done, &part) == TROUPE_OK &&
        troupe_request_part(errand->request, &part) != TROUPE_OK) {
        troupe_message_destroy(&part);
    }
}

static bool go_on(double done, void *arg)
{
    struct errand *errand = arg;
    troupe_worker_progress(errand->worker);
    if (errand->asked->progress && done >= errand->told + PROGRESS_STEP) {
        tell_progress(errand, done);
    }
    return !troupe_request_cancelled(errand->request);
}

static troupe_status_t pack(const troupe_text_to_image_request_t *asked,
                            const tr_picture_t *picture, troupe_message_t **out,
                            troupe_why_t *why)
{
    const troupe_text_to_image_reply_t reply = {
        .data = picture->bytes,
        .size = picture->size,
        .format = asked->format,
        .width = picture->width,
        .height = picture->height,
        .model = tr_renderer_model(),
    };
    return troupe_text_to_image_pack_reply(asked, &reply, out, why);
}

static int image_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    tr_renderer_t *renderer = tr_renderer_new();
    if (!renderer) {
        troupe_worker_explain(self, "out of memory");
        return TROUPE_INIT_NO_MEMORY;
    }
    if (!tr_renderer_has_fonts(renderer)) {
        troupe_worker_explain(self, "no font is installed: install the package "
                                    "fonts-dejavu-core");
        tr_renderer_destroy(&renderer);
        return BROKEN;
    }
    *state_p = renderer;
    return TROUPE_INIT_OK;
}

static int image_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    troupe_text_to_image_request_t asked;
    troupe_message_t *reply = NULL;
    tr_picture_t picture = {0};
    troupe_why_t why = {""};

    troupe_status_t status = troupe_text_to_image_unpack(
        troupe_request_method(request), troupe_request_message(request), &asked, &why);
    if (status != TROUPE_OK) {
        tr_refuse(request, status, why.text);
        return FINE;
    }
    struct errand errand = {self, request, &asked, 0};
    status = tr_renderer_draw(state, &asked, go_on, &errand, &picture, &why);
    if (status == TROUPE_OK) {
        status = pack(&asked, &picture, &reply, &why);
        free(picture.bytes);
    }
    if (status == TROUPE_OK) {
        troupe_request_reply(request, &reply);
    } else {
        tr_refuse(request, status, why.text);
    }
    troupe_text_to_image_release(&asked);
    return FINE;
}

static void image_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    tr_renderer_t *renderer = *state_p;
    tr_renderer_destroy(&renderer);
    *state_p = NULL;
}

static const troupe_behaviour_t text_to_image = {
    .name = "text_to_image",
    .init = image_init,
    .handle = image_handle,
    .terminate = image_terminate,
};

TROUPE_MODULE(text_to_image);
