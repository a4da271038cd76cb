/* A list under a mutex: it is empty on good days. */

#include "actors/quarantine.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "actors/actor.h"

struct tr_quarantine {
    pthread_mutex_t mutex;
    tr_actor_t *first;
    atomic_size_t limit;
};

tr_quarantine_t *tr_quarantine_new(void)
{
    tr_quarantine_t *self = calloc(1, sizeof *self);
    if (self) {
        pthread_mutex_init(&self->mutex, NULL);
        atomic_init(&self->limit, TR_QUARANTINE_LIMIT);
    }
    return self;
}

void tr_quarantine_set_limit(tr_quarantine_t *self, size_t limit)
{
    assert(self);
    atomic_store(&self->limit, limit);
}

size_t tr_quarantine_limit(const tr_quarantine_t *self)
{
    assert(self);
    return atomic_load(&self->limit);
}

bool tr_quarantine_is_full(tr_quarantine_t *self)
{
    return tr_quarantine_sweep(self) > tr_quarantine_limit(self);
}

void tr_quarantine_destroy(tr_quarantine_t **self_p)
{
    assert(self_p);
    if (!*self_p) {
        return;
    }
    tr_quarantine_sweep(*self_p);
    pthread_mutex_destroy(&(*self_p)->mutex);
    free(*self_p);
    *self_p = NULL;
}

void tr_quarantine_accept(tr_quarantine_t *self, tr_actor_t **actor_p)
{
    assert(self && actor_p && *actor_p);
    pthread_mutex_lock(&self->mutex);
    (*actor_p)->next_quarantined = self->first;
    self->first = *actor_p;
    *actor_p = NULL;
    pthread_mutex_unlock(&self->mutex);
}

void tr_quarantine_release(tr_quarantine_t *self, uint64_t incarnation, int64_t timeout_ms)
{
    assert(self);
    pthread_mutex_lock(&self->mutex);
    tr_actor_t **link = &self->first;
    while (*link && (*link)->incarnation != incarnation) {
        link = &(*link)->next_quarantined;
    }
    tr_actor_t *actor = *link;
    if (actor) {
        *link = actor->next_quarantined;
    }
    pthread_mutex_unlock(&self->mutex);
    if (actor && tr_actor_reap(&actor, timeout_ms) != TROUPE_OK) {
        tr_quarantine_accept(self, &actor);
    }
}

size_t tr_quarantine_sweep(tr_quarantine_t *self)
{
    assert(self);
    size_t n_hanging = 0;
    pthread_mutex_lock(&self->mutex);
    for (tr_actor_t **link = &self->first; *link;) {
        tr_actor_t *actor = *link;
        tr_actor_t *next = actor->next_quarantined;
        if (tr_actor_reap(&actor, 0) == TROUPE_OK) {
            *link = next;
        } else {
            link = &(*link)->next_quarantined;
            n_hanging++;
        }
    }
    pthread_mutex_unlock(&self->mutex);
    return n_hanging;
}
