/* Monitors, links and groups of the worker, which the node has.
 *
 * A monitor has its notice from the beginning: so the worker is told even when there is no
 * memory left. One that is not there any more is not wanted.
 */

#include "actors/host/inside.h"

#include "actors/host/outside.h"
#include "wire/down.h"

void tr_host_take_wish(tr_host_t *self, const tr_wish_t *wish)
{
    tr_trp1_t command;
    tr_trp1_init(&command, wish->what, wish->id);
    if (wish->whom) {
        tr_host_address(&command, wish->whom);
    }
    command.group = tr_span_of(wish->group);
    tr_uplink_send(self->uplink, &command, wish->message, 0);
}

/* The next one of that name would be somebody else; the next one of that number there is not.
 */
static void note_over(const tr_mail_t *notice)
{
    troupe_ref_t *whom = notice->from;
    if (notice->reason->kind == TROUPE_REASON_GONE && whom->number != TR_OUTSIDE_BY_NAME) {
        atomic_store(&whom->is_over, true);
    }
}

void tr_host_take_down(tr_host_t *self, const tr_trp1_t *down)
{
    tr_mail_t *notice = tr_outside_take_notice(self->runtime->outside, down->id);
    if (notice) {
        *notice->reason = tr_down_reason(down);
        note_over(notice);
        tr_letter_t *letter = &notice->letter;
        if (tr_mailbox_post_answer(self->worker->mailbox, TR_LANE_USER, &letter) != TROUPE_OK) {
            tr_letter_destroy(&letter); /* the worker has ended */
        }
    }
}
