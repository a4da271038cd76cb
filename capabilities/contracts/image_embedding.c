#include <troupe/image_embedding.h>

#include "capabilities/contracts/form.h"

enum { MAX_DIMENSION = 16384 };

static const troupe_image_embedding_request_t request_defaults = {0};

static const tr_field_t request_fields[] = {
    {"dimensions", TR_FIELD_WHOLE, TR_AT(troupe_image_embedding_request_t, dimensions),
     .max = MAX_DIMENSION},
    {0},
};

static const troupe_image_embedding_reply_t reply_defaults = {0};

static const tr_field_t reply_fields[] = {
    {"dimension", TR_FIELD_WHOLE, TR_AT(troupe_image_embedding_reply_t, dimension), .min = 1,
     .max = MAX_DIMENSION},
    {"model", TR_FIELD_TEXT, TR_AT(troupe_image_embedding_reply_t, model), .max = 256},
    {0},
};

const troupe_contract_t troupe_image_embedding_contract = {
    .name = "image_embedding",
    .method = "embed",
    .batch_method = "embed_batch",
    .request =
        {
            TR_FORM("a request of image_embedding", troupe_image_embedding_request_t, request),
            .subject = {"images", "image", TR_SUBJECT_IMAGES,
                        TR_COUNTED(troupe_image_embedding_request_t, images, n_images)},
        },
    .reply =
        {
            TR_REPLY_FORM("a reply of image_embedding", troupe_image_embedding_reply_t, reply),
            .subject = {"vectors", "vector", TR_SUBJECT_VALUES,
                        TR_COUNTED(troupe_image_embedding_reply_t, values, n_values),
                        .dimension_offset =
                            offsetof(troupe_image_embedding_reply_t, dimension)},
        },
};
