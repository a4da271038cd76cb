/* Bank transaction: a teller has an account credited, which asks another account to be debited,
 * and does nothing else until that has answered; then it tells the teller. What came meanwhile
 * it takes one after another, as the suite's account does. A round is a transaction. The other
 * account comes after the first one, so no circle of accounts waits. */

#include "bench/savina/savina.h"

#include <string.h>

#define PATIENCE_MS 40000

enum { TELLER };

typedef struct account {
    long balance; /* of the teller: what it has sent, less what came back */
    long n_done;  /* of the teller */
    bool is_waiting;
} account_t;

/* ---- the teller ---- */

static void send_credits(troupe_worker_t *self, account_t *teller)
{
    bench_random_t random = {123456};
    long n_accounts = savina_actors() - 1;
    for (long i = 0; i < savina_rounds(); i++) {
        long from = (long)(bench_random_bits(&random) % (uint64_t)(n_accounts / 10 * 8));
        long to =
            from + 1 + (long)(bench_random_bits(&random) % (uint64_t)(n_accounts - from - 1));
        long amount = (long)(bench_random_bits(&random) % 1000);
        teller->balance += amount;
        savina_send(self, savina_cell(TELLER + 1 + from),
                    (savina_note_t){.kind = SAVINA_CREDIT,
                                    .index = (int)(TELLER + 1 + to),
                                    .number = amount});
    }
}

static void be_teller(troupe_worker_t *self, account_t *teller, const savina_note_t *note)
{
    if (note->kind == SAVINA_BEGIN) {
        send_credits(self, teller);
        return;
    }
    teller->balance -= note->number;
    if (++teller->n_done == savina_rounds()) {
        if (teller->balance != 0) {
            bench_give_up("%ld was lost", teller->balance);
        }
        savina_done(teller->n_done);
    }
}

/* ---- an account ---- */

static void put_aside(troupe_worker_t *self)
{
    if (troupe_stash(self) != TROUPE_OK) {
        bench_give_up("too much waits for an account");
    }
}

static int take_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    account_t *account = arg;
    savina_note_t note;
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        bench_give_up("an account did not answer: %s", troupe_reply_text(reply));
    }
    memcpy(&note, troupe_message_data(troupe_reply_message(reply), 0), sizeof note);
    account->is_waiting = false;
    savina_send(self, savina_cell(TELLER),
                (savina_note_t){.kind = SAVINA_TELL, .number = note.number});
    troupe_unstash_one(self);
    return 0;
}

static void credit(troupe_worker_t *self, account_t *account, const savina_note_t *note)
{
    troupe_message_t *debit =
        savina_message((savina_note_t){.kind = SAVINA_DEBIT, .number = note->number});
    uint64_t id;
    account->balance += note->number;
    account->is_waiting = true;
    if (troupe_ask(self, savina_cell(note->index), &debit, PATIENCE_MS, take_answer, account,
                   &id) != TROUPE_OK) {
        bench_give_up("out of memory");
    }
}

static void receive(troupe_worker_t *self, long index, void *own, const savina_note_t *note,
                    const troupe_message_t *message)
{
    (void)message;
    account_t *account = own;
    if (index == TELLER) {
        be_teller(self, account, note);
    } else if (account->is_waiting) {
        put_aside(self);
    } else if (note->kind == SAVINA_CREDIT) {
        credit(self, account, note);
    } else {
        troupe_message_t *answer = savina_message(*note);
        account->balance -= note->number;
        troupe_answer(self, &answer);
        troupe_unstash_one(self);
    }
}

static void begin(troupe_worker_t *driver)
{
    savina_send(driver, savina_cell(TELLER), (savina_note_t){.kind = SAVINA_BEGIN});
}

const savina_workload_t savina_bank = {
    .name = "bank",
    .actors = 1001,
    .rounds = 50000,
    .own_size = sizeof(account_t),
    .receive = receive,
    .begin = begin,
};
