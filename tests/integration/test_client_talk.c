/* The C client and the actors of a node, over both transports. */

#include "tests/kit/rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/actor.h>

static rig_t rig;
static troupe_client_t *client;

/* ---- an actor that does as it is told by frame 0 ---- */

static troupe_ref_t *remembered;
static troupe_question_t *kept;

static void send_text(troupe_worker_t *self, troupe_ref_t *to, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    if (troupe_send(self, to, &message) != TROUPE_OK) {
        abort();
    }
}

static void count_for(troupe_worker_t *self, troupe_ref_t *to, int count)
{
    for (int i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        send_text(self, to, text);
    }
}

static int obey(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    troupe_ref_t *sender = troupe_message_sender(message);
    char *word = troupe_message_text(message, 0);
    if (!word) {
        abort();
    }
    if (strncmp(word, "count ", 6) == 0) {
        count_for(self, sender, atoi(word + 6));
    } else if (strcmp(word, "refuse") == 0) {
        troupe_refuse(self, "not today");
    } else if (strcmp(word, "fail") == 0) {
        free(word);
        troupe_worker_explain(self, "as it was told");
        return -1;
    } else if (strcmp(word, "keep") == 0) {
        kept = troupe_take_question(self);
    } else if (strcmp(word, "let go") == 0 && kept) {
        troupe_question_refuse(&kept, "let go");
    } else if (strcmp(word, "remember") == 0) {
        troupe_ref_release(&remembered);
        remembered = troupe_ref_share(sender);
    } else if (strcmp(word, "speak") == 0) {
        send_text(self, remembered, "hello");
    } else if (troupe_message_kind(message) == TROUPE_MESSAGE_PLAIN) {
        send_text(self, sender, word);
    }
    free(word);
    troupe_message_t *answer = troupe_message_share(message);
    troupe_answer(self, &answer); /* if it asks, and was not answered */
    return 0;
}

static const troupe_behaviour_t obedient = {.name = "obedient", .receive = obey};

/* ---- the client ---- */

static int set_up(void **state)
{
    side_t side = *(side_t *)*state;
    rig_start(&rig, (const troupe_behaviour_t *const[]){&obedient, NULL}, "",
              "    - {actor: it, worker: {module: obedient}}\n");
    client = troupe_client_new(side == OVER_TCP ? rig.tcp : rig.ipc);
    assert_non_null(client);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    troupe_client_destroy(&client);
    rig_end(&rig);
    troupe_ref_release(&remembered);
    assert_null(kept);
    return 0;
}

static troupe_reply_t *send_to(const char *actor, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    troupe_reply_t *reply = NULL;
    assert_status(troupe_client_send(client, actor, RIG_PATIENCE_MS, &message, &reply),
                  TROUPE_OK);
    assert_null(message);
    return reply;
}

static troupe_reply_t *ask(const char *actor, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    troupe_reply_t *reply = NULL;
    assert_status(troupe_client_ask(client, actor, RIG_PATIENCE_MS, &message, &reply),
                  TROUPE_OK);
    assert_null(message);
    return reply;
}

static void assert_ends(troupe_reply_t *reply, troupe_outcome_t outcome, const char *text)
{
    assert_true(troupe_reply_is_final(reply));
    assert_outcome(troupe_reply_outcome(reply), outcome);
    if (outcome == TROUPE_OUTCOME_OK) {
        assert_true(reply_says(reply, text));
    } else {
        assert_non_null(strstr(troupe_reply_text(reply), text));
    }
    troupe_reply_destroy(&reply);
}

static void hears(const char *text)
{
    const char *from;
    troupe_message_t *message;
    assert_status(troupe_client_next_message(client, RIG_PATIENCE_MS, &from, &message),
                  TROUPE_OK);
    assert_string_equal(from, "it");
    assert_int_equal(troupe_message_size(message, 0), strlen(text));
    assert_memory_equal(troupe_message_data(message, 0), text, strlen(text));
    troupe_message_destroy(&message);
}

static void hears_nothing(troupe_status_t why)
{
    troupe_message_t *message;
    assert_status(troupe_client_next_message(client, 0, NULL, &message), why);
}

/* ---- stories ---- */

static void a_message_arrives_and_another_comes_back(void **state)
{
    (void)state;
    troupe_client_listen(client, 10);
    assert_ends(send_to("it", "hello"), TROUPE_OUTCOME_OK, "");
    hears("hello");
    hears_nothing(TROUPE_TIMEOUT);
}

static void an_actor_answers_and_refuses(void **state)
{
    (void)state;
    assert_ends(ask("it", "well?"), TROUPE_OUTCOME_OK, "well?");
    assert_ends(ask("it", "refuse"), TROUPE_OUTCOME_WORKER_ERROR, "not today");
}

