/* actors/dead_letter.h - what nobody took, counted and told
 *
 * Any thread.
 */

#ifndef TROUPE_ACTORS_DEAD_LETTER_H
#define TROUPE_ACTORS_DEAD_LETTER_H

#include "actors/runtime.h"
#include "mailbox/letter.h"

/* Take a letter that was meant for `to` and could not be delivered, because of `why`: it is
 * counted, told as an event, and destroyed. *letter_p becomes NULL. */
void tr_dead_letter_take(tr_runtime_t *runtime, const char *to, const char *why,
                         tr_letter_t **letter_p);

/* The same of a message that somebody else has in his hands, and will not take to its end. */
void tr_dead_letter_tell(tr_runtime_t *runtime, const char *to, const char *from,
                         const char *what, const char *why);

#endif
