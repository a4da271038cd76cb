#include <stdlib.h>
#include <string.h>

#include "remote/gateway/lobby.h"
#include "tests/kit/check.h"
#include "tests/kit/fault_point.h"

#define ENOUGH ((size_t)1 << 20)

static troupe_status_t enter(tr_lobby_t *lobby, const char *service, const char *text,
                             size_t max_bytes)
{
    troupe_message_t *body = troupe_message_from_text(text);
    assert_non_null(body);
    troupe_status_t status = tr_lobby_enter(lobby, tr_span_of(service), &body, max_bytes);
    assert_int_equal(body == NULL, status == TROUPE_OK);
    troupe_message_destroy(&body);
    return status;
}

static void calls(tr_lobby_t *lobby, const char *service, const char *text)
{
    tr_waiting_t *waiting = tr_lobby_call(lobby);
    assert_non_null(waiting);
    assert_true(tr_span_equals((tr_span_t){waiting->service, waiting->service_size}, service));
    assert_int_equal(troupe_message_size(waiting->body, 0), strlen(text));
    assert_memory_equal(troupe_message_data(waiting->body, 0), text, strlen(text));
    tr_waiting_destroy(&waiting);
    assert_null(waiting);
}

static void who_comes_first_is_called_first(void **state)
{
    (void)state;
    tr_lobby_t lobby = {0};
    assert_null(tr_lobby_call(&lobby));
    for (int round = 0; round < 2; round++) {
        assert_status(enter(&lobby, "echo", "one", ENOUGH), TROUPE_OK);
        assert_status(enter(&lobby, "told", "two", ENOUGH), TROUPE_OK);
        calls(&lobby, "echo", "one");
        assert_status(enter(&lobby, "echo", "three", ENOUGH), TROUPE_OK);
        assert_int_equal(lobby.n, 2);
        calls(&lobby, "told", "two");
        calls(&lobby, "echo", "three");
        assert_null(tr_lobby_call(&lobby));
        assert_int_equal(lobby.n, 0);
        assert_int_equal(lobby.bytes, 0);
    }
}

static void no_more_enter_than_there_are_bytes_for(void **state)
{
    (void)state;
    tr_lobby_t lobby = {0};
    size_t n = 0;
    while (enter(&lobby, "echo", "a hundred bytes or so", 10000) == TROUPE_OK) {
        n++;
        assert_true(lobby.bytes <= 10000);
    }
    assert_in_range(n, 10, 100);
    assert_int_equal(lobby.n, n);
    calls(&lobby, "echo", "a hundred bytes or so");
    assert_status(enter(&lobby, "echo", "a hundred bytes or so", 10000), TROUPE_OK);
    assert_status(enter(&lobby, "echo", "", 10000), TROUPE_FULL);
    tr_lobby_finish(&lobby);
    assert_int_equal(lobby.n, 0);
    assert_int_equal(lobby.bytes, 0);
}

static void without_memory_the_body_stays_who_brought_it(void **state)
{
    (void)state;
    tr_lobby_t lobby = {0};
    troupe_message_t *body = troupe_message_from_text("x");
    assert_non_null(body);
    tr_fault_arm(&tr_fault_memory, 0, 1);
    assert_status(tr_lobby_enter(&lobby, tr_span_of("echo"), &body, ENOUGH), TROUPE_ERR_NOMEM);
    tr_fault_disarm(&tr_fault_memory);
    assert_non_null(body);
    assert_int_equal(lobby.n, 0);
    troupe_message_destroy(&body);
}

int main(void)
{
    const struct CMUnitTest stories[] = {
        cmocka_unit_test(who_comes_first_is_called_first),
        cmocka_unit_test(no_more_enter_than_there_are_bytes_for),
        cmocka_unit_test(without_memory_the_body_stays_who_brought_it),
    };
    return cmocka_run_group_tests(stories, NULL, NULL);
}
