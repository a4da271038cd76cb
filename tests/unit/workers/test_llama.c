#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/text_embedding.h>
#include <troupe/text_to_text.h>

#include "tests/unit/workers/stage.h"

extern const troupe_behaviour_t *const troupe_behaviour;

#define RECITED " Once upon a café, there was… silence. Stop here!"

static const char *path_of(const char *name)
{
    static char path[500];
    const char *folder = getenv("TROUPE_TINY_MODELS");
    snprintf(path, sizeof path, "%s/%s.gguf", folder ? folder : ".", name);
    return path;
}

/* The state of a worker with such args. */
static void *started(const stage_arg_t *list)
{
    const troupe_args_t args = {list};
    troupe_worker_t worker = {0};
    void *state = NULL;
    if (troupe_behaviour->init(&worker, &args, &state) != TROUPE_INIT_OK) {
        fail_msg("%s", worker.explained);
    }
    assert_true(worker.n_progress > 0);
    return state;
}

static void stopped(void *state)
{
    troupe_worker_t worker = {0};
    troupe_behaviour->terminate(&worker, &state, (troupe_reason_t){.text = ""});
    assert_null(state);
}

static void *reciting(void)
{
    return started((const stage_arg_t[]){{"model", path_of("recital")}, {NULL, NULL}});
}

static void *embedding(void)
{
    return started(
        (const stage_arg_t[]){{"model", path_of("noise")}, {"embedding", "yes"}, {NULL, NULL}});
}

/* A request with frame 1 in JSON, or NULL for none. */
static troupe_request_t request_of(const char *method, const char *subject, const char *json)
{
    troupe_request_t request = stage_request(method, subject, strlen(subject));
    if (json) {
        assert_status(troupe_message_add(request.message, json, strlen(json)), TROUPE_OK);
    }
    return request;
}

static void handle(troupe_request_t *request, void *state)
{
    troupe_worker_t worker = {0};
    assert_int_equal(stage_handle(&worker, request, state), 0);
    assert_int_equal(request->n_finished, 1);
}

static void assert_ended(const char *method, const char *subject, const char *json, void *state,
                         troupe_outcome_t outcome, const char *words)
{
    troupe_request_t request = request_of(method, subject, json);
    handle(&request, state);
    assert_outcome(request.outcome, outcome);
    if (!strstr(request.text, words)) {
        fail_msg("'%s' is not in '%s'", words, request.text);
    }
    assert_int_equal(request.n_parts, 0);
    stage_release(&request);
}

static troupe_text_to_text_reply_t text_of(const troupe_request_t *request)
{
    troupe_text_to_text_reply_t reply;
    troupe_why_t why = {""};
    assert_outcome(request->outcome, TROUPE_OUTCOME_OK);
    assert_status(troupe_text_to_text_unpack_reply("prompt", request->reply, &reply, &why),
                  TROUPE_OK);
    return reply;
}

static void a_text_comes_in_parts_and_as_a_whole(void **unused)
{
    (void)unused;
    void *state = reciting();
    troupe_request_t request = request_of("prompt", "z z", NULL);
    handle(&request, state);

    char heard[500] = "";
    for (int i = 0; i < request.n_parts; i++) {
        char *part = troupe_message_text(request.parts[i], 0);
        assert_non_null(part);
        strcat(heard, part);
        free(part);
    }
    assert_int_equal(request.n_parts, 15);
    troupe_text_to_text_reply_t reply = text_of(&request);
    assert_string_equal(reply.text, RECITED);
    assert_string_equal(heard, RECITED);
    assert_string_equal(reply.model, "tiny recital");
    assert_int_equal(reply.finish, TROUPE_FINISH_STOP);
    assert_int_equal(reply.prompt_tokens, 5);
    assert_int_equal(reply.reply_tokens, 18);
    troupe_text_to_text_release_reply(&reply);
    stage_release(&request);
    stopped(state);
}

