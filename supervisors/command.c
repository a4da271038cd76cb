/* A command that is destroyed unanswered, because its supervisor went away first, answers by
 * itself: whoever waits for it is not left waiting.
 */

#include "supervisors/command.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

const char *tr_answer_name(tr_answer_code_t code)
{
    static const char *const names[] = {
        [TR_ANSWER_DONE] = "done",
        [TR_ANSWER_IGNORED] = "ignored",
        [TR_ANSWER_ALREADY_STARTED] = "already_started",
        [TR_ANSWER_ALREADY_PRESENT] = "already_present",
        [TR_ANSWER_NOT_FOUND] = "not_found",
        [TR_ANSWER_RUNNING] = "running",
        [TR_ANSWER_RESTARTING] = "restarting",
        [TR_ANSWER_FAILED] = "failed",
        [TR_ANSWER_REFUSED] = "refused",
        [TR_ANSWER_STOPPING] = "stopping",
    };
    return names[code];
}

/* ---- commands ---- */

static void destroy_command(tr_letter_t *letter)
{
    tr_command_t *self = (tr_command_t *)letter;
    if (self->reply_to) {
        tr_answer_send(tr_answer_new(self, TR_ANSWER_STOPPING), self);
        return;
    }
    tr_keepsake_release(&self->keepsake);
    free(self);
}

const tr_letter_type_t tr_command_type = {"command", destroy_command};

tr_command_t *tr_command_new(tr_verb_t verb, const char *name, tr_mailbox_t *reply_to,
                             uint64_t token)
{
    tr_command_t *self = calloc(1, sizeof *self);
    if (self) {
        tr_letter_init(&self->letter, &tr_command_type, sizeof *self);
        self->verb = verb;
        snprintf(self->name, sizeof self->name, "%s", name ? name : "");
        self->reply_to = reply_to ? tr_mailbox_share(reply_to) : NULL;
        self->token = token;
    }
    return self;
}

troupe_status_t tr_command_send(tr_command_t **self_p, tr_mailbox_t *to)
{
    assert(self_p && *self_p && to);
    tr_letter_t *letter = &(*self_p)->letter;
    troupe_status_t status = tr_mailbox_post(to, TR_LANE_CONTROL, &letter);
    if (status != TROUPE_OK) {
        tr_mailbox_release(&(*self_p)->reply_to);
        tr_letter_destroy(&letter);
    }
    *self_p = NULL;
    return status;
}

tr_command_t *tr_command_in(tr_letter_t *letter)
{
    assert(letter);
    return letter->type == &tr_command_type ? (tr_command_t *)letter : NULL;
}

/* ---- answers ---- */

static void destroy_answer(tr_letter_t *letter)
{
    free(letter);
}

const tr_letter_type_t tr_answer_type = {"answer", destroy_answer};

tr_answer_t *tr_answer_new(const tr_command_t *command, tr_answer_code_t code)
{
    assert(command);
    tr_answer_t *self = calloc(1, sizeof *self);
    if (self) {
        tr_letter_init(&self->letter, &tr_answer_type, sizeof *self);
        self->token = command->token;
        self->code = code;
        snprintf(self->name, sizeof self->name, "%s", command->name);
        self->state = self->kind = "";
    } else {
        tr_log(TR_LOG_ERROR, "out_of_memory", TR_TEXT("answer", tr_answer_name(code)));
    }
    return self;
}

void tr_answer_send(tr_answer_t *self, tr_command_t *command)
{
    assert(command);
    tr_letter_t *letter = self ? &self->letter : NULL;
    bool is_sent =
        letter && command->reply_to &&
        tr_mailbox_post_answer(command->reply_to, TR_LANE_CONTROL, &letter) == TROUPE_OK;
    if (letter && !is_sent) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&command->reply_to);
    letter = &command->letter;
    tr_letter_destroy(&letter);
}

const tr_answer_t *tr_answer_in(const tr_letter_t *letter)
{
    return letter->type == &tr_answer_type ? (const tr_answer_t *)letter : NULL;
}
