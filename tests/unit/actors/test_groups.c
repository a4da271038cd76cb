#include "tests/kit/check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "actors/groups.h"
#include "tests/kit/fault_point.h"

#define N_ACTORS 5

/* Actors a, b, c, …, in their first lives: a number each. */
typedef struct scene {
    tr_groups_t *groups;
    tr_mailbox_t *mailbox;
    troupe_ref_t *actors[N_ACTORS];
} scene_t;

static uint64_t life_of(size_t actor)
{
    return actor + 1;
}

static int set_up(void **state)
{
    static scene_t scene;
    scene.groups = tr_groups_new();
    scene.mailbox = tr_mailbox_new("all", 1, (tr_mailbox_limits_t){10, 10000});
    assert_non_null(scene.groups);
    assert_non_null(scene.mailbox);
    for (size_t i = 0; i < N_ACTORS; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        scene.actors[i] = tr_ref_new(name, "", scene.mailbox, i);
        assert_non_null(scene.actors[i]);
        tr_ref_begin(scene.actors[i], life_of(i));
    }
    *state = &scene;
    return 0;
}

/* References outlive the registry, or the other way round: both are fine. */
static int tear_down(void **state)
{
    scene_t *scene = *state;
    for (size_t i = 0; i < N_ACTORS; i += 2) {
        troupe_ref_release(&scene->actors[i]);
    }
    tr_groups_destroy(&scene->groups);
    for (size_t i = 1; i < N_ACTORS; i += 2) {
        troupe_ref_release(&scene->actors[i]);
    }
    tr_mailbox_release(&scene->mailbox);
    return 0;
}

static void write_name(void *arg, troupe_ref_t *member)
{
    strcat(arg, troupe_ref_name(member));
}

static void members_are(scene_t *scene, const char *group, const char *names)
{
    char found[100] = "";
    tr_groups_each(scene->groups, group, write_name, found);
    assert_string_equal(found, names);
    assert_int_equal(tr_groups_size(scene->groups, group), strlen(names));
}

static void joins(scene_t *scene, const char *group, size_t actor, troupe_status_t want)
{
    assert_status(tr_groups_join(scene->groups, group, scene->actors[actor], life_of(actor)),
                  want);
}

static void leaves(scene_t *scene, const char *group, size_t actor, troupe_status_t want)
{
    assert_int_equal(tr_groups_has(scene->groups, group, scene->actors[actor]),
                     want == TROUPE_OK);
    assert_status(tr_groups_leave(scene->groups, group, scene->actors[actor]), want);
    assert_false(tr_groups_has(scene->groups, group, scene->actors[actor]));
}

enum { A, B, C, D };

static void members_come_in_order_and_go(void **state)
{
    scene_t *scene = *state;
    members_are(scene, "red", "");
    joins(scene, "red", B, TROUPE_OK);
    joins(scene, "red", A, TROUPE_OK);
    members_are(scene, "red", "ba");
    joins(scene, "red", C, TROUPE_OK);
    joins(scene, "red", A, TROUPE_EXISTS);
    members_are(scene, "red", "bac");
    leaves(scene, "red", A, TROUPE_OK);
    leaves(scene, "red", A, TROUPE_NOT_FOUND);
    members_are(scene, "red", "bc");
    joins(scene, "red", A, TROUPE_OK);
    members_are(scene, "red", "bca");
    leaves(scene, "red", B, TROUPE_OK);
    leaves(scene, "red", A, TROUPE_OK);
    leaves(scene, "red", C, TROUPE_OK);
    members_are(scene, "red", "");
    leaves(scene, "red", C, TROUPE_NOT_FOUND);
    joins(scene, "red", D, TROUPE_OK);
    members_are(scene, "red", "d");
    joins(scene, "red", B, TROUPE_OK);
    leaves(scene, "red", B, TROUPE_OK); /* the last one */
    joins(scene, "red", A, TROUPE_OK);
    members_are(scene, "red", "da");
}

