/* Monitors, links and groups of a process, told step by step. The process, the way to it, and
 * all others are played here; what it is told is written down. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/groups.h"
#include "actors/process/dialogue.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/kit/fault_point.h"

#define WINDOW 16
#define LIFE   7
#define OTHERS 100 /* the first life of others */

static troupe_status_t way; /* what becomes of all that is sent */
static char trace[4096];    /* what was: "m1" a message, "d5:a:failed" a notice */

static void note(const char *word)
{
    size_t size = strlen(trace);
    snprintf(trace + size, sizeof trace - size, "%s%s", size ? " " : "", word);
}

troupe_status_t __wrap_tr_child_link_send(tr_child_link_t *link, const tr_trp1_t *command,
                                          const troupe_message_t *message);
bool __wrap_tr_child_link_is_known(const tr_child_link_t *link);
void *__wrap_tr_child_link_socket(tr_child_link_t *link);

troupe_status_t __wrap_tr_child_link_send(tr_child_link_t *link, const tr_trp1_t *command,
                                          const troupe_message_t *message)
{
    (void)link;
    (void)message;
    char word[200];
    if (way != TROUPE_OK) {
        return way;
    }
    if (command->command == TR_TRP1_DOWN) {
        snprintf(word, sizeof word, "d%llu:%.*s:%.*s", (unsigned long long)command->id,
                 (int)command->from.size, command->from.data, (int)command->reason.size,
                 command->reason.data);
    } else {
        assert_int_equal(command->command, TR_TRP1_MESSAGE);
        snprintf(word, sizeof word, "m%llu", (unsigned long long)command->id);
    }
    note(word);
    return TROUPE_OK;
}

bool __wrap_tr_child_link_is_known(const tr_child_link_t *link)
{
    (void)link;
    return true;
}

void *__wrap_tr_child_link_socket(tr_child_link_t *link)
{
    return link;
}

static void assert_told(const char *want)
{
    assert_string_equal(trace, want);
    trace[0] = '\0';
}

/* ---- the scene ---- */

typedef struct scene {
    tr_self_t self;
    tr_process_worker_t worker;
    troupe_ref_t *a;
    troupe_ref_t *b;
    uint64_t last_life;
} scene_t;

static troupe_ref_t *actor_called(scene_t *scene, const char *name)
{
    troupe_ref_t *ref;
    assert_status(tr_directory_claim(scene->self.runtime->directory, name, "",
                                     (tr_mailbox_limits_t){1000, 1 << 20}, true, &ref),
                  TROUPE_OK);
    return ref;
}

static void begin(scene_t *scene, troupe_ref_t *actor)
{
    tr_ref_begin(actor, ++scene->last_life);
}

/* It may come back. */
static void end(troupe_ref_t *actor, troupe_reason_kind_t kind)
{
    const tr_reason_t reason = tr_reason_of(kind);
    tr_ref_end(actor, tr_ref_incarnation(actor), &reason);
}

static void end_for_good(scene_t *scene, troupe_ref_t *actor)
{
    if (tr_ref_incarnation(actor) > 0) {
        end(actor, TROUPE_REASON_NORMAL);
    }
    tr_runtime_retire(scene->self.runtime, "", actor->name, false);
}

static void begin_worker(scene_t *scene)
{
    tr_process_worker_t *worker = &scene->worker;
    *worker = (tr_process_worker_t){.self = &scene->self, .kill_at_ms = TR_NEVER};
    tr_process_init(&worker->process);
    tr_given_work_init(&worker->work, &scene->self);
    tr_errands_init(&worker->errands, &scene->self);
    tr_idmap_init(&worker->mail.questions);
    tr_lent_refs_init(&worker->mail.senders);
    tr_monitors_init(&worker->monitors, scene->self.mailbox, scene->self.ref,
                     scene->self.incarnation);
    worker->work.is_ready = worker->mail.is_welcome = true;
    atomic_store(&scene->self.pulse->state, TR_WORKER_READY);
}

