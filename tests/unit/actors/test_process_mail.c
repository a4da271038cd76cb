/* Messages to a behaviour in a process of its own: whatever becomes of the process, each is
 * received once, or told as lost, or waits. The test is whoever sends; the process is this
 * program again, with a behaviour linked in, or saying what it is told to say. */

#include "tests/kit/check.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <troupe/actor.h>
#include <troupe/worker_process.h>

#include "actors/inspection.h"
#include "actors/process/worker.h"
#include "actors/worker_state.h"
#include "base/clock.h"
#include "base/log.h"
#include "mailbox/mail.h"
#include "mailbox/question.h"
#include "mailbox/reply.h"
#include "wire/trp1.h"

#define PATIENCE_MS 20000
#define WINDOW      16 /* messages that a process has at a time */
#define NAME        "talker"

/* ---- the process: a behaviour that is linked in ---- */

typedef struct talker {
    char all[16384]; /* what it has received, with a space behind each */
    bool is_open;    /* it does not put "aside" aside */
    troupe_question_t *later;
} talker_t;

static int wake(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(talker_t));
    return *state_p ? TROUPE_INIT_OK : TROUPE_INIT_NO_MEMORY;
}

static void *answer_later(void *arg)
{
    troupe_question_t *question = arg;
    troupe_message_t *answer = troupe_message_from_text("at last");
    troupe_question_answer(&question, &answer);
    return NULL;
}

static void answer_on_another_thread(talker_t *talker)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, answer_later, talker->later) == 0) {
        pthread_join(thread, NULL);
    }
    talker->later = NULL;
}

static void answer(troupe_worker_t *self, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    troupe_answer(self, &message);
}

static void note(talker_t *talker, const char *text)
{
    size_t length = strlen(talker->all);
    snprintf(talker->all + length, sizeof talker->all - length, "%s ", text);
}

static int hear_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    char *text = troupe_message_text(troupe_reply_message(reply), 0);
    note(arg, troupe_outcome_name(troupe_reply_outcome(reply)));
    note(arg, text ? text : "");
    free(text);
    return 0;
}

static int send_by_name(troupe_worker_t *self, const char *name)
{
    troupe_message_t *message = troupe_message_from_text("by name");
    return troupe_send_named(self, name, &message) == TROUPE_OK ? 0 : -1;
}

static int pass_on(troupe_worker_t *self, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    return troupe_send_named(self, "store", &message) == TROUPE_OK ? 0 : -1;
}

static int send_to(troupe_worker_t *self, troupe_ref_t *to, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    return to && troupe_send(self, to, &message) == TROUPE_OK ? 0 : -1;
}

/* The same reference, whenever it is asked for. */
static int send_by_reference(troupe_worker_t *self, const char *name)
{
    troupe_ref_t *one = troupe_find(self, name);
    troupe_ref_t *same = troupe_find(self, name);
    int verdict = one == same ? send_to(self, one, "by reference") : -1;
    troupe_ref_release(&one);
    troupe_ref_release(&same);
    return verdict;
}

static int ask_by_name(troupe_worker_t *self, talker_t *talker, const char *name)
{
    uint64_t id;
    troupe_message_t *message = troupe_message_from_text("well?");
    return troupe_ask_named(self, name, &message, PATIENCE_MS, hear_answer, talker, &id) ==
                   TROUPE_OK
               ? 0
               : -1;
}

static int send_on(troupe_worker_t *self, const char *name)
{
    troupe_ref_t *to = troupe_find(self, name);
    int verdict = to && troupe_forward(self, to) == TROUPE_OK ? 0 : -1;
    troupe_ref_release(&to);
    return verdict;
}

static int talk(troupe_worker_t *self, const troupe_message_t *message, talker_t *talker,
                const char *text)
{
    const char *name = strchr(text, ' ') ? strchr(text, ' ') + 1 : "";
    if (strcmp(text, "back") == 0) {
        return send_to(self, troupe_message_sender(message), "back");
    }
    if (strncmp(text, "tell ", 5) == 0) {
        return send_by_name(self, name);
    }
    if (strncmp(text, "pass ", 5) == 0) {
        return pass_on(self, text);
    }
    if (strncmp(text, "find ", 5) == 0) {
        return send_by_reference(self, name);
    }
    if (strncmp(text, "ask ", 4) == 0) {
        return ask_by_name(self, talker, name);
    }
    if (strncmp(text, "on ", 3) == 0) {
        return send_on(self, name);
    }
    if (strncmp(text, "last ", 5) == 0) {
        troupe_worker_end(self);
        return send_by_name(self, name);
    }
    note(talker, text);
    return 0;
}

static int take(troupe_worker_t *self, const troupe_message_t *message, talker_t *talker,
                const char *text)
{
    if (strcmp(text, "all") == 0) {
        answer(self, talker->all);
    } else if (strcmp(text, "time") == 0) {
        bool has_time = troupe_message_remaining_ms(message) > PATIENCE_MS / 2;
        answer(self, has_time ? "enough" : "too little");
    } else if (strcmp(text, "refuse") == 0) {
        troupe_refuse(self, "not like that");
    } else if (strcmp(text, "take it") == 0) {
        talker->later = troupe_take_question(self);
    } else if (strcmp(text, "now") == 0) {
        answer_on_another_thread(talker);
    } else if (strcmp(text, "be killed") == 0) {
        raise(SIGKILL);
    } else if (strcmp(text, "hang") == 0) {
        for (;;) {
            pause();
        }
    } else if (strcmp(text, "fail") == 0) {
        troupe_worker_explain(self, "it was told to");
        return -1;
    } else if (strncmp(text, "aside", 5) == 0 && !talker->is_open) {
        return troupe_stash(self) == TROUPE_OK ? 0 : -1;
    } else if (strcmp(text, "open") == 0) {
        talker->is_open = true;
        troupe_unstash(self);
    } else if (strcmp(text, "forget") != 0) {
        return talk(self, message, talker, text);
    }
    return 0;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    char *text = troupe_message_text(message, 0);
    int verdict = text ? take(self, message, state, text) : -1;
    free(text);
    return verdict;
}

static void leave(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
}

/* In msgpack: how long all is, if that is not much. */
static troupe_message_t *show(troupe_worker_t *self, const void *state)
{
    (void)self;
    const talker_t *talker = state;
    unsigned char length = (unsigned char)strlen(talker->all);
    return troupe_message_from(&length, 1);
}

static const troupe_behaviour_t talks = {
    .name = "talks", .init = wake, .receive = receive, .terminate = leave, .state = show};

/* ---- the process: a puppet ---- */

static void say(void *socket, const tr_trp1_t *command)
{
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size;
    if (tr_trp1_encode(command, head, sizeof head, &size) != TROUPE_OK ||
        zmq_send(socket, head, size, 0) < 0) {
        abort();
    }
}

static void say_word(void *socket, tr_trp1_command_t word, uint64_t id)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    say(socket, &command);
}

static bool next_frame(void *socket, zmq_msg_t *frame)
{
    zmq_msg_close(frame);
    zmq_msg_init(frame);
    if (zmq_msg_recv(frame, socket, 0) < 0) {
        abort();
    }
    return zmq_msg_more(frame);
}

static void *be_ready(void)
{
    void *socket = zmq_socket(zmq_ctx_new(), ZMQ_DEALER);
    zmq_connect(socket, getenv("TROUPE_WORKER_ENDPOINT"));
    tr_trp1_t ready;
    tr_trp1_init(&ready, TR_TRP1_READY, 0);
    ready.token = tr_span_of(getenv("TROUPE_WORKER_TOKEN"));
    ready.messages = true;
    say(socket, &ready);
    return socket;
}

