/* troupe/behaviour.h - for those who write workers: callbacks and what they may call
 *
 * A behaviour is a table of callbacks. All callbacks of one worker run on one
 * thread, one after another, so a behaviour needs no locks for its own state. Every
 * function below belongs to that thread unless it says otherwise.
 *
 * With `isolation: inline` they run one after another too, and each sees what those
 * before it have left, but on whatever thread brings the work: one that calls within
 * the process, of an actor one that all inline actors share, or the worker's own. Only
 * init and terminate are always on that one.
 * Such a handler must be brief and must not wait for anything: it holds its caller,
 * who cannot call it off. The functions below belong to the thread of the callback
 * that runs.
 */

#ifndef TROUPE_BEHAVIOUR_H
#define TROUPE_BEHAVIOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>
#include <troupe/call.h>
#include <troupe/message.h>
#include <troupe/outcome.h>
#include <troupe/status.h>

TROUPE_BEGIN_DECLS

typedef struct troupe_args troupe_args_t;       /* the `args` of the configuration */
typedef struct troupe_worker troupe_worker_t;   /* the worker that a callback runs for */
typedef struct troupe_request troupe_request_t; /* one request in a handler's hands */

/* Why a worker ends. */
typedef enum troupe_reason_kind {
    TROUPE_REASON_NORMAL,   /* it ended by itself, its work done */
    TROUPE_REASON_SHUTDOWN, /* it was told to stop */
    TROUPE_REASON_FAILED,   /* a callback returned an error */
    TROUPE_REASON_CRASHED,  /* its process died by a signal */
    TROUPE_REASON_EXITED,   /* its process exited */
    TROUPE_REASON_HUNG,     /* it gave no sign of life */
    TROUPE_REASON_LOST,     /* its connection was lost */
    TROUPE_REASON_EVICTED,  /* its memory was needed elsewhere */
    TROUPE_REASON_IGNORED,  /* init said it is not needed here (OTP's ignore) */
    TROUPE_REASON_GONE,     /* it was gone already (OTP's noproc) */
} troupe_reason_kind_t;

/* "failed", "crashed", and so on; "unknown" for a value that is none. Constant. Any thread. */
TROUPE_API const char *troupe_reason_name(troupe_reason_kind_t kind);

/* Why a worker ends, with what is known about it. */
typedef struct troupe_reason {
    troupe_reason_kind_t kind; /* the kind of end */
    int code;                  /* the signal or the exit status, else 0 */
    const char *text;          /* what failed, in words; "" when there is nothing to say */
} troupe_reason_t;

/* What `init` may answer. Any other value is a failure. */
enum {
    TROUPE_INIT_OK = 0,
    TROUPE_INIT_IGNORE = 1, /* not needed here; no failure, the worker is not started */

    /* There is not enough memory (of the machine, or of a device) for what is to be loaded: a
     * failure, and one for which others can make room. The node lets idle workers go and tries
     * again; when that does not help either, requests end as memory_exhausted. */
    TROUPE_INIT_NO_MEMORY = 2,
};

/* Only `handle` is required, and only for a worker of a capability. */
typedef struct troupe_behaviour {
    /* What `module` in a configuration names; for a shared object also its file's name. */
    const char *name;

    /* Make the state. May take minutes: the worker is `loading` and gets no request.
     * Say why it fails with troupe_worker_explain. */
    int (*init)(troupe_worker_t *self, const troupe_args_t *args, void **state_p);

    /* Serve one request: finish it exactly once with a reply or a failure, after any
     * number of parts; or keep it and finish it later. Returning without either is a
     * bug that ends the request as `worker_error`. Non-zero means that the worker
     * itself is broken: it is replaced. */
    int (*handle)(troupe_worker_t *self, troupe_request_t *request, void *state);

    /* Serve up to `count` requests of one method at once, with `batch` in the configuration.
     * Each is finished or kept by itself, as in handle. NULL: one at a time. */
    int (*handle_batch)(troupe_worker_t *self, troupe_request_t **requests, size_t count,
                        void *state);

    /* Take a message sent to the actor, a tick of its timers, or a notice; troupe/actor.h says
     * how to tell them apart, and what else there is for actors. Borrowed for the call.
     * Non-zero as for handle. NULL: such messages become dead letters. */
    int (*receive)(troupe_worker_t *self, const troupe_message_t *message, void *state);

    /* The deep health check, on an idle worker. Non-zero: restart me. */
    int (*probe)(troupe_worker_t *self, void *state);

    /* Release the state, however the worker ends; not called when init failed. */
    void (*terminate)(troupe_worker_t *self, void **state_p, troupe_reason_t reason);

    /* Show the state to an operator who inspects the actor: a message whose first frame is
     * msgpack, of 1 MiB at most, or NULL when there is nothing to show. Runs between two
     * other callbacks, and changes nothing. */
    troupe_message_t *(*state)(troupe_worker_t *self, const void *state);
} troupe_behaviour_t;

