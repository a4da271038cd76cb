/* table.c - sees who eats, and counts
 *
 * It is asked with a note when a meal begins and when it ends, and answers how many he has had.
 * So nothing is forgotten when a philosopher fails; and it fails itself if two neighbours eat
 * at once.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "philosophers.h"

struct table {
    int64_t meals_each;
    bool is_eating[N_SEATS];
    int64_t n_meals[N_SEATS];
};

static bool all_have_eaten(const struct table *table)
{
    for (int seat = 0; seat < N_SEATS; seat++) {
        if (table->n_meals[seat] < table->meals_each) {
            return false;
        }
    }
    return true;
}

static int table_receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    struct table *table = state;
    struct note note;
    memcpy(&note, troupe_message_data(message, 0), sizeof note);
    if (note.begins && (table->is_eating[(note.seat + 1) % N_SEATS] ||
                        table->is_eating[(note.seat + N_SEATS - 1) % N_SEATS])) {
        troupe_worker_explain(self, "%s eats beside another one",
                              troupe_ref_name(troupe_message_sender(message)));
        return -1;
    }
    table->is_eating[note.seat] = note.begins;
    table->n_meals[note.seat] += !note.begins;
    troupe_message_t *count = troupe_message_from(&table->n_meals[note.seat], sizeof(int64_t));
    troupe_answer(self, &count);
    if (all_have_eaten(table)) {
        printf("%d philosophers, %lld meals each, never two neighbours at once\n", N_SEATS,
               (long long)table->meals_each);
        troupe_worker_end(self);
    }
    return 0;
}

static int table_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table || troupe_args_number(args, "meals", &table->meals_each) != TROUPE_OK ||
        table->meals_each < 2) {
        troupe_worker_explain(self, "two meals each or more");
        free(table);
        return -1;
    }
    *state_p = table;
    return TROUPE_INIT_OK;
}

static void table_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
}

const troupe_behaviour_t table_behaviour = {.name = "table",
                                            .init = table_init,
                                            .receive = table_receive,
                                            .terminate = table_terminate};
