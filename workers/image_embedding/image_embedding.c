/* workers/image_embedding/image_embedding.c - the module `image_embedding`: a vector for what
 * an image looks like
 *
 * It takes images out of requests and puts vectors into replies. Which images are read is the
 * business of image_folder.c and pixels.c, what is made of them that of canvas.c and gist.c.
 * Each image is described by itself, so it makes no difference to its vector whether it came
 * alone, in a batch, or together with other requests.
 */

#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>
#include <troupe/behaviour.h>
#include <troupe/image_embedding.h>

#include "../images/image_folder.h"
#include "../images/pixels.h"
#include "../refuse.h"
#include "gist.h"

enum { FINE = 0, BROKEN = -1 };

/* More pixels along the shorter side make no difference on the canvas. */
enum { ENOUGH = 4 * TR_CANVAS_SIDE };

struct desk {
    tr_image_folder_t *folder;
    tr_canvas_t canvas;
};

static troupe_status_t describe(struct desk *desk, const troupe_image_t *image,
                                float gist[TR_GIST_DIMENSION], troupe_why_t *why)
{
    tr_image_bytes_t bytes = {0};
    troupe_status_t status = tr_image_folder_bytes(desk->folder, image, &bytes, why);
    if (status != TROUPE_OK) {
        return status;
    }
    PIX *picture = NULL;
    status = tr_pixels_unpack(bytes.data, bytes.size, ENOUGH, &picture, why);
    tr_image_bytes_release(&bytes);
    if (status != TROUPE_OK) {
        return status;
    }
    status = tr_canvas_draw(&desk->canvas, picture);
    pixDestroy(&picture);
    if (status == TROUPE_OK) {
        tr_gist_of(&desk->canvas, gist);
    }
    return status;
}

/* Say which image of several it is about. */
static void say_which(troupe_why_t *why, size_t i, size_t n)
{
    troupe_why_t about_one = *why;
    if (n > 1) {
        troupe_why_set(why, "image %zu of %zu: %s", i + 1, n, about_one.text);
    }
}

/* The vectors of all images, each `dimension` long, one behind the other. */
static troupe_status_t describe_all(troupe_worker_t *self, troupe_request_t *request,
                                    struct desk *desk,
                                    const troupe_image_embedding_request_t *asked,
                                    size_t dimension, float *values, troupe_why_t *why)
{
    for (size_t i = 0; i < asked->n_images; i++) {
        if (troupe_request_cancelled(request)) {
            troupe_why_set(why, "stopped before all images were described");
            return TROUPE_INTERRUPTED;
        }
        float gist[TR_GIST_DIMENSION];
        troupe_status_t status = describe(desk, &asked->images[i], gist, why);
        if (status != TROUPE_OK) {
            say_which(why, i, asked->n_images);
            return status;
        }
        tr_gist_shorten(gist, (int)dimension);
        memcpy(values + i * dimension, gist, dimension * sizeof *values);
        troupe_worker_progress(self);
    }
    return TROUPE_OK;
}

/* A reply to what is asked, or why there is none. */
static troupe_status_t answer(troupe_worker_t *self, troupe_request_t *request,
                              struct desk *desk, const troupe_image_embedding_request_t *asked,
                              troupe_message_t **out, troupe_why_t *why)
{
    if (asked->dimensions > TR_GIST_DIMENSION) {
        troupe_why_set(why, "dimensions: %lld, more than the %d that there are",
                       (long long)asked->dimensions, TR_GIST_DIMENSION);
        return TROUPE_ERR_INVALID;
    }
    size_t dimension = asked->dimensions > 0 ? (size_t)asked->dimensions : TR_GIST_DIMENSION;
    float *values = malloc((asked->n_images + 1) * dimension * sizeof *values);
    if (!values) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = describe_all(self, request, desk, asked, dimension, values, why);
    if (status == TROUPE_OK) {
        troupe_image_embedding_reply_t reply = {
            .values = values,
            .n_values = asked->n_images * dimension,
            .dimension = (int64_t)dimension,
            .model = TR_GIST_MODEL,
        };
        status = troupe_image_embedding_pack_reply(asked, &reply, out, why);
    }
    free(values);
    return status;
}

/* ---- callbacks ---- */

static int image_embedding_init(troupe_worker_t *self, const troupe_args_t *args,
                                void **state_p)
{
    troupe_why_t why = {""};
    struct desk *desk = calloc(1, sizeof *desk);
    tr_image_folder_t *folder = tr_image_folder_new();
    if (!desk || !folder) {
        troupe_worker_explain(self, "out of memory");
        goto broken;
    }
    if (tr_image_folder_open(folder, troupe_args_get(args, "images"), &why) != TROUPE_OK) {
        troupe_worker_explain(self, "%s", why.text);
        goto broken;
    }
    desk->folder = folder;
    *state_p = desk;
    return TROUPE_INIT_OK;

broken:
    tr_image_folder_destroy(&folder);
    free(desk);
    return BROKEN;
}

static int image_embedding_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    troupe_image_embedding_request_t asked;
    troupe_message_t *reply = NULL;
    troupe_why_t why = {""};

    troupe_status_t status = troupe_image_embedding_unpack(
        troupe_request_method(request), troupe_request_message(request), &asked, &why);
    if (status == TROUPE_OK) {
        status = answer(self, request, state, &asked, &reply, &why);
        troupe_image_embedding_release(&asked);
    }
    if (status == TROUPE_OK) {
        troupe_request_reply(request, &reply);
    } else {
        tr_refuse(request, status, why.text);
    }
    return FINE;
}

static int image_embedding_handle_batch(troupe_worker_t *self, troupe_request_t **requests,
                                        size_t count, void *state)
{
    for (size_t i = 0; i < count; i++) {
        image_embedding_handle(self, requests[i], state);
    }
    return FINE;
}

static void image_embedding_terminate(troupe_worker_t *self, void **state_p,
                                      troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    struct desk *desk = *state_p;
    tr_image_folder_destroy(&desk->folder);
    free(desk);
    *state_p = NULL;
}

static const troupe_behaviour_t image_embedding = {
    .name = "image_embedding",
    .init = image_embedding_init,
    .handle = image_embedding_handle,
    .handle_batch = image_embedding_handle_batch,
    .terminate = image_embedding_terminate,
};

TROUPE_MODULE(image_embedding);
