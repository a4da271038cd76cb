/* What operators want of an actor in a process: that it lies still, that it goes on, that it
 * shows itself. The node keeps what comes for one that is suspended, whatever its process makes
 * of the word. What the process shows is asked of it, and waited for no longer than whoever
 * asks waits: then the node tells what it knows itself.
 *
 * Invariant: each look that was asked for is answered once: by the process, by its time, or by
 * the end.
 */

#include "actors/process/dialogue.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/utf8.h"
#include "mailbox/message.h"
#include "wire/items.h"

#define MOST_LOOKS      16
#define DEFAULT_LOOK_MS 4000
#define MOST_DEPTH      32 /* of what lies in each other in the counts */

#define ONLY_THE_NODE "; the rest is what the node knows"

struct tr_look {
    tr_look_t *next;
    uint64_t id;
    int64_t answer_by_ms;
    tr_inspection_t *inspection; /* with what the node knows */
    tr_mailbox_t *to;            /* a share */
};

/* ---- suspended ---- */

bool tr_dialogue_tell_suspension(tr_process_worker_t *worker)
{
    bool is_suspended = worker->self->is_suspended;
    if (!worker->work.is_ready || worker->looks.is_told_suspended == is_suspended) {
        return true;
    }
    tr_trp1_command_t word = is_suspended ? TR_TRP1_SUSPEND : TR_TRP1_RESUME;
    troupe_status_t status = tr_dialogue_say(worker, word, 0);
    if (status == TROUPE_OK || status == TROUPE_CLOSED) { /* nobody is there to be told */
        worker->looks.is_told_suspended = is_suspended;
    }
    return worker->looks.is_told_suspended == is_suspended;
}

void tr_dialogue_show_suspension(tr_process_worker_t *worker)
{
    if (worker->work.is_ready && !worker->work.is_stopping) {
        tr_given_work_move_to(&worker->work, TR_WORKER_READY);
        if (worker->self->is_suspended) {
            tr_given_work_move_to(&worker->work, TR_WORKER_PAUSED);
        }
    }
}

void tr_dialogue_suspend(tr_process_worker_t *worker)
{
    tr_dialogue_tell_suspension(worker);
    tr_given_work_note_progress(&worker->work); /* what it has it may begin only now */
    tr_dialogue_show_suspension(worker);
    tr_dialogue_show_work(worker);
    tr_dialogue_hand_over_mail(worker);
}

/* ---- looks ---- */

/* Takes it out of the list; NULL: there is none of that id. */
static tr_look_t *take_look(tr_process_worker_t *worker, uint64_t id)
{
    tr_look_t **link = &worker->looks.open;
    while (*link && (*link)->id != id) {
        link = &(*link)->next;
    }
    tr_look_t *look = *link;
    if (look) {
        *link = look->next;
        worker->looks.n_open--;
    }
    return look;
}

/* Takes the look. */
static void answer(const tr_process_worker_t *worker, tr_look_t *look)
{
    tr_inspection_count(look->inspection, worker->self); /* all of the same moment */
    tr_inspection_send(look->inspection, look->to, TR_LANE_CONTROL);
    tr_mailbox_release(&look->to);
    free(look);
}

static const char *why_not_now(const tr_process_worker_t *worker)
{
    bool is_ending =
        worker->has_verdict || worker->is_gone || worker->has_said_stop || worker->is_cut_off;
    return is_ending                            ? "its process ends"
           : !worker->work.is_ready             ? "its process starts"
           : worker->looks.n_open >= MOST_LOOKS ? "too many look into it already"
                                                : NULL;
}

/* NULL when out of memory. */
static tr_inspection_t *what_is_known(const tr_process_worker_t *worker, uint64_t token)
{
    tr_inspection_t *inspection = tr_inspection_new(worker->self, token);
    if (inspection) {
        inspection->n_calls = worker->errands.open.n_items;
        inspection->n_monitors = worker->monitors.by_id.n_items;
        inspection->n_aside = worker->mail.stashed.n;
    }
    return inspection;
}

static void open_look(tr_process_worker_t *worker, const tr_control_t *word,
                      tr_inspection_t *inspection)
{
    tr_look_t *look = calloc(1, sizeof *look);
    uint64_t id = ++worker->looks.last_id;
    if (!look || tr_dialogue_say(worker, TR_TRP1_INSPECT, id) != TROUPE_OK) {
        free(look);
        tr_inspection_explain(inspection, "its process does not read%s", ONLY_THE_NODE);
        tr_inspection_send(inspection, word->mailbox, TR_LANE_CONTROL);
        return;
    }
    int64_t time_ms =
        word->depth > 0 ? (int64_t)(word->depth - word->depth / 4) : DEFAULT_LOOK_MS;
    *look = (tr_look_t){.next = worker->looks.open,
                        .id = id,
                        .answer_by_ms = tr_clock_after(tr_clock_now_ms(), time_ms),
                        .inspection = inspection,
                        .to = tr_mailbox_share(word->mailbox)};
    worker->looks.open = look;
    worker->looks.n_open++;
}

void tr_dialogue_inspect(tr_process_worker_t *worker, const tr_control_t *word)
{
    tr_inspection_t *inspection = word->mailbox ? what_is_known(worker, word->number) : NULL;
    if (!inspection) {
        return;
    }
    const char *why = why_not_now(worker);
    if (why) {
        tr_inspection_explain(inspection, "%s%s", why, ONLY_THE_NODE);
        tr_inspection_send(inspection, word->mailbox, TR_LANE_CONTROL);
    } else {
        open_look(worker, word, inspection);
    }
}

