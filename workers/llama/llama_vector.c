/* A text is read at once, and what the model makes of it is given a length of one. */

#include "llama_model.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "llama_inside.h"
#include "llama_words.h"

/* What is no number makes no direction, nor does what has no length. */
static troupe_status_t normalise(const float *found, size_t dimension, float *values,
                                 troupe_why_t *why)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++) {
        sum += (double)found[i] * (double)found[i];
    }
    if (!isfinite(sum)) {
        troupe_why_set(why, "the model's vector of this text is no number");
        return TROUPE_ERR_IO;
    }
    double length = sqrt(sum);
    for (size_t i = 0; i < dimension; i++) {
        values[i] = length > 0 ? (float)((double)found[i] / length) : 0;
    }
    return TROUPE_OK;
}

static troupe_status_t embed_tokens(tr_llama_t *self, const tr_llama_tokens_t *tokens,
                                    size_t dimension, float *values, troupe_why_t *why)
{
    if (tokens->n > self->n_context) {
        troupe_why_set(why, "the text has %zu tokens, and the context has room for %zu",
                       tokens->n, self->n_context);
        return TROUPE_LIMIT;
    }
    if (tokens->n == 0) {
        memset(values, 0, dimension * sizeof *values);
        return TROUPE_OK;
    }
    if (tr_llama_is_to_stop(self)) {
        return tr_llama_stopped("the text was read", why);
    }
    tr_llama_forget(self);
    troupe_status_t status = tr_llama_read(self, tokens->ids, tokens->n, why);
    if (status != TROUPE_OK) {
        return status;
    }
    const float *found = llama_get_embeddings_seq(self->context, 0);
    return found ? normalise(found, dimension, values, why)
                 : tr_llama_words_failed("llama.cpp made no vector", TROUPE_ERR_IO, why);
}

troupe_status_t tr_llama_embed(tr_llama_t *self, const char *text, size_t dimension,
                               tr_llama_watch_t watch, float *values, troupe_why_t *why)
{
    assert(self && text && values && why);
    assert(dimension > 0 && dimension <= tr_llama_dimension(self));
    tr_llama_watch_by(self, watch);
    tr_llama_tokens_t tokens = {0};

    troupe_status_t status = tr_llama_tokenize(self, text, false, &tokens, why);
    if (status == TROUPE_OK) {
        status = embed_tokens(self, &tokens, dimension, values, why);
    }
    free(tokens.ids);
    return status;
}
