/* workers/text_to_text/text_to_text.c - the module `text_to_text`: corrects the spelling of a
 * text
 *
 * It unpacks a request, hands its text to the corrector and packs what comes out; how to
 * correct is the business of correct.c. The dictionary of the worker's language is
 * loaded in init, those of others when they are first asked for.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/behaviour.h>
#include <troupe/text_to_text.h>

#include "../refuse.h"
#include "correct.h"
#include "dictionaries.h"

enum { FINE = 0, BROKEN = -1 };

enum { MAX_LIKELY = 32 * 1024 * 1024 }; /* bytes of the file of likely words */

struct corrector {
    tr_dictionaries_t *dictionaries;
    tr_vocabulary_t *likely; /* NULL: none */
};

/* Those whom a long correction concerns. */
struct errand {
    troupe_worker_t *worker;
    troupe_request_t *request;
    const char *problem; /* with the parts; NULL: none */
};

/* ---- life ---- */

/* Count the words of `file`. */
static troupe_status_t read_likely(struct corrector *self, const char *file, troupe_why_t *why)
{
    char *text = NULL;
    FILE *in = fopen(file, "r");
    troupe_status_t status = TROUPE_ERR_NOMEM;
    if (!in) {
        troupe_why_set(why, "the file of likely words, %.200s, cannot be read", file);
        return TROUPE_ERR_IO;
    }
    self->likely = tr_vocabulary_new();
    text = malloc(MAX_LIKELY);
    if (self->likely && text) {
        size_t size = fread(text, 1, MAX_LIKELY, in);
        status = ferror(in) || fgetc(in) != EOF ? TROUPE_LIMIT
                                                : tr_correct_count(text, size, self->likely);
    }
    if (status == TROUPE_ERR_NOMEM) {
        troupe_why_set(why, "out of memory");
    } else if (status != TROUPE_OK) {
        troupe_why_set(
            why, "the file of likely words, %.200s, is no text in UTF-8 of %d MiB at most",
            file, MAX_LIKELY / 1024 / 1024);
    }
    free(text);
    fclose(in);
    return status;
}

static void destroy(struct corrector **self_p)
{
    if (*self_p) {
        tr_dictionaries_destroy(&(*self_p)->dictionaries);
        tr_vocabulary_destroy(&(*self_p)->likely);
        free(*self_p);
        *self_p = NULL;
    }
}

static troupe_status_t open_all(struct corrector *self, const troupe_args_t *args,
                                troupe_why_t *why)
{
    const char *likely = troupe_args_get(args, "likely");
    self->dictionaries = tr_dictionaries_new();
    if (!self->dictionaries) {
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = tr_dictionaries_open(
        self->dictionaries, troupe_args_get_or(args, "dictionaries", "/usr/share/hunspell"),
        troupe_args_get_or(args, "language", "en_US"), why);
    return status == TROUPE_OK && likely ? read_likely(self, likely, why) : status;
}

static int text_init(troupe_worker_t *worker, const troupe_args_t *args, void **state_p)
{
    troupe_why_t why = {""};
    struct corrector *self = calloc(1, sizeof *self);
    if (!self) {
        return TROUPE_INIT_NO_MEMORY;
    }
    troupe_status_t status = open_all(self, args, &why);
    if (status != TROUPE_OK) {
        troupe_worker_explain(worker, "%s", why.text);
        destroy(&self);
        return status == TROUPE_ERR_NOMEM ? TROUPE_INIT_NO_MEMORY : BROKEN;
    }
    *state_p = self;
    return TROUPE_INIT_OK;
}

static void text_terminate(troupe_worker_t *worker, void **state_p, troupe_reason_t reason)
{
    (void)worker;
    (void)reason;
    struct corrector *self = *state_p;
    destroy(&self);
    *state_p = NULL;
}

/* ---- a request ---- */

static bool go_on(void *arg)
{
    const struct errand *errand = arg;
    troupe_worker_progress(errand->worker);
    return !troupe_request_cancelled(errand->request);
}

static bool send_part(void *arg, const char *bytes, size_t size)
{
    struct errand *errand = arg;
    troupe_message_t *part = troupe_message_from(bytes, size);
    if (!part) {
        errand->problem = "out of memory";
        return false;
    }
    troupe_status_t status = troupe_request_part(errand->request, &part);
    if (status != TROUPE_OK) {
        troupe_message_destroy(&part);
        errand->problem = status == TROUPE_FULL ? "there is no room for more words"
                                                : "nobody takes the words any more";
    }
    return status == TROUPE_OK;
}

/* The prompt, or what the user said last; NULL: he said nothing. */
static const char *text_of(const troupe_text_to_text_request_t *request)
{
    for (size_t i = request->n_turns; i > 0; i--) {
        if (request->turns[i - 1].role == TROUPE_ROLE_USER) {
            return request->turns[i - 1].content;
        }
    }
    return request->prompt;
}

static troupe_status_t pack(const troupe_text_to_text_request_t *request,
                            const tr_speller_t *speller, const tr_corrected_t *corrected,
                            troupe_message_t **out, troupe_why_t *why)
{
    char model[64];
    snprintf(model, sizeof model, "hunspell %s", tr_speller_language(speller));
    const troupe_text_to_text_reply_t reply = {
        .text = corrected->text,
        .model = model,
        .finish = corrected->finish,
        .prompt_tokens = corrected->n_words_in,
        .reply_tokens = corrected->n_words_out,
        .corrections = corrected->corrections,
        .n_corrections = corrected->n_corrections,
    };
    return troupe_text_to_text_pack_reply(request, &reply, out, why);
}

static troupe_status_t correct(struct corrector *self,
                               const troupe_text_to_text_request_t *request,
                               struct errand *errand, troupe_message_t **out, troupe_why_t *why)
{
    const char *text = text_of(request);
    tr_speller_t *speller = NULL;
    if (!text) {
        troupe_why_set(why, "no turn is the user's, so there is nothing to correct");
        return TROUPE_ERR_INVALID;
    }
    troupe_status_t status =
        tr_dictionaries_find(self->dictionaries, request->language, &speller, why);
    if (status != TROUPE_OK) {
        return status;
    }
    const tr_correct_watch_t watch = {go_on, request->stream ? send_part : NULL, errand};
    tr_corrected_t corrected;
    status = tr_correct(speller, self->likely, request, text, &watch, &corrected, why);
    if (status == TROUPE_OK) {
        status = pack(request, speller, &corrected, out, why);
        tr_corrected_release(&corrected);
    }
    return status;
}

static int text_handle(troupe_worker_t *worker, troupe_request_t *request, void *state)
{
    struct errand errand = {worker, request, NULL};
    troupe_text_to_text_request_t asked;
    troupe_message_t *reply = NULL;
    troupe_why_t why = {""};

    troupe_status_t status = troupe_text_to_text_unpack(
        troupe_request_method(request), troupe_request_message(request), &asked, &why);
    if (status == TROUPE_OK) {
        status = correct(state, &asked, &errand, &reply, &why);
        troupe_text_to_text_release(&asked);
    }
    if (status == TROUPE_OK) {
        troupe_request_reply(request, &reply);
    } else {
        tr_refuse(request,
                  status == TROUPE_NOT_FOUND ? TROUPE_ERR_INVALID : status, /* no dictionary */
                  errand.problem ? errand.problem : why.text);
    }
    return FINE;
}

static const troupe_behaviour_t text_to_text = {
    .name = "text_to_text",
    .init = text_init,
    .handle = text_handle,
    .terminate = text_terminate,
};

TROUPE_MODULE(text_to_text);
