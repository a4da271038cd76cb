/* What is kept is one directory's answer until it is forgotten, and a share of it for as long
 * as somebody needs it.
 */

#include "tests/kit/check.h"

#include <stdio.h>

#include "remote/routes.h"

typedef struct world {
    tr_directory_t *directory;
    tr_routes_t routes;
} world_t;

static int begin(void **state)
{
    static world_t world;
    world = (world_t){.directory = tr_directory_new()};
    *state = &world;
    return world.directory ? 0 : -1;
}

static int end(void **state)
{
    world_t *world = *state;
    tr_routes_forget(&world->routes);
    tr_directory_destroy(&world->directory);
    return 0;
}

static tr_mailbox_t *offer(world_t *world, const char *name)
{
    tr_mailbox_t *mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){10, 1000});
    assert_non_null(mailbox);
    assert_status(tr_directory_register(world->directory, TR_NAMES_CAPABILITY, name, mailbox),
                  TROUPE_OK);
    return mailbox;
}

static void withdraw(world_t *world, const char *name, tr_mailbox_t **mailbox_p)
{
    tr_directory_remove(world->directory, TR_NAMES_CAPABILITY, name, *mailbox_p);
    tr_mailbox_release(mailbox_p);
}

static tr_route_t *find(world_t *world, const char *name)
{
    return tr_routes_find(&world->routes, world->directory, tr_span_of(name));
}

static void a_route_outlives_its_capability(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *mailbox = offer(world, "echo");
    tr_route_t *route = find(world, "echo");
    assert_ptr_equal(route->router, mailbox);
    withdraw(world, "echo", &mailbox);
    assert_null(find(world, "ech"));
    assert_null(find(world, ""));
    tr_route_t *same = find(world, "echo");
    assert_ptr_equal(same, route);
    tr_routes_forget(&world->routes);
    assert_null(find(world, "echo"));
    assert_string_equal(tr_mailbox_name(route->router), "echo");
    tr_route_release(&route);
    assert_null(route);
    tr_route_release(&same);
    tr_route_release(&same);
}

static void many_capabilities_share_the_few_places(void **state)
{
    enum { N = 3 * TR_ROUTES_KEPT };
    world_t *world = *state;
    tr_mailbox_t *mailboxes[N];
    char names[N][16];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        mailboxes[i] = offer(world, names[i]);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            tr_route_t *route = find(world, names[i]);
            assert_ptr_equal(route->router, mailboxes[i]);
            tr_route_release(&route);
        }
    }
    for (int i = 0; i < N; i++) {
        withdraw(world, names[i], &mailboxes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_route_outlives_its_capability, begin, end),
        cmocka_unit_test_setup_teardown(many_capabilities_share_the_few_places, begin, end),
    };
    return cmocka_run_group_tests_name("remote/routes", tests, NULL, NULL) != 0;
}
