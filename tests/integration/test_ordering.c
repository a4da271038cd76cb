/* Pairs of actors: one sends numbers, the other takes them, while those that take fail, end,
 * hang, are restarted by operators, and fall and rise with their supervisors. Each must see the
 * numbers of its sender rise, and none twice; and what was sent is, to the last one, what was
 * taken and what became a dead letter.
 *
 * $TROUPE_ORDERED_MESSAGES says how many each sends, $TROUPE_ORDERED_ISOLATION what kind of
 * actors they are. A receiver's books are written by its
 * lives one after another, and guarded by nothing else, so that a sanitizer sees two that
 * overlap; a life that hung writes nothing when it comes back.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"

#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/actor.h>

#include "actors/quarantine.h"
#include "base/metrics.h"
#include "node/node.h"

#define PAIRS          100
#define A_TURN         100  /* messages that a sender sends before it lets others go first */
#define ACCIDENT_EVERY 2500 /* messages of a pair, about */
#define N_HUNG         40   /* receivers that hang once */
#define N_GROUPS       10   /* of receivers, in the story of the supervisors */
#define YAML_ROOM      60000
#define MOST_SAID      10

typedef enum accident {
    NONE,
    FAILS,
    ENDS, /* and says so */
    HANGS,
} accident_t;

typedef struct receiver {
    int64_t last; /* number that it took */
    size_t n_taken;
    size_t n_lost;  /* that it had when it failed or hung */
    size_t n_lives; /* that came up */
    gate_t steps;   /* a note of each message, and of each life that begins */
} receiver_t;

static receiver_t receivers[PAIRS];
static int64_t n_each;
static const char *isolation;
static atomic_size_t n_done; /* messages that were taken or lost, as the receivers know */
static atomic_size_t n_faults;
static accident_t (*accident_at)(size_t pair, int64_t number);
static rig_t rig;

#define FAULT(...)                                                                             \
    do {                                                                                       \
        if (atomic_fetch_add(&n_faults, 1) < MOST_SAID) {                                      \
            fprintf(stderr, __VA_ARGS__);                                                      \
            fputc('\n', stderr);                                                               \
        }                                                                                      \
    } while (0)

/* ---- who sends ---- */

typedef struct sender {
    size_t pair;
    troupe_ref_t *to;
    int64_t n_sent;
} sender_t;

static size_t pair_of(const troupe_worker_t *self)
{
    return (size_t)strtoul(troupe_worker_name(self) + 1, NULL, 10);
}

static void go_on(troupe_worker_t *self)
{
    troupe_message_t *nothing = NULL;
    if (troupe_send(self, troupe_self(self), &nothing) != TROUPE_OK) {
        FAULT("%s cannot send to itself", troupe_worker_name(self));
    }
}

static int sender_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    sender_t *sender = calloc(1, sizeof *sender);
    char name[16];
    *state_p = sender;
    sender->pair = pair_of(self);
    snprintf(name, sizeof name, "r%zu", sender->pair);
    sender->to = troupe_find(self, name);
    return sender->to ? TROUPE_INIT_OK : -1;
}

static int sender_receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)message;
    sender_t *sender = state;
    for (int i = 0; i < A_TURN && sender->n_sent < n_each; i++) {
        sender->n_sent++;
        troupe_message_t *number = troupe_message_from(&sender->n_sent, sizeof sender->n_sent);
        if (!number || troupe_send(self, sender->to, &number) != TROUPE_OK) {
            FAULT("%" PRId64 " was not sent to r%zu", sender->n_sent, sender->pair);
        }
    }
    if (sender->n_sent < n_each) {
        go_on(self);
    }
    return 0;
}

static void sender_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    sender_t *sender = *state_p;
    troupe_ref_release(&sender->to);
    free(sender);
}

/* ---- who takes ---- */

static int receiver_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    receiver_t *receiver = &receivers[pair_of(self)];
    *state_p = receiver;
    receiver->n_lives++;
    gate_note(&receiver->steps);
    return TROUPE_INIT_OK;
}

static void note_number(receiver_t *receiver, size_t pair, const troupe_message_t *message,
                        int64_t number)
{
    char name[16];
    snprintf(name, sizeof name, "s%zu", pair);
    const troupe_ref_t *from = troupe_message_sender(message);
    if (!from || strcmp(troupe_ref_name(from), name) != 0) {
        FAULT("r%zu was sent something by another one", pair);
    }
    if (number <= receiver->last) {
        FAULT("r%zu took %" PRId64 " after %" PRId64, pair, number, receiver->last);
    }
    receiver->last = number;
}

