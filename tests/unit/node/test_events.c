/* The admin is played by the test: it owns the mailbox that hears the events, and hands the
 * letters to the streams when it likes. Readers are mailboxes too. No thread but this one.
 */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mailbox/reply.h"
#include "node/admin/events.h"

#define LIMITS ((tr_mailbox_limits_t){.letters = 100000, .bytes = (size_t)64 << 20})

typedef struct scene {
    tr_self_t admin;
    tr_streams_t streams;
    tr_mailbox_t *reader;
} scene_t;

static scene_t scene;

static int set_up(void **state)
{
    (void)state;
    scene = (scene_t){.admin = {.name = "troupe.admin"}};
    scene.admin.runtime = tr_runtime_new("test");
    scene.admin.mailbox = tr_mailbox_new("admin", 1, LIMITS);
    scene.reader = tr_mailbox_new("reader", 2, LIMITS);
    if (!scene.admin.runtime || !scene.admin.mailbox || !scene.reader) {
        return -1;
    }
    tr_streams_init(&scene.streams, &scene.admin);
    return 0;
}

static void close_box(tr_mailbox_t **mailbox)
{
    tr_mailbox_close(*mailbox);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(*mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(mailbox);
}

static int tear_down(void **state)
{
    (void)state;
    tr_streams_finish(&scene.streams);
    close_box(&scene.admin.mailbox);
    close_box(&scene.reader);
    tr_runtime_release(&scene.admin.runtime);
    return 0;
}

static void tell(const char *name, int64_t number)
{
    tr_event(scene.admin.runtime->events, TR_LOG_INFO, name, TR_NUMBER("number", number));
}

/* The admin's turn. */
static void work(void)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene.admin.mailbox, NULL)) != NULL) {
        if (letter->type == &tr_credit_type) {
            tr_streams_on_credit(&scene.streams, ((tr_note_t *)letter)->envelope);
            tr_letter_destroy(&letter);
        } else {
            assert_true(tr_event_is_in(letter));
            tr_streams_take(&scene.streams, letter);
        }
    }
}

static uint64_t last_id;

/* A call of `events`; the share is the caller's, as an envelope's is. */
static tr_envelope_t *call(const char *filter, const char *n_past, uint64_t credit,
                           int64_t timeout_ms)
{
    troupe_message_t *message = troupe_message_new();
    if (filter) {
        assert_status(troupe_message_add(message, filter, strlen(filter)), TROUPE_OK);
    }
    if (n_past) {
        assert_status(troupe_message_add(message, n_past, strlen(n_past)), TROUPE_OK);
    }
    const tr_header_t header = {
        .capability = tr_span_of("troupe.admin"),
        .method = tr_span_of("events"),
        .credit = credit,
        .timeout_ms = timeout_ms,
    };
    tr_envelope_t *envelope = tr_envelope_new(++last_id, scene.reader, &header, &message);
    assert_non_null(envelope);
    tr_streams_begin(&scene.streams, tr_envelope_share(envelope));
    return envelope;
}

static bool has(const troupe_message_t *part, const char *text)
{
    return memmem(troupe_message_data(part, 0), troupe_message_size(part, 0), text,
                  strlen(text)) != NULL;
}

/* "a b !ok": the names of events as they came, of those in the list; and how it ended. */
static void read_all(char *text, size_t size)
{
    static const char *const names[] = {"node_ready", "node_gone", "nodes",
                                        "memory",     "ended",     "events_shed"};
    size_t used = 0;
    text[0] = '\0';
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene.reader, NULL)) != NULL) {
        assert_ptr_equal(letter->type, &tr_reply_type);
        troupe_reply_t *reply = (troupe_reply_t *)letter;
        const char *mark = used ? " " : "";
        if (troupe_reply_is_final(reply)) {
            used += (size_t)snprintf(text + used, size - used, "%s!%s", mark,
                                     troupe_outcome_name(troupe_reply_outcome(reply)));
        }
        for (size_t i = 0; !troupe_reply_is_final(reply) && i < sizeof names / sizeof names[0];
             i++) {
            if (has(troupe_reply_message(reply), names[i])) {
                used += (size_t)snprintf(text + used, size - used, "%s%s", mark, names[i]);
                break;
            }
        }
        assert_true(used < size);
        troupe_reply_destroy(&reply);
    }
}

