/* Subscribers are mailboxes that the test empties itself; who tells is the test or threads of
 * its own. Lines of the log go nowhere.
 */

#include "tests/kit/check.h"

#include <msgpack.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/event.h"

#define LIMITS ((tr_mailbox_limits_t){.letters = 100000, .bytes = (size_t)64 << 20})

static tr_events_t *hub;
static tr_mailbox_t *box;

static int set_up(void **state)
{
    (void)state;
    hub = tr_events_new();
    box = tr_mailbox_new("listener", 1, LIMITS);
    return hub && box ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    tr_events_destroy(&hub);
    if (box) {
        tr_mailbox_close(box);
    }
    tr_mailbox_release(&box);
    return 0;
}

static tr_subscription_t *subscribe(tr_mailbox_t *to, size_t most)
{
    tr_subscription_t *subscription = NULL;
    assert_status(tr_events_subscribe(hub, to, most, &subscription), TROUPE_OK);
    return subscription;
}

static tr_event_t *next_of(tr_mailbox_t *mailbox)
{
    tr_letter_t *letter = tr_mailbox_next(mailbox, NULL);
    if (!letter) {
        return NULL;
    }
    assert_true(tr_event_is_in(letter));
    tr_event_t *event = tr_event_take(&letter);
    assert_non_null(event);
    return event;
}

/* The value of a key, in a map that is read for each: "" or 0 when it is not there. */
static void read_field(const tr_event_t *event, const char *key, char *text, size_t size,
                       int64_t *number)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    assert_int_equal(msgpack_unpack_next(&unpacked, event->bytes, event->size, NULL),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(unpacked.data.type, MSGPACK_OBJECT_MAP);
    for (uint32_t i = 0; i < unpacked.data.via.map.size; i++) {
        const msgpack_object_kv *pair = &unpacked.data.via.map.ptr[i];
        if (pair->key.via.str.size != strlen(key) ||
            memcmp(pair->key.via.str.ptr, key, strlen(key)) != 0) {
            continue;
        }
        if (pair->val.type == MSGPACK_OBJECT_STR && text) {
            snprintf(text, size, "%.*s", (int)pair->val.via.str.size, pair->val.via.str.ptr);
        } else if (number) {
            *number = pair->val.type == MSGPACK_OBJECT_NEGATIVE_INTEGER
                          ? pair->val.via.i64
                          : (int64_t)pair->val.via.u64;
        }
    }
    msgpack_unpacked_destroy(&unpacked);
}

static int64_t number_in(const tr_event_t *event, const char *key)
{
    int64_t number = INT64_MIN;
    read_field(event, key, NULL, 0, &number);
    return number;
}

static void assert_text_in(const tr_event_t *event, const char *key, const char *want)
{
    char text[2 * TR_EVENT_TEXT] = "(absent)";
    read_field(event, key, text, sizeof text, NULL);
    assert_string_equal(text, want);
}

static void tell_number(int64_t number)
{
    tr_event(hub, TR_LOG_INFO, "counted", TR_NUMBER("number", number));
}

/* "3" for the event with that number, "-2" for two that were shed; a space between. */
static void read_all(tr_mailbox_t *mailbox, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (tr_event_t *event; (event = next_of(mailbox)) && used < size;) {
        bool is_shed = strcmp(event->name, TR_EVENTS_SHED) == 0;
        int written =
            snprintf(text + used, size - used, "%s%s%lld", used ? " " : "", is_shed ? "-" : "",
                     (long long)number_in(event, is_shed ? "count" : "number"));
        used += (size_t)written;
        tr_event_release(&event);
    }
}

/* ---- stories ---- */

static void an_event_says_what_the_log_says(void **state)
{
    (void)state;
    tr_subscription_t *subscription = subscribe(box, 10);
    tr_event(hub, TR_LOG_WARNING, "ended", TR_TEXT("child", "echo/1"), TR_TEXT("reason", NULL),
             TR_NUMBER("less", -7), TR_NUMBER("more", INT64_MAX));
    tr_event_t *event = next_of(box);
    assert_non_null(event);
    assert_string_equal(event->name, "ended");
    assert_int_equal(event->level, TR_LOG_WARNING);
    assert_int_equal(event->seq, 1);
    assert_text_in(event, "event", "ended");
    assert_text_in(event, "level", "warning");
    assert_text_in(event, "child", "echo/1");
    assert_text_in(event, "reason", "");
    assert_int_equal(number_in(event, "seq"), 1);
    assert_int_equal(number_in(event, "less"), -7);
    assert_int_equal(number_in(event, "more"), INT64_MAX);
    assert_true(number_in(event, "time") > INT64_C(1500000000000));
    tr_event_release(&event);
    assert_null(next_of(box));
    tr_events_unsubscribe(hub, &subscription);
    assert_null(subscription);
}

