#include <troupe/text_to_text.h>

#include "capabilities/contracts/form.h"

enum {
    MAX_TOKENS = 1000 * 1000,
    MAX_TURNS = 1000,
    MAX_STOP = 16,
    MAX_WORDS = 1000,
    MAX_WORD = 256,
    MAX_SUGGESTIONS = 32,
    MAX_CORRECTIONS = 100 * 1000,
};

static const char *const roles[] = {"user", "assistant", "system", NULL};
static const char *const finishes[] = {"stop", "length", NULL};

static const tr_field_t turn_fields[] = {
    {"role", TR_FIELD_CHOICE, TR_AT(troupe_turn_t, role), .choices = roles},
    {"content", TR_FIELD_TEXT, TR_AT(troupe_turn_t, content), .max = TROUPE_MAX_TEXT,
     .is_needed = true},
    {0},
};

static const tr_row_t turn_row = {sizeof(troupe_turn_t), turn_fields};

static const troupe_text_to_text_request_t request_defaults = {
    .temperature = -1, .top_p = 1, .seed = -1, .stream = true};

static const tr_field_t request_fields[] = {
    {"turns", TR_FIELD_ROWS, TR_COUNTED(troupe_text_to_text_request_t, turns, n_turns),
     .max_count = MAX_TURNS, .row = &turn_row},
    {"max_tokens", TR_FIELD_WHOLE, TR_AT(troupe_text_to_text_request_t, max_tokens),
     .max = MAX_TOKENS},
    {"temperature", TR_FIELD_REAL, TR_AT(troupe_text_to_text_request_t, temperature), .min = -1,
     .max = 100},
    {"top_p", TR_FIELD_REAL, TR_AT(troupe_text_to_text_request_t, top_p), .max = 1},
    {"top_k", TR_FIELD_WHOLE, TR_AT(troupe_text_to_text_request_t, top_k), .max = MAX_TOKENS},
    {"seed", TR_FIELD_WHOLE, TR_AT(troupe_text_to_text_request_t, seed), .min = -1,
     .max = 0x1p63},
    {"stop", TR_FIELD_TEXTS, TR_COUNTED(troupe_text_to_text_request_t, stop, n_stop),
     .max = MAX_WORD, .max_count = MAX_STOP},
    {"language", TR_FIELD_TEXT, TR_AT(troupe_text_to_text_request_t, language), .max = 100},
    {"words", TR_FIELD_TEXTS, TR_COUNTED(troupe_text_to_text_request_t, words, n_words),
     .max = MAX_WORD, .max_count = MAX_WORDS},
    {"suggest", TR_FIELD_FLAG, TR_AT(troupe_text_to_text_request_t, suggest)},
    {"stream", TR_FIELD_FLAG, TR_AT(troupe_text_to_text_request_t, stream)},
    {0},
};

static troupe_status_t prompt_or_turns(const void *whole, troupe_why_t *why)
{
    const troupe_text_to_text_request_t *request = whole;
    if (request->prompt && request->n_turns > 0) {
        troupe_why_set(why, "there are a prompt and turns, and only one of them can be meant");
        return TROUPE_ERR_INVALID;
    }
    if (!request->prompt && request->n_turns == 0) {
        troupe_why_set(why, "prompt is missing");
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

static const tr_field_t correction_fields[] = {
    {"word", TR_FIELD_TEXT, TR_AT(troupe_correction_t, word), .max = 4096, .is_needed = true},
    {"offset", TR_FIELD_WHOLE, TR_AT(troupe_correction_t, offset), .max = TROUPE_MAX_TEXT},
    {"replacement", TR_FIELD_TEXT, TR_AT(troupe_correction_t, replacement), .max = 4096},
    {"suggestions", TR_FIELD_TEXTS, TR_COUNTED(troupe_correction_t, suggestions, n_suggestions),
     .max = 4096, .max_count = MAX_SUGGESTIONS},
    {0},
};

static const tr_row_t correction_row = {sizeof(troupe_correction_t), correction_fields};

static const troupe_text_to_text_reply_t reply_defaults = {0};

static const tr_field_t reply_fields[] = {
    {"model", TR_FIELD_TEXT, TR_AT(troupe_text_to_text_reply_t, model), .max = 256},
    {"finish", TR_FIELD_CHOICE, TR_AT(troupe_text_to_text_reply_t, finish),
     .choices = finishes},
    {"prompt_tokens", TR_FIELD_WHOLE, TR_AT(troupe_text_to_text_reply_t, prompt_tokens),
     .max = 1e9},
    {"reply_tokens", TR_FIELD_WHOLE, TR_AT(troupe_text_to_text_reply_t, reply_tokens),
     .max = 1e9},
    {"corrections", TR_FIELD_ROWS,
     TR_COUNTED(troupe_text_to_text_reply_t, corrections, n_corrections),
     .max_count = MAX_CORRECTIONS, .row = &correction_row},
    {0},
};

const troupe_contract_t troupe_text_to_text_contract = {
    .name = "text_to_text",
    .method = "prompt",
    .request =
        {
            TR_FORM("a request of text_to_text", troupe_text_to_text_request_t, request),
            .subject = {"prompt", .kind = TR_SUBJECT_TEXT,
                        TR_AT(troupe_text_to_text_request_t, prompt), .may_lack = true},
            .rule = prompt_or_turns,
        },
    .reply =
        {
            TR_REPLY_FORM("a reply of text_to_text", troupe_text_to_text_reply_t, reply),
            .subject = {"text", .kind = TR_SUBJECT_TEXT,
                        TR_AT(troupe_text_to_text_reply_t, text)},
        },
};
