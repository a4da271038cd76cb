/* Actors a, b, c that are told by the test what to do, in the middle of their `receive`: an
 * order is a message that brings a function. All else that they take they note, and the test
 * compares what was noted. It is their parent, and starts their next lives. */

#include "tests/kit/check.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/actor.h>

#include "actors/inspection.h"
#include "actors/worker.h"
#include "base/clock.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"
#include "tests/kit/fault_point.h"

#define PATIENCE_MS   20000
#define MOST_ACTORS   3
#define MAILBOX_ROOM  100
#define MAILBOX_BYTES 100000
#define HOME          "family"
#define AGES_MS       600000
#define TRACE_SIZE    4000
#define N_MANY_TIMERS 10000

/* All stories are told of both kinds. */
static bool is_inline;

/* ---- what was noted ---- */

static struct notes {
    pthread_mutex_t mutex;
    pthread_cond_t is_new;
    char trace[TRACE_SIZE];
    sem_t gate; /* where somebody hangs */
    sem_t is_at_gate;
    atomic_int n_ticks;
    atomic_int n_wrong;
    atomic_bool puts_down_aside;
} notes;

static void note(const char *format, ...)
{
    char word[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(word, sizeof word, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&notes.mutex);
    size_t size = strlen(notes.trace);
    snprintf(notes.trace + size, sizeof notes.trace - size, "%s%s", size ? " " : "", word);
    pthread_cond_broadcast(&notes.is_new);
    pthread_mutex_unlock(&notes.mutex);
}

/* Actors are on threads of their own, where nothing can be asserted: what is wrong is noted,
 * and then is not what comes; and it is counted, for those stories that do not look at all that
 * comes. */
static void note_wrong(int line, const char *what)
{
    atomic_fetch_add(&notes.n_wrong, 1);
    note("line %d: %s", line, what);
}

#define expect(is_so) ((is_so) ? (void)0 : note_wrong(__LINE__, #is_so))
#define expect_status(status, want)                                                            \
    do {                                                                                       \
        troupe_status_t found = (status);                                                      \
        if (found != (want)) {                                                                 \
            note_wrong(__LINE__, troupe_status_name(found));                                   \
        }                                                                                      \
    } while (0)

static void wait_until(bool (*is_so)(const void *arg), const void *arg)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&notes.mutex);
    while (!is_so(arg) && pthread_cond_timedwait(&notes.is_new, &notes.mutex, &until) == 0) {
    }
    pthread_mutex_unlock(&notes.mutex);
}

static bool has_come(const void *arg)
{
    return strlen(notes.trace) >= strlen(arg);
}

/* This is what comes, and then it is forgotten. */
static void comes(const char *words)
{
    wait_until(has_come, words);
    char trace[TRACE_SIZE];
    pthread_mutex_lock(&notes.mutex);
    strcpy(trace, notes.trace);
    notes.trace[0] = '\0';
    pthread_mutex_unlock(&notes.mutex);
    assert_string_equal(trace, words);
}

/* ---- the behaviour ---- */

typedef struct scene scene_t;

typedef int(order_fn)(troupe_worker_t *self, const troupe_message_t *message, scene_t *scene);

typedef struct order {
    order_fn *fn;
    scene_t *scene;
} order_t;

static const char *name_of(const troupe_ref_t *ref)
{
    return ref ? troupe_ref_name(ref) : "nobody";
}

/* A text answers by itself, or does not, as it says. */
static int take_text(troupe_worker_t *self, const troupe_message_t *message)
{
    char *text = troupe_message_text(message, 0);
    bool is_ask = troupe_message_kind(message) == TROUPE_MESSAGE_ASK;
    note("%s%s%s:%s", troupe_worker_name(self), is_ask ? "?" : "<",
         name_of(troupe_message_sender(message)), text);
    int verdict = strcmp(text, "break") == 0 ? -1 : 0;
    if (is_ask && strcmp(text, "refuse") == 0) {
        expect(troupe_refuse(self, "not %s", "today"));
    } else if (is_ask && strcmp(text, "ignore") != 0 && !verdict) {
        troupe_message_t *answer = troupe_message_from_text("fine");
        troupe_answer(self, &answer); /* unless nobody waits any more */
    }
    free(text);
    return verdict;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    if (troupe_message_size(message, 0) == sizeof(order_t)) {
        order_t order;
        memcpy(&order, troupe_message_data(message, 0), sizeof order);
        return order.fn(self, message, order.scene);
    }
    if (troupe_message_kind(message) == TROUPE_MESSAGE_TICK) {
        notes.n_ticks++;
        char *text = troupe_message_text(message, 0);
        note("%s~%s", troupe_worker_name(self), text);
        free(text);
        return 0;
    }
    if (troupe_message_kind(message) == TROUPE_MESSAGE_DOWN) {
        if (atomic_exchange(&notes.puts_down_aside, false)) {
            expect_status(troupe_stash(self), TROUPE_OK);
            expect(!troupe_demonitor(self, troupe_message_number(message))); /* it has come */
        }
        note("%s!%s:%s", troupe_worker_name(self), name_of(troupe_message_sender(message)),
             tr_reason_name(troupe_message_reason(message).kind));
        return 0;
    }
    return take_text(self, message);
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p);
static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason);

static const troupe_behaviour_t puppet = {
    .name = "puppet",
    .init = init,
    .receive = receive,
    .terminate = terminate,
};

/* ---- the scene ---- */

struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_worker_plan_t plan; /* of those that are started next */
    tr_actor_t *actors[MOST_ACTORS];
    tr_actor_t *lost[MOST_ACTORS]; /* given up */
    size_t n_lost;
    troupe_ref_t *refs[MOST_ACTORS]; /* of the last lives */
    troupe_question_t *question;
    uint64_t id;
    atomic_int number;
    order_fn *at_init;
    _Atomic(order_fn *) at_end; /* the test changes it while actors may be ending */
};

static scene_t *the_scene;

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    (void)state_p;
    return the_scene->at_init ? the_scene->at_init(self, NULL, the_scene) : 0;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)state_p;
    (void)reason;
    order_fn *at_end = atomic_load(&the_scene->at_end);
    if (at_end) {
        at_end(self, NULL, the_scene);
    }
}

/* The next of any child. */
static tr_letter_t *parent_gets(scene_t *scene)
{
    int64_t deadline_ms = tr_clock_now_us() / 1000 + PATIENCE_MS;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene->parent, NULL)) == NULL) {
        int64_t left_ms = deadline_ms - tr_clock_now_us() / 1000;
        if (left_ms <= 0) {
            fail_msg("the parent hears nothing; noted was: %s", notes.trace);
        }
        if (tr_mailbox_park(scene->parent)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(scene->parent), .events = POLLIN};
            poll(&bell, 1, (int)left_ms);
            tr_mailbox_unpark(scene->parent);
        }
    }
    return letter;
}

static tr_control_t parent_hears(scene_t *scene)
{
    tr_letter_t *letter = parent_gets(scene);
    tr_control_t word = *tr_control_in(letter);
    tr_letter_destroy(&letter);
    return word;
}

static void start(scene_t *scene, size_t i)
{
    const char name[] = {(char)('a' + i), '\0'};
    tr_start_fn *start_worker = is_inline ? tr_inline_worker_start : tr_worker_start;
    assert_status(start_worker(&(tr_birth_t){.what = &scene->plan,
                                             .name = name,
                                             .runtime = scene->runtime,
                                             .parent = scene->parent,
                                             .home = HOME},
                               &scene->actors[i]),
                  TROUPE_OK);
    troupe_ref_release(&scene->refs[i]);
    scene->refs[i] = troupe_ref_share(scene->actors[i]->ref);
    tr_control_t word = parent_hears(scene);
    assert_string_equal(tr_word_name(word.word), tr_word_name(TR_WORD_STARTED));
}

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->runtime = tr_runtime_new("test");
    scene->parent = tr_mailbox_new("parent", 1, (tr_mailbox_limits_t){100, 100000});
    assert_non_null(scene->runtime);
    assert_non_null(scene->parent);
    scene->plan = (tr_worker_plan_t){.behaviour = &puppet,
                                     .idle_after_ms = 1,
                                     .is_lasting = true,
                                     .limits = {MAILBOX_ROOM, MAILBOX_BYTES}};
    memset(&notes, 0, sizeof notes);
    pthread_mutex_init(&notes.mutex, NULL);
    pthread_cond_init(&notes.is_new, NULL);
    sem_init(&notes.gate, 0, 0);
    sem_init(&notes.is_at_gate, 0, 0);
    the_scene = scene;
    *state = scene;
    return 0;
}

static int set_up_two(void **state)
{
    set_up(state);
    start(*state, 0);
    start(*state, 1);
    return 0;
}

static void ended(scene_t *scene, size_t i, troupe_reason_kind_t kind);

