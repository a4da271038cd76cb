/* The order of service: told as stories, as a bound that holds whoever pushes what, and as
 * random moves that agree with a model. The model keeps the rules and nothing else: it looks at
 * all that wait, each time anew.
 */

#include <stdlib.h>
#include <string.h>

#include "tests/kit/check.h"

#include "mailbox/request_queue.h"

/* A row leaves out what its story does not care about. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define MOST 12

#define CRITICAL TROUPE_PRIORITY_CRITICAL
#define HIGH     TROUPE_PRIORITY_HIGH
#define NORMAL   TROUPE_PRIORITY_NORMAL
#define LOW      TROUPE_PRIORITY_LOW
#define BATCH    TROUPE_PRIORITY_BATCH
#define UNSAID   TROUPE_PRIORITY_DEFAULT

static tr_mailbox_t *caller;
static uint64_t last_number;

static tr_envelope_t *request(uint64_t id, const char *method)
{
    troupe_message_t *message = NULL;
    tr_envelope_t *envelope =
        tr_envelope_new(id, caller, &(tr_header_t){.method = tr_span_of(method)}, &message);
    assert_non_null(envelope);
    return envelope;
}

static void leave(tr_envelope_t *envelope)
{
    assert_true(tr_envelope_answer(envelope, TROUPE_OUTCOME_CANCELLED, 0, NULL));
    tr_envelope_release(&envelope);
    tr_letter_t *answer = tr_mailbox_next(caller, NULL);
    tr_letter_destroy(&answer);
}

static void empty_and_finish(tr_request_queue_t *queue)
{
    tr_envelope_t *envelope;
    while ((envelope = tr_request_queue_any(queue)) != NULL) {
        tr_request_queue_remove(queue, envelope);
        leave(envelope);
    }
    assert_int_equal(tr_request_queue_count(queue), 0);
    assert_null(tr_request_queue_pop(queue));
    tr_request_queue_finish(queue);
}

/* ---- stories ---- */

/* One arrival: a letter to know it by, its priority, its deadline, its peer, its method. */
struct arrival {
    char letter;
    troupe_priority_t priority;
    int64_t deadline_ms;
    uint64_t peer;
    const char *method;
};

struct story {
    struct arrival arrivals[MOST];
    const char *moves; /* in order, as below */
};

static tr_envelope_t *arrive(const struct arrival *arrival)
{
    tr_envelope_t *envelope =
        request((uint64_t)arrival->letter, arrival->method ? arrival->method : "");
    if (arrival->priority != UNSAID) {
        envelope->priority = arrival->priority;
    }
    envelope->peer = arrival->peer;
    envelope->deadline_ms = arrival->deadline_ms;
    envelope->number = ++last_number;
    return envelope;
}

static void assert_is(const tr_envelope_t *envelope, char letter)
{
    char got = '-';
    if (envelope) {
        got = (char)envelope->id;
    }
    if (got != letter) {
        fail_msg("it was %c, not %c", got, letter);
    }
}

/* All arrive, then the moves are made:
 *   a    the next is a, who leaves; - stands for nobody
 *   (a   the next is a, whom the story keeps, and who is the one to be like
 *   =a   the next of the method of the last one kept is a, whom the story keeps too
 *   )    the last one kept that is still kept is returned
 *   !Pa  the victim for a newcomer of priority P (one digit) is a
 *   xa   a is taken out and leaves
 * At the end nothing waits. */
