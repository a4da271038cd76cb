/* Workers that come by themselves. The test is the gateway that brings them and the router that
 * hears of them; they are stubs, some of which the pool has started itself.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/outcome.h>

#include "base/clock.h"
#include "supervisors/child_spec.h"
#include "supervisors/command.h"

#define PATIENCE_MS 10000

/* ---- the stub ---- */

static bool begin(tr_self_t *self, const void *arg)
{
    self->state = (void *)arg; /* only read */
    return true;
}

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    const tr_control_t *word = tr_control_in(letter);
    if (word && word->word == TR_WORD_RETIRE) {
        tr_control_say(self->parent, TR_WORD_RETIRE, self->incarnation);
    } else if (word) {
        tr_self_end(self, &word->reason);
    }
    tr_letter_destroy(&letter);
}

static void end(tr_self_t *self)
{
    (void)self;
}

static const tr_actor_class_t stub_class = {
    .kind = "stub", .begin = begin, .receive = receive, .end = end};

static troupe_status_t start_stub(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(&(tr_actor_setup_t){.class = &stub_class,
                                              .name = birth->name,
                                              .runtime = birth->runtime,
                                              .parent = birth->parent,
                                              .limits = {100, 100000},
                                              .arg = birth->what,
                                              .keepsake = birth->keepsake},
                          out);
}

/* ---- the scene ---- */

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_mailbox_t *router;
    tr_mailbox_t *gateway;
    tr_mailbox_t *boss;
    tr_child_spec_t own;
    tr_child_spec_t guests;
    tr_supervisor_spec_t spec;
    tr_supervisor_spec_t next; /* after a reload */
    tr_actor_t *pool;
    tr_mailbox_t *last_up; /* a share: of the worker that came up last */
    uint64_t last_token;
} scene_t;

static atomic_int n_offers; /* that somebody has a share of */

static void drop_offer(void *what)
{
    free(what);
    atomic_fetch_sub(&n_offers, 1);
}

static tr_mailbox_t *mailbox_called(const char *name)
{
    tr_mailbox_t *mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){1000, 1000000});
    assert_non_null(mailbox);
    return mailbox;
}

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->runtime = tr_runtime_new("test");
    assert_non_null(scene->runtime);
    scene->parent = mailbox_called("parent");
    scene->router = mailbox_called("router");
    scene->gateway = mailbox_called("gateway");
    scene->boss = mailbox_called("operator");
    assert_status(tr_directory_register(scene->runtime->directory, TR_NAMES_CAPABILITY, "cap",
                                        scene->router),
                  TROUPE_OK);
    scene->own = (tr_child_spec_t){
        .name = "cap",
        .kind = "worker",
        .restart = TR_RESTART_PERMANENT,
        .shutdown_ms = PATIENCE_MS,
        .backoff_min_ms = 1,
        .backoff_max_ms = 2,
        .own_restarts = -1,
        .health = {.interval_ms = 60000,
                   .misses = 1000,
                   .stall_ms = 60000,
                   .overrun_ms = 60000,
                   .start_stall_ms = 60000},
        .start = start_stub,
    };
    scene->guests = scene->own;
    scene->guests.restart = TR_RESTART_TEMPORARY;
    scene->guests.isolation = TR_ISOLATION_REMOTE;
    scene->spec = (tr_supervisor_spec_t){.name = "cap/pool",
                                         .strategy = TR_SIMPLE_ONE_FOR_ONE,
                                         .max_restarts = 10,
                                         .period_ms = 60000,
                                         .children = &scene->own,
                                         .n_children = 1,
                                         .capability = "cap",
                                         .guests = &scene->guests,
                                         .max_workers = 3,
                                         .parallel_starts = 1};
    *state = scene;
    return 0;
}

