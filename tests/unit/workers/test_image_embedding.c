#include "tests/kit/check.h"
#include "tests/kit/folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/image_embedding.h>

#include "tests/unit/workers/pictures.h"
#include "tests/unit/workers/stage.h"
#include "workers/image_embedding/gist.h"

extern const troupe_behaviour_t *const troupe_behaviour;

enum { N_FILES = 3 };

struct world {
    folder_t folder;
    file_t files[N_FILES]; /* a PNG, a JPEG, a WebP: of different pictures */
    void *state;
};

static void put_file(const folder_t *folder, const char *name, file_t file)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s", folder->path, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(file.data, 1, file.size, out), file.size);
    assert_int_equal(fclose(out), 0);
}

static int start(void **state)
{
    static struct world world;
    folder_begin(&world.folder);
    world.files[0] = file_of_made(picture_of(200, 150, 0, 0), IFF_PNG);
    world.files[1] = file_of_made(picture_of(640, 600, 1, 0), IFF_JFIF_JPEG);
    world.files[2] = file_of_made(picture_of(90, 150, 2, 0), IFF_WEBP);
    put_file(&world.folder, "/second.jpg", world.files[1]);
    folder_put(&world.folder, "/broken.png", "no image at all");

    const stage_arg_t list[] = {{"images", world.folder.path}, {NULL, NULL}};
    const troupe_args_t args = {list};
    troupe_worker_t worker = {0};
    *state = &world;
    return troupe_behaviour->init(&worker, &args, &world.state);
}

static int stop(void **state)
{
    struct world *world = *state;
    troupe_worker_t worker = {0};
    troupe_behaviour->terminate(&worker, &world->state, (troupe_reason_t){.text = ""});
    assert_null(world->state);
    for (int i = 0; i < N_FILES; i++) {
        free(world->files[i].data);
    }
    folder_end(&world->folder);
    return 0;
}

static troupe_image_t image_of(const struct world *world, int i)
{
    return (troupe_image_t){.data = world->files[i].data, .size = world->files[i].size};
}

/* A request about `n` images. */
static troupe_request_t request_for(const troupe_image_t *images, size_t n, int64_t dimensions)
{
    troupe_image_embedding_request_t asked;
    troupe_why_t why = {""};
    troupe_request_t request = {.method = n == 1 ? "embed" : "embed_batch",
                                .cancelled_after = -1};
    troupe_image_embedding_init(&asked);
    asked.images = images;
    asked.n_images = n;
    asked.dimensions = dimensions;
    assert_status(troupe_image_embedding_pack(&asked, &request.message, &why), TROUPE_OK);
    return request;
}

/* The reply to a request that must have been served; the caller's to release. */
static troupe_image_embedding_reply_t reply_of(const troupe_request_t *request)
{
    troupe_image_embedding_reply_t reply;
    troupe_why_t why = {""};
    if (request->outcome != TROUPE_OUTCOME_OK) {
        fail_msg("refused: %s", request->text);
    }
    assert_int_equal(request->n_finished, 1);
    assert_status(
        troupe_image_embedding_unpack_reply(request->method, request->reply, &reply, &why),
        TROUPE_OK);
    assert_string_equal(reply.model, TR_GIST_MODEL);
    return reply;
}

/* The vector of one image, asked for alone. */
static void embed_alone(const struct world *world, const troupe_image_t *image,
                        float gist[TR_GIST_DIMENSION])
{
    troupe_worker_t worker = {0};
    troupe_request_t request = request_for(image, 1, 0);
    assert_int_equal(stage_handle(&worker, &request, world->state), 0);
    troupe_image_embedding_reply_t reply = reply_of(&request);
    assert_int_equal(reply.dimension, TR_GIST_DIMENSION);
    assert_int_equal(reply.n_values, TR_GIST_DIMENSION);
    memcpy(gist, reply.values, TR_GIST_DIMENSION * sizeof *gist);
    troupe_image_embedding_release_reply(&reply);
    stage_release(&request);
}

