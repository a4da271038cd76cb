#include "tests/kit/gate.h"

#include <time.h>

#define PATIENCE_S    60
#define LOOK_AGAIN_NS 1000000 /* no word comes when a request is cancelled */

void gate_reset(gate_t *self)
{
    pthread_mutex_lock(&self->mutex);
    self->n_come = self->n_let = self->n_passed = 0;
    self->is_open = false;
    pthread_mutex_unlock(&self->mutex);
}

static struct timespec after(time_t seconds, long ns)
{
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_sec += seconds + (when.tv_nsec + ns) / 1000000000;
    when.tv_nsec = (when.tv_nsec + ns) % 1000000000;
    return when;
}

size_t gate_come(gate_t *self)
{
    pthread_mutex_lock(&self->mutex);
    size_t number = ++self->n_come;
    pthread_cond_broadcast(&self->moved);
    pthread_mutex_unlock(&self->mutex);
    return number;
}

void gate_note(gate_t *self)
{
    gate_come(self);
}

bool gate_wait(gate_t *self, const troupe_request_t *request)
{
    pthread_mutex_lock(&self->mutex);
    bool is_wanted = true;
    while (is_wanted && !self->is_open && self->n_passed >= self->n_let) {
        struct timespec soon = after(0, LOOK_AGAIN_NS);
        pthread_cond_timedwait(&self->moved, &self->mutex, &soon);
        is_wanted = !request || !troupe_request_cancelled(request);
    }
    self->n_passed += is_wanted && !self->is_open;
    pthread_mutex_unlock(&self->mutex);
    return is_wanted;
}

bool gate_pass(gate_t *self, const troupe_request_t *request)
{
    gate_come(self);
    return gate_wait(self, request);
}

bool gate_await(gate_t *self, size_t n_come)
{
    struct timespec until = after(PATIENCE_S, 0);
    int error = 0;
    pthread_mutex_lock(&self->mutex);
    while (self->n_come < n_come && error == 0) {
        error = pthread_cond_timedwait(&self->moved, &self->mutex, &until);
    }
    bool have_come = self->n_come >= n_come;
    pthread_mutex_unlock(&self->mutex);
    return have_come;
}

size_t gate_n_come(gate_t *self)
{
    pthread_mutex_lock(&self->mutex);
    size_t n_come = self->n_come;
    pthread_mutex_unlock(&self->mutex);
    return n_come;
}

void gate_let_one(gate_t *self)
{
    pthread_mutex_lock(&self->mutex);
    self->n_let++;
    pthread_cond_broadcast(&self->moved);
    pthread_mutex_unlock(&self->mutex);
}

void gate_open(gate_t *self)
{
    pthread_mutex_lock(&self->mutex);
    self->is_open = true;
    pthread_cond_broadcast(&self->moved);
    pthread_mutex_unlock(&self->mutex);
}
