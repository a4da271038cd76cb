/* troupe/text_embedding.h - the contract of `text_embedding`: texts, a vector for each back
 *
 * Method `embed` of one text, `embed_batch` of several: a request with `n_texts` other than 1
 * is packed as the latter. The subject is the text, or an array of texts; that of the reply is
 * the values of all vectors, one behind the other. troupe/contract.h says what the functions
 * do.
 */

#ifndef TROUPE_TEXT_EMBEDDING_H
#define TROUPE_TEXT_EMBEDDING_H

#include <stdint.h>

#include <troupe/contract.h>

TROUPE_BEGIN_DECLS

/* What the vectors are for; some models make other ones then. */
typedef enum troupe_embedding_task {
    TROUPE_EMBEDDING_SIMILARITY, /* "similarity": to be compared with one another */
    TROUPE_EMBEDDING_QUERY,      /* "query": to be compared with those of documents */
    TROUPE_EMBEDDING_DOCUMENT,   /* "document" */
} troupe_embedding_task_t;

/* What is asked. */
typedef struct troupe_text_embedding_request {
    const char *const *texts;         /* what the vectors are of */
    size_t n_texts;                   /* 1 unless it is a batch */
    troupe_embedding_task_t task;     /* similarity */
    int64_t dimensions;               /* of the vectors; 0: the worker's, which is the most */
    troupe_contract_memory_t *memory; /* of what was unpacked; else NULL */
} troupe_text_embedding_request_t;

/* What comes back: `n_values` / `dimension` vectors. */
typedef struct troupe_text_embedding_reply {
    const float *values;              /* one vector behind the other */
    size_t n_values;                  /* of all of them */
    int64_t dimension;                /* values of each vector */
    const char *model;                /* vectors of different models cannot be compared */
    troupe_contract_memory_t *memory; /* of what was unpacked; else NULL */
} troupe_text_embedding_reply_t;

TROUPE_CONTRACT(text_embedding)

TROUPE_END_DECLS

#endif
