/* troupe/contract.h - what the typed capabilities are asked, and what they answer
 *
 * Five capabilities have a contract: vision, text_to_image, text_embedding, image_embedding and
 * text_to_text. It says what a request and its reply hold and how they lie in a message, so
 * that every worker and every caller of a capability means the same, whatever their language:
 *
 *   frame 0  the subject as it is: a text in UTF-8, the bytes of an image, the float32 values
 *            of vectors (little-endian); the subjects of a batch are a msgpack array of these
 *   frame 1  all else by name: a msgpack map, or a JSON object. It may be left out or empty
 *
 * A reply has its details in frame 1 in JSON if its request had, else in msgpack. A name that
 * the contract does not know is refused, so that nothing that was misspelt is ignored; what a
 * worker has no use for, it may ignore. Text that comes in parts is the same as that of the
 * reply, when the parts are put together.
 *
 * Everything here is pure, and may be called on any thread; what belongs to a single call is
 * not shared.
 */

#ifndef TROUPE_CONTRACT_H
#define TROUPE_CONTRACT_H

#include <stddef.h>

#include <troupe/api.h>
#include <troupe/call.h>
#include <troupe/caller.h>
#include <troupe/client.h>
#include <troupe/message.h>
#include <troupe/outcome.h>
#include <troupe/status.h>

TROUPE_BEGIN_DECLS

enum {
    TROUPE_MAX_TEXT = 1024 * 1024,       /* bytes of a text that is a subject */
    TROUPE_MAX_IMAGE = 32 * 1024 * 1024, /* bytes of the file of an image */
    TROUPE_MAX_BATCH = 1024,             /* subjects of one request */
    TROUPE_MAX_PATH = 1024,              /* bytes of the path of an image */
    TROUPE_MAX_DETAILS = 1024 * 1024,    /* bytes of frame 1 of a request */
};

/* One line that says what is wrong, valid UTF-8. */
typedef struct troupe_why {
    char text[300]; /* NUL-terminated */
} troupe_why_t;

/* Write a line, cut where it is too long, and with '?' for what is no UTF-8, and for what
 * controls a terminal or ends a line. */
TROUPE_API void troupe_why_set(troupe_why_t *self, const char *format, ...) TROUPE_PRINTF(2, 3);

/* An image: its bytes, or where the worker finds it. A zeroed one is none. */
typedef struct troupe_image {
    const void *data; /* the bytes of a file, as PNG or JPEG */
    size_t size;      /* in bytes */
    const char *path; /* below the folder that the worker was given; NULL: `data` counts */
} troupe_image_t;

/* Where what was unpacked lies. */
typedef struct troupe_contract_memory troupe_contract_memory_t;

/* What one capability is asked and answers. Constant. */
typedef struct troupe_contract troupe_contract_t;

/* The contract called `name`; NULL when there is none. */
TROUPE_API const troupe_contract_t *troupe_contract_find(const char *name);

/* Its name, as "vision". Constant. */
TROUPE_API const char *troupe_contract_name(const troupe_contract_t *self);

/* All of it as JSON, for people and for tools: methods, what each is asked and answers, with
 * types, limits and defaults. To be released with free(); NULL when out of memory. */
TROUPE_API TROUPE_NODISCARD char *troupe_contract_describe(const troupe_contract_t *self);