static void story_holds(void **state)
{
    const struct story *story = *state;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    tr_envelope_t *of_letter[128] = {NULL};
    size_t n_arrivals = 0;
    for (; n_arrivals < MOST && story->arrivals[n_arrivals].letter; n_arrivals++) {
        const struct arrival *arrival = &story->arrivals[n_arrivals];
        of_letter[(int)arrival->letter] = arrive(arrival);
        assert_status(tr_request_queue_push(&queue, of_letter[(int)arrival->letter]),
                      TROUPE_OK);
        assert_int_equal(tr_request_queue_count(&queue), n_arrivals + 1);
    }
    tr_envelope_t *kept[MOST];
    size_t n_kept = 0;
    for (const char *move = story->moves; *move; move++) {
        tr_envelope_t *envelope;
        switch (*move) {
        case '(':
        case '=':
            envelope = *move == '(' ? tr_request_queue_pop(&queue)
                                    : tr_request_queue_pop_like(&queue, kept[n_kept - 1]);
            assert_is(envelope, *++move);
            if (envelope) {
                kept[n_kept++] = envelope;
            }
            break;
        case ')':
            assert_status(tr_request_queue_return(&queue, kept[--n_kept]), TROUPE_OK);
            break;
        case '!':
            envelope = tr_request_queue_victim(&queue, (troupe_priority_t)(move[1] - '0'));
            move += 2;
            assert_is(envelope, *move);
            break;
        case 'x':
            tr_request_queue_remove(&queue, of_letter[(int)*++move]);
            leave(of_letter[(int)*move]);
            break;
        default:
            envelope = tr_request_queue_pop(&queue);
            assert_is(envelope, *move);
            if (envelope) {
                leave(envelope);
            }
        }
    }
    while (n_kept > 0) {
        leave(kept[--n_kept]);
    }
    assert_int_equal(tr_request_queue_count(&queue), 0);
    empty_and_finish(&queue);
}

static void a_thousand_of_one_peer_do_not_delay_another(void **state)
{
    (void)state;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    for (int i = 0; i < 1000; i++) {
        assert_status(
            tr_request_queue_push(&queue, arrive(&(struct arrival){'m', NORMAL, 10, 1, ""})),
            TROUPE_OK);
    }
    tr_envelope_t *modest = arrive(&(struct arrival){'o', NORMAL, 999, 2, ""});
    assert_status(tr_request_queue_push(&queue, modest), TROUPE_OK);
    tr_envelope_t *first = tr_request_queue_pop(&queue);
    assert_is(first, 'm');
    assert_ptr_equal(tr_request_queue_pop(&queue), modest);
    leave(first);
    leave(modest);
    empty_and_finish(&queue);
}

static void no_more_than_so_many_heads_are_looked_at(void **state)
{
    (void)state;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    tr_envelope_t *like = request('l', "see");
    for (uint64_t peer = 0; peer < TR_QUEUE_LOOKS; peer++) {
        assert_status(tr_request_queue_push(
                          &queue, arrive(&(struct arrival){'h', NORMAL, 10, peer, "hear"})),
                      TROUPE_OK);
    }
    assert_status(
        tr_request_queue_push(&queue, arrive(&(struct arrival){'s', LOW, 10, 7, "see"})),
        TROUPE_OK);
    assert_null(tr_request_queue_pop_like(&queue, like));
    leave(tr_request_queue_pop(&queue));
    tr_envelope_t *found = tr_request_queue_pop_like(&queue, like);
    assert_is(found, 's');
    leave(found);
    leave(like);
    empty_and_finish(&queue);
}

static void a_crowd_that_has_left_leaves_little_behind(void **state)
{
    (void)state;
    enum { N_CROWD = 5000 };
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    for (uint64_t peer = 0; peer < N_CROWD; peer++) {
        assert_status(
            tr_request_queue_push(&queue, arrive(&(struct arrival){'c', LOW, 10, peer, ""})),
            TROUPE_OK);
    }
    tr_envelope_t *envelope;
    while ((envelope = tr_request_queue_pop(&queue)) != NULL) {
        leave(envelope);
    }
    assert_true(queue.n_spares < N_CROWD / 10);
    assert_int_equal(queue.levels[LOW - CRITICAL].lines.n_slots, 0);
    empty_and_finish(&queue);
}

/* A full queue that drops the oldest at every arrival; were the oldest searched for, this would
 * not end in the time a test has. The latest have the earliest deadlines, and one in ten is out
 * of order. */
static void dropping_the_oldest_takes_no_search(void **state)
{
    (void)state;
    enum { N_WAITING = 10000, N_ARRIVALS = 200000 };
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    uint64_t last_dropped = 0;
    for (uint64_t i = 1; i <= N_WAITING + N_ARRIVALS; i++) {
        tr_envelope_t *envelope;
        if (i <= N_WAITING) {
            envelope = request(i, "");
        } else {
            envelope = tr_request_queue_victim(&queue, NORMAL);
            assert_non_null(envelope);
            assert_true(envelope->number > last_dropped);
            last_dropped = envelope->number;
            tr_request_queue_remove(&queue, envelope);
        }
        envelope->number = 20 * i - (i % 10 == 0 ? 30 : 0);
        envelope->deadline_ms = INT32_MAX - (int64_t)i;
        envelope->peer = i % 3;
        assert_status(tr_request_queue_push(&queue, envelope), TROUPE_OK);
    }
    empty_and_finish(&queue);
}

