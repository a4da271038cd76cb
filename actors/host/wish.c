/* There is no bound for those that cost nobody anything but a line to say; a publication takes
 * its place among the messages.
 */

#include "actors/host/wish.h"

#include <stdlib.h>
#include <string.h>

#include "actors/dead_letter.h"
#include "actors/host/outside.h"

static void destroy(tr_letter_t *letter)
{
    tr_wish_t *self = (tr_wish_t *)letter;
    troupe_ref_release(&self->whom);
    troupe_message_destroy(&self->message);
    free(self);
}

const tr_letter_type_t tr_wish_type = {"wish", destroy};

tr_wish_t *tr_wish_in(tr_letter_t *letter)
{
    assert(letter);
    return letter->type == &tr_wish_type ? (tr_wish_t *)letter : NULL;
}

/* NULL when out of memory. */
static tr_wish_t *wish_for(tr_trp1_command_t what, troupe_ref_t *whom, const char *group)
{
    size_t size = strlen(group) + 1;
    tr_wish_t *self = malloc(sizeof *self + size);
    if (self) {
        *self = (tr_wish_t){.what = what, .whom = whom ? troupe_ref_share(whom) : NULL};
        memcpy(self->group, group, size);
        tr_letter_init(&self->letter, &tr_wish_type, sizeof *self + size);
    }
    return self;
}

/* A proxy that is gone has lost the node, and the worker is about to end. */
static troupe_status_t say(tr_runtime_t *runtime, tr_wish_t *wish)
{
    tr_letter_t *letter = wish ? &wish->letter : NULL;
    if (!wish) {
        return TROUPE_ERR_NOMEM;
    }
    if (tr_mailbox_post_answer(runtime->beyond, TR_LANE_USER, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
    return TROUPE_OK;
}

troupe_status_t tr_wish_monitor(tr_runtime_t *runtime, troupe_ref_t *whom, uint64_t reader,
                                uint64_t id)
{
    assert(runtime && whom && id > 0);
    tr_wish_t *wish = wish_for(TR_TRP1_MONITOR, whom, "");
    if (!wish) {
        return TROUPE_ERR_NOMEM;
    }
    wish->id = id;
    troupe_status_t status = tr_outside_await(runtime->outside, whom, reader, id);
    if (status != TROUPE_OK) {
        tr_letter_t *letter = &wish->letter;
        tr_letter_destroy(&letter);
        return status;
    }
    return say(runtime, wish);
}

void tr_wish_demonitor(tr_runtime_t *runtime, uint64_t id)
{
    assert(runtime && id > 0);
    tr_mail_t *notice = tr_outside_take_notice(runtime->outside, id);
    tr_letter_t *letter = notice ? &notice->letter : NULL;
    tr_wish_t *wish = notice ? wish_for(TR_TRP1_DEMONITOR, NULL, "") : NULL;
    tr_letter_destroy(&letter);
    if (wish) { /* else the node tells, and nobody takes it */
        wish->id = id;
        troupe_status_t status = say(runtime, wish);
        (void)status;
    }
}

troupe_status_t tr_wish_link(tr_runtime_t *runtime, troupe_ref_t *whom)
{
    assert(runtime && whom);
    return say(runtime, wish_for(TR_TRP1_LINK, whom, ""));
}

troupe_status_t tr_wish_unlink(tr_runtime_t *runtime, troupe_ref_t *whom)
{
    assert(runtime && whom);
    return say(runtime, wish_for(TR_TRP1_UNLINK, whom, ""));
}

troupe_status_t tr_wish_join(tr_runtime_t *runtime, const char *group)
{
    assert(runtime && group);
    return say(runtime, wish_for(TR_TRP1_JOIN, NULL, group));
}

troupe_status_t tr_wish_leave(tr_runtime_t *runtime, const char *group)
{
    assert(runtime && group);
    return say(runtime, wish_for(TR_TRP1_LEAVE, NULL, group));
}

troupe_status_t tr_wish_publish(tr_runtime_t *runtime, const char *group,
                                troupe_message_t **message_p)
{
    assert(runtime && group && message_p && *message_p);
    tr_wish_t *wish = wish_for(TR_TRP1_PUBLISH, NULL, group);
    if (!wish) {
        troupe_message_destroy(message_p);
        return TROUPE_ERR_NOMEM;
    }
    wish->message = *message_p;
    *message_p = NULL;
    wish->letter.bytes += troupe_message_bytes(wish->message);
    tr_letter_t *letter = &wish->letter;
    troupe_status_t status = tr_mailbox_post(runtime->beyond, TR_LANE_USER, &letter);
    if (status == TROUPE_FULL) {
        tr_dead_letter_take(runtime, group, "the node does not read", &letter);
    }
    tr_letter_destroy(&letter);
    return status;
}
