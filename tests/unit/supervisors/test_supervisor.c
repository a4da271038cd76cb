/* A supervisor keeps what it promises when its children begin and end in exactly the order that
 * its strategy names. So the children here are stubs that tell the test of each birth and end,
 * into the same mailbox in which the supervisor tells its own; what the mailbox hears, in
 * order, is the story: "(a" a is being born, "+a" it is, "-a" it has ended, "*" the supervisor
 * is up,
 * "!" it has ended. */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisors/child_spec.h"

#define PATIENCE_MS 10000
#define BIRTH_US    2000 /* long enough for a sibling that does not wait to show */
#define N_CHILDREN  3

/* ---- the stub ---- */

typedef struct stub {
    tr_mailbox_t *test;
    bool is_unborn; /* its begin fails */
} stub_t;

static void say(const stub_t *stub, char sign, const tr_self_t *self)
{
    tr_control_t *note = tr_control_new(TR_WORD_UP, 0);
    if (note) {
        snprintf(note->name, sizeof note->name, "%c%s", sign, self->name);
        note->mailbox = tr_mailbox_share(self->mailbox);
        tr_control_send(note, stub->test);
    }
}

static bool begin(tr_self_t *self, const void *arg)
{
    const stub_t *stub = arg;
    say(stub, '(', self);
    usleep(BIRTH_US);
    if (stub->is_unborn) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "no bed");
        return false;
    }
    self->state = (void *)stub; /* only read */
    say(stub, '+', self);
    return true;
}

/* Any word but ping and stop: end for its reason. */
static void receive(tr_self_t *self, tr_letter_t *letter)
{
    tr_self_end(self, &tr_control_in(letter)->reason);
    tr_letter_destroy(&letter);
}

static void end(tr_self_t *self)
{
    if (self->state) {
        usleep(BIRTH_US);
        say(self->state, '-', self);
    }
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
                                              .arg = birth->what},
                          out);
}

/* ---- the scene ---- */

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *mailbox; /* of the test: hears everything */
    stub_t stubs[N_CHILDREN];
    tr_child_spec_t children[N_CHILDREN]; /* a, b, c */
    tr_supervisor_spec_t spec;
    tr_actor_t *supervisor;
    tr_mailbox_t *doors[N_CHILDREN]; /* of each child's last life */
    tr_reason_t reason;              /* why the supervisor ended */
} scene_t;

static int set_up(void **state)
{
    static const char *const names[N_CHILDREN] = {"a", "b", "c"};
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->runtime = tr_runtime_new("test");
    scene->mailbox = tr_mailbox_new("test", 1, (tr_mailbox_limits_t){100, 100000});
    assert_non_null(scene->runtime);
    assert_non_null(scene->mailbox);
    for (size_t i = 0; i < N_CHILDREN; i++) {
        scene->stubs[i].test = scene->mailbox;
        scene->children[i] = (tr_child_spec_t){
            .name = names[i],
            .kind = "stub",
            .restart = TR_RESTART_PERMANENT,
            .shutdown_ms = PATIENCE_MS,
            .backoff_min_ms = 1,
            .backoff_max_ms = 2,
            .own_restarts = -1,
            .health = {60000, 3, 60000, 60000, 60000, 0, 0},
            .start = start_stub,
            .what = &scene->stubs[i],
        };
    }
    scene->spec = (tr_supervisor_spec_t){.name = "top",
                                         .max_restarts = 10,
                                         .period_ms = 60000,
                                         .children = scene->children,
                                         .n_children = N_CHILDREN};
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    if (scene->supervisor) { /* the test has failed */
        tr_actor_ask_to_stop(scene->supervisor, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        if (tr_actor_reap(&scene->supervisor, PATIENCE_MS) != TROUPE_OK) {
            return -1;
        }
    }
    for (size_t i = 0; i < N_CHILDREN; i++) {
        tr_mailbox_release(&scene->doors[i]);
    }
    tr_mailbox_close(scene->mailbox);
    tr_mailbox_release(&scene->mailbox);
    tr_runtime_release(&scene->runtime);
    free(scene);
    return 0;
}

/* The next letter, waiting on the bell; NULL when none comes in time. */
static tr_letter_t *wait_for_next(tr_mailbox_t *mailbox)
{
    int64_t deadline_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(mailbox, NULL)) == NULL) {
        int64_t left_ms = deadline_ms - tr_clock_now_ms();
        if (left_ms <= 0) {
            return NULL;
        }
        if (tr_mailbox_park(mailbox)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
            poll(&bell, 1, (int)left_ms);
            tr_mailbox_unpark(mailbox);
        }
    }
    return letter;
}

/* What is heard next is exactly this. */
static void hears(scene_t *scene, const char *story)
{
    char heard[200] = "";
    while (strlen(heard) < strlen(story)) {
        tr_letter_t *letter = wait_for_next(scene->mailbox);
        if (!letter) {
            fail_msg("heard \"%s\" and then nothing, not \"%s\"", heard, story);
        }
        const tr_control_t *word = tr_control_in(letter);
        const char *sign = word->word == TR_WORD_STARTED ? "*"
                           : word->word == TR_WORD_ENDED ? "!"
                                                         : word->name;
        size_t size = strlen(heard);
        snprintf(heard + size, sizeof heard - size, "%s%s", size ? " " : "", sign);
        if (sign[0] == '!') {
            scene->reason = word->reason;
        } else if (sign[0] == '+') {
            tr_mailbox_t **door = &scene->doors[sign[1] - 'a'];
            tr_mailbox_release(door);
            *door = tr_mailbox_share(word->mailbox);
        }
        tr_letter_destroy(&letter);
    }
    assert_string_equal(heard, story);
}

