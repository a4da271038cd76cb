/* The loop around the requests: what the pool says, growing and shrinking, draining, reports.
 * The life of a request itself is in the files that router_inside.h names.
 */

#include "capabilities/router.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/dead_letter.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/processors.h"
#include "capabilities/router_inside.h"
#include "mailbox/reply.h"

#define MAILBOX_LETTERS ((size_t)1 << 17)
#define MAILBOX_BYTES   ((size_t)1 << 30)

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
    return router->trouble.is_out_of_memory             ? TROUPE_OUTCOME_MEMORY_EXHAUSTED
           : router->trouble.kind == TROUPE_REASON_HUNG ? TROUPE_OUTCOME_SPAWN_TIMEOUT
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
    bool is_guest = up->number > 0;
    size_t concurrency = is_guest ? (size_t)up->number : router->spec->concurrency;
    if (tr_members_add(&router->members, up->name, up->incarnation, up->mailbox, up->pulse,
                       concurrency, is_guest, router->self->now.ms) != TROUPE_OK) {
        tr_event(router->self->runtime->events, TR_LOG_ERROR, "member_not_added",
                 TR_TEXT("worker", up->name));
    }
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

/* The breaker has opened: whoever waits need not wait for the same fate. */
static void end_queue_if_open(tr_router_t *router, int64_t now_ms)
{
    if (router->has_opened) {
        router->has_opened = false;
        char why[TR_REASON_TEXT];
        snprintf(why, sizeof why, "%s has failed %zu times in a row and is not asked for now",
                 router->spec->capability, router->spec->breaker_failures);
        tr_event(router->self->runtime->events, TR_LOG_WARNING, "circuit_opened",
                 TR_TEXT("capability", router->spec->capability),
                 TR_NUMBER("failures", router->spec->breaker_failures),
                 TR_NUMBER("cooldown_ms", router->spec->breaker_cooldown_ms));
        tr_router_end_queue(router, TROUPE_OUTCOME_CIRCUIT_OPEN,
                            tr_breaker_hint_ms(&router->breaker, now_ms), why);
    }
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
    due_ms = tr_clock_earlier(due_ms, tr_router_wish(router, now_ms));
    if (router->members.n_farewells > 0) {
        tr_router_let_finished_go(router);
    }
    due_ms = tr_clock_earlier(due_ms, tr_router_keep_alive(router, now_ms));
    if (router->is_draining) {
        tr_router_finish_drain(router);
    }
    check_books(router, now_ms);
    const tr_envelope_t *first = tr_lineup_first(&router->due);
    return first ? tr_clock_earlier(due_ms, first->due_ms) : due_ms;
}

/* ---- letters ---- */

static void note_trouble(tr_router_t *router, const tr_control_t *not_grown)
{
    char shown[TR_REASON_TEXT];
    bool has_no_room =
        not_grown->reason.is_out_of_memory && not_grown->reason.kind == TROUPE_REASON_FAILED;
    router->trouble =
        tr_reason_format(not_grown->reason.kind, "%s %.180s", not_grown->name,
                         has_no_room ? not_grown->reason.text
                                     : tr_reason_show(&not_grown->reason, shown, sizeof shown));
    router->trouble.is_out_of_memory = not_grown->reason.is_out_of_memory;
}

/* A start that failed is made again by the pool, and what waits goes on waiting. Where there is
 * no memory for a worker, none will come soon; those that are there have to do. */
static void on_not_grown(tr_router_t *router, const tr_control_t *not_grown)
{
    bool is_final = not_grown->reason.is_out_of_memory && not_grown->number == 0;
    note_trouble(router, not_grown);
    if (is_final && tr_router_has_nobody(router)) {
        end_queue_unavailable(router);
    }
    if (is_final && !tr_router_has_nobody(router)) {
        tr_wish_refused(&router->wish, router->self->now.ms);
    } else {
        tr_wish_answered(&router->wish);
    }
}

static void on_word(tr_router_t *router, const tr_control_t *word)
{
    tr_member_t *member =
        word->incarnation ? tr_members_find(&router->members, word->incarnation) : NULL;
    switch (word->word) {
    case TR_WORD_UP:
        tr_wish_answered(&router->wish);
        add_member(router, word);
        break;
    case TR_WORD_DOUBTFUL:
        if (member) {
            tr_members_set_doubtful(&router->members, member, true); /* and going, if it was */
        }
        break;
    case TR_WORD_FINE:
        if (member) {
            tr_router_keep(router, member);
        }
        break;
    case TR_WORD_GOING:
        if (member) {
            tr_members_set_going(&router->members, member, true);
        }
        break;
    case TR_WORD_DOWN:
        tr_wish_answered(&router->wish);
        if (member) {
            tr_router_lose_member(router, member, &word->reason);
        }
        break;
    case TR_WORD_NOT_GROWN:
        on_not_grown(router, word);
        break;
    case TR_WORD_UNAVAILABLE:
        be_unavailable(router, word);
        break;
    case TR_WORD_AVAILABLE:
        router->is_unavailable = false;
        tr_wish_answered(&router->wish);
        break;
    case TR_WORD_WHO_IS_THERE:
        tr_router_tell_residents(router, word);
        break;
    case TR_WORD_YIELD:
        tr_router_yield(router, word);
        break;
    case TR_WORD_SIZE:
        tr_router_resize(router, word->number, word->depth);
        break;
    case TR_WORD_RESPEC:
        if (word->what) {
            tr_router_respec(router, word->what, word->keepsake);
        }
        break;
    case TR_WORD_JOIN:
        tr_router_let_join(router, word);
        break;
    case TR_WORD_PAUSE:
        tr_router_pause(router);
        break;
    case TR_WORD_DRAIN:
        tr_router_drain(router, word);
        break;
    case TR_WORD_RESUME:
        tr_router_resume(router);
        break;
    case TR_WORD_SURVEY:
        tr_router_report(router, word);
        break;
    case TR_WORD_LIST:
        tr_router_list(router, word);
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
        tr_dead_letter_take(self->runtime, self->name, "a router takes requests only", &letter);
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
    router->min = spec->min_workers;
    router->max = spec->max_workers;
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
    tr_router_open_mailbox(router, spec);
    return tr_sharing_init(&router->sharing) == TROUPE_OK && router->hand &&
           tr_router_recall_orders(router) &&
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
    tr_router_end_drain(router);
    tr_mailbox_release(&router->drain_to);
    tr_request_queue_finish(&router->queue);
    assert(!tr_lineup_first(&router->due));
    tr_lineup_finish(&router->due);
    tr_sharing_finish(&router->sharing);
    tr_quota_finish(&router->quota);
    tr_members_finish(&router->members);
    free(router->hand);
    tr_keepsake_release(&router->keepsake);
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
            .home = birth->home,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
}
