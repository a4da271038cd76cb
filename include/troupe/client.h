/* troupe/client.h - call a node from another process, over tcp or ipc
 *
 * The client has no thread of its own: it works while one of its calls runs, and
 * says by a descriptor when it wants to. One thread at a time may use it. It
 * connects in the background, notices a lost or silent node, and connects anew by
 * itself; requests that were under way then end as `worker_lost`, because nobody can
 * know how far they got.
 */

#ifndef TROUPE_CLIENT_H
#define TROUPE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>
#include <troupe/behaviour.h>
#include <troupe/call.h>
#include <troupe/status.h>

TROUPE_BEGIN_DECLS

/* A connection to one node, and the calls over it. */
typedef struct troupe_client troupe_client_t;

/* A client of the node at `endpoint` ("tcp://127.0.0.1:5670", "ipc:///run/x.sock").
 * It connects when it is first used. NULL when out of memory or when the endpoint is no
 * endpoint. */
TROUPE_API TROUPE_NODISCARD troupe_client_t *troupe_client_new(const char *endpoint);

/* Prove who the client is, and let only the right node be answered to (CURVE): by the pair of
 * keys in the file, as `troupe keygen` writes it and nobody else may read it, and the node's
 * public key, 40 characters. To be called at once after the client was made. On failure `why`
 * (of `size` bytes) gets one line, and the client is as it was.
 *
 *   TROUPE_OK
 *   TROUPE_ERR_IO       the file cannot be read, or others than its owner may
 *   TROUPE_ERR_INVALID  it has no pair of keys, or the node's key is none
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_client_set_keys(troupe_client_t *self,
                                                                   const char *key_file,
                                                                   const char *node_key,
                                                                   char *why, size_t size);

/* Cancel what still runs, say good-bye, set *self_p to NULL; NULL is fine. Waits at
 * most 200 ms for the last bytes to leave. */
TROUPE_API void troupe_client_destroy(troupe_client_t **self_p);

/* Wait until the node has answered the greeting.
 *
 *   TROUPE_OK            connected
 *   TROUPE_TIMEOUT       no node answered within `timeout_ms`
 *   TROUPE_FORBIDDEN     the node does not let us in; troupe_client_refusal says why
 *   TROUPE_ERR_PROTOCOL  what answers is no node of a version we speak
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_client_connect(troupe_client_t *self,
                                                                  int64_t timeout_ms);

/* Why the node does not let us in, as far as that can be known from here; "" when it does, or
 * was not asked yet. Calls end as `forbidden` meanwhile, with that text. The client goes on
 * trying. Borrowed until the next call. */
TROUPE_API const char *troupe_client_refusal(const troupe_client_t *self);

/* The node's name as its greeting gave it; "" before that. Borrowed until the next call. */
TROUPE_API const char *troupe_client_node_name(const troupe_client_t *self);

/* Start a call; takes the message (NULL inside: an empty one). Never waits: without a
 * connection the request is kept, and sent when there is one. What is started in quick
 * succession while replies wait may be kept until those are taken. Every failure arrives
 * as the final reply. With `timeout_ms` 0 the capability's default counts, on the node; a
 * node that cannot be reached at all then ends the call as `timeout` after 30 s.
 *
 *   TROUPE_OK         *id_out names the call; exactly one final reply will come
 *   TROUPE_ERR_NOMEM  nothing was started, the message is gone
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_client_start(
    troupe_client_t *self, const char *capability, const troupe_call_options_t *options,
    troupe_message_t **message_p, uint64_t *id_out);

/* Take the next part or final of any call, waiting up to `timeout_ms` (0: only look; -1:
 * until something comes, or no call is open).
 *
 *   TROUPE_OK         *out is the caller's to destroy
 *   TROUPE_TIMEOUT    nothing came in time
 *   TROUPE_NOT_FOUND  no call is open, so nothing can come
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_client_next(troupe_client_t *self,
                                                               int64_t timeout_ms,
                                                               troupe_reply_t **out);

/* Ask that call `id` be cancelled; its final reply then says `cancelled`, unless it ended
 * first. An unknown id is ignored. */
TROUPE_API void troupe_client_cancel(troupe_client_t *self, uint64_t id);

/* How many calls have not ended yet. */
TROUPE_API size_t troupe_client_n_open(const troupe_client_t *self);

/* A descriptor that polls readable (level-triggered) when the client has work: replies to
 * take, a deadline to meet, a connection to renew. Then call troupe_client_next with
 * timeout 0 until it says TROUPE_TIMEOUT or TROUPE_NOT_FOUND, and so, if the client listens,
 * troupe_client_next_message. Borrowed; do not read it. */
TROUPE_API int troupe_client_fd(troupe_client_t *self);