static void one_may_be_in_many(void **state)
{
    scene_t *scene = *state;
    joins(scene, "red", A, TROUPE_OK);
    joins(scene, "green", A, TROUPE_OK);
    joins(scene, "green", B, TROUPE_OK);
    joins(scene, "blue", A, TROUPE_OK);
    joins(scene, "blue", A, TROUPE_EXISTS);
    leaves(scene, "red", A, TROUPE_OK);
    leaves(scene, "red", B, TROUPE_NOT_FOUND);
    members_are(scene, "red", "");
    members_are(scene, "green", "ab");
    members_are(scene, "blue", "a");
}

static void an_end_is_that_of_all_memberships(void **state)
{
    scene_t *scene = *state;
    joins(scene, "red", A, TROUPE_OK);
    joins(scene, "red", B, TROUPE_OK);
    joins(scene, "green", B, TROUPE_OK);
    joins(scene, "blue", B, TROUPE_OK);
    members_are(scene, "red", "ab");
    tr_groups_forget(scene->groups, scene->actors[B], life_of(B));
    members_are(scene, "red", "a");
    members_are(scene, "green", "");
    members_are(scene, "blue", "");
    tr_groups_forget(scene->groups, scene->actors[B], life_of(B));
    tr_groups_forget(scene->groups, scene->actors[C], life_of(C));
    members_are(scene, "red", "a");
}

static void only_the_present_life_joins(void **state)
{
    scene_t *scene = *state;
    troupe_ref_t *a = scene->actors[A];
    const tr_reason_t hung = tr_reason_of(TROUPE_REASON_HUNG);
    tr_ref_end(a, life_of(A), &hung);
    assert_status(tr_groups_join(scene->groups, "red", a, life_of(A)), TROUPE_CLOSED);
    tr_ref_begin(a, 100);
    assert_status(tr_groups_join(scene->groups, "red", a, life_of(A)), TROUPE_CLOSED);
    assert_status(tr_groups_join(scene->groups, "red", a, 100), TROUPE_OK);
    tr_groups_forget(scene->groups, a, life_of(A)); /* the former one ends at last */
    members_are(scene, "red", "a");
    tr_groups_forget(scene->groups, a, 100);
    members_are(scene, "red", "");
}

/* Whoever speaks to a group meanwhile may join it, leave it and speak to it. */
typedef struct busy {
    scene_t *scene;
    char seen[100];
} busy_t;

static void turn_over(void *arg, troupe_ref_t *member)
{
    busy_t *busy = arg;
    scene_t *scene = busy->scene;
    strcat(busy->seen, troupe_ref_name(member));
    if (member == scene->actors[A]) {
        joins(scene, "red", D, TROUPE_OK);
        leaves(scene, "red", B, TROUPE_OK);
        leaves(scene, "red", A, TROUPE_OK);
        members_are(scene, "red", "cd");
    }
}

static void a_walk_sees_the_members_of_its_begin(void **state)
{
    scene_t *scene = *state;
    joins(scene, "red", A, TROUPE_OK);
    joins(scene, "red", B, TROUPE_OK);
    joins(scene, "red", C, TROUPE_OK);
    busy_t busy = {.scene = scene, .seen = ""};
    tr_groups_each(scene->groups, "red", turn_over, &busy);
    assert_string_equal(busy.seen, "abc");
    members_are(scene, "red", "cd");
}

/* ---- what it costs ---- */

static void one_in_no_group_asks_for_nothing(void **state)
{
    scene_t *scene = *state;
    assert_int_equal(atomic_load(&scene->actors[A]->n_groups), 0);
    joins(scene, "red", A, TROUPE_OK);
    joins(scene, "green", A, TROUPE_OK);
    joins(scene, "green", A, TROUPE_EXISTS);
    assert_int_equal(atomic_load(&scene->actors[A]->n_groups), 2);
    leaves(scene, "red", A, TROUPE_OK);
    leaves(scene, "green", A, TROUPE_OK);
    assert_int_equal(atomic_load(&scene->actors[A]->n_groups), 0);
    /* Were the registry asked, this would be a fault. */
    tr_groups_forget((tr_groups_t *)&scene->mailbox, scene->actors[A], life_of(A));
}

