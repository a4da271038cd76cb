#include "tests/unit/workers/small_vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/text_embedding.h>

#include "tests/kit/folder.h"
#include "tests/unit/workers/stage.h"
#include "workers/text_embedding/text_vectors.h"

extern const troupe_behaviour_t *const troupe_behaviour;

enum { ALL = TR_TEXT_VECTORS_DIMENSION };

/* ---- starting ---- */

static int start_with(const char *model, troupe_worker_t *worker, void **state)
{
    const stage_arg_t list[] = {{model ? "model" : NULL, model}, {NULL, NULL}};
    const troupe_args_t args = {list};
    return troupe_behaviour->init(worker, &args, state);
}

static int start_lexical(void **state)
{
    troupe_worker_t worker = {0};
    return start_with("lexical", &worker, state);
}

static int start_small(void **state)
{
    folder_t folder;
    char path[100];
    troupe_worker_t worker = {0};
    folder_begin(&folder);
    snprintf(path, sizeof path, "%s/small.vectors", folder.path);
    small_vectors_write(path);
    int result = start_with(path, &worker, state);
    folder_end(&folder);
    return result;
}

static int stop(void **state)
{
    troupe_worker_t worker = {0};
    troupe_behaviour->terminate(&worker, state, (troupe_reason_t){.text = ""});
    return 0;
}

static void a_file_that_is_none_is_told(void **state)
{
    (void)state;
    folder_t folder;
    char path[100];
    troupe_worker_t worker = {0};
    void *started = NULL;
    folder_begin(&folder);
    folder_put(&folder, "/some.vectors",
               "a text of more than forty bytes, which is no vectors");
    snprintf(path, sizeof path, "%s/some.vectors", folder.path);
    assert_int_not_equal(start_with(path, &worker, &started), 0);
    assert_null(started);
    assert_non_null(strstr(worker.explained, "is no file of word vectors"));
    assert_non_null(strstr(worker.explained, path));
    folder_end(&folder);

    assert_int_not_equal(start_with("/nowhere/at/all", &worker, &started), 0);
    assert_non_null(strstr(worker.explained, "cannot read /nowhere/at/all"));
}

/* Whether or not one was trained where this runs. */
static void no_file_need_be_named(void **state)
{
    (void)state;
    troupe_worker_t worker = {0};
    void *started = NULL;
    assert_int_equal(start_with(NULL, &worker, &started), 0);
    assert_non_null(strstr(worker.logged, "embeds by "));
    stop(&started);
}

/* ---- requests ---- */

static troupe_request_t request_of(const troupe_text_embedding_request_t *asked)
{
    troupe_why_t why;
    troupe_request_t request = {.method = asked->n_texts == 1 ? "embed" : "embed_batch",
                                .cancelled_after = -1};
    assert_int_equal(troupe_text_embedding_pack(asked, &request.message, &why), TROUPE_OK);
    return request;
}

static void serve(void *state, troupe_request_t *request)
{
    troupe_worker_t worker = {0};
    assert_int_equal(stage_handle(&worker, request, state), 0);
    assert_int_equal(request->n_finished, 1);
}

/* What came back, whose vectors are the caller's to free. */
static float *values_of(troupe_request_t *request, size_t n, size_t dimension)
{
    troupe_text_embedding_reply_t reply;
    troupe_why_t why;
    assert_int_equal(request->outcome, TROUPE_OUTCOME_OK);
    assert_int_equal(
        troupe_text_embedding_unpack_reply(request->method, request->reply, &reply, &why),
        TROUPE_OK);
    assert_int_equal(reply.dimension, dimension);
    assert_int_equal(reply.n_values, n * dimension);
    assert_true(strncmp(reply.model, "lexical-", 8) == 0 ||
                strncmp(reply.model, "meaning-", 8) == 0);
    float *values = malloc(n * dimension * sizeof *values);
    memcpy(values, reply.values, n * dimension * sizeof *values);
    troupe_text_embedding_release_reply(&reply);
    return values;
}

static float *embed(void *state, const char *const *texts, size_t n, size_t dimension)
{
    troupe_text_embedding_request_t asked;
    troupe_text_embedding_init(&asked);
    asked.texts = texts;
    asked.n_texts = n;
    asked.dimensions = dimension == ALL ? 0 : (int64_t)dimension;
    troupe_request_t request = request_of(&asked);
    serve(state, &request);
    float *values = values_of(&request, n, dimension);
    stage_release(&request);
    return values;
}

static const char *const some_texts[] = {"the boat", "a ship that sails", "tax", "",
                                         "boat tax"};

enum { N_TEXTS = sizeof some_texts / sizeof some_texts[0] };

static void a_batch_is_the_same_as_one_by_one(void **state)
{
    float *all = embed(*state, some_texts, N_TEXTS, ALL);
    for (size_t i = 0; i < N_TEXTS; i++) {
        float *one = embed(*state, &some_texts[i], 1, ALL);
        assert_memory_equal(one, all + i * ALL, ALL * sizeof *one);
        free(one);
    }
    free(all);
}

