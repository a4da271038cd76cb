/* What the agenda calls is the test, which notes the call and answers it when it likes. What
 * time it is the test says, too.
 */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "mailbox/reply.h"
#include "node/admin/agenda.h"

#define LIMITS ((tr_mailbox_limits_t){.letters = 1000, .bytes = 1 << 20})

typedef struct scene {
    tr_self_t admin;
    tr_agenda_t agenda;
    tr_envelope_t *calls[10]; /* shares, not answered yet */
    size_t n_calls;
    tr_subscription_t *subscription;
} scene_t;

static scene_t scene;

static void note_call(void *arg, tr_envelope_t *envelope)
{
    assert_ptr_equal(arg, &scene);
    assert_true(scene.n_calls < 10);
    scene.calls[scene.n_calls++] = envelope;
}

static int set_up(void **state)
{
    (void)state;
    scene = (scene_t){.admin = {.name = "troupe.admin"}};
    scene.admin.runtime = tr_runtime_new("test");
    scene.admin.mailbox = tr_mailbox_new("admin", 1, LIMITS);
    tr_agenda_init(&scene.agenda, &scene.admin, note_call, &scene);
    return scene.admin.mailbox &&
                   tr_events_subscribe(scene.admin.runtime->events, scene.admin.mailbox, 100,
                                       &scene.subscription) == TROUPE_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < scene.n_calls; i++) {
        tr_envelope_release(&scene.calls[i]);
    }
    tr_agenda_finish(&scene.agenda);
    tr_events_unsubscribe(scene.admin.runtime->events, &scene.subscription);
    tr_mailbox_close(scene.admin.mailbox);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene.admin.mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&scene.admin.mailbox);
    tr_runtime_release(&scene.admin.runtime);
    return 0;
}

static int64_t turn(int64_t now_ms)
{
    return tr_agenda_turn(&scene.agenda, (tr_moment_t){now_ms, 1000000});
}

/* The call is for this, and its frames, with a '|' before each, are these. */
static void assert_call(size_t i, const char *method, const char *frames)
{
    assert_true(i < scene.n_calls);
    const tr_envelope_t *call = scene.calls[i];
    char text[200] = "";
    for (size_t frame = 0; frame < troupe_message_count(call->message); frame++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "|%.*s",
                 (int)troupe_message_size(call->message, frame),
                 (const char *)troupe_message_data(call->message, frame));
    }
    assert_string_equal(call->method, method);
    assert_string_equal(text, frames);
}

/* The admin gets the answer, and tells of it; "" when nothing is told. */
static void answer(size_t i, troupe_outcome_t outcome, const char *why, const char *want)
{
    tr_envelope_answer(scene.calls[i], outcome, 0, "%s", why);
    tr_letter_t *letter = tr_mailbox_next(scene.admin.mailbox, NULL);
    assert_non_null(letter);
    assert_ptr_equal(letter->type, &tr_reply_type);
    tr_agenda_take(&scene.agenda, (troupe_reply_t *)letter);
    letter = tr_mailbox_next(scene.admin.mailbox, NULL);
    assert_int_equal(letter != NULL, *want != '\0');
    if (letter) {
        tr_event_t *event = tr_event_take(&letter);
        assert_string_equal(event->name, "scheduled");
        assert_non_null(memmem(event->bytes, event->size, want, strlen(want)));
        tr_event_release(&event);
    }
}

static void errands_come_again(void **state)
{
    (void)state;
    tr_config_errand_t errands[] = {
        {.every_ms = 100, .evict = "a", .min = -1, .max = -1},
        {.every_ms = 250, .scale = "b", .min = 2, .max = -1},
    };
    assert_status(tr_agenda_set(&scene.agenda, errands, 2, (tr_moment_t){0, 1000000}),
                  TROUPE_OK);
    assert_int_equal(turn(99), 100);
    assert_int_equal(scene.n_calls, 0);
    assert_int_equal(turn(100), 200);
    assert_int_equal(scene.n_calls, 1);
    assert_call(0, "evict", "|a");
    answer(0, TROUPE_OUTCOME_BAD_REQUEST, "no such thing", "no such thing");
    assert_int_equal(turn(200), 250);
    assert_int_equal(turn(250), 300);
    assert_int_equal(scene.n_calls, 3);
    assert_call(2, "scale", "|b|2..");
}

