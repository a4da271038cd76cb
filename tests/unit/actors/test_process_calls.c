/* What a process has asked of others, and does not read. The process, and the way to it, are
 * played here. */

#include "tests/kit/check.h"

#include <string.h>

#include "actors/process/dialogue.h"
#include "base/log.h"

static troupe_status_t way; /* what becomes of all that is sent */
static size_t n_sent;

troupe_status_t __wrap_tr_child_link_send(tr_child_link_t *link, const tr_trp1_t *command,
                                          const troupe_message_t *message);

troupe_status_t __wrap_tr_child_link_send(tr_child_link_t *link, const tr_trp1_t *command,
                                          const troupe_message_t *message)
{
    (void)link;
    (void)command;
    (void)message;
    n_sent += way == TROUPE_OK;
    return way;
}

typedef struct scene {
    tr_self_t self;
    tr_process_worker_t worker;
} scene_t;

static int set_up(void **state)
{
    static scene_t scene;
    tr_log_set_level(TR_LOG_OFF);
    scene = (scene_t){.worker = {.kill_at_ms = TR_NEVER}};
    scene.self.runtime = tr_runtime_new("studio");
    scene.worker.self = &scene.self;
    tr_process_init(&scene.worker.process);
    tr_errands_init(&scene.worker.errands, &scene.self);
    n_sent = 0;
    *state = &scene;
    return scene.self.runtime ? 0 : -1;
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    tr_dialogue_forget_unsaid(&scene->worker);
    tr_errands_finish(&scene->worker.errands);
    tr_runtime_release(&scene->self.runtime);
    return 0;
}

static void refuse(tr_process_worker_t *worker, uint64_t id)
{
    tr_dialogue_refuse_call(worker, id, TROUPE_OUTCOME_TIMEOUT, "no time was left for it");
}

static void answers_wait_until_it_reads(void **state)
{
    scene_t *scene = *state;
    way = TROUPE_FULL;
    for (uint64_t id = 1; id <= 1000; id++) {
        refuse(&scene->worker, id);
    }
    assert_int_equal(n_sent, 0);
    way = TROUPE_OK;
    tr_dialogue_say_unsaid(&scene->worker);
    assert_int_equal(n_sent, 1000);
    assert_false(scene->worker.has_verdict);
}

static void one_that_never_reads_is_given_up(void **state)
{
    scene_t *scene = *state;
    way = TROUPE_FULL;
    for (uint64_t id = 1; id <= TR_DIALOGUE_MOST_UNSAID; id++) {
        refuse(&scene->worker, id);
    }
    assert_false(scene->worker.has_verdict);
    refuse(&scene->worker, 1);
    assert_true(scene->worker.has_verdict && scene->worker.is_deaf);
    assert_string_equal(scene->worker.verdict.text, "it does not read what it has asked for");
    way = TROUPE_OK;
    tr_dialogue_say_unsaid(&scene->worker);
    assert_int_equal(n_sent, TR_DIALOGUE_MOST_UNSAID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_wait_until_it_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_never_reads_is_given_up, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("actors/process_calls", tests, NULL, NULL) != 0;
}
