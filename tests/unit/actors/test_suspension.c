/* A suspended actor lies still: what comes for it waits in its order and wakes nobody, and of
 * words all work. The test is its supervisor, and counts how often it turns. */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/actor.h>

#include "actors/inspection.h"
#include "actors/worker/worker.h"
#include "actors/worker/worker_state.h"
#include "base/clock.h"
#include "mailbox/mail.h"

#define PATIENCE_MS 10000
#define MANY        1000

static bool is_inline;

/* ---- the behaviour: notes the order, ticks, and asks itself nothing ---- */

static struct notes {
    atomic_int n_taken;
    atomic_int n_out_of_order;
    atomic_int n_ticks;
    atomic_int n_terminated;
} notes;

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)args;
    *state_p = &notes;
    uint64_t id;
    return troupe_timer_start(self, 1, 1, NULL, &id) == TROUPE_OK ? TROUPE_INIT_OK : -1;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)self;
    (void)state;
    if (troupe_message_kind(message) == TROUPE_MESSAGE_TICK) {
        notes.n_ticks++;
        return 0;
    }
    int number;
    memcpy(&number, troupe_message_data(message, 0), sizeof number);
    notes.n_out_of_order += number != notes.n_taken;
    notes.n_taken++;
    return 0;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    *state_p = NULL;
    notes.n_terminated++;
}

static troupe_message_t *show(troupe_worker_t *self, const void *state)
{
    (void)self;
    (void)state;
    return troupe_message_from_text("\x2a");
}

static const troupe_behaviour_t patient = {
    .name = "patient", .init = init, .receive = receive, .terminate = terminate, .state = show};
static const troupe_behaviour_t reserved = {
    .name = "reserved", .init = init, .receive = receive, .terminate = terminate};

/* ---- the scene ---- */

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_worker_plan_t plan;
    tr_actor_t *actor;
    troupe_ref_t *ref;
} scene_t;

static tr_letter_t *wait_for_next(tr_mailbox_t *mailbox)
{
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) == NULL) {
        int64_t left_ms = deadline_ms - tr_clock_now_ms();
        if (left_ms <= 0) {
            fail_msg("nothing came");
        }
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            poll(&bell, 1, (int)left_ms);
            tr_mailbox_unpark(mailbox);
        }
    }
    return letter;
}

static tr_control_t hears(scene_t *scene, tr_word_t want)
{
    tr_letter_t *letter = wait_for_next(scene->parent);
    assert_non_null(tr_control_in(letter));
    tr_control_t word = *tr_control_in(letter);
    tr_letter_destroy(&letter);
    assert_string_equal(tr_word_name(word.word), tr_word_name(want));
    return word;
}

static void start_life(scene_t *scene, const troupe_behaviour_t *behaviour, bool is_lasting)
{
    scene->plan = (tr_worker_plan_t){
        .behaviour = behaviour, .idle_after_ms = TR_NEVER, .is_lasting = is_lasting};
    tr_start_fn *start_worker = is_inline ? tr_inline_worker_start : tr_worker_start;
    assert_status(start_worker(&(tr_birth_t){.what = &scene->plan,
                                             .name = "patient",
                                             .runtime = scene->runtime,
                                             .parent = scene->parent},
                               &scene->actor),
                  TROUPE_OK);
    hears(scene, TR_WORD_STARTED);
    scene->ref = tr_directory_refer(scene->runtime->directory, tr_span_of("patient"));
    assert_non_null(scene->ref);
}

static void start(scene_t *scene, const troupe_behaviour_t *behaviour)
{
    start_life(scene, behaviour, true);
}

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    memset(&notes, 0, sizeof notes);
    scene->runtime = tr_runtime_new("test");
    scene->parent = tr_mailbox_new("parent", 1, (tr_mailbox_limits_t){100, 100000});
    assert_non_null(scene->runtime);
    assert_non_null(scene->parent);
    *state = scene;
    start(scene, &patient);
    return 0;
}

