/* Requests come, pass or do not, and end. A story is written as words of what happens, in the
 * order of time; each request is a letter, and how it passed is part of the word:
 *
 *     @500  it is 500 now
 *     a=y   a asks and passes; a=p: as a probe; a=n: it does not
 *     a+    a succeeded
 *     a-    a failed; a-!: that opened it
 *     a.    a ended, and that says nothing
 *     ?500  one that may not pass is told to come back in 500 ms
 *     C     it is closed; O: open; T: trying
 *
 * In all of them three failures open it for 1000 ms, then two probes pass. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "capabilities/breaker.h"

#define FAILURES    3
#define COOLDOWN_MS 1000
#define PROBES      2

typedef struct stage {
    tr_breaker_t breaker;
    int64_t now_ms;
    tr_pass_t passes['z' - 'a' + 1];
} stage_t;

static const char pass_signs[] = {
    [TR_PASS_NO] = 'n', [TR_PASS_YES] = 'y', [TR_PASS_PROBE] = 'p'};
static const char state_signs[] = {
    [TR_BREAKER_CLOSED] = 'C', [TR_BREAKER_OPEN] = 'O', [TR_BREAKER_TRYING] = 'T'};

static void expect(long long got, long long want, const char *word)
{
    if (got != want) {
        fail_msg("at '%s': got %lld ('%c'), not %lld", word, got, (int)(got & 127), want);
    }
}

static tr_result_t result_of(char sign)
{
    return sign == '+'   ? TR_RESULT_SUCCESS
           : sign == '-' ? TR_RESULT_FAILURE
                         : TR_RESULT_NEITHER;
}

static void play_word(stage_t *stage, const char *word)
{
    tr_breaker_t *breaker = &stage->breaker;
    if (*word == '@') {
        stage->now_ms = atoll(word + 1);
    } else if (*word == '?') {
        expect(tr_breaker_hint_ms(breaker, stage->now_ms), atoll(word + 1), word);
    } else if (strchr("COT", *word)) {
        expect(state_signs[tr_breaker_state(breaker, stage->now_ms)], *word, word);
    } else if (word[1] == '=') {
        tr_pass_t pass = tr_breaker_ask(breaker, stage->now_ms);
        expect(pass_signs[pass.kind], word[2], word);
        stage->passes[*word - 'a'] = pass;
    } else {
        expect(tr_breaker_note(breaker, result_of(word[1]), stage->passes[*word - 'a'],
                               stage->now_ms),
               word[2] == '!', word);
    }
}

static void play(stage_t *stage, const char *story)
{
    char words[512];
    assert_true(snprintf(words, sizeof words, "%s", story) < (int)sizeof words);
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        play_word(stage, word);
    }
}

static void story_holds(void **state)
{
    stage_t stage = {0};
    tr_breaker_init(&stage.breaker, FAILURES, COOLDOWN_MS, PROBES);
    play(&stage, *state);
}

static void without_failures_it_never_opens(void **state)
{
    (void)state;
    stage_t stage = {0};
    tr_breaker_init(&stage.breaker, 0, COOLDOWN_MS, 0);
    for (int i = 0; i < 1000; i++) {
        play(&stage, "a=y a- C");
    }
}

static void one_failure_and_one_probe_are_enough(void **state)
{
    (void)state;
    stage_t stage = {0};
    tr_breaker_init(&stage.breaker, 1, 10, 1);
    play(&stage, "a=y a-! O b=n @10 c=p d=n c-! O @20 e=p e+ C f=y f-! O");
}

static void without_a_cooldown_it_tries_at_once(void **state)
{
    (void)state;
    stage_t stage = {0};
    tr_breaker_init(&stage.breaker, 1, 0, 1);
    play(&stage, "a=y a-! b=p c=n ?1 b+ c=y");
}

static void the_longest_cooldown_does_not_overflow(void **state)
{
    (void)state;
    stage_t stage = {0};
    tr_breaker_init(&stage.breaker, 1, INT64_MAX, 1);
    play(&stage, "@5000 a=y a-! b=n O");
    assert_true(tr_breaker_hint_ms(&stage.breaker, 5000) == TR_NEVER - 5000);
}

static void with_the_same_numbers_it_goes_on(void **state)
{
    (void)state;
    stage_t stage = {0};
    tr_breaker_init(&stage.breaker, 2, 1000, 1);
    play(&stage, "a=y b=y c=y a-");
    tr_breaker_change(&stage.breaker, 2, 1000, 1);
    play(&stage, "b-! O");
    tr_breaker_change(&stage.breaker, 2, 1000, 1);
    play(&stage, "O d=n @1000 T e=p");
    tr_breaker_change(&stage.breaker, 2, 1000, 1);
    play(&stage, "f=n e+ C");
}

/* And what had passed before says nothing any more. */
static void with_others_it_begins_anew(void **state)
{
    (void)state;
    stage_t stage = {0};
    tr_breaker_init(&stage.breaker, 2, 1000, 1);
    play(&stage, "a=y b=y c=y a- b-! O @1000 d=p");
    tr_breaker_change(&stage.breaker, 1, 1000, 1);
    play(&stage, "C c- d- C e=y e-! O");
    tr_breaker_change(&stage.breaker, 1, 500, 1);
    play(&stage, "C f=y f-! O ?500");
    tr_breaker_change(&stage.breaker, 0, 500, 0);
    play(&stage, "C g=y h=y g- h- C");
    tr_breaker_change(&stage.breaker, 1, 500, 2);
    play(&stage, "g=y g-! O");
    tr_breaker_change(&stage.breaker, 1, 500, 1);
    play(&stage, "C");
}

