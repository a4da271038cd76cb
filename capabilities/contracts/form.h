/* capabilities/contracts/form.h - the shape of a request or a reply, as tables
 *
 * A contract is two forms. A form says for each member of a public struct how it is called,
 * what it may be and where it lies, so that to read, check, write and describe are one function
 * each for all capabilities, and what is documented is what is checked.
 *
 * Constant, no code but for rules that concern several members.
 */

#ifndef TROUPE_CAPABILITIES_CONTRACTS_FORM_H
#define TROUPE_CAPABILITIES_CONTRACTS_FORM_H

#include <stddef.h>

#include <troupe/contract.h>

typedef enum tr_field_kind {
    TR_FIELD_FLAG,   /* bool */
    TR_FIELD_WHOLE,  /* int64_t */
    TR_FIELD_REAL,   /* double */
    TR_FIELD_TEXT,   /* const char *, NULL: none */
    TR_FIELD_CHOICE, /* an enum that counts from 0, without gaps */
    TR_FIELD_TEXTS,  /* const char *const *, and how many */
    TR_FIELD_ROWS,   /* an array of structs, and how many */
} tr_field_kind_t;

typedef struct tr_field tr_field_t;

/* The structs of an array. */
typedef struct tr_row {
    size_t size;
    const tr_field_t *fields;
} tr_row_t;

struct tr_field {
    const char *name; /* NULL ends a table */
    tr_field_kind_t kind;
    size_t offset;
    size_t count_offset;        /* of texts and rows: of a size_t */
    double min;                 /* of numbers */
    double max;                 /* of numbers; of texts bytes, each */
    size_t max_count;           /* of texts and rows */
    const char *const *choices; /* NULL ends them */
    const tr_row_t *row;
    bool is_needed;
};

/* What lies in frame 0. */
typedef enum tr_subject_kind {
    TR_SUBJECT_TEXT,   /* const char * */
    TR_SUBJECT_TEXTS,  /* likewise, and how many: one as it is, several as an array */
    TR_SUBJECT_IMAGE,  /* troupe_image_t, whose path is in frame 1 */
    TR_SUBJECT_IMAGES, /* an array of these, and how many; likewise */
    TR_SUBJECT_BYTES,  /* const void *, and how many */
    TR_SUBJECT_VALUES, /* const float *, and how many; rows of `dimension` */
} tr_subject_kind_t;

typedef struct tr_subject {
    const char *name; /* in the JSON form */
    const char *one;  /* of texts, images and values: that of a single one */
    tr_subject_kind_t kind;
    size_t offset;
    size_t count_offset;
    size_t dimension_offset; /* of values: of an int64_t */
    bool may_lack;           /* of texts: NULL is fine */
} tr_subject_t;

/* A rule that concerns several members. */
typedef troupe_status_t(tr_form_rule_fn)(const void *whole, troupe_why_t *why);

typedef struct tr_form {
    const char *what; /* for sentences: "a request of vision" */
    size_t size;
    const void *defaults; /* `size` bytes */
    size_t memory_offset;
    tr_subject_t subject;
    const tr_field_t *fields;
    tr_form_rule_fn *rule; /* NULL: none */
    size_t max_details;    /* bytes of frame 1 */
    bool is_reply;         /* all is written, not only what differs from the default */
} tr_form_t;

struct troupe_contract {
    const char *name;
    const char *method;
    const char *batch_method; /* NULL: there is none */
    tr_form_t request;
    tr_form_t reply;
};

/* ---- to write tables by ---- */

#define TR_AT(type, member) .offset = offsetof(type, member)
#define TR_COUNTED(type, member, n_member)                                                     \
    .offset = offsetof(type, member), .count_offset = offsetof(type, n_member)

/* Of the tables NAME_fields and NAME_defaults. */
#define TR_FORM_OF(sentence, type, name)                                                       \
    .what = (sentence), .size = sizeof(type), .defaults = &name##_defaults,                    \
    .memory_offset = offsetof(type, memory), .fields = name##_fields

#define TR_FORM(sentence, type, name)                                                          \
    TR_FORM_OF(sentence, type, name), .max_details = TROUPE_MAX_DETAILS

/* Replies come from a worker, which is trusted with more. */
#define TR_REPLY_FORM(sentence, type, name)                                                    \
    TR_FORM_OF(sentence, type, name), .max_details = 16 * TROUPE_MAX_DETAILS, .is_reply = true

static inline const void *tr_form_at(const void *whole, size_t offset)
{
    return (const char *)whole + offset;
}

static inline size_t tr_form_count(const void *whole, size_t count_offset)
{
    return *(const size_t *)tr_form_at(whole, count_offset);
}

#endif
