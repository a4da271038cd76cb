/* troupe/actor.h - actors that talk to each other
 *
 * For behaviours that are run as `actor:` in the configuration, or started by another actor:
 * their `receive` takes messages, ticks of their timers and notices, one after another.
 *
 * A *reference* says exactly whom. It stays valid when the actor is restarted: what is sent
 * meanwhile waits in its mailbox for the next life. What a life had taken when it failed, hung
 * or crashed is lost, and becomes a dead letter; who waits for the answer to it is told. When
 * an actor ends for good its references are over: what is sent then is a dead letter.
 *
 * Messages from one sender to one receiver arrive in the order in which they were sent, also
 * across restarts of the receiver: some may be lost, none is repeated, and none overtakes
 * another, unless it was sent as urgent (Erlang's guarantee). A notice that the sender went
 * down comes after all that it had sent.
 *
 * An actor in a process of its own is like any other, but for what only the node knows: see
 * troupe_find, troupe_ref_is_over, troupe_publish and troupe_group_size. Children it has none.
 *
 * A peer that is connected to the node from another process is somebody, too: what it sends
 * comes from a reference, which is good as long as the connection lasts, and can be sent to,
 * monitored and linked to. What is sent to it may become a dead letter after troupe_send has
 * said TROUPE_OK, when it does not read. It cannot be asked.
 *
 * Functions that take a `troupe_worker_t` belong to the thread of the callback that runs, which
 * may be any callback of any worker: `handle` and `init` send, ask and watch as `receive` does.
 * They never wait, and take messages away as troupe/message.h says. The *message in hand* is
 * what `receive` was called for; in all other callbacks there is none, and what is about it
 * does nothing and says so. A reference may be used, shared and released by any thread.
 *
 * A life that its supervisor has given up as hung is over, though its callback still runs: what
 * it sends then becomes a dead letter (TROUPE_CLOSED).
 */

#ifndef TROUPE_ACTOR_H
#define TROUPE_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>
#include <troupe/behaviour.h>
#include <troupe/message.h>
#include <troupe/status.h>

TROUPE_BEGIN_DECLS

typedef struct troupe_ref troupe_ref_t;           /* an actor, through all its lives */
typedef struct troupe_question troupe_question_t; /* somebody waits for an answer */

/* ---- references ---- */

/* The actor called `name` in this node, to be released by the caller; NULL when there is none,
 * or no name. In a process of its own one is always found: who is meant the node finds out. */
TROUPE_API TROUPE_NODISCARD troupe_ref_t *troupe_find(troupe_worker_t *self, const char *name);

/* The actor itself, borrowed. */
TROUPE_API troupe_ref_t *troupe_self(const troupe_worker_t *self);

/* One more share, to be released. Returns `self`. Any thread. */
TROUPE_API troupe_ref_t *troupe_ref_share(troupe_ref_t *self);

/* Let go of a share and set *self_p to NULL; NULL is fine. Any thread. */
TROUPE_API void troupe_ref_release(troupe_ref_t **self_p);

/* Its name, borrowed from the reference. Two references are of the same actor if and only if
 * they are the same pointer; but in a process of its own the one that was found by name is
 * another one than that of who has sent something. */
TROUPE_API const char *troupe_ref_name(const troupe_ref_t *self);

/* Whether the actor has ended for good. In a process of its own that is known only of those
 * that have sent something, and only when a DOWN has said so (TROUPE_REASON_GONE). Any thread.
 */
TROUPE_API bool troupe_ref_is_over(const troupe_ref_t *self);

/* ---- sending ---- */

/* Send a message; takes it. The receiver sees `self` as its sender.
 *
 *   TROUPE_OK         in its mailbox, or on its way there
 *   TROUPE_NOT_FOUND  it has ended for good, or `to` is NULL; the message became a dead letter
 *   TROUPE_FULL       its mailbox is full; likewise
 *   TROUPE_CLOSED     this life has been given up as hung; likewise
 *   TROUPE_ERR_NOMEM  the message is gone
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_send(troupe_worker_t *self, troupe_ref_t *to,
                                                        troupe_message_t **message_p);

/* The same, overtaking all messages that are not urgent. The only way to overtake. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_send_urgent(troupe_worker_t *self,
                                                               troupe_ref_t *to,
                                                               troupe_message_t **message_p);

/* The same as troupe_send to the actor called `name`; TROUPE_NOT_FOUND also when there is none.
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_send_named(troupe_worker_t *self,
                                                              const char *name,
                                                              troupe_message_t **message_p);

/* Send the message in hand on to another actor, which sees it as it came: from the same sender,
 * and with the same question, if it asks and the question was not taken. It goes behind what
 * this actor has sent there, and is not urgent. Once for each message, which cannot be put
 * aside then, nor be forwarded when it was.
 *
 * Statuses as troupe_send, and TROUPE_ERR_INVALID: no message is in hand, or it is a tick or a
 * notice, or goes elsewhere already; nothing was done. When it fails otherwise the question is
 * answered as lost, or as troupe_ask says. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_forward(troupe_worker_t *self,
                                                           troupe_ref_t *to);

/* ---- asking and answering ---- */

