/* capabilities/contracts/contract.h - the methods of a contract */

#ifndef TROUPE_CAPABILITIES_CONTRACTS_CONTRACT_H
#define TROUPE_CAPABILITIES_CONTRACTS_CONTRACT_H

#include <stdbool.h>

#include <troupe/contract.h>

/* Whether `method` is that of a batch; NULL or "" is the first. TROUPE_ERR_INVALID when the
 * contract has no such method. */
TROUPE_NODISCARD troupe_status_t tr_contract_method(const troupe_contract_t *self,
                                                    const char *method, bool *is_batch_out,
                                                    troupe_why_t *why);

#endif