static int set_up(void **state)
{
    static scene_t scene;
    tr_log_set_level(TR_LOG_OFF);
    scene = (scene_t){.last_life = OTHERS};
    tr_self_t *self = &scene.self;
    self->runtime = tr_runtime_new("studio");
    assert_non_null(self->runtime);
    self->name = (char *)(uintptr_t) "talker";
    self->ref = actor_called(&scene, self->name);
    self->mailbox = self->ref->mailbox;
    self->incarnation = LIFE;
    self->pulse = tr_pulse_new();
    assert_non_null(self->pulse);
    tr_ref_begin(self->ref, LIFE);
    tr_mailbox_move_in(self->mailbox, LIFE);
    begin_worker(&scene);
    scene.a = actor_called(&scene, "a");
    scene.b = actor_called(&scene, "b");
    begin(&scene, scene.a);
    begin(&scene, scene.b);
    way = TROUPE_OK;
    trace[0] = '\0';
    *state = &scene;
    return 0;
}

/* Its life, but not its reference. */
static void end_worker(scene_t *scene)
{
    tr_process_worker_t *worker = &scene->worker;
    tr_dialogue_leave_mail(worker);
    tr_monitors_finish(&worker->monitors);
    tr_errands_finish(&worker->errands);
    tr_given_work_finish(&worker->work);
    tr_groups_forget(scene->self.runtime->groups, scene->self.ref, scene->self.incarnation);
}

static int tear_down(void **state)
{
    scene_t *scene = *state;
    tr_fault_disarm(&tr_fault_memory);
    end_worker(scene);
    tr_mailbox_leave_for_good(scene->self.mailbox);
    end_for_good(scene, scene->a);
    end_for_good(scene, scene->b);
    end_for_good(scene, scene->self.ref);
    troupe_ref_release(&scene->a);
    troupe_ref_release(&scene->b);
    troupe_ref_release(&scene->self.ref);
    tr_pulse_release(&scene->self.pulse);
    tr_runtime_release(&scene->self.runtime);
    return 0;
}

static int64_t dead_letters(const scene_t *scene)
{
    return tr_metric_value(scene->self.runtime->dead_letters);
}

/* ---- what happens ---- */

/* The actor takes what lies in its mailbox, and gives to the process what that may have. */
static void turn(scene_t *scene)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene->self.mailbox, NULL)) != NULL) {
        tr_mail_t *mail = tr_mail_in(letter);
        assert_non_null(mail);
        if (mail->kind == TROUPE_MESSAGE_DOWN) {
            tr_dialogue_take_notice(&scene->worker, mail);
        } else {
            tr_dialogue_take_mail(&scene->worker, mail);
        }
    }
    tr_dialogue_hand_over_mail(&scene->worker);
}

static void send_messages(scene_t *scene, troupe_ref_t *from, int n)
{
    for (int i = 0; i < n; i++) {
        troupe_message_t *message = troupe_message_from_text("news");
        tr_mail_t *mail = tr_mail_new(&message, from, NULL);
        assert_non_null(mail);
        assert_status(tr_ref_post(scene->self.ref, TR_LANE_USER, &mail), TROUPE_OK);
    }
}

static tr_trp1_t about(tr_trp1_command_t word, uint64_t id, const char *actor)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, id);
    command.actor = tr_span_of(actor);
    return command;
}

static void monitor(scene_t *scene, uint64_t id, const char *actor)
{
    const tr_trp1_t command = about(TR_TRP1_MONITOR, id, actor);
    tr_dialogue_take_monitor(&scene->worker, &command);
}

static void demonitor(scene_t *scene, uint64_t id)
{
    const tr_trp1_t command = about(TR_TRP1_DEMONITOR, id, NULL);
    tr_dialogue_take_demonitor(&scene->worker, &command);
}

static void tie(scene_t *scene, const char *actor)
{
    const tr_trp1_t command = about(TR_TRP1_LINK, 0, actor);
    tr_dialogue_take_link(&scene->worker, &command);
}

static void untie(scene_t *scene, const char *actor)
{
    const tr_trp1_t command = about(TR_TRP1_UNLINK, 0, actor);
    tr_dialogue_take_unlink(&scene->worker, &command);
}

static void settle(scene_t *scene, uint64_t id)
{
    tr_trp1_t command;
    tr_trp1_init(&command, TR_TRP1_SETTLED, id);
    tr_dialogue_take_settled(&scene->worker, &command);
}

static void assert_given_up(const scene_t *scene, const char *why)
{
    assert_true(scene->worker.has_verdict);
    assert_int_equal(scene->worker.verdict.kind, TROUPE_REASON_FAILED);
    assert_string_equal(scene->worker.verdict.text, why);
}

