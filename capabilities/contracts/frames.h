/* capabilities/contracts/frames.h - a struct of a form as a message, and back */

#ifndef TROUPE_CAPABILITIES_CONTRACTS_FRAMES_H
#define TROUPE_CAPABILITIES_CONTRACTS_FRAMES_H

#include <stdbool.h>

#include "capabilities/contracts/form.h"
#include "capabilities/contracts/memory.h"

/* The member of `whole` that says where it lies. */
static inline troupe_contract_memory_t **tr_form_memory(const tr_form_t *form, void *whole)
{
    return (troupe_contract_memory_t **)(void *)((char *)whole + form->memory_offset);
}

/* Whether it has other than one subject. */
bool tr_form_is_batch(const tr_form_t *form, const void *whole);

/* Check it, and make a message of it. */
TROUPE_NODISCARD troupe_status_t tr_form_pack(const tr_form_t *form, const void *whole,
                                              bool is_batch, bool is_json,
                                              troupe_message_t **out, troupe_why_t *why);

/* Fill `whole` from a message, and check it. */
TROUPE_NODISCARD troupe_status_t tr_form_unpack(const tr_form_t *form, bool is_batch,
                                                const troupe_message_t *message, void *whole,
                                                troupe_why_t *why);

/* Begin to fill `whole`: its defaults, and a new memory. */
TROUPE_NODISCARD troupe_status_t tr_form_begin(const tr_form_t *form, void *whole,
                                               troupe_contract_memory_t **memory_out);

#endif