static void assert_reads(const char *want)
{
    static char text[20000];
    read_all(text, sizeof text);
    assert_string_equal(text, want);
}

static size_t count_parts(void)
{
    size_t n = 0;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene.reader, NULL)) != NULL) {
        n += !troupe_reply_is_final((troupe_reply_t *)letter);
        tr_letter_destroy(&letter);
    }
    return n;
}

/* ---- filters ---- */

static void a_filter_has_words(void **state)
{
    (void)state;
    assert_true(tr_events_filter("", "anything"));
    assert_true(tr_events_filter("  ", "anything"));
    assert_true(tr_events_filter("memory", "memory"));
    assert_true(tr_events_filter("memory", "memory_pressure"));
    assert_true(tr_events_filter("memory_pressure", "memory_pressure"));
    assert_true(tr_events_filter("  node\tmemory ", "memory_pressure"));
    assert_false(tr_events_filter("memor", "memory_pressure"));
    assert_false(tr_events_filter("memory_p", "memory_pressure"));
    assert_false(tr_events_filter("memory_pressure_high", "memory_pressure"));
    assert_false(tr_events_filter("pressure", "memory_pressure"));
    assert_false(tr_events_filter("ended", "threads_ended"));
}

/* ---- streams ---- */

static void a_reader_gets_what_it_wants(void **state)
{
    (void)state;
    tell("ended", 0); /* before anybody listened */
    tr_envelope_t *all = call(NULL, NULL, 0, 0);
    tell("memory", 1);
    work();
    assert_reads("memory");
    tr_envelope_t *some = call("node", NULL, 0, 0);
    tr_streams_cancel(&scene.streams, all);
    tell("memory", 2);
    tell("node_ready", 3);
    tell("nodes", 4);
    tell("node_gone", 5);
    work();
    assert_reads("!cancelled node_ready node_gone");
    tr_streams_cancel(&scene.streams, some);
    assert_reads("!cancelled");
    assert_null(scene.streams.subscription); /* nobody listens any more */
    tr_envelope_release(&all);
    tr_envelope_release(&some);
}

static void past_events_come_first_and_once(void **state)
{
    (void)state;
    tell("node_ready", 1);
    tell("memory", 2);
    tell("node_gone", 3);
    tr_envelope_t *other = call("none", NULL, 0, 0); /* so that events are under way */
    tell("node_ready", 4);
    tr_envelope_t *late = call("node", "2", 0, 0);
    tell("node_gone", 5);
    work();
    assert_reads("node_gone node_ready node_gone");
    tr_envelope_release(&other);
    tr_envelope_release(&late);
}

static void a_reader_has_as_many_as_it_grants(void **state)
{
    (void)state;
    tr_envelope_t *envelope = call(NULL, NULL, 2, 0);
    for (int i = 0; i < 5; i++) {
        tell(i % 2 ? "ended" : "memory", i);
    }
    work();
    assert_reads("memory ended");
    tr_envelope_grant(envelope, scene.admin.mailbox, 1, 0);
    work();
    assert_reads("memory");
    tr_envelope_grant(envelope, scene.admin.mailbox, 10, 0);
    work();
    assert_reads("ended memory");
    tell("node_ready", 6);
    work();
    assert_reads("node_ready");
    tr_envelope_release(&envelope);
}

static void a_slow_reader_is_told_what_it_lost(void **state)
{
    (void)state;
    tr_envelope_t *slow = call("memory", NULL, 1, 0);
    tr_envelope_t *quick = call("node", NULL, 100000, 0);
    for (int i = 0; i < 1 + TR_EVENTS_KEPT + 44; i++) {
        tell("memory", i);
        work();
    }
    tell("node_ready", 0);
    work();
    assert_reads("memory node_ready"); /* the quick one was not held */
    tr_envelope_grant(slow, scene.admin.mailbox, 10, 0);
    work();
    assert_int_equal(count_parts(), 10);
    tell("memory", 0); /* lost as well: it would overtake the word about the others */
    work();
    tr_envelope_grant(slow, scene.admin.mailbox, TR_EVENTS_KEPT - 10, 0);
    work();
    assert_int_equal(count_parts(), TR_EVENTS_KEPT - 10);
    tr_envelope_grant(slow, scene.admin.mailbox, 10, 0);
    work();
    tr_letter_t *letter = tr_mailbox_next(scene.reader, NULL);
    assert_non_null(letter);
    const troupe_message_t *part = troupe_reply_message((troupe_reply_t *)letter);
    assert_true(has(part, "events_shed"));
    assert_true(has(part, "\xa5"
                          "count"
                          "\x2d")); /* 45 */
    tr_letter_destroy(&letter);
    tell("memory", 0);
    work();
    assert_reads("memory");
    tr_envelope_release(&slow);
    tr_envelope_release(&quick);
}