/* Read a request in its JSON form, an object with all that its struct has by name:
 * {"prompt": "a boat", "format": "svg"}. An image is {"base64": "..."} or {"path": "..."}. With
 * `subject`, which may be NULL, frame 0 of that message is the subject, and the object may not
 * have one. Without `method`, NULL or "", it is a batch when the object has the subjects of
 * one.
 *
 *   TROUPE_OK           *message_out is a request that keeps to the contract, the caller's;
 *                       *method_out, which may be NULL, names its method. Constant
 *   TROUPE_ERR_INVALID  it is no JSON, or no such request
 *   TROUPE_LIMIT        it exceeds a limit
 *   TROUPE_ERR_NOMEM
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_contract_request_from_json(
    const troupe_contract_t *self, const char *method, const char *json, size_t size,
    const troupe_message_t *subject, troupe_message_t **message_out, const char **method_out,
    troupe_why_t *why);

/* The JSON form of a reply to `method`: one line, to be released with free(). Bytes become
 * {"base64": "..."}. TROUPE_ERR_INVALID when the reply does not keep to the contract. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_contract_reply_to_json(
    const troupe_contract_t *self, const char *method, const troupe_message_t *reply,
    char **json_out, troupe_why_t *why);

/* How to call a typed capability. A zeroed struct, or NULL in its place, means all defaults. */
typedef struct troupe_typed_call {
    const char *capability;               /* NULL: as the contract is called */
    const troupe_call_options_t *options; /* its method is not looked at */
    troupe_part_fn *on_part;              /* NULL: parts are let go */
    void *arg;                            /* for on_part */
} troupe_typed_call_t;

/* ---- what the typed functions below are made of; better call those ---- */

/* Set all of a request to the defaults. */
TROUPE_API void troupe_contract_init(const troupe_contract_t *self, void *request);

/* Whether a request keeps to the contract: TROUPE_ERR_INVALID, or TROUPE_LIMIT, when not. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_contract_check(const troupe_contract_t *self,
                                                                  const void *request,
                                                                  troupe_why_t *why);

/* A request as a message. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_contract_pack(const troupe_contract_t *self,
                                                                 const void *request,
                                                                 troupe_message_t **out,
                                                                 troupe_why_t *why);

/* A message as a request. */
TROUPE_API TROUPE_NODISCARD troupe_status_t
troupe_contract_unpack(const troupe_contract_t *self, const char *method,
                       const troupe_message_t *message, void *request, troupe_why_t *why);

/* A reply as a message, in the form that `request`, which was unpacked, asks for. */
TROUPE_API TROUPE_NODISCARD troupe_status_t
troupe_contract_pack_reply(const troupe_contract_t *self, const void *request,
                           const void *reply, troupe_message_t **out, troupe_why_t *why);

/* A part that tells how far a request is, 0 to 1, in the form that it asks for; `memory` is
 * that of the request, which was unpacked. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_contract_pack_progress(
    const troupe_contract_memory_t *memory, double progress, troupe_message_t **out);

/* A message as a reply to `method`. */
TROUPE_API TROUPE_NODISCARD troupe_status_t
troupe_contract_unpack_reply(const troupe_contract_t *self, const char *method,
                             const troupe_message_t *message, void *reply, troupe_why_t *why);

/* Let go of what lies behind an unpacked request, or reply. */
TROUPE_API void troupe_contract_release(troupe_contract_memory_t **memory_p);

/* Pack, call by whichever of the two is not NULL, wait, and unpack. */
TROUPE_API TROUPE_NODISCARD troupe_outcome_t troupe_contract_call(
    const troupe_contract_t *self, troupe_client_t *client, troupe_caller_t *caller,
    const troupe_typed_call_t *how, const void *request, void *reply, troupe_why_t *why);

/* The typed functions of a contract, for `name` as the contract is called:
 *
 *   troupe_NAME_init (request)                all defaults; fill in the rest. Strings and
 * arrays are borrowed until the request is packed troupe_NAME_check (request, why) does it keep
 * to the contract troupe_NAME_pack (request, out, why)      as a message, for any kind of call
 *   troupe_NAME_unpack (method, message, request, why)
 *                                             for workers: the other way round. It shares the
 *                                             message, and lives until it is released
 *   troupe_NAME_release (request)             of an unpacked one
 *   troupe_NAME_pack_reply (request, reply, out, why)
 *                                             for workers: `request` is what was unpacked
 *   troupe_NAME_unpack_reply (method, message, reply, why)
 *   troupe_NAME_release_reply (reply)
 *   troupe_NAME_call (client, how, request, reply, why)
 *                                             call a node and wait for the end. When the
 * outcome is TROUPE_OUTCOME_OK, *reply is the caller's to release; otherwise *why says what
 * happened: bad_request also when the request is none, and worker_error when the reply is none,
 * or lacks a vector
 *   troupe_NAME_call_inside (caller, how, request, reply, why)
 *                                             the same within the node's process
 *
 * What returns a status returns TROUPE_OK, TROUPE_ERR_INVALID or TROUPE_LIMIT with *why set, or
 * TROUPE_ERR_NOMEM. After a failure there is nothing to release. */
