/* troupe/testkit.h - to test behaviours, and to talk to actors from without
 *
 * A *probe* is an end of a thread's own among the actors of a node: it has a reference, so that
 * they can send to it, ask it and watch it, and it sends, asks and watches in turn. What came
 * is taken one at a time, and each wait has a bound. Not for tests only: it is how a thread of
 * an application talks to actors.
 *
 * The *clock* of this process's nodes can be held, and moved by hand: what takes ten minutes by
 * its timers, backoffs, deadlines and pings takes no time.
 *
 * A *stage* runs behaviours without a node, on the test's own thread, in an order that a seed
 * decides.
 *
 * Bounds of waits are in real time, whatever the clock does.
 */

#ifndef TROUPE_TESTKIT_H
#define TROUPE_TESTKIT_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/actor.h>
#include <troupe/api.h>
#include <troupe/call.h>
#include <troupe/message.h>
#include <troupe/node.h>
#include <troupe/status.h>

TROUPE_BEGIN_DECLS

/* ---- probes ----
 *
 * One thread at a time may use a probe; make one per thread. The functions of troupe/actor.h
 * that take a reference, a message or a question are for probes too.
 *
 * The message that was taken last is the one *in hand*: it can be answered, and is there until
 * the next one is taken. If it asks and is neither answered, forwarded nor its question taken
 * by then, it is answered as lost.
 *
 * A probe does not fall with those who link to it: it gets a DOWN when one of them ends for any
 * reason but `normal`. */

/* A thread's own end among actors. */
typedef struct troupe_probe troupe_probe_t;

/* A probe in a node that runs, and outlives it, known under `name` (NULL: "probe/" and a
 * number). Its mailbox holds 100 000 messages. NULL when the name is taken, empty or longer
 * than 127 bytes, or out of memory. */
TROUPE_API TROUPE_NODISCARD troupe_probe_t *troupe_probe_new(troupe_node_t *node,
                                                             const char *name);

/* Be gone, as an actor that ended well; set *self_p to NULL; NULL is fine. What was not taken
 * becomes dead letters. */
TROUPE_API void troupe_probe_destroy(troupe_probe_t **self_p);

/* The probe itself, as actors see it; borrowed. */
TROUPE_API troupe_ref_t *troupe_probe_ref(const troupe_probe_t *self);

/* The actor called `name`, to be released by the caller; NULL when there is none, or no name.
 */
TROUPE_API TROUPE_NODISCARD troupe_ref_t *troupe_probe_find(troupe_probe_t *self,
                                                            const char *name);

/* ---- what a probe does ---- */

/* Send a message; takes it. Statuses as troupe_send. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_probe_send(troupe_probe_t *self,
                                                              troupe_ref_t *to,
                                                              troupe_message_t **message_p);

/* The same of one frame that is this text. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_probe_send_text(troupe_probe_t *self,
                                                                   troupe_ref_t *to,
                                                                   const char *text);

/* Ask, and wait for the answer, which comes within `timeout_ms` (0: 5 s) at the latest and says
 * how it went, as for troupe_ask. What else comes meanwhile is taken later. Takes the message.
 *
 *   TROUPE_OK         *out is the caller's to destroy
 *   TROUPE_ERR_NOMEM  nothing was asked, the message is gone
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_probe_ask(troupe_probe_t *self,
                                                             troupe_ref_t *to,
                                                             troupe_message_t **message_p,
                                                             int64_t timeout_ms,
                                                             troupe_reply_t **out);

/* Answer the message in hand; takes the answer (NULL inside: an empty one). False when it does
 * not ask, or was answered; the answer is gone then. */
TROUPE_API bool troupe_probe_answer(troupe_probe_t *self, troupe_message_t **answer_p);

/* Answer the message in hand as `worker_error`, with a text. False likewise. */
TROUPE_API bool troupe_probe_refuse(troupe_probe_t *self, const char *text);

/* Take the question of the message in hand, to answer it later; NULL when it does not ask, or
 * was taken. */
TROUPE_API TROUPE_NODISCARD troupe_question_t *troupe_probe_take_question(troupe_probe_t *self);

/* Send the message in hand on, as troupe_forward. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_probe_forward(troupe_probe_t *self,
                                                                 troupe_ref_t *to);

/* Have one DOWN come when the life of that actor ends, as troupe_monitor. `id_out` may be NULL.
 * TROUPE_ERR_INVALID: there is nobody to monitor (NULL). TROUPE_ERR_NOMEM: nothing was done. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_probe_monitor(troupe_probe_t *self,
                                                                 troupe_ref_t *whom,
                                                                 uint64_t *id_out);

/* No DOWN of that monitor comes any more. False when there is none of that number. */
TROUPE_API bool troupe_probe_demonitor(troupe_probe_t *self, uint64_t id);

