#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/worker/timers.h"
#include "tests/kit/fault_point.h"

/* One row, one story. What happens, in words of one letter and its numbers:
 *
 *   s1@10    timer 1 is started, due at 10      s1@10/5  and then every 5
 *   c1       it is cancelled                    h1@3     it is hastened to 3
 *   t20      what is due at 20 is taken         n        when is the next one due?
 *
 * and what came of it: the timers that ticked, "-" at the end of each time; what n said, as
 * "=10", "=never"; "!" for a cancel or haste of nothing. */
struct story {
    const char *happens;
    const char *comes;
};

typedef struct scene {
    tr_timers_t timers;
    char trace[1000];
} scene_t;

static void note(scene_t *scene, const char *format, long long number)
{
    size_t size = strlen(scene->trace);
    char word[40];
    snprintf(word, sizeof word, format, number);
    snprintf(scene->trace + size, sizeof scene->trace - size, "%s%s", size ? " " : "", word);
}

static void start(scene_t *scene, uint64_t id, int64_t due_ms, int64_t period_ms)
{
    char text[20];
    snprintf(text, sizeof text, "%d", (int)id);
    troupe_message_t *message = troupe_message_from_text(text);
    assert_status(tr_timers_start(&scene->timers, id, due_ms, period_ms, &message), TROUPE_OK);
    assert_null(message);
}

/* Each tick says whose it is. */
static void take_all(scene_t *scene, int64_t now_ms)
{
    tr_due_t due;
    while (tr_timers_take_due(&scene->timers, now_ms, &due)) {
        assert_non_null(due.tick);
        assert_int_equal(due.tick->kind, TROUPE_MESSAGE_TICK);
        assert_int_equal(due.tick->number, due.id);
        char *text = troupe_message_text(due.tick->message, 0);
        assert_int_equal(atoi(text), due.id);
        free(text);
        note(scene, "%lld", (long long)due.id);
        tr_letter_t *letter = &due.tick->letter;
        tr_letter_destroy(&letter);
    }
    note(scene, "-", 0);
}

static void note_next(scene_t *scene)
{
    int64_t next_ms = tr_timers_next_ms(&scene->timers);
    note(scene, next_ms == TR_NEVER ? "=never" : "=%lld", (long long)next_ms);
}

static void play(scene_t *scene, const char *word)
{
    long long id = 0;
    long long at = 0;
    long long period = 0;
    if (sscanf(word, "s%lld@%lld/%lld", &id, &at, &period) >= 2) {
        start(scene, (uint64_t)id, at, period);
    } else if (sscanf(word, "h%lld@%lld", &id, &at) == 2) {
        if (!tr_timers_hasten(&scene->timers, (uint64_t)id, at)) {
            note(scene, "!", 0);
        }
    } else if (sscanf(word, "c%lld", &id) == 1) {
        if (!tr_timers_cancel(&scene->timers, (uint64_t)id)) {
            note(scene, "!", 0);
        }
    } else if (sscanf(word, "t%lld", &at) == 1) {
        take_all(scene, at);
    } else {
        assert_string_equal(word, "n");
        note_next(scene);
    }
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    scene_t scene = {.trace = ""};
    tr_timers_init(&scene.timers);
    char *words = strdup(story->happens);
    for (char *rest = words, *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        play(&scene, word);
    }
    free(words);
    assert_string_equal(scene.trace, story->comes);
    tr_timers_finish(&scene.timers);
}

/* ---- more than a row can tell ---- */

static void one_without_a_message_brings_no_tick(void **state)
{
    (void)state;
    tr_timers_t timers;
    tr_timers_init(&timers);
    assert_status(tr_timers_start(&timers, 1, 10, 0, NULL), TROUPE_OK);
    tr_due_t due;
    assert_true(tr_timers_take_due(&timers, 10, &due));
    assert_int_equal(due.id, 1);
    assert_null(due.tick);
    tr_timers_finish(&timers);
}

static void a_number_is_that_of_one_timer(void **state)
{
    (void)state;
    tr_timers_t timers;
    tr_timers_init(&timers);
    assert_status(tr_timers_start(&timers, 1, 10, 0, NULL), TROUPE_OK);
    troupe_message_t *message = troupe_message_from_text("other");
    assert_status(tr_timers_start(&timers, 1, 5, 0, &message), TROUPE_EXISTS);
    assert_null(message);
    assert_int_equal(tr_timers_next_ms(&timers), 10);
    assert_int_equal(tr_timers_count(&timers), 1);
    tr_timers_finish(&timers);
}

/* Every third is cancelled in between; what is left comes by time, and then by start. */
static void ten_thousand_come_in_order(void **state)
{
    (void)state;
    enum { N_TIMERS = 10000, N_TIMES = 100 };
    tr_timers_t timers;
    tr_timers_init(&timers);
    for (uint64_t id = 1; id <= N_TIMERS; id++) {
        int64_t due_ms = (int64_t)(id * 7919 % N_TIMES);
        assert_status(tr_timers_start(&timers, id, due_ms, 0, NULL), TROUPE_OK);
    }
    for (uint64_t id = 3; id <= N_TIMERS; id += 3) {
        assert_true(tr_timers_cancel(&timers, id));
    }
    size_t n_left = N_TIMERS - N_TIMERS / 3;
    assert_int_equal(tr_timers_count(&timers), n_left);
    int64_t last_ms = -1;
    uint64_t last_id = 0;
    tr_due_t due;
    while (tr_timers_take_due(&timers, N_TIMES, &due)) {
        int64_t due_ms = (int64_t)(due.id * 7919 % N_TIMES);
        assert_true(due_ms > last_ms || (due_ms == last_ms && due.id > last_id));
        assert_true(due.id % 3 != 0);
        last_ms = due_ms;
        last_id = due.id;
        n_left--;
    }
    assert_int_equal(n_left, 0);
    tr_timers_finish(&timers);
}

