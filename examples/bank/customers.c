/* customers.c - order transfers, a few at a time, each until it is known how it ended
 *
 * What they want follows from the number of the transfer, so they want the same in each life
 * and each run of the program.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bank.h"

#define N_AT_A_TIME 8

struct customers;

struct wish {
    struct customers *customers;
    int64_t number;
};

struct customers {
    int64_t n_transfers;
    int64_t n_ordered;
    int64_t n_ended;
    int64_t n_refused;
    struct wish wishes[N_AT_A_TIME];
};

/* Numbers that look like drawn by lot (the finalizer of MurmurHash3). */
static uint64_t scatter(uint64_t number)
{
    number = (number ^ number >> 33) * UINT64_C(0xff51afd7ed558ccd);
    number = (number ^ number >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return number ^ number >> 33;
}

static transfer_t transfer_of(int64_t number)
{
    uint64_t lot = scatter((uint64_t)number + 1);
    int64_t from = (int64_t)(lot % N_ACCOUNTS);
    int64_t distance = 1 + (int64_t)(lot / N_ACCOUNTS % (N_ACCOUNTS - 1));
    return (transfer_t){.number = number,
                        .from = from,
                        .to = (from + distance) % N_ACCOUNTS,
                        .amount = 1 + (int64_t)(lot >> 32) % (OPENING_BALANCE / 2)};
}

static int on_end(troupe_worker_t *self, const troupe_reply_t *reply, void *arg);

static int order(troupe_worker_t *self, struct wish *wish)
{
    transfer_t transfer = transfer_of(wish->number);
    troupe_message_t *message = troupe_message_from(&transfer, sizeof transfer);
    uint64_t id;
    return message ? troupe_ask_named(self, "teller", &message, 0, on_end, wish, &id) : -1;
}

static int order_next(troupe_worker_t *self, struct wish *wish)
{
    struct customers *customers = wish->customers;
    if (customers->n_ordered < customers->n_transfers) {
        wish->number = customers->n_ordered++;
        return order(self, wish);
    }
    if (customers->n_ended == customers->n_transfers) {
        troupe_worker_end(self);
    }
    return 0;
}

static int on_end(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    struct wish *wish = arg;
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        return order(self, wish); /* nobody knows: the same again */
    }
    if (++wish->customers->n_ended % 100 == 0) {
        printf("%lld transfers have ended\n", (long long)wish->customers->n_ended);
    }
    return order_next(self, wish);
}

/* The tick: begin. */
static int receive(troupe_worker_t *self, const troupe_message_t *tick, void *state)
{
    (void)tick;
    struct customers *customers = state;
    for (size_t i = 0; i < N_AT_A_TIME; i++) {
        customers->wishes[i].customers = customers;
        if (order_next(self, &customers->wishes[i])) {
            return -1;
        }
    }
    return 0;
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    struct customers *customers = calloc(1, sizeof *customers);
    uint64_t id;
    if (!customers ||
        troupe_args_number(args, "transfers", &customers->n_transfers) != TROUPE_OK ||
        troupe_timer_start(self, 0, 0, NULL, &id) != TROUPE_OK) {
        free(customers);
        return -1;
    }
    *state_p = customers;
    return TROUPE_INIT_OK;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
}

const troupe_behaviour_t customers_behaviour = {
    .name = "customers", .init = init, .receive = receive, .terminate = terminate};
