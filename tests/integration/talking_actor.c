/* An actor that does to those who send to it what they say: frame 0 of a message is the verb,
 * the others are its words. What it learns besides it writes to the log.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <troupe/actor.h>

typedef struct talker {
    troupe_ref_t *remembered;
    troupe_question_t *kept;
} talker_t;

enum { FINE = 0, BROKEN = -1 };

static char *word(const troupe_message_t *message, size_t index)
{
    char *text = troupe_message_text(message, index);
    if (!text) {
        abort();
    }
    return text;
}

static size_t number(const troupe_message_t *message, size_t index)
{
    char *text = word(message, index);
    size_t value = strtoul(text, NULL, 10);
    free(text);
    return value;
}

/* The frames from `first` on. */
static troupe_message_t *rest(const troupe_message_t *message, size_t first)
{
    troupe_message_t *copy = troupe_message_new();
    for (size_t i = first; copy && i < troupe_message_count(message); i++) {
        if (troupe_message_add(copy, troupe_message_data(message, i),
                               troupe_message_size(message, i)) != TROUPE_OK) {
            abort();
        }
    }
    return copy;
}

static void say_to(troupe_worker_t *self, troupe_ref_t *to, const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    troupe_status_t status = troupe_send(self, to, &message);
    troupe_worker_log(self, "said %s to %s: %s", text, troupe_ref_name(to),
                      troupe_status_name(status));
}

static void echo(troupe_worker_t *self, const troupe_message_t *message)
{
    troupe_message_t *copy = rest(message, 1);
    if (troupe_message_kind(message) == TROUPE_MESSAGE_ASK) {
        troupe_answer(self, &copy);
    } else if (troupe_send(self, troupe_message_sender(message), &copy) != TROUPE_OK) {
        troupe_worker_log(self, "the echo was not taken");
    }
}

#define MOST_LOOKS 60000 /* a millisecond apart */

/* Until there is a file of that name, or the test that makes it must have failed. */
static void wait_for_file(troupe_worker_t *self, const troupe_message_t *message)
{
    char *path = word(message, 1);
    troupe_worker_log(self, "waiting");
    for (int i = 0; i < MOST_LOOKS && access(path, F_OK) != 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        troupe_worker_progress(self);
    }
    free(path);
}

static void flood(troupe_worker_t *self, const troupe_message_t *message)
{
    size_t count = number(message, 1);
    size_t size = number(message, 2);
    size_t n_taken = 0;
    char *bytes = calloc(1, size + 1);
    for (size_t i = 0; bytes && i < count; i++) {
        troupe_message_t *one = troupe_message_from(bytes, size);
        n_taken += troupe_send(self, troupe_message_sender(message), &one) == TROUPE_OK;
    }
    free(bytes);
    troupe_worker_log(self, "flooded, %zu taken", n_taken);
}

static int on_answer(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)arg;
    troupe_worker_log(self, "its answer: %s: %s",
                      troupe_outcome_name(troupe_reply_outcome(reply)),
                      troupe_reply_text(reply));
    return FINE;
}

static void ask_back(troupe_worker_t *self, troupe_ref_t *whom)
{
    troupe_message_t *question = troupe_message_from_text("how are you?");
    uint64_t id;
    if (troupe_ask(self, whom, &question, 1000, on_answer, NULL, &id) != TROUPE_OK) {
        troupe_worker_log(self, "could not ask");
    }
}

static void remember(talker_t *talker, troupe_ref_t *whom)
{
    troupe_ref_release(&talker->remembered);
    talker->remembered = troupe_ref_share(whom);
}

static void tie(troupe_worker_t *self, troupe_ref_t *whom, bool is_link)
{
    uint64_t id;
    troupe_status_t status =
        is_link ? troupe_link(self, whom) : troupe_monitor(self, whom, &id);
    troupe_worker_log(self, "tied to %s: %s", troupe_ref_name(whom),
                      troupe_status_name(status));
}

static int take_down(troupe_worker_t *self, const troupe_message_t *message)
{
    troupe_reason_t reason = troupe_message_reason(message);
    troupe_worker_log(self, "down: %s, kind %d: %s",
                      troupe_ref_name(troupe_message_sender(message)), (int)reason.kind,
                      reason.text);
    return FINE;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    talker_t *talker = state;
    troupe_ref_t *sender = troupe_message_sender(message);
    if (troupe_message_kind(message) == TROUPE_MESSAGE_DOWN) {
        return take_down(self, message);
    }
    int result = FINE;
    char *verb = word(message, 0);
    if (strcmp(verb, "echo") == 0) {
        echo(self, message);
    } else if (strcmp(verb, "refuse") == 0) {
        troupe_refuse(self, "not today");
    } else if (strcmp(verb, "keep") == 0) {
        talker->kept = troupe_take_question(self);
        troupe_worker_log(self, "kept a question");
    } else if (strcmp(verb, "awaited") == 0) {
        troupe_worker_log(self, "awaited: %d", troupe_question_is_awaited(talker->kept));
    } else if (strcmp(verb, "answer") == 0) {
        troupe_message_t *answer = rest(message, 1);
        troupe_question_answer(&talker->kept, &answer);
    } else if (strcmp(verb, "wait") == 0) {
        wait_for_file(self, message);
    } else if (strcmp(verb, "flood") == 0) {
        flood(self, message);
    } else if (strcmp(verb, "ask me") == 0) {
        ask_back(self, sender);
    } else if (strcmp(verb, "remember me") == 0) {
        remember(talker, sender);
    } else if (strcmp(verb, "speak") == 0) {
        troupe_worker_log(self, "is over: %d", troupe_ref_is_over(talker->remembered));
        say_to(self, talker->remembered, "hello");
    } else if (strcmp(verb, "watch me") == 0) {
        tie(self, sender, false);
    } else if (strcmp(verb, "watch it") == 0) {
        tie(self, talker->remembered, false);
    } else if (strcmp(verb, "link me") == 0) {
        tie(self, sender, true);
    } else if (strcmp(verb, "unlink me") == 0) {
        troupe_unlink(self, sender);
        troupe_worker_log(self, "untied");
    } else if (strcmp(verb, "fail") == 0) {
        troupe_worker_explain(self, "as it was told");
        result = BROKEN;
    } else if (strcmp(verb, "exit") == 0) { /* one in a process of its own */
        _exit((int)number(message, 1));
    } else {
        troupe_worker_log(self, "heard %s", verb);
    }
    free(verb);
    return result;
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(talker_t));
    return *state_p ? TROUPE_INIT_OK : TROUPE_INIT_NO_MEMORY;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    talker_t *talker = *state_p;
    troupe_ref_release(&talker->remembered);
    if (talker->kept) {
        troupe_question_refuse(&talker->kept, "the actor ends");
    }
    free(talker);
}

static const troupe_behaviour_t talking = {
    .name = "talking",
    .init = init,
    .receive = receive,
    .terminate = terminate,
};

TROUPE_MODULE(talking);
