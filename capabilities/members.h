/* capabilities/members.h - the pool as the router sees it
 *
 * A member is one incarnation of a worker, with the jobs it was given and has not finished.
 * One router owns the set.
 */

#ifndef TROUPE_CAPABILITIES_MEMBERS_H
#define TROUPE_CAPABILITIES_MEMBERS_H

#include "actors/control.h"
#include "actors/pulse.h"
#include "base/idmap.h"
#include "capabilities/balance.h"
#include "mailbox/job.h"

typedef struct tr_member {
    tr_candidate_t candidate; /* first: the balance sees only this */
    char name[80];
    uint64_t incarnation;
    tr_mailbox_t *mailbox;
    tr_pulse_t *pulse;
    bool is_guest; /* has come by itself: what it can do at once is its own, and it gets no
                    * batches
                    */
    bool is_doubtful;
    bool is_going;
    bool is_free;     /* open, with room: counted as such */
    tr_job_t *jobs;   /* as many as candidate.n_pending; a share of each */
    int64_t moved_ms; /* when it got the first of them, or finished one before them */
    int64_t up_since_ms;
    int64_t last_used_ms;
    uint64_t n_done;
    tr_control_t
        *farewell; /* going: what the pool hears when it has nothing left to do; or NULL */
    tr_mailbox_t *asker; /* a share: who wants it to go; or NULL */
} tr_member_t;

typedef struct tr_members {
    tr_candidate_t **all; /* each the head of a tr_member_t */
    size_t n;
    size_t n_room;
    size_t n_going;
    size_t n_guests;
    size_t n_guests_going;
    size_t n_free; /* that can take one more unit of work */
    size_t n_busy; /* that have any pending */
    size_t n_farewells;
    tr_idmap_t by_incarnation;
} tr_members_t;

void tr_members_init(tr_members_t *self);

/* Asserts that no member has a job left. */
void tr_members_finish(tr_members_t *self);

/* Add a member that may get `concurrency` jobs at once; shares mailbox and pulse. Of a guest
 * that is its own. TROUPE_ERR_NOMEM, TROUPE_EXISTS. */
TROUPE_NODISCARD troupe_status_t tr_members_add(tr_members_t *self, const char *name,
                                                uint64_t incarnation, tr_mailbox_t *mailbox,
                                                tr_pulse_t *pulse, size_t concurrency,
                                                bool is_guest, int64_t now_ms);

/* Each but the guests may get so many at once from now on. */
void tr_members_set_concurrency(tr_members_t *self, size_t concurrency);

/* Remove a member, which must have no job left. */
void tr_members_remove(tr_members_t *self, tr_member_t *member);

tr_member_t *tr_members_find(const tr_members_t *self, uint64_t incarnation);
tr_member_t *tr_members_at(const tr_members_t *self, size_t index);

/* The member that `balance` names for a request with this sticky key (empty: none); NULL when
 * none can take one more. */
tr_member_t *tr_members_pick(const tr_members_t *self, tr_balance_t *balance, tr_span_t sticky);

/* The same among those that are awake, by the rule of least pending, and how many those are:
 * they have work and have begun or finished some since `since_ms`, or are the `finisher` (or
 * NULL), which had some a moment ago. NULL when none of them can take one more. */
tr_member_t *tr_members_pick_awake(const tr_members_t *self, const tr_member_t *finisher,
                                   int64_t since_ms, size_t *n_awake_out);

/* Whether any can take one more unit of work; then tr_members_pick finds one. */
static inline bool tr_members_has_room(const tr_members_t *self)
{
    return self->n_free > 0;
}

/* Say whether it may get work. With one that is not going any more nothing is said when it has
 * nothing left to do. */
void tr_members_set_doubtful(tr_members_t *self, tr_member_t *member, bool is_doubtful);
void tr_members_set_going(tr_members_t *self, tr_member_t *member, bool is_going);

/* It is going, and `word` (taken) is to be said when it has nothing left to do. The members
 * count those of whom something is to be said. */
void tr_members_dismiss(tr_members_t *self, tr_member_t *member, tr_control_t *word);

/* What is to be said of it, the caller's; NULL: nothing, or not any more. */
tr_control_t *tr_members_take_farewell(tr_members_t *self, tr_member_t *member);

/* Note that `job` is with the member now, for somebody who waits; the member takes the caller's
 * share. The jobs of a batch count as one unit of work, their head first. */
void tr_members_give(tr_members_t *self, tr_member_t *member, tr_job_t *job, uint64_t dispatch,
                     int64_t now_ms);

/* Note that it is not any more; the share is the caller's again. */
void tr_members_take_back(tr_members_t *self, tr_member_t *member, tr_job_t *job,
                          int64_t now_ms);

/* Nobody waits for that job any more. When that is so of all its batch, the pulse says since
 * when. */
void tr_member_stop_awaiting(const tr_member_t *self, const tr_job_t *job, int64_t now_ms);

#endif