/* ---- monitors ---- */

static void an_end_is_told_behind_what_was_sent(void **state)
{
    scene_t *scene = *state;
    monitor(scene, 5, "a");
    monitor(scene, 6, "a"); /* one more of its own */
    send_messages(scene, scene->a, 2);
    end(scene->a, TROUPE_REASON_CRASHED);
    send_messages(scene, scene->b, 1);
    turn(scene);
    assert_told("m1 m2 d5:a:crashed d6:a:crashed m3");
    begin(scene, scene->a);
    end(scene->a, TROUPE_REASON_FAILED); /* of no interest */
    turn(scene);
    assert_told("");
    assert_int_equal(scene->worker.monitors.by_number.n_items, 0);
    assert_int_equal(scene->worker.monitors.watching.open.n_items, 0);
}

static void it_needs_no_place_among_those_under_way(void **state)
{
    scene_t *scene = *state;
    monitor(scene, 5, "a");
    monitor(scene, 6, "b");
    send_messages(scene, scene->a, WINDOW);
    end(scene->a, TROUPE_REASON_NORMAL);
    send_messages(scene, scene->b, 1);
    end(scene->b, TROUPE_REASON_HUNG);
    turn(scene);
    assert_told("m1 m2 m3 m4 m5 m6 m7 m8 m9 m10 m11 m12 m13 m14 m15 m16 d5:a:normal");
    settle(scene, 3); /* the message before the other one has a place now */
    assert_told("m17 d6:b:hung");
}

static void it_waits_until_the_process_reads(void **state)
{
    scene_t *scene = *state;
    monitor(scene, 5, "a");
    monitor(scene, 6, "a");
    way = TROUPE_FULL;
    end(scene->a, TROUPE_REASON_FAILED);
    send_messages(scene, scene->b, 1);
    turn(scene);
    turn(scene);
    demonitor(scene, 5); /* while it waits */
    way = TROUPE_OK;
    turn(scene);
    assert_told("d6:a:failed m1");
}

static void one_that_is_not_ready_is_told_later(void **state)
{
    scene_t *scene = *state;
    scene->worker.work.is_ready = false;
    monitor(scene, 5, "a");
    end(scene->a, TROUPE_REASON_FAILED);
    turn(scene);
    assert_told("");
    scene->worker.work.is_ready = true;
    turn(scene);
    assert_told("d5:a:failed");
}

static void who_takes_no_messages_is_told_all_the_same(void **state)
{
    scene_t *scene = *state;
    scene->worker.mail.is_welcome = false;
    monitor(scene, 5, "a");
    send_messages(scene, scene->a, WINDOW + 1);
    end(scene->a, TROUPE_REASON_FAILED);
    turn(scene);
    assert_told("d5:a:failed");
    assert_int_equal(dead_letters(scene), WINDOW + 1);
}

static void between_two_lives_the_next_one_is_meant(void **state)
{
    scene_t *scene = *state;
    end(scene->a, TROUPE_REASON_FAILED);
    monitor(scene, 5, "a");
    turn(scene);
    assert_told("");
    begin(scene, scene->a);
    end(scene->a, TROUPE_REASON_EXITED);
    turn(scene);
    assert_told("d5:a:exited");
}

static void of_nobody_it_is_told_at_once(void **state)
{
    scene_t *scene = *state;
    monitor(scene, 5, "who");
    monitor(scene, 6, NULL);
    tr_trp1_t unknown = about(TR_TRP1_MONITOR, 7, NULL);
    unknown.ref = 99;
    tr_dialogue_take_monitor(&scene->worker, &unknown);
    tr_trp1_t no_text = about(TR_TRP1_MONITOR, 8, NULL);
    no_text.actor = (tr_span_t){"a\0b", 3};
    tr_dialogue_take_monitor(&scene->worker, &no_text);
    turn(scene);
    assert_told("d5:who:gone d6::gone d7::gone d8:a:gone");
    end_for_good(scene, scene->a);
    monitor(scene, 5, "a");
    turn(scene);
    assert_told("d5:a:gone");
}

