/* capabilities/contracts/check.h - whether a filled struct keeps to its form
 *
 * The one place where limits are looked at: for what was unpacked, for what is to be packed,
 * and for what was read from JSON. Pure.
 */

#ifndef TROUPE_CAPABILITIES_CONTRACTS_CHECK_H
#define TROUPE_CAPABILITIES_CONTRACTS_CHECK_H

#include "capabilities/contracts/form.h"

/* TROUPE_ERR_INVALID, or TROUPE_LIMIT when it is fine but too much, with *why set. */
TROUPE_NODISCARD troupe_status_t tr_form_check(const tr_form_t *form, const void *whole,
                                               troupe_why_t *why);

#endif
