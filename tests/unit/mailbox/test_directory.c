/* A name stands for one mailbox at a time, and nobody but its owner takes it away. */

#include "tests/kit/check.h"

#include <string.h>

#include "mailbox/directory.h"

typedef struct scene {
    tr_directory_t *directory;
    tr_mailbox_t *one;
    tr_mailbox_t *other;
} scene_t;

static scene_t scene;

static int set_up(void **state)
{
    (void)state;
    scene.directory = tr_directory_new();
    scene.one = tr_mailbox_new("one", 1, (tr_mailbox_limits_t){10, 1000});
    scene.other = tr_mailbox_new("other", 2, (tr_mailbox_limits_t){10, 1000});
    return scene.directory && scene.one && scene.other ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    tr_directory_destroy(&scene.directory);
    tr_mailbox_release(&scene.one);
    tr_mailbox_release(&scene.other);
    return 0;
}

static void stands_for(tr_name_space_t space, const char *name, const tr_mailbox_t *mailbox)
{
    tr_mailbox_t *found = tr_directory_find(scene.directory, space, tr_span_of(name));
    assert_ptr_equal(found, mailbox);
    tr_mailbox_release(&found);
}

static void a_name_is_found_in_its_space_only(void **state)
{
    (void)state;
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "a", scene.one),
                  TROUPE_OK);
    stands_for(TR_NAMES_ACTOR, "a", scene.one);
    stands_for(TR_NAMES_CAPABILITY, "a", NULL);
    stands_for(TR_NAMES_ACTOR, "b", NULL);
    stands_for(TR_NAMES_ACTOR, "", NULL);
}

static void a_taken_name_is_refused(void **state)
{
    (void)state;
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "a", scene.one),
                  TROUPE_OK);
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "a", scene.other),
                  TROUPE_EXISTS);
    stands_for(TR_NAMES_ACTOR, "a", scene.one);
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "a", scene.one),
                  TROUPE_OK);
    assert_status(tr_directory_register(scene.directory, TR_NAMES_CAPABILITY, "a", scene.other),
                  TROUPE_OK);
}

static void only_its_own_mailbox_removes_a_name(void **state)
{
    (void)state;
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "a", scene.one),
                  TROUPE_OK);
    tr_directory_remove(scene.directory, TR_NAMES_ACTOR, "a", scene.other);
    stands_for(TR_NAMES_ACTOR, "a", scene.one);
    tr_directory_remove(scene.directory, TR_NAMES_ACTOR, "a", scene.one);
    stands_for(TR_NAMES_ACTOR, "a", NULL);
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "a", scene.other),
                  TROUPE_OK);
}

static void a_mailbox_is_forgotten_under_all_its_names(void **state)
{
    (void)state;
    const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        assert_status(
            tr_directory_register(scene.directory, TR_NAMES_ACTOR, names[i], scene.one),
            TROUPE_OK);
    }
    assert_status(tr_directory_register(scene.directory, TR_NAMES_CAPABILITY, "a", scene.one),
                  TROUPE_OK);
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "d", scene.other),
                  TROUPE_OK);
    tr_directory_forget(scene.directory, scene.one);
    for (size_t i = 0; i < 3; i++) {
        stands_for(TR_NAMES_ACTOR, names[i], NULL);
    }
    stands_for(TR_NAMES_CAPABILITY, "a", NULL);
    stands_for(TR_NAMES_ACTOR, "d", scene.other);
}

static void note(void *arg, const char *name, tr_mailbox_t *mailbox)
{
    assert_non_null(mailbox);
    strcat(arg, name); /* the names here are short */
}

static void each_name_is_visited(void **state)
{
    (void)state;
    char seen[32] = "";
    tr_directory_each(scene.directory, TR_NAMES_ACTOR, note, seen);
    assert_string_equal(seen, "");
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "a", scene.one),
                  TROUPE_OK);
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "b", scene.other),
                  TROUPE_OK);
    assert_status(tr_directory_register(scene.directory, TR_NAMES_CAPABILITY, "c", scene.other),
                  TROUPE_OK);
    tr_directory_each(scene.directory, TR_NAMES_ACTOR, note, seen);
    assert_true(strcmp(seen, "ab") == 0 || strcmp(seen, "ba") == 0);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A visitor posts, and a post may be work that looks for names, or takes some away. */
static void look_and_remove(void *arg, const char *name, tr_mailbox_t *mailbox)
{
    ++*(size_t *)arg;
    stands_for(TR_NAMES_ACTOR, name, mailbox);
    tr_directory_forget(scene.directory, mailbox);
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "new", mailbox),
                  TROUPE_OK);
    tr_directory_forget(scene.directory, mailbox);
}

static void a_visitor_may_change_what_it_visits(void **state)
{
    (void)state;
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "a", scene.one),
                  TROUPE_OK);
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "b", scene.other),
                  TROUPE_OK);
    size_t n_visits = 0;
    tr_directory_each(scene.directory, TR_NAMES_ACTOR, look_and_remove, &n_visits);
    assert_int_equal(n_visits, 2);
    stands_for(TR_NAMES_ACTOR, "a", NULL);
    stands_for(TR_NAMES_ACTOR, "new", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_name_is_found_in_its_space_only),
        story(a_taken_name_is_refused),
        story(only_its_own_mailbox_removes_a_name),
        story(a_mailbox_is_forgotten_under_all_its_names),
        story(each_name_is_visited),
        story(a_visitor_may_change_what_it_visits),
    };
    return cmocka_run_group_tests_name("mailbox/directory", tests, NULL, NULL) != 0;
}