static void an_image_gets_a_vector_of_length_1(void **state)
{
    const struct world *world = *state;
    for (int i = 0; i < N_FILES; i++) {
        float gist[TR_GIST_DIMENSION];
        double square = 0;
        troupe_image_t image = image_of(world, i);
        embed_alone(world, &image, gist);
        for (int at = 0; at < TR_GIST_DIMENSION; at++) {
            square += (double)gist[at] * (double)gist[at];
        }
        assert_true(fabs(square - 1) < 1e-5);
    }
}

static void bytes_alone_are_a_request(void **state)
{
    const struct world *world = *state;
    troupe_worker_t worker = {0};
    float want[TR_GIST_DIMENSION];
    troupe_image_t image = image_of(world, 0);
    embed_alone(world, &image, want);

    troupe_request_t request = stage_request("", image.data, image.size);
    assert_int_equal(stage_handle(&worker, &request, world->state), 0);
    troupe_image_embedding_reply_t reply = reply_of(&request);
    assert_memory_equal(reply.values, want, sizeof want);
    troupe_image_embedding_release_reply(&reply);
    stage_release(&request);
}

static void a_path_means_the_file(void **state)
{
    const struct world *world = *state;
    float sent[TR_GIST_DIMENSION];
    float named[TR_GIST_DIMENSION];
    troupe_image_t image = image_of(world, 1);
    troupe_image_t path = {.path = "second.jpg"};
    embed_alone(world, &image, sent);
    embed_alone(world, &path, named);
    assert_memory_equal(sent, named, sizeof sent);
}

static void a_batch_has_the_vectors_of_each(void **state)
{
    const struct world *world = *state;
    troupe_worker_t worker = {0};
    troupe_image_t images[N_FILES];
    for (int i = 0; i < N_FILES; i++) {
        images[i] = image_of(world, i);
    }
    images[1] = (troupe_image_t){.path = "second.jpg"};
    troupe_request_t request = request_for(images, N_FILES, 0);
    assert_int_equal(stage_handle(&worker, &request, world->state), 0);
    troupe_image_embedding_reply_t reply = reply_of(&request);
    assert_int_equal(reply.n_values, N_FILES * TR_GIST_DIMENSION);
    for (int i = 0; i < N_FILES; i++) {
        float alone[TR_GIST_DIMENSION];
        embed_alone(world, &images[i], alone);
        assert_memory_equal(reply.values + i * TR_GIST_DIMENSION, alone, sizeof alone);
    }
    assert_int_equal(worker.n_progress, N_FILES);
    troupe_image_embedding_release_reply(&reply);
    stage_release(&request);
}

static void requests_together_are_answered_each(void **state)
{
    const struct world *world = *state;
    troupe_worker_t worker = {0};
    troupe_image_t images[] = {image_of(world, 0), {.path = "broken.png"}, image_of(world, 2)};
    troupe_request_t made[3];
    troupe_request_t *requests[3];
    for (int i = 0; i < 3; i++) {
        made[i] = request_for(&images[i], 1, 0);
        requests[i] = &made[i];
    }
    assert_int_equal(troupe_behaviour->handle_batch(&worker, requests, 3, world->state), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(made[i].n_finished, 1);
        if (i == 1) {
            assert_outcome(made[i].outcome, TROUPE_OUTCOME_BAD_REQUEST);
        } else {
            float alone[TR_GIST_DIMENSION];
            troupe_image_embedding_reply_t reply = reply_of(&made[i]);
            embed_alone(world, &images[i], alone);
            assert_memory_equal(reply.values, alone, sizeof alone);
            troupe_image_embedding_release_reply(&reply);
        }
        stage_release(&made[i]);
    }
}

static void fewer_dimensions_are_the_first_ones(void **state)
{
    const struct world *world = *state;
    troupe_worker_t worker = {0};
    float want[TR_GIST_DIMENSION];
    troupe_image_t image = image_of(world, 0);
    embed_alone(world, &image, want);
    tr_gist_shorten(want, TR_GIST_END_COARSE);

    troupe_request_t request = request_for(&image, 1, TR_GIST_END_COARSE);
    assert_int_equal(stage_handle(&worker, &request, world->state), 0);
    troupe_image_embedding_reply_t reply = reply_of(&request);
    assert_int_equal(reply.dimension, TR_GIST_END_COARSE);
    assert_memory_equal(reply.values, want, TR_GIST_END_COARSE * sizeof *want);
    troupe_image_embedding_release_reply(&reply);
    stage_release(&request);
}