/* It says the frames of each message, and then that it has received that. */
static int be_puppet(void)
{
    void *socket = be_ready();
    zmq_msg_t head;
    zmq_msg_t frame;
    zmq_msg_init(&head);
    zmq_msg_init(&frame);
    for (;;) {
        bool has_more = next_frame(socket, &head);
        tr_trp1_t heard;
        const char *why;
        if (tr_trp1_decode(zmq_msg_data(&head), zmq_msg_size(&head), &heard, &why) !=
            TROUPE_OK) {
            abort();
        }
        while (has_more) {
            has_more = next_frame(socket, &frame);
            zmq_msg_send(&frame, socket, has_more ? ZMQ_SNDMORE : 0);
        }
        if (heard.command == TR_TRP1_STOP) {
            return 0;
        }
        if (heard.command == TR_TRP1_MESSAGE) {
            say_word(socket, TR_TRP1_SETTLED, heard.id);
        }
    }
}

/* It is there, and does nothing about anything. */
static int be_idle(void)
{
    void *socket = be_ready();
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    for (;;) {
        bool has_more = next_frame(socket, &frame);
        tr_trp1_t heard;
        const char *why;
        if (tr_trp1_decode(zmq_msg_data(&frame), zmq_msg_size(&frame), &heard, &why) !=
            TROUPE_OK) {
            abort();
        }
        if (heard.command == TR_TRP1_STOP) {
            return 0;
        }
        if (heard.command == TR_TRP1_PING) {
            say_word(socket, TR_TRP1_PONG, heard.id);
        }
        while (has_more) {
            has_more = next_frame(socket, &frame);
        }
    }
}

/* ---- the scene ---- */

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *asker;
    char program[4096];
    const char *argv[3];
    tr_process_plan_t plan;
    tr_actor_t *worker;
    troupe_ref_t *ref;
    uint64_t last_ask;
} scene_t;

static tr_mailbox_t *mailbox_called(const char *name)
{
    tr_mailbox_t *mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){1000, 1 << 20});
    assert_non_null(mailbox);
    return mailbox;
}

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    tr_log_set_level(getenv("TR_TEST_LOG") ? TR_LOG_DEBUG : TR_LOG_OFF);
    scene->runtime = tr_runtime_new("test");
    assert_non_null(scene->runtime);
    scene->parent = mailbox_called("parent");
    scene->asker = mailbox_called("asker");
    assert_true(readlink("/proc/self/exe", scene->program, sizeof scene->program - 1) > 0);
    scene->plan.is_lasting = true;
    scene->plan.idle_after_ms = TR_NEVER;
    *state = scene;
    return 0;
}

static void close_and_release(tr_mailbox_t **mailbox_p)
{
    tr_letter_t *letter;
    tr_mailbox_close(*mailbox_p);
    while ((letter = tr_mailbox_next(*mailbox_p, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(mailbox_p);
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    if (scene->worker) { /* the test has failed */
        tr_control_t *word = tr_control_new(TR_WORD_KILL, scene->worker->incarnation);
        tr_control_send(word, scene->worker->mailbox);
        if (tr_actor_reap(&scene->worker, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    tr_runtime_retire(scene->runtime, "", NAME, false);
    troupe_ref_release(&scene->ref);
    close_and_release(&scene->parent);
    close_and_release(&scene->asker);
    tr_runtime_release(&scene->runtime);
    free(scene);
    return 0;
}

static void start(scene_t *scene, const char *mode)
{
    scene->argv[0] = scene->program;
    scene->argv[1] = mode;
    scene->plan.argv = scene->argv;
    const tr_birth_t birth = {
        .what = &scene->plan, .name = NAME, .runtime = scene->runtime, .parent = scene->parent};
    assert_status(tr_process_worker_start(&birth, &scene->worker), TROUPE_OK);
    if (!scene->ref) {
        scene->ref = tr_directory_refer(scene->runtime->directory, tr_span_of(NAME));
        assert_non_null(scene->ref);
    }
    assert_ptr_equal(scene->worker->ref, scene->ref); /* through all lives */
}

/* Waits on the bell. */
static tr_letter_t *wait_for_next(tr_mailbox_t *mailbox)
{
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) == NULL) {
        int64_t left_ms = deadline_ms - tr_clock_now_ms();
        if (left_ms <= 0) {
            fail_msg("nothing came to the %s", tr_mailbox_name(mailbox));
        }
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            poll(&bell, 1, (int)left_ms);
            tr_mailbox_unpark(mailbox);
        }
    }
    return letter;
}

/* The next word to the parent but pongs. */
static tr_reason_t parent_hears(scene_t *scene, tr_word_t want)
{
    tr_letter_t *letter = wait_for_next(scene->parent);
    const tr_control_t *word = tr_control_in(letter);
    assert_non_null(word);
    char shown[400];
    if (word->word != want) {
        fail_msg("%s instead of %s: %s", tr_word_name(word->word), tr_word_name(want),
                 tr_reason_show(&word->reason, shown, sizeof shown));
    }
    tr_reason_t reason = word->reason;
    tr_letter_destroy(&letter);
    return reason;
}

static void comes_up(scene_t *scene)
{
    parent_hears(scene, TR_WORD_STARTED);
}

static void start_talker(scene_t *scene)
{
    start(scene, "--talks");
    comes_up(scene);
}

static void start_puppet(scene_t *scene)
{
    start(scene, "--puppet");
    comes_up(scene);
}

static void ends_as(scene_t *scene, troupe_reason_kind_t kind)
{
    tr_reason_t reason = parent_hears(scene, TR_WORD_ENDED);
    if (reason.kind != kind) {
        char shown[400];
        fail_msg("it ended otherwise: %s", tr_reason_show(&reason, shown, sizeof shown));
    }
    assert_status(tr_actor_reap(&scene->worker, PATIENCE_MS), TROUPE_OK);
}

static void stops_well(scene_t *scene)
{
    tr_actor_ask_to_stop(scene->worker, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    ends_as(scene, TROUPE_REASON_SHUTDOWN);
}

static void signal_it(scene_t *scene, int number)
{
    pid_t pid = atomic_load(&scene->worker->pulse->pid);
    assert_true(pid > 0);
    assert_int_equal(kill(pid, number), 0);
}

static int64_t dead_letters(const scene_t *scene)
{
    return tr_metric_value(scene->runtime->dead_letters);
}

#define WAIT_UNTIL(condition)                                                                  \
    do {                                                                                       \
        int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;                                    \
        while (!(condition)) {                                                                 \
            assert_true(tr_clock_now_ms() < until_ms);                                         \
            sched_yield();                                                                     \
        }                                                                                      \
    } while (0)

/* ---- sending ---- */

static void post_mail(scene_t *scene, tr_lane_t lane, troupe_message_t *message,
                      troupe_question_t *question)
{
    tr_mail_t *mail = tr_mail_new(&message, NULL, &question);
    assert_non_null(mail);
    assert_status(tr_runtime_post(scene->runtime, scene->ref, lane, mail), TROUPE_OK);
}

static void tell(scene_t *scene, const char *text)
{
    post_mail(scene, TR_LANE_USER, troupe_message_from_text(text), NULL);
}

static void tell_numbers(scene_t *scene, int first, int last)
{
    for (int i = first; i <= last; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        tell(scene, text);
    }
}

/* The number of the answer to come. */
static uint64_t ask(scene_t *scene, const char *text)
{
    troupe_question_t *question =
        tr_question_new(scene->asker, ++scene->last_ask, tr_clock_now_ms() + PATIENCE_MS);
    assert_non_null(question);
    post_mail(scene, TR_LANE_USER, troupe_message_from_text(text), question);
    return scene->last_ask;
}

static void asker_hears(scene_t *scene, uint64_t number, troupe_outcome_t outcome,
                        const char *text)
{
    tr_letter_t *letter = wait_for_next(scene->asker);
    assert_ptr_equal(letter->type, &tr_reply_type);
    troupe_reply_t *reply = (troupe_reply_t *)letter;
    assert_int_equal(reply->id, number);
    assert_outcome(reply->outcome, outcome);
    if (outcome == TROUPE_OUTCOME_OK) {
        char *answer = troupe_message_text(reply->message, 0);
        assert_string_equal(answer, text);
        free(answer);
    } else {
        assert_string_equal(troupe_reply_text(reply), text);
    }
    troupe_reply_destroy(&reply);
}

static void has_received(scene_t *scene, const char *all)
{
    asker_hears(scene, ask(scene, "all"), TROUPE_OUTCOME_OK, all);
}

static void has_received_numbers(scene_t *scene, int first, int last)
{
    char all[16384] = "";
    for (int i = first; i <= last; i++) {
        size_t length = strlen(all);
        snprintf(all + length, sizeof all - length, "%d ", i);
    }
    has_received(scene, all);
}

/* It stands still, and has as many as it may have of those. */
static void stand_still_with_numbers(scene_t *scene, int n)
{
    signal_it(scene, SIGSTOP);
    tell_numbers(scene, 1, n);
    WAIT_UNTIL(tr_mailbox_depth(scene->worker->mailbox) == (size_t)(n - WINDOW));
}

/* ---- receiving ---- */

static void messages_come_in_order(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    tell_numbers(scene, 1, 1000);
    has_received_numbers(scene, 1, 1000);
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) == 1001);
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->state) == TR_WORKER_READY);
    assert_int_equal(atomic_load(&scene->worker->pulse->running_since_ms), 0);
    stops_well(scene);
    assert_int_equal(dead_letters(scene), 0);
}