/* Else one that takes long would be begun again and again. */
static void one_that_is_under_way_is_not_begun_again(void **state)
{
    (void)state;
    tr_config_errand_t errand = {.every_ms = 100, .restart = "a", .min = -1, .max = -1};
    assert_status(tr_agenda_set(&scene.agenda, &errand, 1, (tr_moment_t){0, 1000000}),
                  TROUPE_OK);
    turn(100);
    turn(200);
    turn(300);
    assert_int_equal(scene.n_calls, 1);
    answer(0, TROUPE_OUTCOME_CANCELLED, "", "cancelled");
    assert_int_equal(turn(310), 400);
    assert_int_equal(scene.n_calls, 1); /* those times were missed */
    turn(400);
    assert_int_equal(scene.n_calls, 2);
}

static void another_file_brings_other_errands(void **state)
{
    (void)state;
    tr_config_errand_t before = {.every_ms = 100, .restart = "a", .min = -1, .max = -1};
    tr_config_errand_t after = {.every_ms = 100, .scale = "a", .min = -1, .max = 7};
    tr_later_t later = {.deed = TR_DEED_EVICT, .name = "c", .delay_ms = 250};
    assert_status(tr_agenda_set(&scene.agenda, &before, 1, (tr_moment_t){0, 1000000}),
                  TROUPE_OK);
    assert_status(tr_agenda_put_off(&scene.agenda, &later, (tr_moment_t){0, 1000000}),
                  TROUPE_OK);
    turn(100);
    assert_status(tr_agenda_set(&scene.agenda, &after, 1, (tr_moment_t){150, 1000000}),
                  TROUPE_OK);
    answer(0, TROUPE_OUTCOME_OVERLOADED, "busy", "overloaded"); /* it was under way */
    assert_int_equal(turn(200), 250);
    turn(250);
    assert_int_equal(scene.n_calls, 3);
    assert_call(0, "restart", "|a");
    assert_int_equal(scene.agenda.n_later, 1); /* it stays until it is answered */
    assert_true(strcmp(scene.calls[1]->method, "evict") == 0 ||
                strcmp(scene.calls[2]->method, "evict") == 0);
    assert_true(strcmp(scene.calls[1]->method, "scale") == 0 ||
                strcmp(scene.calls[2]->method, "scale") == 0);
    assert_status(tr_agenda_set(&scene.agenda, NULL, 0, (tr_moment_t){300, 1000000}),
                  TROUPE_OK);
    assert_int_equal(turn(1000), TR_NEVER);
    assert_int_equal(scene.n_calls, 3);
}

static void what_is_put_off_comes_once(void **state)
{
    (void)state;
    tr_later_t later = {.deed = TR_DEED_SCALE, .name = "a", .size = "1..4", .delay_ms = 50};
    assert_status(tr_agenda_put_off(&scene.agenda, &later, (tr_moment_t){100, 1000000}),
                  TROUPE_OK);
    assert_int_equal(turn(100), 150);
    assert_int_equal(turn(150), TR_NEVER);
    assert_call(0, "scale", "|a|1..4");
    assert_int_equal(turn(300), TR_NEVER);
    assert_int_equal(scene.n_calls, 1);
    answer(0, TROUPE_OUTCOME_SHUTTING_DOWN, "stopping", "stopping");
    assert_int_equal(scene.agenda.n_later, 0);
}

static void only_so_much_is_put_off(void **state)
{
    (void)state;
    tr_later_t later = {.deed = TR_DEED_EVICT, .name = "a", .delay_ms = 50};
    for (int i = 0; i < TR_AGENDA_MOST_LATER; i++) {
        assert_status(tr_agenda_put_off(&scene.agenda, &later, (tr_moment_t){0, 1000000}),
                      TROUPE_OK);
    }
    assert_status(tr_agenda_put_off(&scene.agenda, &later, (tr_moment_t){0, 1000000}),
                  TROUPE_LIMIT);
}

static void an_answer_to_nobody_is_let_go(void **state)
{
    (void)state;
    troupe_reply_t *reply = tr_reply_new(77, true, TROUPE_OUTCOME_OK, NULL, NULL);
    assert_non_null(reply);
    tr_agenda_take(&scene.agenda, reply);
    assert_null(tr_mailbox_next(scene.admin.mailbox, NULL));
}

/* clang-format off */
#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
/* clang-format on */

int main(void)
{
    tr_log_set_level(TR_LOG_OFF);
    const struct CMUnitTest tests[] = {
        STORY(errands_come_again),
        STORY(one_that_is_under_way_is_not_begun_again),
        STORY(another_file_brings_other_errands),
        STORY(what_is_put_off_comes_once),
        STORY(only_so_much_is_put_off),
        STORY(an_answer_to_nobody_is_let_go),
    };
    return cmocka_run_group_tests_name("node/agenda", tests, NULL, NULL) != 0;
}
