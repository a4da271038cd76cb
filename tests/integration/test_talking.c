/* Actors of a whole node talk: across supervisors, through restarts and hangs, and with workers
 * that serve requests. The test tells them what to do by messages that bring a function; what
 * else they take they note, and the notes are compared.
 */

#include "tests/kit/gate.h"
#include "tests/kit/rig.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/actor.h>

#include "actors/quarantine.h"
#include "node/node.h"

#define N_QUEUED   10000
#define TRACE_SIZE 4000

static rig_t rig;
static line_t line;
static gate_t gate = GATE_INITIALIZER;
static gate_t lives = GATE_INITIALIZER;
static atomic_int number;

/* ---- what was noted ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_new = PTHREAD_COND_INITIALIZER;
static char trace[TRACE_SIZE];

static void note(const char *format, ...)
{
    char word[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(word, sizeof word, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&mutex);
    size_t size = strlen(trace);
    snprintf(trace + size, sizeof trace - size, "%s%s", size ? " " : "", word);
    pthread_cond_broadcast(&is_new);
    pthread_mutex_unlock(&mutex);
}

/* This is what comes, and then it is forgotten. */
static void comes(const char *words)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RIG_PATIENCE_MS / 1000;
    char found[TRACE_SIZE];
    pthread_mutex_lock(&mutex);
    while (strlen(trace) < strlen(words) &&
           pthread_cond_timedwait(&is_new, &mutex, &until) == 0) {
    }
    strcpy(found, trace);
    trace[0] = '\0';
    pthread_mutex_unlock(&mutex);
    assert_string_equal(found, words);
}

/* Actors cannot assert: what is wrong is noted, and then is not what comes. */
#define expect(is_so) ((is_so) ? (void)0 : note("line %d: %s", __LINE__, #is_so))

/* ---- the actors ---- */

typedef int(order_fn)(troupe_worker_t *self, const troupe_message_t *message);

#define ORDER(name) static int name(troupe_worker_t *self, const troupe_message_t *message)

static const char *name_of(const troupe_ref_t *ref)
{
    return ref ? troupe_ref_name(ref) : "nobody";
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    order_fn *order;
    if (troupe_message_kind(message) == TROUPE_MESSAGE_DOWN) {
        note("%s!%s:%d", troupe_worker_name(self), name_of(troupe_message_sender(message)),
             (int)troupe_message_reason(message).kind);
    } else if (troupe_message_size(message, 0) == sizeof order) {
        memcpy(&order, troupe_message_data(message, 0), sizeof order);
        return order(self, message);
    } else if (troupe_message_size(message, 0) == 0) {
        number++;
    } else {
        char *text = troupe_message_text(message, 0);
        note("%s<%s:%s at %d", troupe_worker_name(self),
             name_of(troupe_message_sender(message)), text, (int)number);
        free(text);
    }
    return 0;
}

static int begin(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    (void)state_p;
    gate_note(&lives);
    return TROUPE_INIT_OK;
}

static const troupe_behaviour_t puppet = {.name = "puppet", .init = begin, .receive = receive};

/* The text answered, or why there was none, is what the caller gets. */
static int reply_with(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    troupe_request_t *request = arg;
    const troupe_message_t *answer = troupe_reply_message(reply);
    if (troupe_reply_outcome(reply) == TROUPE_OUTCOME_OK && answer) {
        troupe_request_reply_data(request, troupe_message_data(answer, 0),
                                  troupe_message_size(answer, 0));
    } else {
        troupe_request_fail(request, "%s", troupe_reply_text(reply));
    }
    return 0;
}

/* A worker of a capability asks the actor that the request names, and keeps the request. */
static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    char *name = troupe_message_text(troupe_request_message(request), 0);
    troupe_message_t *question = troupe_message_from_text("what now?");
    troupe_request_keep(request);
    if (troupe_ask_named(self, name, &question, 0, reply_with, request, NULL) != TROUPE_OK) {
        troupe_request_fail(request, "not asked");
    }
    free(name);
    return 0;
}

static const troupe_behaviour_t desk = {.name = "desk", .handle = handle};

/* Answers whoever asks by who it is, in whatever way. */
static int answer(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)message;
    (void)state;
    troupe_message_t *text = troupe_message_from_text("ask me again");
    troupe_answer(self, &text);
    return 0;
}

static const troupe_behaviour_t oracle = {.name = "oracle", .receive = answer};

/* ---- the node ---- */

#define QUICK "backoff: {min: 1ms, max: 2ms}, health: {interval: 100ms, stall: 1s}"
#define OFTEN "intensity: {restarts: 1000, period: 1s}"

static const char children[] =
    "    - {actor: a, worker: {module: puppet}, " QUICK "}\n"
    "    - {actor: oracle, worker: {module: oracle}}\n"
    "    - {capability: desk, worker: {module: desk}, workers: {max: 1, concurrency: 4}}\n"
    "    - {capability: inline-desk, worker: {module: desk}, isolation: inline,"
    " workers: {max: 1, concurrency: 4}}\n"
    "    - supervisor: left\n"
    "      " OFTEN "\n"
    "      children:\n"
    "        - {actor: b, worker: {module: puppet}, " QUICK "}\n"
    "    - supervisor: right\n"
    "      " OFTEN "\n"
    "      children:\n"
    "        - {actor: c, worker: {module: puppet}, " QUICK "}\n";