static void texts_are_cut_and_mended(void **state)
{
    (void)state;
    char text[TR_EVENT_TEXT * 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text + TR_EVENT_TEXT - 1, "\xc3\xa4", 2); /* over the edge */
    tr_subscription_t *subscription = subscribe(box, 10);
    tr_event(hub, TR_LOG_INFO, "said", TR_TEXT("long", text), TR_TEXT("odd", "a\xff\xfe z"));
    tr_event_t *event = next_of(box);
    char want[TR_EVENT_TEXT];
    memset(want, 'x', sizeof want - 1);
    want[sizeof want - 1] = '\0';
    assert_text_in(event, "long", want);
    assert_text_in(event, "odd", "a?? z");
    tr_event_release(&event);
    tr_events_unsubscribe(hub, &subscription);
}

static void more_fields_than_may_be_are_cut(void **state)
{
    (void)state;
    tr_field_t fields[TR_EVENT_FIELDS + 3];
    for (size_t i = 0; i < TR_EVENT_FIELDS + 3; i++) {
        fields[i] = TR_NUMBER(i < TR_EVENT_FIELDS ? "kept" : "lost", i);
    }
    tr_event_t *event = tr_event_new(TR_LOG_INFO, "wide", fields, TR_EVENT_FIELDS + 3);
    assert_int_equal(number_in(event, "kept"), TR_EVENT_FIELDS - 1);
    assert_int_equal(number_in(event, "lost"), INT64_MIN);
    assert_int_equal(event->seq, 0);
    tr_event_release(&event);
}

static void nobody_hears_what_was_told_before(void **state)
{
    (void)state;
    tell_number(1);
    tr_subscription_t *subscription = subscribe(box, 10);
    tell_number(2);
    tr_events_unsubscribe(hub, &subscription);
    tell_number(3);
    char text[100];
    read_all(box, text, sizeof text);
    assert_string_equal(text, "2");
}

static void what_does_not_fit_is_counted_where_it_would_have_stood(void **state)
{
    (void)state;
    tr_subscription_t *subscription = subscribe(box, 3);
    for (int i = 1; i <= 8; i++) {
        tell_number(i);
    }
    /* Room for others, but not before the word about those that are lost. */
    for (int i = 0; i < 2; i++) {
        tr_event_t *event = next_of(box);
        tr_event_release(&event);
    }
    tell_number(9);
    char text[100];
    read_all(box, text, sizeof text);
    assert_string_equal(text, "3 -6");
    for (int i = 10; i <= 14; i++) {
        tell_number(i);
    }
    read_all(box, text, sizeof text);
    assert_string_equal(text, "10 11 12 -2");
    tell_number(15);
    read_all(box, text, sizeof text);
    assert_string_equal(text, "15");
    tr_events_unsubscribe(hub, &subscription);
}

static void a_full_mailbox_loses_no_word_about_the_loss(void **state)
{
    (void)state;
    tr_mailbox_t *narrow =
        tr_mailbox_new("narrow", 2, (tr_mailbox_limits_t){.letters = 2, .bytes = 100000});
    assert_non_null(narrow);
    tr_subscription_t *subscription = subscribe(narrow, 100);
    for (int i = 1; i <= 5; i++) {
        tell_number(i);
    }
    char text[100];
    read_all(narrow, text, sizeof text);
    assert_string_equal(text, "1 2 -3");
    tr_events_unsubscribe(hub, &subscription);
    tr_mailbox_close(narrow);
    tr_mailbox_release(&narrow);
}

static void one_that_loses_does_not_harm_another(void **state)
{
    (void)state;
    tr_mailbox_t *other = tr_mailbox_new("other", 2, LIMITS);
    tr_subscription_t *slow = subscribe(box, 1);
    tr_subscription_t *quick = subscribe(other, 100);
    for (int i = 1; i <= 4; i++) {
        tell_number(i);
    }
    char text[100];
    read_all(box, text, sizeof text);
    assert_string_equal(text, "1 -3");
    read_all(other, text, sizeof text);
    assert_string_equal(text, "1 2 3 4");
    tr_events_unsubscribe(hub, &slow);
    tr_events_unsubscribe(hub, &quick);
    tr_mailbox_close(other);
    tr_mailbox_release(&other);
}

static void a_subscriber_that_is_gone_is_forgotten(void **state)
{
    (void)state;
    tr_subscription_t *subscription = subscribe(box, 2);
    for (int i = 1; i <= 4; i++) {
        tell_number(i);
    }
    tr_mailbox_close(box);
    tr_mailbox_release(&box); /* the hub holds a share until it notices */
    tell_number(5);
    tell_number(6);
    tr_events_unsubscribe(hub, &subscription);
}

static void unsubscribing_leaves_what_is_under_way(void **state)
{
    (void)state;
    tr_subscription_t *subscription = subscribe(box, 2);
    for (int i = 1; i <= 4; i++) {
        tell_number(i);
    }
    tr_events_unsubscribe(hub, &subscription);
    tr_events_unsubscribe(hub, &subscription); /* nothing is fine */
    tr_events_destroy(&hub);
    char text[100];
    read_all(box, text, sizeof text);
    assert_string_equal(text, "1 2 -2");
}

