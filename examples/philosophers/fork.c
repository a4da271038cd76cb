/* fork.c - a fork: an ask takes it, a plain message puts it back
 *
 * While it is in use the wish for it is put aside. It monitors who has it, so that it is back
 * on the table when he fails.
 */

#include <stdio.h>
#include <stdlib.h>

#include "philosophers.h"

struct fork {
    troupe_ref_t *holder; /* NULL: it is on the table */
    uint64_t monitor;
};

static void be_on_table(troupe_worker_t *self, struct fork *fork)
{
    troupe_ref_release(&fork->holder);
    troupe_unstash(self);
}

static int be_taken(troupe_worker_t *self, struct fork *fork, troupe_ref_t *by)
{
    if (fork->holder && fork->holder != by) {
        return troupe_stash(self);
    }
    if (!fork->holder) { /* else his last life died before he heard that he has it */
        fork->holder = troupe_ref_share(by);
        if (troupe_monitor(self, by, &fork->monitor) != TROUPE_OK) {
            return -1;
        }
    }
    troupe_message_t *yes = NULL;
    troupe_answer(self, &yes);
    return 0;
}

static int fork_receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    struct fork *fork = state;
    troupe_message_kind_t kind = troupe_message_kind(message);
    if (kind == TROUPE_MESSAGE_ASK) {
        return be_taken(self, fork, troupe_message_sender(message));
    }
    if (kind == TROUPE_MESSAGE_DOWN) {
        printf("a fork of %s is back on the table\n", troupe_ref_name(fork->holder));
    } else {
        troupe_demonitor(self, fork->monitor);
    }
    be_on_table(self, fork);
    return 0;
}

static int fork_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(struct fork));
    return *state_p ? TROUPE_INIT_OK : -1;
}

static void fork_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    struct fork *fork = *state_p;
    troupe_ref_release(&fork->holder);
    free(fork);
}

const troupe_behaviour_t fork_behaviour = {
    .name = "fork", .init = fork_init, .receive = fork_receive, .terminate = fork_terminate};