static void they_wait_until_it_is_up(void **state)
{
    scene_t *scene = *state;
    start(scene, "--talks");
    tell_numbers(scene, 1, 50);
    comes_up(scene);
    has_received_numbers(scene, 1, 50);
    stops_well(scene);
}

static void who_takes_none_gets_none(void **state)
{
    scene_t *scene = *state;
    start(scene, "--takes-none");
    tell_numbers(scene, 1, 3);
    comes_up(scene);
    WAIT_UNTIL(dead_letters(scene) == 3);
    asker_hears(scene, ask(scene, "all"), TROUPE_OUTCOME_WORKER_LOST,
                "talker: the worker takes no messages");
    WAIT_UNTIL(dead_letters(scene) == 4);
    stops_well(scene);
}

static void an_urgent_one_overtakes(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    stand_still_with_numbers(scene, 40);
    post_mail(scene, TR_LANE_URGENT, troupe_message_from_text("urgent"), NULL);
    WAIT_UNTIL(!tr_mailbox_has_posted(scene->worker->mailbox));
    signal_it(scene, SIGCONT);
    uint64_t number = ask(scene, "all");
    tr_letter_t *letter = wait_for_next(scene->asker);
    troupe_reply_t *reply = (troupe_reply_t *)letter;
    assert_int_equal(reply->id, number);
    char *all = troupe_message_text(reply->message, 0);
    char *urgent = strstr(all, "urgent ");
    assert_non_null(urgent);
    assert_true(urgent <= strstr(all, " 17 ") + 1);
    free(all);
    troupe_reply_destroy(&reply);
    stops_well(scene);
}

static void a_hang_is_seen(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    tr_pulse_t *pulse = scene->worker->pulse;
    tell(scene, "hang");
    WAIT_UNTIL(atomic_load(&pulse->running_since_ms) > 0);
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    for (uint64_t number = 1; tr_clock_now_ms() - atomic_load(&pulse->progress_ms) < 100;
         number++) {
        assert_true(tr_clock_now_ms() < until_ms);
        tr_control_t *ping = tr_control_new(TR_WORD_PING, scene->worker->incarnation);
        ping->number = number;
        tr_control_send(ping, scene->worker->mailbox);
        parent_hears(scene, TR_WORD_PONG);
    }
    assert_true(atomic_load(&pulse->running_since_ms) > 0);
    assert_int_equal(atomic_load(&pulse->running_until_ms), TR_NEVER);
    assert_int_equal(atomic_load(&pulse->state), TR_WORKER_PROCESSING);
    signal_it(scene, SIGKILL);
    ends_as(scene, TROUPE_REASON_CRASHED);
    assert_int_equal(dead_letters(scene), 1);
}

/* ---- answering ---- */

static void questions_are_answered(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    asker_hears(scene, ask(scene, "time"), TROUPE_OUTCOME_OK, "enough");
    asker_hears(scene, ask(scene, "refuse"), TROUPE_OUTCOME_WORKER_ERROR, "not like that");
    asker_hears(scene, ask(scene, "forget"), TROUPE_OUTCOME_WORKER_LOST,
                "talker: it took the message, and has not answered");
    stops_well(scene);
}

static void a_question_is_answered_later_by_any_thread(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    uint64_t number = ask(scene, "take it");
    has_received(scene, ""); /* it was received, and not answered */
    tell(scene, "now");
    asker_hears(scene, number, TROUPE_OUTCOME_OK, "at last");
    stops_well(scene);
}

static void a_question_it_has_taken_is_lost_with_it(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    uint64_t number = ask(scene, "take it");
    has_received(scene, "");
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) == 2);
    signal_it(scene, SIGKILL);
    asker_hears(scene, number, TROUPE_OUTCOME_WORKER_LOST, "talker ended before it answered");
    ends_as(scene, TROUPE_REASON_CRASHED);
    assert_int_equal(dead_letters(scene), 0);
}

/* ---- dying ---- */

static void what_it_had_is_lost_and_the_rest_waits(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    signal_it(scene, SIGSTOP);
    uint64_t number = ask(scene, "all");
    tell_numbers(scene, 1, 40);
    WAIT_UNTIL(tr_mailbox_depth(scene->worker->mailbox) == 41 - WINDOW);
    signal_it(scene, SIGKILL);
    asker_hears(scene, number, TROUPE_OUTCOME_WORKER_LOST, "talker ended before it answered");
    ends_as(scene, TROUPE_REASON_CRASHED);
    assert_int_equal(dead_letters(scene), WINDOW);
    assert_int_equal(tr_mailbox_depth(scene->ref->mailbox), 41 - WINDOW);
    tell_numbers(scene, 41, 50); /* between two lives */
    start_talker(scene);
    has_received_numbers(scene, WINDOW, 50);
    stops_well(scene);
    assert_int_equal(dead_letters(scene), WINDOW);
}

#define FRIENDS_LIFE 1000000

/* Somebody who is tied to it, and fails. */
static void a_friend_fails(scene_t *scene, bool is_untied_before)
{
    troupe_ref_t *friend;
    const tr_reason_t failed = tr_reason_format(TROUPE_REASON_FAILED, "of grief");
    assert_status(tr_directory_claim(scene->runtime->directory, "friend", "",
                                     (tr_mailbox_limits_t){10, 10000}, false, &friend),
                  TROUPE_OK);
    tr_ref_begin(friend, FRIENDS_LIFE);
    assert_status(tr_ref_link(friend, FRIENDS_LIFE, scene->ref), TROUPE_OK);
    if (is_untied_before) {
        tr_ref_unlink(friend, scene->ref);
    }
    tr_ref_end(friend, FRIENDS_LIFE, &failed);
    troupe_ref_t *known = tr_directory_take_out(scene->runtime->directory, friend);
    troupe_ref_release(&known);
    tr_mailbox_close(friend->mailbox);
    troupe_ref_release(&friend);
}