/* ---- the same numbers for the same seed ---- */

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static size_t draw_below(uint64_t *seed, size_t n)
{
    return (size_t)((draw(seed) >> 16) % n);
}

/* ---- the bound ---- */

#define N_PRIORITIES 5

static void push_one(tr_request_queue_t *queue, size_t priority)
{
    assert_status(
        tr_request_queue_push(
            queue, arrive(&(struct arrival){'r', (troupe_priority_t)priority, 10, 0, ""})),
        TROUPE_OK);
}

static void batch_waits_no_longer_than_the_patience(void **state)
{
    (void)state;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    push_one(&queue, BATCH);
    for (int round = 0; round < 3; round++) {
        push_one(&queue, BATCH);
        for (int i = 0; i < TR_QUEUE_PATIENCE + 1; i++) {
            push_one(&queue, CRITICAL);
            tr_envelope_t *envelope = tr_request_queue_pop(&queue);
            assert_int_equal(envelope->priority, i < TR_QUEUE_PATIENCE ? CRITICAL : BATCH);
            leave(envelope);
        }
    }
    empty_and_finish(&queue);
}

static void of_those_who_are_due_the_most_urgent_goes_first(void **state)
{
    (void)state;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    push_one(&queue, BATCH);
    push_one(&queue, LOW);
    push_one(&queue, HIGH);
    for (int i = 0; i < TR_QUEUE_PATIENCE + 4; i++) {
        push_one(&queue, CRITICAL);
    }
    for (int i = 0; i < TR_QUEUE_PATIENCE; i++) {
        tr_envelope_t *envelope = tr_request_queue_pop(&queue);
        assert_int_equal(envelope->priority, CRITICAL);
        leave(envelope);
    }
    static const troupe_priority_t then[] = {HIGH, LOW, BATCH, CRITICAL};
    for (size_t i = 0; i < 4; i++) {
        tr_envelope_t *envelope = tr_request_queue_pop(&queue);
        assert_int_equal(envelope->priority, then[i]);
        leave(envelope);
    }
    empty_and_finish(&queue);
}

static void waiting_counts_from_when_something_waits(void **state)
{
    (void)state;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    push_one(&queue, BATCH);
    for (int i = 0; i < 2 * TR_QUEUE_PATIENCE; i++) {
        if (i == TR_QUEUE_PATIENCE) {
            tr_envelope_t *gone = tr_request_queue_victim(&queue, BATCH);
            tr_request_queue_remove(&queue, gone);
            leave(gone);
            push_one(&queue, BATCH);
        }
        push_one(&queue, CRITICAL);
        tr_envelope_t *envelope = tr_request_queue_pop(&queue);
        assert_int_equal(envelope->priority, CRITICAL);
        leave(envelope);
    }
    empty_and_finish(&queue);
}

/* What rides along with others must not make the rest of its priority wait for ever. */
static void riding_along_does_not_put_off_others(void **state)
{
    (void)state;
    tr_request_queue_t queue;
    tr_request_queue_init(&queue);
    tr_envelope_t *modest = arrive(&(struct arrival){'o', BATCH, 10, 2, "hear"});
    assert_status(tr_request_queue_push(&queue, modest), TROUPE_OK);
    tr_envelope_t *next = NULL;
    for (int i = 0; i < TR_QUEUE_BOUND && next != modest; i++) {
        tr_envelope_t *urgent = arrive(&(struct arrival){'u', CRITICAL, 10, 1, "see"});
        tr_envelope_t *rider = arrive(&(struct arrival){'r', BATCH, 10, 1, "see"});
        assert_status(tr_request_queue_push(&queue, urgent), TROUPE_OK);
        assert_status(tr_request_queue_push(&queue, rider), TROUPE_OK);
        next = tr_request_queue_pop(&queue);
        if (next == urgent) {
            assert_ptr_equal(tr_request_queue_pop_like(&queue, urgent), rider);
            leave(rider);
            leave(urgent);
        }
    }
    assert_ptr_equal(next, modest);
    leave(modest);
    empty_and_finish(&queue);
}

