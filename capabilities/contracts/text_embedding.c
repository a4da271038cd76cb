#include <troupe/text_embedding.h>

#include "capabilities/contracts/form.h"

enum { MAX_DIMENSION = 16384 };

static const char *const tasks[] = {"similarity", "query", "document", NULL};

static const troupe_text_embedding_request_t request_defaults = {0};

static const tr_field_t request_fields[] = {
    {"task", TR_FIELD_CHOICE, TR_AT(troupe_text_embedding_request_t, task), .choices = tasks},
    {"dimensions", TR_FIELD_WHOLE, TR_AT(troupe_text_embedding_request_t, dimensions),
     .max = MAX_DIMENSION},
    {0},
};

static const troupe_text_embedding_reply_t reply_defaults = {0};

static const tr_field_t reply_fields[] = {
    {"dimension", TR_FIELD_WHOLE, TR_AT(troupe_text_embedding_reply_t, dimension), .min = 1,
     .max = MAX_DIMENSION},
    {"model", TR_FIELD_TEXT, TR_AT(troupe_text_embedding_reply_t, model), .max = 256},
    {0},
};

const troupe_contract_t troupe_text_embedding_contract = {
    .name = "text_embedding",
    .method = "embed",
    .batch_method = "embed_batch",
    .request =
        {
            TR_FORM("a request of text_embedding", troupe_text_embedding_request_t, request),
            .subject = {"texts", "text", TR_SUBJECT_TEXTS,
                        TR_COUNTED(troupe_text_embedding_request_t, texts, n_texts)},
        },
    .reply =
        {
            TR_REPLY_FORM("a reply of text_embedding", troupe_text_embedding_reply_t, reply),
            .subject = {"vectors", "vector", TR_SUBJECT_VALUES,
                        TR_COUNTED(troupe_text_embedding_reply_t, values, n_values),
                        .dimension_offset = offsetof(troupe_text_embedding_reply_t, dimension)},
        },
};
