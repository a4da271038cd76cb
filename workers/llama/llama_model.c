/* Loading, and what all that is done with a model has in common.
 *
 * Always true here:
 *   - Between two calls the context may hold what was asked last; each call begins by
 *     forgetting it.
 *   - llama.cpp is only asked to compute what fits: prompt and reply together have no more
 *     than `n_context` tokens. (It rounds up what it is told, so it may have more room.)
 *   - An exception cannot pass through C: what llama.cpp does not catch ends the process.
 */

#include "llama_model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llama_check.h"
#include "llama_inside.h"
#include "llama_words.h"
#include "utterance.h"

enum { USUAL_PASSAGE = 512 }; /* tokens of a text to embed */

/* ---- for all ---- */

troupe_status_t tr_llama_out_of_memory(troupe_why_t *why)
{
    troupe_why_set(why, "out of memory");
    return TROUPE_ERR_NOMEM;
}

void tr_llama_watch_by(tr_llama_t *self, tr_llama_watch_t watch)
{
    self->watch = watch;
    self->was_stopped = false;
}

bool tr_llama_is_to_stop(void *arg)
{
    tr_llama_t *self = arg;
    if (!self->was_stopped && self->watch.go_on) {
        self->was_stopped = !self->watch.go_on(self->watch.arg);
    }
    return self->was_stopped;
}

troupe_status_t tr_llama_stopped(const char *before, troupe_why_t *why)
{
    troupe_why_set(why, "stopped before %s", before);
    return TROUPE_INTERRUPTED;
}

/* ---- loading ---- */

static bool goes_on_loading(float done, void *arg)
{
    (void)done;
    return !tr_llama_is_to_stop(arg);
}

