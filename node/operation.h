/* node/operation.h - what an operator asks about one child
 *
 * `add`, `terminate`, `restart`, `remove` of troupe.admin: a call becomes a command to the
 * supervisor that has the child, and the supervisor's answer becomes the reply. Names are
 * unique in a node, so a child is called by its name alone; who its supervisor is, a survey
 * tells.
 *
 * One thread owns the list, the admin's.
 */

#ifndef TROUPE_NODE_OPERATION_H
#define TROUPE_NODE_OPERATION_H

#include "actors/actor.h"
#include "actors/module.h"
#include "mailbox/envelope.h"
#include "node/survey.h"
#include "supervisors/command.h"

typedef struct tr_operation tr_operation_t;

typedef struct tr_operations {
    tr_self_t *admin;
    tr_modules_t *modules;
    tr_operation_t *first;
    size_t n;
    uint64_t last_token;
} tr_operations_t;

void tr_operations_init(tr_operations_t *self, tr_self_t *admin, tr_modules_t *modules);

/* Answers those that are open. */
void tr_operations_finish(tr_operations_t *self);

/* Whether there is a method of that name. */
bool tr_operations_know(const char *method);

/* Begin the operation that the envelope asks for, whose method is known; takes the share. True
 * when a survey is wanted first, whose end is told with tr_operations_surveyed and *token_out.
 */
bool tr_operations_begin(tr_operations_t *self, tr_envelope_t *envelope, uint64_t *token_out);

/* The survey for that operation is complete. */
void tr_operations_surveyed(tr_operations_t *self, uint64_t token, const tr_survey_t *survey);

/* A supervisor has answered; takes the letter. */
void tr_operations_take(tr_operations_t *self, tr_letter_t *letter);

/* Answer what is past its time; returns when to be asked again. */
int64_t tr_operations_expire(tr_operations_t *self, int64_t now_ms);

#endif
