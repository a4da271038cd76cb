/* Real processes, which take memory, say so by a pipe, and wait until they are killed. */

#include "tests/kit/check.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/process/family.h"

#define MIB         ((int64_t)1 << 20)
#define PATIENCE_MS 20000
#define LIST_MS     5000 /* after so long they are looked up anew */

typedef struct scene {
    int said[2]; /* a byte for each process that is as large as it was to be */
    pid_t group; /* of all that are started; 0: none is */
} scene_t;

static int set_up(void **state)
{
    scene_t *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    assert_int_equal(pipe(scene->said), 0);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    if (scene->group > 0) {
        kill(-scene->group, SIGKILL);
        while (waitpid(-scene->group, NULL, 0) > 0) {
        }
    }
    close(scene->said[0]);
    close(scene->said[1]);
    free(scene);
    return 0;
}

static void say(const scene_t *scene)
{
    if (write(scene->said[1], "x", 1) != 1) {
        _exit(1);
    }
}

static void wait_for(const scene_t *scene, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char byte;
        struct pollfd said = {.fd = scene->said[0], .events = POLLIN};
        assert_int_equal(poll(&said, 1, PATIENCE_MS), 1);
        assert_int_equal(read(scene->said[0], &byte, 1), 1);
    }
}

_Noreturn static void be_large(const scene_t *scene, int64_t bytes)
{
    void *memory =
        mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        _exit(1);
    }
    memset(memory, 1, (size_t)bytes);
    say(scene);
    for (;;) {
        pause();
    }
}

/* The leader of the group, which is to have `n_children` of so many bytes each, and each of
 * these a child of `below` bytes, if any. */
static pid_t start_family(scene_t *scene, size_t n_children, int64_t bytes, int64_t below)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setpgid(0, 0);
        for (size_t i = 0; i < n_children; i++) {
            if (fork() == 0) {
                if (below > 0 && fork() == 0) {
                    be_large(scene, below);
                }
                be_large(scene, bytes);
            }
        }
        be_large(scene, 4096);
    }
    setpgid(pid, pid);
    scene->group = pid;
    wait_for(scene, 1 + n_children * (below > 0 ? 2 : 1));
    return pid;
}

static void one_without_children_counts_alone(void **state)
{
    pid_t pid = start_family(*state, 0, 0, 0);
    tr_process_family_t family = {0};
    tr_family_memory_t memory = tr_process_family_measure(&family, pid, 5 * MIB, 1000);
    assert_int_equal(memory.together, 5 * MIB);
    assert_int_equal(memory.largest, 5 * MIB);
    assert_int_equal(family.n_members, 0);
}

static void children_and_theirs_count(void **state)
{
    pid_t pid = start_family(*state, 2, 16 * MIB, 48 * MIB);
    tr_process_family_t family = {0};
    tr_family_memory_t memory = tr_process_family_measure(&family, pid, MIB, 1000);
    assert_int_equal(family.n_members, 4);
    assert_in_range(memory.together, 129 * MIB, 1024 * MIB);
    assert_in_range(memory.largest, 48 * MIB, memory.together / 2);
}

static void a_large_parent_is_the_largest(void **state)
{
    pid_t pid = start_family(*state, 1, 4096, 0);
    tr_process_family_t family = {0};
    tr_family_memory_t memory = tr_process_family_measure(&family, pid, 4096 * MIB, 1000);
    assert_int_equal(memory.largest, 4096 * MIB);
    assert_true(memory.together > 4096 * MIB);
}

/* Between two listings a new one is not seen, and one that is gone counts no more. */
static void who_belongs_to_it_is_looked_up_now_and_then(void **state)
{
    scene_t *scene = *state;
    pid_t pid = start_family(scene, 1, 32 * MIB, 0);
    tr_process_family_t family = {0};
    tr_family_memory_t memory = tr_process_family_measure(&family, pid, MIB, 1000);
    assert_int_equal(family.n_members, 1);
    assert_true(memory.together > 32 * MIB);

    /* Its parent does not reap it: a zombie has no memory. */
    pid_t child = family.members[0].pid;
    assert_int_equal(kill(child, SIGKILL), 0);
    for (int i = 0; i < PATIENCE_MS && memory.together != MIB; i++) {
        memory = tr_process_family_measure(&family, pid, MIB, 1000 + LIST_MS - 1);
        poll(NULL, 0, 1);
    }
    assert_int_equal(memory.together, MIB);
    assert_int_equal(memory.largest, MIB);
}

static void another_one_with_its_number_is_not_it(void **state)
{
    pid_t pid = start_family(*state, 1, 32 * MIB, 0);
    tr_process_family_t family = {0};
    tr_process_family_measure(&family, pid, MIB, 1000);
    assert_int_equal(family.n_members, 1);
    family.members[0].born++;
    assert_int_equal(tr_process_family_measure(&family, pid, MIB, 1001).together, MIB);
    assert_true(tr_process_family_measure(&family, pid, MIB, 1000 + LIST_MS).together >
                32 * MIB);
}

static void no_more_than_a_bound_are_counted(void **state)
{
    pid_t pid = start_family(*state, TR_FAMILY_MAX + 6, 4096, 0);
    tr_process_family_t family = {0};
    tr_process_family_measure(&family, pid, MIB, 1000);
    assert_int_equal(family.n_members, TR_FAMILY_MAX);
}

static void *start_child(void *arg)
{
    if (fork() == 0) {
        be_large(arg, 32 * MIB);
    }
    for (;;) {
        pause();
    }
    return NULL;
}

static void the_child_of_another_thread_counts(void **state)
{
    scene_t *scene = *state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        setpgid(0, 0);
        if (pthread_create(&thread, NULL, start_child, scene) == 0) {
            be_large(scene, 4096);
        }
        _exit(1);
    }
    setpgid(pid, pid);
    scene->group = pid;
    wait_for(scene, 2);
    tr_process_family_t family = {0};
    tr_family_memory_t memory = tr_process_family_measure(&family, pid, MIB, 1000);
    assert_int_equal(family.n_members, 1);
    assert_true(memory.together > 33 * MIB);
}

static void one_that_is_gone_has_no_family(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    tr_process_family_t family = {0};
    assert_int_equal(tr_process_family_measure(&family, pid, MIB, 1000).together, MIB);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(one_without_children_counts_alone),
        STORY(children_and_theirs_count),
        STORY(a_large_parent_is_the_largest),
        STORY(who_belongs_to_it_is_looked_up_now_and_then),
        STORY(another_one_with_its_number_is_not_it),
        STORY(no_more_than_a_bound_are_counted),
        STORY(the_child_of_another_thread_counts),
        STORY(one_that_is_gone_has_no_family),
    };
    return cmocka_run_group_tests_name("actors/process_family", tests, NULL, NULL) != 0;
}
