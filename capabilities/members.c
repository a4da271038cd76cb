/* Jobs know their member and members their jobs, so that neither is ever searched for. */

#include "capabilities/members.h"

#include <stdio.h>
#include <stdlib.h>

void tr_members_init(tr_members_t *self)
{
    assert(self);
    *self = (tr_members_t){0};
    tr_idmap_init(&self->by_incarnation);
}

static void destroy_member(tr_member_t *member)
{
    assert(!member->jobs && !member->farewell);
    tr_mailbox_release(&member->mailbox);
    tr_mailbox_release(&member->asker);
    tr_pulse_release(&member->pulse);
    free(member);
}

tr_control_t *tr_members_take_farewell(tr_members_t *self, tr_member_t *member)
{
    tr_control_t *word = member->farewell;
    member->farewell = NULL;
    self->n_farewells -= word != NULL;
    return word;
}

static void drop_farewell(tr_members_t *self, tr_member_t *member)
{
    tr_control_t *word = tr_members_take_farewell(self, member);
    tr_letter_t *letter = word ? &word->letter : NULL;
    tr_letter_destroy(&letter);
}

void tr_members_finish(tr_members_t *self)
{
    assert(self);
    for (size_t i = 0; i < self->n; i++) {
        drop_farewell(self, tr_members_at(self, i));
        destroy_member(tr_members_at(self, i));
    }
    free(self->all);
    tr_idmap_finish(&self->by_incarnation);
    *self = (tr_members_t){0};
}

static bool is_free(const tr_member_t *member)
{
    return member->candidate.is_open &&
           member->candidate.n_given < member->candidate.concurrency;
}

/* After each change of what decides it. */
static void count_free(tr_members_t *self, tr_member_t *member)
{
    bool was_free = member->is_free;
    member->is_free = is_free(member);
    self->n_free += (size_t)member->is_free - (size_t)was_free;
}

troupe_status_t tr_members_add(tr_members_t *self, const char *name, uint64_t incarnation,
                               tr_mailbox_t *mailbox, tr_pulse_t *pulse, size_t concurrency,
                               bool is_guest, int64_t now_ms)
{
    assert(self && name && incarnation && mailbox && pulse && concurrency);
    if (self->n == self->n_room) {
        size_t n_room = self->n_room ? self->n_room * 2 : 8;
        tr_candidate_t **all = realloc(self->all, n_room * sizeof *all);
        if (!all) {
            return TROUPE_ERR_NOMEM;
        }
        self->all = all;
        self->n_room = n_room;
    }
    tr_member_t *member = calloc(1, sizeof *member);
    if (!member) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = tr_idmap_put(&self->by_incarnation, incarnation, member);
    if (status != TROUPE_OK) {
        free(member);
        return status;
    }
    snprintf(member->name, sizeof member->name, "%s", name);
    member->incarnation = incarnation;
    member->mailbox = tr_mailbox_share(mailbox);
    member->pulse = tr_pulse_share(pulse);
    member->candidate = (tr_candidate_t){
        .is_open = true, .concurrency = concurrency, .identity = tr_balance_identity(name)};
    member->up_since_ms = member->last_used_ms = now_ms;
    member->is_guest = is_guest;
    self->n_guests += is_guest;
    self->all[self->n++] = &member->candidate;
    count_free(self, member);
    return TROUPE_OK;
}

void tr_members_set_concurrency(tr_members_t *self, size_t concurrency)
{
    assert(self && concurrency);
    for (size_t i = 0; i < self->n; i++) {
        if (!tr_members_at(self, i)->is_guest) {
            self->all[i]->concurrency = concurrency;
            count_free(self, tr_members_at(self, i));
        }
    }
}

void tr_members_remove(tr_members_t *self, tr_member_t *member)
{
    assert(self && member);
    assert(!member->jobs);
    tr_members_set_going(self, member, false);
    self->n_free -= member->is_free;
    self->n_guests -= member->is_guest;
    size_t i = 0;
    while (self->all[i] != &member->candidate) {
        i++;
    }
    self->all[i] = self->all[--self->n];
    tr_idmap_take(&self->by_incarnation, member->incarnation);
    destroy_member(member);
}