static void whoever_has_sent_is_known_by_number(void **state)
{
    scene_t *scene = *state;
    send_messages(scene, scene->a, 1);
    turn(scene);
    tr_trp1_t command = about(TR_TRP1_MONITOR, 5, "b");
    command.ref = 1; /* a; the number counts, and not the name */
    tr_dialogue_take_monitor(&scene->worker, &command);
    end_for_good(scene, scene->a);
    turn(scene);
    assert_told("m1 d5:a:normal");
    command.id = 6;
    tr_dialogue_take_monitor(&scene->worker, &command);
    turn(scene);
    assert_told("d6:a:gone");
}

static void one_that_is_taken_back_is_not_told(void **state)
{
    scene_t *scene = *state;
    monitor(scene, 5, "a");
    demonitor(scene, 5);
    demonitor(scene, 5);
    demonitor(scene, 77);
    monitor(scene, 6, "a");
    end(scene->a, TROUPE_REASON_FAILED);
    demonitor(scene, 6); /* it lies in the mailbox */
    turn(scene);
    assert_told("");
}

static void a_number_can_be_used_again(void **state)
{
    scene_t *scene = *state;
    monitor(scene, 5, "a");
    end(scene->a, TROUPE_REASON_FAILED);
    demonitor(scene, 5);
    monitor(scene, 5, "b"); /* the notice that lies there is for the first one */
    turn(scene);
    assert_told("");
    end(scene->b, TROUPE_REASON_LOST);
    turn(scene);
    assert_told("d5:b:lost");
}

static void one_that_is_open_cannot_be_opened(void **state)
{
    scene_t *scene = *state;
    monitor(scene, 5, "a");
    monitor(scene, 5, "b");
    monitor(scene, 0, "b");
    assert_true(scene->worker.work.has_met_unknown);
    end(scene->b, TROUPE_REASON_FAILED);
    end(scene->a, TROUPE_REASON_FAILED);
    turn(scene);
    assert_told("d5:a:failed");
    assert_false(scene->worker.has_verdict);
}

static void of_itself_it_hears_nothing(void **state)
{
    scene_t *scene = *state;
    monitor(scene, 5, "talker");
    monitor(scene, 6, "a");
    end_worker(scene);
    assert_null(scene->self.ref->watches);
    assert_null(scene->a->watches);
    end(scene->self.ref, TROUPE_REASON_FAILED);
    scene->self.incarnation = LIFE + 1;
    tr_ref_begin(scene->self.ref, LIFE + 1);
    begin_worker(scene);
    turn(scene);
    assert_told("");
}

static void notices_are_for_one_life(void **state)
{
    scene_t *scene = *state;
    monitor(scene, 5, "a");
    monitor(scene, 6, "b");
    way = TROUPE_FULL;
    end(scene->a, TROUPE_REASON_FAILED);
    turn(scene); /* it waits */
    send_messages(scene, scene->b, 1);
    end(scene->b, TROUPE_REASON_FAILED);
    turn(scene);
    end_worker(scene);
    assert_int_equal(tr_mailbox_depth(scene->self.mailbox), 1); /* the message */
    tr_mailbox_leave_for_good(scene->self.mailbox);
    way = TROUPE_OK;
    scene->self.incarnation = LIFE + 1;
    tr_ref_begin(scene->self.ref, LIFE + 1);
    tr_mailbox_move_in(scene->self.mailbox, LIFE + 1);
    begin_worker(scene);
    monitor(scene, 5, "a"); /* between two lives */
    turn(scene);
    assert_told("m1");
    assert_int_equal(dead_letters(scene), 0);
}

static void too_many_monitors_end_it(void **state)
{
    scene_t *scene = *state;
    for (uint64_t id = 1; id <= TR_MONITORS_MOST; id++) {
        monitor(scene, id, "a");
    }
    assert_false(scene->worker.has_verdict);
    demonitor(scene, 17);
    monitor(scene, 17, "b");
    assert_false(scene->worker.has_verdict);
    monitor(scene, TR_MONITORS_MOST + 1, "a");
    assert_given_up(scene, "it monitors too many");
    assert_true(scene->worker.is_deaf);
}

/* What is waited for in vain would be worse. */
static void without_memory_it_is_given_up(void **state)
{
    scene_t *scene = *state;
    for (size_t n = 0;; n++) {
        trace[0] = '\0';
        tr_fault_arm(&tr_fault_memory, n, 1);
        monitor(scene, n + 1, n % 2 ? "a" : "nobody");
        tie(scene, "b");
        bool is_struck = tr_fault_memory.n_hits > 0;
        tr_fault_disarm(&tr_fault_memory);
        assert_int_equal(scene->worker.has_verdict, is_struck);
        if (!is_struck) {
            return;
        }
        assert_given_up(scene, "the node has no memory for what it wants to be told");
        scene->worker.has_verdict = scene->worker.is_deaf = false;
        scene->worker.killed_ms = 0;
        untie(scene, "b");
    }
}

