/* tests/unit/capabilities/stage.h - a router with everything around it played by the test
 *
 * The test is its pool, its workers and its callers, and holds the clock. Each request has a
 * mailbox of its own, so who heard what is never in doubt. When the curtain falls the router is
 * stopped, and then every request that was ever made must have got exactly one final, and no
 * share of any must be left with anybody.
 */

#ifndef TROUPE_TESTS_UNIT_CAPABILITIES_STAGE_H
#define TROUPE_TESTS_UNIT_CAPABILITIES_STAGE_H

#include "tests/kit/check.h"

#include "actors/report.h"
#include "actors/request_list.h"
#include "actors/worker/worker.h"
#include "base/clock.h"
#include "capabilities/router.h"
#include "mailbox/job.h"
#include "mailbox/reply.h"

#define STAGE_N_CALLS   192
#define STAGE_N_WORKERS 4

typedef struct call {
    uint64_t id;
    tr_mailbox_t *mailbox;
    tr_envelope_t *envelope;
    size_t n_finals;
    char text[256]; /* of the final */
    int64_t hint_ms;
} call_t;

typedef struct player {
    char name[32];
    uint64_t incarnation;
    tr_mailbox_t *mailbox;
    tr_pulse_t *pulse;
} player_t;

typedef struct stage {
    const void *row;       /* what the story's row says, if it has one */
    tr_router_spec_t spec; /* change it before stage_open */
    const char *home;      /* likewise: the path of its supervisor; or NULL */
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *pool;
    tr_mailbox_t *reports;
    tr_actor_t *router;
    uint64_t n_pings;
    size_t n_calls;
    call_t calls[STAGE_N_CALLS];
    player_t workers[STAGE_N_WORKERS];
} stage_t;

/* Set up and tear down of cmocka; *state is the row, if any, before, and then the stage. */
int stage_begin(void **state);
int stage_end(void **state);

/* Start the router, with `n_workers` up. */
void stage_open(stage_t *self, size_t n_workers);

/* End the router, and start its next life, with no worker. */
void stage_reopen(stage_t *self);

/* Wait until the router has read all that was sent to it, and has had a turn after that. */
void stage_settle(stage_t *self);

/* Let time pass, and the router see it. */
void stage_advance(stage_t *self, int64_t delta_ms);

/* What the router says of itself, the caller's to destroy. */
tr_report_t *stage_survey(stage_t *self);

/* How many wait and run. */
void stage_has(stage_t *self, uint64_t n_queued, uint64_t n_pending);

/* ---- the pool ---- */

player_t *stage_up(stage_t *self, size_t index);
void stage_say(stage_t *self, tr_word_t word, const player_t *worker, tr_reason_t reason,
               uint64_t number);
void stage_down(stage_t *self, const player_t *worker);

/* Somebody who wants this worker to go; what comes back lies in stage->reports. */
void stage_ask_to_yield(stage_t *self, const player_t *worker, const char *cause,
                        bool may_finish);

/* What it says when it does not; and that it says nothing. */
void stage_refuses_to_yield(stage_t *self, const player_t *worker, const char *why);
void stage_says_nothing(stage_t *self);

/* Whom the router has, the caller's to destroy. */
tr_residents_t *stage_who_is_there(stage_t *self);

/* Which requests it has, at most so many, the caller's to destroy. */
tr_request_list_t *stage_list(stage_t *self, size_t most);

/* The next word that the pool hears. */
tr_control_t stage_pool_hears(stage_t *self, tr_word_t want);
void stage_pool_hears_nothing(stage_t *self);

/* ---- callers ---- */

/* A request that says nothing special. */
call_t *ask(stage_t *self);

/* One whose header says this. */
#define ask_with(self, ...)                                                                    \
    stage_ask((self),                                                                          \
              &(tr_header_t){.capability = {"cap", 3}, .method = {"do", 2}, __VA_ARGS__})
call_t *stage_ask(stage_t *self, const tr_header_t *header);

/* The same, not sent yet. */
call_t *stage_prepare(stage_t *self, const tr_header_t *header);

void stage_cancel(stage_t *self, call_t *call);
void stage_grant(stage_t *self, call_t *call, uint64_t n_parts, uint64_t n_bytes);

/* The next thing that the caller hears; the first is the test's to destroy. */
troupe_reply_t *stage_hears(call_t *call);
void expect_part(call_t *call, uint64_t sequence);
void expect_final(call_t *call, troupe_outcome_t outcome);
void expect_silence(call_t *call);

/* ---- workers ---- */

/* The next job that it gets, a share; that of `call`, unless it is NULL. */
tr_job_t *gets(player_t *worker, const call_t *call);
tr_batch_t *gets_batch(player_t *worker, size_t n_jobs);
void gets_nothing(player_t *worker);
void gets_word(player_t *worker, tr_word_t want, const tr_job_t *job);

/* End the job, and let go of it. */
void finish(tr_job_t **job_p, troupe_outcome_t outcome);

/* It ends with the worker's handler: that one broke. */
void breaks(tr_job_t **job_p);

/* Send so many parts of `n_bytes`; all must find room. */
void send_parts(tr_job_t *job, size_t n_parts, size_t n_bytes);

/* clang-format off */
#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_begin, stage_end)
#define ROW(title, story, type, ...) \
    { .name = title, .test_func = story, .setup_func = stage_begin, \
      .teardown_func = stage_end, .initial_state = &(type){__VA_ARGS__} }
/* clang-format on */

#endif
