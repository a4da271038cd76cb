/* workers/text_embedding/text_embedding.c - the module `text_embedding`: a vector for each text
 *
 * It takes requests apart and puts replies together; how a text becomes a vector is the
 * business of text_vectors.c. The file of word vectors is mapped once, in init. Texts of a
 * batch, whether of one request or of several, go one by one through the same function, so each
 * has the vector that it has alone.
 */

#include <dlfcn.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <troupe/behaviour.h>
#include <troupe/text_embedding.h>

#include "../refuse.h"
#include "text_vectors.h"

enum { FINE = 0, BROKEN = -1 };

#define FILE_NAME "english.vectors"

/* Something whose address is in this module. */
static const char here;

typedef struct embedder {
    tr_word_vectors_t *meanings; /* NULL: lexical */
    tr_text_vectors_t *vectors;
} embedder_t;

/* ---- one request ---- */

/* The vectors of all texts, one behind the other, to be released with free(). */
static troupe_status_t embed_all(troupe_worker_t *self, embedder_t *embedder,
                                 const troupe_request_t *request,
                                 const troupe_text_embedding_request_t *asked, size_t dimension,
                                 float **out)
{
    float *values = malloc((asked->n_texts ? asked->n_texts : 1) * dimension * sizeof *values);
    if (!values) {
        return TROUPE_ERR_NOMEM;
    }
    for (size_t i = 0; i < asked->n_texts; i++) {
        troupe_worker_progress(self);
        if (troupe_request_cancelled(request)) {
            free(values);
            return TROUPE_CLOSED;
        }
        const char *text = asked->texts[i];
        troupe_status_t status = tr_text_vectors_embed(embedder->vectors, text, strlen(text),
                                                       dimension, values + i * dimension);
        if (status != TROUPE_OK) {
            free(values);
            return status;
        }
    }
    *out = values;
    return TROUPE_OK;
}

static troupe_status_t answer(troupe_worker_t *self, embedder_t *embedder,
                              const troupe_request_t *request,
                              const troupe_text_embedding_request_t *asked,
                              troupe_message_t **out, troupe_why_t *why)
{
    if (asked->dimensions > TR_TEXT_VECTORS_DIMENSION) {
        troupe_why_set(why, "the vectors have %d dimensions, not %" PRId64,
                       TR_TEXT_VECTORS_DIMENSION, asked->dimensions);
        return TROUPE_ERR_INVALID;
    }
    const size_t dimension =
        asked->dimensions ? (size_t)asked->dimensions : TR_TEXT_VECTORS_DIMENSION;
    float *values = NULL;
    troupe_status_t status = embed_all(self, embedder, request, asked, dimension, &values);
    if (status != TROUPE_OK) {
        return status;
    }
    const troupe_text_embedding_reply_t reply = {
        .values = values,
        .n_values = asked->n_texts * dimension,
        .dimension = (int64_t)dimension,
        .model = tr_text_vectors_model(embedder->vectors),
    };
    status = troupe_text_embedding_pack_reply(asked, &reply, out, why);
    free(values);
    return status;
}

static void serve(troupe_worker_t *self, embedder_t *embedder, troupe_request_t *request)
{
    troupe_text_embedding_request_t asked;
    troupe_message_t *reply = NULL;
    troupe_why_t why = {""};

    troupe_status_t status = troupe_text_embedding_unpack(
        troupe_request_method(request), troupe_request_message(request), &asked, &why);
    if (status == TROUPE_OK) {
        status = answer(self, embedder, request, &asked, &reply, &why);
        troupe_text_embedding_release(&asked);
    }
    if (status == TROUPE_OK) {
        troupe_request_reply(request, &reply);
    } else if (status == TROUPE_CLOSED) {
        troupe_request_fail(request, "nobody waits for the vectors any more");
    } else {
        tr_refuse(request, status, why.text);
    }
}

/* ---- the behaviour ---- */

static void let_go(embedder_t *embedder)
{
    tr_text_vectors_destroy(&embedder->vectors);
    tr_word_vectors_destroy(&embedder->meanings);
    free(embedder);
}

/* Load what `path` names. False, with *why, when that was in vain. */
static bool load_meanings(embedder_t *embedder, const char *path, troupe_why_t *why)
{
    embedder->meanings = tr_word_vectors_new();
    if (!embedder->meanings) {
        troupe_why_set(why, "out of memory");
        return false;
    }
    return tr_word_vectors_load(embedder->meanings, path, why) == TROUPE_OK;
}

/* Whether the file is there that is made with the module: beside it in a build folder. */
static bool is_beside_module(char *path, size_t size)
{
    Dl_info about;
    if (!dladdr(&here, &about) || !about.dli_fname) {
        return false;
    }
    const char *name = strrchr(about.dli_fname, '/');
    int length = (int)(name ? name + 1 - about.dli_fname : 0);
    return snprintf(path, size, "%.*s%s", length, about.dli_fname, FILE_NAME) < (int)size &&
           access(path, F_OK) == 0;
}

/* Which file to load: the one that is named, else the one that was made with the module, or
 * installed with it; NULL: none, the vectors are lexical. */
static const char *path_of_model(const troupe_args_t *args, char *room, size_t size)
{
    const char *model = troupe_args_get(args, "model");
    if (model) {
        return strcmp(model, "lexical") == 0 ? NULL : model;
    }
    if (is_beside_module(room, size)) {
        return room;
    }
    static const char installed[] = TR_DATA_DIR "/" FILE_NAME;
    return access(installed, F_OK) == 0 ? installed : NULL;
}

static int text_embedding_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    troupe_why_t why = {"out of memory"};
    char room[PATH_MAX];
    const char *path = path_of_model(args, room, sizeof room);
    embedder_t *embedder = calloc(1, sizeof *embedder);
    if (!embedder) {
        troupe_worker_explain(self, "%s", why.text);
        return BROKEN;
    }
    if ((path && !load_meanings(embedder, path, &why)) ||
        !(embedder->vectors = tr_text_vectors_new(embedder->meanings))) {
        troupe_worker_explain(self, "%s", why.text);
        let_go(embedder);
        return BROKEN;
    }
    troupe_worker_log(self, "embeds by %s", tr_text_vectors_model(embedder->vectors));
    *state_p = embedder;
    return TROUPE_INIT_OK;
}

static int text_embedding_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    serve(self, state, request);
    return FINE;
}

static int text_embedding_handle_batch(troupe_worker_t *self, troupe_request_t **requests,
                                       size_t count, void *state)
{
    for (size_t i = 0; i < count; i++) {
        serve(self, state, requests[i]);
    }
    return FINE;
}

static void text_embedding_terminate(troupe_worker_t *self, void **state_p,
                                     troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    let_go(*state_p);
    *state_p = NULL;
}

static const troupe_behaviour_t text_embedding = {
    .name = "text_embedding",
    .init = text_embedding_init,
    .handle = text_embedding_handle,
    .handle_batch = text_embedding_handle_batch,
    .terminate = text_embedding_terminate,
};

TROUPE_MODULE(text_embedding);