static void there_is_no_such_actor(void **state)
{
    (void)state;
    assert_ends(ask("nobody", "x"), TROUPE_OUTCOME_NO_CAPABILITY, "nobody");
    assert_ends(send_to("nobody", "x"), TROUPE_OUTCOME_NO_CAPABILITY, "nobody");
    assert_ends(send_to("", "x"), TROUPE_OUTCOME_BAD_REQUEST, "invalid");
}

static void what_is_sent_before_there_is_a_connection_keeps_its_order(void **state)
{
    (void)state;
    enum { N = 500 };
    char text[16];
    troupe_client_listen(client, N);
    for (int i = 0; i < N; i++) {
        uint64_t id;
        snprintf(text, sizeof text, "%d", i);
        troupe_message_t *message = troupe_message_from_text(text);
        assert_status(troupe_client_start_send(client, "it", 0, false, &message, &id),
                      TROUPE_OK);
    }
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "%d", i);
        hears(text);
    }
    for (int i = 0; i < N; i++) {
        troupe_reply_t *reply;
        assert_status(troupe_client_next(client, RIG_PATIENCE_MS, &reply), TROUPE_OK);
        assert_ends(reply, TROUPE_OUTCOME_OK, "");
    }
    assert_int_equal(troupe_client_n_open(client), 0);
}

static uint64_t start_keeping(int64_t timeout_ms)
{
    uint64_t id;
    troupe_message_t *message = troupe_message_from_text("keep");
    assert_status(troupe_client_start_ask(client, "it", timeout_ms, &message, &id), TROUPE_OK);
    return id;
}

static troupe_reply_t *next_of(uint64_t id)
{
    troupe_reply_t *reply;
    assert_status(troupe_client_next(client, RIG_PATIENCE_MS, &reply), TROUPE_OK);
    assert_int_equal(troupe_reply_id(reply), id);
    return reply;
}

static void an_ask_can_be_cancelled(void **state)
{
    (void)state;
    uint64_t id = start_keeping(RIG_PATIENCE_MS);
    assert_ends(ask("it", "until it is kept"), TROUPE_OUTCOME_OK, "until it is kept");
    troupe_client_cancel(client, id);
    assert_ends(next_of(id), TROUPE_OUTCOME_CANCELLED, "caller");
    assert_ends(ask("it", "let go"), TROUPE_OUTCOME_OK, "let go");
    assert_int_equal(troupe_client_n_open(client), 0);
}

static void an_ask_ends_at_its_deadline(void **state)
{
    (void)state;
    assert_status(troupe_client_connect(client, RIG_PATIENCE_MS), TROUPE_OK);
    uint64_t id = start_keeping(200);
    assert_ends(next_of(id), TROUPE_OUTCOME_TIMEOUT, "in time");
    assert_ends(ask("it", "let go"), TROUPE_OUTCOME_OK, "let go");
}

static uint64_t start_monitor(const char *actor)
{
    uint64_t id;
    assert_status(troupe_client_start_monitor(client, actor, &id), TROUPE_OK);
    return id;
}

static void assert_went_down(uint64_t id, troupe_reason_kind_t kind, const char *text)
{
    troupe_reply_t *reply = next_of(id);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    troupe_reason_t reason = troupe_reply_reason(reply);
    assert_int_equal(reason.kind, kind);
    assert_string_equal(reason.text, text);
    troupe_reply_destroy(&reply);
}

/* Before there is a connection, and when all its calls wait. */
static void a_monitor_tells_when_an_actor_goes_down(void **state)
{
    (void)state;
    uint64_t id = start_monitor("it");
    assert_ends(ask("it", "still there?"), TROUPE_OUTCOME_OK, "still there?");
    assert_ends(send_to("it", "fail"), TROUPE_OUTCOME_OK, "");
    assert_went_down(id, TROUPE_REASON_FAILED, "as it was told");
    assert_int_equal(troupe_client_n_open(client), 0);

    id = start_monitor("it");
    assert_ends(ask("it", "and again?"), TROUPE_OUTCOME_OK, "and again?");
    troupe_client_cancel(client, id);
    assert_ends(next_of(id), TROUPE_OUTCOME_CANCELLED, "caller");
    assert_went_down(start_monitor("nobody"), TROUPE_REASON_GONE, "");
}

