/* errand.h - one transfer, step by step
 *
 * Its beginning is noted, the money is taken, then brought, then its end is noted. A step whose
 * answer was lost is asked for again: an account books a transfer once.
 */

#ifndef ERRAND_H
#define ERRAND_H

#include "bank.h"

typedef enum progress { UNKNOWN, BEGUN, DONE, REFUSED } progress_t;

struct errand {
    int journal; /* borrowed */
    transfer_t transfer;
    progress_t progress;
    troupe_question_t *question; /* of the customer who waits; or NULL */
};

/* Note it in the journal, and take the first step. Non-zero: the teller is broken. */
int errand_begin(troupe_worker_t *self, struct errand *errand, transfer_t transfer);

/* Do all steps of one that was begun in another life. Likewise. */
int errand_go_on(troupe_worker_t *self, struct errand *errand);

/* Tell the customer who waits, if one does, how it ended. */
void errand_tell(struct errand *errand);

#endif