static void it_falls_with_whoever_is_tied_to_it(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    a_friend_fails(scene, false);
    tr_reason_t reason = parent_hears(scene, TR_WORD_ENDED);
    assert_int_equal(reason.kind, TROUPE_REASON_FAILED);
    assert_string_equal(reason.text, "linked to friend, which ended: failed: of grief");
    assert_status(tr_actor_reap(&scene->worker, PATIENCE_MS), TROUPE_OK);
}

static void and_not_when_they_are_tied_no_more(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    a_friend_fails(scene, true);
    tell_numbers(scene, 1, 5);
    has_received_numbers(scene, 1, 5);
    stops_well(scene);
}

static void one_that_fails_loses_what_it_had_in_hand(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    stand_still_with_numbers(scene, WINDOW);
    tell(scene, "fail");
    tell_numbers(scene, 17, 20);
    signal_it(scene, SIGCONT);
    tr_reason_t reason = parent_hears(scene, TR_WORD_ENDED);
    assert_int_equal(reason.kind, TROUPE_REASON_FAILED);
    assert_string_equal(reason.text, "it was told to");
    assert_status(tr_actor_reap(&scene->worker, PATIENCE_MS), TROUPE_OK);
    assert_in_range(dead_letters(scene), 1, 5);
    int n_waiting = (int)tr_mailbox_depth(scene->ref->mailbox);
    assert_int_equal(dead_letters(scene) + n_waiting, 5);
    start_talker(scene);
    has_received_numbers(scene, 21 - n_waiting, 20);
    stops_well(scene);
}

static void a_stop_leaves_what_waits(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    stand_still_with_numbers(scene, 40);
    tr_actor_ask_to_stop(scene->worker, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->state) == TR_WORKER_DRAINING);
    signal_it(scene, SIGCONT);
    ends_as(scene, TROUPE_REASON_SHUTDOWN);
    assert_int_equal(dead_letters(scene), 0);
    start_talker(scene);
    has_received_numbers(scene, WINDOW + 1, 40);
    stops_well(scene);
}

/* As a worker of a pool does, whose mailbox nobody will have after it. */
static void one_that_does_not_come_back_finishes_what_it_was_given(void **state)
{
    scene_t *scene = *state;
    scene->plan.is_lasting = false;
    start_talker(scene);
    stand_still_with_numbers(scene, 40);
    uint64_t number = ask(scene, "all");
    tr_actor_ask_to_stop(scene->worker, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    signal_it(scene, SIGCONT);
    tr_letter_t *letter = wait_for_next(scene->asker);
    assert_int_equal(((troupe_reply_t *)letter)->id, number);
    assert_outcome(((troupe_reply_t *)letter)->outcome, TROUPE_OUTCOME_OK);
    tr_letter_destroy(&letter);
    ends_as(scene, TROUPE_REASON_SHUTDOWN);
    assert_int_equal(dead_letters(scene), 0);
}

static void or_all_of_it_is_lost(void **state)
{
    scene_t *scene = *state;
    scene->plan.is_lasting = false;
    start_talker(scene);
    stand_still_with_numbers(scene, 40);
    signal_it(scene, SIGKILL);
    ends_as(scene, TROUPE_REASON_CRASHED);
    assert_int_equal(dead_letters(scene), 40);
    assert_true(troupe_ref_is_over(scene->ref));
}

static void one_that_never_came_up_can_be_stopped(void **state)
{
    scene_t *scene = *state;
    scene->plan.is_lasting = false;
    start(scene, "--never");
    tell_numbers(scene, 1, 3);
    stops_well(scene);
    assert_int_equal(dead_letters(scene), 3);
}

/* ---- aside ---- */

static void what_it_has_put_aside_comes_again(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    tell(scene, "aside1");
    tell(scene, "2");
    tell(scene, "aside3");
    has_received(scene, "2 ");
    tell(scene, "open");
    has_received(scene, "2 aside1 aside3 ");
    stops_well(scene);
    assert_int_equal(dead_letters(scene), 0);
}

static void more_can_be_aside_than_are_under_way(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    for (int i = 0; i < 3 * WINDOW; i++) {
        tell(scene, "aside");
    }
    has_received(scene, "");
    assert_int_equal(tr_mailbox_depth(scene->worker->mailbox), 0); /* places without letters */
    tell(scene, "open");
    uint64_t number = ask(scene, "all");
    tr_letter_t *letter = wait_for_next(scene->asker);
    assert_int_equal(((troupe_reply_t *)letter)->id, number);
    size_t size = troupe_message_size(((troupe_reply_t *)letter)->message, 0);
    assert_int_equal(size, 3 * WINDOW * strlen("aside "));
    tr_letter_destroy(&letter);
    stops_well(scene);
}

static void the_next_life_has_it_first(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    tell(scene, "aside1");
    uint64_t number = ask(scene, "aside2");
    has_received(scene, "");
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) == 3);
    stand_still_with_numbers(scene, 20);
    signal_it(scene, SIGKILL);
    ends_as(scene, TROUPE_REASON_CRASHED);
    assert_int_equal(dead_letters(scene), WINDOW);
    start_talker(scene);
    has_received(scene, "17 18 19 20 ");
    tell(scene, "open");
    asker_hears(scene, number, TROUPE_OUTCOME_WORKER_LOST,
                "talker: it took the message, and has not answered"); /* not before */
    has_received(scene, "17 18 19 20 aside1 aside2 ");
    stops_well(scene);
}

/* ---- with a puppet ---- */

/* Have it say this. */
static void say_by_puppet(scene_t *scene, const tr_trp1_t *command, const char *payload)
{
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size;
    assert_status(tr_trp1_encode(command, head, sizeof head, &size), TROUPE_OK);
    troupe_message_t *message = troupe_message_from(head, size);
    assert_non_null(message);
    if (payload) {
        assert_status(troupe_message_add(message, payload, strlen(payload)), TROUPE_OK);
    }
    uint64_t before = atomic_load(&scene->worker->pulse->n_messages);
    post_mail(scene, TR_LANE_USER, message, NULL);
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) > before);
}

static void puppet_says(scene_t *scene, tr_trp1_command_t word, uint64_t id)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    say_by_puppet(scene, &command, NULL);
}

/* It settles the message that has it say so: what it settles then itself, it has not. */
static void who_settles_what_it_has_not_is_told_of_once(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    puppet_says(scene, TR_TRP1_SETTLED, 0);
    puppet_says(scene, TR_TRP1_SETTLED, 77);
    puppet_says(scene, TR_TRP1_SETTLED, TR_TRP1_MAX_NUMBER);
    puppet_says(scene, TR_TRP1_SETTLED, 1); /* once more */
    puppet_says(scene, TR_TRP1_ANSWER, 77);
    puppet_says(scene, TR_TRP1_ANSWER, 0);
    stops_well(scene);
    assert_int_equal(dead_letters(scene), 0);
}