static int set_up(void **state)
{
    (void)state;
    static const troupe_behaviour_t *const behaviours[] = {&puppet, &desk, &oracle, NULL};
    gate_reset(&gate);
    gate_reset(&lives);
    trace[0] = '\0';
    number = 0;
    rig_start(&rig, behaviours, "", children);
    return 0;
}

/* Those that hang come home before the node is let go. */
static int tear_down(void **state)
{
    (void)state;
    gate_open(&gate);
    line_close(&line);
    int code;
    troupe_node_stop(rig.node);
    bool is_well = troupe_node_wait(rig.node, RIG_PATIENCE_MS, &code) == TROUPE_OK;
    int64_t until_ms = rig_now_ms() + RIG_PATIENCE_MS;
    while (is_well && tr_quarantine_sweep(rig.node->runtime->quarantine) > 0) {
        is_well = rig_now_ms() < until_ms;
    }
    rig_end(&rig);
    return is_well ? 0 : -1;
}

static void send_to(const char *name, const void *data, size_t size)
{
    troupe_message_t *message = troupe_message_from(data, size);
    assert_non_null(message);
    assert_status(troupe_node_send(rig.node, name, &message), TROUPE_OK);
    assert_null(message);
}

static void tell(const char *name, order_fn *order)
{
    send_to(name, &order, sizeof order);
}

static void say(const char *name, const char *text)
{
    send_to(name, text, strlen(text));
}

ORDER(wait_at_gate)
{
    (void)self;
    (void)message;
    gate_pass(&gate, NULL);
    return 0;
}

static void holds(const char *name)
{
    size_t n_come = gate_n_come(&gate);
    tell(name, wait_at_gate);
    assert_true(gate_await(&gate, n_come + 1));
}

ORDER(break_down)
{
    (void)self;
    (void)message;
    return -1;
}

/* It fails, and its next life has begun. */
static void fails(const char *name)
{
    size_t n_lives = gate_n_come(&lives);
    tell(name, break_down);
    assert_true(gate_await(&lives, n_lives + 1));
}

/* ---- stories ---- */

static void a_thread_of_the_program_is_nobody(void **state)
{
    (void)state;
    say("b", "hello");
    comes("b<nobody:hello at 0");
    troupe_message_t *lost = troupe_message_from_text("lost");
    assert_status(troupe_node_send(rig.node, "stranger", &lost), TROUPE_NOT_FOUND);
    assert_null(lost);
}

ORDER(monitor_both)
{
    (void)message;
    const char *const names[] = {"b", "c"};
    for (size_t i = 0; i < 2; i++) {
        troupe_ref_t *whom = troupe_find(self, names[i]);
        expect(troupe_monitor(self, whom, NULL) == TROUPE_OK);
        troupe_ref_release(&whom);
    }
    note("watches");
    return 0;
}

ORDER(link_c)
{
    (void)message;
    troupe_ref_t *c = troupe_find(self, "c");
    expect(troupe_link(self, c) == TROUPE_OK);
    troupe_ref_release(&c);
    note("linked");
    return 0;
}

/* b and c are linked, under two supervisors; a looks at both. */
static void links_and_monitors_reach_across_supervisors(void **state)
{
    (void)state;
    assert_true(gate_await(&lives, 3));
    for (int i = 0; i < 3; i++) {
        tell("a", monitor_both);
        comes("watches");
        tell("b", link_c);
        comes("linked");
        size_t n_lives = gate_n_come(&lives);
        tell(i % 2 ? "b" : "c", break_down);
        char down[40];
        snprintf(down, sizeof down, i % 2 ? "a!b:%d a!c:%d" : "a!c:%d a!b:%d",
                 TROUPE_REASON_FAILED, TROUPE_REASON_FAILED);
        comes(down);
        assert_true(gate_await(&lives, n_lives + 2));
    }
    say("b", "1");
    comes("b<nobody:1 at 0");
}

static int take_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    (void)arg;
    const troupe_message_t *message = troupe_reply_message(reply);
    char *text = message ? troupe_message_text(message, 0) : strdup("nothing");
    note("%s:%s", troupe_outcome_name(troupe_reply_outcome(reply)), text);
    free(text);
    return 0;
}

static void ask_order(troupe_worker_t *self, const char *name, order_fn *order)
{
    troupe_message_t *question = troupe_message_from(&order, sizeof order);
    expect(troupe_ask_named(self, name, &question, RIG_PATIENCE_MS, take_answer, NULL, NULL) ==
           TROUPE_OK);
}