static void to_speak_again_needs_no_memory(void **state)
{
    scene_t *scene = *state;
    joins(scene, "red", A, TROUPE_OK);
    joins(scene, "red", B, TROUPE_OK);
    members_are(scene, "red", "ab");
    tr_fault_arm(&tr_fault_memory, 0, SIZE_MAX);
    for (int i = 0; i < 100; i++) {
        members_are(scene, "red", "ab");
    }
    leaves(scene, "red", A, TROUPE_OK);
    assert_int_equal(tr_fault_memory.n_hits, 0);
    tr_fault_disarm(&tr_fault_memory);
    members_are(scene, "red", "b");
}

static bool two_join(scene_t *scene)
{
    bool is_done = true;
    for (size_t i = 0; is_done && i < 2; i++) {
        is_done =
            tr_groups_join(scene->groups, "red", scene->actors[i], life_of(i)) == TROUPE_OK;
        assert_int_equal(tr_groups_size(scene->groups, "red"), i + is_done);
        assert_int_equal(atomic_load(&scene->actors[i]->n_groups), is_done);
    }
    return is_done;
}

static void what_finds_no_memory_is_not_joined(void **state)
{
    scene_t *scene = *state;
    bool is_done = false;
    for (size_t n = 0; !is_done; n++) {
        tr_fault_arm(&tr_fault_memory, n, 1);
        is_done = two_join(scene);
        assert_int_equal(is_done, tr_fault_memory.n_hits == 0);
        tr_fault_disarm(&tr_fault_memory);
        assert_true(n < 100);
        tr_groups_forget(scene->groups, scene->actors[A], life_of(A));
        tr_groups_forget(scene->groups, scene->actors[B], life_of(B));
        members_are(scene, "red", "");
    }
}

/* ---- many at once ---- */

enum { N_ROUNDS = 2000 };

static void *come_and_go(void *arg)
{
    scene_t *scene = arg;
    for (int i = 0; i < N_ROUNDS; i++) {
        joins(scene, "red", B, TROUPE_OK);
        if (i % 2) {
            leaves(scene, "red", B, TROUPE_OK);
        } else {
            tr_groups_forget(scene->groups, scene->actors[B], life_of(B));
        }
    }
    return NULL;
}

/* Whoever is there all the time is never missed, and nobody is met twice. */
static void who_stays_is_never_missed(void **state)
{
    scene_t *scene = *state;
    joins(scene, "red", A, TROUPE_OK);
    pthread_t other;
    pthread_create(&other, NULL, come_and_go, scene);
    bool is_sound = true;
    for (int i = 0; i < N_ROUNDS; i++) {
        char seen[100] = "";
        tr_groups_each(scene->groups, "red", write_name, seen);
        is_sound &= strcmp(seen, "a") == 0 || strcmp(seen, "ab") == 0;
    }
    pthread_join(other, NULL);
    assert_true(is_sound);
    members_are(scene, "red", "a");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(members_come_in_order_and_go),
        TEST(one_may_be_in_many),
        TEST(an_end_is_that_of_all_memberships),
        TEST(only_the_present_life_joins),
        TEST(a_walk_sees_the_members_of_its_begin),
        TEST(one_in_no_group_asks_for_nothing),
        TEST(to_speak_again_needs_no_memory),
        TEST(what_finds_no_memory_is_not_joined),
        TEST(who_stays_is_never_missed),
    };
    return cmocka_run_group_tests_name("actors/groups", tests, NULL, NULL) != 0;
}