/* Send a message that asks; takes it. Exactly one final reply goes to `on_answer (self, reply,
 * arg)`, between other callbacks, unless this life ends first; but for `ok` its text says who
 * did not answer, and why:
 *
 *   ok             with what was answered
 *   worker_error   it refused; the text says why
 *   worker_lost    it failed, hung or crashed while it had the message, or let go of the
 *                  question; or has ended for good
 *   overloaded     its mailbox is full
 *   no_capability  `to` is NULL
 *   timeout        no answer was taken within `timeout_ms` (0: 5 s, as OTP's
 *                  gen_server:call has it); one that comes later is dropped
 *   cancelled      by troupe_worker_cancel (self, *id_out)
 *
 * The last two come before what waits in the mailbox, and an answer that waits there is
 * dropped.
 *
 * An answer comes in the mailbox, in the order of all else that whoever answers has sent. When
 * this life ends nobody waits any more, and what is answered then is dropped. One may ask
 * oneself: `receive` gets it later, as nothing waits meanwhile. `id_out` may be NULL.
 *
 *   TROUPE_OK           the final will say how it went
 *   TROUPE_ERR_INVALID  no `on_answer`; the message is gone
 *   TROUPE_ERR_NOMEM    nothing was asked, the message is gone
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_ask(troupe_worker_t *self, troupe_ref_t *to,
                                                       troupe_message_t **message_p,
                                                       int64_t timeout_ms,
                                                       troupe_answer_fn *on_answer, void *arg,
                                                       uint64_t *id_out);

/* The same of the actor called `name`; when there is none the reply says `no_capability`. */
TROUPE_API TROUPE_NODISCARD troupe_status_t
troupe_ask_named(troupe_worker_t *self, const char *name, troupe_message_t **message_p,
                 int64_t timeout_ms, troupe_answer_fn *on_answer, void *arg, uint64_t *id_out);

/* Answer the message in hand; takes the answer (NULL inside: an empty one). False when it does
 * not ask, or was answered, or its question was taken or has gone on, or nobody waits any more:
 * the answer is gone then. */
TROUPE_API bool troupe_answer(troupe_worker_t *self, troupe_message_t **answer_p);

/* Answer the message in hand as `worker_error`, with a text. False likewise. */
TROUPE_API bool troupe_refuse(troupe_worker_t *self, const char *format, ...)
    TROUPE_PRINTF(2, 3);

/* Take the question of the message in hand, to answer it later, on any thread; NULL when it
 * does not ask, or was taken. It must be answered or refused some time, at the latest in
 * `terminate`. A message that asks and is neither answered, taken, forwarded nor put aside when
 * `receive` returns is answered as lost. */
TROUPE_API TROUPE_NODISCARD troupe_question_t *troupe_take_question(troupe_worker_t *self);

/* Whether anybody still waits for it: whoever asked lives, has not cancelled, and its time has
 * not run out. */
TROUPE_API bool troupe_question_is_awaited(const troupe_question_t *self);

/* Answer it; takes both, and sets them to NULL. Too late is fine: it is dropped. So is NULL in
 * place of the question, as troupe_take_question gives it. */
TROUPE_API void troupe_question_answer(troupe_question_t **self_p, troupe_message_t **answer_p);

/* Answer it as `worker_error`, with a text; takes it. Likewise. */
TROUPE_API void troupe_question_refuse(troupe_question_t **self_p, const char *text);

/* ---- what came ---- */

/* What a message is to whoever takes it. */
typedef enum troupe_message_kind {
    TROUPE_MESSAGE_PLAIN, /* sent; nobody waits */
    TROUPE_MESSAGE_ASK,   /* somebody waits for an answer */
    TROUPE_MESSAGE_TICK,  /* a timer of its own */
    TROUPE_MESSAGE_DOWN,  /* a monitored actor went down */
} troupe_message_kind_t;