/* Make a shared object a behaviour module: put TROUPE_MODULE (my_behaviour); at the
 * end of its source. */
#define TROUPE_MODULE(behaviour)                                                               \
    TROUPE_API extern const unsigned troupe_behaviour_abi;                                     \
    TROUPE_API extern const troupe_behaviour_t *const troupe_behaviour;                        \
    const unsigned troupe_behaviour_abi = TROUPE_ABI_VERSION;                                  \
    const troupe_behaviour_t *const troupe_behaviour = &(behaviour)

/* ---- the configuration ---- */

/* The value of `key` as text, borrowed for the life of the worker; NULL when absent. */
TROUPE_API const char *troupe_args_get(const troupe_args_t *args, const char *key);

/* The same with a default. */
TROUPE_API const char *troupe_args_get_or(const troupe_args_t *args, const char *key,
                                          const char *fallback);

/* The value of `key` as a whole number. TROUPE_NOT_FOUND when absent,
 * TROUPE_ERR_INVALID when it is no number; *out is untouched then. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_args_number(const troupe_args_t *args,
                                                               const char *key, int64_t *out);

/* ---- the worker ---- */

/* The worker's name, as "vision/2". Borrowed for the life of the worker. */
TROUPE_API const char *troupe_worker_name(const troupe_worker_t *self);

/* Say that a long handler or init is getting on. One atomic store. */
TROUPE_API void troupe_worker_progress(troupe_worker_t *self);

/* End well (`normal`) when the `handle` or `receive` that runs now has returned: the work is
 * done. Requests that were given to the worker and not begun go to another one; those it keeps
 * are lost. A permanent worker is started again, a transient or temporary one is not. */
TROUPE_API void troupe_worker_end(troupe_worker_t *self);

/* Say why the callback that runs now is about to return an error: one line, which
 * the log, the events and the callers see. */
TROUPE_API void troupe_worker_explain(troupe_worker_t *self, const char *format, ...)
    TROUPE_PRINTF(2, 3);

/* Write one line to the node's log under the worker's name. Never blocks. */
TROUPE_API void troupe_worker_log(troupe_worker_t *self, const char *format, ...)
    TROUPE_PRINTF(2, 3);

/* ---- calls to others ---- */

/* Takes what comes back of a call that the worker made: any number of parts, then one final.
 * Borrowed for the call. Non-zero as for handle. */
typedef int(troupe_answer_fn)(troupe_worker_t *self, const troupe_reply_t *reply, void *arg);

/* Call a capability of the node. Never waits: what comes back goes to `on_answer (self, reply,
 * arg)`, between other callbacks, and however it goes one final comes, unless
 * the worker ends first. Takes the message (NULL inside: an empty one).
 *
 * With `parent` the call is made on behalf of that request, which must be kept until the answer
 * is there: the call has no more time than the parent has left, its priority and trace context
 * unless `options` say otherwise, and is cancelled when nobody waits for the parent any more.
 * So a circle of calls ends by the deadline at the latest; calls nested deeper than 32 end as
 * bad_request. NULL: a call for the worker's own sake.
 *
 *   TROUPE_OK         *id_out names the call
 *   TROUPE_ERR_NOMEM  nothing was started, the message is gone
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t
troupe_worker_call(troupe_worker_t *self, troupe_request_t *parent, const char *capability,
                   const troupe_call_options_t *options, troupe_message_t **message_p,
                   troupe_answer_fn *on_answer, void *arg, uint64_t *id_out);

/* Ask that call `id` be cancelled; its final then says `cancelled`, unless it ended first. An
 * unknown id is ignored. */