static void a_request_says_how(void **unused)
{
    (void)unused;
    void *state = reciting();
    troupe_request_t request = request_of(
        "", "", "{\"turns\":[{\"role\":\"user\",\"content\":\"go\"}],\"stream\":false}");
    handle(&request, state);
    assert_int_equal(request.n_parts, 0);
    troupe_text_to_text_reply_t reply = text_of(&request);
    assert_string_equal(reply.text, RECITED);
    troupe_text_to_text_release_reply(&reply);
    stage_release(&request);

    request = request_of("", "x", "{\"max_tokens\":3,\"stream\":false,\"temperature\":0}");
    handle(&request, state);
    reply = text_of(&request);
    assert_string_equal(reply.text, " Once upon a");
    assert_int_equal(reply.finish, TROUPE_FINISH_LENGTH);
    troupe_text_to_text_release_reply(&reply);
    stage_release(&request);

    request = request_of("", "x", "{\"stop\":[\"ther\"],\"stream\":false}");
    handle(&request, state);
    reply = text_of(&request);
    assert_string_equal(reply.text, " Once upon a café, ");
    troupe_text_to_text_release_reply(&reply);
    stage_release(&request);
    stopped(state);
}

static void args_say_what_requests_do_not(void **unused)
{
    (void)unused;
    void *state = started((const stage_arg_t[]){{"model", path_of("noise")},
                                                {"context", "300"},
                                                {"threads", "2"},
                                                {"gpu-layers", "0"},
                                                {"max-tokens", "12"},
                                                {"temperature", "1.2"},
                                                {"template", "none"},
                                                {"seed", "5"},
                                                {NULL, NULL}});
    const char *by_request = "{\"seed\":5,\"temperature\":1.2,\"max_tokens\":12,"
                             "\"stream\":false}";
    troupe_request_t first = request_of("", "hello", "{\"stream\":false}");
    troupe_request_t same = request_of("", "hello", by_request);
    handle(&first, state);
    handle(&same, state);
    troupe_text_to_text_reply_t reply = text_of(&first);
    troupe_text_to_text_reply_t other = text_of(&same);
    assert_string_equal(reply.text, other.text);
    assert_int_equal(reply.reply_tokens, 12);
    troupe_text_to_text_release_reply(&reply);
    troupe_text_to_text_release_reply(&other);
    stage_release(&first);
    stage_release(&same);
    stopped(state);
}

static void what_cannot_be_is_refused(void **unused)
{
    (void)unused;
    static char large[4000];
    memset(large, 'a', sizeof large - 1);
    void *state = reciting();
    assert_ended("sing", "x", NULL, state, TROUPE_OUTCOME_BAD_REQUEST, "sing");
    assert_ended("embed", "x", NULL, state, TROUPE_OUTCOME_BAD_REQUEST, "embed");
    assert_ended("", "x", "{\"max_tokens\":-1}", state, TROUPE_OUTCOME_BAD_REQUEST,
                 "max_tokens");
    assert_ended("", "\xFF", NULL, state, TROUPE_OUTCOME_BAD_REQUEST, "UTF-8");
    assert_ended("", large, NULL, state, TROUPE_OUTCOME_TOO_LARGE, "room for 2048");
    stopped(state);
}

