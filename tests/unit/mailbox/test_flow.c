/* No part may be sent that was not granted, and no grant may be lost on a writer who waits for
 * it. The threads of the test only write, grant and count; what they saw is judged on the
 * test's own. */

#include "tests/kit/check.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "mailbox/flow.h"

#define PATIENCE_MS 10000
#define N_ROUNDS    50000

/* ---- room ---- */

/* What happens, one sign at a time: g a part is granted, b a thousand bytes are taken, s a part
 * of a thousand bytes is sent, h one as large as all that may be on its way; and after each
 * whether there is room: + or -. */
struct room {
    uint64_t granted;
    const char *log;
};

static void room_is_right(void **state)
{
    const struct room *row = *state;
    tr_flow_t flow;
    tr_flow_spent_t spent = {0};
    tr_flow_init(&flow, row->granted);
    for (const char *sign = row->log; *sign; sign += 2) {
        switch (*sign) {
        case 'g':
            assert_false(tr_flow_grant(&flow, 1, 0));
            break;
        case 'b':
            assert_false(tr_flow_grant(&flow, 0, 1000));
            break;
        case 's':
            tr_flow_spend(&spent, 1000);
            break;
        default:
            tr_flow_spend(&spent, TR_FLOW_BYTES);
            break;
        }
        assert_int_equal(tr_flow_has_room(&flow, &spent), sign[1] == '+');
    }
}

static void a_reader_who_says_nothing_grants_a_window(void **state)
{
    (void)state;
    tr_flow_t flow;
    tr_flow_spent_t spent = {0};
    tr_flow_init(&flow, 0);
    assert_int_equal(tr_flow_parts_left(&flow, &spent), TR_FLOW_PARTS);
    tr_flow_spend(&spent, 5);
    assert_int_equal(tr_flow_parts_left(&flow, &spent), TR_FLOW_PARTS - 1);
    assert_int_equal(spent.n_parts, 1);
    assert_int_equal(spent.n_bytes, 5);
    spent.n_parts = TR_FLOW_PARTS + 1; /* more than it might have */
    assert_int_equal(tr_flow_parts_left(&flow, &spent), 0);
}

/* One byte less than all is room for one part more, however large that is. */
static void the_last_byte_decides(void **state)
{
    (void)state;
    tr_flow_t flow;
    tr_flow_spent_t spent = {0};
    tr_flow_init(&flow, 10);
    tr_flow_spend(&spent, TR_FLOW_BYTES - 1);
    assert_true(tr_flow_has_room(&flow, &spent));
    tr_flow_spend(&spent, 1);
    assert_false(tr_flow_has_room(&flow, &spent));
    tr_flow_grant(&flow, 0, 1);
    assert_true(tr_flow_has_room(&flow, &spent));
}

static void a_shut_stream_waits_for_the_first_grant(void **state)
{
    (void)state;
    tr_flow_t flow;
    tr_flow_spent_t spent = {0};
    tr_flow_init_shut(&flow);
    assert_false(tr_flow_has_room(&flow, &spent));
    tr_flow_grant(&flow, 0, 10);
    assert_false(tr_flow_has_room(&flow, &spent));
    tr_flow_grant(&flow, 1, 0);
    assert_true(tr_flow_has_room(&flow, &spent));
}

static void grants_without_end_do_not_begin_anew(void **state)
{
    (void)state;
    tr_flow_t flow;
    tr_flow_spent_t spent = {0};
    tr_flow_init(&flow, UINT64_MAX);
    for (int i = 0; i < 3; i++) {
        tr_flow_grant(&flow, INT64_MAX, INT64_MAX);
        tr_flow_grant(&flow, UINT64_MAX, UINT64_MAX);
        assert_int_equal(tr_flow_parts_left(&flow, &spent), TR_FLOW_MOST);
        assert_true(tr_flow_has_room(&flow, &spent));
    }
}

/* ---- words ---- */

static void a_word_is_given_once(void **state)
{
    (void)state;
    tr_flow_t flow;
    tr_flow_spent_t spent = {0};
    tr_flow_init(&flow, 1);
    assert_false(tr_flow_grant(&flow, 1, 0)); /* nobody has asked */
    assert_false(tr_flow_ask_for_word(&flow, &spent));
    assert_false(tr_flow_grant(&flow, 1, 0)); /* there was room at once, so nothing is due */
    for (int i = 0; i < 3; i++) {
        tr_flow_spend(&spent, 1);
    }
    assert_true(tr_flow_ask_for_word(&flow, &spent));
    tr_flow_ring(&flow); /* this is for sleepers only */
    assert_true(tr_flow_grant(&flow, 1, 1));
    assert_false(tr_flow_grant(&flow, 1, 1));
}

