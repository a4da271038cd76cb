/* workers/llama/llama_inside.h - a model as those see it who run it
 *
 * For llama_model.c, llama_text.c and llama_vector.c alone.
 */

#ifndef TROUPE_WORKERS_LLAMA_INSIDE_H
#define TROUPE_WORKERS_LLAMA_INSIDE_H

#include <llama.h>

#include "llama_model.h"

enum { TR_LLAMA_AT_ONCE = 512 }; /* tokens of a prompt that are read in one go */

struct tr_llama {
    struct llama_model *model;
    struct llama_context *context;
    const struct llama_vocab *vocab; /* the model's */
    const char *template;            /* the model's, or `template_name`; NULL: none */
    char *template_name;
    char *name;
    size_t n_context;
    tr_llama_watch_t watch; /* of the call that runs */
    bool was_stopped;       /* its go_on said no */
};

/* ids to be released with free(). */
typedef struct tr_llama_tokens {
    llama_token *ids;
    size_t n;
} tr_llama_tokens_t;

/* Who is asked from now on. */
void tr_llama_watch_by(tr_llama_t *self, tr_llama_watch_t watch);

/* Ask; `arg` is the tr_llama_t, for llama.cpp asks, too. After a no nobody is asked again. */
bool tr_llama_is_to_stop(void *arg);

/* TROUPE_INTERRUPTED, with a reason: stopped before such and such. */
TROUPE_NODISCARD troupe_status_t tr_llama_stopped(const char *before, troupe_why_t *why);

/* TROUPE_ERR_NOMEM, with a reason. */
TROUPE_NODISCARD troupe_status_t tr_llama_out_of_memory(troupe_why_t *why);

/* The tokens of a text. With `with_special` a text such as "<|im_end|>" is the token that is
 * called so. TROUPE_LIMIT or TROUPE_ERR_NOMEM; *out is the caller's even then. */
TROUPE_NODISCARD troupe_status_t tr_llama_tokenize(const tr_llama_t *self, const char *text,
                                                   bool with_special, tr_llama_tokens_t *out,
                                                   troupe_why_t *why);

/* Have the model forget all that it has read. */
void tr_llama_forget(tr_llama_t *self);

/* Have it read `n` tokens behind those. TROUPE_INTERRUPTED, TROUPE_ERR_NOMEM or
 * TROUPE_ERR_IO. */
TROUPE_NODISCARD troupe_status_t tr_llama_read(tr_llama_t *self, llama_token *ids, size_t n,
                                               troupe_why_t *why);

#endif
