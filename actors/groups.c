/* A list for each group, under one lock that is held to look or to change; who publishes walks
 * a copy.
 */

#include "actors/groups.h"

#include <assert.h>
#include <czmq.h>
#include <pthread.h>
#include <stdlib.h>

typedef struct crowd_member {
    troupe_ref_t *ref; /* a share */
    uint64_t incarnation;
} crowd_member_t;

typedef struct crowd {
    crowd_member_t *members; /* in the order in which they joined */
    size_t n;
    size_t n_room;
} crowd_t;

struct tr_groups {
    pthread_mutex_t mutex;
    zhashx_t *groups; /* none is empty */
};

static void destroy_group(void **group_p)
{
    crowd_t *group = *group_p;
    for (size_t i = 0; i < group->n; i++) {
        troupe_ref_release(&group->members[i].ref);
    }
    free(group->members);
    free(group);
    *group_p = NULL;
}

tr_groups_t *tr_groups_new(void)
{
    tr_groups_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    pthread_mutex_init(&self->mutex, NULL);
    self->groups = zhashx_new();
    if (!self->groups) {
        tr_groups_destroy(&self);
        return NULL;
    }
    zhashx_set_destructor(self->groups, destroy_group);
    return self;
}

void tr_groups_destroy(tr_groups_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->groups);
        pthread_mutex_destroy(&(*self_p)->mutex);
        free(*self_p);
        *self_p = NULL;
    }
}

static size_t place_of(const crowd_t *group, const troupe_ref_t *member)
{
    size_t i = 0;
    while (i < group->n && group->members[i].ref != member) {
        i++;
    }
    return i;
}

static bool make_room(crowd_t *group)
{
    if (group->n < group->n_room) {
        return true;
    }
    size_t n_room = group->n_room ? group->n_room * 2 : 4;
    crowd_member_t *members = realloc(group->members, n_room * sizeof *members);
    if (members) {
        group->members = members;
        group->n_room = n_room;
    }
    return members != NULL;
}

/* With the lock. */
static crowd_t *find_or_make(tr_groups_t *self, const char *name)
{
    crowd_t *group = zhashx_lookup(self->groups, name);
    if (group) {
        return group;
    }
    group = calloc(1, sizeof *group);
    if (!group || !make_room(group) || zhashx_insert(self->groups, name, group) != 0) {
        if (group) {
            destroy_group((void **)&group);
        }
        return NULL;
    }
    return group;
}

troupe_status_t tr_groups_join(tr_groups_t *self, const char *name, troupe_ref_t *member,
                               uint64_t incarnation)
{
    assert(self && name && member);
    troupe_status_t status = TROUPE_OK;
    pthread_mutex_lock(&self->mutex);
    crowd_t *group = find_or_make(self, name);
    if (!group || !make_room(group)) {
        status = TROUPE_ERR_NOMEM;
    } else if (place_of(group, member) < group->n) {
        status = TROUPE_EXISTS;
    } else {
        group->members[group->n++] = (crowd_member_t){troupe_ref_share(member), incarnation};
    }
    pthread_mutex_unlock(&self->mutex);
    return status;
}

static void take_out(crowd_t *group, size_t place)
{
    troupe_ref_release(&group->members[place].ref);
    group->n--;
    memmove(&group->members[place], &group->members[place + 1],
            (group->n - place) * sizeof *group->members);
}

troupe_status_t tr_groups_leave(tr_groups_t *self, const char *name, const troupe_ref_t *member)
{
    assert(self && name && member);
    pthread_mutex_lock(&self->mutex);
    crowd_t *group = zhashx_lookup(self->groups, name);
    size_t place = group ? place_of(group, member) : 0;
    bool is_member = group && place < group->n;
    if (is_member) {
        take_out(group, place);
        if (group->n == 0) {
            zhashx_delete(self->groups, name);
        }
    }
    pthread_mutex_unlock(&self->mutex);
    return is_member ? TROUPE_OK : TROUPE_NOT_FOUND;
}

void tr_groups_forget(tr_groups_t *self, const troupe_ref_t *member, uint64_t incarnation)
{
    assert(self && member);
    pthread_mutex_lock(&self->mutex);
    zlistx_t *names = zhashx_size(self->groups) > 0 ? zhashx_keys(self->groups) : NULL;
    for (const char *name = names ? zlistx_first(names) : NULL; name;
         name = zlistx_next(names)) {
        crowd_t *group = zhashx_lookup(self->groups, name);
        size_t place = place_of(group, member);
        if (place < group->n && group->members[place].incarnation == incarnation) {
            take_out(group, place);
            if (group->n == 0) {
                zhashx_delete(self->groups, name);
            }
        }
    }
    zlistx_destroy(&names);
    pthread_mutex_unlock(&self->mutex);
}

void tr_groups_each(tr_groups_t *self, const char *name,
                    void (*visit)(void *arg, troupe_ref_t *member), void *arg)
{
    assert(self && name && visit);
    pthread_mutex_lock(&self->mutex);
    const crowd_t *group = zhashx_lookup(self->groups, name);
    size_t n = group ? group->n : 0;
    troupe_ref_t **members = n > 0 ? malloc(n * sizeof(troupe_ref_t *)) : NULL;
    for (size_t i = 0; members && i < n; i++) {
        members[i] = troupe_ref_share(group->members[i].ref);
    }
    pthread_mutex_unlock(&self->mutex);
    for (size_t i = 0; members && i < n; i++) {
        visit(arg, members[i]);
        troupe_ref_release(&members[i]);
    }
    free(members);
}

size_t tr_groups_size(tr_groups_t *self, const char *name)
{
    assert(self && name);
    pthread_mutex_lock(&self->mutex);
    const crowd_t *group = zhashx_lookup(self->groups, name);
    size_t n = group ? group->n : 0;
    pthread_mutex_unlock(&self->mutex);
    return n;
}
