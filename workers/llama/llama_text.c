/* A prompt is read, then token after token drawn, until the text is complete. */

#include "llama_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"
#include "llama_inside.h"
#include "utterance.h"

enum { PIECE = 256 }; /* bytes that nearly every token fits into */

/* ---- the prompt ---- */

/* To be released with free(). */
static troupe_status_t apply_template(const tr_llama_t *self, const troupe_turn_t *turns,
                                      size_t n_turns, char **prompt_out, troupe_why_t *why)
{
    struct llama_chat_message *chat = calloc(n_turns, sizeof *chat);
    char *prompt = NULL;
    int32_t size = 0;
    for (size_t i = 0; chat && i < n_turns; i++) {
        chat[i].role = tr_chat_role(turns[i].role);
        chat[i].content = turns[i].content;
    }
    if (chat) {
        size = llama_chat_apply_template(self->template, chat, n_turns, true, NULL, 0);
        prompt = size < 0 ? NULL : malloc((size_t)size + 1);
    }
    if (prompt) {
        llama_chat_apply_template(self->template, chat, n_turns, true, prompt, size);
        prompt[size] = '\0';
    }
    free(chat);
    if (size < 0) {
        troupe_why_set(why, "the template of the model does not allow such a conversation");
        return TROUPE_ERR_INVALID;
    }
    *prompt_out = prompt;
    return prompt ? TROUPE_OK : tr_llama_out_of_memory(why);
}

/* The prompt as the model is to see it. */
static troupe_status_t tokens_of(const tr_llama_t *self, const tr_llama_ask_t *ask,
                                 tr_llama_tokens_t *tokens, troupe_why_t *why)
{
    const troupe_turn_t alone = {TROUPE_ROLE_USER, ask->prompt};
    const troupe_turn_t *turns = ask->prompt ? &alone : ask->turns;
    size_t n_turns = ask->prompt ? 1 : ask->n_turns;
    char *prompt = NULL;
    troupe_status_t status = TROUPE_OK;

    if (self->template) {
        status = apply_template(self, turns, n_turns, &prompt, why);
    } else {
        prompt = ask->prompt ? strdup(ask->prompt) : tr_chat_prompt(turns, n_turns);
        status = prompt ? TROUPE_OK : tr_llama_out_of_memory(why);
    }
    if (status == TROUPE_OK) {
        status = tr_llama_tokenize(self, prompt, self->template != NULL, tokens, why);
    }
    free(prompt);
    if (status == TROUPE_OK && tokens->n == 0) {
        troupe_why_set(why, "the prompt is empty, and the model begins no text by itself");
        return TROUPE_ERR_INVALID;
    }
    if (status == TROUPE_OK && tokens->n >= self->n_context) {
        troupe_why_set(why,
                       "the prompt has %zu tokens, and the context has room for %zu together "
                       "with the reply",
                       tokens->n, self->n_context);
        return TROUPE_LIMIT;
    }
    return status;
}

static troupe_status_t read_prompt(tr_llama_t *self, const tr_llama_tokens_t *tokens,
                                   troupe_why_t *why)
{
    tr_llama_forget(self);
    for (size_t at = 0; at < tokens->n; at += TR_LLAMA_AT_ONCE) {
        size_t left = tokens->n - at;
        if (tr_llama_is_to_stop(self)) {
            return tr_llama_stopped("the prompt was read", why);
        }
        troupe_status_t status = tr_llama_read(
            self, tokens->ids + at, left < TR_LLAMA_AT_ONCE ? left : TR_LLAMA_AT_ONCE, why);
        if (status != TROUPE_OK) {
            return status;
        }
    }
    return TROUPE_OK;
}

/* ---- the reply ---- */

/* llama.cpp takes 32 bits, of which all set mean any. */
static uint32_t seed_of(int64_t wanted)
{
    if (wanted < 0) {
        return LLAMA_DEFAULT_SEED;
    }
    uint32_t seed = (uint32_t)((uint64_t)wanted ^ (uint64_t)wanted >> 32);
    return seed == LLAMA_DEFAULT_SEED ? 0 : seed;
}

/* NULL when out of memory. */
static struct llama_sampler *sampler_for(const tr_llama_ask_t *ask)
{
    struct llama_sampler *chain =
        llama_sampler_chain_init(llama_sampler_chain_default_params());
    if (!chain) {
        return NULL;
    }
    if (ask->temperature < 0.001) { /* what is divided by less has no end */
        llama_sampler_chain_add(chain, llama_sampler_init_greedy());
        return chain;
    }
    if (ask->top_k > 0) {
        int64_t k = ask->top_k < INT32_MAX ? ask->top_k : INT32_MAX;
        llama_sampler_chain_add(chain, llama_sampler_init_top_k((int32_t)k));
    }
    if (ask->top_p < 1) {
        llama_sampler_chain_add(chain, llama_sampler_init_top_p((float)ask->top_p, 1));
    }
    llama_sampler_chain_add(chain, llama_sampler_init_temp((float)ask->temperature));
    llama_sampler_chain_add(chain, llama_sampler_init_dist(seed_of(ask->seed)));
    return chain;
}