tr_member_t *tr_members_find(const tr_members_t *self, uint64_t incarnation)
{
    return tr_idmap_get(&self->by_incarnation, incarnation);
}

tr_member_t *tr_members_at(const tr_members_t *self, size_t index)
{
    assert(index < self->n);
    return (tr_member_t *)self->all[index];
}

tr_member_t *tr_members_pick(const tr_members_t *self, tr_balance_t *balance, tr_span_t sticky)
{
    size_t best = tr_balance_pick(balance, self->all, self->n, sticky);
    return best == TR_BALANCE_NONE ? NULL : tr_members_at(self, best);
}

tr_member_t *tr_members_pick_awake(const tr_members_t *self, const tr_member_t *finisher,
                                   int64_t since_ms, size_t *n_awake_out)
{
    tr_member_t *best = NULL;
    size_t n_awake = 0;
    for (size_t i = 0; i < self->n; i++) {
        tr_member_t *member = tr_members_at(self, i);
        bool is_awake = member == finisher || (member->jobs && member->moved_ms >= since_ms);
        n_awake += is_awake;
        if (is_awake && member->is_free &&
            (!best || tr_balance_has_less(&member->candidate, &best->candidate))) {
            best = member;
        }
    }
    *n_awake_out = n_awake;
    return best;
}

static void update_openness(tr_members_t *self, tr_member_t *member)
{
    member->candidate.is_open = !member->is_doubtful && !member->is_going;
    count_free(self, member);
}

void tr_members_set_doubtful(tr_members_t *self, tr_member_t *member, bool is_doubtful)
{
    member->is_doubtful = is_doubtful;
    update_openness(self, member);
}

void tr_members_set_going(tr_members_t *self, tr_member_t *member, bool is_going)
{
    if (member->is_going != is_going) {
        if (!is_going) {
            drop_farewell(self, member);
        }
        self->n_going += is_going ? 1 : (size_t)-1;
        self->n_guests_going += !member->is_guest ? 0 : is_going ? 1 : (size_t)-1;
        member->is_going = is_going;
        update_openness(self, member);
    }
}

void tr_members_dismiss(tr_members_t *self, tr_member_t *member, tr_control_t *word)
{
    assert(word);
    drop_farewell(self, member);
    member->farewell = word;
    self->n_farewells++;
    tr_members_set_going(self, member, true);
}

void tr_members_give(tr_members_t *self, tr_member_t *member, tr_job_t *job, uint64_t dispatch,
                     int64_t now_ms)
{
    job->member = member;
    job->previous = NULL;
    job->next = member->jobs;
    if (member->jobs) {
        member->jobs->previous = job;
    } else {
        self->n_busy++;
        member->moved_ms = now_ms;
    }
    member->jobs = job;
    member->candidate.n_pending++;
    member->candidate.n_given += job->head->n_unfinished == 0;
    job->head->n_unfinished++;
    job->head->n_awaited++;
    member->candidate.last_used = dispatch;
    member->last_used_ms = now_ms;
    count_free(self, member);
}

void tr_members_take_back(tr_members_t *self, tr_member_t *member, tr_job_t *job,
                          int64_t now_ms)
{
    tr_candidate_t *candidate = &member->candidate;
    assert(job->member == member && candidate->n_pending > 0 && candidate->n_given > 0);
    if (job->previous) {
        job->previous->next = job->next;
    } else {
        member->jobs = job->next;
    }
    if (job->next) {
        job->next->previous = job->previous;
    }
    job->next = job->previous = NULL;
    job->member = NULL;
    candidate->n_pending--;
    job->head->n_unfinished--;
    candidate->n_given -= job->head->n_unfinished == 0;
    if (job->head != job) {
        tr_job_release(&job->head);
        job->head = job;
    }
    self->n_busy -= !member->jobs;
    member->moved_ms = now_ms;
    member->last_used_ms = now_ms;
    count_free(self, member);
}

void tr_member_stop_awaiting(const tr_member_t *self, const tr_job_t *job, int64_t now_ms)
{
    assert(job->member == self && job->head->n_awaited > 0);
    if (--job->head->n_awaited == 0) {
        atomic_store(&self->pulse->cancelled_ms, now_ms);
        atomic_store(&self->pulse->cancelled, job->unit);
    }
}
