/* A hash table a name space, under one lock that is held for a look-up only. */

#include "mailbox/directory.h"

#include <czmq.h>
#include <pthread.h>
#include <stdlib.h>

struct tr_directory {
    pthread_rwlock_t lock;
    zhashx_t *names[TR_N_NAME_SPACES];
    zhashx_t *refs; /* of actors, by name */
};

static void release_ref(void **ref_p)
{
    troupe_ref_release((troupe_ref_t **)ref_p);
}

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
    self->refs = zhashx_new();
    if (!self->refs) {
        tr_directory_destroy(&self);
        return NULL;
    }
    zhashx_set_destructor(self->refs, release_ref);
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
    zhashx_destroy(&self->refs);
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

static void forget_refs(zhashx_t *refs, const tr_mailbox_t *mailbox)
{
    zlistx_t *keys = zhashx_keys(refs);
    for (const char *name = keys ? zlistx_first(keys) : NULL; name; name = zlistx_next(keys)) {
        const troupe_ref_t *ref = zhashx_lookup(refs, name);
        if (ref->mailbox == mailbox) {
            zhashx_delete(refs, name);
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
    forget_refs(self->refs, mailbox);
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

/* ---- references ---- */

static bool insert_ref(tr_directory_t *self, troupe_ref_t *ref)
{
    bool is_in = zhashx_insert(self->refs, ref->name, troupe_ref_share(ref)) == 0;
    if (!is_in) {
        troupe_ref_release(&(troupe_ref_t *){ref});
    }
    return is_in;
}

static troupe_ref_t *make_ref(const char *name, const char *home, tr_mailbox_limits_t limits,
                              bool is_lasting)
{
    tr_mailbox_t *mailbox =
        is_lasting ? tr_mailbox_new_lasting(name, limits) : tr_mailbox_new(name, 0, limits);
    troupe_ref_t *ref = mailbox ? tr_ref_new(name, home, mailbox, 0) : NULL;
    tr_mailbox_release(&mailbox);
    return ref;
}

troupe_status_t tr_directory_claim(tr_directory_t *self, const char *name, const char *home,
                                   tr_mailbox_limits_t limits, bool is_lasting,
                                   troupe_ref_t **out)
{
    assert(self && name && strlen(name) < TR_DIRECTORY_NAME_SIZE && home && out);
    troupe_status_t status = TROUPE_OK;
    pthread_rwlock_wrlock(&self->lock);
    troupe_ref_t *ref = zhashx_lookup(self->refs, name);
    if (ref) {
        bool can_be_had =
            is_lasting && streq(ref->home, home) && tr_mailbox_is_vacant(ref->mailbox);
        ref = can_be_had ? troupe_ref_share(ref) : NULL;
        status = can_be_had ? TROUPE_OK : TROUPE_EXISTS;
        if (ref) {
            tr_mailbox_bound(ref->mailbox, limits);
        }
    } else {
        ref = make_ref(name, home, limits, is_lasting);
        if (!ref || !insert_ref(self, ref)) {
            troupe_ref_release(&ref);
            status = TROUPE_ERR_NOMEM;
        }
    }
    pthread_rwlock_unlock(&self->lock);
    if (status == TROUPE_OK) {
        *out = ref;
    }
    return status;
}

/* With the lock. */
static troupe_ref_t *take_out(tr_directory_t *self, troupe_ref_t *ref)
{
    troupe_ref_share(ref);
    zhashx_delete(self->refs, ref->name);
    return ref;
}

troupe_ref_t *tr_directory_take_out(tr_directory_t *self, const troupe_ref_t *ref)
{
    assert(self && ref);
    pthread_rwlock_wrlock(&self->lock);
    troupe_ref_t *known = zhashx_lookup(self->refs, ref->name);
    known = known == ref ? take_out(self, known) : NULL;
    pthread_rwlock_unlock(&self->lock);
    return known;
}

static tr_span_t first_of(const char *path)
{
    return (tr_span_t){path, strcspn(path, (char[]){TR_PATH_SEPARATOR, '\0'})};
}

bool tr_path_branch(const char *home, const char *path, tr_span_t *out)
{
    assert(home && path && out);
    size_t size = strlen(path);
    if (strncmp(home, path, size) != 0 ||
        (size > 0 && home[size] && home[size] != TR_PATH_SEPARATOR)) {
        return false;
    }
    const char *rest = home + size;
    *out = first_of(rest + (size > 0 && *rest));
    return true;
}

/* The child of the supervisor of that path that `ref` is, or is below. False: it is elsewhere.
 */
static bool find_branch(const troupe_ref_t *ref, const char *path, tr_span_t *out)
{
    if (!tr_path_branch(ref->home, path, out)) {
        return false;
    }
    if (out->size == 0) {
        *out = tr_span_of(ref->name);
    }
    return true;
}

troupe_ref_t *tr_directory_take_out_vacant(tr_directory_t *self, const char *path,
                                           bool (*is_gone)(const void *arg, tr_span_t child),
                                           const void *arg)
{
    assert(self && path && is_gone);
    troupe_ref_t *found = NULL;
    tr_span_t child;
    pthread_rwlock_wrlock(&self->lock);
    for (troupe_ref_t *ref = zhashx_first(self->refs); ref && !found;
         ref = zhashx_next(self->refs)) {
        if (tr_mailbox_is_vacant(ref->mailbox) && find_branch(ref, path, &child) &&
            is_gone(arg, child)) {
            found = ref;
        }
    }
    found = found ? take_out(self, found) : NULL;
    pthread_rwlock_unlock(&self->lock);
    return found;
}

/* A name that comes from a peer may be anything. False: nobody is called so. */
static bool copy_name(char text[TR_DIRECTORY_NAME_SIZE], tr_span_t name)
{
    if (name.size == 0 || name.size >= TR_DIRECTORY_NAME_SIZE ||
        memchr(name.data, '\0', name.size)) {
        return false;
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return true;
}

troupe_ref_t *tr_directory_refer(tr_directory_t *self, tr_span_t name)
{
    assert(self);
    char text[TR_DIRECTORY_NAME_SIZE];
    if (!copy_name(text, name)) {
        return NULL;
    }
    pthread_rwlock_rdlock(&self->lock);
    troupe_ref_t *ref = zhashx_lookup(self->refs, text);
    if (ref) {
        troupe_ref_share(ref);
    }
    pthread_rwlock_unlock(&self->lock);
    return ref;
}

tr_mailbox_t *tr_directory_find(tr_directory_t *self, tr_name_space_t space, tr_span_t name)
{
    assert(self);
    char text[TR_DIRECTORY_NAME_SIZE];
    if (!copy_name(text, name)) {
        return NULL;
    }
    pthread_rwlock_rdlock(&self->lock);
    tr_mailbox_t *mailbox = zhashx_lookup(self->names[space], text);
    if (mailbox) {
        tr_mailbox_share(mailbox);
    }
    pthread_rwlock_unlock(&self->lock);
    return mailbox;
}