/* What two threads do to a flow, and what they saw. */
typedef struct duel {
    tr_flow_t flow;
    atomic_ulong n_words;  /* given to a writer who waits */
    atomic_ulong n_rounds; /* the writer has begun */
    atomic_bool is_over;
} duel_t;

/* A part in each round, granted as soon as the writer is about to ask for it. */
static void *grant_each_round(void *arg)
{
    duel_t *self = arg;
    for (unsigned long round = 1; round <= N_ROUNDS; round++) {
        while (atomic_load(&self->n_rounds) < round && !atomic_load(&self->is_over)) {
        }
        if (tr_flow_grant(&self->flow, 1, 1)) {
            atomic_fetch_add(&self->n_words, 1);
        }
    }
    return NULL;
}

/* Wait until so many words were given. False: they do not come. */
static bool hears_words(duel_t *duel, unsigned long n_words)
{
    struct timespec begun;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do {
        if (atomic_load(&duel->n_words) >= n_words) {
            return true;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - begun.tv_sec <= PATIENCE_MS / 1000);
    return false;
}

/* Either the writer sees the room or it is told of it: never neither, never both. A word may be
 * one of the grant before, which the writer had seen by itself: then it asks again. */
static void no_word_is_lost(void **state)
{
    (void)state;
    static duel_t duel;
    memset(&duel, 0, sizeof duel);
    tr_flow_init_shut(&duel.flow);
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, grant_each_round, &duel), 0);
    tr_flow_spent_t spent = {0};
    unsigned long n_words = 0;
    bool is_well = true;
    for (unsigned long round = 1; round <= N_ROUNDS && is_well; round++) {
        atomic_store(&duel.n_rounds, round);
        while (is_well && tr_flow_ask_for_word(&duel.flow, &spent)) {
            is_well = hears_words(&duel, ++n_words);
        }
        tr_flow_spend(&spent, 1);
    }
    atomic_store(&duel.is_over, true);
    pthread_join(reader, NULL);
    assert_true(is_well);
    assert_int_equal(atomic_load(&duel.n_words), n_words);
}

/* ---- sleep ---- */

static void *write_asleep(void *arg)
{
    duel_t *self = arg;
    tr_flow_spent_t spent = {0};
    while (spent.n_parts < N_ROUNDS) {
        while (!tr_flow_has_room(&self->flow, &spent)) {
            tr_flow_wait(&self->flow, &spent, PATIENCE_MS);
        }
        tr_flow_spend(&spent, 1);
        atomic_store(&self->n_rounds, spent.n_parts);
    }
    return NULL;
}

/* A wake that is lost costs all of the patience, so one is enough for the test to time out. */
static void a_sleeper_wakes_by_each_grant(void **state)
{
    (void)state;
    static duel_t duel;
    memset(&duel, 0, sizeof duel);
    tr_flow_init_shut(&duel.flow);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_asleep, &duel), 0);
    unsigned long n_words = 0;
    for (unsigned long round = 1; round <= N_ROUNDS; round++) {
        n_words += tr_flow_grant(&duel.flow, 1, 1); /* who sleeps needs no word */
        while (round % 4 == 0 && atomic_load(&duel.n_rounds) < round) {
        }
    }
    pthread_join(writer, NULL);
    assert_int_equal(n_words, 0);
}

static void *sleep_once(void *arg)
{
    duel_t *self = arg;
    tr_flow_spent_t spent = {0};
    tr_flow_wait(&self->flow, &spent, PATIENCE_MS * 100);
    atomic_store(&self->is_over, true);
    return NULL;
}

static void a_sleeper_wakes_when_it_is_rung(void **state)
{
    (void)state;
    static duel_t duel;
    memset(&duel, 0, sizeof duel);
    tr_flow_init_shut(&duel.flow);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, sleep_once, &duel), 0);
    while (!atomic_load(&duel.is_over)) { /* one that comes too early is no use */
        tr_flow_ring(&duel.flow);
    }
    pthread_join(writer, NULL);
    assert_false(tr_flow_grant(&duel.flow, 1, 0)); /* nobody waits any more */
}

static void sleep_is_bounded_and_not_begun_in_vain(void **state)
{
    (void)state;
    tr_flow_t flow;
    tr_flow_spent_t spent = {0};
    tr_flow_init_shut(&flow);
    tr_flow_wait(&flow, &spent, 5);
    tr_flow_wait(&flow, &spent, 0);
    tr_flow_wait(&flow, &spent, -1);
    tr_flow_grant(&flow, 1, 0);
    tr_flow_wait(&flow, &spent, PATIENCE_MS * 100); /* there is room */
    assert_false(tr_flow_grant(&flow, 1, 0));
}

/* ---- passing on ---- */

/* What was granted, how much was heard and told before, and how much is told now. */
struct passing {
    uint64_t granted;
    uint64_t taken_bytes;
    uint64_t heard_parts;
    uint64_t heard_bytes;
    uint64_t told;
    uint64_t tells;
    bool asks; /* to hear of the next grant */
};