static void what_it_had_sent_is_there_when_its_end_is(void **state)
{
    (void)state;
    troupe_client_listen(client, 1000);
    uint64_t id = start_monitor("it");
    assert_ends(send_to("it", "count 1000"), TROUPE_OUTCOME_OK, "");
    assert_ends(send_to("it", "fail"), TROUPE_OUTCOME_OK, "");
    assert_went_down(id, TROUPE_REASON_FAILED, "as it was told");
    for (int i = 0; i < 1000; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        hears(text);
    }
    hears_nothing(TROUPE_TIMEOUT);
}

static void a_node_that_stops_ends_monitors(void **state)
{
    (void)state;
    uint64_t id = start_monitor("it");
    assert_ends(ask("it", "x"), TROUPE_OUTCOME_OK, "x");
    rig_end(&rig);
    assert_ends(next_of(id), TROUPE_OUTCOME_SHUTTING_DOWN, "stopping");
}

static void what_does_not_fit_is_counted(void **state)
{
    (void)state;
    troupe_client_listen(client, 5);
    assert_ends(send_to("it", "x"), TROUPE_OUTCOME_OK, "");
    hears("x");
    assert_ends(ask("it", "count 20"), TROUPE_OUTCOME_OK, "count 20");
    assert_int_equal(troupe_client_n_missed(client), 15);
    for (int i = 0; i < 5; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        hears(text);
    }
    hears_nothing(TROUPE_TIMEOUT);
}

static void who_does_not_listen_hears_nothing(void **state)
{
    (void)state;
    hears_nothing(TROUPE_NOT_FOUND);
    assert_ends(send_to("it", "x"), TROUPE_OUTCOME_OK, "");
    assert_ends(ask("it", "y"), TROUPE_OUTCOME_OK, "y");
    hears_nothing(TROUPE_NOT_FOUND);
    assert_int_equal(troupe_client_n_missed(client), 0);
}

/* It has greeted already, and sends nothing: the node must be told. */
static void one_may_begin_to_listen_later(void **state)
{
    (void)state;
    assert_ends(ask("it", "remember"), TROUPE_OUTCOME_OK, "remember");
    troupe_client_listen(client, 5);
    assert_ends(ask("it", "speak"), TROUPE_OUTCOME_OK, "speak");
    hears("hello");
}

static void the_descriptor_tells_of_messages(void **state)
{
    (void)state;
    troupe_client_listen(client, 5);
    struct pollfd descriptor = {.fd = troupe_client_fd(client), .events = POLLIN};
    assert_ends(ask("it", "remember"), TROUPE_OUTCOME_OK, "remember");
    troupe_client_t *other = troupe_client_new(rig.ipc);
    troupe_message_t *message = troupe_message_from_text("speak");
    troupe_reply_t *reply = NULL;
    assert_status(troupe_client_ask(other, "it", RIG_PATIENCE_MS, &message, &reply), TROUPE_OK);
    troupe_reply_destroy(&reply);
    troupe_client_destroy(&other);
    const char *from;
    troupe_status_t status = TROUPE_TIMEOUT;
    while (status == TROUPE_TIMEOUT) {
        assert_int_equal(poll(&descriptor, 1, RIG_PATIENCE_MS), 1);
        status = troupe_client_next_message(client, 0, &from, &message);
    }
    assert_status(status, TROUPE_OK);
    troupe_message_destroy(&message);
}

static side_t over_ipc = OVER_IPC;
static side_t over_tcp = OVER_TCP;

/* clang-format off */
#define STORY(function, side) \
    { .name = #function " (" #side ")", .test_func = function, .initial_state = &(side), \
      .setup_func = set_up, .teardown_func = tear_down }
/* clang-format on */

#define STORIES(side)                                                                          \
    STORY(a_message_arrives_and_another_comes_back, side),                                     \
        STORY(an_actor_answers_and_refuses, side), STORY(there_is_no_such_actor, side),        \
        STORY(what_is_sent_before_there_is_a_connection_keeps_its_order, side),                \
        STORY(an_ask_can_be_cancelled, side), STORY(an_ask_ends_at_its_deadline, side),        \
        STORY(a_monitor_tells_when_an_actor_goes_down, side),                                  \
        STORY(what_it_had_sent_is_there_when_its_end_is, side),                                \
        STORY(a_node_that_stops_ends_monitors, side),                                          \
        STORY(what_does_not_fit_is_counted, side),                                             \
        STORY(who_does_not_listen_hears_nothing, side),                                        \
        STORY(one_may_begin_to_listen_later, side),                                            \
        STORY(the_descriptor_tells_of_messages, side)

int main(void)
{
    const struct CMUnitTest tests[] = {STORIES(over_ipc), STORIES(over_tcp)};
    return cmocka_run_group_tests_name("client_talk", tests, NULL, NULL) != 0;
}
