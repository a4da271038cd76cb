/* mailbox/dead_letter.h - what nobody took, counted and shown
 *
 * Any thread.
 */

#ifndef TROUPE_MAILBOX_DEAD_LETTER_H
#define TROUPE_MAILBOX_DEAD_LETTER_H

#include "base/metrics.h"
#include "mailbox/letter.h"

/* Take a letter that was meant for `to` and could not be delivered, because of `why`: it is
 * counted in `counter` (may be NULL), logged and destroyed. *letter_p becomes NULL. */
void tr_dead_letter_take(tr_metric_t *counter, const char *to, const char *why,
                         tr_letter_t **letter_p);

#endif
