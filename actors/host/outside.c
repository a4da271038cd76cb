/* A reference of which the table has the only share cannot be got hold of but through the
 * table, so under its lock such a one can be let go of.
 */

#include "actors/host/outside.h"

#include <assert.h>
#include <czmq.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/idmap.h"
#include "mailbox/directory.h"

#define FEW 64 /* are not worth looking for those that nobody has */

typedef struct known {
    struct known *next; /* of those that are of no more use */
    troupe_ref_t *ref;
    uint64_t number;
    uint64_t n_said;
} known_t;

struct tr_outside {
    pthread_mutex_t mutex;
    tr_mailbox_t *beyond;
    zhashx_t *by_name;    /* troupe_ref_t */
    tr_idmap_t by_number; /* known_t */
    tr_idmap_t notices;   /* tr_mail_t by the number of the monitor */
    known_t *unused;
    size_t sweep_at;
};

static void release(void **item)
{
    troupe_ref_release((troupe_ref_t **)item);
}

static void destroy_known(known_t *known)
{
    troupe_ref_release(&known->ref);
    free(known);
}

tr_outside_t *tr_outside_new(tr_mailbox_t *beyond)
{
    assert(beyond);
    tr_outside_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->by_name = zhashx_new();
    if (!self->by_name) {
        free(self);
        return NULL;
    }
    zhashx_set_destructor(self->by_name, release);
    pthread_mutex_init(&self->mutex, NULL);
    tr_idmap_init(&self->by_number);
    tr_idmap_init(&self->notices);
    self->beyond = tr_mailbox_share(beyond);
    self->sweep_at = FEW;
    return self;
}

static void destroy_notices(tr_outside_t *self)
{
    uint64_t id;
    tr_mail_t *notice;
    while ((notice = tr_idmap_any(&self->notices, &id)) != NULL) {
        tr_idmap_take(&self->notices, id);
        tr_letter_t *letter = &notice->letter;
        tr_letter_destroy(&letter);
    }
    tr_idmap_finish(&self->notices);
}

void tr_outside_destroy(tr_outside_t **self_p)
{
    assert(self_p);
    tr_outside_t *self = *self_p;
    *self_p = NULL;
    if (!self) {
        return;
    }
    destroy_notices(self);
    uint64_t number;
    known_t *known;
    while ((known = tr_idmap_any(&self->by_number, &number)) != NULL) {
        tr_idmap_take(&self->by_number, number);
        destroy_known(known);
    }
    while ((known = self->unused) != NULL) {
        self->unused = known->next;
        destroy_known(known);
    }
    tr_idmap_finish(&self->by_number);
    zhashx_destroy(&self->by_name);
    tr_mailbox_release(&self->beyond);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

/* ---- with the lock ---- */

static bool is_only_ours(const troupe_ref_t *ref)
{
    return atomic_load(&ref->holders) == 1;
}

static void sweep_names(tr_outside_t *self)
{
    zlistx_t *names = zhashx_keys(self->by_name);
    for (const char *name = names ? zlistx_first(names) : NULL; name;
         name = zlistx_next(names)) {
        if (is_only_ours(zhashx_lookup(self->by_name, name))) {
            zhashx_delete(self->by_name, name);
        }
    }
    zlistx_destroy(&names);
}

static void sweep_numbers(tr_outside_t *self)
{
    for (size_t i = 0; i < self->by_number.n_slots;) {
        known_t *known = self->by_number.slots[i].item;
        if (known && is_only_ours(known->ref)) {
            tr_idmap_take(&self->by_number, known->number); /* may move others here */
            known->next = self->unused;
            self->unused = known;
        } else {
            i++;
        }
    }
}

static void sweep(tr_outside_t *self)
{
    if (zhashx_size(self->by_name) + self->by_number.n_items >= self->sweep_at) {
        sweep_names(self);
        sweep_numbers(self);
        self->sweep_at = 2 * (zhashx_size(self->by_name) + self->by_number.n_items) + FEW;
    }
}

static troupe_ref_t *find(tr_outside_t *self, const char *name)
{
    troupe_ref_t *ref = zhashx_lookup(self->by_name, name);
    if (!ref) {
        sweep(self);
        ref = tr_ref_new(name, "", self->beyond, TR_OUTSIDE_BY_NAME);
        if (ref && zhashx_insert(self->by_name, name, ref) != 0) {
            troupe_ref_release(&ref);
        }
    }
    return ref ? troupe_ref_share(ref) : NULL;
}

static known_t *make_known(tr_outside_t *self, uint64_t number, const char *name)
{
    known_t *known = calloc(1, sizeof *known);
    troupe_ref_t *ref = known ? tr_ref_new(name, "", self->beyond, number) : NULL;
    if (!ref || tr_idmap_put(&self->by_number, number, known) != TROUPE_OK) {
        troupe_ref_release(&ref);
        free(known);
        return NULL;
    }
    known->ref = ref;
    known->number = number;
    return known;
}

/* ---- without ---- */

troupe_ref_t *tr_outside_find(tr_outside_t *self, const char *name)
{
    assert(self && name);
    if (strlen(name) >= TR_DIRECTORY_NAME_SIZE) {
        return NULL;
    }
    pthread_mutex_lock(&self->mutex);
    troupe_ref_t *ref = find(self, name);
    pthread_mutex_unlock(&self->mutex);
    return ref;
}

troupe_ref_t *tr_outside_refer(tr_outside_t *self, uint64_t number, const char *name)
{
    assert(self && number > 0 && name);
    pthread_mutex_lock(&self->mutex);
    known_t *known = tr_idmap_get(&self->by_number, number);
    if (!known) {
        sweep(self);
        known = make_known(self, number, name);
    }
    troupe_ref_t *ref = known ? troupe_ref_share(known->ref) : NULL;
    if (known) {
        known->n_said++;
    }
    pthread_mutex_unlock(&self->mutex);
    return ref;
}

bool tr_outside_take_unused(tr_outside_t *self, uint64_t *number_out, uint64_t *count_out)
{
    assert(self && number_out && count_out);
    pthread_mutex_lock(&self->mutex);
    known_t *known = self->unused;
    if (known) {
        self->unused = known->next;
        *number_out = known->number;
        *count_out = known->n_said;
        destroy_known(known);
    }
    pthread_mutex_unlock(&self->mutex);
    return known != NULL;
}

troupe_status_t tr_outside_await(tr_outside_t *self, troupe_ref_t *whom, uint64_t reader,
                                 uint64_t id)
{
    assert(self && whom);
    tr_mail_t *notice = tr_mail_notice_new(reader, id);
    if (!notice) {
        return TROUPE_ERR_NOMEM;
    }
    notice->from = troupe_ref_share(whom);
    pthread_mutex_lock(&self->mutex);
    troupe_status_t status = tr_idmap_put(&self->notices, id, notice);
    pthread_mutex_unlock(&self->mutex);
    if (status != TROUPE_OK) {
        tr_letter_t *letter = &notice->letter;
        tr_letter_destroy(&letter);
    }
    return status;
}

tr_mail_t *tr_outside_take_notice(tr_outside_t *self, uint64_t id)
{
    assert(self);
    pthread_mutex_lock(&self->mutex);
    tr_mail_t *notice = tr_idmap_take(&self->notices, id);
    pthread_mutex_unlock(&self->mutex);
    return notice;
}