static void several_requests_at_once_are_each_answered(void **state)
{
    troupe_request_t requests[N_TEXTS];
    troupe_request_t *pointers[N_TEXTS];
    troupe_text_embedding_request_t asked;
    troupe_worker_t worker = {0};
    for (size_t i = 0; i < N_TEXTS; i++) {
        troupe_text_embedding_init(&asked);
        asked.texts = &some_texts[i];
        asked.n_texts = 1;
        requests[i] = request_of(&asked);
        pointers[i] = &requests[i];
    }
    /* One of them is no good, which is its own affair. */
    troupe_message_destroy(&requests[2].message);
    requests[2].message = troupe_message_from("\xff\xfe", 2);

    assert_int_equal(troupe_behaviour->handle_batch(&worker, pointers, N_TEXTS, *state), 0);
    for (size_t i = 0; i < N_TEXTS; i++) {
        assert_int_equal(requests[i].n_finished, 1);
        if (i == 2) {
            assert_int_equal(requests[i].outcome, TROUPE_OUTCOME_BAD_REQUEST);
        } else {
            float *batched = values_of(&requests[i], 1, ALL);
            float *alone = embed(*state, &some_texts[i], 1, ALL);
            assert_memory_equal(batched, alone, ALL * sizeof *alone);
            free(batched);
            free(alone);
        }
        stage_release(&requests[i]);
    }
}

static void fewer_dimensions_may_be_asked_for(void **state)
{
    float *few = embed(*state, some_texts, N_TEXTS, 100);
    for (size_t i = 0; i < N_TEXTS; i++) {
        double square = 0;
        for (size_t k = 0; k < 100; k++) {
            square += (double)few[i * 100 + k] * (double)few[i * 100 + k];
        }
        assert_true(square == 0 || (square > 0.9999 && square < 1.0001));
    }
    free(few);
}

static void more_dimensions_may_not(void **state)
{
    troupe_text_embedding_request_t asked;
    troupe_text_embedding_init(&asked);
    asked.texts = some_texts;
    asked.n_texts = 1;
    asked.dimensions = ALL + 1;
    troupe_request_t request = request_of(&asked);
    serve(*state, &request);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_BAD_REQUEST);
    assert_non_null(strstr(request.text, "2048 dimensions, not 2049"));
    stage_release(&request);
}

static void what_is_no_text_is_refused(void **state)
{
    static const struct {
        const char *data;
        size_t size;
    } rows[] = {{"\xff", 1}, {"a\0b", 3}, {"\xed\xa0\x80", 3}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        troupe_request_t request = stage_request("", rows[i].data, rows[i].size);
        serve(*state, &request);
        assert_int_equal(request.outcome, TROUPE_OUTCOME_BAD_REQUEST);
        assert_true(strlen(request.text) > 0);
        stage_release(&request);
    }
}

static void too_much_text_is_refused(void **state)
{
    enum { SIZE = 100 * 1024 * 1024 };
    char *text = malloc(SIZE);
    memset(text, 'x', SIZE);
    troupe_request_t request = stage_request("embed", text, SIZE);
    serve(*state, &request);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_TOO_LARGE);
    stage_release(&request);

    request = stage_request("embed", text, TROUPE_MAX_TEXT);
    serve(*state, &request);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_OK);
    stage_release(&request);
    free(text);
}

static void other_methods_are_refused(void **state)
{
    troupe_request_t request = stage_request("describe", "boat", 4);
    serve(*state, &request);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_BAD_REQUEST);
    stage_release(&request);
}

static void a_cancel_ends_a_batch_between_texts(void **state)
{
    troupe_text_embedding_request_t asked;
    troupe_text_embedding_init(&asked);
    asked.texts = some_texts;
    asked.n_texts = N_TEXTS;
    troupe_request_t request = request_of(&asked);
    request.cancelled_after = 2;
    serve(*state, &request);
    assert_int_equal(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(request.text, "nobody waits"));
    stage_release(&request);
}

#define SMALL(name) cmocka_unit_test_setup_teardown(name, start_small, stop)

/* clang-format off */
#define LEXICAL(test) \
    { .name = #test " (lexical)", .test_func = test, .setup_func = start_lexical, .teardown_func = stop }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_none_is_told),
        cmocka_unit_test(no_file_need_be_named),
        SMALL(a_batch_is_the_same_as_one_by_one),
        LEXICAL(a_batch_is_the_same_as_one_by_one),
        SMALL(several_requests_at_once_are_each_answered),
        LEXICAL(several_requests_at_once_are_each_answered),
        SMALL(fewer_dimensions_may_be_asked_for),
        LEXICAL(fewer_dimensions_may_be_asked_for),
        SMALL(more_dimensions_may_not),
        SMALL(what_is_no_text_is_refused),
        SMALL(too_much_text_is_refused),
        SMALL(other_methods_are_refused),
        SMALL(a_cancel_ends_a_batch_between_texts),
    };
    return cmocka_run_group_tests_name("workers/text_embedding", tests, NULL, NULL) != 0;
}