static void fail_with_seed(uint64_t seed, const char *what)
{
    fail_msg("%s with seed %llu", what, (unsigned long long)seed);
}

/* Whatever arrives and goes, of as many pops as the bound says one is of each priority that
 * waited during all of them. Each weather lasts a while: some priorities are full, some empty,
 * some flicker. */
static void the_bound_holds_in_any_weather(void **state)
{
    (void)state;
    size_t longest = 0;
    for (uint64_t start = 1; start <= 300; start++) {
        uint64_t seed = start * 7919;
        tr_request_queue_t queue;
        tr_request_queue_init(&queue);
        size_t n_waiting[N_PRIORITIES + 1] = {0};
        size_t n_since[N_PRIORITIES + 1] = {0}; /* pops while it waited */
        size_t chance[N_PRIORITIES + 1] = {0};  /* in 100, that it is filled up before a pop */
        for (int i = 0; i < 300; i++) {
            for (size_t p = CRITICAL; p <= BATCH; p++) {
                static const size_t weather[] = {0, 20, 90, 100, 100};
                if (draw_below(&seed, 15) == 0 || i == 0) {
                    chance[p] = weather[draw_below(&seed, 5)];
                }
                if (n_waiting[p] == 0 && draw_below(&seed, 100) < chance[p]) {
                    n_waiting[p] = 1 + draw_below(&seed, 2);
                    for (size_t n = 0; n < n_waiting[p]; n++) {
                        push_one(&queue, p);
                    }
                }
            }
            tr_envelope_t *envelope = tr_request_queue_pop(&queue);
            if (!envelope) {
                continue;
            }
            size_t served = envelope->priority;
            leave(envelope);
            n_waiting[served]--;
            for (size_t p = CRITICAL; p <= BATCH; p++) {
                n_since[p] = p == served || n_waiting[p] == 0 ? 0 : n_since[p] + 1;
                longest = n_since[p] > longest ? n_since[p] : longest;
                if (n_since[p] >= TR_QUEUE_BOUND) {
                    fail_with_seed(start * 7919, "a priority waited longer than the bound");
                }
            }
        }
        empty_and_finish(&queue);
    }
    assert_true(longest > TR_QUEUE_PATIENCE); /* or the weather was too fine to say anything */
}

/* ---- the model ---- */

#define N_REQUESTS 400
#define N_PEERS    90
#define N_MOVES    4000
#define N_SEEDS    12

typedef struct model {
    tr_envelope_t *all[N_REQUESTS];
    bool is_inside[N_REQUESTS];
    bool was_popped[N_REQUESTS]; /* outside, and may be returned */
    int64_t turn[N_PRIORITIES + 1][N_PEERS];
    int64_t last_turn;
    int64_t first_turn;
    unsigned n_passed_over[N_PRIORITIES + 1];
    size_t n_inside;
} model_t;

static bool waits(const model_t *self, size_t priority, uint64_t peer)
{
    for (size_t i = 0; i < N_REQUESTS; i++) {
        if (self->is_inside[i] && self->all[i]->priority == priority &&
            (peer == N_PEERS || self->all[i]->peer == peer)) {
            return true;
        }
    }
    return false;
}

static void model_put(model_t *self, size_t i, bool is_returned)
{
    const tr_envelope_t *it = self->all[i];
    int64_t *turn = &self->turn[it->priority][it->peer];
    if (is_returned) {
        *turn = --self->first_turn;
    } else if (!waits(self, it->priority, it->peer)) {
        *turn = ++self->last_turn;
    }
    self->is_inside[i] = true;
    self->n_inside++;
}

static void model_remove(model_t *self, size_t i)
{
    self->is_inside[i] = false;
    self->n_inside--;
    if (!waits(self, self->all[i]->priority, N_PEERS)) {
        self->n_passed_over[self->all[i]->priority] = 0;
    }
}

static bool is_due(const model_t *self, size_t priority)
{
    return self->n_passed_over[priority] >= TR_QUEUE_PATIENCE;
}

static bool is_before(const model_t *self, const tr_envelope_t *one, const tr_envelope_t *other)
{
    if (one->priority != other->priority) {
        bool is_one_due = is_due(self, one->priority);
        bool is_other_due = is_due(self, other->priority);
        return is_one_due != is_other_due ? is_one_due : one->priority < other->priority;
    }
    if (one->peer != other->peer) {
        return self->turn[one->priority][one->peer] < self->turn[other->priority][other->peer];
    }
    return one->deadline_ms != other->deadline_ms ? one->deadline_ms < other->deadline_ms
                                                  : one->number < other->number;
}

