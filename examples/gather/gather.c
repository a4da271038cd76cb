/* gather.c - a capability that calls another one, which serves in batches: gather TEXT
 *
 * `shout` has each word of a text put into capitals by `upper`, all at the same time, and puts
 * the answers together in the order of the text. It waits for none of them: its handler
 * returns, and what comes back is taken between other callbacks. `upper` is handed up to eight
 * words at once.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe.h>

#define MOST_WORDS 64
#define MOST_BYTES 1000

/* ---- upper ---- */

static void put_into_capitals(troupe_request_t *request)
{
    char *word = troupe_message_text(troupe_request_message(request), 0);
    if (!word) {
        troupe_request_fail(request, "out of memory");
        return;
    }
    for (char *c = word; *c; c++) {
        *c = (char)toupper((unsigned char)*c);
    }
    troupe_request_reply_data(request, word, strlen(word));
    free(word);
}

/* Here it would pay to do all of them in one step; each still gets an answer of its own. */
static int upper_handle_batch(troupe_worker_t *self, troupe_request_t **requests, size_t count,
                              void *state)
{
    (void)self;
    (void)state;
    for (size_t i = 0; i < count; i++) {
        put_into_capitals(requests[i]);
    }
    return 0;
}

static int upper_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    return upper_handle_batch(self, &request, 1, state);
}

static const troupe_behaviour_t upper = {
    .name = "upper",
    .handle = upper_handle,
    .handle_batch = upper_handle_batch,
};

/* ---- shout ---- */

struct shout;

struct word {
    struct shout *shout;
    troupe_message_t *loud; /* NULL: not there yet */
};

/* The one request that the worker has: its `concurrency` is 1. */
struct shout {
    troupe_request_t *request;
    size_t n_words;
    size_t n_awaited;
    bool has_failed;
    char why[200];
    struct word words[MOST_WORDS];
};

static void fail(struct shout *shout, const char *why)
{
    if (!shout->has_failed) {
        shout->has_failed = true;
        snprintf(shout->why, sizeof shout->why, "%s", why);
    }
}

static void forget_words(struct shout *shout)
{
    for (size_t i = 0; i < shout->n_words; i++) {
        troupe_message_destroy(&shout->words[i].loud);
    }
    shout->n_words = 0;
}

static void answer(struct shout *shout)
{
    char text[MOST_BYTES + MOST_WORDS];
    size_t size = 0;
    for (size_t i = 0; i < shout->n_words && !shout->has_failed; i++) {
        const troupe_message_t *loud = shout->words[i].loud;
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%.*s", i > 0 ? " " : "",
                                 (int)troupe_message_size(loud, 0),
                                 (const char *)troupe_message_data(loud, 0));
    }
    if (shout->has_failed) {
        troupe_request_fail(shout->request, "%s", shout->why);
    } else {
        troupe_request_reply_data(shout->request, text, size);
    }
    forget_words(shout);
}

/* One word is back, or is not to be had. */
static int take_word(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    struct word *word = arg;
    struct shout *shout = word->shout;
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        fail(shout, troupe_reply_text(reply));
    } else if (!(word->loud = troupe_message_share(troupe_reply_message(reply)))) {
        fail(shout, "out of memory");
    }
    if (--shout->n_awaited == 0) {
        answer(shout);
    }
    return 0;
}

static void ask_for(troupe_worker_t *self, struct shout *shout, const char *text)
{
    struct word *word = &shout->words[shout->n_words++];
    word->shout = shout;
    troupe_message_t *message = troupe_message_from_text(text);
    uint64_t id;
    if (message && troupe_worker_call(self, shout->request, "upper", NULL, &message, take_word,
                                      word, &id) == TROUPE_OK) {
        shout->n_awaited++;
    } else {
        fail(shout, "out of memory");
    }
}

static int shout_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    struct shout *shout = state;
    char text[MOST_BYTES + 1];
    size_t size = troupe_request_size(request);
    if (size > MOST_BYTES) {
        troupe_request_refuse(request, TROUPE_OUTCOME_TOO_LARGE, "more than %d bytes",
                              MOST_BYTES);
        return 0;
    }
    memcpy(text, troupe_request_data(request), size);
    text[size] = '\0';

    shout->request = request;
    shout->has_failed = false;
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (shout->n_words == MOST_WORDS) {
            fail(shout, "more words than I can remember");
            break;
        }
        ask_for(self, shout, word);
    }
    if (shout->n_awaited > 0) {
        troupe_request_keep(request);
    } else {
        answer(shout);
    }
    return 0;
}

static int shout_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(struct shout));
    return *state_p ? TROUPE_INIT_OK : -1;
}

static void shout_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    forget_words(*state_p);
    free(*state_p);
}

static const troupe_behaviour_t shout = {
    .name = "shout",
    .init = shout_init,
    .handle = shout_handle,
    .terminate = shout_terminate,
};

/* ---- the program ---- */

static const char tree[] = "troupe: 1\n"
                           "supervisor:\n"
                           "  children:\n"
                           "    - capability: upper\n"
                           "      worker: {module: upper}\n"
                           "      batch: {max: 8, window: 2ms}\n"
                           "    - capability: shout\n"
                           "      worker: {module: shout}\n";

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static int call(troupe_node_t *node, const char *text)
{
    troupe_caller_t *caller = troupe_caller_new(node);
    troupe_message_t *request = troupe_message_from_text(text);
    troupe_reply_t *reply = NULL;
    int code = 1;

    if (caller &&
        troupe_caller_call(caller, "shout", NULL, &request, NULL, NULL, &reply) == TROUPE_OK) {
        const troupe_message_t *message = troupe_reply_message(reply);
        troupe_outcome_t outcome = troupe_reply_outcome(reply);
        printf("%s: %.*s%s\n", troupe_outcome_name(outcome),
               (int)troupe_message_size(message, 0),
               (const char *)troupe_message_data(message, 0), troupe_reply_text(reply));
        code = outcome == TROUPE_OUTCOME_OK ? 0 : 1;
    }
    troupe_reply_destroy(&reply);
    troupe_message_destroy(&request);
    troupe_caller_destroy(&caller);
    return code;
}

int main(int argc, char **argv)
{
    int code = 1, exit_code = TROUPE_EXIT_FAILED;
    troupe_node_t *node = troupe_node_new();

    if (node && troupe_node_register(node, &upper) == TROUPE_OK &&
        troupe_node_register(node, &shout) == TROUPE_OK &&
        troupe_node_load_text(node, "tree", tree, print_problem, NULL) == TROUPE_OK &&
        troupe_node_start(node, print_problem, NULL) == TROUPE_OK) {
        code = call(node, argc > 1 ? argv[1] : "how do you do");
        troupe_node_stop(node);
        if (troupe_node_wait(node, 10000, &exit_code) != TROUPE_OK ||
            exit_code != TROUPE_EXIT_OK) {
            code = 1;
        }
    }
    troupe_node_destroy(&node);
    return code;
}
