/* account.c - books each transfer once, whatever happens
 *
 * Its book is on the disk before anybody hears of it. A line is the number of a transfer and
 * its amount, or 0 when there was too little money: once decided it stays so. Asked for the
 * same transfer again, in this life or another one, it gives the same answer and does nothing.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bank.h"
#include "ledger.h"

typedef enum decision { NONE, BOOKED, REFUSED } decision_t;

struct account {
    int book;
    int64_t balance;
    int64_t n_transfers; /* that there may be */
    int64_t n_decided;
    unsigned char decisions[]; /* by transfer */
};

static void note(struct account *account, int64_t number, int64_t amount)
{
    account->balance += amount;
    account->decisions[number] = amount ? BOOKED : REFUSED;
    account->n_decided++;
}

static void take_line(void *arg, const char *line)
{
    struct account *account = arg;
    long long number, amount;
    if (sscanf(line, "%lld %lld", &number, &amount) == 2 && number >= 0 &&
        number < account->n_transfers) {
        note(account, number, amount);
    }
}

/* The two places to fail at are those between which it must not matter. */
static int decide(troupe_worker_t *self, struct account *account, booking_t booking)
{
    int64_t amount = account->balance + booking.amount >= 0 ? booking.amount : 0;
    if (has_bad_luck(self, "before it has booked") ||
        !ledger_write(account->book, "%lld %lld", (long long)booking.number,
                      (long long)amount) ||
        has_bad_luck(self, "when it has booked, and before it says so")) {
        return -1;
    }
    note(account, booking.number, amount);
    return 0;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    struct account *account = state;
    booking_t booking;
    memcpy(&booking, troupe_message_data(message, 0), sizeof booking);
    if (account->decisions[booking.number] == NONE && decide(self, account, booking)) {
        return -1;
    }
    if (account->decisions[booking.number] == REFUSED) {
        troupe_refuse(self, "too little money");
    } else {
        troupe_message_t *yes = NULL;
        troupe_answer(self, &yes);
    }
    return 0;
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    int64_t n_transfers = 0;
    if (troupe_args_number(args, "transfers", &n_transfers) != TROUPE_OK) {
        return -1;
    }
    struct account *account = calloc(1, sizeof *account + (size_t)n_transfers);
    if (!account) {
        return -1;
    }
    account->balance = OPENING_BALANCE;
    account->n_transfers = n_transfers;
    account->book = ledger_open(troupe_args_get_or(args, "folder", "."),
                                troupe_worker_name(self), take_line, account);
    if (account->book < 0) {
        troupe_worker_explain(self, "no book");
        free(account);
        return -1;
    }
    if (account->n_decided > 0) {
        printf("  %s is back with %lld bookings\n", troupe_worker_name(self),
               (long long)account->n_decided);
    }
    *state_p = account;
    return TROUPE_INIT_OK;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    struct account *account = *state_p;
    close(account->book);
    free(account);
}

const troupe_behaviour_t account_behaviour = {
    .name = "account", .init = init, .receive = receive, .terminate = terminate};
