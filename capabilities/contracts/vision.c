#include <troupe/vision.h>

#include "capabilities/contracts/form.h"

enum { MAX_WORDS = 100 * 1000, MAX_SIDE = 1000 * 1000 };

static const char *const layouts[] = {"auto", "column", "block", "line",
                                      "word", "sparse", NULL};

static const troupe_vision_request_t request_defaults = {.stream = true};

static const tr_field_t request_fields[] = {
    {"query", TR_FIELD_TEXT, TR_AT(troupe_vision_request_t, query), .max = 4096},
    {"language", TR_FIELD_TEXT, TR_AT(troupe_vision_request_t, language), .max = 100},
    {"layout", TR_FIELD_CHOICE, TR_AT(troupe_vision_request_t, layout), .choices = layouts},
    {"details", TR_FIELD_FLAG, TR_AT(troupe_vision_request_t, details)},
    {"stream", TR_FIELD_FLAG, TR_AT(troupe_vision_request_t, stream)},
    {0},
};

static const tr_field_t word_fields[] = {
    {"text", TR_FIELD_TEXT, TR_AT(troupe_vision_word_t, text), .max = 4096, .is_needed = true},
    {"confidence", TR_FIELD_REAL, TR_AT(troupe_vision_word_t, confidence), .max = 1},
    {"left", TR_FIELD_WHOLE, TR_AT(troupe_vision_word_t, left), .max = MAX_SIDE},
    {"top", TR_FIELD_WHOLE, TR_AT(troupe_vision_word_t, top), .max = MAX_SIDE},
    {"width", TR_FIELD_WHOLE, TR_AT(troupe_vision_word_t, width), .max = MAX_SIDE},
    {"height", TR_FIELD_WHOLE, TR_AT(troupe_vision_word_t, height), .max = MAX_SIDE},
    {0},
};

static const tr_row_t word_row = {sizeof(troupe_vision_word_t), word_fields};

static const troupe_vision_reply_t reply_defaults = {0};

static const tr_field_t reply_fields[] = {
    {"model", TR_FIELD_TEXT, TR_AT(troupe_vision_reply_t, model), .max = 256},
    {"confidence", TR_FIELD_REAL, TR_AT(troupe_vision_reply_t, confidence), .max = 1},
    {"width", TR_FIELD_WHOLE, TR_AT(troupe_vision_reply_t, width), .max = MAX_SIDE},
    {"height", TR_FIELD_WHOLE, TR_AT(troupe_vision_reply_t, height), .max = MAX_SIDE},
    {"words", TR_FIELD_ROWS, TR_COUNTED(troupe_vision_reply_t, words, n_words),
     .max_count = MAX_WORDS, .row = &word_row},
    {0},
};

const troupe_contract_t troupe_vision_contract = {
    .name = "vision",
    .method = "describe",
    .request =
        {
            TR_FORM("a request of vision", troupe_vision_request_t, request),
            .subject = {"image", .kind = TR_SUBJECT_IMAGE,
                        TR_AT(troupe_vision_request_t, image)},
        },
    .reply =
        {
            TR_REPLY_FORM("a reply of vision", troupe_vision_reply_t, reply),
            .subject = {"text", .kind = TR_SUBJECT_TEXT, TR_AT(troupe_vision_reply_t, text)},
        },
};
