/* Whoever lets go of a job or a batch last, what it was made of is let go of too. */

#include "tests/kit/check.h"

#include <pthread.h>

#include "base/clock.h"
#include "mailbox/job.h"
#include "mailbox/reply.h"

typedef struct world {
    tr_mailbox_t *caller;
    tr_mailbox_t *router;
    tr_envelope_t *envelope;
} world_t;

static int begin(void **state)
{
    static world_t world;
    troupe_message_t *message = troupe_message_from_text("do it");
    world.caller = tr_mailbox_new("caller", 1, (tr_mailbox_limits_t){3, 100000});
    world.router = tr_mailbox_new("router", 2, (tr_mailbox_limits_t){100, 100000});
    world.envelope = tr_envelope_new(7, world.caller,
                                     &(tr_header_t){.capability = tr_span_of("cap")}, &message);
    world.envelope->deadline_ms = 1234;
    *state = &world;
    return 0;
}

/* Nobody holds anything but the world itself. */
static int end(void **state)
{
    world_t *world = *state;
    int status = atomic_load(&world->envelope->holders) == 1 ? 0 : -1;
    tr_envelope_release(&world->envelope);
    tr_mailbox_close(world->caller);
    tr_mailbox_release(&world->caller);
    tr_mailbox_close(world->router);
    tr_mailbox_release(&world->router);
    return status;
}

static tr_job_t *job_of(world_t *world, uint64_t number)
{
    tr_job_t *job = tr_job_new(world->envelope, world->router, number);
    assert_non_null(job);
    return job;
}

static void a_new_job_is_for_somebody_and_with_nobody(void **state)
{
    world_t *world = *state;
    tr_job_t *job = job_of(world, 42);
    assert_ptr_equal(job->envelope, world->envelope);
    assert_ptr_equal(job->router, world->router);
    assert_ptr_equal(job->head, job);
    assert_int_equal(job->number, 42);
    assert_int_equal(atomic_load(&job->deadline_ms), 1234);
    assert_int_equal(atomic_load(&job->cancelled_ms), 0);
    assert_int_equal(job->letter.bytes, world->envelope->letter.bytes);
    assert_null(job->member);
    assert_null(job->lead);
    assert_int_equal(atomic_load(&world->envelope->holders), 2);
    tr_job_t *share = tr_job_share(job);
    tr_job_release(&job);
    assert_null(job);
    assert_int_equal(atomic_load(&world->envelope->holders), 2);
    tr_job_release(&share);
    tr_job_release(&share); /* nothing is fine */
}

static void an_undelivered_one_is_only_let_go_of(void **state)
{
    world_t *world = *state;
    tr_job_t *job = job_of(world, 1);
    tr_letter_t *letter = &tr_job_share(job)->letter;
    assert_ptr_equal(tr_job_in(letter), job);
    assert_null(tr_batch_in(letter));
    assert_status(tr_mailbox_post(world->router, TR_LANE_USER, &letter), TROUPE_OK);
    letter = tr_mailbox_next(world->router, NULL);
    tr_letter_destroy(&letter);
    assert_int_equal(atomic_load(&job->holders), 1);
    assert_false(atomic_load(&world->envelope->is_answered));
    tr_job_release(&job);
}

static void *write_a_part_too_much(void *arg)
{
    tr_job_t *job = arg;
    while (atomic_load(&job->cancelled_ms) == 0) {
        tr_flow_wait(&job->envelope->flow, &job->spent, 50);
    }
    return NULL;
}

static void a_cancel_is_flagged_and_wakes_the_writer(void **state)
{
    world_t *world = *state;
    tr_job_t *job = job_of(world, 1);
    job->spent.n_parts = TR_FLOW_PARTS;
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_a_part_too_much, job), 0);
    tr_job_flag_cancelled(job, 5555);
    pthread_join(writer, NULL);
    assert_int_equal(atomic_load(&job->cancelled_ms), 5555);
    tr_job_release(&job);
}

static void a_batch_is_a_letter_with_jobs_in_it(void **state)
{
    world_t *world = *state;
    tr_batch_t *batch = tr_batch_new(3);
    assert_non_null(batch);
    size_t bytes = batch->letter.bytes;
    tr_job_t *jobs[3];
    for (size_t i = 0; i < 3; i++) {
        jobs[i] = job_of(world, i + 1);
        tr_batch_add(batch, tr_job_share(jobs[i]));
        bytes += jobs[i]->letter.bytes;
    }
    assert_int_equal(batch->n_jobs, 3);
    assert_int_equal(batch->letter.bytes, bytes); /* it counts for all that is in it */
    assert_ptr_equal(tr_batch_in(&batch->letter), batch);
    assert_null(tr_job_in(&batch->letter));

    tr_job_release(&batch->jobs[1]); /* taken out */
    tr_letter_t *letter = &batch->letter;
    tr_letter_destroy(&letter);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(atomic_load(&jobs[i]->holders), 1);
        tr_job_release(&jobs[i]);
    }
    batch = NULL;
    tr_batch_destroy(&batch);
}

static void other_letters_are_neither(void **state)
{
    (void)state;
    troupe_reply_t *reply = tr_reply_new(1, true, TROUPE_OUTCOME_OK, NULL, NULL);
    assert_non_null(reply);
    assert_null(tr_job_in(&reply->letter));
    assert_null(tr_batch_in(&reply->letter));
    troupe_reply_destroy(&reply);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_new_job_is_for_somebody_and_with_nobody),
        STORY(an_undelivered_one_is_only_let_go_of),
        STORY(a_cancel_is_flagged_and_wakes_the_writer),
        STORY(a_batch_is_a_letter_with_jobs_in_it),
        STORY(other_letters_are_neither),
    };
    return cmocka_run_group_tests_name("mailbox/job", tests, NULL, NULL) != 0;
}
