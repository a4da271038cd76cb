#include "errand.h"

#include <stdio.h>

#include "ledger.h"

void errand_tell(struct errand *errand)
{
    if (errand->question) {
        troupe_message_t *answer =
            troupe_message_from_text(errand->progress == DONE ? "done" : "refused");
        troupe_question_answer(&errand->question, &answer);
    }
}

static int finish(troupe_worker_t *self, struct errand *errand, progress_t progress)
{
    if (has_bad_luck(self, "before it has noted an end") ||
        !ledger_write(errand->journal, "%s %lld", progress == DONE ? "done" : "refused",
                      (long long)errand->transfer.number) ||
        has_bad_luck(self, "when it has noted an end, and before it says so")) {
        return -1;
    }
    errand->progress = progress;
    errand_tell(errand);
    return 0;
}

/* ---- its steps, the last one first; one that was lost is tried again ---- */

static int book(troupe_worker_t *self, struct errand *errand, int64_t account, int64_t amount,
                troupe_answer_fn *on_answer)
{
    char name[32];
    snprintf(name, sizeof name, "account-%lld", (long long)account);
    booking_t booking = {.number = errand->transfer.number, .amount = amount};
    troupe_message_t *message = troupe_message_from(&booking, sizeof booking);
    uint64_t id;
    return message ? troupe_ask_named(self, name, &message, 0, on_answer, errand, &id) : -1;
}

static int on_brought(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    struct errand *errand = arg;
    if (troupe_reply_outcome(reply) == TROUPE_OUTCOME_OK) {
        return finish(self, errand, DONE);
    }
    return book(self, errand, errand->transfer.to, errand->transfer.amount, on_brought);
}

static int on_taken(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    struct errand *errand = arg;
    const transfer_t *transfer = &errand->transfer;
    switch (troupe_reply_outcome(reply)) {
    case TROUPE_OUTCOME_OK:
        return book(self, errand, transfer->to, transfer->amount, on_brought);
    case TROUPE_OUTCOME_WORKER_ERROR:
        return finish(self, errand, REFUSED);
    default:
        return book(self, errand, transfer->from, -transfer->amount, on_taken);
    }
}

int errand_go_on(troupe_worker_t *self, struct errand *errand)
{
    return book(self, errand, errand->transfer.from, -errand->transfer.amount, on_taken);
}

int errand_begin(troupe_worker_t *self, struct errand *errand, transfer_t transfer)
{
    if (has_bad_luck(self, "before it has noted a beginning") ||
        !ledger_write(errand->journal, "begin %lld %lld %lld %lld", (long long)transfer.number,
                      (long long)transfer.from, (long long)transfer.to,
                      (long long)transfer.amount) ||
        has_bad_luck(self, "when it has noted a beginning")) {
        return -1;
    }
    errand->transfer = transfer;
    errand->progress = BEGUN;
    return errand_go_on(self, errand);
}
