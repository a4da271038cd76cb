/* Monitors, links and groups of the process. What it monitors, and is linked to, this actor is:
 * notices come to its own mailbox, and lie there among the messages for the process, so that
 * each has its turn behind all that whoever went down had sent.
 *
 * A process that says what cannot be is not asked: nobody there is somebody who has ended for
 * good. One for which the node has no memory, or that wants more than anybody can need, is
 * given up: it would wait in vain.
 */

#include "actors/process/dialogue.h"

#include "actors/dead_letter.h"
#include "actors/groups.h"
#include "actors/tracing.h"
#include "wire/down.h"

#define MOST_GROUPS 10000 /* that it is a member of */

static void give_up(tr_process_worker_t *worker, const char *why)
{
    tr_reason_t reason = tr_reason_format(TROUPE_REASON_FAILED, "%s", why);
    worker->is_deaf = true;
    tr_dialogue_fail(worker, &reason);
}

static void give_up_for_memory(tr_process_worker_t *worker)
{
    give_up(worker, "the node has no memory for what it wants to be told");
}

/* ---- whom it means ---- */

/* As a text it would be another one. */
static bool is_no_text(tr_span_t name)
{
    return name.size > 0 && memchr(name.data, '\0', name.size);
}

static troupe_ref_t *find_by_name(const tr_process_worker_t *worker, tr_span_t name)
{
    return is_no_text(name) ? NULL : tr_directory_refer(worker->self->runtime->directory, name);
}

/* A share, or NULL: nobody. */
static troupe_ref_t *find(const tr_process_worker_t *worker, const tr_trp1_t *command)
{
    troupe_ref_t *known = command->ref > 0
                              ? tr_lent_refs_get(&worker->mail.senders, (uint64_t)command->ref)
                              : NULL;
    return known ? troupe_ref_share(known) : find_by_name(worker, command->actor);
}

/* Somebody of that name who has ended for good. NULL when out of memory. */
static troupe_ref_t *nobody(const tr_process_worker_t *worker, tr_span_t name)
{
    char text[TR_TRP1_MAX_NAME + 1];
    tr_span_copy(text, sizeof text, name);
    troupe_ref_t *ref = tr_ref_new(text, "", worker->self->mailbox, 0);
    if (ref) {
        tr_ref_finish(ref);
    }
    return ref;
}

static troupe_ref_t *find_or_make(const tr_process_worker_t *worker, const tr_trp1_t *command)
{
    troupe_ref_t *ref = find(worker, command);
    return ref ? ref : nobody(worker, command->actor);
}

/* ---- monitors ---- */

static void open_monitor(tr_process_worker_t *worker, troupe_ref_t *whom, uint64_t id)
{
    switch (tr_monitors_open(&worker->monitors, whom, id)) {
    case TROUPE_OK:
        break;
    case TROUPE_EXISTS:
        tr_given_work_meet_unknown(&worker->work, id);
        break;
    case TROUPE_LIMIT:
        give_up(worker, "it monitors too many");
        break;
    default:
        give_up_for_memory(worker);
        break;
    }
}

void tr_dialogue_take_monitor(tr_process_worker_t *worker, const tr_trp1_t *monitor)
{
    if (monitor->id == 0) {
        tr_given_work_meet_unknown(&worker->work, monitor->id);
        return;
    }
    troupe_ref_t *whom = find_or_make(worker, monitor);
    if (whom) {
        open_monitor(worker, whom, monitor->id);
    } else {
        give_up_for_memory(worker);
    }
    troupe_ref_release(&whom);
}

void tr_dialogue_take_demonitor(tr_process_worker_t *worker, const tr_trp1_t *demonitor)
{
    tr_monitors_close(&worker->monitors, demonitor->id); /* it may have been told just before */
}

/* ---- links ---- */

void tr_dialogue_take_link(tr_process_worker_t *worker, const tr_trp1_t *link)
{
    troupe_ref_t *whom = find_or_make(worker, link);
    bool is_self = whom == worker->self->ref;
    if (!whom ||
        (!is_self && tr_watching_link(&worker->monitors.watching, whom) != TROUPE_OK)) {
        give_up_for_memory(worker);
    }
    troupe_ref_release(&whom);
}

void tr_dialogue_take_unlink(tr_process_worker_t *worker, const tr_trp1_t *unlink)
{
    troupe_ref_t *whom = find(worker, unlink);
    if (whom && whom != worker->self->ref) {
        tr_watching_unlink(&worker->monitors.watching, whom);
    }
    troupe_ref_release(&whom);
}

/* ---- notices ---- */

/* Nothing follows from an end that was well; it is only the end of the tie. */
static bool is_of_no_account(const tr_mail_t *notice)
{
    return notice->is_link && notice->reason->kind == TROUPE_REASON_NORMAL;
}

