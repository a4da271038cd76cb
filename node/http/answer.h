/* node/http/answer.h - what is said over HTTP, without the saying of it
 *
 * Takes the node's account of itself, if one could be had, and makes the body of an answer.
 */

#ifndef TROUPE_NODE_HTTP_ANSWER_H
#define TROUPE_NODE_HTTP_ANSWER_H

#include <msgpack.h>

#include "actors/runtime.h"
#include "node/http/path.h"

/* Why there is no account. */
typedef enum tr_http_lack {
    TR_HTTP_LACKS_NOTHING,
    TR_HTTP_LACKS_TIME,   /* it did not come in time */
    TR_HTTP_LACKS_NODE,   /* the node stops */
    TR_HTTP_LACKS_MEMORY, /* it could not be kept */
} tr_http_lack_t;

typedef struct tr_http_answer {
    unsigned status;
    const char *type;
    const char *policy; /* Content-Security-Policy */
    char *text;         /* to be freed; or NULL, and then `page` is the body */
    const char *page;   /* constant */
    size_t size;
} tr_http_answer_t;

/* Whether an answer there needs the node's account, or at least tells more with it. */
bool tr_http_needs_account(tr_http_place_t place);

/* The answer. `account` may be NULL, and `lack` says why then. An answer without a body: out of
 * memory. */
tr_http_answer_t tr_http_answer(const tr_http_path_t *path, bool any, tr_runtime_t *runtime,
                                const msgpack_object *account, tr_http_lack_t lack);

/* A few words; `text` is constant. */
tr_http_answer_t tr_http_plain(unsigned status, const char *text);

#endif
