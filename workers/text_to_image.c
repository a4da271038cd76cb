/* workers/text_to_image.c - the module `text_to_image`: draws a text as a PNG
 *
 * It puts a request's frames into the renderer's hands and the picture into the reply's; how
 * to draw is the business of render.c. The encoder's buffer becomes the reply's first frame,
 * so a picture is never copied.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/behaviour.h>

#include "render.h"

enum { FINE = 0, BROKEN = -1 };

/* The two whom a long drawing concerns. */
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

static void free_bytes(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* Takes the picture's bytes. */
static void reply_with(troupe_request_t *request, const tr_picture_t *picture)
{
    char what[64];
    snprintf(what, sizeof what, "image/png %dx%d", picture->width, picture->height);

    troupe_message_t *reply = troupe_message_new();
    if (!reply || troupe_message_add_owned(reply, picture->png, picture->size, free_bytes,
                                           NULL) != TROUPE_OK) {
        free(picture->png);
        troupe_message_destroy(&reply);
    } else if (troupe_message_add(reply, what, strlen(what)) != TROUPE_OK) {
        troupe_message_destroy(&reply);
    }

    if (reply) {
        troupe_request_reply(request, &reply);
    } else {
        troupe_request_fail(request, "out of memory");
    }
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

static int image_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    tr_renderer_t *renderer = tr_renderer_new();
    if (!renderer) {
        troupe_worker_explain(self, "out of memory");
        return BROKEN;
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
    const char *method = troupe_request_method(request);
    if (method[0] != '\0' && strcmp(method, "generate") != 0) {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST,
                              "text_to_image has no method '%.100s', only generate", method);
        return FINE;
    }
    const troupe_message_t *message = troupe_request_message(request);
    tr_render_options_t options = tr_render_options_default();
    tr_picture_t picture = {0};
    tr_why_t why = {""};

    troupe_status_t status = tr_render_options_parse(
        troupe_message_data(message, 1), troupe_message_size(message, 1), &options, &why);
    if (status == TROUPE_OK) {
        struct errand errand = {self, request};
        status = tr_renderer_draw(state, troupe_message_data(message, 0),
                                  troupe_message_size(message, 0), &options, go_on, &errand,
                                  &picture, &why);
    }
    if (status == TROUPE_OK) {
        reply_with(request, &picture);
    } else {
        refuse(request, status, &why);
    }
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