static int tear_down(void **state)
{
    scene_t *scene = *state;
    scene->at_end = (order_fn *)0; // clang warns of NULL in an atomic function pointer
    for (size_t i = 0; i < MOST_ACTORS; i++) {
        if (scene->actors[i]) {
            sem_post(&notes.gate);
            tr_actor_ask_to_stop(scene->actors[i], tr_reason_of(TROUPE_REASON_SHUTDOWN));
            if (tr_actor_reap(&scene->actors[i], PATIENCE_MS) != TROUPE_OK) {
                return -1;
            }
        }
        if (scene->refs[i]) {
            tr_runtime_retire(scene->runtime, HOME, troupe_ref_name(scene->refs[i]), false);
        }
        troupe_ref_release(&scene->refs[i]);
    }
    for (size_t i = 0; i < scene->n_lost; i++) {
        sem_post(&notes.gate);
        if (tr_actor_reap(&scene->lost[i], PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    tr_question_release(&scene->question);
    tr_mailbox_close(scene->parent);
    tr_mailbox_release(&scene->parent);
    tr_runtime_release(&scene->runtime);
    sem_destroy(&notes.gate);
    sem_destroy(&notes.is_at_gate);
    pthread_mutex_destroy(&notes.mutex);
    pthread_cond_destroy(&notes.is_new);
    free(scene);
    if (atomic_load(&notes.n_wrong) > 0) {
        print_error("an actor found something wrong: %s\n", notes.trace);
        return -1;
    }
    return 0;
}

/* ---- what the test does ---- */

enum { A, B, C };

static tr_mail_t *mail_with(const void *data, size_t size)
{
    troupe_message_t *message = troupe_message_from(data, size);
    assert_non_null(message);
    tr_mail_t *mail = tr_mail_new(&message, NULL, NULL);
    assert_non_null(mail);
    return mail;
}

static void tell(scene_t *scene, size_t i, order_fn *fn)
{
    const order_t order = {fn, scene};
    assert_status(tr_runtime_post(scene->runtime, scene->refs[i], TR_LANE_USER,
                                  mail_with(&order, sizeof order)),
                  TROUPE_OK);
}

static void say(scene_t *scene, size_t i, const char *text)
{
    assert_status(tr_runtime_post(scene->runtime, scene->refs[i], TR_LANE_USER,
                                  mail_with(text, strlen(text))),
                  TROUPE_OK);
}

static int wait_at_gate(troupe_worker_t *self, const troupe_message_t *message, scene_t *scene)
{
    (void)self;
    (void)message;
    (void)scene;
    sem_post(&notes.is_at_gate);
    while (sem_wait(&notes.gate) != 0) {
    }
    return 0;
}

/* It has come to the gate, and stays there until it is opened. */
static void holds(scene_t *scene, size_t i)
{
    tell(scene, i, wait_at_gate);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
}

static void opens(void)
{
    sem_post(&notes.gate);
}

/* As a supervisor does, who alone knows whether there will be another life. */
static void tell_of_end(scene_t *scene, size_t i, uint64_t incarnation,
                        const tr_reason_t *reason)
{
    if (scene->plan.is_lasting) {
        tr_ref_end(scene->refs[i], incarnation, reason);
    }
}

static void ended(scene_t *scene, size_t i, troupe_reason_kind_t kind)
{
    uint64_t incarnation = scene->actors[i]->incarnation;
    tr_control_t word = parent_hears(scene);
    assert_string_equal(tr_word_name(word.word), tr_word_name(TR_WORD_ENDED));
    assert_int_equal(word.incarnation, incarnation);
    assert_string_equal(tr_reason_name(word.reason.kind), tr_reason_name(kind));
    assert_status(tr_actor_reap(&scene->actors[i], PATIENCE_MS), TROUPE_OK);
    tell_of_end(scene, i, incarnation, &word.reason);
}

static void fails(scene_t *scene, size_t i)
{
    say(scene, i, "break");
    ended(scene, i, TROUPE_REASON_FAILED);
}

static void stops(scene_t *scene, size_t i)
{
    tr_actor_ask_to_stop(scene->actors[i], tr_reason_of(TROUPE_REASON_SHUTDOWN));
    ended(scene, i, TROUPE_REASON_SHUTDOWN);
}

static void is_gone(scene_t *scene, size_t i)
{
    stops(scene, i);
    tr_runtime_retire(scene->runtime, HOME, troupe_ref_name(scene->refs[i]), false);
    assert_true(troupe_ref_is_over(scene->refs[i]));
}

/* Its supervisor gives it up; it stays at the gate. */
static void hangs(scene_t *scene, size_t i)
{
    const tr_reason_t hung = tr_reason_of(TROUPE_REASON_HUNG);
    atomic_store(&scene->actors[i]->pulse->is_abandoned, 1);
    tr_actor_abandon(scene->actors[i], scene->runtime, &hung);
    tell_of_end(scene, i, scene->actors[i]->incarnation, &hung);
    scene->lost[scene->n_lost++] = scene->actors[i];
    scene->actors[i] = NULL;
}

/* ---- what actors do ---- */

static void send_text(troupe_worker_t *self, troupe_ref_t *to, const char *text,
                      troupe_status_t want)
{
    troupe_message_t *message = troupe_message_from_text(text);
    expect_status(troupe_send(self, to, &message), want);
    expect(!message);
}

static int take_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    expect(troupe_reply_is_final(reply));
    expect(arg == NULL || arg == the_scene);
    const troupe_message_t *message = troupe_reply_message(reply);
    char *answer = message ? troupe_message_text(message, 0) : strdup("");
    const char *text = troupe_reply_text(reply);
    note("%s=%s%s%s%s%s%s", troupe_worker_name(self),
         troupe_outcome_name(troupe_reply_outcome(reply)), *answer ? ":" : "", answer,
         *text ? "(" : "", text, *text ? ")" : "");
    free(answer);
    return 0;
}

static void ask_text(troupe_worker_t *self, troupe_ref_t *to, const char *text,
                     int64_t timeout_ms)
{
    troupe_message_t *message = troupe_message_from_text(text);
    expect_status(
        troupe_ask(self, to, &message, timeout_ms, take_answer, the_scene, &the_scene->id),
        TROUPE_OK);
    expect(!message);
}

/* A function that lives in one line of a story. */
#define ORDER(name)                                                                            \
    static int name(troupe_worker_t *self, const troupe_message_t *message, scene_t *scene)

#define UNUSED_MESSAGE (void)message

/* ---- sending ---- */

ORDER(greet_b)
{
    UNUSED_MESSAGE;
    send_text(self, scene->refs[B], "hello", TROUPE_OK);
    troupe_ref_t *b = troupe_find(self, "b");
    expect(b == scene->refs[B]);
    troupe_ref_release(&b);
    troupe_message_t *named = troupe_message_from_text("again");
    expect_status(troupe_send_named(self, "b", &named), TROUPE_OK);
    troupe_message_t *nothing = NULL;
    expect_status(troupe_send(self, scene->refs[B], &nothing), TROUPE_OK);
    return 0;
}

static void a_message_says_who_sent_it(void **state)
{
    tell(*state, A, greet_b);
    comes("b<a:hello b<a:again b<a:");
    say(*state, B, "who am I?");
    comes("b<nobody:who am I?");
}

ORDER(write_to_itself)
{
    UNUSED_MESSAGE;
    send_text(self, troupe_self(self), "note", TROUPE_OK);
    note("first");
    expect(strcmp(troupe_ref_name(troupe_self(self)), "a") == 0);
    (void)scene;
    return 0;
}

static void one_writes_to_oneself(void **state)
{
    tell(*state, A, write_to_itself);
    comes("first a<a:note");
}

static void send_urgent(troupe_worker_t *self, troupe_ref_t *to, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    expect_status(troupe_send_urgent(self, to, &message), TROUPE_OK);
}

ORDER(send_four)
{
    UNUSED_MESSAGE;
    send_text(self, scene->refs[B], "1", TROUPE_OK);
    send_urgent(self, scene->refs[B], "2");
    send_text(self, scene->refs[B], "3", TROUPE_OK);
    send_urgent(self, scene->refs[B], "4");
    note("sent");
    return 0;
}

static void only_urgent_ones_overtake(void **state)
{
    holds(*state, B);
    tell(*state, A, send_four);
    comes("sent");
    opens();
    comes("b<a:2 b<a:4 b<a:1 b<a:3");
}

ORDER(send_to_nobody)
{
    UNUSED_MESSAGE;
    send_text(self, scene->refs[B], "gone", TROUPE_NOT_FOUND);
    send_text(self, NULL, "nobody", TROUPE_NOT_FOUND);
    troupe_message_t *lost = troupe_message_from_text("lost");
    expect_status(troupe_send_named(self, "stranger", &lost), TROUPE_NOT_FOUND);
    expect(!lost);
    lost = troupe_message_from_text("lost");
    expect_status(troupe_send_named(self, NULL, &lost), TROUPE_NOT_FOUND);
    expect(!troupe_find(self, "stranger"));
    expect(!troupe_find(self, NULL));
    expect(!troupe_find(self, "b"));
    note("done");
    return 0;
}

static uint64_t n_dead_letters(const scene_t *scene)
{
    return (uint64_t)tr_metric_value(scene->runtime->dead_letters);
}

static void to_nobody_there_are_dead_letters(void **state)
{
    is_gone(*state, B);
    tell(*state, A, send_to_nobody);
    comes("done");
    assert_int_equal(n_dead_letters(*state), 4);
}

ORDER(fill_b)
{
    UNUSED_MESSAGE;
    for (int i = 0; i < MAILBOX_ROOM; i++) {
        send_text(self, scene->refs[B], "ignore", TROUPE_OK);
    }
    send_text(self, scene->refs[B], "too many", TROUPE_FULL);
    ask_text(self, scene->refs[B], "too many", 0);
    note("full");
    return 0;
}

/* Of bytes, too: one that is larger than all that may be there fits alone. */
ORDER(send_large_ones_to_b)
{
    UNUSED_MESSAGE;
    static const char large[MAILBOX_BYTES];
    troupe_message_t *one = troupe_message_from(large, sizeof large);
    expect_status(troupe_send(self, scene->refs[B], &one), TROUPE_OK);
    send_text(self, scene->refs[B], "x", TROUPE_FULL);
    note("full");
    return 0;
}

static void a_mailbox_may_be_full_of_bytes(void **state)
{
    scene_t *scene = *state;
    holds(scene, B);
    tell(scene, A, send_large_ones_to_b);
    comes("full");
    assert_int_equal(n_dead_letters(scene), 1);
    opens();
    comes("b<a:");
}

static void a_full_mailbox_says_so(void **state)
{
    holds(*state, B);
    tell(*state, A, fill_b);
    comes("full a=overloaded(b: its mailbox is full)");
    assert_int_equal(n_dead_letters(*state), 2);
    opens();
}

/* ---- asking ---- */

ORDER(ask_b_well)
{
    UNUSED_MESSAGE;
    ask_text(self, scene->refs[B], "well?", 0);
    return 0;
}

ORDER(ask_b_to_refuse)
{
    UNUSED_MESSAGE;
    ask_text(self, scene->refs[B], "refuse", 0);
    return 0;
}

ORDER(ask_b_to_ignore)
{
    UNUSED_MESSAGE;
    ask_text(self, scene->refs[B], "ignore", 0);
    return 0;
}

ORDER(ask_b_to_break)
{
    UNUSED_MESSAGE;
    ask_text(self, scene->refs[B], "break", 0);
    return 0;
}

ORDER(ask_nobody)
{
    UNUSED_MESSAGE;
    (void)scene;
    ask_text(self, NULL, "well?", 0);
    return 0;
}

ORDER(ask_by_name)
{
    UNUSED_MESSAGE;
    const char *const names[] = {"b", "stranger", NULL};
    for (size_t i = 0; i < 3; i++) {
        troupe_message_t *text = troupe_message_from_text("well?");
        expect_status(
            troupe_ask_named(self, names[i], &text, AGES_MS, take_answer, scene, NULL),
            TROUPE_OK);
    }
    return 0;
}

ORDER(ask_itself)
{
    UNUSED_MESSAGE;
    (void)scene;
    ask_text(self, troupe_self(self), "well?", 0);
    note("asked");
    return 0;
}

static void whoever_asks_is_answered(void **state)
{
    tell(*state, A, ask_b_well);
    comes("b?a:well? a=ok:fine");
}

static void or_refused(void **state)
{
    tell(*state, A, ask_b_to_refuse);
    comes("b?a:refuse a=worker_error(not today)");
}

static void or_told_that_there_is_no_answer(void **state)
{
    tell(*state, A, ask_b_to_ignore);
    comes("b?a:ignore a=worker_lost(b: it took the message, and has not answered)");
}

static void or_that_it_failed(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_to_break);
    comes("b?a:break a=worker_lost(b: it failed while it had the message)");
    ended(scene, B, TROUPE_REASON_FAILED);
    assert_int_equal(n_dead_letters(scene), 1);
}

static void or_that_it_is_gone(void **state)
{
    is_gone(*state, B);
    tell(*state, A, ask_b_well);
    comes("a=worker_lost(b: it has ended for good)");
}

static void or_that_it_went_before_it_took_it(void **state)
{
    scene_t *scene = *state;
    stops(scene, B);
    tell(scene, A, ask_b_well);
    holds(scene, A);
    tr_runtime_retire(scene->runtime, HOME, "b", false);
    opens();
    comes("a=worker_lost(b: it has ended for good)");
}

static void or_that_there_is_nobody(void **state)
{
    tell(*state, A, ask_nobody);
    comes("a=no_capability(it was sent to nobody)");
}

static void one_may_ask_by_name(void **state)
{
    tell(*state, A, ask_by_name);
    holds(*state, A);
    opens();
    wait_until(has_come, "b?a:well? a=no_capability(stranger: there is no such actor) "
                         "a=no_capability(it was sent to nobody) a=ok:fine");
    /* b may be slow, but these two come in this order */
    assert_non_null(strstr(notes.trace, "a=no_capability(stranger: there is no such actor)"));
    assert_non_null(strstr(notes.trace, "a=no_capability(it was sent to nobody)"));
    assert_non_null(strstr(notes.trace, "a=ok:fine"));
}

static void one_may_ask_oneself(void **state)
{
    tell(*state, A, ask_itself);
    comes("asked a?a:well? a=ok:fine");
}

/* ---- giving up ---- */

ORDER(ask_b_briefly)
{
    UNUSED_MESSAGE;
    ask_text(self, scene->refs[B], "well?", 20);
    return 0;
}

ORDER(ask_b_and_cancel)
{
    UNUSED_MESSAGE;
    ask_text(self, scene->refs[B], "well?", AGES_MS);
    troupe_worker_cancel(self, scene->id);
    troupe_worker_cancel(self, scene->id); /* once is enough */
    troupe_worker_cancel(self, scene->id + 1000);
    expect(!troupe_timer_cancel(self, scene->id)); /* it is no timer */
    return 0;
}

ORDER(cancel)
{
    UNUSED_MESSAGE;
    troupe_worker_cancel(self, scene->id);
    note("cancelled");
    return 0;
}

/* What comes too late is dropped: the next answer is that of the next question. */
static void time_runs_out(void **state)
{
    scene_t *scene = *state;
    holds(scene, B);
    tell(scene, A, ask_b_briefly);
    comes("a=timeout(b has not answered within 20 ms)");
    opens();
    comes("b?a:well?");
    tell(scene, A, ask_b_to_refuse);
    comes("b?a:refuse a=worker_error(not today)");
}

static void an_ask_is_cancelled(void **state)
{
    scene_t *scene = *state;
    holds(scene, B);
    tell(scene, A, ask_b_and_cancel);
    comes("a=cancelled(b is not waited for any more)");
    opens();
    comes("b?a:well?");
    tell(scene, A, ask_b_to_refuse);
    comes("b?a:refuse a=worker_error(not today)");
}

/* The answer lies in the mailbox already. */
static void it_is_cancelled_before_its_answer_is_taken(void **state)
{
    scene_t *scene = *state;
    holds(scene, B);
    tell(scene, A, ask_b_well);
    holds(scene, A);
    tell(scene, A, cancel);
    opens(); /* one of both, */
    opens(); /* and the other */
    wait_until(has_come, "b?a:well? cancelled a=cancelled(b is not waited for any more)");
    const char *final = strstr(notes.trace, "a=");
    assert_non_null(final);
    assert_null(strstr(final + 1, "a=")); /* one final, whichever it is */
}

ORDER(keep_question)
{
    expect(troupe_message_kind(message) == TROUPE_MESSAGE_ASK);
    expect(troupe_message_remaining_ms(message) > AGES_MS / 2);
    scene->question = troupe_take_question(self);
    expect(scene->question);
    expect(!troupe_take_question(self));
    troupe_message_t *answer = troupe_message_from_text("x");
    expect(!troupe_answer(self, &answer)); /* that is not in hand any more */
    expect(!answer);
    expect(!troupe_refuse(self, "x"));
    expect(troupe_question_is_awaited(scene->question));
    note("kept");
    return 0;
}

/* Ask b for what the order says. */
static void ask_order(troupe_worker_t *self, scene_t *scene, order_fn *fn, int64_t timeout_ms)
{
    const order_t order = {fn, scene};
    troupe_message_t *message = troupe_message_from(&order, sizeof order);
    expect_status(
        troupe_ask(self, scene->refs[B], &message, timeout_ms, take_answer, scene, &scene->id),
        TROUPE_OK);
}

ORDER(ask_b_to_keep)
{
    UNUSED_MESSAGE;
    ask_order(self, scene, keep_question, AGES_MS);
    return 0;
}

static void a_question_is_answered_on_another_thread(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_to_keep);
    comes("kept");
    say(scene, B, "go on");
    comes("b<nobody:go on");
    troupe_message_t *answer = troupe_message_from_text("later");
    troupe_question_answer(&scene->question, &answer);
    comes("a=ok:later");
}