static void grants_are_passed_on(void **state)
{
    const struct passing *row = *state;
    tr_flow_t flow;
    tr_flow_init_shut(&flow);
    tr_flow_grant(&flow, row->granted, row->taken_bytes);
    tr_flow_spent_t heard = {row->heard_parts, row->heard_bytes};
    uint64_t told = row->told;
    assert_int_equal(tr_flow_pass_on(&flow, &heard, &told), row->tells);
    assert_int_equal(told, row->told + row->tells);
    assert_int_equal(tr_flow_grant(&flow, 1, 0), row->asks);
}

/* Whatever the reader does, the writer elsewhere is never ahead of it, and never stuck. */
static void a_stream_runs_to_its_end(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 1000, 100000, 3000000, 9000000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tr_flow_t flow;
        tr_flow_init(&flow, 3);
        tr_flow_spent_t sent = {0};
        uint64_t told = 0;
        uint64_t n_taken = 0;
        uint64_t n_rests = 0;
        while (sent.n_parts < 500 && n_rests < 2) {
            bool has_told = tr_flow_pass_on(&flow, &sent, &told) > 0;
            bool has_sent = sent.n_parts < told;
            while (sent.n_parts < told) {
                tr_flow_spend(&sent, sizes[i]);
            }
            assert_true(sent.n_parts - n_taken <= 3);
            bool has_taken = n_taken < sent.n_parts;
            while (n_taken < sent.n_parts) {
                n_taken++;
                tr_flow_grant(&flow, 1, sizes[i]);
            }
            n_rests = has_told || has_sent || has_taken ? 0 : n_rests + 1;
        }
        assert_true(sent.n_parts >= 500);
    }
}

/* clang-format off */
#define ROOM(title, ...) \
    { .name = title, .test_func = room_is_right, .initial_state = &(struct room){__VA_ARGS__} }
#define PASSING(title, ...) \
    { .name = title, .test_func = grants_are_passed_on, \
      .initial_state = &(struct passing){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const uint64_t MiB = 1 << 20;
    const struct CMUnitTest tests[] = {
        ROOM("as many as were granted", 2, "s+s-"),
        ROOM("each grant is one more", 1, "s-g+s-g+g+s+s-"),
        ROOM("to have taken bytes is no grant", 1, "s-b-b-g+"),
        ROOM("as many bytes as may lie there", 5, "h-"),
        ROOM("until some are taken", 5, "h-b+s-b+"),
        ROOM("a grant does not help against bytes", 5, "h-g-g-b+"),
        ROOM("both must be there", 1, "h-g-b+s-b-g+"),
        cmocka_unit_test(a_reader_who_says_nothing_grants_a_window),
        cmocka_unit_test(the_last_byte_decides),
        cmocka_unit_test(a_shut_stream_waits_for_the_first_grant),
        cmocka_unit_test(grants_without_end_do_not_begin_anew),
        cmocka_unit_test(a_word_is_given_once),
        cmocka_unit_test(no_word_is_lost),
        cmocka_unit_test(a_sleeper_wakes_by_each_grant),
        cmocka_unit_test(a_sleeper_wakes_when_it_is_rung),
        cmocka_unit_test(sleep_is_bounded_and_not_begun_in_vain),
        PASSING("all that was granted, at once", 10, 0, 0, 0, 0, 10, false),
        PASSING("but no more than a window", 1000, 0, 0, 0, 0, TR_FLOW_PARTS, false),
        PASSING("nothing granted, nothing told", 0, 0, 0, 0, 0, 0, true),
        PASSING("nothing new, nothing told", 10, 0, 8, 80, 10, 0, true),
        PASSING("not one by one", 1000, 0, 31, 31, 64, 0, false),
        PASSING("in lumps of half a window", 1000, 0, 32, 32, 64, 32, false),
        PASSING("large parts few at a time", 1000, 10 * MiB, 10, 10 * MiB, 10, 4, false),
        PASSING("and again when half are there", 1000, 10 * MiB, 10, 10 * MiB, 12, 2, false),
        PASSING("not before", 1000, 10 * MiB, 10, 10 * MiB, 13, 0, false),
        PASSING("the largest one by one", 1000, 90 * MiB, 10, 90 * MiB, 10, 1, false),
        PASSING("the next when that is there", 1000, 90 * MiB, 10, 90 * MiB, 11, 0, false),
        PASSING("none while bytes lie there", 1000, 6 * MiB, 10, 10 * MiB, 10, 0, true),
        cmocka_unit_test(a_stream_runs_to_its_end),
    };
    return cmocka_run_group_tests_name("mailbox/flow", tests, NULL, NULL) != 0;
}
