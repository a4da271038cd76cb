/* The loop around the requests: what the pool says, growing and shrinking, draining, reports.
 * The life of a request itself is in the files that router_inside.h names.
 */

#include "capabilities/router.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/report.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/processors.h"
#include "capabilities/router_inside.h"
#include "mailbox/dead_letter.h"
#include "mailbox/reply.h"

#define MAILBOX_LETTERS ((size_t)1 << 17)
#define MAILBOX_BYTES   ((size_t)1 << 30)
#define LEAST_ROOM      256

static bool is_due_before(const void *one, const void *other)
{
    return ((const tr_envelope_t *)one)->due_ms < ((const tr_envelope_t *)other)->due_ms;
}

static tr_lineup_place_t *due_place_of(void *item)
{
    return &((tr_envelope_t *)item)->place_by_due;
}

static size_t *due_stray_of(void *item)
{
    return &((tr_envelope_t *)item)->place_by_due.stray;
}

troupe_outcome_t tr_router_start_failure(const tr_router_t *router)
{
    return router->trouble.kind == TROUPE_REASON_HUNG ? TROUPE_OUTCOME_SPAWN_TIMEOUT
                                                      : TROUPE_OUTCOME_SPAWN_FAILED;
}

int64_t tr_router_back_in_ms(const tr_router_t *router)
{
    int64_t left_ms = router->available_at_ms - router->self->now.ms;
    return left_ms > 0 ? left_ms : 0;
}

/* What waits would wait for nobody. */
static void end_queue_unavailable(tr_router_t *router)
{
    char why[TR_REASON_TEXT + 80];
    snprintf(why, sizeof why, "%s has no worker: %s", router->spec->capability,
             router->trouble.text);
    tr_router_end_queue(router, tr_router_start_failure(router), tr_router_back_in_ms(router),
                        why);
}

bool tr_router_has_nobody(const tr_router_t *router)
{
    return router->members.n == router->members.n_going;
}

static void be_unavailable(tr_router_t *router, const tr_control_t *word)
{
    router->is_unavailable = true;
    router->trouble = word->reason;
    router->available_at_ms = tr_clock_after(router->self->now.ms, (int64_t)word->number);
    if (tr_router_has_nobody(router)) {
        end_queue_unavailable(router);
    }
}

static void add_member(tr_router_t *router, const tr_control_t *up)
{
    router->trouble = tr_reason_of(TROUPE_REASON_NORMAL);
    if (tr_members_add(&router->members, up->name, up->incarnation, up->mailbox, up->pulse,
                       router->spec->concurrency, router->self->now.ms) != TROUPE_OK) {
        tr_log(TR_LOG_ERROR, "member_not_added", TR_TEXT("worker", up->name));
    }
}

/* ---- growth ---- */

static void say_to_pool(tr_router_t *router, tr_word_t word, uint64_t incarnation)
{
    tr_mailbox_t *pool = tr_directory_find(router->self->runtime->directory, TR_NAMES_ACTOR,
                                           tr_span_of(router->spec->pool));
    tr_control_say(pool, word, incarnation);
    tr_mailbox_release(&pool);
}

static void grow_if_work_waits(tr_router_t *router)
{
    bool may_grow = router->members.n - router->members.n_going < router->spec->max_workers &&
                    !router->is_unavailable;
    /* With room in a worker, what waits does so for its batch to fill. */
    bool is_short =
        tr_request_queue_count(&router->queue) > 0 && !tr_members_has_room(&router->members);
    if (may_grow && is_short && !router->has_asked_to_grow) {
        router->has_asked_to_grow = true;
        say_to_pool(router, TR_WORD_GROW, 0);
    }
}

