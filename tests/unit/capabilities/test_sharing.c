/* Nobody is lost among those who share: whoever leaves, the others hang on one lead, and the
 * table finds that one as long as it can be joined. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "capabilities/sharing.h"

#define N_REQUESTS 12
#define N_KEYS     3
#define N_MOVES    5000

typedef struct crowd {
    tr_sharing_t sharing;
    tr_mailbox_t *mailbox;
    tr_envelope_t *requests[N_REQUESTS];
} crowd_t;

static tr_envelope_t *request_with(crowd_t *self, tr_span_t key)
{
    troupe_message_t *message = NULL;
    tr_envelope_t *request = tr_envelope_new(
        1, self->mailbox, &(tr_header_t){.capability = tr_span_of("cap"), .dedup = key},
        &message);
    assert_non_null(request);
    return request;
}

/* The first four have one key, the next four another, the last four none. */
static int set_up(void **state)
{
    static crowd_t crowd;
    crowd =
        (crowd_t){.mailbox = tr_mailbox_new("caller", 1, (tr_mailbox_limits_t){100, 1 << 20})};
    assert_non_null(crowd.mailbox);
    assert_status(tr_sharing_init(&crowd.sharing), TROUPE_OK);
    const tr_span_t keys[N_KEYS] = {{"a\0b", 3}, {"a\0c", 3}, {NULL, 0}};
    for (size_t i = 0; i < N_REQUESTS; i++) {
        crowd.requests[i] = request_with(&crowd, keys[i / (N_REQUESTS / N_KEYS)]);
    }
    *state = &crowd;
    return 0;
}

static int tear_down(void **state)
{
    crowd_t *crowd = *state;
    tr_sharing_finish(&crowd->sharing);
    for (size_t i = 0; i < N_REQUESTS; i++) {
        tr_envelope_release(&crowd->requests[i]);
    }
    tr_mailbox_close(crowd->mailbox);
    tr_mailbox_release(&crowd->mailbox);
    return 0;
}

static void keys_are_any_bytes(void **state)
{
    crowd_t *crowd = *state;
    tr_envelope_t **some = crowd->requests;
    tr_sharing_open(&crowd->sharing, some[0]);
    assert_ptr_equal(tr_sharing_find(&crowd->sharing, some[1]), some[0]);
    assert_null(tr_sharing_find(&crowd->sharing, some[4])); /* differs behind a zero */
    tr_sharing_open(&crowd->sharing, some[4]);
    assert_ptr_equal(tr_sharing_find(&crowd->sharing, some[5]), some[4]);
    assert_ptr_equal(tr_sharing_find(&crowd->sharing, some[0]), some[0]);
    tr_sharing_close(&crowd->sharing, some[0]);
    assert_null(tr_sharing_find(&crowd->sharing, some[1]));
    assert_ptr_equal(tr_sharing_find(&crowd->sharing, some[5]), some[4]);
    tr_sharing_close(&crowd->sharing, some[4]);
}

static void without_a_key_nobody_is_found(void **state)
{
    crowd_t *crowd = *state;
    tr_sharing_open(&crowd->sharing, crowd->requests[8]);
    assert_null(tr_sharing_find(&crowd->sharing, crowd->requests[9]));
    tr_sharing_close(&crowd->sharing, crowd->requests[8]);
}

static void who_came_first_is_found(void **state)
{
    crowd_t *crowd = *state;
    tr_envelope_t **some = crowd->requests;
    tr_sharing_open(&crowd->sharing, some[0]);
    tr_sharing_open(&crowd->sharing, some[1]); /* not over another one */
    assert_ptr_equal(tr_sharing_find(&crowd->sharing, some[2]), some[0]);
    tr_sharing_close(&crowd->sharing, some[1]); /* it was not in there */
    assert_ptr_equal(tr_sharing_find(&crowd->sharing, some[2]), some[0]);
    tr_sharing_close(&crowd->sharing, some[0]);
    tr_sharing_close(&crowd->sharing, some[0]); /* twice is fine */
}

static void the_heir_has_all_that_the_lead_had(void **state)
{
    crowd_t *crowd = *state;
    tr_envelope_t **some = crowd->requests;
    tr_sharing_open(&crowd->sharing, some[0]);
    for (size_t i = 1; i < 4; i++) {
        tr_sharing_join(&crowd->sharing, some[0], some[i]);
    }
    tr_envelope_t *heir = tr_sharing_pass_on(&crowd->sharing, some[0]);
    assert_non_null(heir);
    assert_null(heir->lead);
    assert_null(some[0]->sharers);
    assert_int_equal(crowd->sharing.n_sharers, 2);
    assert_ptr_equal(tr_sharing_find(&crowd->sharing, some[0]), heir);
    size_t n = 0;
    for (tr_envelope_t *sharer = heir->sharers; sharer; sharer = sharer->next_sharer) {
        assert_ptr_equal(sharer->lead, heir);
        n++;
    }
    assert_int_equal(n, 2);
    while (heir->sharers) {
        tr_sharing_leave(&crowd->sharing, heir->sharers);
    }
    assert_null(tr_sharing_pass_on(&crowd->sharing, heir));
    assert_null(tr_sharing_find(&crowd->sharing, some[0]));
}

static void what_was_closed_stays_so_for_the_heir(void **state)
{
    crowd_t *crowd = *state;
    tr_envelope_t **some = crowd->requests;
    tr_sharing_open(&crowd->sharing, some[0]);
    tr_sharing_join(&crowd->sharing, some[0], some[1]);
    tr_sharing_close(&crowd->sharing, some[0]);
    tr_sharing_open(&crowd->sharing, some[2]); /* another run of the key */
    assert_ptr_equal(tr_sharing_pass_on(&crowd->sharing, some[0]), some[1]);
    assert_ptr_equal(tr_sharing_find(&crowd->sharing, some[3]), some[2]);
    tr_sharing_close(&crowd->sharing, some[2]);
}