static void nobody_waits_when_whoever_asked_has_cancelled(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_to_keep);
    comes("kept");
    tell(scene, A, cancel);
    comes("cancelled a=cancelled(b is not waited for any more)");
    assert_false(troupe_question_is_awaited(scene->question));
    troupe_question_refuse(&scene->question, "too late");
    say(scene, A, "and now?");
    comes("a<nobody:and now?");
}

static void nobody_waits_when_whoever_asked_has_ended(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_to_keep);
    comes("kept");
    fails(scene, A);
    comes("a<nobody:break");
    assert_false(troupe_question_is_awaited(scene->question));
    start(scene, A);
    troupe_question_refuse(&scene->question, "too late");
    say(scene, A, "and now?");
    comes("a<nobody:and now?");
}

/* The one that had taken it is gone: it was its own business to answer. */
static void a_question_that_was_taken_outlives_who_took_it(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_to_keep);
    comes("kept");
    fails(scene, B);
    comes("b<nobody:break");
    assert_true(troupe_question_is_awaited(scene->question));
    tr_question_release(&scene->question);
    comes("a=worker_lost(b has let go of the question without an answer)");
}

ORDER(keep_question_and_hang)
{
    keep_question(self, message, scene);
    return wait_at_gate(self, message, scene);
}

ORDER(ask_b_to_keep_and_hang)
{
    UNUSED_MESSAGE;
    ask_order(self, scene, keep_question_and_hang, AGES_MS);
    return 0;
}

/* What it had in its hands is lost, but the question was not there any more. */
static void a_question_that_was_taken_is_not_lost_with_who_hangs(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_to_keep_and_hang);
    comes("kept");
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    hangs(scene, B);
    assert_int_equal(n_dead_letters(scene), 1);
    assert_true(troupe_question_is_awaited(scene->question));
    troupe_message_t *answer = troupe_message_from_text("later");
    troupe_question_answer(&scene->question, &answer);
    comes("a=ok:later");
}

/* The answer is there before `init` returns, and is taken after that. */
static void ask_b_and_wait_for_mail(troupe_worker_t *self, scene_t *scene, int64_t timeout_ms)
{
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    ask_text(self, scene->refs[B], "well?", timeout_ms);
    while (!tr_mailbox_has_letters(self->self->mailbox) && tr_clock_now_ms() < until_ms) {
        poll(NULL, 0, 1);
    }
    expect(tr_mailbox_has_letters(self->self->mailbox));
}

ORDER(cancel_what_is_answered)
{
    UNUSED_MESSAGE;
    ask_b_and_wait_for_mail(self, scene, AGES_MS);
    troupe_worker_cancel(self, scene->id);
    return 0;
}

ORDER(wait_too_long_for_what_is_answered)
{
    UNUSED_MESSAGE;
    int64_t begun_ms = tr_clock_now_ms();
    ask_b_and_wait_for_mail(self, scene, 100);
    while (tr_clock_now_ms() <= begun_ms + 100) {
        poll(NULL, 0, 1);
    }
    return 0;
}

static void an_answer_that_waits_until_nobody_does_is_dropped(void **state)
{
    scene_t *scene = *state;
    start(scene, B);
    scene->at_init = cancel_what_is_answered;
    start(scene, A);
    comes("b?a:well? a=cancelled(b is not waited for any more)");
    stops(scene, A);
    scene->at_init = wait_too_long_for_what_is_answered;
    start(scene, A);
    wait_until(has_come, "b?a:well? a=timeout(b has not answered within 100 ms)");
    assert_non_null(strstr(notes.trace, "a=timeout(b has not answered within 100 ms)"));
    assert_null(strstr(notes.trace, "a=ok"));
}