/* The next of those inside that comes after `after` (N_REQUESTS: of all); N_REQUESTS: none. */
static size_t model_next(const model_t *self, size_t after)
{
    size_t best = N_REQUESTS;
    for (size_t i = 0; i < N_REQUESTS; i++) {
        if (self->is_inside[i] &&
            (after == N_REQUESTS || is_before(self, self->all[after], self->all[i])) &&
            (best == N_REQUESTS || is_before(self, self->all[i], self->all[best]))) {
            best = i;
        }
    }
    return best;
}

static void model_serve(model_t *self, size_t i)
{
    const tr_envelope_t *it = self->all[i];
    self->turn[it->priority][it->peer] = ++self->last_turn;
    self->was_popped[i] = true;
    model_remove(self, i);
}

static size_t model_pop(model_t *self)
{
    size_t i = model_next(self, N_REQUESTS);
    if (i == N_REQUESTS) {
        return i;
    }
    size_t priority = self->all[i]->priority;
    for (size_t p = priority + 1; p <= BATCH; p++) {
        self->n_passed_over[p] += waits(self, p, N_PEERS);
    }
    self->n_passed_over[priority] = 0;
    model_serve(self, i);
    return i;
}

static size_t model_pop_like(model_t *self, const char *method)
{
    const tr_envelope_t *before = NULL;
    size_t n_heads = 0;
    size_t i = N_REQUESTS;
    while (n_heads < TR_QUEUE_LOOKS && (i = model_next(self, i)) != N_REQUESTS) {
        const tr_envelope_t *it = self->all[i];
        bool is_head = !before || before->priority != it->priority || before->peer != it->peer;
        n_heads += is_head;
        before = it;
        if (is_head && strcmp(it->method, method) == 0) {
            model_serve(self, i);
            return i;
        }
    }
    return N_REQUESTS;
}

static const tr_envelope_t *model_victim(const model_t *self, size_t newcomer)
{
    const tr_envelope_t *victim = NULL;
    for (size_t i = 0; i < N_REQUESTS; i++) {
        const tr_envelope_t *it = self->all[i];
        if (self->is_inside[i] && it->priority >= newcomer &&
            (!victim || it->priority > victim->priority ||
             (it->priority == victim->priority && it->number < victim->number))) {
            victim = it;
        }
    }
    return victim;
}

static void renew(tr_envelope_t *envelope, uint64_t *seed, size_t n_priorities, size_t n_peers)
{
    envelope->priority = (troupe_priority_t)(CRITICAL + draw_below(seed, n_priorities));
    envelope->peer = draw_below(seed, n_peers);
    envelope->deadline_ms = (int64_t)draw_below(seed, 10);
    envelope->number = ++last_number;
}

static void assert_agrees(const model_t *model, const tr_envelope_t *got, size_t i,
                          uint64_t seed)
{
    if (got != (i == N_REQUESTS ? NULL : model->all[i])) {
        fail_with_seed(seed, "the order is not that of the model");
    }
}

static void one_random_move(model_t *model, tr_request_queue_t *queue, uint64_t *seed,
                            const size_t n_of[3], uint64_t start)
{
    size_t i = draw_below(seed, N_REQUESTS);
    size_t likely = n_of[0]; /* pushes, in 10 */
    size_t kind = draw_below(seed, 10);
    if (kind < likely && !model->is_inside[i]) {
        /* One that was popped is returned, or held back a while, and comes out of order. */
        bool is_returned = model->was_popped[i] && draw_below(seed, 2) == 0;
        if (!is_returned && draw_below(seed, 8) != 0) {
            renew(model->all[i], seed, n_of[1], n_of[2]);
        }
        assert_status(is_returned ? tr_request_queue_return(queue, model->all[i])
                                  : tr_request_queue_push(queue, model->all[i]),
                      TROUPE_OK);
        model_put(model, i, is_returned);
        model->was_popped[i] = false;
    } else if (kind < likely) {
        tr_request_queue_remove(queue, model->all[i]);
        model_remove(model, i);
    } else if (draw_below(seed, 3) == 0) {
        const tr_envelope_t *got = tr_request_queue_pop_like(queue, model->all[i]);
        assert_agrees(model, got, model_pop_like(model, model->all[i]->method), start);
    } else {
        const tr_envelope_t *got = tr_request_queue_pop(queue);
        assert_agrees(model, got, model_pop(model), start);
    }
}

