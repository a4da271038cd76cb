/* Whoever asked hears once, whoever has the question and whatever becomes of it. */

#include "tests/kit/check.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "mailbox/mail.h"
#include "mailbox/question.h"
#include "mailbox/ref.h"
#include "mailbox/reply.h"
#include "tests/kit/fault_point.h"

#define NOW_MS 1000

typedef struct scene {
    tr_mailbox_t *asker;
    tr_mailbox_t *asked;
    troupe_question_t *question; /* number 7, for 100 ms */
} scene_t;

static int set_up(void **state)
{
    static scene_t scene;
    tr_clock_hold(NOW_MS);
    const tr_mailbox_limits_t limits = {1, 10000};
    scene.asker = tr_mailbox_new("asker", 1, limits);
    scene.asked = tr_mailbox_new("asked", 2, limits);
    assert_non_null(scene.asker);
    assert_non_null(scene.asked);
    scene.question = tr_question_new(scene.asker, 7, NOW_MS + 100);
    assert_non_null(scene.question);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    assert_null(scene->question);
    assert_null(tr_mailbox_next(scene->asker, NULL));
    tr_mailbox_release(&scene->asker);
    tr_mailbox_release(&scene->asked);
    tr_clock_release();
    return 0;
}

static void asker_hears(scene_t *scene, troupe_outcome_t outcome, const char *text,
                        const char *payload)
{
    tr_lane_t lane;
    tr_letter_t *letter = tr_mailbox_next(scene->asker, &lane);
    assert_non_null(letter);
    assert_int_equal(lane, TR_LANE_USER);
    assert_ptr_equal(letter->type, &tr_reply_type);
    const troupe_reply_t *reply = (const troupe_reply_t *)letter;
    assert_int_equal(reply->id, 7);
    assert_true(troupe_reply_is_final(reply));
    assert_string_equal(troupe_outcome_name(troupe_reply_outcome(reply)),
                        troupe_outcome_name(outcome));
    assert_string_equal(troupe_reply_text(reply), text);
    const troupe_message_t *message = troupe_reply_message(reply);
    assert_int_equal(message ? troupe_message_bytes(message) : 0, strlen(payload));
    if (message) {
        assert_memory_equal(troupe_message_data(message, 0), payload, strlen(payload));
    }
    tr_letter_destroy(&letter);
}

static void is_answered_once(void **state)
{
    scene_t *scene = *state;
    assert_true(troupe_question_is_awaited(scene->question));
    troupe_message_t *answer = troupe_message_from_text("42");
    assert_true(tr_question_answer(scene->question, TROUPE_OUTCOME_OK, NULL, &answer));
    assert_null(answer);
    assert_false(troupe_question_is_awaited(scene->question));
    answer = troupe_message_from_text("43");
    assert_false(tr_question_answer(scene->question, TROUPE_OUTCOME_OK, NULL, &answer));
    assert_null(answer);
    asker_hears(scene, TROUPE_OUTCOME_OK, "", "42");
    tr_question_release(&scene->question);
}

static void let_go_of_is_lost(void **state)
{
    scene_t *scene = *state;
    troupe_question_t *share = tr_question_share(scene->question);
    tr_question_release(&share);
    assert_null(tr_mailbox_next(scene->asker, NULL)); /* somebody has it still */
    tr_question_release(&scene->question);
    asker_hears(scene, TROUPE_OUTCOME_WORKER_LOST,
                "whoever was asked has let go of the question without an answer", "");
}

static void who_waits_does_not_keep_it_from_being_lost(void **state)
{
    scene_t *scene = *state;
    troupe_question_t *waits = tr_question_attend(scene->question);
    tr_question_release(&scene->question);
    asker_hears(scene, TROUPE_OUTCOME_WORKER_LOST,
                "whoever was asked has let go of the question without an answer", "");
    assert_false(troupe_question_is_awaited(waits));
    tr_question_turn_away(&waits);
    assert_null(waits);
    tr_question_turn_away(&waits);
}

static void who_turns_away_hears_nothing(void **state)
{
    scene_t *scene = *state;
    troupe_question_t *waits = tr_question_attend(scene->question);
    assert_true(troupe_question_is_awaited(scene->question));
    tr_question_turn_away(&waits);
    assert_false(troupe_question_is_awaited(scene->question));
    tr_question_release(&scene->question);
}

static void it_is_told_who_let_go(void **state)
{
    scene_t *scene = *state;
    scene->question->whom = tr_ref_new("oracle", "", scene->asked, 0);
    assert_non_null(scene->question->whom);
    tr_question_release(&scene->question);
    asker_hears(scene, TROUPE_OUTCOME_WORKER_LOST,
                "oracle has let go of the question without an answer", "");
}

static void whoever_takes_it_answers(void **state)
{
    scene_t *scene = *state;
    troupe_message_t *answer = troupe_message_from_text("yes");
    troupe_question_answer(&scene->question, &answer);
    assert_null(scene->question);
    assert_null(answer);
    asker_hears(scene, TROUPE_OUTCOME_OK, "", "yes");
}

static void an_empty_answer_is_one(void **state)
{
    scene_t *scene = *state;
    troupe_message_t *nothing = NULL;
    troupe_question_answer(&scene->question, &nothing);
    asker_hears(scene, TROUPE_OUTCOME_OK, "", "");
}

static void whoever_takes_it_refuses(void **state)
{
    scene_t *scene = *state;
    troupe_question_refuse(&scene->question, "I will not");
    assert_null(scene->question);
    asker_hears(scene, TROUPE_OUTCOME_WORKER_ERROR, "I will not", "");
}

