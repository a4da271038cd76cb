/* capabilities/contracts/details.h - frame 1: what a struct holds by name, as msgpack
 *
 * Reading looks at names and types; whether values are within their limits is looked at by
 * check.h afterwards. JSON becomes msgpack first (json_text.h), so there is one reader. Pure.
 */

#ifndef TROUPE_CAPABILITIES_CONTRACTS_DETAILS_H
#define TROUPE_CAPABILITIES_CONTRACTS_DETAILS_H

#include <msgpack.h>

#include "capabilities/contracts/form.h"
#include "capabilities/contracts/memory.h"

/* Unpack a frame of msgpack, or JSON that begins with '{', into `memory`; nothing at all is an
 * empty map. TROUPE_ERR_INVALID when it is no map. */
TROUPE_NODISCARD troupe_status_t tr_details_unpack(const void *data, size_t size,
                                                   size_t max_size,
                                                   troupe_contract_memory_t *memory,
                                                   msgpack_object *map_out, troupe_why_t *why);

/* Take what `map` has into `whole`, but for the keys `passed` (NULL ends them): what is not
 * there, or nil, stays as it is. A key that the form does not know, one that is there twice, or
 * a value of another type is TROUPE_ERR_INVALID. */
TROUPE_NODISCARD troupe_status_t tr_details_read(const tr_form_t *form,
                                                 const msgpack_object *map,
                                                 const char *const *passed,
                                                 troupe_contract_memory_t *memory, void *whole,
                                                 troupe_why_t *why);

/* How many pairs tr_details_write writes. */
size_t tr_details_count(const tr_form_t *form, const void *whole);

/* Write these pairs. False when out of memory. */
TROUPE_NODISCARD bool tr_details_write(const tr_form_t *form, const void *whole,
                                       msgpack_packer *packer);

TROUPE_NODISCARD bool tr_pack_text(msgpack_packer *packer, const char *text, size_t size);

/* Whether `object` is a str that says `text`. */
bool tr_object_says(const msgpack_object *object, const char *text);

#endif
