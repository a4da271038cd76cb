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

/* As they come from peers. */
static void a_name_that_nobody_can_have_is_nobodys(void **state)
{
    (void)state;
    static const tr_span_t names[] = {{NULL, 0}, {"", 0}, {"a\0b", 3}, {"a\0", 2}, {"\0", 1}};
    assert_status(tr_directory_register(scene.directory, TR_NAMES_ACTOR, "a", scene.one),
                  TROUPE_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_null(tr_directory_find(scene.directory, TR_NAMES_ACTOR, names[i]));
        assert_null(tr_directory_refer(scene.directory, names[i]));
    }
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

/* ---- references ---- */

static const tr_mailbox_limits_t limits = {10, 1000};

static troupe_ref_t *claims(const char *name, const char *home, bool is_lasting)
{
    troupe_ref_t *ref = NULL;
    assert_status(tr_directory_claim(scene.directory, name, home, limits, is_lasting, &ref),
                  TROUPE_OK);
    assert_non_null(ref);
    return ref;
}

static void cannot_claim(const char *name, const char *home, bool is_lasting)
{
    troupe_ref_t *ref = NULL;
    assert_status(tr_directory_claim(scene.directory, name, home, limits, is_lasting, &ref),
                  TROUPE_EXISTS);
    assert_null(ref);
}

static void is_referred_to(const char *name, const troupe_ref_t *ref)
{
    troupe_ref_t *found = tr_directory_refer(scene.directory, tr_span_of(name));
    assert_ptr_equal(found, ref);
    troupe_ref_release(&found);
}

static void a_reference_is_found_with_its_mailbox(void **state)
{
    (void)state;
    troupe_ref_t *ref = claims("a", "root", true);
    assert_string_equal(troupe_ref_name(ref), "a");
    is_referred_to("a", ref);
    is_referred_to("b", NULL);
    stands_for(TR_NAMES_ACTOR, "a", NULL); /* that is another space */
    troupe_ref_release(&ref);
}

static void the_next_life_has_the_same_reference(void **state)
{
    (void)state;
    troupe_ref_t *first = claims("a", "root", true);
    tr_mailbox_move_in(first->mailbox, 1);
    cannot_claim("a", "root", true);
    tr_mailbox_leave_for_good(first->mailbox);
    troupe_ref_t *second = claims("a", "root", true);
    assert_ptr_equal(second, first);
    troupe_ref_release(&first);
    troupe_ref_release(&second);
}

static void a_claim_bounds_the_mailbox(void **state)
{
    (void)state;
    troupe_ref_t *ref = claims("a", "root", true);
    troupe_ref_t *again = NULL;
    assert_status(tr_directory_claim(scene.directory, "a", "root",
                                     (tr_mailbox_limits_t){1, 1000}, true, &again),
                  TROUPE_OK);
    tr_mailbox_hold_place(ref->mailbox);
    assert_false(tr_mailbox_has_room(ref->mailbox));
    tr_mailbox_give_place(ref->mailbox);
    troupe_ref_release(&again);
    troupe_ref_release(&ref);
}

static void a_name_belongs_to_one_home(void **state)
{
    (void)state;
    troupe_ref_t *ref = claims("a", "root\nmid", true);
    cannot_claim("a", "root", true);
    cannot_claim("a", "root\nmid", false);
    troupe_ref_release(&ref);
}

static void one_that_does_not_last_is_claimed_once(void **state)
{
    (void)state;
    troupe_ref_t *ref = claims("a", "root", false);
    cannot_claim("a", "root", false);
    troupe_ref_t *out = tr_directory_take_out(scene.directory, ref);
    assert_ptr_equal(out, ref);
    is_referred_to("a", NULL);
    assert_null(tr_directory_take_out(scene.directory, ref));
    troupe_ref_t *other = claims("a", "root", false);
    assert_ptr_not_equal(other, ref);
    assert_null(tr_directory_take_out(scene.directory, ref)); /* not the other one */
    is_referred_to("a", other);
    troupe_ref_release(&out);
    troupe_ref_release(&ref);
    troupe_ref_release(&other);
}

static void a_mailbox_is_forgotten_with_its_reference(void **state)
{
    (void)state;
    troupe_ref_t *ref = claims("a", "root", true);
    tr_directory_forget(scene.directory, ref->mailbox);
    is_referred_to("a", NULL);
    troupe_ref_release(&ref);
}

/* One row, one story: who is taken out, of those that are gone below a path. */
struct branch {
    const char *path;
    const char *gone; /* the child of that; NULL: any */
    const char *names;
};

static bool is_branch(const void *arg, tr_span_t child)
{
    return !arg || tr_span_equals(child, arg);
}

static void branch_is_taken_out(void **state)
{
    const struct branch *branch = *state;
    static const char *const homes[][2] = {
        {"a", "root"},           {"b", "root\nmid"},  {"c", "root\nmid\nlow"},
        {"d", "root\nmiddle"},   {"e", "other\nmid"}, {"mid", "root\nmiddle"},
        {"f", "root\nmid\nlow"},
    };
    for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++) {
        troupe_ref_t *ref = claims(homes[i][0], homes[i][1], true);
        if (ref->name[0] == 'f') {
            tr_mailbox_move_in(ref->mailbox, 1); /* it lives */
        }
        troupe_ref_release(&ref);
    }
    bool is_out[128] = {false};
    troupe_ref_t *ref;
    while ((ref = tr_directory_take_out_vacant(scene.directory, branch->path, is_branch,
                                               branch->gone)) != NULL) {
        is_referred_to(ref->name, NULL);
        is_out[(size_t)ref->name[0]] = true;
        troupe_ref_release(&ref);
    }
    char names[8] = "";
    for (size_t i = 0; i < sizeof is_out; i++) {
        if (is_out[i]) {
            names[strlen(names)] = (char)i;
        }
    }
    assert_string_equal(names, branch->names);
}

/* clang-format off */
#define BRANCH(title, ...) \
    { .name = title, .test_func = branch_is_taken_out, .setup_func = set_up, \
      .teardown_func = tear_down, .initial_state = &(struct branch){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(a_name_is_found_in_its_space_only),
        story(a_name_that_nobody_can_have_is_nobodys),
        story(a_taken_name_is_refused),
        story(only_its_own_mailbox_removes_a_name),
        story(a_mailbox_is_forgotten_under_all_its_names),
        story(each_name_is_visited),
        story(a_visitor_may_change_what_it_visits),
        story(a_reference_is_found_with_its_mailbox),
        story(the_next_life_has_the_same_reference),
        story(a_claim_bounds_the_mailbox),
        story(a_name_belongs_to_one_home),
        story(one_that_does_not_last_is_claimed_once),
        story(a_mailbox_is_forgotten_with_its_reference),
        BRANCH("one child is taken out", "root", "a", "a"),
        BRANCH("a supervisor is taken out with all below it", "root", "mid", "bc"),
        BRANCH("a child of a lower one is taken out", "root\nmid", "b", "b"),
        BRANCH("those further below are taken out", "root\nmid", "low", "c"),
        BRANCH("all below a supervisor are taken out", "root", NULL, "abcdm"),
        BRANCH("all of another root are taken out", "", "other", "e"),
        BRANCH("all are taken out but one that lives", "", NULL, "abcdem"),
    };
    return cmocka_run_group_tests_name("mailbox/directory", tests, NULL, NULL) != 0;
}