static void close_and_release(tr_mailbox_t **mailbox_p)
{
    tr_mailbox_close(*mailbox_p);
    tr_mailbox_release(mailbox_p);
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    if (scene->pool) {
        tr_actor_ask_to_stop(scene->pool, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        if (tr_actor_reap(&scene->pool, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    tr_mailbox_release(&scene->last_up);
    close_and_release(&scene->parent);
    close_and_release(&scene->router);
    close_and_release(&scene->gateway);
    close_and_release(&scene->boss);
    tr_runtime_release(&scene->runtime);
    free(scene);
    return atomic_load(&n_offers) == 0 ? 0 : -1;
}

static tr_letter_t *wait_for_next(tr_mailbox_t *mailbox)
{
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) == NULL) {
        int64_t left_ms = deadline_ms - tr_clock_now_ms();
        if (left_ms <= 0) {
            fail_msg("nothing came to the %s", tr_mailbox_name(mailbox));
        }
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            poll(&bell, 1, (int)left_ms);
            tr_mailbox_unpark(mailbox);
        }
    }
    return letter;
}

/* The next word to that mailbox is this one; what it says without shares. */
static tr_control_t hears(scene_t *scene, tr_mailbox_t *mailbox, tr_word_t want)
{
    tr_letter_t *letter = wait_for_next(mailbox);
    const tr_control_t *word = tr_control_in(letter);
    assert_non_null(word);
    assert_string_equal(tr_word_name(word->word), tr_word_name(want));
    if (want == TR_WORD_UP) {
        tr_mailbox_release(&scene->last_up);
        scene->last_up = tr_mailbox_share(word->mailbox);
    }
    tr_control_t told = *word;
    tr_letter_destroy(&letter);
    return told;
}

static void start(scene_t *scene, size_t min, size_t max)
{
    scene->spec.min_workers = min;
    scene->spec.max_workers = max;
    assert_status(tr_supervisor_start(&(tr_birth_t){.what = &scene->spec,
                                                    .name = scene->spec.name,
                                                    .runtime = scene->runtime,
                                                    .parent = scene->parent},
                                      &scene->pool),
                  TROUPE_OK);
    hears(scene, scene->router, TR_WORD_AVAILABLE);
    for (size_t i = 0; i < min; i++) {
        assert_int_equal(hears(scene, scene->router, TR_WORD_UP).number, 0);
    }
}

static void start_with_guests_only(scene_t *scene)
{
    scene->spec.children = &scene->guests;
    start(scene, 0, 3);
}

static void say(scene_t *scene, tr_word_t word, uint64_t incarnation, uint64_t number)
{
    tr_control_t *control = tr_control_new(word, incarnation);
    assert_non_null(control);
    control->number = number;
    tr_control_send(control, scene->pool->mailbox);
}

/* One knocks, that takes 7 requests at once. */
static void knocks(scene_t *scene, size_t token)
{
    tr_control_t *join = tr_control_new(TR_WORD_JOIN, 0);
    void *offer = malloc(1);
    assert_non_null(join);
    assert_non_null(offer);
    join->what = offer;
    join->keepsake = tr_keepsake_new(offer, drop_offer);
    assert_non_null(join->keepsake);
    atomic_fetch_add(&n_offers, 1);
    join->number = 7;
    join->depth = token;
    join->mailbox = tr_mailbox_share(scene->gateway);
    tr_control_send(join, scene->pool->mailbox);
}

static tr_control_t joins(scene_t *scene, const char *name)
{
    knocks(scene, 1);
    tr_control_t up = hears(scene, scene->router, TR_WORD_UP);
    assert_string_equal(up.name, name);
    assert_int_equal(up.number, 7);
    return up;
}

static void is_refused(scene_t *scene, size_t token, troupe_outcome_t outcome, const char *why)
{
    tr_control_t refusal = hears(scene, scene->gateway, TR_WORD_NOT_JOINED);
    assert_int_equal(refusal.number, token);
    assert_int_equal(refusal.depth, outcome);
    assert_string_equal(refusal.reason.text, why);
}

static uint64_t command(scene_t *scene, tr_command_t *command)
{
    assert_non_null(command);
    assert_status(tr_command_send(&command, scene->pool->mailbox), TROUPE_OK);
    return scene->last_token;
}

static tr_answer_t is_answered(scene_t *scene, tr_answer_code_t code)
{
    tr_letter_t *letter = wait_for_next(scene->boss);
    assert_non_null(tr_answer_in(letter));
    tr_answer_t answer = *tr_answer_in(letter);
    tr_letter_destroy(&letter);
    assert_string_equal(tr_answer_name(answer.code), tr_answer_name(code));
    return answer;
}

static void reload(scene_t *scene)
{
    tr_command_t *change = tr_command_new(TR_VERB_CHANGE, NULL, scene->boss, 1);
    assert_non_null(change);
    change->change = &scene->next;
    command(scene, change);
    is_answered(scene, TR_ANSWER_DONE);
}

static void goes(scene_t *scene, uint64_t incarnation)
{
    assert_int_equal(hears(scene, scene->router, TR_WORD_GOING).incarnation, incarnation);
    tr_control_t next = hears(scene, scene->router, TR_WORD_GOING);
    assert_int_equal(next.incarnation, incarnation); /* once it retires, once it stops */
    assert_int_equal(hears(scene, scene->router, TR_WORD_DOWN).incarnation, incarnation);
}

/* ---- stories ---- */

static void guests_join_up_to_the_most(void **state)
{
    scene_t *scene = *state;
    start_with_guests_only(scene);
    joins(scene, "cap/1");
    joins(scene, "cap/2");
    joins(scene, "cap/3");
    knocks(scene, 44);
    is_refused(scene, 44, TROUPE_OUTCOME_OVERLOADED, "cap has 3 workers, which is all it may");
}

static void one_that_ends_is_gone_and_its_number_free(void **state)
{
    scene_t *scene = *state;
    start_with_guests_only(scene);
    tr_control_t first = joins(scene, "cap/1");
    tr_control_t *word = tr_control_new(TR_WORD_STOP, 0);
    assert_non_null(word);
    word->reason = tr_reason_format(TROUPE_REASON_LOST, "its connection was lost");
    tr_control_send(word, scene->last_up);
    tr_control_t down = hears(scene, scene->router, TR_WORD_DOWN);
    assert_int_equal(down.incarnation, first.incarnation);
    assert_int_equal(down.reason.kind, TROUPE_REASON_LOST);
    joins(scene, "cap/1");
}

static void a_pool_of_guests_starts_none_itself(void **state)
{
    scene_t *scene = *state;
    start_with_guests_only(scene);
    say(scene, TR_WORD_GROW, 0, 2);
    tr_command_t *scale = tr_command_new(TR_VERB_SCALE, NULL, scene->boss, 1);
    assert_non_null(scale);
    scale->least = 2;
    scale->most = 2;
    command(scene, scale);
    is_answered(scene, TR_ANSWER_DONE);
    hears(scene, scene->router, TR_WORD_SIZE);
    joins(scene, "cap/1");
}

static void guests_do_not_count_as_those_that_are_to_be_there(void **state)
{
    scene_t *scene = *state;
    start(scene, 1, 3);
    joins(scene, "cap/2");
    say(scene, TR_WORD_GROW, 0, 1);
    tr_control_t grown = hears(scene, scene->router, TR_WORD_UP);
    assert_int_equal(grown.number, 0);
    say(scene, TR_WORD_SHRINK, grown.incarnation, 0);
    hears(scene, scene->router, TR_WORD_GOING);
    hears(scene, scene->router, TR_WORD_DOWN);
    tr_command_t *count = tr_command_new(TR_VERB_COUNT, NULL, scene->boss, 1);
    command(scene, count);
    assert_int_equal(is_answered(scene, TR_ANSWER_DONE).n_workers, 2);
}

static void one_that_retires_goes(void **state)
{
    scene_t *scene = *state;
    start_with_guests_only(scene);
    tr_control_t guest = joins(scene, "cap/1");
    tr_control_say(scene->last_up, TR_WORD_RETIRE, 0);
    goes(scene, guest.incarnation);
}

static void one_is_not_restarted_nor_rolled(void **state)
{
    scene_t *scene = *state;
    start_with_guests_only(scene);
    joins(scene, "cap/1");
    command(scene, tr_command_new(TR_VERB_REPLACE, "cap/1", scene->boss, 1));
    assert_non_null(strstr(is_answered(scene, TR_ANSWER_REFUSED).text, "only its own side"));
    command(scene, tr_command_new(TR_VERB_ROLL, NULL, scene->boss, 1));
    is_answered(scene, TR_ANSWER_DONE);
    joins(scene, "cap/2");
}

static void a_pool_that_takes_none_says_so(void **state)
{
    scene_t *scene = *state;
    scene->spec.guests = NULL;
    start(scene, 1, 3);
    knocks(scene, 5);
    is_refused(scene, 5, TROUPE_OUTCOME_NO_CAPABILITY, "cap takes no remote workers");
}

static void a_pool_that_rests_lets_them_go(void **state)
{
    scene_t *scene = *state;
    start_with_guests_only(scene);
    joins(scene, "cap/1");
    say(scene, TR_WORD_REST, 0, 1);
    hears(scene, scene->router, TR_WORD_GOING);
    hears(scene, scene->router, TR_WORD_DOWN);
    knocks(scene, 6);
    is_refused(scene, 6, TROUPE_OUTCOME_SHUTTING_DOWN, "cap is drained");
    say(scene, TR_WORD_REST, 0, 0);
    joins(scene, "cap/1");
}

static void they_go_when_the_pool_takes_none_any_more(void **state)
{
    scene_t *scene = *state;
    start(scene, 1, 3);
    tr_control_t guest = joins(scene, "cap/2");
    scene->next = scene->spec;
    scene->next.guests = NULL;
    reload(scene);
    goes(scene, guest.incarnation);
    knocks(scene, 5);
    is_refused(scene, 5, TROUPE_OUTCOME_NO_CAPABILITY, "cap takes no remote workers");
}

static void others_go_when_there_are_only_guests(void **state)
{
    scene_t *scene = *state;
    start(scene, 1, 3);
    scene->next = scene->spec;
    scene->next.children = &scene->guests;
    scene->next.min_workers = 0;
    reload(scene);
    hears(scene, scene->router, TR_WORD_SIZE);
    hears(scene, scene->router, TR_WORD_GOING);
    hears(scene, scene->router, TR_WORD_GOING);
    hears(scene, scene->router, TR_WORD_DOWN);
    joins(scene, "cap/1");
    scene->spec.guests = NULL; /* and back; nobody reads that one any more */
    tr_command_t *change = tr_command_new(TR_VERB_CHANGE, NULL, scene->boss, 1);
    assert_non_null(change);
    change->change = &scene->spec;
    command(scene, change);
    is_answered(scene, TR_ANSWER_DONE);
    hears(scene, scene->router, TR_WORD_SIZE);
    hears(scene, scene->router, TR_WORD_GOING);
    tr_letter_t *letter = wait_for_next(scene->router);
    while (tr_control_in(letter)->word != TR_WORD_UP) { /* that of the guest's end, perhaps */
        tr_letter_destroy(&letter);
        letter = wait_for_next(scene->router);
    }
    assert_int_equal(tr_control_in(letter)->number, 0);
    tr_letter_destroy(&letter);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(guests_join_up_to_the_most),
        STORY(one_that_ends_is_gone_and_its_number_free),
        STORY(a_pool_of_guests_starts_none_itself),
        STORY(guests_do_not_count_as_those_that_are_to_be_there),
        STORY(one_that_retires_goes),
        STORY(one_is_not_restarted_nor_rolled),
        STORY(a_pool_that_takes_none_says_so),
        STORY(a_pool_that_rests_lets_them_go),
        STORY(they_go_when_the_pool_takes_none_any_more),
        STORY(others_go_when_there_are_only_guests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