static void what_it_could_not_take_is_a_dead_letter(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    tr_trp1_t settled;
    tr_trp1_init(&settled, TR_TRP1_SETTLED, 1);
    settled.state = tr_span_of("lost");
    say_by_puppet(scene, &settled, NULL);
    assert_int_equal(dead_letters(scene), 1);
    tr_trp1_t lost;
    tr_trp1_init(&lost, TR_TRP1_LOST, 0);
    lost.actor = tr_span_of("somebody");
    lost.text = tr_span_of("no room");
    say_by_puppet(scene, &lost, NULL);
    assert_int_equal(dead_letters(scene), 2);
    stops_well(scene);
}

static void one_that_mumbles_is_killed(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    tell(scene, "mumble");
    ends_as(scene, TROUPE_REASON_FAILED);
    assert_int_equal(dead_letters(scene), 1); /* what it did not settle before */
}

/* ---- sending ---- */

static troupe_ref_t *actor_called(scene_t *scene, const char *name)
{
    troupe_ref_t *ref;
    assert_status(tr_directory_claim(scene->runtime->directory, name, "",
                                     (tr_mailbox_limits_t){1000, 1 << 20}, false, &ref),
                  TROUPE_OK);
    return ref;
}

static void actor_ends(scene_t *scene, troupe_ref_t **ref_p)
{
    tr_runtime_bury(scene->runtime, tr_directory_take_out(scene->runtime->directory, *ref_p),
                    "the test is over");
    troupe_ref_release(ref_p);
}

/* The mail is the test's. */
static tr_mail_t *actor_hears(troupe_ref_t *ref, const troupe_ref_t *from, const char *want)
{
    tr_mail_t *mail = tr_mail_in(wait_for_next(ref->mailbox));
    assert_non_null(mail);
    char *text = troupe_message_text(mail->message, 0);
    assert_string_equal(text, want);
    free(text);
    assert_ptr_equal(mail->from, from);
    return mail;
}

static void actor_takes(troupe_ref_t *ref, const troupe_ref_t *from, const char *want)
{
    tr_letter_t *letter = &actor_hears(ref, from, want)->letter;
    tr_letter_destroy(&letter);
}

static void tell_from(scene_t *scene, troupe_ref_t *from, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    tr_mail_t *mail = tr_mail_new(&message, from, NULL);
    assert_non_null(mail);
    assert_status(tr_runtime_post(scene->runtime, scene->ref, TR_LANE_USER, mail), TROUPE_OK);
}

static void it_sends_to_others(void **state)
{
    scene_t *scene = *state;
    troupe_ref_t *store = actor_called(scene, "store");
    start_talker(scene);
    tell(scene, "tell store");
    tell(scene, "find store");
    tell_from(scene, store, "back");
    actor_takes(store, scene->ref, "by name");
    actor_takes(store, scene->ref, "by reference");
    actor_takes(store, scene->ref, "back");
    tell(scene, "tell nobody");
    tell(scene, "find nobody");
    WAIT_UNTIL(dead_letters(scene) == 2);
    stops_well(scene);
    actor_ends(scene, &store);
}

static void what_it_sends_last_arrives(void **state)
{
    scene_t *scene = *state;
    troupe_ref_t *store = actor_called(scene, "store");
    start_talker(scene);
    tell(scene, "tell store");
    tell(scene, "last store");
    ends_as(scene, TROUPE_REASON_NORMAL);
    actor_takes(store, scene->ref, "by name");
    actor_takes(store, scene->ref, "by name");
    assert_int_equal(dead_letters(scene), 0);
    actor_ends(scene, &store);
}

/* More than are worth remembering: numbers go, and new ones come. */
static void it_answers_any_number_of_others(void **state)
{
    enum { N = 500 };
    scene_t *scene = *state;
    start_talker(scene);
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "guest %d", i);
        troupe_ref_t *guest = actor_called(scene, name);
        for (int n = 0; n < 2; n++) {
            tell_from(scene, guest, "back");
            actor_takes(guest, scene->ref, "back");
        }
        actor_ends(scene, &guest);
    }
    stops_well(scene);
    assert_int_equal(dead_letters(scene), 0);
}

static void it_asks_others(void **state)
{
    scene_t *scene = *state;
    troupe_ref_t *store = actor_called(scene, "store");
    start_talker(scene);
    tell(scene, "ask store");
    tr_mail_t *mail = actor_hears(store, scene->ref, "well?");
    assert_non_null(mail->question);
    assert_true(troupe_question_is_awaited(mail->question));
    troupe_message_t *answer = troupe_message_from_text("fine");
    tr_question_answer(mail->question, TROUPE_OUTCOME_OK, NULL, &answer);
    tr_letter_t *letter = &mail->letter;
    tr_letter_destroy(&letter);
    has_received(scene, "ok fine ");
    tell(scene, "ask store");
    letter = &actor_hears(store, scene->ref, "well?")->letter;
    tr_letter_destroy(&letter); /* without an answer */
    has_received(scene, "ok fine worker_lost  ");
    stops_well(scene);
    actor_ends(scene, &store);
}

static void or_hears_that_nobody_is_there(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    tell(scene, "ask nobody");
    WAIT_UNTIL(dead_letters(scene) == 1);
    has_received(scene, "no_capability  ");
    stops_well(scene);
}

/* It has asked its first question too, and takes no answer to another one for its own. */
static void an_answer_for_another_life_is_dropped(void **state)
{
    scene_t *scene = *state;
    troupe_ref_t *store = actor_called(scene, "store");
    start_talker(scene);
    tell(scene, "ask store");
    tr_letter_t *first = &actor_hears(store, scene->ref, "well?")->letter;
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) == 1);
    signal_it(scene, SIGKILL);
    ends_as(scene, TROUPE_REASON_CRASHED);
    start_talker(scene);
    tell(scene, "ask store");
    tr_mail_t *second = actor_hears(store, scene->ref, "well?");
    tr_letter_destroy(&first); /* answers it */
    has_received(scene, "");
    troupe_message_t *answer = troupe_message_from_text("fine");
    tr_question_answer(second->question, TROUPE_OUTCOME_OK, NULL, &answer);
    tr_letter_t *letter = &second->letter;
    tr_letter_destroy(&letter);
    has_received(scene, "ok fine ");
    stops_well(scene);
    actor_ends(scene, &store);
}

static void it_sends_on_what_it_got(void **state)
{
    scene_t *scene = *state;
    troupe_ref_t *store = actor_called(scene, "store");
    troupe_ref_t *guest = actor_called(scene, "guest");
    start_talker(scene);
    tell_from(scene, guest, "on store");
    actor_takes(store, guest, "on store");
    uint64_t number = ask(scene, "on store");
    tr_mail_t *mail = actor_hears(store, NULL, "on store");
    assert_non_null(mail->question);
    has_received(scene, ""); /* the question has left the process unanswered */
    troupe_message_t *answer = troupe_message_from_text("of the store");
    tr_question_answer(mail->question, TROUPE_OUTCOME_OK, NULL, &answer);
    asker_hears(scene, number, TROUPE_OUTCOME_OK, "of the store");
    tr_letter_t *letter = &mail->letter;
    tr_letter_destroy(&letter);
    stops_well(scene);
    actor_ends(scene, &store);
    actor_ends(scene, &guest);
}

/* The number in the next one that it passes on, or 0 when there is none now. */
static int next_passed(troupe_ref_t *store, bool must_wait)
{
    tr_letter_t *letter =
        must_wait ? wait_for_next(store->mailbox) : tr_mailbox_next(store->mailbox, NULL);
    if (!letter) {
        return 0;
    }
    char *text = troupe_message_text(tr_mail_in(letter)->message, 0);
    int number = (int)strtol(text + strlen("pass "), NULL, 10);
    free(text);
    tr_letter_destroy(&letter);
    return number;
}

