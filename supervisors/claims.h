/* supervisors/claims.h - what a pool asks for before it starts a worker
 *
 * A worker that needs something of what the node has, or runs in a process of its own, is
 * started when the governor has granted it. Until then the child is held: down, wanted, and no
 * concern of the strategy's. A tree without a governor holds nobody.
 *
 * For supervisors of pools.
 */

#ifndef TROUPE_SUPERVISORS_CLAIMS_H
#define TROUPE_SUPERVISORS_CLAIMS_H

#include "supervisors/supervisor.h"

/* This child is about to be started. True when it has to be held: it has asked, if it had not.
 */
bool tr_claims_hold(tr_supervisor_t *self, tr_child_t *child, int64_t now_ms);

/* It was started: its actor has the grant from now on, and the governor hears who that is. */
void tr_claims_use(tr_child_t *child);

/* The governor has answered. Takes the grant. */
void tr_claims_take(tr_supervisor_t *self, tr_grant_t *grant);

/* It wants nothing any more: what it has goes home, what it asked for is withdrawn. */
void tr_claims_drop(tr_supervisor_t *self, tr_child_t *child);
void tr_claims_drop_all(tr_supervisor_t *self);

/* Nobody waits for more workers: those that are asked for beyond the least are given up; but
 * not one that fell, and is to come back whether anybody waits or not. */
void tr_claims_withdraw(tr_supervisor_t *self);

/* Its life ends, for that reason: its grant tells the governor of it. Before it is reaped. */
void tr_claims_note_end(tr_child_t *child, const tr_reason_t *reason);

/* It was told to go, for that cause. */
void tr_claims_note_eviction(tr_child_t *child, const char *cause, const char *whom);

/* Whether it is held, or waits after it was refused; then `why` says so in a line. */
bool tr_claims_show(const tr_supervisor_t *self, const tr_child_t *child, char *why,
                    size_t size);

/* Look at those that are held: after a moment the router hears what they wait for, and a pool
 * that has to wait for room counts as started after a while. Returns when to be asked again. */
int64_t tr_claims_turn(tr_supervisor_t *self, int64_t now_ms);

#endif
