/* audit.c - compares the books with the journal, when the bank is closed
 *
 * It knows nothing of how the bank works: only that of each transfer there is one end, that one
 * that was done took its amount once from one account and brought it once to the other, that
 * one that was refused moved nothing, and that no balance was ever below zero.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bank.h"
#include "ledger.h"

struct record {
    transfer_t transfer;
    int n_begun;
    int n_done;
    int n_refused;
    int n_taken;   /* of its amount, from its account */
    int n_brought; /* likewise */
};

struct audit {
    struct record *records; /* by number */
    int64_t n_records;
    int64_t account; /* whose book is being read */
    int64_t balance;
    int64_t n_refused;
    int n_wrong;
};

static void complain(struct audit *audit, const char *what, int64_t number)
{
    printf("WRONG: %s %lld\n", what, (long long)number);
    audit->n_wrong++;
}

static void read_journal(void *arg, const char *line)
{
    struct audit *audit = arg;
    char word[16];
    long long number = -1, from, to, amount;
    int n = sscanf(line, "%15s %lld %lld %lld %lld", word, &number, &from, &to, &amount);
    if (n < 2 || number < 0 || number >= audit->n_records) {
        complain(audit, "journal of transfer", number);
        return;
    }
    struct record *record = &audit->records[number];
    if (n == 5) {
        record->transfer = (transfer_t){number, from, to, amount};
        record->n_begun++;
    }
    record->n_done += strcmp(word, "done") == 0;
    record->n_refused += strcmp(word, "refused") == 0;
}

static void read_booking(void *arg, const char *line)
{
    struct audit *audit = arg;
    long long number = -1, amount = 0;
    if (sscanf(line, "%lld %lld", &number, &amount) != 2 || number < 0 ||
        number >= audit->n_records) {
        complain(audit, "booking of transfer", number);
        return;
    }
    struct record *record = &audit->records[number];
    bool is_taken =
        audit->account == record->transfer.from && amount == -record->transfer.amount;
    bool is_brought =
        audit->account == record->transfer.to && amount == record->transfer.amount;
    if (amount != 0 && !is_taken && !is_brought) {
        complain(audit, "amount or account of transfer", number);
    }
    record->n_taken += is_taken;
    record->n_brought += is_brought;
    audit->balance += amount;
    if (audit->balance < 0) {
        complain(audit, "balance below zero after transfer", number);
    }
}

static void judge(struct audit *audit, const struct record *record, int64_t number)
{
    int n_moves = record->n_done ? 1 : 0;
    if (record->n_begun != 1 || record->n_done + record->n_refused != 1) {
        complain(audit, "begin and end of transfer", number);
    } else if (record->n_taken != n_moves || record->n_brought != n_moves) {
        complain(audit, "bookings of transfer", number);
    }
    audit->n_refused += record->n_refused;
}

static void read_book(struct audit *audit, const char *folder, const char *name,
                      ledger_line_fn *on_line)
{
    int ledger = ledger_open(folder, name, on_line, audit);
    if (ledger < 0) {
        complain(audit, name, audit->account);
    } else {
        close(ledger);
    }
}

static int64_t read_accounts(struct audit *audit, const char *folder)
{
    int64_t total = 0;
    for (audit->account = 0; audit->account < N_ACCOUNTS; audit->account++) {
        char name[32];
        snprintf(name, sizeof name, "account-%lld", (long long)audit->account);
        audit->balance = OPENING_BALANCE;
        read_book(audit, folder, name, read_booking);
        total += audit->balance;
    }
    return total;
}

bool audit(const char *folder, int64_t n_transfers)
{
    struct audit audit = {.records = calloc((size_t)n_transfers, sizeof(struct record)),
                          .n_records = n_transfers};
    if (!audit.records) {
        return false;
    }
    read_book(&audit, folder, "journal", read_journal);
    int64_t total = read_accounts(&audit, folder);
    for (int64_t number = 0; number < n_transfers; number++) {
        judge(&audit, &audit.records[number], number);
    }
    free(audit.records);
    if (total != N_ACCOUNTS * OPENING_BALANCE) {
        complain(&audit, "total", total);
    }
    if (audit.n_wrong == 0) {
        printf("%lld were refused for want of money\n", (long long)audit.n_refused);
        printf("%lld transfers, each once; %d accounts have %lld together, as before\n",
               (long long)n_transfers, N_ACCOUNTS, (long long)total);
    }
    return audit.n_wrong == 0;
}