TROUPE_API void troupe_worker_cancel(troupe_worker_t *self, uint64_t id);

/* ---- the request ---- */

/* What the caller asks to be done; "" when it did not say. Borrowed. */
TROUPE_API const char *troupe_request_method(const troupe_request_t *self);

/* The caller's trace context, or "". Borrowed. */
TROUPE_API const char *troupe_request_traceparent(const troupe_request_t *self);

/* The name of the peer that asks, as its key proves it (`security` in the node's file); "" when
 * it has none, and for calls from inside the node. Nobody can take a name that is not his.
 * Borrowed. */
TROUPE_API const char *troupe_request_peer(const troupe_request_t *self);

/* The payload, borrowed until the request is finished. Read only: others may share it. */
TROUPE_API const troupe_message_t *troupe_request_message(const troupe_request_t *self);

/* The bytes of the first frame of the payload, borrowed likewise. Never NULL. */
TROUPE_API const void *troupe_request_data(const troupe_request_t *self);

/* The length of that frame in bytes. */
TROUPE_API size_t troupe_request_size(const troupe_request_t *self);

/* Time left until the deadline in ms, 0 when it has passed. */
TROUPE_API int64_t troupe_request_remaining_ms(const troupe_request_t *self);

/* True when nobody waits for the answer any more, by cancel or by deadline. A long
 * handler asks now and then, and finishes the request in any way when it is so. Any
 * thread. */
TROUPE_API bool troupe_request_cancelled(const troupe_request_t *self);

/* Send a part of a streamed reply; takes the message. Waits for room while the reader
 * is slow, up to the deadline, and with it the whole worker: one that serves several requests
 * at once better asks for room with the two functions below. A worker that is inline never
 * waits, as its reader may be the thread that it is on.
 *
 *   TROUPE_OK         on its way
 *   TROUPE_CLOSED     nobody waits any more; finish the request; the message is gone
 *   TROUPE_FULL       of an inline worker only: the reader has no room now; the message is
 *                     still the caller's
 *   TROUPE_ERR_NOMEM  not sent; the message is gone
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_request_part(troupe_request_t *self,
                                                                troupe_message_t **part_p);

/* The same without waiting.
 *
 *   TROUPE_FULL  the reader has no room now; the message is still the caller's
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_request_try_part(troupe_request_t *self,
                                                                    troupe_message_t **part_p);

/* Goes on with a stream. Non-zero as for handle. */
typedef int(troupe_room_fn)(troupe_worker_t *self, troupe_request_t *request, void *arg);

/* Keep the request, and have `fn (worker, request, arg)` called once, between other callbacks,
 * when the reader may have room for a part or nobody waits any more; then try, and ask again.
 * Until then troupe_request_part must not be used on it. */
TROUPE_API void troupe_request_on_room(troupe_request_t *self, troupe_room_fn *fn, void *arg);

/* Finish with a reply; takes the message. The request must not be used afterwards. */
TROUPE_API void troupe_request_reply(troupe_request_t *self, troupe_message_t **reply_p);

/* Finish with a reply of one frame that copies `size` bytes. */
TROUPE_API void troupe_request_reply_data(troupe_request_t *self, const void *data,
                                          size_t size);

/* Finish as `worker_error` with a text for the caller. Costs no restart. */
TROUPE_API void troupe_request_fail(troupe_request_t *self, const char *format, ...)
    TROUPE_PRINTF(2, 3);

/* Finish as `outcome`, which must be one a handler can know: worker_error, bad_request,
 * too_large, or memory_exhausted when there is no memory for this request (that of a device,
 * say); any other becomes worker_error. */
TROUPE_API void troupe_request_refuse(troupe_request_t *self, troupe_outcome_t outcome,
                                      const char *format, ...) TROUPE_PRINTF(3, 4);

/* Keep the request beyond the return of `handle`, to finish it in a later callback of
 * the same worker. It stays pending, and counts against the concurrency. */
TROUPE_API void troupe_request_keep(troupe_request_t *self);

TROUPE_END_DECLS

#endif
