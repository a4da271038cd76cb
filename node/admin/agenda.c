/* The admin calls itself: an envelope whose reply comes to its own mailbox. An item of which
 * the answer is awaited is not begun again; when it is due meanwhile, that time is missed.
 */

#include "node/admin/agenda.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mailbox/reply.h"
#include "node/assembly.h"

/* A pool may have a long way to go. */
#define PATIENCE_MS ((int64_t)3600 * 1000)

struct tr_agenda_item {
    tr_agenda_item_t *next;
    tr_later_t what;
    bool is_once; /* an operator has put it off */
    bool is_gone; /* not in the file any more, or done: freed when nothing is awaited */
    tr_timing_t timing;
    uint64_t awaited; /* id of the call; 0: none */
};

void tr_agenda_init(tr_agenda_t *self, tr_self_t *admin, tr_agenda_fn *call, void *arg)
{
    assert(self && admin && call);
    *self = (tr_agenda_t){.admin = admin, .call = call, .arg = arg};
}

static void sweep(tr_agenda_t *self)
{
    for (tr_agenda_item_t **link = &self->first; *link;) {
        tr_agenda_item_t *item = *link;
        if (item->is_gone && item->awaited == 0) {
            *link = item->next;
            self->n_later -= item->is_once;
            free(item);
        } else {
            link = &item->next;
        }
    }
}

void tr_agenda_finish(tr_agenda_t *self)
{
    assert(self);
    for (tr_agenda_item_t *item = self->first; item; item = item->next) {
        item->is_gone = true;
        item->awaited = 0;
    }
    sweep(self);
}

/* ---- what there is to do ---- */

static tr_agenda_item_t *add(tr_agenda_t *self, const tr_later_t *what)
{
    tr_agenda_item_t *item = calloc(1, sizeof *item);
    if (item) {
        item->what = *what;
        item->next = self->first;
        self->first = item;
    }
    return item;
}

static tr_later_t deed_of(const tr_config_errand_t *errand)
{
    tr_later_t what = {.deed = errand->evict     ? TR_DEED_EVICT
                               : errand->restart ? TR_DEED_RESTART
                                                 : TR_DEED_SCALE};
    const char *name = errand->evict     ? errand->evict
                       : errand->restart ? errand->restart
                                         : errand->scale;
    snprintf(what.name, sizeof what.name, "%s", name);
    if (what.deed == TR_DEED_SCALE) {
        char least[12] = "";
        char most[12] = "";
        if (errand->min >= 0) {
            snprintf(least, sizeof least, "%d", (int)errand->min);
        }
        if (errand->max >= 0) {
            snprintf(most, sizeof most, "%d", (int)errand->max);
        }
        snprintf(what.size, sizeof what.size, "%s..%s", least, most);
    }
    return what;
}

troupe_status_t tr_agenda_set(tr_agenda_t *self, const tr_config_errand_t *errands, size_t n,
                              tr_moment_t now)
{
    assert(self && (errands || n == 0));
    for (tr_agenda_item_t *item = self->first; item; item = item->next) {
        item->is_gone |= !item->is_once;
    }
    sweep(self);
    for (size_t i = 0; i < n; i++) {
        tr_later_t what = deed_of(&errands[i]);
        tr_agenda_item_t *item = add(self, &what);
        if (!item) {
            return TROUPE_ERR_NOMEM;
        }
        tr_timing_begin(&item->timing, errands[i].every_ms, errands[i].at_s, now);
    }
    return TROUPE_OK;
}

troupe_status_t tr_agenda_put_off(tr_agenda_t *self, const tr_later_t *later, tr_moment_t now)
{
    assert(self && later && later->delay_ms > 0);
    if (self->n_later >= TR_AGENDA_MOST_LATER) {
        return TROUPE_LIMIT;
    }
    tr_agenda_item_t *item = add(self, later);
    if (!item) {
        return TROUPE_ERR_NOMEM;
    }
    item->is_once = true;
    self->n_later++;
    tr_timing_begin(&item->timing, later->delay_ms, 0, now);
    return TROUPE_OK;
}

/* ---- doing it ---- */

static void tell(tr_agenda_t *self, const tr_agenda_item_t *item, const char *outcome,
                 const char *result)
{
    tr_event(self->admin->runtime->events, TR_LOG_INFO, "scheduled",
             TR_TEXT("what", tr_deed_name(item->what.deed)),
             TR_TEXT("capability", item->what.name), TR_TEXT("outcome", outcome),
             TR_TEXT("result", result));
}

static tr_envelope_t *make_call(tr_agenda_t *self, const tr_later_t *what)
{
    troupe_message_t *message = troupe_message_from_text(what->name);
    if (message && what->size[0] &&
        troupe_message_add(message, what->size, strlen(what->size)) != TROUPE_OK) {
        troupe_message_destroy(&message);
    }
    if (!message) {
        return NULL;
    }
    const tr_header_t header = {
        .capability = tr_span_of(TR_NAME_ADMIN),
        .method = tr_span_of(tr_deed_name(what->deed)),
        .timeout_ms = PATIENCE_MS,
    };
    return tr_envelope_new(++self->last_id, self->admin->mailbox, &header, &message);
}

static void carry_out(tr_agenda_t *self, tr_agenda_item_t *item)
{
    tr_envelope_t *envelope = make_call(self, &item->what);
    item->is_gone |= item->is_once;
    if (!envelope) {
        tell(self, item, troupe_outcome_name(TROUPE_OUTCOME_OVERLOADED), "out of memory");
        return;
    }
    item->awaited = envelope->id;
    self->call(self->arg, envelope);
}

int64_t tr_agenda_turn(tr_agenda_t *self, tr_moment_t now)
{
    assert(self);
    int64_t look_ms = TR_NEVER;
    for (tr_agenda_item_t *item = self->first; item; item = item->next) {
        if (item->is_gone) {
            continue;
        }
        if (tr_timing_is_due(&item->timing, now) && item->awaited == 0) {
            carry_out(self, item);
        }
        int64_t own_ms = item->is_gone ? TR_NEVER : tr_timing_look_ms(&item->timing, now);
        look_ms = own_ms < look_ms ? own_ms : look_ms;
    }
    sweep(self);
    return look_ms;
}

void tr_agenda_take(tr_agenda_t *self, troupe_reply_t *reply)
{
    assert(self && reply);
    for (tr_agenda_item_t *item = self->first; item; item = item->next) {
        if (item->awaited == reply->id && reply->is_final) {
            item->awaited = 0;
            char text[400];
            bool is_ok = reply->outcome == TROUPE_OUTCOME_OK;
            if (!is_ok || !reply->message ||
                !tr_frame_text(reply->message, 0, text, sizeof text)) {
                snprintf(text, sizeof text, "%s", troupe_reply_text(reply));
            }
            tell(self, item, troupe_outcome_name(reply->outcome), text);
            break;
        }
    }
    sweep(self);
    troupe_reply_destroy(&reply);
}