static troupe_status_t check_setup(const tr_llama_setup_t *setup, troupe_why_t *why)
{
    if (setup->context < 0 || setup->context > TR_LLAMA_MAX_CONTEXT) {
        troupe_why_set(why, "a context has 1 to %d tokens", TR_LLAMA_MAX_CONTEXT);
        return TROUPE_ERR_INVALID;
    }
    if (setup->threads < 1 || setup->threads > TR_LLAMA_MAX_THREADS) {
        troupe_why_set(why, "there may be 1 to %d threads", TR_LLAMA_MAX_THREADS);
        return TROUPE_ERR_INVALID;
    }
    if (setup->gpu_layers < 0 || setup->gpu_layers > TR_LLAMA_MAX_LAYERS) {
        troupe_why_set(why, "a GPU computes 0 to %d layers", TR_LLAMA_MAX_LAYERS);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

/* Mapped and reordered, a model would be in memory twice. */
static void choose_memory(struct llama_model_params *params, bool is_mapped)
{
#ifdef TR_HAVE_LOAD_MODE
    params->load_mode = is_mapped ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
#else
    params->use_mmap = is_mapped;
#endif
#ifdef TR_HAVE_USE_EXTRA_BUFTS
    params->use_extra_bufts = !is_mapped;
#endif
}

static troupe_status_t load_model(tr_llama_t *self, const tr_llama_setup_t *setup,
                                  troupe_why_t *why)
{
    struct llama_model_params params = llama_model_default_params();
    params.n_gpu_layers = (int32_t)setup->gpu_layers;
    choose_memory(&params, setup->is_mapped);
    params.progress_callback = goes_on_loading;
    params.progress_callback_user_data = self;

    self->model = llama_model_load_from_file(setup->path, params);
    if (self->was_stopped) {
        return tr_llama_stopped("the model was loaded", why);
    }
    if (!self->model) {
        return tr_llama_words_failed("the model cannot be loaded", TROUPE_ERR_INVALID, why);
    }
    self->vocab = llama_model_get_vocab(self->model);
    if (llama_vocab_type(self->vocab) == LLAMA_VOCAB_TYPE_NONE) {
        troupe_why_set(why, "the model has no vocabulary");
        return TROUPE_ERR_INVALID;
    }
    if (llama_model_has_encoder(self->model) &&
        (!setup->embeds || llama_model_has_decoder(self->model))) {
        troupe_why_set(why, setup->embeds
                                ? "a model with an encoder and a decoder is not served"
                                : "a model with an encoder only makes vectors");
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

/* Whether the model's file says how the vectors of tokens become one. */
static bool says_how_to_pool(const struct llama_model *model)
{
    char architecture[64];
    char key[100];
    char pooling[16];
    if (llama_model_meta_val_str(model, "general.architecture", architecture,
                                 sizeof architecture) < 0) {
        return false;
    }
    snprintf(key, sizeof key, "%s.pooling_type", architecture);
    return llama_model_meta_val_str(model, key, pooling, sizeof pooling) > 0 &&
           strcmp(pooling, "0") != 0;
}

static troupe_status_t make_context(tr_llama_t *self, const tr_llama_setup_t *setup,
                                    troupe_why_t *why)
{
    int32_t trained = llama_model_n_ctx_train(self->model);
    int32_t usual = setup->embeds ? USUAL_PASSAGE : TR_LLAMA_USUAL_CONTEXT;
    int64_t wanted = setup->context ? setup->context : trained < usual ? trained : usual;
    if (wanted < 1) {
        troupe_why_set(why, "the model says that it was trained with no context");
        return TROUPE_ERR_INVALID;
    }
    int64_t at_once = setup->embeds || wanted < TR_LLAMA_AT_ONCE ? wanted : TR_LLAMA_AT_ONCE;

    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = (uint32_t)wanted;
    params.n_batch = (uint32_t)at_once;
    params.n_ubatch = (uint32_t)at_once;
    params.n_threads = (int32_t)setup->threads;
    params.n_threads_batch = (int32_t)setup->threads;
    params.embeddings = setup->embeds;
    if (setup->embeds && !says_how_to_pool(self->model)) {
        params.pooling_type = LLAMA_POOLING_TYPE_MEAN;
    }
    params.abort_callback = tr_llama_is_to_stop;
    params.abort_callback_data = self;

    self->context = llama_init_from_model(self->model, params);
    if (!self->context) {
        return tr_llama_words_failed("the model cannot be made ready", TROUPE_ERR_INVALID, why);
    }
    if (setup->embeds && llama_pooling_type(self->context) == LLAMA_POOLING_TYPE_RANK) {
        troupe_why_set(why, "the model tells how alike two texts are, but makes no vectors");
        return TROUPE_ERR_INVALID;
    }
    size_t room = llama_n_ctx(self->context);
    self->n_context = (size_t)wanted < room ? (size_t)wanted : room;
    return TROUPE_OK;
}

static troupe_status_t choose_template(tr_llama_t *self, const char *wanted, troupe_why_t *why)
{
    if (strcmp(wanted, "none") == 0) {
        return TROUPE_OK;
    }
    bool is_own = strcmp(wanted, "model") == 0;
    if (is_own) {
        self->template = llama_model_chat_template(self->model, NULL);
    } else {
        self->template = self->template_name = strdup(wanted);
        if (!self->template) {
            return tr_llama_out_of_memory(why);
        }
    }
    const struct llama_chat_message trial = {"user", "?"};
    if (self->template &&
        llama_chat_apply_template(self->template, &trial, 1, true, NULL, 0) < 0) {
        troupe_why_set(why,
                       is_own ? "llama.cpp does not know the template of this model: name one "
                                "that it knows, or 'none'"
                              : "llama.cpp knows no template '%.100s'",
                       wanted);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

/* As UTF-8, whatever the file has. NULL when out of memory. */
static char *clean(const char *name)
{
    tr_utterance_t *utterance = tr_utterance_new(NULL, 0);
    char *copy = NULL;
    if (utterance && tr_utterance_add(utterance, name, strlen(name)) == TROUPE_OK &&
        tr_utterance_end(utterance) == TROUPE_OK) {
        size_t size;
        copy = strdup(tr_utterance_text(utterance, &size));
    }
    tr_utterance_destroy(&utterance);
    return copy;
}

/* What it is called by its file, else the name of the file, and no more of it than a reply may
 * have. */
static char *name_of(const struct llama_model *model, const char *path)
{
    char name[80];
    if (llama_model_meta_val_str(model, "general.name", name, sizeof name) <= 0) {
        const char *slash = strrchr(path, '/');
        snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
    }
    return clean(name);
}

troupe_status_t tr_llama_load(const tr_llama_setup_t *setup, tr_llama_watch_t watch,
                              tr_llama_t **model_out, troupe_why_t *why)
{
    assert(setup && setup->path && setup->template && model_out && why);
    tr_llama_t *self = calloc(1, sizeof *self);
    if (!self) {
        return tr_llama_out_of_memory(why);
    }
    tr_llama_watch_by(self, watch);
    troupe_status_t status = check_setup(setup, why);
    if (status == TROUPE_OK) {
        tr_llama_words_listen();
        status = tr_llama_check(setup->path, why);
    }
    if (status == TROUPE_OK) {
        tr_llama_words_forget();
        status = load_model(self, setup, why);
    }
    if (status == TROUPE_OK && !setup->embeds) {
        status = choose_template(self, setup->template, why);
    }
    if (status == TROUPE_OK) {
        status = make_context(self, setup, why);
    }
    if (status == TROUPE_OK) {
        self->name = name_of(self->model, setup->path);
        status = self->name ? TROUPE_OK : tr_llama_out_of_memory(why);
    }
    if (status != TROUPE_OK) {
        tr_llama_destroy(&self);
    }
    *model_out = self;
    return status;
}

void tr_llama_destroy(tr_llama_t **self_p)
{
    assert(self_p);
    tr_llama_t *self = *self_p;
    if (self) {
        if (self->context) {
            llama_free(self->context);
        }
        if (self->model) {
            llama_model_free(self->model);
        }
        free(self->template_name);
        free(self->name);
        free(self);
        *self_p = NULL;
    }
}

const char *tr_llama_name(const tr_llama_t *self)
{
    return self->name;
}

size_t tr_llama_context(const tr_llama_t *self)
{
    return self->n_context;
}

size_t tr_llama_dimension(const tr_llama_t *self)
{
#ifdef TR_HAVE_LLAMA_MODEL_N_EMBD_OUT
    return (size_t)llama_model_n_embd_out(self->model);
#else
    return (size_t)llama_model_n_embd(self->model);
#endif
}

/* ---- reading ---- */

troupe_status_t tr_llama_tokenize(const tr_llama_t *self, const char *text, bool with_special,
                                  tr_llama_tokens_t *out, troupe_why_t *why)
{
    size_t size = strlen(text);
    int32_t room = (int32_t)size + 16; /* seldom too little: a byte is a token at most */
    int32_t n = -room;
    assert(size < INT32_MAX / 2);

    while (n < 0) {
        if (n == INT32_MIN) {
            troupe_why_set(why, "the text has too many tokens");
            return TROUPE_LIMIT;
        }
        room = -n;
        llama_token *ids = realloc(out->ids, (size_t)room * sizeof *ids);
        if (!ids) {
            return tr_llama_out_of_memory(why);
        }
        out->ids = ids;
        n = llama_tokenize(self->vocab, text, (int32_t)size, ids, room, true, with_special);
    }
    out->n = (size_t)n;
    return TROUPE_OK;
}

troupe_status_t tr_llama_read(tr_llama_t *self, llama_token *ids, size_t n, troupe_why_t *why)
{
    struct llama_batch batch = llama_batch_get_one(ids, (int32_t)n);
    tr_llama_words_forget();
    int32_t result = llama_get_memory(self->context) ? llama_decode(self->context, batch)
                                                     : llama_encode(self->context, batch);
    if (self->was_stopped) {
        return tr_llama_stopped("the text was complete", why);
    }
    return result == 0 ? TROUPE_OK
                       : tr_llama_words_failed("llama.cpp failed", TROUPE_ERR_IO, why);
}

void tr_llama_forget(tr_llama_t *self)
{
    llama_memory_t memory = llama_get_memory(self->context);
    if (memory) {
        llama_memory_clear(memory, true);
    }
}
