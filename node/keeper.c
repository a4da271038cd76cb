/* The phases of a node go one way: starting, ready, draining, stopping. But a node that an
 * operator drains is held: it stops by itself neither when it has drained nor when
 * `drain-timeout` is over, and it may be resumed, which makes it ready again.
 *
 * Routers say that they have drained with the number of the drain that asked them to: what
 * comes late from one that was called off does not count for the next.
 */

#include "node/keeper.h"

#include <assert.h>
#include <stdio.h>
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
    tr_keepsake_t *keepsake; /* what the plan belongs to; NULL: to the node */
    tr_actor_t *root;
    uint64_t last_drain;
    size_t n_draining;      /* routers that have not finished the last drain */
    bool has_told;          /* held: that it has drained */
    int64_t drain_until_ms; /* TR_NEVER: it is held */
    tr_mailbox_t *drain_to; /* whom to tell when it has drained: a share, or NULL */
} tr_keeper_t;

static tr_node_phase_t phase_of(const tr_keeper_t *keeper)
{
    return (tr_node_phase_t)atomic_load(&keeper->self->runtime->phase);
}

static void move_to(tr_keeper_t *keeper, tr_node_phase_t phase)
{
    atomic_store(&keeper->self->runtime->phase, (int)phase);
}

static bool is_held(const tr_keeper_t *keeper)
{
    return atomic_load(&keeper->self->runtime->is_held);
}

static void hold(tr_keeper_t *keeper, bool is_held)
{
    atomic_store(&keeper->self->runtime->is_held, is_held);
}

/* Where it is held the pools rest then. */
static bool ask_to_drain(tr_keeper_t *keeper, tr_mailbox_t *whom)
{
    tr_control_t *drain = tr_control_new(TR_WORD_DRAIN, keeper->last_drain);
    if (drain) {
        drain->number = is_held(keeper) ? 1 : 0;
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

static void resume_capability(void *arg, const char *name, tr_mailbox_t *router)
{
    (void)arg;
    if (strcmp(name, TR_NAME_ADMIN) != 0) {
        tr_control_say(router, TR_WORD_RESUME, 0);
    }
}

static void each_capability(tr_keeper_t *keeper,
                            void (*visit)(void *arg, const char *name, tr_mailbox_t *router))
{
    tr_directory_each(keeper->self->runtime->directory, TR_NAMES_CAPABILITY, visit, keeper);
}

static void stop_root(tr_keeper_t *keeper)
{
    move_to(keeper, TR_NODE_STOPPING);
    tr_event(keeper->self->runtime->events, TR_LOG_INFO, "node_stopping",
             TR_TEXT("node", keeper->self->runtime->node));
    tr_actor_ask_to_stop(keeper->root, tr_reason_of(TROUPE_REASON_SHUTDOWN));
}

/* To stop then: peers need not try any more. */
static void limit_drain(tr_keeper_t *keeper)
{
    hold(keeper, false);
    keeper->drain_until_ms =
        tr_clock_after(tr_clock_now_ms(), keeper->plan->config->drain_timeout_ms);
    drain_gateway(keeper);
}

/* Held: nobody is told to try elsewhere, and it takes its time. */
static void drain(tr_keeper_t *keeper, bool is_held)
{
    move_to(keeper, TR_NODE_DRAINING);
    keeper->last_drain++;
    keeper->n_draining = 0;
    tr_event(keeper->self->runtime->events, TR_LOG_INFO, "node_draining",
             TR_TEXT("node", keeper->self->runtime->node));
    if (is_held) {
        hold(keeper, true);
        keeper->drain_until_ms = TR_NEVER;
    } else {
        limit_drain(keeper);
    }
    each_capability(keeper, drain_capability);
}

static void stop(tr_self_t *self, const tr_reason_t *reason)
{
    (void)reason;
    tr_keeper_t *keeper = self->state;
    switch (phase_of(keeper)) {
    case TR_NODE_READY:
        drain(keeper, false);
        break;
    case TR_NODE_DRAINING:
        is_held(keeper) ? limit_drain(keeper) : stop_root(keeper);
        break;
    case TR_NODE_STARTING:
        stop_root(keeper);
        break;
    case TR_NODE_STOPPING:
        break;
    }
}

/* ---- as an operator wishes ---- */

/* That it is done; NULL is fine. */
static void tell(tr_mailbox_t *to, tr_word_t word)
{
    tr_control_t *control = to ? tr_control_new(word, 0) : NULL;
    if (control) {
        snprintf(control->name, sizeof control->name, "%s", TR_NAME_KEEPER);
        tr_control_send(control, to);
    }
}

static void drain_and_hold(tr_keeper_t *keeper, tr_mailbox_t *to)
{
    bool is_ready = phase_of(keeper) == TR_NODE_READY;
    if (!is_ready && !is_held(keeper)) {
        return; /* it stops, or has not started */
    }
    tr_mailbox_release(&keeper->drain_to);
    keeper->drain_to = to ? tr_mailbox_share(to) : NULL;
    if (is_ready) {
        drain(keeper, true);
    }
    keeper->has_told = false;
}

static void go_on(tr_keeper_t *keeper)
{
    keeper->last_drain++; /* what is still said of that one is late */
    keeper->n_draining = 0;
    tr_mailbox_release(&keeper->drain_to);
    move_to(keeper, TR_NODE_READY);
    hold(keeper, false);
    tr_event(keeper->self->runtime->events, TR_LOG_INFO, "node_resumed",
             TR_TEXT("node", keeper->self->runtime->node));
    each_capability(keeper, resume_capability);
}

/* Whoever asks is told when everybody has heard of it. */
static void resume(tr_keeper_t *keeper, tr_mailbox_t *to)
{
    if (is_held(keeper)) {
        go_on(keeper);
    }
    tell(to, TR_WORD_RESUME);
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
    tr_runtime_retire_all(keeper->self->runtime);
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
    case TR_WORD_RESPEC:
        keeper->plan = word->what;
        tr_keepsake_release(&keeper->keepsake);
        keeper->keepsake = tr_keepsake_share(word->keepsake);
        break;
    case TR_WORD_DRAINED:
        if (word->incarnation == keeper->last_drain) {
            keeper->n_draining -= keeper->n_draining > 0;
        }
        break;
    case TR_WORD_DRAIN:
        drain_and_hold(keeper, word->mailbox);
        break;
    case TR_WORD_RESUME:
        resume(keeper, word->mailbox);
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
    if (is_held(keeper)) {
        if (keeper->n_draining == 0 && !keeper->has_told) {
            keeper->has_told = true;
            tr_event(self->runtime->events, TR_LOG_INFO, "node_drained",
                     TR_TEXT("node", self->runtime->node));
            tell(keeper->drain_to, TR_WORD_DRAINED);
            tr_mailbox_release(&keeper->drain_to);
        }
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
    if (keeper) {
        tr_mailbox_release(&keeper->drain_to);
        tr_keepsake_release(&keeper->keepsake);
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
