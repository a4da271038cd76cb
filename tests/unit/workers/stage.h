/* tests/unit/workers/stage.h - a behaviour on an empty stage
 *
 * Stands in for the node: it answers what a behaviour asks and writes down what it does, so
 * that a module's callbacks are tested one call at a time, on the test's own thread.
 */

#ifndef TROUPE_TESTS_UNIT_WORKERS_STAGE_H
#define TROUPE_TESTS_UNIT_WORKERS_STAGE_H

#include <stdbool.h>

#include <troupe/behaviour.h>

enum { STAGE_MAX_PARTS = 64 };

typedef struct stage_arg {
    const char *key;
    const char *value;
} stage_arg_t;

/* `args` ends with a NULL key. */
struct troupe_args {
    const stage_arg_t *args;
};

/* What the worker did. */
struct troupe_worker {
    int n_progress;
    bool has_ended;
    char explained[400];
    char logged[400];
    int n_sent;
    char sent_to[80];
};

/* What is asked, and what became of it. A reply and the parts are the request's to release. */
struct troupe_request {
    const char *method;
    troupe_message_t *message;
    int cancelled_after; /* that many questions; -1: never */

    int n_finished; /* 1, if all is well */
    troupe_outcome_t outcome;
    char text[400];
    troupe_message_t *reply;
    troupe_message_t *parts[STAGE_MAX_PARTS];
    int n_parts;
    bool reader_left; /* parts find nobody */
    bool is_full;     /* parts find no room */
};

/* A request with a message of one frame that is a copy of `size` bytes. */
troupe_request_t stage_request(const char *method, const void *data, size_t size);
void stage_release(troupe_request_t *request);

/* Hand it to the behaviour that the module exports, and return what `handle` returned. */
int stage_handle(troupe_worker_t *worker, troupe_request_t *request, void *state);

#endif