/* It is killed again and again in the middle of it. What was not settled is told as lost,
 * though it may have been passed on; what comes, comes once, and in order across all lives. */
static void what_is_lost_is_told_however_often_it_is_killed(void **state)
{
    enum { N = 1000, KILLS = 5, BETWEEN = 100 };
    scene_t *scene = *state;
    troupe_ref_t *store = actor_called(scene, "store");
    start_talker(scene);
    for (int i = 1; i <= N; i++) {
        char text[32];
        snprintf(text, sizeof text, "pass %d", i);
        tell(scene, text);
    }
    int last = 0;
    int n_passed = 0;
    uint64_t n_settled = 0;
    for (int n_kills = 0; n_kills <= KILLS; n_kills++) {
        tr_pulse_t *pulse = tr_pulse_share(scene->worker->pulse);
        for (int i = 0; n_kills < KILLS && i < BETWEEN; i++, n_passed++) {
            int number = next_passed(store, true);
            assert_true(number > last);
            last = number;
        }
        if (n_kills < KILLS) {
            signal_it(scene, SIGKILL);
            ends_as(scene, TROUPE_REASON_CRASHED);
        } else {
            has_received(scene, "");
            stops_well(scene);
        }
        n_settled += atomic_load(&pulse->n_messages);
        tr_pulse_release(&pulse);
        if (n_kills < KILLS) {
            start_talker(scene);
        }
    }
    for (int number; (number = next_passed(store, false)) != 0; n_passed++) {
        assert_true(number > last);
        last = number;
    }
    assert_int_equal(last, N);
    assert_int_equal(n_settled + (uint64_t)dead_letters(scene), N + 1); /* and the question */
    assert_in_range(dead_letters(scene), 0, KILLS * WINDOW);
    assert_true(n_passed <= N && n_passed >= N - dead_letters(scene));
    actor_ends(scene, &store);
}

/* None of it harms anybody: what cannot be delivered is a dead letter. */
static void absurd_addresses_lead_nowhere(void **state)
{
    scene_t *scene = *state;
    start_puppet(scene);
    char name[TR_TRP1_MAX_NAME + 1];
    memset(name, 'x', TR_TRP1_MAX_NAME);
    name[TR_TRP1_MAX_NAME] = '\0';
    tr_trp1_t send;
    tr_trp1_init(&send, TR_TRP1_SEND, 0);
    say_by_puppet(scene, &send, "to nobody");
    send.actor = tr_span_of(name);
    say_by_puppet(scene, &send, "to a name that is too long");
    send.actor = tr_span_of("a\n\x01");
    say_by_puppet(scene, &send, "to what is no name");
    send.actor = (tr_span_t){0};
    send.ref = TR_TRP1_MAX_NUMBER;
    say_by_puppet(scene, &send, "to a number that was never said");
    assert_int_equal(dead_letters(scene), 4);
    send.forward = 77;
    say_by_puppet(scene, &send, "what it never had");
    tr_trp1_t release;
    tr_trp1_init(&release, TR_TRP1_RELEASE, 0);
    release.ref = 1;
    release.count = TR_TRP1_MAX_NUMBER;
    say_by_puppet(scene, &release, NULL);
    tr_trp1_t request;
    tr_trp1_init(&request, TR_TRP1_REQUEST, TR_TRP1_MAX_NUMBER);
    request.ref = 9;
    say_by_puppet(scene, &request, "well?");
    request.id = scene->worker->incarnation << 40; /* which the node would call 0 */
    request.ref = -1;
    request.capability = tr_span_of("nothing");
    say_by_puppet(scene, &request, "well?");
    assert_int_equal(dead_letters(scene), 5);
    stops_well(scene);
}

/* ---- suspended ---- */

static void say_to_actor(scene_t *scene, tr_word_t word, uint64_t number, size_t depth)
{
    tr_control_t *control = tr_control_new(word, scene->worker->incarnation);
    assert_non_null(control);
    control->number = number;
    control->depth = depth;
    control->mailbox = tr_mailbox_share(scene->parent);
    tr_control_send(control, scene->worker->mailbox);
}

static void heeds(scene_t *scene, tr_word_t word)
{
    say_to_actor(scene, word, 0, 0);
    parent_hears(scene, TR_WORD_HEEDED);
}

static void answers_ping(scene_t *scene, uint64_t number)
{
    say_to_actor(scene, TR_WORD_PING, number, 0);
    parent_hears(scene, TR_WORD_PONG);
}

/* The one before the other, or the other way round. */
static void comes_up_and_heeds(scene_t *scene)
{
    unsigned heard = 0;
    for (int i = 0; i < 2; i++) {
        tr_letter_t *letter = wait_for_next(scene->parent);
        assert_non_null(tr_control_in(letter));
        heard |= 1u << tr_control_in(letter)->word;
        tr_letter_destroy(&letter);
    }
    assert_int_equal(heard, 1u << TR_WORD_STARTED | 1u << TR_WORD_HEEDED);
}

static int state_of(const scene_t *scene)
{
    return atomic_load(&scene->worker->pulse->state);
}

static void suspended_it_gets_nothing(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    heeds(scene, TR_WORD_SUSPEND);
    heeds(scene, TR_WORD_SUSPEND);
    assert_int_equal(state_of(scene), TR_WORKER_PAUSED);
    tell_numbers(scene, 1, 40);
    post_mail(scene, TR_LANE_URGENT, troupe_message_from_text("first"), NULL);
    answers_ping(scene, 1);
    assert_int_equal(tr_mailbox_depth(scene->worker->mailbox), 41);
    heeds(scene, TR_WORD_WAKE);
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) == 41);
    tell(scene, "last");
    char want[400] = "first ";
    for (int i = 1; i <= 40; i++) {
        snprintf(want + strlen(want), sizeof want - strlen(want), "%d ", i);
    }
    strcat(want, "last ");
    has_received(scene, want);
    stops_well(scene);
}

/* What waited to overtake, too: it is not in the lanes of the mailbox any more. */
static void what_was_next_waits(void **state)
{
    scene_t *scene = *state;
    start(scene, "--talks");
    post_mail(scene, TR_LANE_URGENT, troupe_message_from_text("first"), NULL);
    tell(scene, "second");
    say_to_actor(scene, TR_WORD_SUSPEND, 0, 0); /* while it loads, as a rule */
    comes_up_and_heeds(scene);
    answers_ping(scene, 1);
    answers_ping(scene, 2);
    assert_int_equal(state_of(scene), TR_WORKER_PAUSED);
    heeds(scene, TR_WORD_WAKE);
    has_received(scene, "first second ");
    stops_well(scene);
}

/* It has some, and no thread of it runs: that is no reason to worry. */
static void it_is_not_taken_for_hung(void **state)
{
    scene_t *scene = *state;
    start(scene, "--idle");
    comes_up(scene);
    tr_pulse_t *pulse = scene->worker->pulse;
    tell_numbers(scene, 1, 20);
    WAIT_UNTIL(tr_mailbox_depth(scene->worker->mailbox) == 20 - WINDOW);
    int64_t before_ms = atomic_load(&pulse->progress_ms);
    WAIT_UNTIL(tr_clock_now_ms() > before_ms);
    answers_ping(scene, 1);
    assert_int_equal(atomic_load(&pulse->progress_ms), before_ms);
    heeds(scene, TR_WORD_SUSPEND);
    before_ms = atomic_load(&pulse->progress_ms);
    WAIT_UNTIL(tr_clock_now_ms() > before_ms);
    answers_ping(scene, 2);
    assert_true(atomic_load(&pulse->progress_ms) > before_ms);
    assert_int_equal(state_of(scene), TR_WORKER_PAUSED);
    heeds(scene, TR_WORD_WAKE);
    assert_int_equal(state_of(scene), TR_WORKER_PROCESSING);
    heeds(scene, TR_WORD_SUSPEND);
    stops_well(scene);
    assert_int_equal(dead_letters(scene), WINDOW); /* for all we know it had begun them */
}