/* Let the member that was idle longest go when its time is up; returns when to look again. */
static int64_t shrink_if_idle(tr_router_t *router, int64_t now_ms)
{
    if (router->members.n - router->members.n_going <= router->spec->min_workers) {
        return TR_NEVER;
    }
    tr_member_t *oldest = NULL;
    for (size_t i = 0; i < router->members.n; i++) {
        tr_member_t *member = tr_members_at(&router->members, i);
        if (member->candidate.is_open && member->candidate.n_pending == 0 &&
            (!oldest || member->last_used_ms < oldest->last_used_ms)) {
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
    tr_members_set_going(&router->members, oldest, true);
    say_to_pool(router, TR_WORD_SHRINK, oldest->incarnation);
    return now_ms;
}

/* ---- turns ---- */

static void check_books(tr_router_t *router, int64_t now_ms)
{
    const tr_router_books_t *books = &router->books;
    assert(books->n_accepted == books->n_finished + books->n_waiting + books->n_running);
    assert(books->n_waiting + books->n_running >= tr_request_queue_count(&router->queue));
    tr_metric_set(books->depth, (int64_t)books->n_waiting);
    tr_metric_set(books->pending, (int64_t)books->n_running);
    tr_metric_set(books->circuit, (int64_t)tr_breaker_state(&router->breaker, now_ms));
}

static void finish_drain(tr_router_t *router)
{
    if (router->drain_to && router->books.n_waiting == 0 && router->books.n_running == 0) {
        tr_control_say(router->drain_to, TR_WORD_DRAINED, 0);
        tr_mailbox_release(&router->drain_to);
    }
}

/* The breaker has opened: whoever waits need not wait for the same fate. */
static void end_queue_if_open(tr_router_t *router, int64_t now_ms)
{
    if (router->has_opened) {
        router->has_opened = false;
        char why[TR_REASON_TEXT];
        snprintf(why, sizeof why, "%s has failed %zu times in a row and is not asked for now",
                 router->spec->capability, router->spec->breaker_failures);
        tr_log(TR_LOG_WARNING, "circuit_opened",
               TR_TEXT("capability", router->spec->capability),
               TR_NUMBER("failures", router->spec->breaker_failures),
               TR_NUMBER("cooldown_ms", router->spec->breaker_cooldown_ms));
        tr_router_end_queue(router, TROUPE_OUTCOME_CIRCUIT_OPEN,
                            tr_breaker_hint_ms(&router->breaker, now_ms), why);
    }
}

static int64_t earlier(int64_t one_ms, int64_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    tr_router_t *router = self->state;
    tr_router_dispatch_newcomer(router, now_ms);
    tr_router_expire(router, now_ms);
    end_queue_if_open(router, now_ms);
    if (router->is_unavailable && tr_router_has_nobody(router)) {
        end_queue_unavailable(router); /* what a lost worker had may have come back */
    }
    int64_t due_ms = tr_router_dispatch_all(router, now_ms);
    grow_if_work_waits(router);
    due_ms = earlier(due_ms, shrink_if_idle(router, now_ms));
    finish_drain(router);
    check_books(router, now_ms);
    const tr_envelope_t *first = tr_lineup_first(&router->due);
    return first ? earlier(due_ms, first->due_ms) : due_ms;
}

/* ---- letters ---- */

static void report(tr_router_t *router, const tr_control_t *survey)
{
    tr_report_t *report =
        tr_report_new(survey->number, router->spec->capability, router->members.n);
    if (!report || !survey->mailbox) {
        tr_letter_t *letter = report ? &report->letter : NULL;
        tr_letter_destroy(&letter);
        return;
    }
    bool is_open = tr_breaker_state(&router->breaker, router->self->now.ms) == TR_BREAKER_OPEN;
    bool is_ready = !router->is_draining && !is_open &&
                    !(router->is_unavailable && tr_router_has_nobody(router));
    bool is_loading = is_ready && tr_router_has_nobody(router) && router->spec->min_workers > 0;
    report->state = router->is_draining ? "draining"
                    : is_loading        ? "loading"
                    : is_ready          ? "ready"
                                        : "unavailable";
    if (tr_router_has_nobody(router)) {
        snprintf(report->reason, sizeof report->reason, "%s", router->trouble.text);
    } else if (is_open) {
        snprintf(report->reason, sizeof report->reason,
                 "the circuit breaker is open for %lld ms more",
                 (long long)tr_breaker_hint_ms(&router->breaker, router->self->now.ms));
    }
    report->n_queued = router->books.n_waiting;
    report->n_pending = router->books.n_running;
    report->n_accepted = router->books.n_accepted;
    report->n_finished = router->books.n_finished;
    report->min = router->spec->min_workers;
    report->max = router->spec->max_workers;
    for (size_t i = 0; i < router->members.n; i++) {
        const tr_member_t *member = tr_members_at(&router->members, i);
        tr_report_child_t *line = &report->children[i];
        snprintf(line->name, sizeof line->name, "%s", member->name);
        line->kind = "worker";
        line->state = member->is_going      ? "draining"
                      : member->is_doubtful ? "doubtful"
                                            : "ready";
        line->incarnation = member->incarnation;
        line->n_pending = member->candidate.n_pending;
        line->n_done = member->n_done;
    }
    tr_report_send(report, survey->mailbox);
}

static void note_trouble(tr_router_t *router, const tr_control_t *not_grown)
{
    char shown[TR_REASON_TEXT];
    router->trouble = tr_reason_format(not_grown->reason.kind, "%s %.160s", not_grown->name,
                                       tr_reason_show(&not_grown->reason, shown, sizeof shown));
}

/* It goes on with another spec. */
static void respec(tr_router_t *router, const tr_control_t *word)
{
    tr_keepsake_t *past = router->keepsake;
    router->spec = word->what;
    router->keepsake = tr_keepsake_share(word->keepsake);
    tr_keepsake_release(&past);
}

static void on_word(tr_router_t *router, const tr_control_t *word)
{
    tr_member_t *member =
        word->incarnation ? tr_members_find(&router->members, word->incarnation) : NULL;
    switch (word->word) {
    case TR_WORD_UP:
        router->has_asked_to_grow = false;
        add_member(router, word);
        break;
    case TR_WORD_DOUBTFUL:
        if (member) {
            tr_members_set_doubtful(&router->members, member, true); /* and going, if it was */
        }
        break;
    case TR_WORD_FINE:
        if (member) {
            tr_members_set_doubtful(&router->members, member, false);
            tr_members_set_going(&router->members, member, false);
        }
        break;
    case TR_WORD_GOING:
        if (member) {
            tr_members_set_going(&router->members, member, true);
        }
        break;
    case TR_WORD_DOWN:
        router->has_asked_to_grow = false;
        if (member) {
            tr_router_lose_member(router, member, &word->reason);
        }
        break;
    case TR_WORD_NOT_GROWN:
        router->has_asked_to_grow = false;
        note_trouble(router, word);
        break;
    case TR_WORD_UNAVAILABLE:
        be_unavailable(router, word);
        break;
    case TR_WORD_AVAILABLE:
        router->is_unavailable = false;
        router->has_asked_to_grow = false;
        break;
    case TR_WORD_DRAIN:
        router->is_draining = true;
        tr_mailbox_release(&router->drain_to);
        router->drain_to = word->mailbox ? tr_mailbox_share(word->mailbox) : NULL;
        break;
    case TR_WORD_RESPEC:
        respec(router, word);
        break;
    case TR_WORD_SURVEY:
        report(router, word);
        break;
    default:
        break;
    }
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    tr_router_t *router = self->state;
    const tr_control_t *word = tr_control_in(letter);
    tr_router_queue_newcomer(router);
    if (word) {
        on_word(router, word);
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_envelope_type) {
        tr_router_admit(router, tr_envelope_of(letter));
    } else if (letter->type == &tr_cancel_type) {
        tr_router_cancel(router, ((tr_note_t *)letter)->envelope);
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_credit_type) {
        tr_router_on_credit(router, ((tr_note_t *)letter)->envelope);
        tr_letter_destroy(&letter);
    } else if (letter->type == &tr_reply_type && ((troupe_reply_t *)letter)->job) {
        troupe_reply_t *reply = (troupe_reply_t *)letter;
        reply->is_final ? tr_router_on_final(router, reply) : tr_router_on_part(router, reply);
    } else {
        tr_dead_letter_take(self->runtime->dead_letters, self->name,
                            "a router takes requests only", &letter);
    }
}

/* ---- life ---- */

static void leftover(tr_self_t *self, tr_letter_t *letter)
{
    tr_router_t *router = self->state;
    if (letter->type == &tr_envelope_type) {
        tr_router_refuse(router, tr_envelope_of(letter), TROUPE_OUTCOME_SHUTTING_DOWN, 0,
                         "the node is stopping");
    } else if (letter->type == &tr_reply_type && ((troupe_reply_t *)letter)->job) {
        receive(self, letter);
    } else {
        tr_letter_destroy(&letter);
    }
}

static bool init(tr_router_t *router, tr_self_t *self, const tr_router_spec_t *spec)
{
    router->self = self;
    router->spec = spec;
    router->batch =
        (tr_batch_plan_t){.max = spec->batch_max, .window_ms = spec->batch_window_ms};
    tr_request_queue_init(&router->queue);
    tr_lineup_init(&router->due, is_due_before, due_place_of, due_stray_of);
    tr_quota_init(&router->quota, spec->per_peer);
    tr_rouse_init(&router->rouse, tr_processors());
    tr_breaker_init(&router->breaker, spec->breaker_failures, spec->breaker_cooldown_ms,
                    spec->breaker_probes);
    tr_balance_init(&router->balance, spec->balance, self->incarnation);
    tr_members_init(&router->members);
    router->hand = calloc(router->batch.max, sizeof *router->hand);
    if (spec->overflow == TR_OVERFLOW_BLOCK) {
        /* The mailbox counts what waits inside, too. */
        tr_mailbox_let_wait(self->mailbox, spec->timeout_ms, spec->queue_limit);
    } else {
        /* A router that falls behind has no more before it than it may have waiting. */
        tr_mailbox_let_wait(self->mailbox, 0,
                            spec->queue_limit > LEAST_ROOM ? spec->queue_limit : LEAST_ROOM);
    }
    return tr_sharing_init(&router->sharing) == TROUPE_OK && router->hand &&
           tr_router_books_init(&router->books, self->runtime->metrics, spec->capability) ==
               TROUPE_OK;
}

static bool begin(tr_self_t *self, const void *arg)
{
    const tr_router_spec_t *spec = arg;
    tr_router_t *router = calloc(1, sizeof *router);
    self->state = router;
    if (!router || !init(router, self, spec) ||
        tr_self_register(self, TR_NAMES_CAPABILITY, spec->capability) != TROUPE_OK) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        return false;
    }
    return true;
}

static void end(tr_self_t *self)
{
    tr_router_t *router = self->state;
    if (!router) {
        return;
    }
    tr_router_end_all(router);
    tr_keepsake_release(&router->keepsake);
    tr_mailbox_release(&router->drain_to);
    tr_request_queue_finish(&router->queue);
    assert(!tr_lineup_first(&router->due));
    tr_lineup_finish(&router->due);
    tr_sharing_finish(&router->sharing);
    tr_quota_finish(&router->quota);
    tr_members_finish(&router->members);
    free(router->hand);
    free(router);
    self->state = NULL;
}

static const tr_actor_class_t router_class = {
    .kind = "router",
    .is_carried = true,
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .leftover = leftover,
    .end = end,
};

troupe_status_t tr_router_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &router_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
}