/* From b to c, from c to a second time of b's, and there it is answered. */
ORDER(pass_on)
{
    expect(strcmp(name_of(troupe_message_sender(message)), "a") == 0);
    if (++number == 3) {
        troupe_message_t *text = troupe_message_from_text("from the third");
        expect(troupe_answer(self, &text));
        return 0;
    }
    troupe_ref_t *next = troupe_find(self, number == 1 ? "c" : "b");
    expect(troupe_forward(self, next) == TROUPE_OK);
    troupe_ref_release(&next);
    return 0;
}

ORDER(ask_in_a_chain)
{
    (void)message;
    ask_order(self, "b", pass_on);
    return 0;
}

static void the_third_in_a_chain_answers(void **state)
{
    (void)state;
    tell("a", ask_in_a_chain);
    comes("ok:from the third");
}

ORDER(put_aside_once)
{
    (void)message;
    if (++number == 1) {
        expect(troupe_stash(self) == TROUPE_OK);
        note("aside");
    } else {
        troupe_message_t *text = troupe_message_from_text("in my next life");
        expect(troupe_answer(self, &text));
    }
    return 0;
}

ORDER(ask_to_put_aside)
{
    (void)message;
    ask_order(self, "b", put_aside_once);
    return 0;
}

static void what_is_aside_is_answered_in_the_next_life(void **state)
{
    (void)state;
    tell("a", ask_to_put_aside);
    comes("aside");
    fails("b");
    comes("ok:in my next life");
}

ORDER(send_many_and_an_urgent_one)
{
    (void)message;
    troupe_ref_t *b = troupe_find(self, "b");
    for (int i = 0; i < N_QUEUED; i++) {
        troupe_message_t *one = troupe_message_from_text("");
        expect(troupe_send(self, b, &one) == TROUPE_OK);
    }
    troupe_message_t *urgent = troupe_message_from_text("urgent");
    expect(troupe_send_urgent(self, b, &urgent) == TROUPE_OK);
    troupe_ref_release(&b);
    note("sent");
    return 0;
}

static void an_urgent_one_overtakes_ten_thousand(void **state)
{
    (void)state;
    holds("b");
    tell("a", send_many_and_an_urgent_one);
    comes("sent");
    gate_open(&gate);
    comes("b<a:urgent at 0");
    say("b", "last");
    comes("b<nobody:last at 10000");
}

ORDER(join_red)
{
    (void)message;
    expect(troupe_join(self, "red") == TROUPE_OK);
    note("joined");
    return 0;
}

ORDER(count_red)
{
    (void)message;
    note("%zu", troupe_group_size(self, "red"));
    return 0;
}

static void who_fails_or_hangs_leaves_its_groups(void **state)
{
    (void)state;
    tell("a", monitor_both);
    comes("watches");
    tell("b", join_red);
    comes("joined");
    tell("c", join_red);
    comes("joined");
    tell("a", count_red);
    comes("2");
    char down[40];
    snprintf(down, sizeof down, "a!b:%d", TROUPE_REASON_FAILED);
    fails("b");
    comes(down);
    tell("a", count_red);
    comes("1");
    size_t n_lives = gate_n_come(&lives);
    holds("c"); /* until it is given up */
    snprintf(down, sizeof down, "a!c:%d", TROUPE_REASON_HUNG);
    comes(down);
    tell("a", count_red);
    comes("0");
    assert_true(gate_await(&lives, n_lives + 1));
}

static void assert_reply(const char *capability, const char *actor, troupe_outcome_t outcome,
                         const char *text)
{
    troupe_reply_t *reply = line_final(&line, line_start(&line, capability, NULL, actor));
    assert_outcome(troupe_reply_outcome(reply), outcome);
    if (outcome == TROUPE_OUTCOME_OK) {
        assert_true(reply_says(reply, text));
    } else {
        assert_non_null(strstr(troupe_reply_text(reply), text));
    }
    troupe_reply_destroy(&reply);
}

/* A request is kept until an actor has answered. */
static void workers_that_serve_ask_actors(void **state)
{
    (void)state;
    const char *const desks[] = {"desk", "inline-desk"};
    line_open(&line, &rig, INSIDE);
    for (size_t i = 0; i < 2; i++) {
        assert_reply(desks[i], "oracle", TROUPE_OUTCOME_OK, "ask me again");
        assert_reply(desks[i], "stranger", TROUPE_OUTCOME_WORKER_ERROR,
                     "stranger: there is no such actor");
        assert_reply(desks[i], "b", TROUPE_OUTCOME_WORKER_ERROR,
                     "b: it took the message, and has not answered");
        rig_await_rest(&rig, desks[i]);
    }
    line_assert_quiet(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        STORY(a_thread_of_the_program_is_nobody),
        STORY(links_and_monitors_reach_across_supervisors),
        STORY(the_third_in_a_chain_answers),
        STORY(what_is_aside_is_answered_in_the_next_life),
        STORY(an_urgent_one_overtakes_ten_thousand),
        STORY(who_fails_or_hangs_leaves_its_groups),
        STORY(workers_that_serve_ask_actors),
    };
    return cmocka_run_group_tests_name("talking", tests, NULL, NULL) != 0;
}
