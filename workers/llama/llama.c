/* workers/llama/llama.c - the module `llama`: a language model for text_to_text or
 * text_embedding
 *
 * It puts a request into the model's hands and what comes back into parts and the reply; how to
 * run a model is the business of llama_model.c. The model is loaded once, in init, for one of
 * the two capabilities, so that all the memory that it will take is taken there.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/behaviour.h>
#include <troupe/text_embedding.h>
#include <troupe/text_to_text.h>

#include "llama_model.h"

enum { FINE = 0, BROKEN = -1 };

enum { USUAL_MAX_TOKENS = 512, MOST_TOKENS = 1000 * 1000 };
static const double usual_temperature = 0.8;

typedef struct state {
    tr_llama_t *model;
    bool embeds;
    int64_t max_tokens; /* of who does not say, as the others */
    double temperature;
    int64_t seed;
} state_t;

/* The two whom a long text concerns. */
struct errand {
    troupe_worker_t *worker;
    troupe_request_t *request; /* NULL: the model is loaded */
};

static bool go_on(void *arg)
{
    const struct errand *errand = arg;
    troupe_worker_progress(errand->worker);
    return !errand->request || !troupe_request_cancelled(errand->request);
}

/* ---- args ---- */

/* `*value` stays what it is when there is no such arg. */
static bool take_number(troupe_worker_t *self, const troupe_args_t *args, const char *key,
                        int64_t min, int64_t max, int64_t *value)
{
    int64_t number;
    troupe_status_t status = troupe_args_number(args, key, &number);
    if (status == TROUPE_NOT_FOUND) {
        return true;
    }
    if (status != TROUPE_OK || number < min || number > max) {
        troupe_worker_explain(self, "%s: '%.100s' is no whole number from %lld to %lld", key,
                              troupe_args_get(args, key), (long long)min, (long long)max);
        return false;
    }
    *value = number;
    return true;
}

static bool take_temperature(troupe_worker_t *self, const troupe_args_t *args, double *value)
{
    const char *text = troupe_args_get(args, "temperature");
    if (!text) {
        return true;
    }
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= 0 && number <= 100)) {
        troupe_worker_explain(self, "temperature: '%.100s' is no number from 0 to 100", text);
        return false;
    }
    *value = number;
    return true;
}

static bool take_yes_or_no(troupe_worker_t *self, const troupe_args_t *args, const char *key,
                           bool *value)
{
    const char *text = troupe_args_get(args, key);
    if (!text) {
        return true;
    }
    bool is_yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
    if (!is_yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0) {
        troupe_worker_explain(self, "%s: '%.100s' is neither yes nor no", key, text);
        return false;
    }
    *value = is_yes;
    return true;
}

static bool take_args(troupe_worker_t *self, const troupe_args_t *args, state_t *state,
                      tr_llama_setup_t *setup)
{
    setup->path = troupe_args_get(args, "model");
    setup->template = troupe_args_get_or(args, "template", "model");
    if (!setup->path) {
        troupe_worker_explain(self, "the arg `model` is missing: the path of a GGUF file");
        return false;
    }
    return take_yes_or_no(self, args, "embedding", &state->embeds) &&
           take_yes_or_no(self, args, "mapped", &setup->is_mapped) &&
           take_number(self, args, "context", 1, TR_LLAMA_MAX_CONTEXT, &setup->context) &&
           take_number(self, args, "threads", 1, TR_LLAMA_MAX_THREADS, &setup->threads) &&
           take_number(self, args, "gpu-layers", 0, TR_LLAMA_MAX_LAYERS, &setup->gpu_layers) &&
           take_number(self, args, "max-tokens", 1, MOST_TOKENS, &state->max_tokens) &&
           take_number(self, args, "seed", -1, INT64_MAX, &state->seed) &&
           take_temperature(self, args, &state->temperature);
}

/* ---- life ---- */

static int llama_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    state_t *state = malloc(sizeof *state);
    if (!state) {
        troupe_worker_explain(self, "out of memory");
        return TROUPE_INIT_NO_MEMORY;
    }
    *state =
        (state_t){.max_tokens = USUAL_MAX_TOKENS, .temperature = usual_temperature, .seed = -1};
    tr_llama_setup_t setup = {.threads = 1};
    if (!take_args(self, args, state, &setup)) {
        free(state);
        return BROKEN;
    }
    setup.embeds = state->embeds;

    struct errand errand = {self, NULL};
    troupe_why_t why = {""};
    troupe_status_t status =
        tr_llama_load(&setup, (tr_llama_watch_t){go_on, &errand}, &state->model, &why);
    if (status != TROUPE_OK) {
        troupe_worker_explain(self, "%s", why.text);
        free(state);
        return status == TROUPE_ERR_NOMEM ? TROUPE_INIT_NO_MEMORY : BROKEN;
    }
    *state_p = state;
    return TROUPE_INIT_OK;
}

static void llama_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    state_t *state = *state_p;
    tr_llama_destroy(&state->model);
    free(state);
    *state_p = NULL;
}

/* ---- requests ---- */