struct refusal {
    const char *path;
    int64_t dimensions;
    int n_before; /* good images before it */
    troupe_outcome_t outcome;
    const char *why;
};

static void what_cannot_be_served_is_refused_in_words(void **state)
{
    const struct world *world = *state;
    static const struct refusal rows[] = {
        {"broken.png", 0, 0, TROUPE_OUTCOME_BAD_REQUEST, "15 bytes that are no PNG"},
        {"broken.png", 0, 2, TROUPE_OUTCOME_BAD_REQUEST, "image 3 of 3: 15 bytes that are no"},
        {"../second.jpg", 0, 0, TROUPE_OUTCOME_BAD_REQUEST, "no path of a file"},
        {"third.jpg", 0, 1, TROUPE_OUTCOME_BAD_REQUEST, "image 2 of 2: there is no such image"},
        {"second.jpg", TR_GIST_DIMENSION + 1, 0, TROUPE_OUTCOME_BAD_REQUEST, "dimensions: 530"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        troupe_worker_t worker = {0};
        troupe_image_t images[N_FILES] = {image_of(world, 0), image_of(world, 0)};
        images[rows[i].n_before] = (troupe_image_t){.path = rows[i].path};
        troupe_request_t request =
            request_for(images, (size_t)rows[i].n_before + 1, rows[i].dimensions);
        assert_int_equal(stage_handle(&worker, &request, world->state), 0);
        assert_int_equal(request.n_finished, 1);
        if (request.outcome != rows[i].outcome || !strstr(request.text, rows[i].why)) {
            fail_msg("row %zu: %s", i, request.text);
        }
        stage_release(&request);
    }
}

static void what_is_no_such_request_is_refused(void **state)
{
    const struct world *world = *state;
    troupe_worker_t worker = {0};
    troupe_request_t request = stage_request("sing", "x", 1);
    assert_int_equal(stage_handle(&worker, &request, world->state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_outcome(request.outcome, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);

    static const char huge[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\0\0\0\0"
        "\0\0\0\0\0\0\0\0IDAT\0\0\0\0";
    request = stage_request("embed", huge, sizeof huge - 1);
    assert_int_equal(stage_handle(&worker, &request, world->state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_outcome(request.outcome, TROUPE_OUTCOME_TOO_LARGE);
    stage_release(&request);
}

static void a_cancel_ends_a_batch(void **state)
{
    const struct world *world = *state;
    troupe_worker_t worker = {0};
    troupe_image_t images[] = {image_of(world, 0), image_of(world, 0)};
    troupe_request_t request = request_for(images, 2, 0);
    request.cancelled_after = 1;
    assert_int_equal(stage_handle(&worker, &request, world->state), 0);
    assert_int_equal(request.n_finished, 1);
    assert_outcome(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    assert_int_equal(worker.n_progress, 1);
    stage_release(&request);
}

static void a_missing_folder_is_explained(void **state)
{
    (void)state;
    const stage_arg_t list[] = {{"images", "/nonexistent"}, {NULL, NULL}};
    const troupe_args_t args = {list};
    troupe_worker_t worker = {0};
    void *nothing = NULL;
    assert_int_not_equal(troupe_behaviour->init(&worker, &args, &nothing), 0);
    assert_null(nothing);
    assert_non_null(strstr(worker.explained, "/nonexistent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_gets_a_vector_of_length_1),
        cmocka_unit_test(bytes_alone_are_a_request),
        cmocka_unit_test(a_path_means_the_file),
        cmocka_unit_test(a_batch_has_the_vectors_of_each),
        cmocka_unit_test(requests_together_are_answered_each),
        cmocka_unit_test(fewer_dimensions_are_the_first_ones),
        cmocka_unit_test(what_cannot_be_served_is_refused_in_words),
        cmocka_unit_test(what_is_no_such_request_is_refused),
        cmocka_unit_test(a_cancel_ends_a_batch),
        cmocka_unit_test(a_missing_folder_is_explained),
    };
    return cmocka_run_group_tests_name("workers/image_embedding", tests, start, stop) != 0;
}