ORDER(ask_b_and_fail_when_it_is_answered)
{
    UNUSED_MESSAGE;
    ask_b_and_wait_for_mail(self, scene, AGES_MS);
    return -1;
}

/* The first questions of two lives have two numbers. */
static void an_answer_to_another_life_is_not_taken(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_and_fail_when_it_is_answered);
    ended(scene, A, TROUPE_REASON_FAILED);
    scene->at_init = ask_b_to_refuse;
    start(scene, A);
    comes("b?a:well? b?a:refuse a=worker_error(not today)");
}

static int break_on_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)reply;
    (void)arg;
    troupe_worker_explain(self, "that was too much");
    return -1;
}

ORDER(ask_b_and_break)
{
    UNUSED_MESSAGE;
    troupe_message_t *text = troupe_message_from_text("well?");
    expect_status(troupe_ask(self, scene->refs[B], &text, 0, break_on_answer, NULL, &scene->id),
                  TROUPE_OK);
    return 0;
}

static void an_answer_may_be_too_much(void **state)
{
    tell(*state, A, ask_b_and_break);
    ended(*state, A, TROUPE_REASON_FAILED);
    comes("b?a:well?");
}

/* ---- forwarding ---- */

ORDER(forward_to_c)
{
    UNUSED_MESSAGE;
    note("on");
    expect_status(troupe_forward(self, scene->refs[C]), TROUPE_OK);
    expect_status(troupe_forward(self, scene->refs[C]), TROUPE_ERR_INVALID);
    expect_status(troupe_stash(self), TROUPE_ERR_INVALID);
    expect(!troupe_take_question(self));
    troupe_message_t *answer = troupe_message_from_text("x");
    expect(!troupe_answer(self, &answer));
    return scene->number;
}

/* c takes the same order, and does this. */
ORDER(pass_then_answer)
{
    if (self->self->ref == scene->refs[B]) {
        return forward_to_c(self, message, scene);
    }
    note("c%s%s", troupe_message_kind(message) == TROUPE_MESSAGE_ASK ? "?" : "<",
         name_of(troupe_message_sender(message)));
    troupe_message_t *answer = troupe_message_from_text("from c");
    troupe_answer(self, &answer);
    expect(!answer);
    return 0;
}

ORDER(ask_b_to_pass)
{
    UNUSED_MESSAGE;
    ask_order(self, scene, pass_then_answer, AGES_MS);
    return 0;
}

static void another_one_answers(void **state)
{
    start(*state, C);
    tell(*state, A, ask_b_to_pass);
    comes("on c?a a=ok:from c");
    tell(*state, B, pass_then_answer);
    comes("on c<nobody");
}

static void forwarded_and_failed_it_is_not_lost(void **state)
{
    scene_t *scene = *state;
    start(scene, C);
    scene->number = -1;
    tell(scene, A, ask_b_to_pass);
    comes("on c?a a=ok:from c");
    ended(scene, B, TROUPE_REASON_FAILED);
    assert_int_equal(n_dead_letters(scene), 0);
}

ORDER(pass_to_nobody)
{
    UNUSED_MESSAGE;
    (void)scene;
    expect_status(troupe_forward(self, NULL), TROUPE_NOT_FOUND);
    expect_status(troupe_forward(self, NULL), TROUPE_ERR_INVALID);
    return 0;
}

ORDER(ask_b_to_pass_to_nobody)
{
    UNUSED_MESSAGE;
    ask_order(self, scene, pass_to_nobody, AGES_MS);
    return 0;
}

static void forwarded_to_nobody_it_is_told(void **state)
{
    tell(*state, A, ask_b_to_pass_to_nobody);
    comes("a=no_capability(it was sent to nobody)");
}

/* ---- putting aside ---- */

ORDER(put_aside)
{
    UNUSED_MESSAGE;
    if (scene->number-- > 0) {
        expect_status(troupe_stash(self), TROUPE_OK);
        expect_status(troupe_stash(self), TROUPE_OK); /* twice is once */
        expect_status(troupe_forward(self, scene->refs[A]), TROUPE_ERR_INVALID);
        note("aside");
    } else {
        note("taken:%lld", (long long)troupe_message_remaining_ms(message));
        troupe_message_t *answer = troupe_message_from_text("at last");
        troupe_answer(self, &answer);
    }
    return 0;
}

ORDER(take_again)
{
    UNUSED_MESSAGE;
    (void)scene;
    troupe_unstash(self);
    troupe_unstash(self);
    note("again");
    return 0;
}

static void what_is_aside_comes_before_all_else(void **state)
{
    scene_t *scene = *state;
    scene->number = 2;
    holds(scene, A);
    tell(scene, A, put_aside);
    say(scene, A, "1");
    tell(scene, A, put_aside);
    tell(scene, A, take_again);
    say(scene, A, "2");
    opens();
    comes("aside a<nobody:1 aside again taken:0 taken:0 a<nobody:2");
}

ORDER(take_one_again)
{
    UNUSED_MESSAGE;
    (void)scene;
    troupe_unstash_one(self);
    troupe_unstash_one(self); /* twice is once */
    note("one");
    return 0;
}

static void what_is_aside_comes_one_by_one(void **state)
{
    scene_t *scene = *state;
    scene->number = 3;
    holds(scene, A);
    tell(scene, A, put_aside);
    tell(scene, A, put_aside);
    tell(scene, A, put_aside);
    tell(scene, A, take_one_again);
    say(scene, A, "1");
    tell(scene, A, take_one_again);
    say(scene, A, "2");
    tell(scene, A, take_one_again);
    tell(scene, A, take_one_again); /* none is left */
    say(scene, A, "3");
    opens();
    comes("aside aside aside one taken:0 a<nobody:1 one taken:0 a<nobody:2 one taken:0 one "
          "a<nobody:3");
}

ORDER(take_one_and_all_again)
{
    UNUSED_MESSAGE;
    (void)scene;
    troupe_unstash(self);
    troupe_unstash_one(self);
    note("all");
    return 0;
}

static void all_again_is_more_than_one(void **state)
{
    scene_t *scene = *state;
    scene->number = 2;
    holds(scene, A);
    tell(scene, A, put_aside);
    tell(scene, A, put_aside);
    tell(scene, A, take_one_and_all_again);
    say(scene, A, "1");
    opens();
    comes("aside aside all taken:0 taken:0 a<nobody:1");
}

ORDER(take_again_and_put_aside)
{
    troupe_unstash(self);
    put_aside(self, message, scene);
    troupe_unstash(self);
    return 0;
}

/* What is put aside while others are taken again, or after that, waits for the next time. */
static void what_is_put_aside_meanwhile_is_not_taken_again(void **state)
{
    scene_t *scene = *state;
    scene->number = 2;
    tell(scene, A, put_aside);
    tell(scene, A, take_again_and_put_aside); /* the first one is taken, this one is not */
    say(scene, A, "1");
    comes("aside aside taken:0 a<nobody:1");
    tell(scene, A, take_again);
    comes("again taken:0");
    scene->number = 1;
    tell(scene, A, put_aside);
    say(scene, A, "2");
    comes("aside a<nobody:2");
    tell(scene, A, take_again);
    comes("again taken:0");
}

ORDER(ask_b_to_put_aside)
{
    UNUSED_MESSAGE;
    ask_order(self, scene, put_aside, 20);
    return 0;
}

static void an_ask_that_is_aside_runs_out_and_comes_again(void **state)
{
    scene_t *scene = *state;
    scene->number = 1;
    tell(scene, A, ask_b_to_put_aside);
    static const char both[] = "aside a=timeout(b has not answered within 20 ms)";
    wait_until(has_come, both);
    assert_non_null(strstr(notes.trace, "aside")); /* in whatever order, on a busy machine */
    assert_non_null(strstr(notes.trace, both + sizeof "aside"));
    notes.trace[0] = '\0';
    tell(scene, B, take_again);
    comes("again taken:0");
    say(scene, A, "2");
    comes("a<nobody:2");
}

ORDER(ask_b_to_put_aside_for_long)
{
    UNUSED_MESSAGE;
    ask_order(self, scene, put_aside, TR_NEVER);
    return 0;
}

static void what_is_aside_waits_for_the_next_life(void **state)
{
    scene_t *scene = *state;
    scene->number = 1;
    tell(scene, A, ask_b_to_put_aside_for_long);
    comes("aside");
    fails(scene, B);
    comes("b<nobody:break");
    start(scene, B);
    wait_until(has_come, "taken:0000000000000000 a=ok:at last");
    assert_non_null(strstr(notes.trace, " a=ok:at last"));
}

static void what_is_aside_is_lost_with_the_last_life(void **state)
{
    scene_t *scene = *state;
    scene->number = 1;
    tell(scene, A, ask_b_to_put_aside_for_long);
    comes("aside");
    is_gone(scene, B);
    comes("a=worker_lost(b: it has ended for good)");
    assert_int_equal(n_dead_letters(scene), 1);
}

/* A worker of a capability is not kept from ending by it. */
static void a_worker_ends_with_messages_aside(void **state)
{
    scene_t *scene = *state;
    scene->plan.is_lasting = false;
    start(scene, A);
    start(scene, B);
    scene->number = 1;
    tell(scene, A, ask_b_to_put_aside_for_long);
    comes("aside");
    stops(scene, B);
    comes("a=worker_lost(b: the worker has ended)");
    assert_int_equal(n_dead_letters(scene), 1);
    assert_true(troupe_ref_is_over(scene->refs[B]));
}

ORDER(put_aside_when_full)
{
    UNUSED_MESSAGE;
    (void)scene;
    for (int i = 0; i < MAILBOX_ROOM; i++) {
        send_text(self, troupe_self(self), "", TROUPE_OK);
    }
    send_text(self, troupe_self(self), "", TROUPE_FULL);
    expect_status(troupe_stash(self), TROUPE_FULL);
    note("no room");
    return -1;
}