void tr_dialogue_take_notice(tr_process_worker_t *worker, tr_mail_t *notice)
{
    tr_letter_t *letter = &notice->letter;
    if (is_of_no_account(notice)) {
        tr_ref_untie(worker->self->ref, notice->number);
        tr_letter_destroy(&letter);
    } else {
        tr_dialogue_take_mail(worker, notice);
    }
}

static void fall_with(tr_process_worker_t *worker, const tr_mail_t *notice)
{
    if (tr_watching_take(&worker->monitors.watching, notice)) {
        tr_reason_t reason = tr_watching_reason_to_fall(notice);
        tr_dialogue_fail(worker, &reason);
    }
}

static troupe_status_t say_down(tr_process_worker_t *worker, const tr_mail_t *notice,
                                uint64_t id)
{
    tr_trp1_t down;
    tr_trp1_init(&down, TR_TRP1_DOWN, id);
    tr_span_t name = tr_span_of(troupe_ref_name(notice->from));
    if (name.size <= TR_TRP1_MAX_NAME) {
        down.from = name;
    }
    tr_down_say_reason(&down, notice->reason);
    return tr_dialogue_send(worker, &down, NULL);
}

/* It counts, and is traced, as a message that the actor takes. */
static void note_told(const tr_process_worker_t *worker, const tr_mail_t *notice)
{
    tr_pulse_count_message(worker->self->pulse, tr_clock_now_ms());
    if (tr_tracing_is_on(worker->self)) {
        tr_traced_t traced;
        tr_tracing_begin(&traced, notice);
        tr_tracing_end(&traced, worker->self, "done");
    }
}

/* It is over when it was said: until then the process may take it back. */
static bool has_told(tr_process_worker_t *worker, const tr_mail_t *notice)
{
    uint64_t id = tr_monitors_id_of(&worker->monitors, notice);
    if (id > 0 && say_down(worker, notice, id) != TROUPE_OK) {
        return false;
    }
    if (id > 0) {
        note_told(worker, notice);
    }
    tr_monitors_settle(&worker->monitors, notice);
    return true;
}

bool tr_dialogue_pass_on_notice(tr_process_worker_t *worker, const tr_mail_t *notice)
{
    if (!notice->is_link) {
        return has_told(worker, notice);
    }
    fall_with(worker, notice);
    return true;
}

/* ---- groups ---- */

/* False: that is the name of no group. */
static bool copy_name(char name[TR_DIRECTORY_NAME_SIZE], tr_span_t group)
{
    if (group.size == 0 || group.size >= TR_DIRECTORY_NAME_SIZE || is_no_text(group)) {
        return false;
    }
    tr_span_copy(name, TR_DIRECTORY_NAME_SIZE, group);
    return true;
}

void tr_dialogue_take_join(tr_process_worker_t *worker, const tr_trp1_t *join)
{
    const tr_self_t *self = worker->self;
    char group[TR_DIRECTORY_NAME_SIZE];
    if (!copy_name(group, join->group)) {
        return;
    }
    troupe_status_t status =
        tr_groups_join(self->runtime->groups, group, self->ref, self->incarnation);
    if (status == TROUPE_ERR_NOMEM) {
        give_up_for_memory(worker);
    } else if (atomic_load(&self->ref->n_groups) > MOST_GROUPS) {
        give_up(worker, "it joins too many groups");
    }
}

void tr_dialogue_take_leave(tr_process_worker_t *worker, const tr_trp1_t *leave)
{
    const tr_self_t *self = worker->self;
    char group[TR_DIRECTORY_NAME_SIZE];
    if (copy_name(group, leave->group)) {
        tr_groups_leave(self->runtime->groups, group, self->ref);
    }
}

typedef struct publication {
    const tr_self_t *from;
    const troupe_message_t *message;
} publication_t;

static void publish_to(void *arg, troupe_ref_t *member)
{
    const publication_t *publication = arg;
    troupe_ref_t *self = publication->from->ref;
    troupe_message_t *share =
        member == self ? NULL : troupe_message_share(publication->message);
    tr_mail_t *mail = share ? tr_mail_new(&share, self, NULL) : NULL;
    if (mail && tr_tracing_is_on(publication->from)) {
        tr_tracing_tell_sent(publication->from, troupe_ref_name(member), mail);
    }
    if (mail) {
        troupe_status_t status =
            tr_runtime_post(publication->from->runtime, member, TR_LANE_USER, mail);
        (void)status; /* what is not delivered is told by that */
    }
}

void tr_dialogue_take_publish(tr_process_worker_t *worker, const tr_trp1_t *publish,
                              troupe_message_t **message_p)
{
    const tr_self_t *self = worker->self;
    char group[TR_DIRECTORY_NAME_SIZE];
    if (!copy_name(group, publish->group)) {
        tr_dead_letter_tell(self->runtime, "", self->name, tr_mail_type.name,
                            "it was published to what is no group");
        return;
    }
    if (!*message_p) {
        *message_p = troupe_message_new();
    }
    if (*message_p) {
        tr_groups_each(self->runtime->groups, group, publish_to,
                       &(publication_t){.from = self, .message = *message_p});
    }
}