static void random_moves_agree_with_a_model(void **state)
{
    (void)state;
    for (uint64_t start = 1; start <= N_SEEDS; start++) {
        uint64_t seed = start * 104729;
        tr_request_queue_t queue;
        tr_request_queue_init(&queue);
        model_t *model = calloc(1, sizeof *model);
        assert_non_null(model);
        for (size_t i = 0; i < N_REQUESTS; i++) {
            /* One method is rare, so that it is looked for far behind. */
            model->all[i] = request(i, i % 50 == 0 ? "rare" : i % 2 ? "see" : "hear");
            renew(model->all[i], &seed, N_PRIORITIES, N_PEERS);
        }
        size_t n_of[3] = {8, N_PRIORITIES, N_PEERS};
        for (int move = 0; move < N_MOVES; move++) {
            if (move % 400 == 0) { /* the tide turns, and others come */
                n_of[0] = move / 400 % 2 ? 2 : 8;
                n_of[1] = draw_below(&seed, 2) ? N_PRIORITIES : 1 + draw_below(&seed, 3);
                n_of[2] = draw_below(&seed, 2) ? N_PEERS : 1 + draw_below(&seed, 4);
            }
            one_random_move(model, &queue, &seed, n_of, start);
            size_t newcomer = CRITICAL + draw_below(&seed, N_PRIORITIES);
            if (tr_request_queue_victim(&queue, (troupe_priority_t)newcomer) !=
                model_victim(model, newcomer)) {
                fail_with_seed(start, "the victim is not that of the model");
            }
            const tr_envelope_t *any = tr_request_queue_any(&queue);
            if (tr_request_queue_count(&queue) != model->n_inside ||
                (any != NULL) != (model->n_inside > 0) || (any && !model->is_inside[any->id])) {
                fail_with_seed(start, "those inside are not those of the model");
            }
        }
        while (model->n_inside > 0) {
            const tr_envelope_t *got = tr_request_queue_pop(&queue);
            assert_agrees(model, got, model_pop(model), start);
        }
        empty_and_finish(&queue);
        for (size_t i = 0; i < N_REQUESTS; i++) {
            leave(model->all[i]);
        }
        free(model);
    }
}

static int open_caller(void **state)
{
    (void)state;
    caller = tr_mailbox_new("caller", 1, (tr_mailbox_limits_t){100, 100000});
    return caller ? 0 : -1;
}

static int close_caller(void **state)
{
    (void)state;
    tr_mailbox_close(caller);
    tr_mailbox_release(&caller);
    return 0;
}

