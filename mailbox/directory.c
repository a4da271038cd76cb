/* A hash table a name space, under one lock that is held for a look-up only. */

#include "mailbox/directory.h"

#include <czmq.h>
#include <pthread.h>
#include <stdlib.h>

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
    assert(self && name && strlen(name) < TR_DIRECTORY_NAME_SIZE && mailbox);
    pthread_rwlock_wrlock(&self->lock);
    const tr_mailbox_t *holder = zhashx_lookup(self->names[space], name);
    bool is_taken = holder && holder != mailbox;
    bool is_in = is_taken || holder == mailbox ||
                 zhashx_insert(self->names[space], name, tr_mailbox_share(mailbox)) == 0;
    pthread_rwlock_unlock(&self->lock);
    if (!is_in) {
        tr_mailbox_release(&(tr_mailbox_t *){mailbox});
        return TROUPE_ERR_NOMEM;
    }
    return is_taken ? TROUPE_EXISTS : TROUPE_OK;
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

static void forget_in(zhashx_t *names, const tr_mailbox_t *mailbox)
{
    zlistx_t *keys = zhashx_keys(names);
    for (const char *name = keys ? zlistx_first(keys) : NULL; name; name = zlistx_next(keys)) {
        if (zhashx_lookup(names, name) == mailbox) {
            zhashx_delete(names, name);
        }
    }
    zlistx_destroy(&keys);
}

void tr_directory_forget(tr_directory_t *self, const tr_mailbox_t *mailbox)
{
    assert(self && mailbox);
    pthread_rwlock_wrlock(&self->lock);
    for (int i = 0; i < TR_N_NAME_SPACES; i++) {
        forget_in(self->names[i], mailbox);
    }
    pthread_rwlock_unlock(&self->lock);
}

typedef struct entry {
    char *name;
    tr_mailbox_t *mailbox;
} entry_t;

/* What is known now, as shares of the caller's. The hash keeps the
 * place of a walk in itself, so that even this needs the lock for writers. */
static size_t copy_entries(tr_directory_t *self, tr_name_space_t space, entry_t **out)
{
    size_t n = 0;
    pthread_rwlock_wrlock(&self->lock);
    zhashx_t *names = self->names[space];
    *out = calloc(zhashx_size(names) + 1, sizeof **out);
    for (tr_mailbox_t *mailbox = *out ? zhashx_first(names) : NULL; mailbox;
         mailbox = zhashx_next(names)) {
        (*out)[n].name = strdup(zhashx_cursor(names));
        (*out)[n++].mailbox = tr_mailbox_share(mailbox);
    }
    pthread_rwlock_unlock(&self->lock);
    return n;
}

/* Outside the lock, for visitors post, and a post may be work that looks up names. */
void tr_directory_each(tr_directory_t *self, tr_name_space_t space,
                       void (*visit)(void *arg, const char *name, tr_mailbox_t *mailbox),
                       void *arg)
{
    assert(self && visit);
    entry_t *entries;
    size_t n = copy_entries(self, space, &entries);
    for (size_t i = 0; i < n; i++) {
        if (entries[i].name) {
            visit(arg, entries[i].name, entries[i].mailbox);
        }
        free(entries[i].name);
        tr_mailbox_release(&entries[i].mailbox);
    }
    free(entries);
}

tr_mailbox_t *tr_directory_find(tr_directory_t *self, tr_name_space_t space, tr_span_t name)
{
    assert(self);
    char text[TR_DIRECTORY_NAME_SIZE];
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
