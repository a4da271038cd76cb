/* Whoever goes gets nothing new from that moment on, and the pool hears of it when there is
 * nothing left to do. The pool has the last word: of one that it will not let go it says that
 * it is fine.
 */

#include <stdio.h>

#include "actors/report.h"
#include "base/clock.h"
#include "capabilities/router_inside.h"

/* When it is tried again what memory was wanting for. */
#define AGAIN_MS 100

void tr_router_tell_pool(tr_router_t *router, tr_control_t *word)
{
    tr_mailbox_t *pool = tr_directory_find(router->self->runtime->directory, TR_NAMES_ACTOR,
                                           tr_span_of(router->spec->pool));
    tr_control_send(word, pool);
    tr_mailbox_release(&pool);
}

static size_t count_staying(const tr_router_t *router)
{
    return router->members.n - router->members.n_going;
}

/* ---- coming ---- */

static size_t wished_for(const tr_router_t *router, size_t n_waiting)
{
    size_t n_staying = count_staying(router);
    /* With room in a worker, what waits does so for its batch to fill. */
    if (router->spec->has_only_guests || n_staying >= router->max || router->is_unavailable ||
        router->is_paused || tr_members_has_room(&router->members)) {
        return 0;
    }
    return tr_wish_size(n_waiting, router->spec->concurrency * router->batch.max,
                        router->max - n_staying);
}

int64_t tr_router_wish(tr_router_t *router, int64_t now_ms)
{
    size_t n_waiting = tr_request_queue_count(&router->queue);
    if (n_waiting == 0 && router->wish.n == 0) {
        return TR_NEVER;
    }
    int64_t again_ms;
    size_t n = wished_for(router, n_waiting);
    if (tr_wish_is_due(&router->wish, n, now_ms, &again_ms)) {
        tr_control_t *grow = tr_control_new(TR_WORD_GROW, 0);
        if (grow) {
            grow->number = n;
            tr_router_tell_pool(router, grow);
        }
    }
    return again_ms;
}

void tr_router_let_join(tr_router_t *router, const tr_control_t *word)
{
    if (router->is_draining) {
        char why[TR_REASON_TEXT];
        snprintf(why, sizeof why, "%s is draining", router->spec->capability);
        tr_control_refuse_join(word, TROUPE_OUTCOME_SHUTTING_DOWN, why);
        return;
    }
    tr_control_t *join = tr_control_new(TR_WORD_JOIN, 0);
    if (!join) {
        tr_control_refuse_join(word, TROUPE_OUTCOME_OVERLOADED, "the node is out of memory");
        return;
    }
    join->number = word->number;
    join->depth = word->depth;
    join->what = word->what;
    join->keepsake = tr_keepsake_share(word->keepsake);
    join->mailbox = word->mailbox ? tr_mailbox_share(word->mailbox) : NULL;
    tr_router_tell_pool(router, join);
}

/* ---- going ---- */

/* Guests are none that could be spared: they come and go by themselves. */
static size_t count_spare(const tr_router_t *router)
{
    size_t n_guests = router->members.n_guests - router->members.n_guests_going;
    size_t n_staying = count_staying(router) - n_guests;
    return n_staying > router->min ? n_staying - router->min : 0;
}

static void say_farewell(tr_router_t *router, tr_member_t *member)
{
    tr_router_tell_pool(router, tr_members_take_farewell(&router->members, member));
}

/* Now, or when it has finished what it has. False: out of memory, and nothing has changed. */
static bool let_go(tr_router_t *router, tr_member_t *member, const char *cause,
                   const char *for_whom)
{
    tr_control_t *shrink = tr_control_new(TR_WORD_SHRINK, member->incarnation);
    if (!shrink) {
        return false;
    }
    snprintf(shrink->name, sizeof shrink->name, "%s", cause);
    snprintf(shrink->reason.text, sizeof shrink->reason.text, "%s", for_whom);
    tr_members_dismiss(&router->members, member, shrink);
    if (member->candidate.n_pending == 0) {
        say_farewell(router, member);
    }
    return true;
}

void tr_router_let_finished_go(tr_router_t *router)
{
    for (size_t i = 0; router->members.n_farewells > 0 && i < router->members.n; i++) {
        tr_member_t *member = tr_members_at(&router->members, i);
        if (member->farewell && member->candidate.n_pending == 0) {
            say_farewell(router, member);
        }
    }
}

int64_t tr_router_keep_alive(tr_router_t *router, int64_t now_ms)
{
    if (count_spare(router) == 0 || router->spec->keep_alive_ms == TR_NEVER) {
        return TR_NEVER;
    }
    tr_member_t *oldest = NULL;
    for (size_t i = 0; i < router->members.n; i++) {
        tr_member_t *member = tr_members_at(&router->members, i);
        if (member->candidate.is_open && member->candidate.n_pending == 0 &&
            !member->is_guest && (!oldest || member->last_used_ms < oldest->last_used_ms)) {
            oldest = member;
        }
    }
    if (!oldest) {
        return TR_NEVER;
    }
    int64_t due_ms = tr_clock_after(oldest->last_used_ms, router->spec->keep_alive_ms);
    if (now_ms < due_ms) {
        return due_ms;
    }
    bool is_gone = let_go(router, oldest, "keep_alive", "");
    return is_gone ? now_ms : tr_clock_after(now_ms, AGAIN_MS);
}