static void nothing_is_put_aside_where_there_is_no_room(void **state)
{
    tell(*state, A, put_aside_when_full);
    ended(*state, A, TROUPE_REASON_FAILED);
    comes("no room");
}

/* ---- timers ---- */

static uint64_t start_timer(troupe_worker_t *self, int64_t delay_ms, int64_t period_ms,
                            const char *text)
{
    troupe_message_t *message = text ? troupe_message_from_text(text) : NULL;
    uint64_t id = 0;
    expect_status(troupe_timer_start(self, delay_ms, period_ms, &message, &id), TROUPE_OK);
    expect(!message);
    expect(id > 0);
    return id;
}

ORDER(start_two_timers)
{
    UNUSED_MESSAGE;
    (void)scene;
    start_timer(self, 20, 0, "later");
    start_timer(self, -7, -7, "soon");
    expect_status(troupe_timer_start(self, 40, 0, NULL, NULL), TROUPE_OK);
    note("started");
    return 0;
}

static void timers_tick_in_time(void **state)
{
    tell(*state, A, start_two_timers);
    comes("started a~soon a~later a~");
}

ORDER(start_and_be_late)
{
    start_timer(self, 0, 0, "tick");
    wait_at_gate(self, message, scene);
    return 0;
}

static void a_tick_does_not_wait_behind_messages(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, start_and_be_late);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    say(scene, A, "1");
    say(scene, A, "2");
    opens();
    comes("a~tick a<nobody:1 a<nobody:2");
}

/* The first of three that are due at once cancels the second. */
ORDER(cancel_other)
{
    expect(troupe_message_kind(message) == TROUPE_MESSAGE_TICK);
    expect(!troupe_message_sender(message));
    expect(troupe_timer_cancel(self, scene->id));
    expect(!troupe_timer_cancel(self, scene->id));
    expect(!troupe_timer_cancel(self, troupe_message_number(message))); /* it has come */
    note("cancelled");
    return 0;
}

ORDER(start_three)
{
    const order_t order = {cancel_other, scene};
    troupe_message_t *first = troupe_message_from(&order, sizeof order);
    uint64_t id;
    expect_status(troupe_timer_start(self, 0, 0, &first, &id), TROUPE_OK);
    scene->id = start_timer(self, 0, 1, "never");
    start_timer(self, 0, 0, "third");
    wait_at_gate(self, message, scene);
    return 0;
}

static void a_cancelled_one_does_not_tick_even_in_the_same_round(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, start_three);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    opens();
    comes("cancelled a~third");
}

ORDER(start_periodic)
{
    UNUSED_MESSAGE;
    scene->id = start_timer(self, 5, 5, "beat");
    return 0;
}

ORDER(cancel_timer)
{
    UNUSED_MESSAGE;
    expect(troupe_timer_cancel(self, scene->id));
    expect(!troupe_timer_cancel(self, scene->id));
    note("stopped");
    return 0;
}

static bool has_ticked_thrice(const void *arg)
{
    (void)arg;
    return notes.n_ticks >= 3;
}

static void a_periodic_one_ticks_until_it_is_cancelled(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, start_periodic);
    wait_until(has_ticked_thrice, NULL);
    tell(scene, A, cancel_timer);
    wait_until(has_come, "a~beat a~beat a~beat stopped");
    holds(scene, A);
    int n_ticks = notes.n_ticks;
    assert_true(n_ticks >= 3);
    opens();
    holds(scene, A);
    opens();
    assert_int_equal(notes.n_ticks, n_ticks);
    const char *last = strstr(notes.trace, "stopped");
    assert_non_null(last);
    assert_null(strstr(last, "beat"));
}

/* One that starts itself again at once leaves time for others. */
ORDER(tick_again)
{
    const order_t order = {tick_again, scene};
    troupe_message_t *again = troupe_message_from(&order, sizeof order);
    expect_status(troupe_timer_start(self, 0, 0, &again, NULL), TROUPE_OK);
    (void)message;
    return 0;
}

static void a_restless_timer_leaves_time_for_messages(void **state)
{
    scene_t *scene = *state;
    tr_clock_hold(1000); /* so that what is due now is due for ever */
    tell(scene, A, tick_again);
    say(scene, A, "1");
    comes("a<nobody:1");
    tr_clock_release();
    fails(scene, A);
    comes("a<nobody:break");
}

ORDER(count_tick)
{
    (void)self;
    UNUSED_MESSAGE;
    if (++scene->number == N_MANY_TIMERS) {
        note("all");
    }
    return 0;
}

ORDER(start_many)
{
    UNUSED_MESSAGE;
    const order_t order = {count_tick, scene};
    for (int i = 0; i < N_MANY_TIMERS; i++) {
        troupe_message_t *tick = troupe_message_from(&order, sizeof order);
        expect_status(troupe_timer_start(self, i % 50, 0, &tick, NULL), TROUPE_OK);
    }
    return 0;
}

static void there_may_be_ten_thousand(void **state)
{
    tell(*state, A, start_many);
    comes("all");
}

/* It comes again once, though nobody would have it come any more. */
ORDER(put_tick_aside_once)
{
    if (scene->number-- > 0) {
        expect(troupe_message_kind(message) == TROUPE_MESSAGE_TICK);
        expect_status(troupe_stash(self), TROUPE_OK);
        troupe_timer_cancel(self, troupe_message_number(message));
        note("aside");
    } else {
        expect(troupe_message_kind(message) == TROUPE_MESSAGE_TICK);
        expect(troupe_message_number(message) == scene->id);
        note("tick again");
    }
    return 0;
}

ORDER(start_timer_to_put_aside)
{
    UNUSED_MESSAGE;
    scene->number = 1;
    const order_t order = {put_tick_aside_once, scene};
    troupe_message_t *tick = troupe_message_from(&order, sizeof order);
    expect_status(troupe_timer_start(self, 0, 1, &tick, &scene->id), TROUPE_OK);
    return 0;
}

static void ticks_can_be_put_aside(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, start_timer_to_put_aside);
    comes("aside");
    say(scene, A, "1");
    comes("a<nobody:1");
    tell(scene, A, take_again);
    comes("again tick again");
    say(scene, A, "2");
    comes("a<nobody:2");
}

/* In the next life there are none, and what they had left aside is gone. */
ORDER(put_tick_aside)
{
    expect(troupe_message_kind(message) == TROUPE_MESSAGE_TICK);
    expect_status(troupe_forward(self, scene->refs[B]), TROUPE_ERR_INVALID);
    expect_status(troupe_stash(self), TROUPE_OK);
    note("tick aside");
    return 0;
}

ORDER(start_timers_and_put_aside)
{
    UNUSED_MESSAGE;
    const order_t order = {put_tick_aside, scene};
    troupe_message_t *tick = troupe_message_from(&order, sizeof order);
    expect_status(troupe_timer_start(self, 0, 0, &tick, NULL), TROUPE_OK);
    start_timer(self, AGES_MS, 0, "never");
    return 0;
}

static void timers_end_with_the_life(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, start_timers_and_put_aside);
    comes("tick aside");
    fails(scene, A);
    comes("a<nobody:break");
    start(scene, A);
    say(scene, A, "1");
    comes("a<nobody:1");
}

/* ---- monitors ---- */

ORDER(monitor_b)
{
    UNUSED_MESSAGE;
    expect_status(troupe_monitor(self, scene->refs[B], &scene->id), TROUPE_OK);
    expect_status(troupe_monitor(self, troupe_self(self), NULL), TROUPE_OK);
    expect_status(troupe_monitor(self, NULL, NULL), TROUPE_ERR_INVALID);
    note("watches");
    return 0;
}

ORDER(send_to_a_and_fail)
{
    UNUSED_MESSAGE;
    send_text(self, scene->refs[A], "1", TROUPE_OK);
    send_text(self, scene->refs[A], "2", TROUPE_OK);
    return -1;
}

ORDER(end_well)
{
    UNUSED_MESSAGE;
    send_text(self, scene->refs[A], "bye", TROUPE_OK);
    troupe_worker_end(self);
    return 0;
}

static void an_end_comes_after_all_that_was_sent(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, monitor_b);
    comes("watches");
    holds(scene, A);
    tell(scene, B, send_to_a_and_fail);
    ended(scene, B, TROUPE_REASON_FAILED);
    opens();
    comes("a<b:1 a<b:2 a!b:failed");
}

static void a_good_end_is_told_as_such(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, monitor_b);
    comes("watches");
    tell(scene, B, end_well);
    ended(scene, B, TROUPE_REASON_NORMAL);
    comes("a<b:bye a!b:normal");
    tell(scene, A, monitor_b);
    comes("watches");
    start(scene, B);
    tr_runtime_retire(scene->runtime, HOME, "b", false); /* it lives: nothing comes of it */
    is_gone(scene, B);
    comes("a!b:shutdown");
    tell(scene, A, monitor_b);
    wait_until(has_come, "watches a!b:gone");
    assert_non_null(strstr(notes.trace, "a!b:gone"));
}

ORDER(demonitor)
{
    UNUSED_MESSAGE;
    expect(troupe_demonitor(self, scene->id));
    expect(!troupe_demonitor(self, scene->id));
    note("looks away");
    return 0;
}

static void who_looks_away_hears_nothing(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, monitor_b);
    comes("watches");
    holds(scene, A);
    tell(scene, A, demonitor);
    fails(scene, B); /* the notice lies behind the order */
    opens();
    comes("b<nobody:break looks away");
    say(scene, A, "1");
    comes("a<nobody:1");
}

static void monitors_end_with_the_life(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, monitor_b);
    comes("watches");
    fails(scene, A);
    comes("a<nobody:break");
    assert_null(scene->refs[B]->watches);
}

/* A notice that a worker of a capability has not taken is nobody's. */
static void a_notice_that_is_left_is_no_dead_letter(void **state)
{
    scene_t *scene = *state;
    start(scene, B);
    scene->plan.is_lasting = false;
    start(scene, A);
    tell(scene, A, monitor_b);
    comes("watches");
    holds(scene, A);
    say(scene, A, "break");
    scene->plan.is_lasting = true;
    is_gone(scene, B);
    scene->plan.is_lasting = false;
    opens();
    ended(scene, A, TROUPE_REASON_FAILED);
    comes("a<nobody:break");
    assert_int_equal(n_dead_letters(scene), 1); /* what it failed with */
}

