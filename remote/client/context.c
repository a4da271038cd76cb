/* The context is ended outside the lock, so that a client that begins meanwhile gets a new one
 * and need not wait for the bytes of another.
 */

#include "remote/client/context.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <zmq.h>

/* A client has three: as many clients as a program may want to have. */
#define MOST_SOCKETS 30000

static struct {
    pthread_mutex_t lock;
    void *context;
    size_t n_users;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

void *tr_context_join(void)
{
    pthread_mutex_lock(&shared.lock);
    if (shared.n_users == 0) {
        shared.context = zmq_ctx_new();
        if (shared.context) {
            zmq_ctx_set(shared.context, ZMQ_MAX_SOCKETS, MOST_SOCKETS);
        }
    }
    void *context = shared.context;
    if (context) {
        shared.n_users++;
    }
    pthread_mutex_unlock(&shared.lock);
    return context;
}

void tr_context_leave(void)
{
    void *ended = NULL;
    pthread_mutex_lock(&shared.lock);
    if (--shared.n_users == 0) {
        ended = shared.context;
        shared.context = NULL;
    }
    pthread_mutex_unlock(&shared.lock);
    if (ended) {
        while (zmq_ctx_term(ended) != 0 && errno == EINTR) {
        }
    }
}