static void nobody_is_read_to_in_vain(void **unused)
{
    (void)unused;
    void *state = reciting();
    troupe_request_t request = request_of("", "x", NULL);
    request.reader_left = true;
    handle(&request, state);
    assert_outcome(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    stage_release(&request);

    request = request_of("", "x", NULL);
    request.is_full = true;
    handle(&request, state);
    assert_outcome(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    stage_release(&request);

    request = request_of("", "x", NULL);
    request.cancelled_after = 20;
    handle(&request, state);
    assert_outcome(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    assert_non_null(strstr(request.text, "stopped before"));
    stage_release(&request);
    stopped(state);
}

static troupe_text_embedding_reply_t vectors_of(const troupe_request_t *request,
                                                const char *method)
{
    troupe_text_embedding_reply_t reply;
    troupe_why_t why = {""};
    assert_outcome(request->outcome, TROUPE_OUTCOME_OK);
    assert_status(troupe_text_embedding_unpack_reply(method, request->reply, &reply, &why),
                  TROUPE_OK);
    return reply;
}

static void texts_become_vectors(void **unused)
{
    (void)unused;
    void *state = embedding();
    troupe_request_t request = request_of("embed", "a text", NULL);
    handle(&request, state);
    troupe_text_embedding_reply_t one = vectors_of(&request, "embed");
    assert_int_equal(one.dimension, 64);
    assert_int_equal(one.n_values, 64);
    assert_string_equal(one.model, "tiny noise");

    static const char *const texts[] = {"another", "a text", ""};
    troupe_text_embedding_request_t asked;
    troupe_why_t why = {""};
    troupe_text_embedding_init(&asked);
    asked.texts = texts;
    asked.n_texts = 3;
    troupe_request_t batch = stage_request("embed_batch", "", 0);
    troupe_message_destroy(&batch.message);
    assert_status(troupe_text_embedding_pack(&asked, &batch.message, &why), TROUPE_OK);
    handle(&batch, state);
    troupe_text_embedding_reply_t three = vectors_of(&batch, "embed_batch");
    assert_int_equal(three.n_values, 3 * 64);
    assert_memory_equal(three.values + 64, one.values, 64 * sizeof *one.values);
    assert_memory_not_equal(three.values, one.values, 64 * sizeof *one.values);
    troupe_text_embedding_release_reply(&three);
    troupe_text_embedding_release_reply(&one);
    stage_release(&batch);
    stage_release(&request);

    request = request_of("", "a text", "{\"dimensions\":8}");
    handle(&request, state);
    one = vectors_of(&request, "embed");
    assert_int_equal(one.dimension, 8);
    troupe_text_embedding_release_reply(&one);
    stage_release(&request);
    stopped(state);
}

static void what_cannot_become_a_vector_is_refused(void **unused)
{
    (void)unused;
    static char large[4000];
    memset(large, 'a', sizeof large - 1);
    void *state = embedding();
    assert_ended("prompt", "x", NULL, state, TROUPE_OUTCOME_BAD_REQUEST, "prompt");
    assert_ended("", "x", "{\"dimensions\":65}", state, TROUPE_OUTCOME_BAD_REQUEST,
                 "have 64 dimensions, not 65");
    assert_ended("", large, NULL, state, TROUPE_OUTCOME_TOO_LARGE, "room for 512");
    troupe_request_t request = request_of("", "x", NULL);
    request.cancelled_after = 3;
    handle(&request, state);
    assert_outcome(request.outcome, TROUPE_OUTCOME_WORKER_ERROR);
    stage_release(&request);
    stopped(state);
}

static void assert_no_start(const stage_arg_t *list, int want, const char *words)
{
    const troupe_args_t args = {list};
    troupe_worker_t worker = {0};
    void *state = NULL;
    assert_int_equal(troupe_behaviour->init(&worker, &args, &state), want);
    assert_null(state);
    if (!strstr(worker.explained, words)) {
        fail_msg("'%s' is not in '%s'", words, worker.explained);
    }
}

static void a_failed_start_is_explained(void **unused)
{
    (void)unused;
    const char *path = path_of("recital");
    assert_no_start((const stage_arg_t[]){{NULL, NULL}}, -1, "arg `model` is missing");
    assert_no_start((const stage_arg_t[]){{"model", "/none"}, {NULL, NULL}}, -1,
                    "'/none' cannot be read");
    assert_no_start((const stage_arg_t[]){{"model", path}, {"context", "0"}, {NULL, NULL}}, -1,
                    "context: '0'");
    assert_no_start((const stage_arg_t[]){{"model", path}, {"threads", "many"}, {NULL, NULL}},
                    -1, "threads: 'many'");
    assert_no_start(
        (const stage_arg_t[]){{"model", path}, {"temperature", "hot"}, {NULL, NULL}}, -1,
        "temperature: 'hot'");
    assert_no_start(
        (const stage_arg_t[]){{"model", path}, {"embedding", "maybe"}, {NULL, NULL}}, -1,
        "embedding: 'maybe'");
    assert_no_start((const stage_arg_t[]){{"model", path}, {"template", "odd"}, {NULL, NULL}},
                    -1, "no template 'odd'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_comes_in_parts_and_as_a_whole),
        cmocka_unit_test(a_request_says_how),
        cmocka_unit_test(args_say_what_requests_do_not),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(nobody_is_read_to_in_vain),
        cmocka_unit_test(texts_become_vectors),
        cmocka_unit_test(what_cannot_become_a_vector_is_refused),
        cmocka_unit_test(a_failed_start_is_explained),
    };
    return cmocka_run_group_tests_name("workers/llama", tests, NULL, NULL) != 0;
}