/* What `receive` was given; PLAIN for a message that was not received. */
TROUPE_API troupe_message_kind_t troupe_message_kind(const troupe_message_t *self);

/* Who sent it, or, of a DOWN, who went down; NULL when that is nobody who can be sent to.
 * Borrowed from the message. */
TROUPE_API troupe_ref_t *troupe_message_sender(const troupe_message_t *self);

/* Of a TICK its timer, of a DOWN its monitor; else 0. */
TROUPE_API uint64_t troupe_message_number(const troupe_message_t *self);

/* Of a DOWN why; borrowed from the message. */
TROUPE_API troupe_reason_t troupe_message_reason(const troupe_message_t *self);

/* Of an ASK how long its sender will still wait, in ms; 0 when it does not any more: such a
 * message comes nevertheless. Else 0. */
TROUPE_API int64_t troupe_message_remaining_ms(const troupe_message_t *self);

/* ---- putting aside ---- */

/* Put the message in hand aside: it comes again, before all that is in the mailbox, when
 * troupe_unstash is called, or in the next life. Its question, if it asks, goes with it; its
 * time runs on, and when it has run out the message comes nevertheless. Urgent messages come
 * back as others do. Ticks and notices can be put aside as well; they come again though their
 * timer or monitor be cancelled meanwhile, but not in another life. When an actor ends for good
 * its messages that are aside are dead letters, as are those of a worker of a capability with
 * each life. Nothing is put aside when `receive` returns an error.
 *
 *   TROUPE_OK           put aside, when `receive` has returned
 *   TROUPE_FULL         as many messages wait and are aside as the mailbox may hold
 *   TROUPE_ERR_INVALID  there is no message in hand, or it was forwarded
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_stash(troupe_worker_t *self);

/* Take all messages that are aside again, in the order in which they were put there, when this
 * callback has returned. One that this callback puts aside itself is not among them. */
TROUPE_API void troupe_unstash(troupe_worker_t *self);

/* Take the one again that was put aside first, when this callback has returned; the others
 * stay. For an actor that would only put them aside again, one after another: where many wait,
 * that costs more than all else. Twice in a callback is once. */
TROUPE_API void troupe_unstash_one(troupe_worker_t *self);

/* ---- timers ---- */

/* Have a TICK come to `receive` in `delay_ms`, and then, if `period_ms` is not 0, every so
 * often until it is cancelled. By the monotonic clock, accurate to a few ms while the actor is
 * free; a tick does not wait behind messages. Periods do not drift; those that were missed are
 * left out. Takes the message that the tick brings (NULL, or NULL inside: an empty one); a
 * periodic one brings a share of it each time. Timers end with the life. A delay or period
 * below 0 is 0; `id_out` may be NULL. There may be thousands.
 *
 * TROUPE_ERR_NOMEM: the message is gone. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_timer_start(troupe_worker_t *self,
                                                               int64_t delay_ms,
                                                               int64_t period_ms,
                                                               troupe_message_t **message_p,
                                                               uint64_t *id_out);

/* Cancel a timer: no tick of it comes any more. False when there is none of that number, as
 * after the tick of one that is not periodic. */
TROUPE_API bool troupe_timer_cancel(troupe_worker_t *self, uint64_t id);

/* ---- monitors and links ---- */

/* Have one DOWN come when the life of that actor ends, however it does: after all that it had
 * sent. Between two lives the next one is meant; of an actor that has ended for good the DOWN
 * comes at once, with the reason TROUPE_REASON_GONE (OTP's noproc). Who wants to know of the
 * next end too monitors again. Monitors end with the life of who monitors, so that one's own
 * end is not heard of. Each call is a monitor of its own. A DOWN needs no memory when it is
 * due, and finds room in a full mailbox. `id_out` may be NULL.
 *
 * TROUPE_ERR_INVALID: there is nobody to monitor (NULL).
 * TROUPE_ERR_NOMEM: nothing was done. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_monitor(troupe_worker_t *self,
                                                           troupe_ref_t *whom,
                                                           uint64_t *id_out);

/* No DOWN of that monitor comes any more (OTP's demonitor with flush). False when there is none
 * of that number. */
TROUPE_API bool troupe_demonitor(troupe_worker_t *self, uint64_t id);