/* ---- asked to go ---- */

/* What stands in the way; NULL: nothing. */
static const char *why_it_stays(const tr_router_t *router, const tr_member_t *member,
                                bool may_finish)
{
    bool is_needed = tr_request_queue_count(&router->queue) > 0 && !router->is_paused;
    bool keeps = member && !member->is_guest;
    return !member                             ? "it is not there any more"
           : member->is_going                  ? "it is going already"
           : keeps && router->spec->is_pinned  ? "its capability is pinned"
           : keeps && count_spare(router) == 0 ? "its pool has no more than its min"
           : may_finish                        ? NULL
           : member->candidate.n_pending > 0   ? "it is busy"
           : member->is_doubtful               ? "it does not answer"
           : is_needed                         ? "work waits for it"
                                               : NULL;
}

static void refuse_to_yield(tr_mailbox_t *to, uint64_t incarnation, const char *why)
{
    tr_control_t *refusal = tr_control_new(TR_WORD_NOT_YIELDED, incarnation);
    if (refusal) {
        snprintf(refusal->reason.text, sizeof refusal->reason.text, "%s", why);
        tr_control_send(refusal, to);
    }
}

void tr_router_yield(tr_router_t *router, const tr_control_t *word)
{
    tr_member_t *member = tr_members_find(&router->members, word->incarnation);
    const char *why = why_it_stays(router, member, word->number > 0);
    if (!why && !let_go(router, member, word->name, word->reason.text)) {
        why = "the node is out of memory";
    }
    if (why) {
        refuse_to_yield(word->mailbox, word->incarnation, why);
        return;
    }
    tr_mailbox_release(&member->asker);
    member->asker = word->mailbox ? tr_mailbox_share(word->mailbox) : NULL;
}

void tr_router_keep(tr_router_t *router, tr_member_t *member)
{
    tr_members_set_doubtful(&router->members, member, false);
    if (member->farewell) {
        return; /* the pool has not been asked yet: only doubt is over */
    }
    if (member->is_going && member->asker) {
        refuse_to_yield(member->asker, member->incarnation, "its pool keeps it");
    }
    tr_mailbox_release(&member->asker);
    tr_members_set_going(&router->members, member, false);
}

/* Whoever has nothing to do before whoever has, and of those who was used longest ago; of
 * others who has least. */
static bool goes_before(const tr_member_t *one, const tr_member_t *other)
{
    size_t n_one = one->candidate.n_pending;
    size_t n_other = other->candidate.n_pending;
    return n_one != n_other ? n_one < n_other : one->last_used_ms < other->last_used_ms;
}

static tr_member_t *next_to_go(const tr_router_t *router)
{
    tr_member_t *next = NULL;
    for (size_t i = 0; i < router->members.n; i++) {
        tr_member_t *member = tr_members_at(&router->members, i);
        if (!member->is_going && (!next || goes_before(member, next))) {
            next = member;
        }
    }
    return next;
}

void tr_router_resize(tr_router_t *router, size_t min, size_t max)
{
    router->min = min;
    router->max = max;
    bool is_done = false;
    while (!is_done && count_staying(router) > max) {
        char text[80];
        snprintf(text, sizeof text, "no more than %zu from now on", max);
        is_done = !let_go(router, next_to_go(router), "asked", text);
    }
}

void tr_router_tell_residents(tr_router_t *router, const tr_control_t *question)
{
    tr_residents_t *residents = tr_residents_new(question->number, router->spec->capability,
                                                 router->members.n - router->members.n_guests);
    if (!residents || !question->mailbox) {
        tr_letter_t *letter = residents ? &residents->letter : NULL;
        tr_letter_destroy(&letter);
        return;
    }
    residents->n_spare = router->spec->is_pinned ? 0 : count_spare(router);
    residents->n_waiting = (size_t)router->books.n_waiting;
    size_t n = 0;
    for (size_t i = 0; i < router->members.n; i++) {
        const tr_member_t *member = tr_members_at(&router->members, i);
        if (member->is_guest) {
            continue; /* takes nothing that others could have */
        }
        residents->all[n] = (tr_resident_t){
            .incarnation = member->incarnation,
            .n_pending = member->candidate.n_pending,
            .up_since_ms = member->up_since_ms,
            .last_used_ms = member->last_used_ms,
            .is_leaving = member->is_going,
        };
        snprintf(residents->all[n].name, sizeof residents->all[n].name, "%s", member->name);
        n++;
    }
    tr_residents_send(residents, question->mailbox);
}