#define TROUPE_CONTRACT(name)                                                                  \
    TROUPE_API extern const troupe_contract_t troupe_##name##_contract;                        \
    static inline void troupe_##name##_init(troupe_##name##_request_t *request)                \
    {                                                                                          \
        troupe_contract_init(&troupe_##name##_contract, request);                              \
    }                                                                                          \
    TROUPE_NODISCARD static inline troupe_status_t troupe_##name##_check(                      \
        const troupe_##name##_request_t *request, troupe_why_t *why)                           \
    {                                                                                          \
        return troupe_contract_check(&troupe_##name##_contract, request, why);                 \
    }                                                                                          \
    TROUPE_NODISCARD static inline troupe_status_t troupe_##name##_pack(                       \
        const troupe_##name##_request_t *request, troupe_message_t **out, troupe_why_t *why)   \
    {                                                                                          \
        return troupe_contract_pack(&troupe_##name##_contract, request, out, why);             \
    }                                                                                          \
    TROUPE_NODISCARD static inline troupe_status_t troupe_##name##_unpack(                     \
        const char *method, const troupe_message_t *message,                                   \
        troupe_##name##_request_t *request, troupe_why_t *why)                                 \
    {                                                                                          \
        return troupe_contract_unpack(&troupe_##name##_contract, method, message, request,     \
                                      why);                                                    \
    }                                                                                          \
    static inline void troupe_##name##_release(troupe_##name##_request_t *request)             \
    {                                                                                          \
        troupe_contract_release(&request->memory);                                             \
    }                                                                                          \
    TROUPE_NODISCARD static inline troupe_status_t troupe_##name##_pack_reply(                 \
        const troupe_##name##_request_t *request, const troupe_##name##_reply_t *reply,        \
        troupe_message_t **out, troupe_why_t *why)                                             \
    {                                                                                          \
        return troupe_contract_pack_reply(&troupe_##name##_contract, request, reply, out,      \
                                          why);                                                \
    }                                                                                          \
    TROUPE_NODISCARD static inline troupe_status_t troupe_##name##_unpack_reply(               \
        const char *method, const troupe_message_t *message, troupe_##name##_reply_t *reply,   \
        troupe_why_t *why)                                                                     \
    {                                                                                          \
        return troupe_contract_unpack_reply(&troupe_##name##_contract, method, message, reply, \
                                            why);                                              \
    }                                                                                          \
    static inline void troupe_##name##_release_reply(troupe_##name##_reply_t *reply)           \
    {                                                                                          \
        troupe_contract_release(&reply->memory);                                               \
    }                                                                                          \
    TROUPE_NODISCARD static inline troupe_outcome_t troupe_##name##_call(                      \
        troupe_client_t *client, const troupe_typed_call_t *how,                               \
        const troupe_##name##_request_t *request, troupe_##name##_reply_t *reply,              \
        troupe_why_t *why)                                                                     \
    {                                                                                          \
        return troupe_contract_call(&troupe_##name##_contract, client, NULL, how, request,     \
                                    reply, why);                                               \
    }                                                                                          \
    TROUPE_NODISCARD static inline troupe_outcome_t troupe_##name##_call_inside(               \
        troupe_caller_t *caller, const troupe_typed_call_t *how,                               \
        const troupe_##name##_request_t *request, troupe_##name##_reply_t *reply,              \
        troupe_why_t *why)                                                                     \
    {                                                                                          \
        return troupe_contract_call(&troupe_##name##_contract, NULL, caller, how, request,     \
                                    reply, why);                                               \
    }

TROUPE_END_DECLS

#endif