/* Tie two lives together: when one ends for any reason but `normal`, the other fails too, as
 * its supervisor sees, when it has taken what the one had sent it before. With one that has
 * ended for good this one fails. Between two lives of the other the next one is meant, which
 * fails as soon as it begins should this one have ended meanwhile. Linking twice, or by both,
 * is linking once; with oneself it is nothing. A link ends with either life. Where a supervisor
 * can do it, better let it.
 *
 * TROUPE_ERR_INVALID: there is nobody to link (NULL).
 * TROUPE_ERR_NOMEM: nothing was done. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_link(troupe_worker_t *self,
                                                        troupe_ref_t *whom);

/* Untie them: whatever becomes of the other, or has become of it, this one does not fail any
 * more. One that is not linked is fine. A process of its own that has no memory left to say so
 * stays linked. */
TROUPE_API void troupe_unlink(troupe_worker_t *self, troupe_ref_t *whom);

/* ---- groups ---- */

/* Be a member of the group of that name until this life ends or leaves it. A group is there as
 * long as it has members.
 *
 *   TROUPE_OK
 *   TROUPE_EXISTS       it is one already
 *   TROUPE_CLOSED       this life has been given up as hung
 *   TROUPE_ERR_INVALID  no name, or one longer than 127 bytes
 *   TROUPE_ERR_NOMEM
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_join(troupe_worker_t *self,
                                                        const char *group);

/* TROUPE_NOT_FOUND when it is no member. TROUPE_ERR_NOMEM, in a process of its own: it still
 * is one. */
TROUPE_API troupe_status_t troupe_leave(troupe_worker_t *self, const char *group);

/* Send a message to all members but `self`, each of which gets a share of its frames; takes it.
 * Returns how many took it; for the others it became a dead letter. Members are those that have
 * joined before and have not left. What one publishes arrives at each member in order, among
 * all else that it sends there. In a process of its own it is not known how many took it: 0. */
TROUPE_API size_t troupe_publish(troupe_worker_t *self, const char *group,
                                 troupe_message_t **message_p);

/* How many members it has. In a process of its own it is not known: 0. */
TROUPE_API size_t troupe_group_size(const troupe_worker_t *self, const char *group);

/* ---- children ---- */

/* When a child that has ended by itself is started again (OTP's restart types). */
typedef enum troupe_restart {
    TROUPE_RESTART_PERMANENT, /* always */
    TROUPE_RESTART_TRANSIENT, /* unless it ended well */
    TROUPE_RESTART_TEMPORARY, /* never */
} troupe_restart_t;

/* An actor to be started by another one. A zeroed field has its default. */
typedef struct troupe_child {
    /* Of the actor: 64 bytes of UTF-8 at most, without control characters. NULL: that of its
     * parent (48 bytes of it), "/" and a number that makes it one that nobody has. */
    const char *name;
    const troupe_behaviour_t *behaviour; /* must live as long as the process */
    const char *const *args;             /* "key", "value", …, NULL; copied; NULL: none */
    troupe_restart_t restart;            /* when it is started again; 0: always */
    int64_t shutdown_ms;                 /* how long its stop may take; 0: 5 s */
    size_t spawns; /* it starts children itself: so many at a time, or about that */
} troupe_child_t;

/* Start an actor under this one's own supervisor, which there is when the configuration of this
 * one, or its own troupe_child_t, says that it `spawns`. A node has room for so many actors as
 * its configuration adds up to, and some to spare; beyond that children do not start. Children
 * are threads. They end with their parent, however it ends, and are gone before it is started
 * again. Each is restarted by itself; when they fail too often (5 times in 10 s, all together)
 * their parent fails with them. One that does not start is not tried again. Returns at once:
 * *out, to be released, is the child, to which messages can be sent, and wait until it is up;
 * monitor it to learn of its end, or that it did not start.
 *
 *   TROUPE_OK
 *   TROUPE_EXISTS       there is another actor of that name
 *   TROUPE_NOT_FOUND    it spawns none, or its supervisor is stopping
 *   TROUPE_FULL         100 000 of them wait to be started or stopped
 *   TROUPE_ERR_INVALID  no behaviour, or one without receive, or a child that cannot be
 *   TROUPE_ERR_NOMEM
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_spawn(troupe_worker_t *self,
                                                         const troupe_child_t *child,
                                                         troupe_ref_t **out);

/* Have a child of its own stopped, for good: a DOWN tells when it is gone. One that is not its
 * child, or is over, is left alone, whoever is called so by now; NULL is fine. */
TROUPE_API void troupe_stop_child(troupe_worker_t *self, const troupe_ref_t *child);

TROUPE_END_DECLS

#endif