static void start(scene_t *scene, tr_strategy_t strategy)
{
    scene->spec.strategy = strategy;
    assert_status(tr_supervisor_start(&(tr_birth_t){.what = &scene->spec,
                                                    .name = scene->spec.name,
                                                    .runtime = scene->runtime,
                                                    .parent = scene->mailbox},
                                      &scene->supervisor),
                  TROUPE_OK);
}

static void starts_well(scene_t *scene, tr_strategy_t strategy)
{
    start(scene, strategy);
    hears(scene, "(a +a (b +b (c +c *");
}

static void end_child(scene_t *scene, char name, troupe_reason_kind_t kind, const char *text)
{
    tr_control_t *word = tr_control_new(TR_WORD_DRAIN, 0);
    assert_non_null(word);
    word->reason = tr_reason_format(kind, "%s", text);
    tr_control_send(word, scene->doors[name - 'a']);
}

/* The supervisor has said that it ended, for this reason, and there is nothing after it. */
static void ended_as(scene_t *scene, troupe_reason_kind_t kind, const char *text)
{
    assert_string_equal(tr_reason_name(scene->reason.kind), tr_reason_name(kind));
    assert_string_equal(scene->reason.text, text);
    assert_status(tr_actor_reap(&scene->supervisor, PATIENCE_MS), TROUPE_OK);
    assert_null(tr_mailbox_next(scene->mailbox, NULL));
}

static void stops_so(scene_t *scene, const char *story)
{
    tr_actor_ask_to_stop(scene->supervisor, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    hears(scene, story);
    ended_as(scene, TROUPE_REASON_SHUTDOWN, "");
}

/* ---- stories ---- */

static void children_start_in_order_and_stop_in_reverse(void **state)
{
    scene_t *scene = *state;
    starts_well(scene, TR_ONE_FOR_ONE);
    stops_so(scene, "-c -b -a !");
}

static void one_for_one_restarts_the_one(void **state)
{
    scene_t *scene = *state;
    starts_well(scene, TR_ONE_FOR_ONE);
    end_child(scene, 'b', TROUPE_REASON_FAILED, "told to");
    hears(scene, "-b (b +b");
    end_child(scene, 'a', TROUPE_REASON_NORMAL, ""); /* permanent: however it ends */
    hears(scene, "-a (a +a");
    stops_so(scene, "-c -b -a !");
}

static void one_for_all_restarts_all(void **state)
{
    scene_t *scene = *state;
    starts_well(scene, TR_ONE_FOR_ALL);
    end_child(scene, 'b', TROUPE_REASON_FAILED, "told to");
    hears(scene, "-b -c -a (a +a (b +b (c +c");
    stops_so(scene, "-c -b -a !");
}

static void rest_for_one_restarts_it_and_those_after_it(void **state)
{
    scene_t *scene = *state;
    starts_well(scene, TR_REST_FOR_ONE);
    end_child(scene, 'b', TROUPE_REASON_FAILED, "told to");
    hears(scene, "-b -c (b +b (c +c");
    end_child(scene, 'c', TROUPE_REASON_FAILED, "told to");
    hears(scene, "-c (c +c");
    stops_so(scene, "-c -b -a !");
}

static void a_first_start_that_fails_is_rolled_back(void **state)
{
    scene_t *scene = *state;
    scene->stubs[2].is_unborn = true;
    start(scene, TR_ONE_FOR_ONE);
    hears(scene, "(a +a (b +b (c -b -a !");
    ended_as(scene, TROUPE_REASON_FAILED, "c did not start: failed: no bed");
}

static void too_many_restarts_end_it_with_the_cause(void **state)
{
    scene_t *scene = *state;
    scene->spec.max_restarts = 1;
    starts_well(scene, TR_ONE_FOR_ONE);
    end_child(scene, 'a', TROUPE_REASON_FAILED, "once");
    hears(scene, "-a (a +a");
    end_child(scene, 'b', TROUPE_REASON_FAILED, "once too often");
    hears(scene, "-b -c -a !");
    ended_as(scene, TROUPE_REASON_FAILED, "b failed too often: failed: once too often");
}

static void a_temporary_child_is_not_restarted(void **state)
{
    scene_t *scene = *state;
    scene->children[1].restart = TR_RESTART_TEMPORARY;
    starts_well(scene, TR_ONE_FOR_ONE);
    end_child(scene, 'b', TROUPE_REASON_FAILED, "told to");
    hears(scene, "-b");
    end_child(scene, 'c', TROUPE_REASON_FAILED, "told to");
    hears(scene, "-c (c +c"); /* and not b, which fell before */
    stops_so(scene, "-c -a !");
}

static void a_transient_child_is_restarted_after_an_abnormal_end(void **state)
{
    scene_t *scene = *state;
    scene->children[1].restart = TR_RESTART_TRANSIENT;
    starts_well(scene, TR_ONE_FOR_ONE);
    end_child(scene, 'b', TROUPE_REASON_FAILED, "told to");
    hears(scene, "-b (b +b");
    end_child(scene, 'b', TROUPE_REASON_NORMAL, "");
    hears(scene, "-b");
    end_child(scene, 'c', TROUPE_REASON_FAILED, "told to");
    hears(scene, "-c (c +c");
    stops_so(scene, "-c -a !");
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(children_start_in_order_and_stop_in_reverse),
        story(one_for_one_restarts_the_one),
        story(one_for_all_restarts_all),
        story(rest_for_one_restarts_it_and_those_after_it),
        story(a_first_start_that_fails_is_rolled_back),
        story(too_many_restarts_end_it_with_the_cause),
        story(a_temporary_child_is_not_restarted),
        story(a_transient_child_is_restarted_after_an_abnormal_end),
    };
    return cmocka_run_group_tests_name("supervisors/supervisor", tests, NULL, NULL) != 0;
}
