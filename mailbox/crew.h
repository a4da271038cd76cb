/* mailbox/crew.h - threads that do the work of actors whose work is brief
 *
 * To wake a thread costs more than most messages do. So the owners that are carried by a crew
 * share its few threads: whoever posts to one *calls* for it, and a thread of the crew that is
 * awake anyhow takes its turn with it. Between two owners of one crew nobody has to be woken.
 *
 * One thread that hangs with an owner holds up nobody else: while any is at work another one
 * looks again at least every 10 ms, and a thread that is given up is replaced. Any thread.
 */

#ifndef TROUPE_MAILBOX_CREW_H
#define TROUPE_MAILBOX_CREW_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/status.h>

struct tr_mailbox;

typedef struct tr_crew tr_crew_t;

/* A crew of `size` threads, at least two, which are there once there is something to do. With
 * one holder; NULL when out of memory. */
TROUPE_NODISCARD tr_crew_t *tr_crew_new(size_t size);

tr_crew_t *tr_crew_share(tr_crew_t *self);

/* Let go of a share and set *self_p to NULL; NULL is fine. */
void tr_crew_release(tr_crew_t **self_p);

/* Let it do nothing more. Its threads have ended when this returns, but for those that hang,
 * which end when they can. Not by one of them. */
void tr_crew_stop(tr_crew_t *self);

/* Have the owner of `mailbox` (shared) carried soon, after those that were called before.
 * False: there is nobody to do so. */
TROUPE_NODISCARD bool tr_crew_call(tr_crew_t *self, struct tr_mailbox *mailbox);

/* One of its threads was given up, with the owner that it carries: have another one instead. */
void tr_crew_replace(tr_crew_t *self);

#endif