/* Whatever else is invented: nothing but these says anything. */
static void only_what_workers_did_counts(void **state)
{
    (void)state;
    for (int i = 0; i < TROUPE_N_OUTCOMES; i++) {
        troupe_outcome_t outcome = (troupe_outcome_t)i;
        bool is_failure = outcome == TROUPE_OUTCOME_WORKER_ERROR ||
                          outcome == TROUPE_OUTCOME_WORKER_LOST ||
                          outcome == TROUPE_OUTCOME_TIMEOUT;
        assert_int_equal(tr_breaker_result(outcome, true), outcome == TROUPE_OUTCOME_OK
                                                               ? TR_RESULT_SUCCESS
                                                           : is_failure ? TR_RESULT_FAILURE
                                                                        : TR_RESULT_NEITHER);
    }
    assert_int_equal(tr_breaker_result(TROUPE_OUTCOME_TIMEOUT, false), TR_RESULT_NEITHER);
}

/* clang-format off */
#define STORY(title, story) \
    { .name = title, .test_func = story_holds, .initial_state = (char *)(story) }
#define OPENED "a=y b=y c=y d=y a- b- c-! "
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("a new one is closed and lets all pass", "C a=y b=y c=y d=y ?0"),
        STORY("some failures are no reason", "a=y a- b=y b- C c=y"),
        STORY("failures in a row open it", OPENED "O e=n"),
        STORY("a success between them does not",
              "a=y a- b=y b- c=y c+ d=y d- e=y e- C f=y f-!"),
        STORY("what says nothing does not break the row", "a=y a- b=y b- c=y c. d=y d-! O"),
        STORY("nor is it one of it", "a=y a. b=y b. c=y c. d=y d. C"),

        STORY("while it is open nothing passes", OPENED "@999 O e=n f=n"),
        STORY("the hint is the rest of the cooldown", OPENED "?1000 @1 ?999 @999 ?1"),
        STORY("the end of the cooldown shows before anybody asks", OPENED "@1000 T ?0"),
        STORY("after it the probes pass, and no more", OPENED "@1000 e=p f=p g=n h=n T"),
        STORY("when all succeed it closes", OPENED "@1000 e=p f=p e+ T g=n f+ C g=y h=y i=y"),
        STORY("one after the other is fine too", OPENED "@1000 e=p e+ T f=p g=n f+ C"),
        STORY("one failure opens it for another cooldown",
              OPENED "@1000 e=p f=p e+ @1500 f-! O ?1000 @2499 g=n @2500 g=p"),
        STORY("a probe that says nothing gives its place back",
              OPENED "@1000 e=p f=p g=n e. g=p h=n f. g. h=p h+ i=p j=n i+ C"),
        STORY("who waits for probes is told to wait twice as long each time",
              OPENED "@5000 e=p f=p ?1 @5001 ?1 @5002 ?2 @5004 ?4 @5999 ?999 @9000 ?1000"),
        STORY("a free place needs no wait", OPENED "@1000 e=p ?0 f=p @1010 ?10 f. ?0"),
        STORY("closed again it counts from zero", OPENED "@1000 e=p f=p e+ f+ g=y g- h=y h- C"
                                                         " i=y i-! O"),

        STORY("what was under way does not count while it is open",
              OPENED "d- O ?1000 @500 ?500"),
        STORY("not even its success", OPENED "d+ O e=n"),
        STORY("nor while it is trying",
              "a=y b=y c=y d=y e=y a- b- c-! @1000 f=p d- T e+ g=p h=n"
              " f+ T g+ C"),
        STORY("nor when it is closed again", OPENED "@1000 e=p f=p e+ f+ g=y h=y g- h- d- C"
                                                    " i=y d+ i-!"),
        STORY("a probe that ends late does not count in the next round",
              OPENED "@1000 e=p f=p e-! f- ?1000 @2000 g=p h=p i=n f+ T i=n g+ T h+ C"),
        STORY("nor does its failure end that", OPENED "@1000 e=p f=p e-! @2000 g=p f- T f. h=p"
                                                      " i=n g+ h+ C"),
        STORY("nor does it count when closed", OPENED "@1000 e=p f=p e-! @2000 g=p h=p g+ h+ C"
                                                      " i=y j=y i- j- f- C"),
        STORY("who did not pass says nothing",
              OPENED "e=n e- e- e- e+ @1000 f=p g=p h=n h- h+ T"),

        cmocka_unit_test(without_failures_it_never_opens),
        cmocka_unit_test(one_failure_and_one_probe_are_enough),
        cmocka_unit_test(without_a_cooldown_it_tries_at_once),
        cmocka_unit_test(the_longest_cooldown_does_not_overflow),
        cmocka_unit_test(with_the_same_numbers_it_goes_on),
        cmocka_unit_test(with_others_it_begins_anew),
        cmocka_unit_test(only_what_workers_did_counts),
    };
    return cmocka_run_group_tests_name("capabilities/breaker", tests, NULL, NULL) != 0;
}