/* ---- links ---- */

static void it_falls_when_it_has_taken_what_was_sent(void **state)
{
    scene_t *scene = *state;
    tie(scene, "a");
    tie(scene, "a"); /* once is enough */
    send_messages(scene, scene->a, 2);
    end(scene->a, TROUPE_REASON_FAILED);
    send_messages(scene, scene->b, 1);
    turn(scene);
    assert_told("m1 m2");
    settle(scene, 1);
    assert_false(scene->worker.has_verdict);
    settle(scene, 2);
    assert_given_up(scene, "linked to a, which ended: failed");
    assert_told("");
}

static void but_not_when_it_has_untied_itself_meanwhile(void **state)
{
    scene_t *scene = *state;
    tie(scene, "a");
    send_messages(scene, scene->a, 1);
    end(scene->a, TROUPE_REASON_FAILED);
    send_messages(scene, scene->b, 1);
    turn(scene);
    untie(scene, "a");
    untie(scene, "nobody");
    settle(scene, 1);
    assert_told("m1 m2");
    assert_false(scene->worker.has_verdict);
}

static void not_for_an_end_that_was_well(void **state)
{
    scene_t *scene = *state;
    tie(scene, "a");
    tie(scene, "talker");
    send_messages(scene, scene->b, 1);
    end(scene->a, TROUPE_REASON_NORMAL);
    send_messages(scene, scene->b, 1);
    turn(scene);
    assert_told("m1 m2"); /* nor does it wait for the first one */
    assert_false(scene->worker.has_verdict);
}

static void with_nobody_it_falls(void **state)
{
    scene_t *scene = *state;
    tie(scene, "who");
    turn(scene);
    assert_given_up(scene, "linked to who, which ended: gone");
}

static void others_fall_with_it(void **state)
{
    scene_t *scene = *state;
    tie(scene, "a");
    end_worker(scene);
    end(scene->self.ref, TROUPE_REASON_CRASHED);
    tr_letter_t *letter = tr_mailbox_next(scene->a->mailbox, NULL);
    assert_non_null(letter);
    assert_true(tr_mail_in(letter)->is_link);
    assert_int_equal(tr_mail_in(letter)->reason->kind, TROUPE_REASON_CRASHED);
    tr_letter_destroy(&letter);
    begin_worker(scene);
}

/* ---- groups ---- */

static tr_trp1_t about_group(tr_trp1_command_t word, const char *group)
{
    tr_trp1_t command;
    tr_trp1_init(&command, word, 0);
    command.group = tr_span_of(group);
    return command;
}

static void join(scene_t *scene, const char *group)
{
    const tr_trp1_t command = about_group(TR_TRP1_JOIN, group);
    tr_dialogue_take_join(&scene->worker, &command);
}

static void publish(scene_t *scene, const char *group, const char *text)
{
    const tr_trp1_t command = about_group(TR_TRP1_PUBLISH, group);
    troupe_message_t *message = text ? troupe_message_from_text(text) : NULL;
    tr_dialogue_take_publish(&scene->worker, &command, &message);
    troupe_message_destroy(&message);
}

static size_t size_of(const scene_t *scene, const char *group)
{
    return tr_groups_size(scene->self.runtime->groups, group);
}

static void takes(troupe_ref_t *actor, const troupe_ref_t *from, const char *want)
{
    tr_letter_t *letter = tr_mailbox_next(actor->mailbox, NULL);
    assert_non_null(letter);
    const tr_mail_t *mail = tr_mail_in(letter);
    assert_ptr_equal(mail->from, from);
    char *text = troupe_message_count(mail->message) > 0 ? troupe_message_text(mail->message, 0)
                                                         : strdup("");
    assert_string_equal(text, want);
    free(text);
    tr_letter_destroy(&letter);
}

