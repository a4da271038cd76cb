/* node/reload/steps.h - the steps of a reload, carried out one after another
 *
 * A difference and the plan of the new description become steps: a child is taken out, a
 * supervisor follows another spec, a router is told of its own, an actor is replaced, the
 * workers of a pool are, a child is started. Each is a question to a supervisor, or a word; the
 * next begins when the answer is there. Nothing is waited for: whoever owns the steps hands
 * them the answers, and the time. A step that fails is noted, and the others are made all the
 * same.
 *
 * One thread owns it, the admin's.
 */

#ifndef TROUPE_NODE_RELOAD_STEPS_H
#define TROUPE_NODE_RELOAD_STEPS_H

#include "actors/actor.h"
#include "node/assembly.h"
#include "node/reload/difference.h"
#include "supervisors/command.h"

typedef struct tr_steps tr_steps_t;

/* What has to be known to make them; all borrowed but the plan's keepsake, of which the steps
 * take a share. */
typedef struct tr_steps_setup {
    tr_self_t *admin;
    const tr_difference_t *difference;
    const tr_config_t *before;
    const tr_plan_t *plan; /* of what is to be */
    tr_keepsake_t *keepsake;

    /* A change could not be made, for that reason. */
    void (*failed)(void *arg, const tr_change_t *change, const char *why);
    /* A child stays down since it was stopped by a command. */
    void (*left_stopped)(void *arg, const tr_change_t *change);
    /* All is done but what would cut off those who wait for the answer. */
    void (*nearly_done)(void *arg);
    void *arg;
} tr_steps_setup_t;

/* NULL when out of memory. */
TROUPE_NODISCARD tr_steps_t *tr_steps_new(const tr_steps_setup_t *setup);

/* NULL is fine. */
void tr_steps_destroy(tr_steps_t **self_p);

/* Do what can be done now. Returns when to be asked again; *is_done_out: never. */
int64_t tr_steps_turn(tr_steps_t *self, int64_t now_ms, bool *is_done_out);

/* Tokens of answers to these steps. */
bool tr_steps_is_token(uint64_t token);

/* A supervisor has answered. */
void tr_steps_answer(tr_steps_t *self, const tr_answer_t *answer);

/* A router says that it has drained. */
void tr_steps_drained(tr_steps_t *self, const tr_control_t *word);

#endif
