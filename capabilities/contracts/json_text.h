/* capabilities/contracts/json_text.h - JSON from strangers, as msgpack
 *
 * Strict: no text behind the end, no key twice, no NUL, UTF-8 only, no more than some dozen
 * containers inside one another. Pure.
 */

#ifndef TROUPE_CAPABILITIES_CONTRACTS_JSON_TEXT_H
#define TROUPE_CAPABILITIES_CONTRACTS_JSON_TEXT_H

#include <troupe/contract.h>

#include "base/builder.h"

/* Append to `to` the msgpack of the JSON object. TROUPE_ERR_INVALID with *why when it is none.
 */
TROUPE_NODISCARD troupe_status_t tr_json_text_pack(const char *json, size_t size,
                                                   tr_builder_t *to, troupe_why_t *why);

/* To give to msgpack_packer_init, to write to a tr_builder_t. */
int tr_builder_write(void *builder, const char *bytes, size_t size);

#endif