/* Call and wait for the end. Parts go to `on_part (arg, part)` when that is not NULL;
 * replies to other calls of this client are kept for troupe_client_next.
 *
 *   TROUPE_OK         the request ended; *out says how, and is the caller's to destroy
 *   TROUPE_ERR_NOMEM  nothing was started
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_client_call(
    troupe_client_t *self, const char *capability, const troupe_call_options_t *options,
    troupe_message_t **message_p, troupe_part_fn *on_part, void *arg, troupe_reply_t **out);

/* ---- actors ----
 *
 * Actors of the node, where its file allows peers to send to them. To these the client is
 * somebody: they see who sent, may send to it, and can have themselves told when it has gone.
 * It is the same one as long as its connection lasts.
 */

/* Start sending a message to the actor called `actor`, which overtakes those that are not
 * urgent if it `is_urgent`; takes the message. As troupe_client_start, with what is sent to one
 * actor, or asked, arriving in the order of the calls. The final reply is empty:
 *
 *   ok             the message is in the actor's mailbox
 *   no_capability  there is no such actor
 *   forbidden      it is not for peers
 *   overloaded     its mailbox is full
 *   worker_lost    the connection was lost meanwhile: it may have arrived or not
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t
troupe_client_start_send(troupe_client_t *self, const char *actor, int64_t timeout_ms,
                         bool is_urgent, troupe_message_t **message_p, uint64_t *id_out);

/* Start asking an actor; takes the message. As troupe_client_start; with `timeout_ms` 0 the
 * answer is awaited for 5 s. The final is what it answers, or, beside those above:
 *
 *   worker_error  it refused; the text says why
 *   worker_lost   it failed while it had the question, let go of it, or has ended for good
 *   timeout, cancelled
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t
troupe_client_start_ask(troupe_client_t *self, const char *actor, int64_t timeout_ms,
                        troupe_message_t **message_p, uint64_t *id_out);

/* Send and wait until the message is delivered, or is not to be. As troupe_client_call. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_client_send(troupe_client_t *self,
                                                               const char *actor,
                                                               int64_t timeout_ms,
                                                               troupe_message_t **message_p,
                                                               troupe_reply_t **out);

/* Ask and wait for the answer. As troupe_client_call. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_client_ask(troupe_client_t *self,
                                                              const char *actor,
                                                              int64_t timeout_ms,
                                                              troupe_message_t **message_p,
                                                              troupe_reply_t **out);

/* Start monitoring the actor called `actor`: to be told once when it goes down. It is about the
 * life that the actor has when the node takes the monitor, or about the next one when it is
 * just between two: who wants to know of the end after that monitors again. As
 * troupe_client_start; an actor that is asked or sent to afterwards is watched by then. A
 * monitor is an open call without a deadline: it waits for as long as the connection lasts,
 * troupe_client_next with -1 waits for it, and it counts among the requests that the node lets
 * a client have open. Its final is empty, and comes behind all that the actor has sent to this
 * client:
 *
 *   ok             it went down: troupe_reply_reason says why, and troupe_reply_text
 *                  in one line. TROUPE_REASON_GONE, at once: nobody is called so
 *   forbidden      it is not for peers
 *   overloaded     too much is open
 *   worker_lost    the connection was lost: nobody can know whether it went down
 *   shutting_down  the node is stopping, or was when this was started
 *   timeout        the node could not be reached for 30 s
 *   cancelled      by troupe_client_cancel, which is how to demonitor
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_client_start_monitor(troupe_client_t *self,
                                                                        const char *actor,
                                                                        uint64_t *id_out);

/* Of the final of a monitor that is `ok`: why the actor went down, borrowed from the reply. A
 * kind that only a later version of the node has is given as TROUPE_REASON_FAILED. Of any other
 * reply: TROUPE_REASON_NORMAL, without a text. */
TROUPE_API troupe_reason_t troupe_reply_reason(const troupe_reply_t *self);

/* Keep what actors send until it is taken, up to `most` messages and 64 MiB; what comes beyond
 * that is lost, and counted. 0, as in the beginning: keep nothing. The node sends nothing to a
 * client that has neither said this nor sent anything. */
TROUPE_API void troupe_client_listen(troupe_client_t *self, size_t most);

/* Take the next message of an actor, waiting up to `timeout_ms` (0: only look; -1: until one
 * comes). *from_out, which may be left out, is the name of who sent it, borrowed until the next
 * call of this; "" when that has none. The descriptor tells of messages, too.
 *
 *   TROUPE_OK         *out is the caller's to destroy
 *   TROUPE_TIMEOUT    nothing came in time
 *   TROUPE_NOT_FOUND  the client does not listen
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_client_next_message(troupe_client_t *self,
                                                                       int64_t timeout_ms,
                                                                       const char **from_out,
                                                                       troupe_message_t **out);

/* How many messages of actors found no room. */
TROUPE_API uint64_t troupe_client_n_missed(const troupe_client_t *self);

TROUPE_END_DECLS

#endif
