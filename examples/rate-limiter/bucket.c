/* bucket.c - a token bucket: who asks is answered when there is a token for him
 *
 * Those for whom there is none are put aside, and come again, in the same order, before all who
 * came later, at the next tick. Tokens are counted by the clock and not by ticks: those of a
 * tick that comes late are there before it.
 */

#include <stdlib.h>
#include <time.h>

#include "rate_limiter.h"

struct bucket {
    int64_t begun_us;
    int64_t n_dripped; /* tokens that are due so far, also those that ran over */
    int64_t n_tokens;
    int64_t n_passed;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void fill(struct bucket *bucket, int64_t at_us)
{
    int64_t n_due = (at_us - bucket->begun_us) / (PERIOD_MS * 1000);
    int64_t n_tokens = bucket->n_tokens + n_due - bucket->n_dripped;
    bucket->n_tokens = n_tokens < BURST ? n_tokens : BURST;
    bucket->n_dripped = n_due;
}

static int let_pass(troupe_worker_t *self, struct bucket *bucket, int64_t at_us)
{
    struct leave leave = {.turn = bucket->n_passed, .at_us = at_us};
    troupe_message_t *answer = troupe_message_from(&leave, sizeof leave);
    if (!answer) {
        return -1;
    }
    bucket->n_tokens--;
    bucket->n_passed++;
    troupe_answer(self, &answer);
    return 0;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    struct bucket *bucket = state;
    int64_t at_us = now_us();
    fill(bucket, at_us);
    if (troupe_message_kind(message) == TROUPE_MESSAGE_TICK) {
        troupe_unstash(self);
        return 0;
    }
    if (bucket->n_tokens > 0) {
        return let_pass(self, bucket, at_us);
    }
    if (troupe_stash(self) != TROUPE_OK) {
        troupe_refuse(self, "too many wait");
    }
    return 0;
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    struct bucket *bucket = calloc(1, sizeof *bucket);
    uint64_t id;
    if (!bucket || troupe_timer_start(self, PERIOD_MS, PERIOD_MS, NULL, &id) != TROUPE_OK) {
        free(bucket);
        return -1;
    }
    bucket->begun_us = now_us();
    bucket->n_tokens = BURST;
    *state_p = bucket;
    return TROUPE_INIT_OK;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
}

const troupe_behaviour_t bucket_behaviour = {
    .name = "bucket", .init = init, .receive = receive, .terminate = terminate};
