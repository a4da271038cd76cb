/* node/admin/operation.h - what an operator asks about one child, one capability, or the node
 *
 * `add`, `terminate`, `restart`, `remove`, `evict`, `scale`, `pause`, `resume`, `drain`,
 * `suspend`, `inspect` and `trace` of troupe.admin. A call becomes a command to the supervisor
 * that has the child, or a word to the capability's router, the node's keeper or the actor
 * itself, and what that answers becomes the reply. Names are
 * unique in a node, so a child is called by its name alone; who its supervisor is, a survey
 * tells.
 *
 * One thread owns the list, the admin's.
 */

#ifndef TROUPE_NODE_ADMIN_OPERATION_H
#define TROUPE_NODE_ADMIN_OPERATION_H

#include "actors/actor.h"
#include "actors/module.h"
#include "mailbox/envelope.h"
#include "node/admin/operation_text.h"
#include "node/admin/survey.h"
#include "node/admin/traces.h"
#include "node/reload/reload.h"

typedef struct tr_operation tr_operation_t;

typedef struct tr_operations {
    tr_self_t *admin;
    tr_modules_t *modules;
    const tr_reload_t *reload; /* knows the node's description */
    tr_operation_t *first;
    size_t n;
    uint64_t last_token;
    tr_traces_t traces;
} tr_operations_t;

/* What was asked for is to be done after a while: the same method, and the same frames but for
 * the last. */
typedef struct tr_later {
    tr_deed_t deed;
    char name[80];
    char size[28]; /* of a scale, or "" */
    int64_t delay_ms;
} tr_later_t;

/* `modules` and `reload` must outlive it; without a reload, nothing is begun. */
void tr_operations_init(tr_operations_t *self, tr_self_t *admin, tr_modules_t *modules,
                        const tr_reload_t *reload);

/* Answers those that are open. */
void tr_operations_finish(tr_operations_t *self);

/* Begin the operation that the envelope asks for, whose method is a deed; takes the share.
 * True when a survey is wanted first, whose end is told with tr_operations_surveyed and
 * *token_out. */
bool tr_operations_begin(tr_operations_t *self, tr_envelope_t *envelope, uint64_t *token_out);

/* The survey for that operation is complete. True: it is not to be done now, but as *later_out
 * says, and tr_operations_put_off is called next. */
bool tr_operations_surveyed(tr_operations_t *self, uint64_t token, const tr_survey_t *survey,
                            tr_later_t *later_out);

/* Whether it will be done later: the caller is told. */
void tr_operations_put_off(tr_operations_t *self, uint64_t token, bool is_noted);

/* A supervisor has answered; takes the letter. */
void tr_operations_take(tr_operations_t *self, tr_letter_t *letter);

/* A router, or the keeper, has drained. */
void tr_operations_drained(tr_operations_t *self, const tr_control_t *word);

/* The keeper has resumed the node. */
void tr_operations_resumed(tr_operations_t *self);

/* An actor is suspended, or was woken. */
void tr_operations_heeded(tr_operations_t *self, const tr_control_t *word);

/* What an actor says of itself; takes the letter. */
void tr_operations_inspected(tr_operations_t *self, tr_letter_t *letter);

/* Answer what is past its time; returns when to be asked again. */
int64_t tr_operations_expire(tr_operations_t *self, int64_t now_ms);

#endif
