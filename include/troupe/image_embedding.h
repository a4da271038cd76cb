/* troupe/image_embedding.h - the contract of `image_embedding`: images, a vector for each back
 *
 * Method `embed` of one image, `embed_batch` of several: a request with `n_images` other than 1
 * is packed as the latter. The subject is the image, or an array of images; that of the reply
 * is the values of all vectors, one behind the other. troupe/contract.h says what the functions
 * do.
 */

#ifndef TROUPE_IMAGE_EMBEDDING_H
#define TROUPE_IMAGE_EMBEDDING_H

#include <stdint.h>

#include <troupe/contract.h>

TROUPE_BEGIN_DECLS

/* What is asked. */
typedef struct troupe_image_embedding_request {
    const troupe_image_t *images;     /* what the vectors are of */
    size_t n_images;                  /* 1 unless it is a batch */
    int64_t dimensions;               /* of the vectors; 0: the worker's, which is the most */
    troupe_contract_memory_t *memory; /* of what was unpacked; else NULL */
} troupe_image_embedding_request_t;

/* What comes back: `n_values` / `dimension` vectors. */
typedef struct troupe_image_embedding_reply {
    const float *values;              /* one vector behind the other */
    size_t n_values;                  /* of all of them */
    int64_t dimension;                /* values of each vector */
    const char *model;                /* vectors of different models cannot be compared */
    troupe_contract_memory_t *memory; /* of what was unpacked; else NULL */
} troupe_image_embedding_reply_t;

TROUPE_CONTRACT(image_embedding)

TROUPE_END_DECLS

#endif
