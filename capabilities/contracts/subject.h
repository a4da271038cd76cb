/* capabilities/contracts/subject.h - frame 0: what a request or a reply is about, as it is
 *
 * In the JSON form it is a value among the others, and bytes are {"base64": "..."}. Pure.
 */

#ifndef TROUPE_CAPABILITIES_CONTRACTS_SUBJECT_H
#define TROUPE_CAPABILITIES_CONTRACTS_SUBJECT_H

#include <stdbool.h>

#include <msgpack.h>

#include "capabilities/contracts/form.h"
#include "capabilities/contracts/memory.h"

/* The keys of frame 1 that belong to the subject; NULL ends them. */
const char *const *tr_subject_keys(const tr_subject_t *subject);

/* Take a frame, and what belongs to it in `map`, into `whole`. Bytes are borrowed from the
 * frame; all else is copied. */
TROUPE_NODISCARD troupe_status_t tr_subject_read(const tr_subject_t *subject, bool is_batch,
                                                 const void *data, size_t size,
                                                 const msgpack_object *map,
                                                 troupe_contract_memory_t *memory, void *whole,
                                                 troupe_why_t *why);

/* Append the frame. */
TROUPE_NODISCARD troupe_status_t tr_subject_write(const tr_subject_t *subject, bool is_batch,
                                                  const void *whole, troupe_message_t *to);

/* The path that belongs to the subject; NULL when there is none. */
const char *tr_subject_path(const tr_subject_t *subject, bool is_batch, const void *whole);

/* How many subjects there are, where there may be several; else 1. */
size_t tr_subject_count(const tr_subject_t *subject, const void *whole);

/* Its key in the JSON form. */
const char *tr_subject_name(const tr_subject_t *subject, bool is_batch);

/* Take a value of the JSON form. */
TROUPE_NODISCARD troupe_status_t tr_subject_from_json(const tr_subject_t *subject,
                                                      bool is_batch,
                                                      const msgpack_object *object,
                                                      troupe_contract_memory_t *memory,
                                                      void *whole, troupe_why_t *why);

/* Write a value of the JSON form. False when out of memory. */
TROUPE_NODISCARD bool tr_subject_to_json(const tr_subject_t *subject, bool is_batch,
                                         const void *whole, msgpack_packer *packer);

#endif