static void stopped_it_gives_back_what_it_has_not_begun(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    tell(scene, "aside");
    has_received(scene, "");
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) == 2);
    stand_still_with_numbers(scene, 20);
    uint64_t number = ask(scene, "all");
    heeds(scene, TR_WORD_SUSPEND);
    tr_actor_ask_to_stop(scene->worker, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    signal_it(scene, SIGCONT);
    tr_pulse_t *pulse = tr_pulse_share(scene->worker->pulse);
    ends_as(scene, TROUPE_REASON_SHUTDOWN);
    assert_int_equal(dead_letters(scene), 0);
    int n_taken = (int)atomic_load(&pulse->n_messages) - 2;
    tr_pulse_release(&pulse);
    start_talker(scene); /* and it is not suspended */
    char want[200] = "";
    for (int i = n_taken + 1; i <= 20; i++) {
        snprintf(want + strlen(want), sizeof want - strlen(want), "%d ", i);
    }
    asker_hears(scene, number, TROUPE_OUTCOME_OK, want);
    tell(scene, "open");
    strcat(want, "aside ");
    has_received(scene, want);
    stops_well(scene);
}

static void one_that_fails_gives_back_the_rest(void **state)
{
    scene_t *scene = *state;
    start_talker(scene);
    signal_it(scene, SIGSTOP);
    tell(scene, "fail");
    tell_numbers(scene, 1, WINDOW - 1);
    WAIT_UNTIL(tr_mailbox_depth(scene->worker->mailbox) == 0);
    tell_numbers(scene, WINDOW, 20);
    signal_it(scene, SIGCONT);
    ends_as(scene, TROUPE_REASON_FAILED);
    int n_lost = (int)dead_letters(scene); /* what had not come to its worker then */
    assert_in_range(n_lost, 1, WINDOW);
    start_talker(scene);
    has_received_numbers(scene, n_lost, 20);
    stops_well(scene);
}

/* It gives back its second message, and says nonsense before it is through. */
static void what_lies_behind_what_was_given_back_is_not_lost(void **state)
{
    scene_t *scene = *state;
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size;
    tr_trp1_t settled;
    tr_trp1_init(&settled, TR_TRP1_SETTLED, 2);
    settled.state = tr_span_of("queued");
    assert_status(tr_trp1_encode(&settled, head, sizeof head, &size), TROUPE_OK);
    start_puppet(scene);
    signal_it(scene, SIGSTOP);
    post_mail(scene, TR_LANE_USER, troupe_message_from(head, size), NULL);
    tell(scene, "mumble");
    uint64_t number = ask(scene, "all");
    WAIT_UNTIL(tr_mailbox_depth(scene->worker->mailbox) == 0);
    signal_it(scene, SIGCONT);
    ends_as(scene, TROUPE_REASON_FAILED);
    assert_int_equal(dead_letters(scene), 0);
    start_talker(scene);
    asker_hears(scene, number, TROUPE_OUTCOME_OK, "mumble ");
    stops_well(scene);
}

/* ---- looked into ---- */

static tr_inspection_t *next_inspection(scene_t *scene, uint64_t token)
{
    tr_letter_t *letter = wait_for_next(scene->parent);
    assert_non_null(tr_inspection_in(letter));
    assert_int_equal(tr_inspection_in(letter)->token, token);
    return (tr_inspection_t *)letter;
}

static void let_go(tr_inspection_t *inspection)
{
    tr_letter_t *letter = &inspection->letter;
    tr_letter_destroy(&letter);
}

/* The next one says so, and nothing of what is in the process. */
static void tells_only(scene_t *scene, uint64_t token, const char *remark)
{
    tr_inspection_t *inspection = next_inspection(scene, token);
    if (strncmp(inspection->remark, remark, strlen(remark)) != 0) {
        fail_msg("'%s' does not begin with '%s'", inspection->remark, remark);
    }
    assert_null(inspection->state);
    assert_string_equal(inspection->behaviour, "");
    let_go(inspection);
}

static void it_shows_itself(void **state)
{
    scene_t *scene = *state;
    troupe_ref_t *store = actor_called(scene, "store");
    start_talker(scene);
    tell(scene, "aside");
    tell(scene, "ask store");
    has_received(scene, "");
    heeds(scene, TR_WORD_SUSPEND);
    tell(scene, "waits");
    say_to_actor(scene, TR_WORD_INSPECT, 7, 0);
    tr_inspection_t *inspection = next_inspection(scene, 7);
    assert_string_equal(inspection->behaviour, "talks");
    assert_string_equal(inspection->remark, "");
    assert_int_equal(inspection->n_aside, 1);
    assert_int_equal(inspection->n_asks, 1);
    assert_int_equal(inspection->n_timers + inspection->n_monitors + inspection->n_calls, 0);
    assert_int_equal(inspection->n_waiting, 1);
    assert_int_equal(inspection->n_messages, 3);
    assert_true(inspection->is_suspended);
    assert_non_null(inspection->state);
    assert_int_equal(troupe_message_size(inspection->state, 0), 1);
    assert_memory_equal(troupe_message_data(inspection->state, 0), "\0", 1);
    let_go(inspection);
    heeds(scene, TR_WORD_WAKE);
    has_received(scene, "waits ");
    stops_well(scene);
    actor_ends(scene, &store);
}

static void or_the_node_tells_what_it_knows(void **state)
{
    scene_t *scene = *state;
    start(scene, "--idle");
    say_to_actor(scene, TR_WORD_INSPECT, 1, 0);
    tr_letter_t *letter = wait_for_next(scene->parent);
    bool was_early = tr_inspection_in(letter) != NULL;
    if (was_early) {
        assert_non_null(strstr(tr_inspection_in(letter)->remark, "its process starts"));
        tr_letter_destroy(&letter);
        comes_up(scene);
    } else {
        tr_letter_destroy(&letter);
    }
    say_to_actor(scene, TR_WORD_INSPECT, 2, 40);
    if (!was_early) {
        tells_only(scene, 2, "its process has not answered");
        tells_only(scene, 1, "its process has not answered");
    } else {
        tells_only(scene, 2, "its process has not answered");
    }
    tell(scene, "begin");
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->running_since_ms) > 0);
    say_to_actor(scene, TR_WORD_INSPECT, 3, 40);
    tells_only(scene, 3, "its process has not answered: it is busy since ");
    signal_it(scene, SIGKILL);
    ends_as(scene, TROUPE_REASON_CRASHED);
}

static void not_too_many_look_at_once(void **state)
{
    enum { MOST = 16 };
    scene_t *scene = *state;
    start(scene, "--idle");
    comes_up(scene);
    for (uint64_t token = 1; token <= MOST + 1; token++) {
        say_to_actor(scene, TR_WORD_INSPECT, token, 3600000);
    }
    tells_only(scene, MOST + 1, "too many look into it already");
    signal_it(scene, SIGKILL);
    for (uint64_t token = MOST; token > 0; token--) {
        tells_only(scene, token, "its process has ended");
    }
    ends_as(scene, TROUPE_REASON_CRASHED);
}