ORDER(wait_at_gate_and_fail)
{
    wait_at_gate(self, message, scene);
    return -1;
}

/* Nor is one that lies in the mailbox of an actor that does not come back. */
static void a_notice_for_one_that_is_gone_is_no_dead_letter(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, monitor_b);
    comes("watches");
    tell(scene, A, wait_at_gate_and_fail);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    say(scene, A, "1");
    is_gone(scene, B);
    opens();
    ended(scene, A, TROUPE_REASON_FAILED);
    tr_runtime_retire(scene->runtime, HOME, "a", false);
    assert_int_equal(n_dead_letters(scene), 2); /* what it failed with, and what was said */
}

/* It was over while it lived, so its mailbox was left to it. */
static void who_is_over_while_it_lives_empties_its_mailbox(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, wait_at_gate_and_fail);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    say(scene, A, "1");
    troupe_ref_t *known = tr_directory_take_out(scene->runtime->directory, scene->refs[A]);
    tr_runtime_bury(scene->runtime, known, "it is not wanted any more");
    assert_int_equal(n_dead_letters(scene), 0);
    opens();
    ended(scene, A, TROUPE_REASON_FAILED);
    assert_int_equal(n_dead_letters(scene), 2); /* what it failed with, and what was said */
}

ORDER(count_one)
{
    (void)self;
    UNUSED_MESSAGE;
    scene->number++;
    return 0;
}

/* It does not take all that waits first. */
static void what_waits_for_one_that_is_stopped_is_for_its_next_life(void **state)
{
    enum { N_WAITING = 1000 };
    scene_t *scene = *state;
    scene->plan.limits = (tr_mailbox_limits_t){2 * N_WAITING, (size_t)1 << 20};
    start(scene, A);
    holds(scene, A);
    for (int i = 0; i < N_WAITING; i++) {
        tell(scene, A, count_one);
    }
    tr_actor_ask_to_stop(scene->actors[A], tr_reason_of(TROUPE_REASON_SHUTDOWN));
    opens();
    ended(scene, A, TROUPE_REASON_SHUTDOWN);
    assert_true(scene->number < N_WAITING);
    start(scene, A);
    say(scene, A, "last");
    comes("a<nobody:last");
    assert_int_equal(scene->number, N_WAITING);
}

ORDER(ask_b_to_hang)
{
    UNUSED_MESSAGE;
    ask_order(self, scene, wait_at_gate, AGES_MS);
    return 0;
}

/* It is told when that one is given up, and not when it comes back. */
static void who_asked_one_that_hangs_is_told(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_to_hang);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    hangs(scene, B);
    comes("a=worker_lost(the actor did not come back from it)");
    assert_int_equal(n_dead_letters(scene), 1);
    opens();
}

ORDER(put_aside_and_hang)
{
    expect_status(troupe_stash(self), TROUPE_OK);
    return wait_at_gate(self, message, scene);
}

ORDER(ask_b_to_put_aside_and_hang)
{
    UNUSED_MESSAGE;
    ask_order(self, scene, put_aside_and_hang, AGES_MS);
    return 0;
}

/* The mailbox is another life's by then, whichever of the two sees first that it is. */
static void what_is_put_aside_too_late_is_lost(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_to_put_aside_and_hang);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    hangs(scene, B);
    comes("a=worker_lost(the actor did not come back from it)");
    opens();
    assert_status(tr_actor_reap(&scene->lost[0], PATIENCE_MS), TROUPE_OK);
    scene->n_lost = 0;
    assert_int_equal(n_dead_letters(scene), 1);
}

static void or_it_is_when_it_comes_back_in_time(void **state)
{
    scene_t *scene = *state;
    if (is_inline) { /* the mailbox of one that is carried goes with it */
        return;
    }
    tell(scene, A, ask_b_to_put_aside_and_hang);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    assert_true(tr_actor_move_out(scene->actors[B]));
    opens();
    comes("a=worker_lost(b: it took the message, and has not answered)");
    ended(scene, B, TROUPE_REASON_HUNG);
    assert_int_equal(n_dead_letters(scene), 1);
    start(scene, B);
    say(scene, B, "1");
    comes("b<nobody:1");
}

ORDER(put_aside_and_fail)
{
    UNUSED_MESSAGE;
    (void)scene;
    expect_status(troupe_stash(self), TROUPE_OK);
    return -1;
}

ORDER(ask_b_to_put_aside_and_fail)
{
    UNUSED_MESSAGE;
    ask_order(self, scene, put_aside_and_fail, AGES_MS);
    return 0;
}

static void nothing_is_put_aside_by_who_fails(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_to_put_aside_and_fail);
    comes("a=worker_lost(b: it failed while it had the message)");
    ended(scene, B, TROUPE_REASON_FAILED);
    assert_int_equal(n_dead_letters(scene), 1);
    start(scene, B);
    say(scene, B, "1");
    comes("b<nobody:1");
}

static void notices_can_be_put_aside(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, monitor_b);
    comes("watches");
    notes.puts_down_aside = true;
    is_gone(scene, B);
    comes("a!b:shutdown");
    say(scene, A, "1");
    comes("a<nobody:1");
    tell(scene, A, take_again);
    comes("again a!b:shutdown");
}

/* There is no next life, and nothing waits: what is over is told as the hang it is. */
static void a_worker_that_hangs_is_down(void **state)
{
    scene_t *scene = *state;
    start(scene, A);
    scene->plan.is_lasting = false;
    start(scene, B);
    tell(scene, A, monitor_b);
    comes("watches");
    holds(scene, B);
    hangs(scene, B);
    comes("a!b:hung");
    assert_true(troupe_ref_is_over(scene->refs[B]));
    opens();
}

ORDER(start_timer_to_hang)
{
    UNUSED_MESSAGE;
    const order_t order = {wait_at_gate, scene};
    troupe_message_t *tick = troupe_message_from(&order, sizeof order);
    expect_status(troupe_timer_start(self, 0, 0, &tick, NULL), TROUPE_OK);
    return 0;
}

/* A tick that is lost is no dead letter, nor is one that its actor failed with. */
static void who_hangs_in_a_tick_has_lost_nothing(void **state)
{
    scene_t *scene = *state;
    tell(scene, B, start_timer_to_hang);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    hangs(scene, B);
    assert_int_equal(n_dead_letters(scene), 0);
    opens();
}

ORDER(break_down)
{
    (void)self;
    UNUSED_MESSAGE;
    (void)scene;
    return -1;
}

ORDER(start_timer_to_break_down)
{
    UNUSED_MESSAGE;
    const order_t order = {break_down, scene};
    troupe_message_t *tick = troupe_message_from(&order, sizeof order);
    expect_status(troupe_timer_start(self, 0, 0, &tick, NULL), TROUPE_OK);
    return 0;
}

static void who_fails_in_a_tick_has_lost_nothing(void **state)
{
    scene_t *scene = *state;
    tell(scene, B, start_timer_to_break_down);
    ended(scene, B, TROUPE_REASON_FAILED);
    assert_int_equal(n_dead_letters(scene), 0);
}

static void who_hangs_is_down(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, monitor_b);
    comes("watches");
    holds(scene, B);
    hangs(scene, B);
    comes("a!b:hung");
    opens();
}

/* ---- links ---- */

ORDER(link_b)
{
    UNUSED_MESSAGE;
    expect_status(troupe_link(self, scene->refs[B]), TROUPE_OK);
    expect_status(troupe_link(self, troupe_self(self)), TROUPE_OK);
    expect_status(troupe_link(self, NULL), TROUPE_ERR_INVALID);
    note("linked");
    return 0;
}

ORDER(unlink_b)
{
    UNUSED_MESSAGE;
    troupe_unlink(self, scene->refs[B]);
    troupe_unlink(self, scene->refs[B]);
    troupe_unlink(self, troupe_self(self));
    troupe_unlink(self, NULL);
    note("untied");
    return 0;
}

static void those_who_are_linked_fall_together(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, link_b);
    comes("linked");
    say(scene, B, "break");
    ended(scene, B, TROUPE_REASON_FAILED);
    tr_control_t word = parent_hears(scene);
    assert_int_equal(word.incarnation, scene->actors[A]->incarnation);
    assert_string_equal(tr_reason_name(word.reason.kind), "failed");
    assert_string_equal(word.reason.text,
                        "linked to b, which ended: failed: its receive returned an error");
    assert_status(tr_actor_reap(&scene->actors[A], PATIENCE_MS), TROUPE_OK);
    comes("b<nobody:break");
}

static void a_good_end_fells_nobody(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, link_b);
    comes("linked");
    tell(scene, B, end_well);
    ended(scene, B, TROUPE_REASON_NORMAL);
    say(scene, A, "1");
    comes("a<b:bye a<nobody:1");
}

static void untied_while_the_notice_lies_there(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, link_b);
    comes("linked");
    holds(scene, A);
    tell(scene, A, unlink_b);
    fails(scene, B);
    opens();
    comes("b<nobody:break untied");
    say(scene, A, "1");
    comes("a<nobody:1");
}

static void linked_to_one_that_is_gone(void **state)
{
    scene_t *scene = *state;
    is_gone(scene, B);
    tell(scene, A, link_b);
    ended(scene, A, TROUPE_REASON_FAILED);
    comes("linked");
}

/* ---- groups ---- */

ORDER(join_red)
{
    UNUSED_MESSAGE;
    (void)scene;
    expect_status(troupe_join(self, "red"), TROUPE_OK);
    expect_status(troupe_join(self, "red"), TROUPE_EXISTS);
    note("joined");
    return 0;
}

ORDER(publish_red)
{
    UNUSED_MESSAGE;
    (void)scene;
    size_t size = troupe_group_size(self, "red");
    troupe_message_t *news = troupe_message_from_text("news");
    size_t n_taken = troupe_publish(self, "red", &news);
    expect(!news);
    note("%zu of %zu", n_taken, size);
    return 0;
}

