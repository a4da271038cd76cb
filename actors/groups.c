/* Who speaks to a group walks a picture of it, which never changes and is shared by all who do:
 * it is made when there is none, and thrown away when somebody joins or leaves. So one who
 * speaks often copies nothing, and many who join one after another do not either.
 *
 * A membership is in two lists, that of its group and that of its member, so that a life ends
 * at the cost of what it joined, and one is looked for in the shorter of them. A reference
 * counts its memberships; for one that has none the registry is not even locked. What is let go
 * of is let go of outside the lock, as it may be the last that others are held by.
 */

#include "actors/groups.h"

#include <assert.h>
#include <czmq.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/idmap.h"

typedef struct picture {
    atomic_uint holders;
    size_t n_members;
    troupe_ref_t *members[]; /* shares, in the order in which they joined */
} picture_t;

typedef struct crowd crowd_t;

typedef struct membership {
    crowd_t *group;
    troupe_ref_t *member; /* a share */
    uint64_t incarnation;
    struct membership *next, *previous; /* in the group, in the order in which they joined */
    struct membership *next_of_member;
    picture_t *outdated; /* by its coming or going: a share, to be let go of */
} membership_t;

struct crowd {
    membership_t *first, *last;
    size_t n_members;   /* never none */
    picture_t *picture; /* a share; NULL: there is none of what it is now */
    char name[];
};

struct tr_groups {
    pthread_mutex_t mutex; /* for all below */
    zhashx_t *groups;      /* crowd_t by name */
    tr_idmap_t members;    /* the first membership_t by its reference */
};

/* ---- pictures ---- */

static void release_picture(picture_t **picture_p)
{
    picture_t *picture = *picture_p;
    *picture_p = NULL;
    if (picture && atomic_fetch_sub_explicit(&picture->holders, 1, memory_order_acq_rel) == 1) {
        for (size_t i = 0; i < picture->n_members; i++) {
            troupe_ref_release(&picture->members[i]);
        }
        free(picture);
    }
}

static picture_t *picture_of(const crowd_t *group)
{
    size_t size = group->n_members * sizeof(troupe_ref_t *);
    picture_t *picture = malloc(sizeof *picture + size);
    if (picture) {
        atomic_init(&picture->holders, 1);
        picture->n_members = 0;
        for (const membership_t *one = group->first; one; one = one->next) {
            picture->members[picture->n_members++] = troupe_ref_share(one->member);
        }
    }
    return picture;
}

