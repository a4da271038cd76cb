/* philosopher.c - takes two forks, eats, puts them back, and is hungry again
 *
 * Each step is an ask, whose answer begins the next one. Whatever goes wrong is an error, and
 * so the end of this life: in the next one he begins at the first step.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "philosophers.h"

static bool is_fine(const troupe_reply_t *reply)
{
    return troupe_reply_outcome(reply) == TROUPE_OUTCOME_OK;
}

struct philosopher {
    int64_t seat;
    int64_t meals_each;
    int64_t chokes_at; /* which meal; 0: none */
    troupe_ref_t *first;
    troupe_ref_t *second;
    troupe_ref_t *table;
};

static int ask(troupe_worker_t *self, struct philosopher *philosopher, troupe_ref_t *whom,
               troupe_message_t *what, troupe_answer_fn *then)
{
    uint64_t id;
    return troupe_ask(self, whom, &what, 60000, then, philosopher, &id);
}

static int tell_table(troupe_worker_t *self, struct philosopher *philosopher, bool begins,
                      troupe_answer_fn *then)
{
    struct note note = {.seat = philosopher->seat, .begins = begins};
    troupe_message_t *message = troupe_message_from(&note, sizeof note);
    return message ? ask(self, philosopher, philosopher->table, message, then) : -1;
}

static int put_back(troupe_worker_t *self, troupe_ref_t *fork)
{
    troupe_message_t *here = troupe_message_new();
    return here ? troupe_send(self, fork, &here) : -1;
}

/* ---- the steps, the last one first ---- */

static int eat(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)arg;
    uint64_t id;
    return is_fine(reply) ? troupe_timer_start(self, 1, 0, NULL, &id) : -1;
}

static int begin_meal(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    return is_fine(reply) ? tell_table(self, arg, true, eat) : -1;
}

static int take_second(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    struct philosopher *philosopher = arg;
    return is_fine(reply) ? ask(self, philosopher, philosopher->second, NULL, begin_meal) : -1;
}

static int take_first(troupe_worker_t *self, struct philosopher *philosopher)
{
    return ask(self, philosopher, philosopher->first, NULL, take_second);
}

static int rise(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    struct philosopher *philosopher = arg;
    int64_t n_meals;
    if (!is_fine(reply)) {
        return -1;
    }
    memcpy(&n_meals, troupe_message_data(troupe_reply_message(reply), 0), sizeof n_meals);
    if (n_meals == philosopher->chokes_at) {
        printf("%s chokes with two forks in his hands\n", troupe_worker_name(self));
        troupe_worker_explain(self, "choked");
        return -1;
    }
    if (put_back(self, philosopher->first) || put_back(self, philosopher->second)) {
        return -1;
    }
    return n_meals < philosopher->meals_each ? take_first(self, philosopher) : 0;
}

/* The tick: the plate is empty. */
static int receive(troupe_worker_t *self, const troupe_message_t *tick, void *state)
{
    (void)tick;
    return tell_table(self, state, false, rise);
}

/* ---- a life ---- */

static troupe_ref_t *find_fork(troupe_worker_t *self, int64_t number)
{
    char name[16];
    snprintf(name, sizeof name, "fork-%d", (int)number);
    return troupe_find(self, name);
}

static void let_go(struct philosopher *philosopher)
{
    troupe_ref_release(&philosopher->first);
    troupe_ref_release(&philosopher->second);
    troupe_ref_release(&philosopher->table);
    free(philosopher);
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    struct philosopher *philosopher = calloc(1, sizeof *philosopher);
    if (!philosopher) {
        return -1;
    }
    bool is_placed = troupe_args_number(args, "seat", &philosopher->seat) == TROUPE_OK &&
                     troupe_args_number(args, "meals", &philosopher->meals_each) == TROUPE_OK;
    (void)!troupe_args_number(args, "chokes-at", &philosopher->chokes_at);
    int64_t right = (philosopher->seat + 1) % N_SEATS;
    bool is_last = right < philosopher->seat;
    philosopher->first = find_fork(self, is_last ? right : philosopher->seat);
    philosopher->second = find_fork(self, is_last ? philosopher->seat : right);
    philosopher->table = troupe_find(self, "table");
    if (!is_placed || !philosopher->first || !philosopher->second || !philosopher->table ||
        take_first(self, philosopher)) {
        let_go(philosopher);
        return -1;
    }
    *state_p = philosopher;
    return TROUPE_INIT_OK;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    let_go(*state_p);
}

const troupe_behaviour_t philosopher_behaviour = {
    .name = "philosopher", .init = init, .receive = receive, .terminate = terminate};
