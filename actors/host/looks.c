/* What operators want of the worker: that it lies still, that it goes on, that it shows itself.
 * It heeds such a word between two callbacks; whoever waits for what it shows has the time.
 */

#include "actors/host/inside.h"

#include <stdio.h>

#include "mailbox/message.h"
#include "wire/items.h"

#define MOST_COUNTS 512 /* bytes that they take, the behaviour's name included */

void tr_host_suspend(tr_host_t *self, bool is_suspended)
{
    tr_control_say(self->worker->mailbox, is_suspended ? TR_WORD_SUSPEND : TR_WORD_WAKE,
                   self->worker->incarnation);
}

void tr_host_inspect(tr_host_t *self, uint64_t id)
{
    tr_control_t *word = tr_control_new(TR_WORD_INSPECT, self->worker->incarnation);
    if (word) {
        word->number = id;
        word->mailbox = tr_mailbox_share(self->mailbox);
        tr_control_send(word, self->worker->mailbox);
    }
}

/* ---- what it shows ---- */

static void put_count(tr_writer_t *writer, const char *name, size_t count)
{
    tr_put_text(writer, name);
    tr_put_number(writer, count);
}

/* NULL when out of memory. */
static troupe_message_t *counts_of(const tr_inspection_t *inspection)
{
    unsigned char bytes[MOST_COUNTS];
    tr_writer_t writer = {.at = bytes, .end = bytes + sizeof bytes};
    tr_put_map(&writer, 6);
    tr_put_text(&writer, "behaviour");
    tr_put_text(&writer, inspection->behaviour);
    put_count(&writer, "timers", inspection->n_timers);
    put_count(&writer, "monitors", inspection->n_monitors);
    put_count(&writer, "asks", inspection->n_asks);
    put_count(&writer, "calls", inspection->n_calls);
    put_count(&writer, "aside", inspection->n_aside);
    return troupe_message_from(bytes, (size_t)(writer.at - bytes));
}

/* What nobody would be shown is not sent, however large it is. */
static bool is_too_large(const tr_inspection_t *inspection)
{
    return inspection->state &&
           troupe_message_size(inspection->state, 0) > TR_INSPECTION_MOST_STATE;
}

static const char *why_not(const tr_inspection_t *inspection, char *text, size_t size)
{
    if (!is_too_large(inspection)) {
        return inspection->remark;
    }
    snprintf(text, size, "its behaviour shows a state of %zu bytes, and %zu are the most",
             troupe_message_size(inspection->state, 0), TR_INSPECTION_MOST_STATE);
    return text;
}

/* A state without a frame is none. */
static troupe_status_t add_state(troupe_message_t *message, const tr_inspection_t *inspection)
{
    bool is_to_add = inspection->state && troupe_message_count(inspection->state) > 0 &&
                     !is_too_large(inspection);
    return is_to_add ? tr_message_share_frame(message, inspection->state, 0) : TROUPE_OK;
}

void tr_host_tell_inspected(tr_host_t *self, const tr_inspection_t *inspection)
{
    char text[160];
    tr_trp1_t inspected;
    tr_trp1_init(&inspected, TR_TRP1_INSPECTED, inspection->token);
    inspected.text = tr_span_of(why_not(inspection, text, sizeof text));
    troupe_message_t *message = counts_of(inspection);
    if (message && add_state(message, inspection) == TROUPE_OK) {
        tr_uplink_send(self->uplink, &inspected, message, 0);
    }
    troupe_message_destroy(&message);
}
