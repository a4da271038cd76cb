/* What is kept is one directory's answer until it is forgotten, and a share of it for as long
 * as somebody needs it.
 */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdio.h>

#include "remote/gateway/routes.h"

typedef struct world {
    tr_directory_t *directory;
    tr_mailbox_t *caller;
    tr_routes_t routes;
} world_t;

static int begin(void **state)
{
    static world_t world;
    world = (world_t){
        .directory = tr_directory_new(),
        .caller = tr_mailbox_new("caller", 1, (tr_mailbox_limits_t){10, 1000}),
    };
    *state = &world;
    return world.directory && world.caller ? 0 : -1;
}

static int end(void **state)
{
    world_t *world = *state;
    tr_routes_forget(&world->routes);
    tr_directory_destroy(&world->directory);
    tr_mailbox_close(world->caller);
    tr_mailbox_release(&world->caller);
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

/* ---- what is left ---- */

#define LUMP 64

static tr_envelope_t *request_of(tr_mailbox_t *caller)
{
    troupe_message_t *message = NULL;
    tr_envelope_t *envelope =
        tr_envelope_new(1, caller, &(tr_header_t){.capability = tr_span_of("echo")}, &message);
    assert_non_null(envelope);
    atomic_store(&envelope->is_answered, true); /* nobody will */
    return envelope;
}

static troupe_status_t leave(const world_t *world, tr_route_t *route)
{
    tr_envelope_t *envelope = request_of(world->caller);
    troupe_status_t status = tr_route_leave(route, envelope);
    tr_envelope_release(&envelope);
    return status;
}

static bool is_ringing(const tr_mailbox_t *mailbox)
{
    struct pollfd bell = {.fd = tr_mailbox_bell(mailbox), .events = POLLIN};
    return poll(&bell, 1, 0) == 1;
}

static tr_mailbox_t *offer_with_room(world_t *world, size_t letters)
{
    tr_mailbox_t *mailbox = tr_mailbox_new("echo", 1, (tr_mailbox_limits_t){letters, 1 << 20});
    assert_non_null(mailbox);
    assert_status(tr_directory_register(world->directory, TR_NAMES_CAPABILITY, "echo", mailbox),
                  TROUPE_OK);
    assert_true(tr_mailbox_park(mailbox));
    return mailbox;
}

static void a_router_is_alerted_when_its_route_is_forgotten(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = offer_with_room(world, 1000);
    tr_route_t *route = find(world, "echo");
    assert_status(leave(world, route), TROUPE_OK);
    assert_false(is_ringing(router));
    tr_routes_forget(&world->routes);
    assert_true(is_ringing(router));
    tr_route_release(&route);
    withdraw(world, "echo", &router);
}

static void a_router_is_alerted_when_its_route_gives_way(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = offer_with_room(world, 1000);
    tr_route_t *route = find(world, "echo");
    assert_status(leave(world, route), TROUPE_OK);
    for (int i = 0; i < TR_ROUTES_KEPT; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", i);
        tr_mailbox_t *other = offer(world, name);
        tr_route_t *other_route = find(world, name);
        tr_route_release(&other_route);
        withdraw(world, name, &other);
    }
    assert_true(is_ringing(router));
    tr_route_release(&route);
    withdraw(world, "echo", &router);
}

static void a_router_is_alerted_of_a_lump(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = offer_with_room(world, 1000);
    tr_route_t *route = find(world, "echo");
    for (int i = 1; i <= LUMP; i++) {
        assert_false(is_ringing(router));
        assert_status(leave(world, route), TROUPE_OK);
    }
    assert_true(is_ringing(router));
    tr_route_release(&route);
    withdraw(world, "echo", &router);
}

/* What was left counts against its room, and it does not know of it yet. */
static void a_router_that_is_full_is_alerted_first(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = offer_with_room(world, 2);
    tr_route_t *route = find(world, "echo");
    assert_status(leave(world, route), TROUPE_OK);
    assert_status(leave(world, route), TROUPE_OK);
    assert_false(is_ringing(router));
    assert_status(leave(world, route), TROUPE_FULL); /* it has only been woken */
    assert_true(is_ringing(router));
    tr_route_release(&route);
    withdraw(world, "echo", &router);
}

static bool take_all(void *arg, bool is_next)
{
    (void)is_next;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(arg, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    return true;
}

static void a_router_that_is_carried_makes_room_at_once(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = offer_with_room(world, 2);
    tr_mailbox_let_carry(router, TR_CARRIED_BY_ALL, take_all, router);
    tr_mailbox_put_baton(router);
    tr_route_t *route = find(world, "echo");
    for (int i = 0; i < 5; i++) {
        assert_status(leave(world, route), TROUPE_OK);
    }
    tr_mailbox_take_baton(router);
    tr_route_release(&route);
    withdraw(world, "echo", &router);
}

static void a_router_that_has_gone_takes_nothing(void **state)
{
    world_t *world = *state;
    tr_mailbox_t *router = offer_with_room(world, 2);
    tr_route_t *route = find(world, "echo");
    tr_mailbox_close(router);
    assert_status(leave(world, route), TROUPE_CLOSED);
    tr_route_release(&route);
    withdraw(world, "echo", &router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_route_outlives_its_capability, begin, end),
        cmocka_unit_test_setup_teardown(many_capabilities_share_the_few_places, begin, end),
        cmocka_unit_test_setup_teardown(a_router_is_alerted_when_its_route_is_forgotten, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_router_is_alerted_when_its_route_gives_way, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_router_is_alerted_of_a_lump, begin, end),
        cmocka_unit_test_setup_teardown(a_router_that_is_full_is_alerted_first, begin, end),
        cmocka_unit_test_setup_teardown(a_router_that_is_carried_makes_room_at_once, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_router_that_has_gone_takes_nothing, begin, end),
    };
    return cmocka_run_group_tests_name("remote/routes", tests, NULL, NULL) != 0;
}