static void a_stream_ends_at_its_deadline(void **state)
{
    (void)state;
    tr_envelope_t *endless = call(NULL, NULL, 0, 0);
    assert_int_equal(tr_streams_expire(&scene.streams, tr_clock_now_ms()), TR_NEVER);
    tr_envelope_t *brief = call(NULL, NULL, 0, 5000);
    int64_t due_ms = tr_streams_expire(&scene.streams, tr_clock_now_ms());
    assert_int_equal(due_ms, brief->sent_ms + 5000);
    assert_reads("");
    assert_int_equal(tr_streams_expire(&scene.streams, due_ms), TR_NEVER);
    assert_reads("!timeout");
    tr_envelope_release(&endless);
    tr_envelope_release(&brief);
}

static void the_end_of_the_node_ends_it(void **state)
{
    (void)state;
    tr_envelope_t *envelope = call(NULL, NULL, 1, 0);
    tell("memory", 1);
    tell("memory", 2);
    work();
    tr_streams_finish(&scene.streams);
    assert_reads("memory !shutting_down");
    tr_envelope_release(&envelope);
}

static void a_reader_that_is_gone_costs_its_stream_only(void **state)
{
    (void)state;
    tr_mailbox_t *reader = scene.reader;
    scene.reader = tr_mailbox_new("gone", 3, LIMITS);
    tr_envelope_t *gone = call(NULL, NULL, 0, 0);
    close_box(&scene.reader);
    scene.reader = reader;
    tr_envelope_t *there = call(NULL, NULL, 0, 0);
    tell("memory", 1);
    tell("ended", 2);
    work();
    assert_reads("memory ended");
    assert_int_equal(scene.streams.n, 1);
    tr_envelope_release(&gone);
    tr_envelope_release(&there);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const numbers[] = {"x", "-1", "257", "1.5",
                                          "99999999999999999999999999999"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        tr_envelope_t *envelope = call("", numbers[i], 0, 0);
        assert_reads("!bad_request");
        tr_envelope_release(&envelope);
    }
    char filter[2000];
    memset(filter, 'x', sizeof filter - 1);
    filter[sizeof filter - 1] = '\0';
    tr_envelope_t *envelope = call(filter, NULL, 0, 0);
    assert_reads("!bad_request");
    assert_int_equal(scene.streams.n, 0);
    tr_envelope_release(&envelope);
}

static void there_are_only_so_many_streams(void **state)
{
    (void)state;
    size_t n = 0;
    tr_envelope_t *envelope;
    do {
        envelope = call(NULL, NULL, 0, 0);
        n++;
        assert_true(n < 1000);
        tr_envelope_t *done = envelope;
        envelope = atomic_load(&done->is_answered) ? NULL : done;
        tr_envelope_release(&done);
    } while (envelope);
    assert_reads("!overloaded");
    assert_in_range(n, 51, 999);
    assert_int_equal(scene.streams.n, n - 1);
}

/* clang-format off */
#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
/* clang-format on */

int main(void)
{
    tr_log_set_level(TR_LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_has_words),
        STORY(a_reader_gets_what_it_wants),
        STORY(past_events_come_first_and_once),
        STORY(a_reader_has_as_many_as_it_grants),
        STORY(a_slow_reader_is_told_what_it_lost),
        STORY(a_stream_ends_at_its_deadline),
        STORY(the_end_of_the_node_ends_it),
        STORY(a_reader_that_is_gone_costs_its_stream_only),
        STORY(nonsense_is_refused),
        STORY(there_are_only_so_many_streams),
    };
    return cmocka_run_group_tests_name("node/events", tests, NULL, NULL) != 0;
}