static void no_question_can_be_answered(void **state)
{
    scene_t *scene = *state;
    troupe_question_t *nothing = NULL;
    troupe_message_t *answer = troupe_message_from_text("42");
    troupe_question_answer(&nothing, &answer);
    assert_null(answer);
    troupe_question_refuse(&nothing, "no");
    assert_false(troupe_question_is_awaited(NULL));
    tr_question_forget(scene->question);
    tr_question_release(&scene->question);
}

static void is_awaited_until_its_time_is_over(void **state)
{
    scene_t *scene = *state;
    tr_clock_advance(99);
    assert_true(troupe_question_is_awaited(scene->question));
    tr_clock_advance(1);
    assert_false(troupe_question_is_awaited(scene->question));
    troupe_question_refuse(&scene->question, "late"); /* whoever asked knows better */
    asker_hears(scene, TROUPE_OUTCOME_WORKER_ERROR, "late", "");
}

static void a_message_says_how_long_its_sender_waits(void **state)
{
    scene_t *scene = *state;
    troupe_message_t *nothing = NULL;
    troupe_question_t *share = tr_question_share(scene->question);
    tr_mail_t *mail = tr_mail_new(&nothing, NULL, &share);
    assert_int_equal(troupe_message_remaining_ms(mail->message), 100);
    tr_clock_advance(99);
    assert_int_equal(troupe_message_remaining_ms(mail->message), 1);
    tr_clock_advance(10);
    assert_int_equal(troupe_message_remaining_ms(mail->message), 0);
    tr_letter_t *letter = &mail->letter;
    tr_letter_destroy(&letter);
    tr_question_forget(scene->question);
    tr_question_release(&scene->question);
}

static void forgotten_it_is_not_awaited(void **state)
{
    scene_t *scene = *state;
    tr_question_forget(scene->question);
    assert_false(troupe_question_is_awaited(scene->question));
    troupe_message_t *answer = troupe_message_from_text("42");
    troupe_question_answer(&scene->question, &answer);
    assert_null(answer); /* and nobody hears of it */
}

static void an_asker_that_is_gone_is_fine(void **state)
{
    scene_t *scene = *state;
    tr_mailbox_close(scene->asker);
    troupe_message_t *answer = troupe_message_from_text("42");
    troupe_question_answer(&scene->question, &answer);
    assert_null(answer);
}

static void the_answer_finds_room_in_a_full_mailbox(void **state)
{
    scene_t *scene = *state;
    troupe_question_t *other = tr_question_new(scene->asker, 7, TR_NEVER);
    assert_non_null(other);
    troupe_question_refuse(&other, "first");
    troupe_question_refuse(&scene->question, "second");
    asker_hears(scene, TROUPE_OUTCOME_WORKER_ERROR, "first", "");
    asker_hears(scene, TROUPE_OUTCOME_WORKER_ERROR, "second", "");
}

/* An answer that finds no memory is lost, and takes nothing with it: time runs out then. */
static void an_answer_without_memory_is_lost(void **state)
{
    scene_t *scene = *state;
    troupe_message_t *answer = troupe_message_from_text("42");
    tr_fault_arm(&tr_fault_memory, 0, 1);
    troupe_question_answer(&scene->question, &answer);
    assert_int_equal(tr_fault_memory.n_hits, 1);
    tr_fault_disarm(&tr_fault_memory);
    assert_null(answer);
    tr_fault_arm(&tr_fault_memory, 0, 1);
    assert_null(tr_question_new(scene->asker, 8, TR_NEVER));
    tr_fault_disarm(&tr_fault_memory);
}

/* ---- many at once ---- */

enum { N_RACES = 300, N_RACERS = 3 };

static pthread_barrier_t start_line;
static atomic_int n_won;

static void *race(void *arg)
{
    troupe_question_t *share = arg;
    pthread_barrier_wait(&start_line);
    troupe_message_t *answer = troupe_message_from_text("42");
    n_won += tr_question_answer(share, TROUPE_OUTCOME_OK, NULL, &answer);
    tr_question_release(&share);
    return NULL;
}

static void one_of_many_answers(void **state)
{
    scene_t *scene = *state;
    tr_question_forget(scene->question);
    tr_question_release(&scene->question);
    for (int i = 0; i < N_RACES; i++) {
        troupe_question_t *question = tr_question_new(scene->asker, 7, TR_NEVER);
        assert_non_null(question);
        n_won = 0;
        pthread_barrier_init(&start_line, NULL, N_RACERS);
        pthread_t racers[N_RACERS];
        for (int k = 0; k < N_RACERS; k++) {
            pthread_create(&racers[k], NULL, race, tr_question_share(question));
        }
        tr_question_release(&question);
        for (int k = 0; k < N_RACERS; k++) {
            pthread_join(racers[k], NULL);
        }
        pthread_barrier_destroy(&start_line);
        assert_int_equal(n_won, 1);
        asker_hears(scene, TROUPE_OUTCOME_OK, "", "42");
        assert_null(tr_mailbox_next(scene->asker, NULL));
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_answered_once),
        TEST(let_go_of_is_lost),
        TEST(who_waits_does_not_keep_it_from_being_lost),
        TEST(who_turns_away_hears_nothing),
        TEST(it_is_told_who_let_go),
        TEST(whoever_takes_it_answers),
        TEST(an_empty_answer_is_one),
        TEST(whoever_takes_it_refuses),
        TEST(no_question_can_be_answered),
        TEST(is_awaited_until_its_time_is_over),
        TEST(a_message_says_how_long_its_sender_waits),
        TEST(forgotten_it_is_not_awaited),
        TEST(an_asker_that_is_gone_is_fine),
        TEST(the_answer_finds_room_in_a_full_mailbox),
        TEST(an_answer_without_memory_is_lost),
        TEST(one_of_many_answers),
    };
    return cmocka_run_group_tests_name("mailbox/question", tests, NULL, NULL) != 0;
}
