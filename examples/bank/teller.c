/* teller.c - sees each transfer through: takes the money here, brings it there
 *
 * Its journal says that a transfer has begun before anything is done, and how it ended when all
 * is. A life that finds one without an end does every step of it again: that is right, because
 * an account books a transfer once. So there is no moment at which it would be wrong to fail.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errand.h"
#include "ledger.h"

struct teller {
    int journal;
    int64_t n_errands;
    struct errand errands[]; /* by number of the transfer */
};

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    struct teller *teller = state;
    transfer_t transfer;
    memcpy(&transfer, troupe_message_data(message, 0), sizeof transfer);
    struct errand *errand = &teller->errands[transfer.number];
    if (errand->question) {
        troupe_question_refuse(&errand->question, "asked again");
    }
    errand->question = troupe_take_question(self);
    switch (errand->progress) {
    case UNKNOWN:
        return errand_begin(self, errand, transfer);
    case BEGUN:
        return 0;
    default:
        errand_tell(errand);
        return 0;
    }
}

/* ---- a life ---- */

static void take_line(void *arg, const char *line)
{
    struct teller *teller = arg;
    char word[16];
    long long number, from, to, amount;
    int n = sscanf(line, "%15s %lld %lld %lld %lld", word, &number, &from, &to, &amount);
    if (n < 2 || number < 0 || number >= teller->n_errands) {
        return;
    }
    struct errand *errand = &teller->errands[number];
    if (n == 5) {
        errand->transfer = (transfer_t){number, from, to, amount};
        errand->progress = BEGUN;
    } else {
        errand->progress = strcmp(word, "done") == 0 ? DONE : REFUSED;
    }
}

static int take_up(troupe_worker_t *self, struct teller *teller)
{
    int64_t n_open = 0;
    int64_t n_known = 0;
    for (int64_t i = 0; i < teller->n_errands; i++) {
        struct errand *errand = &teller->errands[i];
        errand->journal = teller->journal;
        n_known += errand->progress != UNKNOWN;
        if (errand->progress == BEGUN) {
            n_open++;
            if (errand_go_on(self, errand)) {
                return -1;
            }
        }
    }
    if (n_known > 0) {
        printf("  teller is back with %lld transfers, %lld of them to be finished\n",
               (long long)n_known, (long long)n_open);
    }
    return 0;
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    int64_t n_transfers = 0;
    if (troupe_args_number(args, "transfers", &n_transfers) != TROUPE_OK) {
        return -1;
    }
    struct teller *teller =
        calloc(1, sizeof *teller + (size_t)n_transfers * sizeof teller->errands[0]);
    if (!teller) {
        return -1;
    }
    teller->n_errands = n_transfers;
    teller->journal =
        ledger_open(troupe_args_get_or(args, "folder", "."), "journal", take_line, teller);
    if (teller->journal < 0 || take_up(self, teller)) {
        troupe_worker_explain(self, "no journal");
        close(teller->journal);
        free(teller);
        return -1;
    }
    *state_p = teller;
    return TROUPE_INIT_OK;
}

/* Who was promised an answer asks the next life. */
static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    struct teller *teller = *state_p;
    for (int64_t i = 0; i < teller->n_errands; i++) {
        if (teller->errands[i].question) {
            troupe_question_refuse(&teller->errands[i].question, "the teller has failed");
        }
    }
    close(teller->journal);
    free(teller);
}

const troupe_behaviour_t teller_behaviour = {
    .name = "teller", .init = init, .receive = receive, .terminate = terminate};