/* Be a member of a group until it leaves or is destroyed. Statuses as troupe_join. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_probe_join(troupe_probe_t *self,
                                                              const char *group);

/* TROUPE_NOT_FOUND when it is no member. */
TROUPE_API troupe_status_t troupe_probe_leave(troupe_probe_t *self, const char *group);

/* Send a message to all members of a group but the probe, as troupe_publish. */
TROUPE_API size_t troupe_probe_publish(troupe_probe_t *self, const char *group,
                                       troupe_message_t **message_p);

/* ---- what comes to it ---- */

/* Take the next message, waiting up to `timeout_ms` (0: only look): it is in hand from then on.
 * troupe_message_kind and the like say what it is.
 *
 *   TROUPE_OK       *out, if `out` is not NULL, is borrowed until the next one is taken
 *   TROUPE_TIMEOUT  nothing came in time; nothing is in hand
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_probe_expect(troupe_probe_t *self,
                                                                int64_t timeout_ms,
                                                                const troupe_message_t **out);

/* The same; and it must be a message, which may ask, whose first frame is this text.
 *
 *   TROUPE_OK
 *   TROUPE_TIMEOUT       nothing came in time
 *   TROUPE_ERR_PROTOCOL  something else came, and is in hand
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_probe_expect_text(troupe_probe_t *self,
                                                                     int64_t timeout_ms,
                                                                     const char *text);

/* The same; and it must be the DOWN of `whom` (NULL: of anybody). *reason_out, if that is not
 * NULL, gets why; borrowed as the message is. Statuses as above. */
TROUPE_API TROUPE_NODISCARD troupe_status_t
troupe_probe_expect_down(troupe_probe_t *self, int64_t timeout_ms, const troupe_ref_t *whom,
                         troupe_reason_t *reason_out);

/* See that nothing comes within `within_ms`: waits so long. With the clock held it moves that
 * on by so much instead, as troupe_clock_advance, and takes no time.
 *
 *   TROUPE_OK            nothing came
 *   TROUPE_ERR_PROTOCOL  something came, and is in hand
 *   TROUPE_TIMEOUT       the clock is held, and the actors did not come to rest
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_probe_expect_nothing(troupe_probe_t *self,
                                                                        int64_t within_ms);

/* The message in hand, borrowed likewise; NULL: none. */
TROUPE_API const troupe_message_t *troupe_probe_in_hand(const troupe_probe_t *self);

/* What was expected last and did not come, and what came instead, in one line for whoever reads
 * the report of the test; "" when it came. Borrowed until something is expected again. */
TROUPE_API const char *troupe_probe_complaint(const troupe_probe_t *self);

/* ---- the clock ----
 *
 * It is one for all nodes of this process: one thread, the test's, moves it, and nobody else.
 * By it go timers, deadlines, backoff, idle times, schedules and health checks of what is in
 * the process. What is outside keeps its own time: processes of workers, sockets and whoever is
 * behind them; so does a sender that waits for room in a mailbox, and a callback that sleeps. A
 * node whose workers are processes takes them for hung when the clock runs ahead of them. */

/* Stop the clock of all nodes of this process, at the present time. */
TROUPE_API void troupe_clock_hold(void);

/* Whether it is. */
TROUPE_API bool troupe_clock_is_held(void);

/* Wait until no actor of this process has anything to do: each sleeps, no mailbox has a message
 * in it, and no timer is due. What sockets, processes and other threads of the program will
 * send is not known. The clock need not be held.
 *
 *   TROUPE_OK       there was such a moment
 *   TROUPE_TIMEOUT  there was none within `patience_ms` of real time
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_clock_settle(int64_t patience_ms);

/* Move the held clock on by `ms`. It goes from each moment at which something is due to the
 * next one, and at each waits until the actors are at rest: so each tick comes, in order, and
 * has been taken with all that follows from it when this returns.
 *
 *   TROUPE_OK
 *   TROUPE_TIMEOUT      they did not come to rest within 10 s of real time; the clock stands
 *                       there
 *   TROUPE_ERR_INVALID  the clock is not held
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_clock_advance(int64_t ms);

/* Move it on at once, as if the whole process had stood still, and wait for nobody: a periodic
 * timer then ticks once, and who hangs in a callback is found to. TROUPE_ERR_INVALID when it is
 * not held. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_clock_jump(int64_t ms);

/* Let the clock run on, from where it is; it does not jump back. One that is not held is fine.
 * Do so before a node is destroyed, as its stopping may take time. */