static void the_last_ones_are_kept_on_demand(void **state)
{
    (void)state;
    tr_event_t *kept[TR_EVENTS_KEPT];
    tell_number(1);
    assert_int_equal(tr_events_kept(hub, kept), 0);
    tr_events_keep(hub);
    tell_number(2);
    assert_int_equal(tr_events_kept(hub, kept), 1);
    assert_int_equal(number_in(kept[0], "number"), 2);
    tr_event_release(&kept[0]);

    for (int i = 3; i < 3 + TR_EVENTS_KEPT; i++) {
        tell_number(i);
    }
    assert_int_equal(tr_events_kept(hub, kept), TR_EVENTS_KEPT);
    uint64_t first = kept[0]->seq;
    for (int i = 0; i < TR_EVENTS_KEPT; i++) {
        assert_int_equal(number_in(kept[i], "number"), 3 + i);
        assert_int_equal(kept[i]->seq, first + (uint64_t)i);
        tr_event_release(&kept[i]);
    }
}

static void there_are_only_so_many_subscriptions(void **state)
{
    (void)state;
    tr_subscription_t *all[1000] = {0};
    size_t n = 0;
    while (n < 1000 && tr_events_subscribe(hub, box, 1, &all[n]) == TROUPE_OK) {
        n++;
    }
    assert_in_range(n, 50, 999);
    assert_status(tr_events_subscribe(hub, box, 1, &all[n]), TROUPE_LIMIT);
    tr_events_unsubscribe(hub, &all[0]);
    assert_status(tr_events_subscribe(hub, box, 1, &all[0]), TROUPE_OK);
    for (size_t i = 0; i < n; i++) {
        tr_events_unsubscribe(hub, &all[i]);
    }
}

/* ---- threads ---- */

#define N_TELLERS 3
#define N_EACH    4000

static void *tell_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < N_EACH; i++) {
        tell_number(i);
    }
    return NULL;
}

static atomic_bool is_over;

static void *come_and_go(void *arg)
{
    tr_mailbox_t *mailbox = tr_mailbox_new("guest", 7, LIMITS);
    (void)arg;
    while (mailbox && !atomic_load(&is_over)) {
        tr_subscription_t *subscription = NULL;
        if (tr_events_subscribe(hub, mailbox, 2, &subscription) == TROUPE_OK) {
            tr_letter_t *letter = tr_mailbox_next(mailbox, NULL);
            tr_letter_destroy(&letter);
            tr_events_unsubscribe(hub, &subscription);
        }
    }
    if (mailbox) {
        tr_mailbox_close(mailbox);
    }
    tr_mailbox_release(&mailbox);
    return NULL;
}

/* Each event is either told or counted, and the numbers only grow. */
static void nothing_is_told_twice_or_forgotten(void **state)
{
    (void)state;
    tr_subscription_t *subscription = subscribe(box, 16);
    atomic_store(&is_over, false);
    pthread_t tellers[N_TELLERS];
    pthread_t guest;
    for (int i = 0; i < N_TELLERS; i++) {
        assert_int_equal(pthread_create(&tellers[i], NULL, tell_many, NULL), 0);
    }
    assert_int_equal(pthread_create(&guest, NULL, come_and_go, NULL), 0);
    uint64_t n_told = 0;
    uint64_t n_shed = 0;
    uint64_t last_seq = 0;
    const uint64_t n_all = (uint64_t)N_TELLERS * N_EACH;
    while (n_told + n_shed < n_all) {
        tr_event_t *event = next_of(box);
        if (!event) {
            sched_yield();
            continue;
        }
        if (event->seq == 0) {
            n_shed += (uint64_t)number_in(event, "count");
            last_seq = 0;
        } else {
            /* Behind a word about a loss the numbers go on behind the lost ones. */
            assert_true(last_seq == 0 || event->seq == last_seq + 1);
            last_seq = event->seq;
            n_told++;
            assert_int_equal(event->seq, n_told + n_shed);
        }
        tr_event_release(&event);
    }
    for (int i = 0; i < N_TELLERS; i++) {
        pthread_join(tellers[i], NULL);
    }
    atomic_store(&is_over, true);
    pthread_join(guest, NULL);
    assert_int_equal(n_told + n_shed, n_all);
    assert_null(next_of(box));
    tr_events_unsubscribe(hub, &subscription);
}

/* clang-format off */
#define STORY(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
/* clang-format on */

int main(void)
{
    tr_log_set_level(TR_LOG_OFF);
    const struct CMUnitTest tests[] = {
        STORY(an_event_says_what_the_log_says),
        STORY(texts_are_cut_and_mended),
        STORY(more_fields_than_may_be_are_cut),
        STORY(nobody_hears_what_was_told_before),
        STORY(what_does_not_fit_is_counted_where_it_would_have_stood),
        STORY(a_full_mailbox_loses_no_word_about_the_loss),
        STORY(one_that_loses_does_not_harm_another),
        STORY(a_subscriber_that_is_gone_is_forgotten),
        STORY(unsubscribing_leaves_what_is_under_way),
        STORY(the_last_ones_are_kept_on_demand),
        STORY(there_are_only_so_many_subscriptions),
        STORY(nothing_is_told_twice_or_forgotten),
    };
    return cmocka_run_group_tests_name("actors/event", tests, NULL, NULL) != 0;
}