static troupe_status_t add_token(const tr_llama_t *self, llama_token token,
                                 tr_utterance_t *utterance)
{
    char usual[PIECE];
    int32_t size = llama_token_to_piece(self->vocab, token, usual, PIECE, 0, false);
    if (size >= 0) {
        return tr_utterance_add(utterance, usual, (size_t)size);
    }
    char *piece = malloc((size_t)-size);
    if (!piece) {
        return TROUPE_ERR_NOMEM;
    }
    size = llama_token_to_piece(self->vocab, token, piece, -size, 0, false);
    troupe_status_t status = tr_utterance_add(utterance, piece, size > 0 ? (size_t)size : 0);
    free(piece);
    return status;
}

/* One reply in the making. */
typedef struct making {
    tr_llama_t *self;
    tr_utterance_t *utterance;
    struct llama_sampler *sampler;
    tr_llama_say_fn *say;
    size_t n_said; /* bytes */
    int64_t n_tokens;
    troupe_finish_t finish;
} making_t;

/* Say what is new. */
static bool say(making_t *making)
{
    size_t size;
    const char *text = tr_utterance_text(making->utterance, &size);
    size_t from = making->n_said;
    making->n_said = size;
    return !making->say || size == from ||
           making->say(making->self->watch.arg, text + from, size - from);
}

static troupe_status_t add_and_say(making_t *making, llama_token token, troupe_why_t *why)
{
    troupe_status_t status = add_token(making->self, token, making->utterance);
    if (status != TROUPE_OK) {
        return tr_llama_out_of_memory(why);
    }
    return say(making) ? TROUPE_OK : tr_llama_stopped("all was said", why);
}

/* Token by token, until it is complete or there are `max` of them. */
static troupe_status_t go_on(making_t *making, int64_t max, troupe_why_t *why)
{
    making->finish = TROUPE_FINISH_LENGTH;
    while (making->n_tokens < max) {
        llama_token token = llama_sampler_sample(making->sampler, making->self->context, -1);
        if (llama_vocab_is_eog(making->self->vocab, token)) {
            making->finish = TROUPE_FINISH_STOP;
            return TROUPE_OK;
        }
        making->n_tokens++;
        troupe_status_t status = add_and_say(making, token, why);
        if (status != TROUPE_OK) {
            return status;
        }
        if (tr_utterance_is_stopped(making->utterance)) {
            making->finish = TROUPE_FINISH_STOP;
            return TROUPE_OK;
        }
        if (tr_llama_is_to_stop(making->self)) {
            return tr_llama_stopped("the text was complete", why);
        }
        if (making->n_tokens < max) {
            status = tr_llama_read(making->self, &token, 1, why);
        }
        if (status != TROUPE_OK) {
            return status;
        }
    }
    return TROUPE_OK;
}

static troupe_status_t finish(making_t *making, troupe_why_t *why)
{
    if (tr_utterance_end(making->utterance) != TROUPE_OK) {
        return tr_llama_out_of_memory(why);
    }
    return say(making) ? TROUPE_OK : tr_llama_stopped("all was said", why);
}

/* The user's stop strings, and, where we have written the conversation down, that a new turn
 * begins. To be released with free(). */
static const char **stop_strings(const tr_llama_t *self, const tr_llama_ask_t *ask, size_t *n)
{
    const char **stop = calloc(ask->n_stop + 1, sizeof *stop);
    if (!stop) {
        return NULL;
    }
    for (size_t i = 0; i < ask->n_stop; i++) {
        stop[i] = ask->stop[i];
    }
    *n = ask->n_stop;
    if (!self->template && !ask->prompt) {
        stop[(*n)++] = TR_CHAT_STOP;
    }
    return stop;
}

troupe_status_t tr_llama_generate(tr_llama_t *self, const tr_llama_ask_t *ask,
                                  tr_llama_watch_t watch, tr_llama_say_fn *say_it,
                                  tr_llama_answer_t *answer_out, troupe_why_t *why)
{
    assert(self && ask && answer_out && why && ask->max_tokens > 0);
    tr_llama_watch_by(self, watch);
    making_t making = {.self = self, .say = say_it};
    tr_llama_tokens_t tokens = {0};
    size_t n_stop = 0;
    char *text = NULL;
    const char **stop = stop_strings(self, ask, &n_stop);
    making.utterance = stop ? tr_utterance_new(stop, n_stop) : NULL;
    making.sampler = making.utterance ? sampler_for(ask) : NULL;

    troupe_status_t status =
        making.sampler ? tokens_of(self, ask, &tokens, why) : tr_llama_out_of_memory(why);
    if (status == TROUPE_OK) {
        status = read_prompt(self, &tokens, why);
    }
    if (status == TROUPE_OK) {
        int64_t room = (int64_t)(self->n_context - tokens.n);
        status = go_on(&making, ask->max_tokens < room ? ask->max_tokens : room, why);
    }
    if (status == TROUPE_OK) {
        status = finish(&making, why);
    }
    if (status == TROUPE_OK) {
        size_t size;
        text = strdup(tr_utterance_text(making.utterance, &size));
        status = text ? TROUPE_OK : tr_llama_out_of_memory(why);
    }
    if (status == TROUPE_OK) {
        *answer_out = (tr_llama_answer_t){.text = text,
                                          .finish = making.finish,
                                          .prompt_tokens = (int64_t)tokens.n,
                                          .reply_tokens = making.n_tokens};
    }
    if (making.sampler) {
        llama_sampler_free(making.sampler);
    }
    tr_utterance_destroy(&making.utterance);
    free(stop);
    free(tokens.ids);
    return status;
}
