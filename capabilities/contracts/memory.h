/* capabilities/contracts/memory.h - where what was unpacked lies, to be let go of at once
 *
 * It also remembers in which form a request came, as its reply goes back in the same.
 */

#ifndef TROUPE_CAPABILITIES_CONTRACTS_MEMORY_H
#define TROUPE_CAPABILITIES_CONTRACTS_MEMORY_H

#include <stdbool.h>

#include <msgpack.h>

#include <troupe/contract.h>

struct troupe_contract_memory {
    msgpack_zone zone;
    troupe_message_t *message; /* shared: bytes are not copied; NULL: none */
    bool is_json;
};

TROUPE_NODISCARD troupe_contract_memory_t *tr_contract_memory_new(void);

/* Room for `count` times `size` bytes, aligned for anything, zeroed; NULL when out of memory.
 */
TROUPE_NODISCARD void *tr_contract_room(troupe_contract_memory_t *self, size_t count,
                                        size_t size);

/* A NUL-terminated copy; NULL likewise. */
TROUPE_NODISCARD char *tr_contract_copy(troupe_contract_memory_t *self, const char *text,
                                        size_t size);

#endif
