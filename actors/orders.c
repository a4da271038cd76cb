/* A size is one number, so that it is read whole: least and most, as ordered and as described,
 * 16 bits each. As ordered there is at least one worker at most, so it is never 0.
 */

#include "actors/orders.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/directory.h"

typedef struct entry {
    struct entry *next;
    char *capability;
    char *home;
    tr_orders_t orders;
} entry_t;

struct tr_order_book {
    pthread_mutex_t lock;
    entry_t *first;
};

/* ---- sizes ---- */

static uint64_t pack(tr_pool_size_t size)
{
    assert(size.least <= TR_ORDERS_MOST_WORKERS && size.most <= TR_ORDERS_MOST_WORKERS);
    return (uint64_t)size.least << 16 | (uint64_t)size.most;
}

static tr_pool_size_t unpack(uint64_t packed)
{
    return (tr_pool_size_t){(size_t)(packed >> 16 & 0xffff), (size_t)(packed & 0xffff)};
}

void tr_orders_set_size(tr_orders_t *self, tr_pool_size_t size, tr_pool_size_t described)
{
    assert(self && size.most > 0);
    atomic_store(&self->size, pack(size) << 32 | pack(described));
}

tr_pool_size_t tr_orders_size(const tr_orders_t *self, tr_pool_size_t described)
{
    assert(self);
    uint64_t packed = atomic_load(&self->size);
    bool holds = packed != 0 && (packed & 0xffffffff) == pack(described);
    return holds ? unpack(packed >> 32) : described;
}

void tr_orders_drop_size(tr_orders_t *self)
{
    assert(self);
    atomic_store(&self->size, 0);
}

/* ---- the book ---- */

tr_order_book_t *tr_order_book_new(void)
{
    tr_order_book_t *self = calloc(1, sizeof *self);
    if (self) {
        pthread_mutex_init(&self->lock, NULL);
    }
    return self;
}

static void destroy_entry(entry_t *entry)
{
    free(entry->capability);
    free(entry->home);
    free(entry);
}

void tr_order_book_destroy(tr_order_book_t **self_p)
{
    assert(self_p);
    tr_order_book_t *self = *self_p;
    if (!self) {
        return;
    }
    while (self->first) {
        entry_t *entry = self->first;
        self->first = entry->next;
        destroy_entry(entry);
    }
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

static entry_t *find(tr_order_book_t *self, const char *capability, const char *home)
{
    entry_t *entry = self->first;
    while (entry &&
           (strcmp(entry->capability, capability) != 0 || strcmp(entry->home, home) != 0)) {
        entry = entry->next;
    }
    return entry;
}

static entry_t *add(tr_order_book_t *self, const char *capability, const char *home)
{
    entry_t *entry = calloc(1, sizeof *entry);
    if (!entry) {
        return NULL;
    }
    entry->capability = strdup(capability);
    entry->home = strdup(home);
    if (!entry->capability || !entry->home) {
        destroy_entry(entry);
        return NULL;
    }
    entry->next = self->first;
    self->first = entry;
    return entry;
}

tr_orders_t *tr_order_book_of(tr_order_book_t *self, const char *capability, const char *home)
{
    assert(self && capability && home);
    pthread_mutex_lock(&self->lock);
    entry_t *entry = find(self, capability, home);
    entry = entry ? entry : add(self, capability, home);
    pthread_mutex_unlock(&self->lock);
    return entry ? &entry->orders : NULL;
}

void tr_order_book_forget(tr_order_book_t *self, const char *path,
                          bool (*is_gone)(const void *arg, tr_span_t child), const void *arg)
{
    assert(self && path && is_gone);
    tr_span_t child;
    pthread_mutex_lock(&self->lock);
    for (entry_t *entry = self->first; entry; entry = entry->next) {
        if (tr_path_branch(entry->home, path, &child) && child.size > 0 &&
            is_gone(arg, child)) {
            atomic_store(&entry->orders.service, TR_SERVICE_OPEN);
            atomic_store(&entry->orders.rests, false);
            tr_orders_drop_size(&entry->orders);
        }
    }
    pthread_mutex_unlock(&self->lock);
}
