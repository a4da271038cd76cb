/* auditor.c - sees all leaves, and whether there were ever too many in a while */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rate_limiter.h"

#define WINDOW_PERIODS 10

struct auditor {
    int64_t n_expected;
    int64_t n_seen;
    int64_t *at_us; /* by turn; 0: not seen */
};

/* How many passed within the window that begins with `turn`. */
static int64_t passed_since(const struct auditor *auditor, int64_t turn)
{
    int64_t end_us = auditor->at_us[turn] + WINDOW_PERIODS * PERIOD_MS * INT64_C(1000);
    int64_t next = turn;
    while (next < auditor->n_seen && auditor->at_us[next] < end_us) {
        next++;
    }
    return next - turn;
}

/* A full bucket, and a token for each period that ended in the window. */
static int judge(troupe_worker_t *self, const struct auditor *auditor)
{
    const int64_t most = BURST + WINDOW_PERIODS;
    for (int64_t turn = 0; turn < auditor->n_seen; turn++) {
        int64_t n_passed = passed_since(auditor, turn);
        if (n_passed > most) {
            troupe_worker_explain(self, "%lld passed within %d ms", (long long)n_passed,
                                  WINDOW_PERIODS * PERIOD_MS);
            return -1;
        }
    }
    printf("%.3f s for all\n",
           (double)(auditor->at_us[auditor->n_seen - 1] - auditor->at_us[0]) / 1e6);
    printf("%lld passed in order, never more than %lld within %d ms\n",
           (long long)auditor->n_seen, (long long)most, WINDOW_PERIODS * PERIOD_MS);
    troupe_worker_end(self);
    return 0;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    struct auditor *auditor = state;
    struct leave leave;
    memcpy(&leave, troupe_message_data(message, 0), sizeof leave);
    if (leave.turn < 0 || leave.turn >= auditor->n_expected || auditor->at_us[leave.turn]) {
        troupe_worker_explain(self, "turn %lld again", (long long)leave.turn);
        return -1;
    }
    auditor->at_us[leave.turn] = leave.at_us;
    return ++auditor->n_seen == auditor->n_expected ? judge(self, auditor) : 0;
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    struct auditor *auditor = calloc(1, sizeof *auditor);
    if (!auditor) {
        return -1;
    }
    if (troupe_args_number(args, "expects", &auditor->n_expected) == TROUPE_OK &&
        auditor->n_expected > 0) {
        auditor->at_us = calloc((size_t)auditor->n_expected, sizeof *auditor->at_us);
    }
    if (!auditor->at_us) {
        troupe_worker_explain(self, "how many leaves are expected?");
        free(auditor);
        return -1;
    }
    *state_p = auditor;
    return TROUPE_INIT_OK;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    struct auditor *auditor = *state_p;
    free(auditor->at_us);
    free(auditor);
}

const troupe_behaviour_t auditor_behaviour = {
    .name = "auditor", .init = init, .receive = receive, .terminate = terminate};