static void end(scene_t *scene)
{
    tr_actor_ask_to_stop(scene->actor, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    hears(scene, TR_WORD_ENDED);
    assert_status(tr_actor_reap(&scene->actor, PATIENCE_MS), TROUPE_OK);
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    if (scene->actor) {
        end(scene);
    }
    tr_mailbox_close(scene->parent);
    tr_mailbox_release(&scene->parent);
    troupe_ref_t *known = tr_directory_take_out(scene->runtime->directory, scene->ref);
    if (known) {
        tr_runtime_bury(scene->runtime, known, "the test is over");
    }
    troupe_ref_release(&scene->ref);
    tr_runtime_release(&scene->runtime);
    free(scene);
    return 0;
}

static void say(scene_t *scene, tr_word_t word, uint64_t number)
{
    tr_control_t *control = tr_control_new(word, scene->actor->incarnation);
    assert_non_null(control);
    control->number = number;
    control->mailbox = tr_mailbox_share(scene->parent);
    tr_control_send(control, scene->actor->mailbox);
}

static void heeds(scene_t *scene, tr_word_t word, uint64_t number)
{
    say(scene, word, number);
    assert_int_equal(hears(scene, TR_WORD_HEEDED).number, number);
}

static void answers_ping(scene_t *scene, uint64_t number)
{
    tr_control_t *ping = tr_control_new(TR_WORD_PING, scene->actor->incarnation);
    assert_non_null(ping);
    ping->number = number;
    tr_control_send(ping, scene->actor->mailbox);
    assert_int_equal(hears(scene, TR_WORD_PONG).number, number);
}

static void post_to(scene_t *scene, int number, tr_lane_t lane)
{
    troupe_message_t *message = troupe_message_from(&number, sizeof number);
    tr_mail_t *mail = tr_mail_new(&message, NULL, NULL);
    assert_non_null(mail);
    assert_status(tr_runtime_post(scene->runtime, scene->ref, lane, mail), TROUPE_OK);
}

static void takes(int n)
{
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    while (notes.n_taken < n && tr_clock_now_ms() < until_ms) {
        poll(NULL, 0, 1);
    }
    assert_int_equal(notes.n_taken, n);
}

static int state_of(const scene_t *scene)
{
    return atomic_load(&scene->actor->pulse->state);
}

/* ---- stories ---- */

static void what_comes_waits_in_its_order(void **state)
{
    scene_t *scene = *state;
    heeds(scene, TR_WORD_SUSPEND, 1);
    assert_int_equal(state_of(scene), TR_WORKER_PAUSED);
    for (int i = 0; i < MANY; i++) {
        post_to(scene, i, TR_LANE_USER);
    }
    answers_ping(scene, 7);
    assert_int_equal(notes.n_taken, 0);
    assert_int_equal(tr_mailbox_depth(scene->ref->mailbox), MANY);
    heeds(scene, TR_WORD_WAKE, 2);
    takes(MANY);
    assert_int_equal(notes.n_out_of_order, 0);
    post_to(scene, MANY, TR_LANE_USER);
    takes(MANY + 1);
}

static void urgent_messages_wait_too(void **state)
{
    scene_t *scene = *state;
    heeds(scene, TR_WORD_SUSPEND, 1);
    post_to(scene, 1, TR_LANE_USER);
    post_to(scene, 0, TR_LANE_URGENT);
    answers_ping(scene, 7);
    assert_int_equal(notes.n_taken, 0);
    heeds(scene, TR_WORD_WAKE, 2);
    takes(2);
    assert_int_equal(notes.n_out_of_order, 0);
}

/* It had a tick a millisecond. Time has to pass for that; pings tell when it has. */
static void ticks_wait(void **state)
{
    scene_t *scene = *state;
    heeds(scene, TR_WORD_SUSPEND, 1);
    int n_ticks = notes.n_ticks;
    int64_t until_ms = tr_clock_now_ms() + 20;
    uint64_t number = 0;
    while (tr_clock_now_ms() < until_ms) {
        answers_ping(scene, ++number);
    }
    assert_int_equal(notes.n_ticks, n_ticks);
    int64_t woken_ms = tr_clock_now_ms();
    heeds(scene, TR_WORD_WAKE, 2);
    while (notes.n_ticks == n_ticks && tr_clock_now_ms() < woken_ms + PATIENCE_MS) {
        answers_ping(scene, ++number);
    }
    int n_since = notes.n_ticks - n_ticks;
    int64_t took_ms = tr_clock_now_ms() - woken_ms;
    assert_in_range(n_since, 1, took_ms + 2); /* those that it missed are one */
}

/* The bell rings at what it minds: whoever posts messages does not even look at it. */
static void what_waits_wakes_nobody(void **state)
{
    scene_t *scene = *state;
    heeds(scene, TR_WORD_SUSPEND, 1);
    answers_ping(scene, 1);
    struct pollfd bell = {.fd = tr_mailbox_bell(scene->ref->mailbox), .events = POLLIN};
    for (int i = 0; i < MANY; i++) {
        post_to(scene, i, TR_LANE_USER);
        assert_int_equal(poll(&bell, 1, 0), 0);
    }
}

static void twice_is_once(void **state)
{
    scene_t *scene = *state;
    heeds(scene, TR_WORD_WAKE, 1);
    heeds(scene, TR_WORD_SUSPEND, 2);
    heeds(scene, TR_WORD_SUSPEND, 3);
    post_to(scene, 0, TR_LANE_USER);
    heeds(scene, TR_WORD_WAKE, 4);
    takes(1);
}

static void it_can_be_stopped_and_what_waits_is_for_its_next_life(void **state)
{
    scene_t *scene = *state;
    heeds(scene, TR_WORD_SUSPEND, 1);
    for (int i = 0; i < 3; i++) {
        post_to(scene, i, TR_LANE_USER);
    }
    end(scene);
    assert_int_equal(notes.n_terminated, 1);
    assert_int_equal(notes.n_taken, 0);
    troupe_ref_release(&scene->ref);
    start(scene, &patient); /* and it is not suspended */
    takes(3);
    assert_int_equal(notes.n_out_of_order, 0);
}

/* Nobody will have what waits for it. */
static void one_that_does_not_come_back_can_be_stopped_too(void **state)
{
    scene_t *scene = *state;
    end(scene);
    troupe_ref_t *known = tr_directory_take_out(scene->runtime->directory, scene->ref);
    tr_runtime_bury(scene->runtime, known, "it does not come back");
    troupe_ref_release(&scene->ref);
    start_life(scene, &patient, false);
    heeds(scene, TR_WORD_SUSPEND, 1);
    for (int i = 0; i < 3; i++) {
        post_to(scene, i, TR_LANE_USER);
    }
    end(scene);
    assert_int_equal(notes.n_taken, 0);
    assert_int_equal(tr_metric_value(scene->runtime->dead_letters), 3);
}

static void a_word_for_an_earlier_life_is_not_heeded(void **state)
{
    scene_t *scene = *state;
    scene->actor->incarnation--;
    say(scene, TR_WORD_SUSPEND, 1);
    scene->actor->incarnation++;
    answers_ping(scene, 1);
    assert_int_not_equal(state_of(scene), TR_WORKER_PAUSED);
}

static tr_letter_t *inspected(scene_t *scene, uint64_t token)
{
    say(scene, TR_WORD_INSPECT, token);
    tr_letter_t *letter = wait_for_next(scene->parent);
    assert_non_null(tr_inspection_in(letter));
    assert_int_equal(tr_inspection_in(letter)->token, token);
    return letter;
}

static void it_can_be_looked_into(void **state)
{
    scene_t *scene = *state;
    heeds(scene, TR_WORD_SUSPEND, 1);
    post_to(scene, 0, TR_LANE_USER);
    tr_letter_t *letter = inspected(scene, 5);
    const tr_inspection_t *inspection = tr_inspection_in(letter);
    assert_true(inspection->is_suspended);
    assert_int_equal(inspection->n_waiting, 1);
    assert_int_equal(inspection->n_timers, 1);
    assert_int_equal(inspection->n_asks + inspection->n_monitors + inspection->n_calls, 0);
    assert_string_equal(inspection->behaviour, "patient");
    assert_non_null(inspection->state);
    assert_memory_equal(troupe_message_data(inspection->state, 0), "\x2a", 1);
    tr_letter_destroy(&letter);
    assert_int_equal(state_of(scene), TR_WORKER_PAUSED);
    assert_int_equal(notes.n_taken, 0);
}

static void what_has_no_callback_says_so(void **state)
{
    scene_t *scene = *state;
    end(scene);
    troupe_ref_release(&scene->ref);
    start(scene, &reserved);
    tr_letter_t *letter = inspected(scene, 6);
    assert_null(tr_inspection_in(letter)->state);
    assert_non_null(strstr(tr_inspection_in(letter)->remark, "no callback"));
    tr_letter_destroy(&letter);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(what_comes_waits_in_its_order),
        story(urgent_messages_wait_too),
        story(ticks_wait),
        story(what_waits_wakes_nobody),
        story(twice_is_once),
        story(it_can_be_stopped_and_what_waits_is_for_its_next_life),
        story(one_that_does_not_come_back_can_be_stopped_too),
        story(a_word_for_an_earlier_life_is_not_heeded),
        story(it_can_be_looked_into),
        story(what_has_no_callback_says_so),
    };
    int n_failed = cmocka_run_group_tests_name("actors/suspension", tests, NULL, NULL);
    is_inline = true;
    return n_failed + cmocka_run_group_tests_name("inline", tests, NULL, NULL) != 0;
}
