/* The phases of a node go one way: starting, ready, draining, stopping. */

#include "node/keeper.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define MAILBOX_LETTERS 10000
#define MAILBOX_BYTES   ((size_t)16 << 20)

/* A thread that has said that it ended needs no longer than this to be gone. */
#define LAST_STEPS_MS 2000

typedef struct tr_keeper {
    tr_self_t *self;
    const tr_plan_t *plan;
    tr_actor_t *root;
    size_t n_draining; /* routers that have not finished */
    int64_t drain_until_ms;
} tr_keeper_t;

static tr_node_phase_t phase_of(const tr_keeper_t *keeper)
{
    return (tr_node_phase_t)atomic_load(&keeper->self->runtime->phase);
}

static void move_to(tr_keeper_t *keeper, tr_node_phase_t phase)
{
    atomic_store(&keeper->self->runtime->phase, (int)phase);
}

static bool ask_to_drain(tr_keeper_t *keeper, tr_mailbox_t *whom)
{
    tr_control_t *drain = tr_control_new(TR_WORD_DRAIN, 0);
    if (drain) {
        drain->mailbox = tr_mailbox_share(keeper->self->mailbox);
        tr_control_send(drain, whom);
    }
    return drain != NULL;
}

static void drain_gateway(tr_keeper_t *keeper)
{
    tr_mailbox_t *gateway = tr_directory_find(keeper->self->runtime->directory, TR_NAMES_ACTOR,
                                              tr_span_of(TR_NAME_GATEWAY));
    if (gateway) {
        ask_to_drain(keeper, gateway);
    }
    tr_mailbox_release(&gateway);
}

/* A router, wherever in the tree, and whether it was in the description or came later. */
static void drain_capability(void *arg, const char *name, tr_mailbox_t *router)
{
    tr_keeper_t *keeper = arg;
    if (strcmp(name, TR_NAME_ADMIN) != 0) {
        keeper->n_draining += ask_to_drain(keeper, router);
    }
}

static void stop_root(tr_keeper_t *keeper)
{
    move_to(keeper, TR_NODE_STOPPING);
    tr_event(keeper->self->runtime->events, TR_LOG_INFO, "node_stopping",
             TR_TEXT("node", keeper->self->runtime->node));
    tr_actor_ask_to_stop(keeper->root, tr_reason_of(TROUPE_REASON_SHUTDOWN));
}

static void drain(tr_keeper_t *keeper)
{
    move_to(keeper, TR_NODE_DRAINING);
    keeper->drain_until_ms =
        tr_clock_after(tr_clock_now_ms(), keeper->plan->config->drain_timeout_ms);
    tr_event(keeper->self->runtime->events, TR_LOG_INFO, "node_draining",
             TR_TEXT("node", keeper->self->runtime->node));
    drain_gateway(keeper);
    tr_directory_each(keeper->self->runtime->directory, TR_NAMES_CAPABILITY, drain_capability,
                      keeper);
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    (void)reason;
    tr_keeper_t *keeper = self->state;
    switch (phase_of(keeper)) {
    case TR_NODE_READY:
        drain(keeper);
        break;
    case TR_NODE_STARTING:
    case TR_NODE_DRAINING:
        stop_root(keeper);
        break;
    case TR_NODE_STOPPING:
        break;
    }
}

static void on_root_ended(tr_keeper_t *keeper, const tr_reason_t *reason)
{
    if (tr_actor_reap(&keeper->root, LAST_STEPS_MS) != TROUPE_OK) {
        tr_quarantine_accept(keeper->self->runtime->quarantine, &keeper->root);
    }
    size_t n_hanging = tr_quarantine_sweep(keeper->self->runtime->quarantine);
    if (n_hanging > 0) {
        tr_event(keeper->self->runtime->events, TR_LOG_WARNING, "threads_left_hanging",
                 TR_NUMBER("count", n_hanging));
    }
    tr_self_end(keeper->self, reason);
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    tr_keeper_t *keeper = self->state;
    const tr_control_t *word = tr_control_in(letter);
    switch (word ? word->word : TR_N_WORDS) {
    case TR_WORD_STARTED:
        if (phase_of(keeper) == TR_NODE_STARTING) {
            move_to(keeper, TR_NODE_READY);
            tr_event(keeper->self->runtime->events, TR_LOG_INFO, "node_ready",
                     TR_TEXT("node", self->runtime->node));
            tr_self_started(self);
        }
        break;
    case TR_WORD_ENDED:
        on_root_ended(keeper, &word->reason);
        break;
    case TR_WORD_DRAINED:
        keeper->n_draining -= keeper->n_draining > 0;
        break;
    default:
        break;
    }
    tr_letter_destroy(&letter);
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    tr_keeper_t *keeper = self->state;
    if (phase_of(keeper) != TR_NODE_DRAINING) {
        return TR_NEVER;
    }
    if (keeper->n_draining == 0 || now_ms >= keeper->drain_until_ms) {
        if (keeper->n_draining > 0) {
            tr_event(keeper->self->runtime->events, TR_LOG_WARNING, "drain_timed_out",
                     TR_NUMBER("capabilities", keeper->n_draining));
        }
        stop_root(keeper);
        return TR_NEVER;
    }
    return keeper->drain_until_ms;
}

static bool begin(tr_self_t *self, const void *arg)
{
    tr_keeper_t *keeper = calloc(1, sizeof *keeper);
    self->state = keeper;
    troupe_status_t status = TROUPE_ERR_NOMEM;
    if (keeper) {
        keeper->self = self;
        keeper->plan = arg;
        status = tr_supervisor_start(&(tr_birth_t){.what = &keeper->plan->root,
                                                   .name = keeper->plan->root.name,
                                                   .runtime = self->runtime,
                                                   .parent = self->mailbox},
                                     &keeper->root);
    }
    if (status != TROUPE_OK) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "%s", troupe_status_text(status));
    }
    return status == TROUPE_OK;
}

static void end(tr_self_t *self)
{
    tr_keeper_t *keeper = self->state;
    if (keeper && keeper->root) {
        tr_quarantine_accept(self->runtime->quarantine, &keeper->root);
    }
    free(keeper);
    self->state = NULL;
}

static const tr_actor_class_t keeper_class = {
    .kind = "keeper",
    .starts_late = true,
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .stop = stop,
    .end = end,
};

troupe_status_t tr_keeper_start(const tr_plan_t *plan, tr_runtime_t *runtime,
                                tr_mailbox_t *parent, tr_actor_t **out)
{
    assert(plan);
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &keeper_class,
            .name = TR_NAME_KEEPER,
            .runtime = runtime,
            .parent = parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = plan,
        },
        out);
}