ORDER(leave_red)
{
    UNUSED_MESSAGE;
    (void)scene;
    expect_status(troupe_leave(self, "red"), TROUPE_OK);
    expect_status(troupe_leave(self, "red"), TROUPE_NOT_FOUND);
    note("left");
    return 0;
}

ORDER(misuse_groups)
{
    UNUSED_MESSAGE;
    (void)scene;
    char endless[200];
    memset(endless, 'x', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    const char *const names[] = {NULL, "", endless};
    for (size_t i = 0; i < 3; i++) {
        expect_status(troupe_join(self, names[i]), TROUPE_ERR_INVALID);
        expect_status(troupe_leave(self, names[i]), TROUPE_NOT_FOUND);
        expect(troupe_group_size(self, names[i]) == 0);
        troupe_message_t *news = troupe_message_from_text("news");
        expect(troupe_publish(self, names[i], &news) == 0);
        expect(!news);
    }
    troupe_message_t *nothing = NULL;
    expect(troupe_publish(self, "red", &nothing) == 0);
    note("fine");
    return 0;
}

static void members_hear_what_is_published(void **state)
{
    scene_t *scene = *state;
    start(scene, C);
    tell(scene, A, join_red);
    comes("joined");
    tell(scene, B, join_red);
    comes("joined");
    tell(scene, C, publish_red);
    wait_until(has_come, "a<c:news b<c:news 2 of 2");
    assert_non_null(strstr(notes.trace, "a<c:news"));
    assert_non_null(strstr(notes.trace, "b<c:news"));
    assert_non_null(strstr(notes.trace, "2 of 2"));
    notes.trace[0] = '\0';
    tell(scene, A, leave_red);
    comes("left");
    tell(scene, B, publish_red);
    comes("0 of 1"); /* whoever publishes does not hear it */
    fails(scene, B);
    comes("b<nobody:break");
    tell(scene, C, publish_red);
    comes("0 of 0");
    start(scene, B);
    tell(scene, C, publish_red);
    comes("0 of 0");
    tell(scene, C, misuse_groups);
    comes("fine");
}

static void who_is_full_does_not_hear_it(void **state)
{
    scene_t *scene = *state;
    tell(scene, B, join_red);
    comes("joined");
    holds(scene, B);
    for (int i = 0; i < MAILBOX_ROOM; i++) {
        say(scene, B, "ignore");
    }
    tell(scene, A, publish_red);
    comes("0 of 1");
    assert_int_equal(n_dead_letters(scene), 1);
    opens();
}

/* It comes back after all, and joins: that is not for its next life to feel. */
ORDER(hang_and_join)
{
    expect_status(troupe_join(self, "red"), TROUPE_OK);
    wait_at_gate(self, message, scene);
    expect_status(troupe_join(self, "red"), TROUPE_CLOSED);
    expect_status(troupe_join(self, "green"), TROUPE_CLOSED);
    send_text(self, scene->refs[A], "I live!", TROUPE_CLOSED);
    expect_status(troupe_link(self, scene->refs[A]), TROUPE_OK); /* of no account */
    uint64_t id;
    expect_status(troupe_monitor(self, scene->refs[A], &id), TROUPE_OK);
    note("back");
    return 0;
}

static void one_that_was_given_up_is_no_member(void **state)
{
    scene_t *scene = *state;
    tell(scene, B, hang_and_join);
    while (sem_wait(&notes.is_at_gate) != 0) {
    }
    tell(scene, A, monitor_b);
    comes("watches");
    hangs(scene, B);
    comes("a!b:hung");
    tell(scene, A, publish_red);
    comes("0 of 0");
    if (!is_inline) { /* the mailbox of one that is carried goes with it */
        start(scene, B);
        tell(scene, B, join_red);
        comes("joined");
    }
    opens();
    comes("back");
    assert_status(tr_actor_reap(&scene->lost[0], PATIENCE_MS), TROUPE_OK);
    scene->n_lost = 0;
    tell(scene, A, publish_red);
    if (is_inline) {
        comes("0 of 0");
    } else {
        wait_until(has_come, "1 of 1 b<a:news");
        assert_non_null(strstr(notes.trace, "1 of 1"));
        assert_non_null(strstr(notes.trace, "b<a:news"));
        notes.trace[0] = '\0';
        assert_int_equal(parent_hears(scene).reason.kind, TROUPE_REASON_HUNG);
        fails(scene, B);
        say(scene, A, "1"); /* it is not linked to the next life, either */
        wait_until(has_come, "b<nobody:break a<nobody:1");
        assert_non_null(strstr(notes.trace, "a<nobody:1"));
    }
}

/* ---- children ---- */

/* Its supervisor is not there any more. */
ORDER(spawn_too_late)
{
    UNUSED_MESSAGE;
    (void)scene;
    troupe_ref_t *ref = NULL;
    const troupe_child_t child = {.name = "child", .behaviour = &puppet};
    for (int i = 0; i < 2; i++) { /* the name is free again */
        expect_status(troupe_spawn(self, &child, &ref), TROUPE_NOT_FOUND);
        expect(!ref);
        expect(!troupe_find(self, "child"));
    }
    note("too late");
    return 0;
}

static void nobody_is_there_to_start_a_child(void **state)
{
    scene_t *scene = *state;
    scene->plan.spawns = 1;
    start(scene, A);
    tell(scene, A, spawn_too_late);
    comes("too late");
}

/* ---- inspection ---- */

ORDER(open_some_of_each)
{
    UNUSED_MESSAGE;
    for (int i = 0; i < 2; i++) {
        ask_text(self, scene->refs[B], "ignore", AGES_MS);
    }
    for (int i = 0; i < 3; i++) {
        expect_status(troupe_monitor(self, scene->refs[B], NULL), TROUPE_OK);
    }
    for (int i = 0; i < 4; i++) {
        start_timer(self, AGES_MS, 0, "never");
    }
    note("opened");
    return 0;
}

static void what_is_open_is_counted(void **state)
{
    scene_t *scene = *state;
    tell(scene, A, ask_b_well);
    comes("b?a:well? a=ok:fine"); /* and is not open any more */
    holds(scene, B);
    tell(scene, A, open_some_of_each);
    comes("opened");
    tr_control_t *word = tr_control_new(TR_WORD_INSPECT, scene->actors[A]->incarnation);
    word->number = 77;
    word->mailbox = tr_mailbox_share(scene->parent);
    tr_control_send(word, scene->actors[A]->mailbox);
    tr_letter_t *letter = parent_gets(scene);
    const tr_inspection_t *inspection = tr_inspection_in(letter);
    assert_non_null(inspection);
    assert_int_equal(inspection->token, 77);
    assert_int_equal(inspection->n_asks, 2);
    assert_int_equal(inspection->n_monitors, 3);
    assert_int_equal(inspection->n_timers, 4);
    assert_int_equal(inspection->n_calls, 0);
    assert_int_equal(inspection->n_waiting, 0);
    assert_int_equal(inspection->n_messages, 2);
    assert_false(inspection->is_suspended);
    tr_letter_destroy(&letter);
    opens();
}

/* ---- where no message is in hand ---- */

static void nothing_is_in_hand(troupe_worker_t *self, scene_t *scene)
{
    expect_status(troupe_forward(self, scene->refs[B]), TROUPE_ERR_INVALID);
    expect_status(troupe_stash(self), TROUPE_ERR_INVALID);
    expect(!troupe_take_question(self));
    troupe_message_t *answer = troupe_message_from_text("x");
    expect(!troupe_answer(self, &answer));
    expect(!answer);
    expect(!troupe_refuse(self, "x"));
    troupe_unstash(self);
    troupe_unstash_one(self);
}

/* All that needs no message in hand, to see that it harms nobody anywhere. */
static void talk_of_all(troupe_worker_t *self, scene_t *scene)
{
    send_text(self, scene->refs[B], "hello", TROUPE_OK);
    ask_text(self, scene->refs[B], "well?", AGES_MS);
    start_timer(self, 0, 0, "tick");
    expect_status(troupe_monitor(self, scene->refs[B], NULL), TROUPE_OK);
    expect_status(troupe_link(self, scene->refs[B]), TROUPE_OK);
    troupe_unlink(self, scene->refs[B]);
    expect_status(troupe_join(self, "red"), TROUPE_OK);
}

ORDER(talk_in_passing)
{
    UNUSED_MESSAGE;
    nothing_is_in_hand(self, scene);
    talk_of_all(self, scene);
    note("talked");
    return 0;
}

static void init_and_terminate_may_talk(void **state)
{
    scene_t *scene = *state;
    start(scene, B);
    scene->at_init = talk_in_passing;
    start(scene, A);
    scene->at_init = NULL;
    wait_until(has_come, "talked b<a:hello b?a:well? a~tick a=ok:fine");
    assert_non_null(strstr(notes.trace, "a~tick"));
    assert_non_null(strstr(notes.trace, "a=ok:fine"));
    tell(scene, A, leave_red);
    wait_until(has_come, "talked b<a:hello b?a:well? a~tick a=ok:fine left");
    assert_non_null(strstr(notes.trace, "left"));
    notes.trace[0] = '\0';
    scene->at_end = talk_in_passing;
    stops(scene, A);
    scene->at_end = (order_fn *)0; // clang warns of NULL in an atomic function pointer
    tell(scene, B, publish_red);
    wait_until(has_come, "talked b<a:hello b?a:well? 0 of 0");
    assert_non_null(strstr(notes.trace, "b?a:well?"));
    assert_non_null(strstr(notes.trace, "0 of 0"));
}

static int talk_on_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)reply;
    nothing_is_in_hand(self, arg);
    note("answered");
    return 0;
}

ORDER(ask_and_talk)
{
    UNUSED_MESSAGE;
    troupe_message_t *text = troupe_message_from_text("well?");
    expect_status(troupe_ask(self, scene->refs[B], &text, 0, talk_on_answer, scene, NULL),
                  TROUPE_OK);
    text = troupe_message_from_text("well?");
    expect_status(troupe_ask(self, scene->refs[B], &text, 0, NULL, scene, NULL),
                  TROUPE_ERR_INVALID);
    expect(!text);
    return 0;
}