static void refuse(troupe_request_t *request, troupe_status_t status, const troupe_why_t *why)
{
    switch (status) {
    case TROUPE_ERR_INVALID:
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "%s", why->text);
        break;
    case TROUPE_LIMIT:
        troupe_request_refuse(request, TROUPE_OUTCOME_TOO_LARGE, "%s", why->text);
        break;
    case TROUPE_ERR_NOMEM:
        troupe_request_refuse(request, TROUPE_OUTCOME_MEMORY_EXHAUSTED, "%s",
                              why->text[0] ? why->text : "out of memory");
        break;
    default:
        troupe_request_fail(request, "%s", why->text);
        break;
    }
}

static bool send_part(void *arg, const char *text, size_t size)
{
    const struct errand *errand = arg;
    troupe_message_t *part = troupe_message_from(text, size);
    bool is_sent = part && troupe_request_part(errand->request, &part) == TROUPE_OK;
    troupe_message_destroy(&part);
    return is_sent;
}

static void make_text(troupe_worker_t *self, troupe_request_t *request, const state_t *state)
{
    troupe_text_to_text_request_t asked;
    troupe_why_t why = {""};
    troupe_message_t *message = NULL;
    troupe_status_t status = troupe_text_to_text_unpack(
        troupe_request_method(request), troupe_request_message(request), &asked, &why);
    if (status != TROUPE_OK) {
        refuse(request, status, &why);
        return;
    }
    const tr_llama_ask_t ask = {
        .prompt = asked.prompt,
        .turns = asked.turns,
        .n_turns = asked.n_turns,
        .max_tokens = asked.max_tokens > 0 ? asked.max_tokens : state->max_tokens,
        .temperature = asked.temperature >= 0 ? asked.temperature : state->temperature,
        .top_p = asked.top_p,
        .top_k = asked.top_k,
        .seed = asked.seed >= 0 ? asked.seed : state->seed,
        .stop = asked.stop,
        .n_stop = asked.n_stop,
    };
    struct errand errand = {self, request};
    tr_llama_answer_t answer = {0};
    status = tr_llama_generate(state->model, &ask, (tr_llama_watch_t){go_on, &errand},
                               asked.stream ? send_part : NULL, &answer, &why);
    if (status == TROUPE_OK) {
        const troupe_text_to_text_reply_t reply = {
            .text = answer.text,
            .model = tr_llama_name(state->model),
            .finish = answer.finish,
            .prompt_tokens = answer.prompt_tokens,
            .reply_tokens = answer.reply_tokens,
        };
        status = troupe_text_to_text_pack_reply(&asked, &reply, &message, &why);
        free(answer.text);
    }
    if (status == TROUPE_OK) {
        troupe_request_reply(request, &message);
    } else {
        refuse(request, status, &why);
    }
    troupe_text_to_text_release(&asked);
}

/* The vectors of all texts, one behind the other, to be released with free(). */
static troupe_status_t embed_all(const state_t *state,
                                 const troupe_text_embedding_request_t *asked,
                                 struct errand *errand, size_t dimension, float **values_out,
                                 troupe_why_t *why)
{
    float *values = calloc(asked->n_texts * dimension, sizeof *values);
    if (!values) {
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = TROUPE_OK;
    for (size_t i = 0; i < asked->n_texts && status == TROUPE_OK; i++) {
        status = tr_llama_embed(state->model, asked->texts[i], dimension,
                                (tr_llama_watch_t){go_on, errand}, values + i * dimension, why);
    }
    if (status != TROUPE_OK) {
        free(values);
        values = NULL;
    }
    *values_out = values;
    return status;
}

static void make_vectors(troupe_worker_t *self, troupe_request_t *request, const state_t *state)
{
    troupe_text_embedding_request_t asked;
    troupe_why_t why = {""};
    troupe_message_t *message = NULL;
    troupe_status_t status = troupe_text_embedding_unpack(
        troupe_request_method(request), troupe_request_message(request), &asked, &why);
    if (status != TROUPE_OK) {
        refuse(request, status, &why);
        return;
    }
    size_t most = tr_llama_dimension(state->model);
    size_t dimension = asked.dimensions > 0 ? (size_t)asked.dimensions : most;
    struct errand errand = {self, request};
    float *values = NULL;
    if (dimension > most) {
        troupe_why_set(&why, "the vectors of this model have %zu dimensions, not %zu", most,
                       dimension);
        status = TROUPE_ERR_INVALID;
    } else {
        status = embed_all(state, &asked, &errand, dimension, &values, &why);
    }
    if (status == TROUPE_OK) {
        const troupe_text_embedding_reply_t reply = {
            .values = values,
            .n_values = asked.n_texts * dimension,
            .dimension = (int64_t)dimension,
            .model = tr_llama_name(state->model),
        };
        status = troupe_text_embedding_pack_reply(&asked, &reply, &message, &why);
        free(values);
    }
    if (status == TROUPE_OK) {
        troupe_request_reply(request, &message);
    } else {
        refuse(request, status, &why);
    }
    troupe_text_embedding_release(&asked);
}

static int llama_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    if (((const state_t *)state)->embeds) {
        make_vectors(self, request, state);
    } else {
        make_text(self, request, state);
    }
    return FINE;
}

static const troupe_behaviour_t llama = {
    .name = "llama",
    .init = llama_init,
    .handle = llama_handle,
    .terminate = llama_terminate,
};

TROUPE_MODULE(llama);