/* The frames are those of a message, which has it say them. */
static void puppet_shows(scene_t *scene, uint64_t id, const char *text, const char *counts,
                         size_t size, const char *inside)
{
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t head_size;
    tr_trp1_t inspected;
    tr_trp1_init(&inspected, TR_TRP1_INSPECTED, id);
    inspected.text = tr_span_of(text);
    assert_status(tr_trp1_encode(&inspected, head, sizeof head, &head_size), TROUPE_OK);
    troupe_message_t *message = troupe_message_from(head, head_size);
    if (counts) {
        assert_status(troupe_message_add(message, counts, size), TROUPE_OK);
    }
    if (inside) {
        assert_status(troupe_message_add(message, inside, strlen(inside)), TROUPE_OK);
    }
    uint64_t before = atomic_load(&scene->worker->pulse->n_messages);
    post_mail(scene, TR_LANE_USER, message, NULL);
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) > before);
}

#define BYTES(text) (text), sizeof(text) - 1

static void what_a_stranger_shows_is_read_with_distrust(void **state)
{
    static const struct {
        const char *counts;
        size_t size;
    } nonsense[] = {
        {BYTES("\xc1")},                   /* no msgpack at all */
        {BYTES("")},                       /* nothing */
        {BYTES("\xdf\xff\xff\xff\xff")},   /* a map of four billion entries */
        {BYTES("\x81\xa6timers")},         /* without a value */
        {BYTES("\x80\x80")},               /* and more behind it */
        {BYTES("\x91\x01")},               /* no map */
        {BYTES("\x81\xa6timers\x05\x01")}, /* likewise, though there were counts */
        {BYTES("\x81\xa6timers\xdb\xff\xff\xff\xff")},
    };
    scene_t *scene = *state;
    start_puppet(scene);
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        say_to_actor(scene, TR_WORD_INSPECT, 100 + i, 3600000);
        puppet_shows(scene, ++id, "ignored", nonsense[i].counts, nonsense[i].size, "x");
        tells_only(scene, 100 + i, "its process has answered what is no msgpack");
    }
    puppet_shows(scene, id, NULL, BYTES("\x80"), NULL); /* twice */
    puppet_shows(scene, 77, NULL, BYTES("\x80"), NULL); /* unasked */
    puppet_shows(scene, 0, NULL, NULL, 0, NULL);

    say_to_actor(scene, TR_WORD_INSPECT, 5, 3600000);
    puppet_shows(scene, ++id, NULL,
                 BYTES("\x85\xa6timers\x05\xa4"
                       "asks\xff\xa5\x63"
                       "alls\xa1x\xa6"
                       "beyond\x92\xc0\xc0\xa9"
                       "behaviour\xa3o\xff"
                       "d"),
                 "anything");
    tr_inspection_t *inspection = next_inspection(scene, 5);
    assert_int_equal(inspection->n_timers, 5);
    assert_int_equal(inspection->n_asks + inspection->n_calls, 0);
    assert_string_equal(inspection->behaviour, "o?d");
    assert_int_equal(troupe_message_size(inspection->state, 0), strlen("anything"));
    let_go(inspection);

    say_to_actor(scene, TR_WORD_INSPECT, 6, 3600000);
    puppet_shows(scene, ++id, "it is shy", NULL, 0, NULL);
    tells_only(scene, 6, "it is shy");
    stops_well(scene);
}

/* Its words are commands about nothing. */
static void one_that_ignores_it_gets_no_more_all_the_same(void **state)
{
    scene_t *scene = *state;
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size;
    tr_trp1_t progress;
    tr_trp1_init(&progress, TR_TRP1_PROGRESS, 0);
    assert_status(tr_trp1_encode(&progress, head, sizeof head, &size), TROUPE_OK);
    start_puppet(scene);
    signal_it(scene, SIGSTOP);
    for (int i = 0; i < 20; i++) {
        post_mail(scene, TR_LANE_USER, troupe_message_from(head, size), NULL);
    }
    WAIT_UNTIL(tr_mailbox_depth(scene->worker->mailbox) == 20 - WINDOW);
    heeds(scene, TR_WORD_SUSPEND);
    signal_it(scene, SIGCONT);
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) == WINDOW);
    assert_int_equal(tr_mailbox_depth(scene->worker->mailbox), 20 - WINDOW);
    assert_int_equal(state_of(scene), TR_WORKER_PAUSED);
    heeds(scene, TR_WORD_WAKE);
    WAIT_UNTIL(atomic_load(&scene->worker->pulse->n_messages) == 20);
    stops_well(scene);
    assert_int_equal(dead_letters(scene), 0);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int run_stories(void)
{
    const struct CMUnitTest tests[] = {
        story(messages_come_in_order),
        story(they_wait_until_it_is_up),
        story(who_takes_none_gets_none),
        story(an_urgent_one_overtakes),
        story(a_hang_is_seen),
        story(questions_are_answered),
        story(a_question_is_answered_later_by_any_thread),
        story(a_question_it_has_taken_is_lost_with_it),
        story(what_it_had_is_lost_and_the_rest_waits),
        story(one_that_fails_loses_what_it_had_in_hand),
        story(it_falls_with_whoever_is_tied_to_it),
        story(and_not_when_they_are_tied_no_more),
        story(a_stop_leaves_what_waits),
        story(one_that_does_not_come_back_finishes_what_it_was_given),
        story(or_all_of_it_is_lost),
        story(one_that_never_came_up_can_be_stopped),
        story(what_it_has_put_aside_comes_again),
        story(more_can_be_aside_than_are_under_way),
        story(the_next_life_has_it_first),
        story(it_sends_to_others),
        story(what_it_sends_last_arrives),
        story(it_answers_any_number_of_others),
        story(it_asks_others),
        story(or_hears_that_nobody_is_there),
        story(an_answer_for_another_life_is_dropped),
        story(it_sends_on_what_it_got),
        story(what_is_lost_is_told_however_often_it_is_killed),
        story(absurd_addresses_lead_nowhere),
        story(who_settles_what_it_has_not_is_told_of_once),
        story(what_it_could_not_take_is_a_dead_letter),
        story(one_that_mumbles_is_killed),
        story(suspended_it_gets_nothing),
        story(what_was_next_waits),
        story(it_is_not_taken_for_hung),
        story(stopped_it_gives_back_what_it_has_not_begun),
        story(one_that_fails_gives_back_the_rest),
        story(what_lies_behind_what_was_given_back_is_not_lost),
        story(one_that_ignores_it_gets_no_more_all_the_same),
        story(it_shows_itself),
        story(or_the_node_tells_what_it_knows),
        story(not_too_many_look_at_once),
        story(what_a_stranger_shows_is_read_with_distrust),
    };
    return cmocka_run_group_tests_name("actors/process_mail", tests, NULL, NULL) != 0;
}

int main(int argc, char **argv)
{
    static const troupe_behaviour_t takes_none = {.name = "takes_none"};
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "--talks") == 0) {
        return troupe_worker_process_run(&talks, 0, NULL);
    }
    if (strcmp(mode, "--takes-none") == 0) {
        return troupe_worker_process_run(&takes_none, 0, NULL);
    }
    if (strcmp(mode, "--puppet") == 0) {
        return be_puppet();
    }
    if (strcmp(mode, "--idle") == 0) {
        return be_idle();
    }
    if (strcmp(mode, "--never") == 0) {
        return pause();
    }
    return run_stories();
}