/* The same numbers in every run. */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* All links fit, and as many hang on others as it says. */
static void all_is_sound(const crowd_t *crowd)
{
    size_t n_hanging = 0;
    size_t n_listed = 0;
    for (size_t i = 0; i < N_REQUESTS; i++) {
        const tr_envelope_t *request = crowd->requests[i];
        n_hanging += request->lead != NULL;
        const tr_envelope_t *previous = NULL;
        for (const tr_envelope_t *sharer = request->sharers; sharer;
             sharer = sharer->next_sharer) {
            assert_ptr_equal(sharer->lead, request);
            assert_ptr_equal(sharer->previous_sharer, previous);
            assert_null(sharer->sharers);
            previous = sharer;
            n_listed++;
        }
    }
    assert_int_equal(n_hanging, n_listed);
    assert_int_equal(n_hanging, crowd->sharing.n_sharers);
}

static void they_come_and_go_in_any_order(void **state)
{
    crowd_t *crowd = *state;
    bool is_in[N_REQUESTS] = {false};
    uint64_t seed = 20240229;
    for (size_t move = 0; move < N_MOVES; move++) {
        size_t i = (size_t)(draw(&seed) % 8);
        tr_envelope_t *request = crowd->requests[i];
        if (!is_in[i]) {
            tr_envelope_t *lead = tr_sharing_find(&crowd->sharing, request);
            if (lead) {
                tr_sharing_join(&crowd->sharing, lead, request);
            } else {
                tr_sharing_open(&crowd->sharing, request);
            }
        } else if (request->lead) {
            tr_sharing_leave(&crowd->sharing, request);
        } else {
            tr_sharing_pass_on(&crowd->sharing, request);
        }
        is_in[i] = !is_in[i];
        all_is_sound(crowd);
        for (size_t k = 0; k < 8; k++) { /* of each key one leads all that are in */
            tr_envelope_t *lead = tr_sharing_find(&crowd->sharing, crowd->requests[k]);
            if (is_in[k]) {
                assert_ptr_equal(lead, crowd->requests[k]->lead ? crowd->requests[k]->lead
                                                                : crowd->requests[k]);
            }
        }
    }
    for (size_t i = 0; i < 8; i++) {
        if (is_in[i] && crowd->requests[i]->lead) {
            tr_sharing_leave(&crowd->sharing, crowd->requests[i]);
        } else if (is_in[i]) {
            tr_sharing_pass_on(&crowd->sharing, crowd->requests[i]);
        }
    }
}

/* A request of one capability: its method, and its frames, separated by '|'. */
static tr_envelope_t *request_saying(crowd_t *crowd, const char *method, const char *frames,
                                     const char *key)
{
    troupe_message_t *message = troupe_message_new();
    assert_non_null(message);
    for (const char *at = frames; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        assert_status(troupe_message_add(message, at, strcspn(at, "|")), TROUPE_OK);
    }
    tr_envelope_t *request = tr_envelope_new(1, crowd->mailbox,
                                             &(tr_header_t){.capability = tr_span_of("cap"),
                                                            .method = tr_span_of(method),
                                                            .dedup = tr_span_of(key)},
                                             &message);
    assert_non_null(request);
    return request;
}

static bool shares_with(crowd_t *crowd, tr_envelope_t *lead, const char *method,
                        const char *frames, const char *key)
{
    tr_envelope_t *other = request_saying(crowd, method, frames, key);
    tr_sharing_key_by_body(&crowd->sharing, other);
    bool does = tr_sharing_find(&crowd->sharing, other) == lead;
    tr_envelope_release(&other);
    return does;
}

static void equal_bodies_are_equal_keys(void **state)
{
    crowd_t *crowd = *state;
    tr_envelope_t *lead = request_saying(crowd, "read", "one||two", "");
    tr_sharing_key_by_body(&crowd->sharing, lead);
    tr_sharing_open(&crowd->sharing, lead);
    assert_true(shares_with(crowd, lead, "read", "one||two", ""));
    static const char *const others[][2] = {
        {"read", "one|two"},  {"read", "one|two|"}, {"read", "one||two|"},
        {"read", "on|e|two"}, {"read", "onetwo"},   {"read", "one||twp"},
        {"read", "|one|two"}, {"reed", "one||two"}, {"", "read|one||two"},
        {"rea", "done||two"}, {"", "one||two"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(shares_with(crowd, lead, others[i][0], others[i][1], ""));
    }
    assert_false(shares_with(crowd, lead, "read", "one||two", "a key of its own"));
    tr_sharing_close(&crowd->sharing, lead);
    tr_envelope_release(&lead);
}

static void secrets_differ(void **state)
{
    crowd_t *crowd = *state;
    tr_sharing_t other;
    assert_status(tr_sharing_init(&other), TROUPE_OK);
    assert_memory_not_equal(other.secret, crowd->sharing.secret, sizeof other.secret);
    tr_sharing_finish(&other);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(keys_are_any_bytes),
        STORY(without_a_key_nobody_is_found),
        STORY(who_came_first_is_found),
        STORY(the_heir_has_all_that_the_lead_had),
        STORY(what_was_closed_stays_so_for_the_heir),
        STORY(they_come_and_go_in_any_order),
        STORY(equal_bodies_are_equal_keys),
        STORY(secrets_differ),
    };
    return cmocka_run_group_tests_name("capabilities/sharing", tests, NULL, NULL) != 0;
}