TROUPE_API void troupe_clock_release(void);

/* ---- the stage ----
 *
 * Actors without threads: they run on the test's own, one message at a time. Whose turn it is,
 * of those that have something to do, is drawn by a seed, so that one seed gives one story, and
 * others give others that could happen too. Time passes only when nobody has anything to do, or
 * when the test says so. A stage holds the clock from its making to its end: there is one at a
 * time in a process, and no node beside it.
 *
 * All of troupe/actor.h is there, but children of actors; there are no capabilities. What fails
 * is restarted, after a backoff of 100 ms to 30 s, by the stage itself. */

/* Actors that move one at a time, on the thread that says so. */
typedef struct troupe_stage troupe_stage_t;

/* An empty stage; NULL when there is another one, or the clock is held, or out of memory. */
TROUPE_API TROUPE_NODISCARD troupe_stage_t *troupe_stage_new(uint64_t seed);

/* Stop all actors, let go of all, and set *self_p to NULL; NULL is fine. Its probes must be
 * gone before. */
TROUPE_API void troupe_stage_destroy(troupe_stage_t **self_p);

/* Add an actor, which begins when it is its turn; what is sent before waits. `name` and
 * `behaviour` of the child must be set; `restart` is kept to, and the rest is not looked at.
 * The reference, *out, belongs to the stage.
 *
 *   TROUPE_OK
 *   TROUPE_EXISTS       there is, or was, one of that name
 *   TROUPE_ERR_INVALID  no name, or one longer than 127 bytes, or a behaviour without receive
 *   TROUPE_ERR_NOMEM
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_stage_add(troupe_stage_t *self,
                                                             const troupe_child_t *child,
                                                             troupe_ref_t **out);

/* A probe on the stage: while it waits, the actors move. Its bounds are in the time of the
 * stage, so that they cost none. NULL when the name is taken or cannot be, or out of memory. */
TROUPE_API TROUPE_NODISCARD troupe_probe_t *troupe_stage_probe(troupe_stage_t *self,
                                                               const char *name);

/* Send a message that comes from nobody; takes it. Statuses as troupe_send. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_stage_send(troupe_stage_t *self,
                                                              troupe_ref_t *to,
                                                              troupe_message_t **message_p);

/* Have an actor stop, and not be restarted. One that has ended is left alone. */
TROUPE_API void troupe_stage_stop(troupe_stage_t *self, const troupe_ref_t *actor);

/* Let one actor do one thing: begin, take a message, or have its due timers tick. When nobody
 * has anything to do, time passes first, to where somebody has. False: nobody ever will. */
TROUPE_API bool troupe_stage_step(troupe_stage_t *self);

/* Let them do what they have to do at this time, but `most` things; it does not pass. Returns
 * how many were done. */
TROUPE_API size_t troupe_stage_run(troupe_stage_t *self, size_t most);

/* Let `ms` pass, and all be done that is due in it.
 *
 *   TROUPE_OK
 *   TROUPE_LIMIT  a million things were done without time passing, and there is no end; it
 *                 stands there
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_stage_advance(troupe_stage_t *self,
                                                                 int64_t ms);

/* How much time has passed on it, in ms. */
TROUPE_API int64_t troupe_stage_now_ms(const troupe_stage_t *self);

/* How many lives the actor has had, with the present one. */
TROUPE_API size_t troupe_stage_n_lives(const troupe_stage_t *self, const troupe_ref_t *actor);

/* Whether it lives now: it has begun, and not ended. */
TROUPE_API bool troupe_stage_is_alive(const troupe_stage_t *self, const troupe_ref_t *actor);

/* Why its last life ended, or did not begin; borrowed until the next one does. `normal` when
 * none did. */
TROUPE_API troupe_reason_t troupe_stage_reason(const troupe_stage_t *self,
                                               const troupe_ref_t *actor);

/* Called with one line for each thing that is done: "1200 ms: counter takes a message from
 * client". Lines of one seed are equal. */
typedef void(troupe_trace_fn)(void *arg, const char *line);

/* Have what is done from now on told to `trace (arg, line)`; NULL: no more. */
TROUPE_API void troupe_stage_trace(troupe_stage_t *self, troupe_trace_fn *trace, void *arg);

TROUPE_END_DECLS

#endif
