/* bank.h - what those in the bank say to each other */

#ifndef BANK_H
#define BANK_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe.h>

#define N_ACCOUNTS      8
#define OPENING_BALANCE 1000

/* What customers ask the teller for. The number is theirs, and makes it the same transfer
 * however often they ask for it. */
typedef struct transfer {
    int64_t number; /* from 0 */
    int64_t from;   /* an account, from 0 */
    int64_t to;     /* another one */
    int64_t amount;
} transfer_t;

/* What the teller asks an account for; answered when it is booked, or refused for want of
 * money, and always alike. */
typedef struct booking {
    int64_t number; /* of the transfer */
    int64_t amount; /* less than 0: it leaves the account */
} booking_t;

extern const troupe_behaviour_t account_behaviour;
extern const troupe_behaviour_t teller_behaviour;
extern const troupe_behaviour_t customers_behaviour;

/* So many of a hundred times that an actor asks for it, it is to fail. */
void set_bad_luck(int percent);

/* Whether the actor is to fail here: then it must return an error. */
bool has_bad_luck(troupe_worker_t *self, const char *where);

/* Read all books in `folder`, tell what is wrong, and return whether everything is right. */
bool audit(const char *folder, int64_t n_transfers);

#endif
