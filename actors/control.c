/* Losing a word for want of memory is logged: health checks and bounds on every wait make up
 * for it. */

#include "actors/control.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static void destroy(tr_letter_t *letter)
{
    tr_control_t *self = (tr_control_t *)letter;
    tr_mailbox_release(&self->mailbox);
    tr_pulse_release(&self->pulse);
    tr_keepsake_release(&self->keepsake);
    free(self);
}

const tr_letter_type_t tr_control_type = {"control", destroy};

tr_control_t *tr_control_new(tr_word_t word, uint64_t incarnation)
{
    tr_control_t *self = calloc(1, sizeof *self);
    if (self) {
        tr_letter_init(&self->letter, &tr_control_type, sizeof *self);
        self->word = word;
        self->incarnation = incarnation;
    } else {
        tr_log(TR_LOG_ERROR, "out_of_memory", TR_TEXT("word", tr_word_name(word)));
    }
    return self;
}

void tr_control_send(tr_control_t *self, tr_mailbox_t *to)
{
    if (!self) {
        return;
    }
    tr_letter_t *letter = &self->letter;
    if (!to || tr_mailbox_post_answer(to, TR_LANE_CONTROL, &letter) != TROUPE_OK) {
        tr_letter_destroy(&letter);
    }
}

void tr_control_say(tr_mailbox_t *to, tr_word_t word, uint64_t incarnation)
{
    tr_control_send(tr_control_new(word, incarnation), to);
}

void tr_control_refuse_join(const tr_control_t *join, troupe_outcome_t outcome, const char *why)
{
    tr_control_t *refusal = tr_control_new(TR_WORD_NOT_JOINED, 0);
    if (refusal) {
        refusal->number = join->depth;
        refusal->depth = (size_t)outcome;
        snprintf(refusal->reason.text, sizeof refusal->reason.text, "%s", why);
        tr_control_send(refusal, join->mailbox);
    }
}

const tr_control_t *tr_control_in(const tr_letter_t *letter)
{
    return letter->type == &tr_control_type ? (const tr_control_t *)letter : NULL;
}

const char *tr_word_name(tr_word_t word)
{
    static const char *const names[TR_N_WORDS] = {
        [TR_WORD_PING] = "ping",
        [TR_WORD_PROBE] = "probe",
        [TR_WORD_STOP] = "stop",
        [TR_WORD_STOP_CHILD] = "stop_child",
        [TR_WORD_SUSPEND] = "suspend",
        [TR_WORD_WAKE] = "wake",
        [TR_WORD_HEEDED] = "heeded",
        [TR_WORD_INSPECT] = "inspect",
        [TR_WORD_KILL] = "kill",
        [TR_WORD_PONG] = "pong",
        [TR_WORD_STARTED] = "started",
        [TR_WORD_ENDED] = "ended",
        [TR_WORD_SETTLED] = "settled",
        [TR_WORD_LOST] = "lost",
        [TR_WORD_UP] = "up",
        [TR_WORD_DOUBTFUL] = "doubtful",
        [TR_WORD_FINE] = "fine",
        [TR_WORD_GOING] = "going",
        [TR_WORD_DOWN] = "down",
        [TR_WORD_AVAILABLE] = "available",
        [TR_WORD_UNAVAILABLE] = "unavailable",
        [TR_WORD_NOT_GROWN] = "not_grown",
        [TR_WORD_CANCEL] = "cancel",
        [TR_WORD_ROOM] = "room",
        [TR_WORD_GROW] = "grow",
        [TR_WORD_SHRINK] = "shrink",
        [TR_WORD_DRAIN] = "drain",
        [TR_WORD_DRAINED] = "drained",
        [TR_WORD_SURVEY] = "survey",
        [TR_WORD_LIST] = "list",
        [TR_WORD_SIZE] = "size",
        [TR_WORD_REST] = "rest",
        [TR_WORD_YIELD] = "yield",
        [TR_WORD_NOT_YIELDED] = "not_yielded",
        [TR_WORD_HOLDS] = "holds",
        [TR_WORD_WITHDRAW] = "withdraw",
        [TR_WORD_WHO_IS_THERE] = "who_is_there",
        [TR_WORD_PAUSE] = "pause",
        [TR_WORD_RESUME] = "resume",
        [TR_WORD_RESPEC] = "respec",
        [TR_WORD_RELOAD] = "reload",
        [TR_WORD_RETIRE] = "retire",
        [TR_WORD_JOIN] = "join",
        [TR_WORD_NOT_JOINED] = "not_joined",
    };
    return word < TR_N_WORDS ? names[word] : "unknown";
}