/* Its next life begins, and takes some, before it comes back. */
static int hang(receiver_t *receiver, size_t pair)
{
    size_t n_steps = gate_n_come(&receiver->steps) + 1 + pair % 20;
    atomic_fetch_add(&n_done, 1);
    if (!gate_await(&receiver->steps, n_steps)) {
        FAULT("r%zu hangs, and nobody takes its place", pair);
    }
    return pair % 2 ? -1 : 0;
}

static int receiver_receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    receiver_t *receiver = state;
    size_t pair = (size_t)(receiver - receivers);
    int64_t number;
    memcpy(&number, troupe_message_data(message, 0), sizeof number);
    note_number(receiver, pair, message, number);
    gate_note(&receiver->steps);
    accident_t accident = accident_at(pair, number);
    bool is_lost = accident == FAILS || accident == HANGS;
    receiver->n_lost += is_lost;
    receiver->n_taken += !is_lost;
    if (accident == HANGS) {
        return hang(receiver, pair); /* the books are another one's now */
    }
    atomic_fetch_add(&n_done, 1);
    if (accident == ENDS) {
        troupe_worker_end(self);
    }
    return accident == FAILS ? -1 : 0;
}

static const troupe_behaviour_t sender_behaviour = {
    .name = "sender",
    .init = sender_init,
    .receive = sender_receive,
    .terminate = sender_terminate,
};

static const troupe_behaviour_t receiver_behaviour = {
    .name = "receiver",
    .init = receiver_init,
    .receive = receiver_receive,
};

/* ---- the node ---- */

static char yaml[YAML_ROOM];

static void write_line(const char *format, ...)
{
    size_t length = strlen(yaml);
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(yaml + length, sizeof yaml - length, format, arguments);
    va_end(arguments);
    assert_true(more > 0 && (size_t)more < sizeof yaml - length);
}

#define OFTEN "intensity: {restarts: 1000000, period: 1s}"

static void write_receiver(size_t pair)
{
    write_line("        - {actor: r%zu, worker: {module: receiver}, isolation: %s,"
               " backoff: {min: 1ms, max: 2ms}, health: {interval: 100ms, stall: 1s}}\n",
               pair, isolation);
}

static void write_senders(void)
{
    write_line("    - supervisor: senders\n      children:\n");
    for (size_t i = 0; i < PAIRS; i++) {
        write_line("        - {actor: s%zu, worker: {module: sender}, isolation: %s}\n", i,
                   isolation);
    }
}

static void start(void)
{
    static const troupe_behaviour_t *const behaviours[] = {&sender_behaviour,
                                                           &receiver_behaviour, NULL};
    rig_start(&rig, behaviours, "", yaml);
}

/* Sender and receiver of each pair, the receivers under one supervisor. */
static void start_flat(void)
{
    write_line("    - supervisor: receivers\n      " OFTEN "\n      children:\n");
    for (size_t i = 0; i < PAIRS; i++) {
        write_receiver(i);
    }
    write_senders();
    start();
}

/* The receivers in groups that fall together, or with their supervisor. */
static void start_deep(void)
{
    static const char *const strategies[] = {"one_for_all", "rest_for_one", "one_for_one"};
    write_line("    - supervisor: groups\n      " OFTEN "\n      children:\n");
    for (size_t i = 0; i < N_GROUPS; i++) {
        write_line("      - supervisor: g%zu\n        strategy: %s\n        %s\n"
                   "        children:\n",
                   i, strategies[i % 3],
                   i % 2 ? "intensity: {restarts: 0, period: 1s}" : OFTEN);
        for (size_t pair = i; pair < PAIRS; pair += N_GROUPS) {
            write_receiver(pair);
        }
    }
    write_senders();
    start();
}

static size_t n_dead(void)
{
    return (size_t)tr_metric_value(rig.node->runtime->dead_letters);
}

static size_t n_all(void)
{
    return PAIRS * (size_t)n_each;
}

static void begin_to_send(void)
{
    char name[16];
    for (size_t i = 0; i < PAIRS; i++) {
        troupe_message_t *nothing = NULL;
        snprintf(name, sizeof name, "s%zu", i);
        assert_status(troupe_node_send(rig.node, name, &nothing), TROUPE_OK);
    }
}

/* All is sent and taken while `meddle (i)` is done again and again. */
static void send_all(void (*meddle)(size_t i))
{
    int64_t until_ms = rig_now_ms() + 2 * RIG_PATIENCE_MS;
    begin_to_send();
    size_t i = 0;
    do {
        assert_true(rig_now_ms() < until_ms);
        meddle(i++);
    } while (atomic_load(&n_done) < n_all() && atomic_load(&n_faults) == 0);
}

static void look_on(size_t i)
{
    (void)i;
    sched_yield();
}

