/* node/reload/reload.h - the node's description changes while it runs
 *
 * A file is read again, or a text is read, and what is different is done: `reload` and
 * `difference` of troupe.admin, and the word TR_WORD_RELOAD. One reload at a time; the admin
 * goes on meanwhile. A description with a problem changes nothing. One that was applied is the
 * current one from then on, even if a change could not be made: a child that did not start is
 * tried again by the next reload, the rest is reported and left.
 *
 * One thread owns it, the admin's.
 */

#ifndef TROUPE_NODE_RELOAD_RELOAD_H
#define TROUPE_NODE_RELOAD_RELOAD_H

#include "actors/actor.h"
#include "mailbox/envelope.h"
#include "node/assembly.h"
#include "supervisors/command.h"

typedef struct tr_reload tr_reload_t;

/* Another schedule holds from now on; borrowed. */
typedef void(tr_reload_schedule_fn)(void *arg, const tr_config_errand_t *errands, size_t n);

/* `modules` and `config`, with which the node was started, must outlive it. NULL when out of
 * memory. */
TROUPE_NODISCARD tr_reload_t *tr_reload_new(tr_self_t *admin, tr_modules_t *modules,
                                            const tr_config_t *config,
                                            tr_reload_schedule_fn *schedule, void *arg);

/* Answers whoever waits. NULL is fine. */
void tr_reload_destroy(tr_reload_t **self_p);

/* The description that the node has now; borrowed, until the next reload is done. */
const tr_config_t *tr_reload_config(const tr_reload_t *self);

/* Whether that is one of its methods. */
bool tr_reload_knows(const char *method);

/* A request with such a method; takes the share. */
void tr_reload_request(tr_reload_t *self, tr_envelope_t *envelope);

/* A word came that may be about a reload. */
void tr_reload_hear(tr_reload_t *self, const tr_control_t *word);

/* An answer came. False: it is not about a reload. */
bool tr_reload_take_answer(tr_reload_t *self, const tr_answer_t *answer);

/* Do what can be done now. Returns when to be asked again. */
int64_t tr_reload_turn(tr_reload_t *self, int64_t now_ms);

/* The word that asks for a reload: of the file that the node was started with, or, when `yaml`
 * is not NULL, of that text, which `name` stands for in problems. NULL when out of memory. */
TROUPE_NODISCARD tr_control_t *tr_reload_word(const char *name, const char *yaml);

#endif
