/* workers/llama/llama_model.h - a language model in a GGUF file, run by llama.cpp
 *
 * What the module llama does with a model, with nothing of a node in it. Whoever includes
 * llama.h has to follow its changes from release to release; who includes this has not.
 *
 * A model belongs to one thread at a time; several may be loaded and run at once. Every call
 * that takes long asks `go_on`, which may be NULL, again and again; false stops it.
 */

#ifndef TROUPE_WORKERS_LLAMA_MODEL_H
#define TROUPE_WORKERS_LLAMA_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/contract.h>
#include <troupe/status.h>
#include <troupe/text_to_text.h>

typedef bool(tr_llama_go_on_fn)(void *arg);

/* Who is asked, on the thread of the call. */
typedef struct tr_llama_watch {
    tr_llama_go_on_fn *go_on;
    void *arg;
} tr_llama_watch_t;

/* How to load a model. */
typedef struct tr_llama_setup {
    const char *path;
    bool embeds;     /* it makes vectors of texts; false: it goes on with texts */
    int64_t context; /* tokens of a prompt with its reply; 0: what the model was trained
                        with, TR_LLAMA_USUAL_CONTEXT at most */
    int64_t threads; /* that compute */
    bool is_mapped;  /* the file's pages are used as they are, and shared; false: the model is
                        copied into memory, in the order that suits the processor */
    int64_t gpu_layers;   /* of the model that a GPU computes, where there is one */
    const char *template; /* of conversations: "model", its own; "none"; or the name of one
                             that llama.cpp knows */
} tr_llama_setup_t;

enum {
    TR_LLAMA_USUAL_CONTEXT = 4096,
    TR_LLAMA_MAX_CONTEXT = 16 * 1024 * 1024,
    TR_LLAMA_MAX_THREADS = 256,
    TR_LLAMA_MAX_LAYERS = 10000,
};

typedef struct tr_llama tr_llama_t;

/* Load a model; takes as long as the file is large.
 *
 *   TROUPE_OK           *model_out is the caller's
 *   TROUPE_NOT_FOUND    there is no such file
 *   TROUPE_ERR_INVALID  the setup cannot be, the file is no model, a damaged one, or one of
 *                       another kind than is needed
 *   TROUPE_INTERRUPTED  go_on said no
 *   TROUPE_ERR_NOMEM    it does not fit into memory
 *
 * *why is set on all but TROUPE_OK. llama.cpp checks much of a file, and gives up the process
 * by abort() at some of what it finds. */
TROUPE_NODISCARD troupe_status_t tr_llama_load(const tr_llama_setup_t *setup,
                                               tr_llama_watch_t watch, tr_llama_t **model_out,
                                               troupe_why_t *why);

/* Release it and set *self_p to NULL; NULL is fine. */
void tr_llama_destroy(tr_llama_t **self_p);

/* What the model calls itself, else its file's name. Borrowed. */
const char *tr_llama_name(const tr_llama_t *self);

/* How many tokens there is room for. */
size_t tr_llama_context(const tr_llama_t *self);

/* How many values its vectors have. */
size_t tr_llama_dimension(const tr_llama_t *self);

/* How a text is made. */
typedef struct tr_llama_ask {
    const char *prompt;         /* NULL with turns */
    const troupe_turn_t *turns; /* a prompt alone is one of the user, if there is a template */
    size_t n_turns;
    int64_t max_tokens; /* at least 1 */
    double temperature; /* 0: always the likeliest */
    double top_p;
    int64_t top_k;
    int64_t seed; /* -1: any */
    const char *const *stop;
    size_t n_stop;
} tr_llama_ask_t;

/* Takes what is new of a text: whole characters. False stops it. */
typedef bool(tr_llama_say_fn)(void *arg, const char *text, size_t size);

/* What came of it. */
typedef struct tr_llama_answer {
    char *text; /* NUL-terminated UTF-8, to be released with free() */
    troupe_finish_t finish;
    int64_t prompt_tokens;
    int64_t reply_tokens; /* with those of a stop string, without the one that says it ends */
} tr_llama_answer_t;

/* Go on with a prompt. `say` may be NULL, and gets watch.arg. What was asked before leaves no
 * trace: the same of the same seed gives the same text.
 *
 *   TROUPE_OK           *answer_out is the caller's to release
 *   TROUPE_LIMIT        the prompt has no room in the context
 *   TROUPE_INTERRUPTED  go_on or say said no
 *   TROUPE_ERR_INVALID  the template is none that llama.cpp knows
 *   TROUPE_ERR_NOMEM
 *   TROUPE_ERR_IO       llama.cpp failed
 *
 * *why is set on all but TROUPE_OK. */
TROUPE_NODISCARD troupe_status_t tr_llama_generate(tr_llama_t *self, const tr_llama_ask_t *ask,
                                                   tr_llama_watch_t watch, tr_llama_say_fn *say,
                                                   tr_llama_answer_t *answer_out,
                                                   troupe_why_t *why);

/* The vector of a text: `dimension` values, at most those of the model, the first ones of it,
 * with a length of one; of a text without tokens, zeros. As for tr_llama_generate. */
TROUPE_NODISCARD troupe_status_t tr_llama_embed(tr_llama_t *self, const char *text,
                                                size_t dimension, tr_llama_watch_t watch,
                                                float *values, troupe_why_t *why);

#endif
