/* A hash table a name space, under one lock that is held for a look-up only. */

#include "mailbox/directory.h"

#include <czmq.h>
#include <pthread.h>
#include <stdlib.h>

#define NAME_MAX_SIZE 128

struct tr_directory {
    pthread_rwlock_t lock;
    zhashx_t *names[TR_N_NAME_SPACES];
};

static void release(void **mailbox_p)
{
    tr_mailbox_release((tr_mailbox_t **)mailbox_p);
}

tr_directory_t *tr_directory_new(void)
{
    tr_directory_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    pthread_rwlock_init(&self->lock, NULL);
    for (int i = 0; i < TR_N_NAME_SPACES; i++) {
        self->names[i] = zhashx_new();
        if (!self->names[i]) {
            tr_directory_destroy(&self);
            return NULL;
        }
        zhashx_set_destructor(self->names[i], release);
    }
    return self;
}

void tr_directory_destroy(tr_directory_t **self_p)
{
    assert(self_p);
    tr_directory_t *self = *self_p;
    if (!self) {
        return;
    }
    for (int i = 0; i < TR_N_NAME_SPACES; i++) {
        zhashx_destroy(&self->names[i]);
    }
    pthread_rwlock_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

troupe_status_t tr_directory_register(tr_directory_t *self, tr_name_space_t space,
                                      const char *name, tr_mailbox_t *mailbox)
{
    assert(self && name && strlen(name) < NAME_MAX_SIZE && mailbox);
    pthread_rwlock_wrlock(&self->lock);
    zhashx_update(self->names[space], name, tr_mailbox_share(mailbox));
    bool is_in = zhashx_lookup(self->names[space], name) == mailbox;
    pthread_rwlock_unlock(&self->lock);
    if (!is_in) {
        tr_mailbox_release(&(tr_mailbox_t *){mailbox});
        return TROUPE_ERR_NOMEM;
    }
    return TROUPE_OK;
}

void tr_directory_remove(tr_directory_t *self, tr_name_space_t space, const char *name,
                         const tr_mailbox_t *mailbox)
{
    assert(self && name && mailbox);
    pthread_rwlock_wrlock(&self->lock);
    if (zhashx_lookup(self->names[space], name) == mailbox) {
        zhashx_delete(self->names[space], name);
    }
    pthread_rwlock_unlock(&self->lock);
}

tr_mailbox_t *tr_directory_find(tr_directory_t *self, tr_name_space_t space, tr_span_t name)
{
    assert(self);
    char text[NAME_MAX_SIZE];
    if (name.size >= sizeof text) {
        return NULL;
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    pthread_rwlock_rdlock(&self->lock);
    tr_mailbox_t *mailbox = zhashx_lookup(self->names[space], text);
    if (mailbox) {
        tr_mailbox_share(mailbox);
    }
    pthread_rwlock_unlock(&self->lock);
    return mailbox;
}
