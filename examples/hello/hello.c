/* hello.c - a capability that greets, and counts its guests */

#include <stdio.h>
#include <stdlib.h>

#include <troupe.h>

struct hello {
    const char *greeting;
    long n_guests;
};

static int hello_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    struct hello *hello = calloc(1, sizeof *hello);
    if (!hello) {
        troupe_worker_explain(self, "out of memory");
        return -1;
    }
    hello->greeting = troupe_args_get_or(args, "greeting", "Hello");
    *state_p = hello;
    return TROUPE_INIT_OK;
}

static int hello_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    struct hello *hello = state;
    char *name = troupe_message_text(troupe_request_message(request), 0);
    char reply[200];

    if (!name || !*name) {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "whom shall I greet?");
    } else {
        int length = snprintf(reply, sizeof reply, "%s, %.100s! You are guest %ld.",
                              hello->greeting, name, ++hello->n_guests);
        troupe_request_reply_data(request, reply, (size_t)length);
    }
    free(name);
    return 0;
}

static void hello_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    free(*state_p);
}

const troupe_behaviour_t hello = {
    .name = "hello",
    .init = hello_init,
    .handle = hello_handle,
    .terminate = hello_terminate,
};

TROUPE_MODULE(hello);