/* A share of the present one; NULL when there is no such group, or no memory. */
static picture_t *look_at(tr_groups_t *self, const char *name)
{
    picture_t *picture = NULL;
    pthread_mutex_lock(&self->mutex);
    crowd_t *group = zhashx_lookup(self->groups, name);
    if (group && !group->picture) {
        group->picture = picture_of(group);
    }
    if (group && group->picture) {
        picture = group->picture;
        atomic_fetch_add_explicit(&picture->holders, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&self->mutex);
    return picture;
}

/* ---- the registry, with the lock ---- */

static uint64_t key_of(const troupe_ref_t *member)
{
    return (uint64_t)(uintptr_t)member;
}

static membership_t *find_in_group(const crowd_t *group, const troupe_ref_t *member)
{
    membership_t *one = group->first;
    while (one && one->member != member) {
        one = one->next;
    }
    return one;
}

static membership_t *find_of_member(membership_t *one, const crowd_t *group)
{
    while (one && one->group != group) {
        one = one->next_of_member;
    }
    return one;
}

/* Groups of many members are as common as members of many groups. */
static membership_t *find(const tr_groups_t *self, const char *name, const troupe_ref_t *member)
{
    const crowd_t *group = zhashx_lookup(self->groups, name);
    if (!group) {
        return NULL;
    }
    return group->n_members < atomic_load(&member->n_groups)
               ? find_in_group(group, member)
               : find_of_member(tr_idmap_get(&self->members, key_of(member)), group);
}

static crowd_t *find_or_make(tr_groups_t *self, const char *name)
{
    crowd_t *group = zhashx_lookup(self->groups, name);
    if (group) {
        return group;
    }
    size_t size = strlen(name) + 1;
    group = calloc(1, sizeof *group + size);
    if (group) {
        memcpy(group->name, name, size);
        zhashx_insert(self->groups, name, group);
    }
    return group;
}

/* Nobody has taken a picture of an empty one. */
static void drop_if_empty(tr_groups_t *self, crowd_t *group)
{
    if (group->n_members == 0) {
        assert(!group->picture);
        zhashx_delete(self->groups, group->name);
        free(group);
    }
}

static void outdate(crowd_t *group, membership_t *one)
{
    one->outdated = group->picture;
    group->picture = NULL;
}

static void enter_group(crowd_t *group, membership_t *one)
{
    one->group = group;
    one->previous = group->last;
    *(group->last ? &group->last->next : &group->first) = one;
    group->last = one;
    group->n_members++;
    outdate(group, one);
}

static void leave_group(membership_t *one)
{
    crowd_t *group = one->group;
    *(one->previous ? &one->previous->next : &group->first) = one->next;
    *(one->next ? &one->next->previous : &group->last) = one->previous;
    group->n_members--;
    outdate(group, one);
}

/* Behind those that it has, or as the first one. */
static troupe_status_t enter_member(tr_groups_t *self, membership_t *one)
{
    membership_t *first = tr_idmap_get(&self->members, key_of(one->member));
    if (first) {
        one->next_of_member = first->next_of_member;
        first->next_of_member = one;
        return TROUPE_OK;
    }
    return tr_idmap_put(&self->members, key_of(one->member), one);
}

static void leave_member(tr_groups_t *self, membership_t *one)
{
    membership_t *first = tr_idmap_take(&self->members, key_of(one->member));
    membership_t **place = &first;
    while (*place != one) {
        place = &(*place)->next_of_member;
    }
    *place = one->next_of_member;
    if (first) {
        troupe_status_t status = tr_idmap_put(&self->members, key_of(one->member), first);
        assert(status == TROUPE_OK); /* into the place that it had */
        (void)status;
    }
}

/* To be destroyed when the lock is free. */
static void end(tr_groups_t *self, membership_t *one)
{
    crowd_t *group = one->group;
    leave_group(one);
    leave_member(self, one);
    drop_if_empty(self, group);
}

static troupe_status_t enter(tr_groups_t *self, const char *name, membership_t *one)
{
    crowd_t *group = find_or_make(self, name);
    if (!group) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = enter_member(self, one);
    if (status == TROUPE_OK) {
        enter_group(group, one);
    }
    drop_if_empty(self, group);
    return status;
}

/* ---- without the lock ---- */

static membership_t *membership_new(troupe_ref_t *member, uint64_t incarnation)
{
    membership_t *one = calloc(1, sizeof *one);
    if (one) {
        one->member = troupe_ref_share(member);
        one->incarnation = incarnation;
        atomic_fetch_add(&member->n_groups, 1);
    }
    return one;
}

static void destroy(membership_t *one)
{
    release_picture(&one->outdated);
    atomic_fetch_sub(&one->member->n_groups, 1);
    troupe_ref_release(&one->member);
    free(one);
}

/* ---- what others call ---- */

tr_groups_t *tr_groups_new(void)
{
    tr_groups_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    pthread_mutex_init(&self->mutex, NULL);
    tr_idmap_init(&self->members);
    self->groups = zhashx_new();
    if (!self->groups) {
        tr_groups_destroy(&self);
    }
    return self;
}

void tr_groups_destroy(tr_groups_t **self_p)
{
    assert(self_p);
    tr_groups_t *self = *self_p;
    if (!self) {
        return;
    }
    uint64_t key;
    membership_t *one;
    while ((one = tr_idmap_any(&self->members, &key)) != NULL) {
        end(self, one);
        destroy(one);
    }
    tr_idmap_finish(&self->members);
    zhashx_destroy(&self->groups);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *self_p = NULL;
}

troupe_status_t tr_groups_join(tr_groups_t *self, const char *name, troupe_ref_t *member,
                               uint64_t incarnation)
{
    assert(self && name && member);
    membership_t *one = membership_new(member, incarnation);
    if (!one) {
        return TROUPE_ERR_NOMEM;
    }
    pthread_mutex_lock(&self->mutex);
    troupe_status_t status = tr_ref_incarnation(member) != incarnation ? TROUPE_CLOSED
                             : find(self, name, member)                ? TROUPE_EXISTS
                                                                       : enter(self, name, one);
    picture_t *outdated = one->outdated;
    one->outdated = NULL;
    pthread_mutex_unlock(&self->mutex);
    release_picture(&outdated);
    if (status != TROUPE_OK) {
        destroy(one);
    }
    return status;
}

bool tr_groups_has(tr_groups_t *self, const char *name, const troupe_ref_t *member)
{
    assert(self && name && member);
    pthread_mutex_lock(&self->mutex);
    bool is_member = find(self, name, member) != NULL;
    pthread_mutex_unlock(&self->mutex);
    return is_member;
}

troupe_status_t tr_groups_leave(tr_groups_t *self, const char *name, const troupe_ref_t *member)
{
    assert(self && name && member);
    pthread_mutex_lock(&self->mutex);
    membership_t *one = find(self, name, member);
    if (one) {
        end(self, one);
    }
    pthread_mutex_unlock(&self->mutex);
    if (!one) {
        return TROUPE_NOT_FOUND;
    }
    destroy(one);
    return TROUPE_OK;
}

void tr_groups_forget(tr_groups_t *self, const troupe_ref_t *member, uint64_t incarnation)
{
    assert(self && member);
    if (atomic_load(&member->n_groups) == 0) {
        return;
    }
    membership_t *ended = NULL;
    pthread_mutex_lock(&self->mutex);
    membership_t *one = tr_idmap_get(&self->members, key_of(member));
    while (one) {
        membership_t *next = one->next_of_member;
        if (one->incarnation == incarnation) {
            end(self, one);
            one->next_of_member = ended;
            ended = one;
        }
        one = next;
    }
    pthread_mutex_unlock(&self->mutex);
    while (ended) {
        one = ended;
        ended = one->next_of_member;
        destroy(one);
    }
}

void tr_groups_each(tr_groups_t *self, const char *name,
                    void (*visit)(void *arg, troupe_ref_t *member), void *arg)
{
    assert(self && name && visit);
    picture_t *picture = look_at(self, name);
    for (size_t i = 0; picture && i < picture->n_members; i++) {
        visit(arg, picture->members[i]);
    }
    release_picture(&picture);
}

size_t tr_groups_size(tr_groups_t *self, const char *name)
{
    assert(self && name);
    pthread_mutex_lock(&self->mutex);
    const crowd_t *group = zhashx_lookup(self->groups, name);
    size_t n_members = group ? group->n_members : 0;
    pthread_mutex_unlock(&self->mutex);
    return n_members;
}
