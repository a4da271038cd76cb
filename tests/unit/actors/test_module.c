/* Finding a file is not loading it: what is in it does not matter here. Loading itself is
 * tested where modules are used. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/module.h"

static char folder[64];

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)request;
    (void)state;
    return 0;
}

static const troupe_behaviour_t linked_in = {.name = "linked_in", .handle = handle};

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/troupe-module-XXXXXX");
    unsetenv("TROUPE_MODULE_PATH");
    if (!mkdtemp(folder) || chdir(folder) != 0) {
        return -1;
    }
    FILE *file = fopen("tin.so", "w");
    return file ? fclose(file) : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return unlink("tin.so") != 0 || rmdir(folder) != 0;
}

static void a_file_is_located_and_not_loaded(void **state)
{
    (void)state;
    char path[256];
    char want[256];
    char why[256];
    const troupe_behaviour_t *behaviour = NULL;
    snprintf(want, sizeof want, "%s/tin.so", folder);
    tr_modules_t *modules = tr_modules_new();
    assert_non_null(modules);
    assert_status(tr_modules_add_path(modules, "/nowhere"), TROUPE_OK);
    assert_status(tr_modules_add_path(modules, folder), TROUPE_OK);
    assert_status(tr_modules_locate(modules, "tin", path, sizeof path, why, sizeof why),
                  TROUPE_OK);
    assert_string_equal(path, want);
    assert_status(tr_modules_find(modules, "tin", &behaviour, why, sizeof why),
                  TROUPE_ERR_INVALID);
    assert_non_null(strstr(why, "tin.so"));
    assert_status(tr_modules_load_file(want, &behaviour, why, sizeof why), TROUPE_ERR_INVALID);
    assert_null(behaviour);
    tr_modules_destroy(&modules);
}

static void the_environment_names_folders_too(void **state)
{
    (void)state;
    char path[256];
    char why[256];
    setenv("TROUPE_MODULE_PATH", "/nowhere::.", 1);
    tr_modules_t *modules = tr_modules_new();
    assert_non_null(modules);
    assert_status(tr_modules_locate(modules, "tin", path, sizeof path, why, sizeof why),
                  TROUPE_OK);
    assert_string_equal(path, "./tin.so");
    unsetenv("TROUPE_MODULE_PATH");
    tr_modules_destroy(&modules);
}

static void what_has_no_file_says_why(void **state)
{
    (void)state;
    char path[256];
    char why[256];
    tr_modules_t *modules = tr_modules_new();
    assert_non_null(modules);
    assert_status(tr_modules_register(modules, &linked_in), TROUPE_OK);
    assert_status(tr_modules_locate(modules, "linked_in", path, sizeof path, why, sizeof why),
                  TROUPE_NOT_FOUND);
    assert_non_null(strstr(why, "linked into this program"));
    assert_status(tr_modules_add_path(modules, "/nowhere"), TROUPE_OK);
    assert_status(tr_modules_locate(modules, "tin", path, sizeof path, why, sizeof why),
                  TROUPE_NOT_FOUND);
    assert_non_null(strstr(why, "/nowhere"));
    tr_modules_destroy(&modules);
}

static void a_path_that_does_not_fit_is_none(void **state)
{
    (void)state;
    char path[8];
    char why[256];
    tr_modules_t *modules = tr_modules_new();
    assert_non_null(modules);
    assert_status(tr_modules_add_path(modules, folder), TROUPE_OK);
    assert_status(tr_modules_locate(modules, "tin", path, sizeof path, why, sizeof why),
                  TROUPE_NOT_FOUND);
    tr_modules_destroy(&modules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_located_and_not_loaded),
        cmocka_unit_test(the_environment_names_folders_too),
        cmocka_unit_test(what_has_no_file_says_why),
        cmocka_unit_test(a_path_that_does_not_fit_is_none),
    };
    return cmocka_run_group_tests_name("actors/module", tests, make_folder, remove_folder) != 0;
}