static void taking_an_answer_nothing_is_in_hand(void **state)
{
    tell(*state, A, ask_and_talk);
    comes("b?a:well? answered");
}

/* A plain message has no question; what is not in hand is not touched. */
ORDER(answer_nobody)
{
    (void)scene;
    expect(troupe_message_kind(message) == TROUPE_MESSAGE_PLAIN);
    expect(troupe_message_number(message) == 0);
    expect(troupe_message_remaining_ms(message) == 0);
    troupe_message_t *answer = troupe_message_from_text("x");
    expect(!troupe_answer(self, &answer));
    expect(!answer);
    expect(!troupe_refuse(self, "x"));
    expect(!troupe_take_question(self));
    troupe_message_t *own = troupe_message_from_text("own");
    expect(troupe_message_kind(own) == TROUPE_MESSAGE_PLAIN);
    expect(!troupe_message_sender(own));
    expect(troupe_message_reason(own).kind == TROUPE_REASON_NORMAL);
    troupe_message_destroy(&own);
    note("nobody asked");
    return 0;
}

static void who_did_not_ask_is_not_answered(void **state)
{
    tell(*state, A, answer_nobody);
    comes("nobody asked");
}

/* ---- memory ---- */

/* Everything is tried with its first allocation failing, then the second, and so on. */
static bool try_all(troupe_worker_t *self, scene_t *scene)
{
    troupe_message_t *message = troupe_message_from_text("1");
    bool is_done = message && troupe_send(self, scene->refs[B], &message) == TROUPE_OK;
    expect(!message);
    message = is_done ? troupe_message_from_text("ignore") : NULL;
    uint64_t id;
    is_done = message && troupe_ask(self, scene->refs[B], &message, AGES_MS, take_answer, NULL,
                                    &id) == TROUPE_OK;
    expect(!message);
    if (is_done) {
        troupe_worker_cancel(self, id);
    }
    is_done = is_done && troupe_monitor(self, scene->refs[B], &id) == TROUPE_OK;
    is_done = is_done && troupe_demonitor(self, id);
    is_done = is_done && troupe_link(self, scene->refs[B]) == TROUPE_OK;
    troupe_unlink(self, scene->refs[B]);
    is_done = is_done && troupe_join(self, "red") == TROUPE_OK;
    troupe_leave(self, "red");
    message = NULL;
    is_done = is_done && troupe_timer_start(self, AGES_MS, 0, &message, &id) == TROUPE_OK;
    return is_done && troupe_timer_cancel(self, id);
}

ORDER(do_all_without_memory)
{
    UNUSED_MESSAGE;
    bool is_done = false;
    for (size_t n = 0; !is_done; n++) {
        tr_fault_arm(&tr_fault_memory, n, 1);
        is_done = try_all(self, scene);
        bool was_struck = tr_fault_memory.n_hits > 0;
        tr_fault_disarm(&tr_fault_memory);
        expect(is_done == !was_struck);
        expect(n < 200);
        expect(tr_timers_count(&self->timers) == self->asks.open.n_items);
        expect(self->watching.open.n_items == 0);
    }
    scene->number = (int)self->asks.open.n_items;
    note("all");
    return 0;
}

static size_t count(const char *trace, const char *word)
{
    size_t n = 0;
    for (const char *found = trace; (found = strstr(found, word)) != NULL; found++) {
        n++;
    }
    return n;
}

static bool are_all_cancelled(const void *arg)
{
    const scene_t *scene = arg;
    return scene->number > 0 &&
           count(notes.trace, "a=cancelled(b is not waited for any more)") ==
               (size_t)scene->number;
}

/* b stays at its gate, so that only one thread allocates while memory is short. */
static void what_finds_no_memory_is_not_done(void **state)
{
    scene_t *scene = *state;
    holds(scene, B);
    tell(scene, A, do_all_without_memory);
    wait_until(are_all_cancelled, scene);
    assert_true(are_all_cancelled(scene));
    opens();
}

/* A final that the actor gives itself needs none. */
static int find_memory_again(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    tr_fault_disarm(&tr_fault_memory);
    return take_answer(self, reply, arg);
}

ORDER(ask_and_lose_memory_until_told)
{
    UNUSED_MESSAGE;
    troupe_message_t *text = troupe_message_from_text("ignore");
    expect_status(
        troupe_ask(self, scene->refs[B], &text, AGES_MS, find_memory_again, scene, &scene->id),
        TROUPE_OK);
    troupe_worker_cancel(self, scene->id);
    tr_fault_arm(&tr_fault_memory, 0, SIZE_MAX);
    return 0;
}

static void an_ask_is_given_up_without_memory(void **state)
{
    scene_t *scene = *state;
    holds(scene, B);
    tell(scene, A, ask_and_lose_memory_until_told);
    comes("a=cancelled(b is not waited for any more)");
    opens();
}

/* ---- all of them ---- */

#define TEST(test)     cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define TEST_TWO(test) cmocka_unit_test_setup_teardown(test, set_up_two, tear_down)

static int run_all(const char *name)
{
    const struct CMUnitTest tests[] = {
        TEST_TWO(a_message_says_who_sent_it),
        TEST_TWO(one_writes_to_oneself),
        TEST_TWO(only_urgent_ones_overtake),
        TEST_TWO(to_nobody_there_are_dead_letters),
        TEST_TWO(a_full_mailbox_says_so),
        TEST_TWO(a_mailbox_may_be_full_of_bytes),
        TEST_TWO(whoever_asks_is_answered),
        TEST_TWO(or_refused),
        TEST_TWO(or_told_that_there_is_no_answer),
        TEST_TWO(or_that_it_failed),
        TEST_TWO(or_that_it_is_gone),
        TEST_TWO(or_that_it_went_before_it_took_it),
        TEST_TWO(or_that_there_is_nobody),
        TEST_TWO(one_may_ask_by_name),
        TEST_TWO(one_may_ask_oneself),
        TEST_TWO(time_runs_out),
        TEST_TWO(an_ask_is_cancelled),
        TEST_TWO(it_is_cancelled_before_its_answer_is_taken),
        TEST_TWO(a_question_is_answered_on_another_thread),
        TEST_TWO(nobody_waits_when_whoever_asked_has_cancelled),
        TEST_TWO(nobody_waits_when_whoever_asked_has_ended),
        TEST_TWO(a_question_that_was_taken_outlives_who_took_it),
        TEST_TWO(a_question_that_was_taken_is_not_lost_with_who_hangs),
        TEST(an_answer_that_waits_until_nobody_does_is_dropped),
        TEST_TWO(an_answer_to_another_life_is_not_taken),
        TEST_TWO(an_answer_may_be_too_much),
        TEST_TWO(another_one_answers),
        TEST_TWO(forwarded_and_failed_it_is_not_lost),
        TEST_TWO(forwarded_to_nobody_it_is_told),
        TEST_TWO(what_is_aside_comes_before_all_else),
        TEST_TWO(what_is_aside_comes_one_by_one),
        TEST_TWO(all_again_is_more_than_one),
        TEST_TWO(what_is_put_aside_meanwhile_is_not_taken_again),
        TEST_TWO(an_ask_that_is_aside_runs_out_and_comes_again),
        TEST_TWO(what_is_aside_waits_for_the_next_life),
        TEST_TWO(what_is_aside_is_lost_with_the_last_life),
        TEST(a_worker_ends_with_messages_aside),
        TEST_TWO(nothing_is_put_aside_where_there_is_no_room),
        TEST_TWO(timers_tick_in_time),
        TEST_TWO(a_tick_does_not_wait_behind_messages),
        TEST_TWO(a_cancelled_one_does_not_tick_even_in_the_same_round),
        TEST_TWO(a_periodic_one_ticks_until_it_is_cancelled),
        TEST_TWO(a_restless_timer_leaves_time_for_messages),
        TEST_TWO(there_may_be_ten_thousand),
        TEST_TWO(ticks_can_be_put_aside),
        TEST_TWO(timers_end_with_the_life),
        TEST_TWO(an_end_comes_after_all_that_was_sent),
        TEST_TWO(a_good_end_is_told_as_such),
        TEST_TWO(who_looks_away_hears_nothing),
        TEST_TWO(who_hangs_is_down),
        TEST_TWO(monitors_end_with_the_life),
        TEST(a_notice_that_is_left_is_no_dead_letter),
        TEST_TWO(a_notice_for_one_that_is_gone_is_no_dead_letter),
        TEST_TWO(who_is_over_while_it_lives_empties_its_mailbox),
        TEST(what_waits_for_one_that_is_stopped_is_for_its_next_life),
        TEST(a_worker_that_hangs_is_down),
        TEST_TWO(who_asked_one_that_hangs_is_told),
        TEST_TWO(what_is_put_aside_too_late_is_lost),
        TEST_TWO(or_it_is_when_it_comes_back_in_time),
        TEST_TWO(notices_can_be_put_aside),
        TEST_TWO(nothing_is_put_aside_by_who_fails),
        TEST_TWO(who_hangs_in_a_tick_has_lost_nothing),
        TEST_TWO(who_fails_in_a_tick_has_lost_nothing),
        TEST_TWO(those_who_are_linked_fall_together),
        TEST_TWO(a_good_end_fells_nobody),
        TEST_TWO(untied_while_the_notice_lies_there),
        TEST_TWO(linked_to_one_that_is_gone),
        TEST_TWO(members_hear_what_is_published),
        TEST_TWO(who_is_full_does_not_hear_it),
        TEST_TWO(one_that_was_given_up_is_no_member),
        TEST(nobody_is_there_to_start_a_child),
        TEST_TWO(what_is_open_is_counted),
        TEST(init_and_terminate_may_talk),
        TEST_TWO(taking_an_answer_nothing_is_in_hand),
        TEST_TWO(who_did_not_ask_is_not_answered),
        TEST_TWO(what_finds_no_memory_is_not_done),
        TEST_TWO(an_ask_is_given_up_without_memory),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    int n_failed = run_all("actors/talk");
    is_inline = true;
    return n_failed + run_all("actors/talk inline") != 0;
}