/* clang-format off */
#define STORY(title, order, ...) \
    { .name = title, .test_func = story_holds, \
      .initial_state = &(struct story){.moves = order, .arrivals = {__VA_ARGS__}} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("first come, first served", "abc-", {'a', NORMAL, 50}, {'b', NORMAL, 50},
              {'c', NORMAL, 50}),
        STORY("the earliest deadline goes before who came first", "cab", {'a', NORMAL, 50},
              {'b', NORMAL, 60}, {'c', NORMAL, 10}),
        STORY("priority goes before any deadline", "dbac", {'a', NORMAL, 50}, {'b', HIGH, 900},
              {'c', BATCH, 1}, {'d', CRITICAL, 1000}),
        STORY("no priority is the normal one", "bac", {'a', UNSAID, 50}, {'b', HIGH, 50},
              {'c', NORMAL, 50}),
        STORY("a priority there is not is the normal one", "bacd", {'a', BATCH + 1, 50},
              {'b', HIGH, 60}, {'c', NORMAL, 70}, {'d', LOW, 10}),
        STORY("an empty queue gives nothing", "-!5-", {0, UNSAID, 0}),

        STORY("two peers take turns", "adbecf", {'a', NORMAL, 50, 1}, {'b', NORMAL, 50, 1},
              {'c', NORMAL, 50, 1}, {'d', NORMAL, 50, 2}, {'e', NORMAL, 50, 2},
              {'f', NORMAL, 50, 2}),
        STORY("a turn goes before another peer's deadline", "acb", {'a', NORMAL, 50, 1},
              {'b', NORMAL, 10, 2}, {'c', NORMAL, 5, 2}, {0}),
        STORY("the earliest deadline is that of one peer", "dacb", {'a', NORMAL, 70, 2},
              {'b', NORMAL, 60, 1}, {'c', NORMAL, 50, 1}, {'d', CRITICAL, 99, 1}),
        STORY("turns are taken in each priority by itself", "abcd", {'a', HIGH, 50, 1},
              {'c', LOW, 50, 1}, {'d', LOW, 50, 2}, {'b', HIGH, 50, 1}),
        STORY("one that is taken out costs its peer no turn", "xadbc", {'a', NORMAL, 50, 1},
              {'b', NORMAL, 50, 2}, {'c', NORMAL, 50, 3}, {'d', NORMAL, 50, 1}),

        STORY("a returned one goes first", "(a)acb", {'a', NORMAL, 50, 1}, {'b', NORMAL, 50, 1},
              {'c', NORMAL, 50, 2}, {0}),
        STORY("a returned one has its old place among its peer's", "(a(c(b)))acbd",
              {'a', NORMAL, 50, 1}, {'b', NORMAL, 60, 1}, {'c', NORMAL, 70, 2},
              {'d', NORMAL, 80, 2}),
        STORY("a returned one's peer waits for no other", "(a(b(c)))abcdef",
              {'a', NORMAL, 50, 1}, {'b', NORMAL, 50, 2}, {'c', NORMAL, 50, 3},
              {'d', NORMAL, 60, 1}, {'e', NORMAL, 60, 2}, {'f', NORMAL, 60, 3}),
        STORY("a returned one waits for the more urgent", "(b)xab", {'a', NORMAL, 50},
              {'b', HIGH, 50}),

        STORY("the next like it is of any peer and priority", "(a=d=f=-bce",
              {'a', NORMAL, 50, 1, "see"}, {'b', NORMAL, 50, 2, "hear"},
              {'c', NORMAL, 60, 2, "see"}, {'d', NORMAL, 50, 3, "see"},
              {'e', LOW, 50, 3, "hear"}, {'f', LOW, 50, 4, "see"}),
        STORY("none is like it", "(a=-b", {'a', NORMAL, 50, 1, "see"},
              {'b', NORMAL, 50, 2, "seen"}),
        STORY("who rides along has had a turn", "(a=cbd", {'a', NORMAL, 50, 1, "see"},
              {'b', NORMAL, 50, 2, "hear"}, {'c', NORMAL, 50, 3, "see"},
              {'d', NORMAL, 50, 3, "hear"}),

        STORY("the victim is the oldest of the least urgent", "!1d!2d!3d!4dxd!3a!4-abc",
              {'a', NORMAL, 50, 1}, {'b', NORMAL, 10, 2}, {'c', NORMAL, 20, 2},
              {'d', LOW, 50, 1}),
        STORY("nobody makes room for a less urgent one", "!2b!3-!5-!0-ab", {'a', CRITICAL, 50},
              {'b', HIGH, 50}),
        STORY("a returned one is as old as it was", "(a(b)!3b)!3axabc", {'a', NORMAL, 50, 1},
              {'b', NORMAL, 60, 1}, {'c', NORMAL, 70, 1}),

        cmocka_unit_test(a_thousand_of_one_peer_do_not_delay_another),
        cmocka_unit_test(no_more_than_so_many_heads_are_looked_at),
        cmocka_unit_test(a_crowd_that_has_left_leaves_little_behind),
        cmocka_unit_test(dropping_the_oldest_takes_no_search),
        cmocka_unit_test(batch_waits_no_longer_than_the_patience),
        cmocka_unit_test(of_those_who_are_due_the_most_urgent_goes_first),
        cmocka_unit_test(waiting_counts_from_when_something_waits),
        cmocka_unit_test(riding_along_does_not_put_off_others),
        cmocka_unit_test(the_bound_holds_in_any_weather),
        cmocka_unit_test(random_moves_agree_with_a_model),
    };
    return cmocka_run_group_tests_name("mailbox/request_queue", tests, open_caller,
                                       close_caller) != 0;
}