static void it_is_among_others(void **state)
{
    scene_t *scene = *state;
    tr_groups_t *groups = scene->self.runtime->groups;
    assert_status(tr_groups_join(groups, "news", scene->a, OTHERS + 1), TROUPE_OK);
    join(scene, "news");
    join(scene, "news");
    assert_int_equal(size_of(scene, "news"), 2);
    publish(scene, "news", "one");
    publish(scene, "news", NULL); /* without a frame */
    takes(scene->a, scene->self.ref, "one");
    takes(scene->a, scene->self.ref, "");
    assert_null(tr_mailbox_next(scene->self.mailbox, NULL)); /* not to itself */
    const tr_trp1_t leave = about_group(TR_TRP1_LEAVE, "news");
    tr_dialogue_take_leave(&scene->worker, &leave);
    tr_dialogue_take_leave(&scene->worker, &leave);
    assert_int_equal(size_of(scene, "news"), 1);
    publish(scene, "news", "three"); /* who is no member may speak */
    takes(scene->a, scene->self.ref, "three");
    publish(scene, "empty", "to nobody");
    join(scene, "news");
    join(scene, "olds");
    end_worker(scene);
    assert_int_equal(size_of(scene, "news"), 1);
    assert_int_equal(size_of(scene, "olds"), 0);
    begin_worker(scene);
    assert_int_equal(dead_letters(scene), 0);
}

static void what_is_no_group_is_refused(void **state)
{
    scene_t *scene = *state;
    char longest[TR_TRP1_MAX_NAME + 1];
    memset(longest, 'g', TR_TRP1_MAX_NAME);
    longest[TR_TRP1_MAX_NAME] = '\0';
    join(scene, longest);
    join(scene, "");
    tr_trp1_t command = about_group(TR_TRP1_JOIN, "");
    command.group = (tr_span_t){"a\0b", 3};
    tr_dialogue_take_join(&scene->worker, &command);
    assert_int_equal(atomic_load(&scene->self.ref->n_groups), 0);
    publish(scene, longest, "x");
    publish(scene, "", "x");
    assert_int_equal(dead_letters(scene), 2);
    longest[TR_TRP1_MAX_NAME - 1] = '\0';
    join(scene, longest);
    assert_int_equal(size_of(scene, longest), 1);
    const tr_trp1_t leave = about_group(TR_TRP1_LEAVE, "");
    tr_dialogue_take_leave(&scene->worker, &leave);
    assert_false(scene->worker.has_verdict);
}

static void too_many_groups_end_it(void **state)
{
    enum { MOST = 10000 };
    scene_t *scene = *state;
    char name[20];
    for (int i = 0; i <= MOST; i++) {
        assert_false(scene->worker.has_verdict);
        snprintf(name, sizeof name, "group %d", i);
        join(scene, name);
        join(scene, "group 0"); /* which is no other one */
    }
    assert_given_up(scene, "it joins too many groups");
}

static void without_memory_for_a_group_it_is_given_up(void **state)
{
    scene_t *scene = *state;
    tr_fault_arm(&tr_fault_memory, 0, 1);
    join(scene, "news");
    tr_fault_disarm(&tr_fault_memory);
    assert_given_up(scene, "the node has no memory for what it wants to be told");
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(an_end_is_told_behind_what_was_sent),
        story(it_needs_no_place_among_those_under_way),
        story(it_waits_until_the_process_reads),
        story(one_that_is_not_ready_is_told_later),
        story(who_takes_no_messages_is_told_all_the_same),
        story(between_two_lives_the_next_one_is_meant),
        story(of_nobody_it_is_told_at_once),
        story(whoever_has_sent_is_known_by_number),
        story(one_that_is_taken_back_is_not_told),
        story(a_number_can_be_used_again),
        story(one_that_is_open_cannot_be_opened),
        story(of_itself_it_hears_nothing),
        story(notices_are_for_one_life),
        story(too_many_monitors_end_it),
        story(without_memory_it_is_given_up),
        story(it_falls_when_it_has_taken_what_was_sent),
        story(but_not_when_it_has_untied_itself_meanwhile),
        story(not_for_an_end_that_was_well),
        story(with_nobody_it_falls),
        story(others_fall_with_it),
        story(it_is_among_others),
        story(what_is_no_group_is_refused),
        story(too_many_groups_end_it),
        story(without_memory_for_a_group_it_is_given_up),
    };
    return cmocka_run_group_tests_name("actors/process_watching", tests, NULL, NULL) != 0;
}