/* ---- memory ---- */

static bool starts_two(tr_timers_t *timers)
{
    troupe_message_t *once = troupe_message_new();
    troupe_message_t *often = troupe_message_new();
    bool is_done = once && tr_timers_start(timers, 1, 10, 0, &once) == TROUPE_OK;
    is_done = is_done && often && tr_timers_start(timers, 2, 20, 5, &often) == TROUPE_OK;
    troupe_message_destroy(&once);
    troupe_message_destroy(&often);
    return is_done;
}

static void what_finds_no_memory_is_not_started(void **state)
{
    (void)state;
    bool is_done = false;
    for (size_t n = 0; !is_done; n++) {
        tr_timers_t timers;
        tr_timers_init(&timers);
        tr_fault_arm(&tr_fault_memory, n, 1);
        is_done = starts_two(&timers);
        assert_int_equal(is_done, tr_fault_memory.n_hits == 0);
        tr_fault_disarm(&tr_fault_memory);
        assert_true(n < 100);
        assert_int_equal(tr_timers_count(&timers), timers.by_due.n_items);
        assert_int_equal(tr_timers_count(&timers) == 2, is_done);
        tr_timers_finish(&timers);
    }
}

static void what_was_started_needs_no_memory(void **state)
{
    (void)state;
    tr_timers_t timers;
    tr_timers_init(&timers);
    assert_true(starts_two(&timers));
    tr_fault_arm(&tr_fault_memory, 0, SIZE_MAX);
    tr_due_t due;
    assert_true(tr_timers_take_due(&timers, 20, &due));
    assert_int_equal(due.id, 1);
    assert_non_null(due.tick);
    tr_letter_t *letter = &due.tick->letter;
    tr_letter_destroy(&letter);
    assert_true(tr_timers_take_due(&timers, 20, &due));
    assert_int_equal(due.id, 2);
    assert_null(due.tick); /* that one is left out */
    assert_false(tr_timers_take_due(&timers, 20, &due));
    assert_true(tr_timers_hasten(&timers, 2, 21));
    tr_fault_disarm(&tr_fault_memory);
    assert_true(tr_timers_take_due(&timers, 21, &due));
    assert_non_null(due.tick);
    letter = &due.tick->letter;
    tr_letter_destroy(&letter);
    tr_timers_finish(&timers);
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("nothing is never due", "n t1000", "=never -"),
        STORY("ticks at its time and not before", "s1@10 n t9 t10 t11 n", "=10 - 1 - - =never"),
        STORY("comes by time, not by start", "s1@30 s2@10 s3@20 t30", "2 3 1 -"),
        STORY("of one time comes by start", "s2@10 s3@10 s1@10 t10", "2 3 1 -"),
        STORY("a late one comes at once", "s1@5 t100", "1 -"),
        STORY("one that is due before it began", "s1@-5 t0", "1 -"),
        STORY("cancelled it does not come", "s1@10 s2@10 c1 t10", "2 -"),
        STORY("can be cancelled once", "s1@10 c1 c1 c7", "! !"),
        STORY("cannot be cancelled when it has come", "s1@10 t10 c1", "1 - !"),
        STORY("keeps its rhythm", "s1@10/10 t10 n t23 n t30 n", "1 - =20 1 - =30 1 - =40"),
        STORY("leaves out what it has missed", "s1@10/10 t55 n t60", "1 - =60 1 -"),
        STORY("comes once at a time when it is exact", "s1@10/10 t20 n", "1 - =30"),
        STORY("goes on until it is cancelled", "s1@10/10 t10 t20 c1 t1000", "1 - 1 - -"),
        STORY("those of one period take turns", "s1@10/10 s2@10/10 t10 t20", "1 2 - 1 2 -"),
        STORY("comes again behind those of its time", "s1@10/10 s2@20 t10 t20", "1 - 2 1 -"),
        STORY("a period of the largest size", "s1@10/9223372036854775807 t10 n", "1 - =never"),
        STORY("hastened it comes first", "s1@10 s2@20 h2@5 n t5 t10 n", "=5 2 - 1 - =never"),
        STORY("nothing can be hastened", "h1@5 n", "! =never"),
        STORY("a number that is free again", "s1@10 t10 s1@20 t20", "1 - 1 -"),
        cmocka_unit_test(one_without_a_message_brings_no_tick),
        cmocka_unit_test(a_number_is_that_of_one_timer),
        cmocka_unit_test(ten_thousand_come_in_order),
        cmocka_unit_test(what_finds_no_memory_is_not_started),
        cmocka_unit_test(what_was_started_needs_no_memory),
    };
    return cmocka_run_group_tests_name("actors/timers", tests, NULL, NULL) != 0;
}