/* Those that hang come home before the node is let go, or what they hold would be left. */
static void stop(void)
{
    int code;
    troupe_node_stop(rig.node);
    assert_status(troupe_node_wait(rig.node, RIG_PATIENCE_MS, &code), TROUPE_OK);
    int64_t until_ms = rig_now_ms() + RIG_PATIENCE_MS;
    while (tr_quarantine_sweep(rig.node->runtime->quarantine) > 0) {
        assert_true(rig_now_ms() < until_ms);
    }
}

/* What came after an accident was taken by another life. */
static size_t n_lives_at_least(size_t pair)
{
    size_t n_lives = 1;
    for (int64_t number = 1; number < n_each; number++) {
        n_lives += accident_at(pair, number) != NONE;
    }
    return n_lives;
}

/* By then all lives have ended, and their books can be read. */
static void assert_books(size_t n_lost_wanted)
{
    size_t n_taken = 0;
    size_t n_lost = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        assert_int_equal(receivers[i].n_taken + receivers[i].n_lost, n_each);
        assert_int_equal(receivers[i].last, n_each);
        assert_true(receivers[i].n_lives >= n_lives_at_least(i));
        n_taken += receivers[i].n_taken;
        n_lost += receivers[i].n_lost;
    }
    assert_int_equal(atomic_load(&n_faults), 0);
    assert_int_equal(n_dead(), n_lost);
    assert_int_equal(n_taken + n_dead(), n_all());
    assert_int_equal(n_lost, n_lost_wanted);
    assert_true(n_lost > 0);
}

static size_t count(accident_t accident)
{
    size_t n = 0;
    for (size_t pair = 0; pair < PAIRS; pair++) {
        for (int64_t number = 1; number <= n_each; number++) {
            n += accident_at(pair, number) == accident;
        }
    }
    return n;
}

static int set_up(void **state)
{
    (void)state;
    yaml[0] = '\0';
    atomic_store(&n_done, 0);
    atomic_store(&n_faults, 0);
    for (size_t i = 0; i < PAIRS; i++) {
        receivers[i] = (receiver_t){.steps = GATE_INITIALIZER};
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

/* ---- stories ---- */

static accident_t fails_or_ends(size_t pair, int64_t number)
{
    bool is_one = (number + 37 * (int64_t)pair) % ACCIDENT_EVERY == ACCIDENT_EVERY / 2;
    return !is_one ? NONE : (number + (int64_t)pair) % 3 == 0 ? ENDS : FAILS;
}

static void restart_one(size_t i)
{
    char name[16];
    snprintf(name, sizeof name, "r%zu", i * 7 % PAIRS);
    assert_outcome(rig_operate(&rig, "restart", name), TROUPE_OUTCOME_OK);
}

static void messages_stay_in_order_while_receivers_are_restarted(void **state)
{
    (void)state;
    accident_at = fails_or_ends;
    start_flat();
    send_all(restart_one);
    stop();
    assert_books(count(FAILS));
}

static accident_t hangs_once(size_t pair, int64_t number)
{
    return pair < N_HUNG && number == n_each / 4 + (int64_t)pair ? HANGS : NONE;
}

static void messages_stay_in_order_when_those_that_hung_come_back(void **state)
{
    (void)state;
    accident_at = hangs_once;
    start_flat();
    send_all(look_on);
    stop();
    assert_books(N_HUNG);
}

static accident_t fails_once(size_t pair, int64_t number)
{
    return number == n_each / 2 + (int64_t)pair ? FAILS : NONE;
}

static void restart_group(size_t i)
{
    char name[16];
    snprintf(name, sizeof name, "g%zu", i % N_GROUPS);
    troupe_outcome_t outcome = rig_operate(&rig, "restart", name);
    if (outcome != TROUPE_OUTCOME_SPAWN_FAILED) { /* as one of them failed at once */
        assert_outcome(outcome, TROUPE_OUTCOME_OK);
    }
}

static void messages_stay_in_order_while_supervisors_are_restarted(void **state)
{
    (void)state;
    accident_at = fails_once;
    start_deep();
    send_all(restart_group);
    stop();
    assert_books(PAIRS);
}

int main(void)
{
    const char *each = getenv("TROUPE_ORDERED_MESSAGES");
    n_each = each ? strtoll(each, NULL, 10) : 10000;
    isolation = getenv("TROUPE_ORDERED_ISOLATION");
    isolation = isolation ? isolation : "thread";
    const struct CMUnitTest tests[] = {
#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        STORY(messages_stay_in_order_while_receivers_are_restarted),
        STORY(messages_stay_in_order_when_those_that_hung_come_back),
        STORY(messages_stay_in_order_while_supervisors_are_restarted),
    };
    return cmocka_run_group_tests_name("ordering", tests, NULL, NULL) != 0;
}
