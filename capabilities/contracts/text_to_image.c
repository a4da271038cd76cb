#include <troupe/text_to_image.h>

#include "capabilities/contracts/form.h"

enum { MAX_SIDE = 16384, MAX_STEPS = 1000, MAX_SIZE_PT = 1000, MAX_DPI = 2400 };

static const char *const formats[] = {"png", "svg", "pdf", NULL};
static const char *const markups[] = {"auto", "yes", "no", NULL};

static const troupe_text_to_image_request_t request_defaults = {.seed = -1, .margin = -1};

static const tr_field_t request_fields[] = {
    {"format", TR_FIELD_CHOICE, TR_AT(troupe_text_to_image_request_t, format),
     .choices = formats},
    {"width", TR_FIELD_WHOLE, TR_AT(troupe_text_to_image_request_t, width), .max = MAX_SIDE},
    {"height", TR_FIELD_WHOLE, TR_AT(troupe_text_to_image_request_t, height), .max = MAX_SIDE},
    {"steps", TR_FIELD_WHOLE, TR_AT(troupe_text_to_image_request_t, steps), .max = MAX_STEPS},
    {"seed", TR_FIELD_WHOLE, TR_AT(troupe_text_to_image_request_t, seed), .min = -1,
     .max = 0x1p63},
    {"markup", TR_FIELD_CHOICE, TR_AT(troupe_text_to_image_request_t, markup),
     .choices = markups},
    {"font", TR_FIELD_TEXT, TR_AT(troupe_text_to_image_request_t, font), .max = 100},
    {"size", TR_FIELD_WHOLE, TR_AT(troupe_text_to_image_request_t, size), .max = MAX_SIZE_PT},
    {"margin", TR_FIELD_WHOLE, TR_AT(troupe_text_to_image_request_t, margin), .min = -1,
     .max = MAX_SIDE},
    {"dpi", TR_FIELD_WHOLE, TR_AT(troupe_text_to_image_request_t, dpi), .max = MAX_DPI},
    {"color", TR_FIELD_TEXT, TR_AT(troupe_text_to_image_request_t, color), .max = 50},
    {"background", TR_FIELD_TEXT, TR_AT(troupe_text_to_image_request_t, background), .max = 50},
    {"progress", TR_FIELD_FLAG, TR_AT(troupe_text_to_image_request_t, progress)},
    {0},
};

static const troupe_text_to_image_reply_t reply_defaults = {0};

static const tr_field_t reply_fields[] = {
    {"format", TR_FIELD_CHOICE, TR_AT(troupe_text_to_image_reply_t, format),
     .choices = formats},
    {"width", TR_FIELD_WHOLE, TR_AT(troupe_text_to_image_reply_t, width), .max = 1e9},
    {"height", TR_FIELD_WHOLE, TR_AT(troupe_text_to_image_reply_t, height), .max = 1e9},
    {"model", TR_FIELD_TEXT, TR_AT(troupe_text_to_image_reply_t, model), .max = 256},
    {0},
};

const troupe_contract_t troupe_text_to_image_contract = {
    .name = "text_to_image",
    .method = "generate",
    .request =
        {
            TR_FORM("a request of text_to_image", troupe_text_to_image_request_t, request),
            .subject = {"prompt", .kind = TR_SUBJECT_TEXT,
                        TR_AT(troupe_text_to_image_request_t, prompt)},
        },
    .reply =
        {
            TR_REPLY_FORM("a reply of text_to_image", troupe_text_to_image_reply_t, reply),
            .subject = {"image", .kind = TR_SUBJECT_BYTES,
                        TR_COUNTED(troupe_text_to_image_reply_t, data, size)},
        },
};