static void explain_silence(const tr_process_worker_t *worker, tr_inspection_t *inspection,
                            int64_t now_ms)
{
    int64_t since_ms = atomic_load(&worker->self->pulse->running_since_ms);
    char time[32];
    if (since_ms > 0 && !worker->self->is_suspended) {
        tr_text_show_duration_us((now_ms - since_ms) * 1000, time, sizeof time);
        tr_inspection_explain(inspection, "its process has not answered: it is busy since %s%s",
                              time, ONLY_THE_NODE);
    } else {
        tr_inspection_explain(inspection, "its process has not answered%s", ONLY_THE_NODE);
    }
}

int64_t tr_dialogue_turn_looks(tr_process_worker_t *worker, int64_t now_ms)
{
    int64_t due_ms = TR_NEVER;
    for (tr_look_t *look = worker->looks.open; look;) {
        tr_look_t *next = look->next;
        if (now_ms >= look->answer_by_ms) {
            explain_silence(worker, look->inspection, now_ms);
            answer(worker, take_look(worker, look->id));
        } else if (look->answer_by_ms < due_ms) {
            due_ms = look->answer_by_ms;
        }
        look = next;
    }
    return due_ms;
}

void tr_dialogue_end_looks(tr_process_worker_t *worker)
{
    while (worker->looks.open) {
        tr_inspection_explain(worker->looks.open->inspection, "its process has ended%s",
                              ONLY_THE_NODE);
        answer(worker, take_look(worker, worker->looks.open->id));
    }
}

/* ---- what the process shows ---- */

/* Where a count of that name goes; NULL: it is not known. */
static size_t *place_of(tr_inspection_t *inspection, tr_span_t name)
{
    return tr_span_equals(name, "timers")     ? &inspection->n_timers
           : tr_span_equals(name, "monitors") ? &inspection->n_monitors
           : tr_span_equals(name, "asks")     ? &inspection->n_asks
           : tr_span_equals(name, "calls")    ? &inspection->n_calls
           : tr_span_equals(name, "aside")    ? &inspection->n_aside
                                              : NULL;
}

static void note_behaviour(tr_inspection_t *inspection, tr_span_t name)
{
    name.size = tr_utf8_cut(name, sizeof inspection->behaviour - 1);
    tr_span_copy(inspection->behaviour, sizeof inspection->behaviour, name);
    tr_utf8_mend(inspection->behaviour, strlen(inspection->behaviour));
}

/* One entry of the map; what is not known is passed. False: it is no msgpack. */
static bool read_entry(tr_reader_t *reader, tr_inspection_t *inspection)
{
    tr_item_t key;
    tr_item_t value;
    if (!tr_take_item(reader, &key) || !tr_skip_inside(reader, &key, MOST_DEPTH) ||
        !tr_take_item(reader, &value) || !tr_skip_inside(reader, &value, MOST_DEPTH)) {
        return false;
    }
    tr_span_t name = key.type == TR_ITEM_RUN ? key.run : (tr_span_t){0};
    size_t *place = place_of(inspection, name);
    if (place && value.type == TR_ITEM_NUMBER) {
        *place = (size_t)value.value;
    } else if (tr_span_equals(name, "behaviour") && value.type == TR_ITEM_RUN) {
        note_behaviour(inspection, value.run);
    }
    return true;
}

/* False: they are no map in msgpack, and nothing more. */
static bool read_counts(const troupe_message_t *message, tr_inspection_t *inspection)
{
    tr_reader_t reader =
        tr_reader_of(troupe_message_data(message, 0), troupe_message_size(message, 0));
    tr_item_t map;
    bool is_fine = tr_take_item(&reader, &map) && map.type == TR_ITEM_MAP;
    for (uint64_t i = 0; is_fine && i < map.value; i++) {
        is_fine = read_entry(&reader, inspection);
    }
    return is_fine && tr_bytes_left(&reader) == 0;
}

/* Whether it is msgpack whoever shows it has to see. NULL: there is none, or no memory. */
static troupe_message_t *state_in(const troupe_message_t *message)
{
    bool has_state = message && troupe_message_count(message) > 1;
    troupe_message_t *state = has_state ? troupe_message_new() : NULL;
    if (state && tr_message_share_frame(state, message, 1) != TROUPE_OK) {
        troupe_message_destroy(&state);
    }
    return state;
}

void tr_dialogue_take_inspected(tr_process_worker_t *worker, const tr_trp1_t *inspected,
                                const troupe_message_t *message)
{
    tr_look_t *look = take_look(worker, inspected->id);
    if (!look) {
        return; /* too late, as may happen */
    }
    tr_inspection_t *inspection = look->inspection;
    tr_inspection_t before = *inspection;
    if (message && !read_counts(message, inspection)) {
        *inspection = before;
        tr_inspection_explain(inspection, "its process has answered what is no msgpack%s",
                              ONLY_THE_NODE);
    } else {
        inspection->state = state_in(message);
        tr_inspection_explain(inspection, "%.*s", (int)inspected->text.size,
                              inspected->text.size ? inspected->text.data : "");
    }
    answer(worker, look);
}
