/* cli/answer.h - what the node says about itself when it is asked: a reply, and the document in
 * it */

#ifndef TROUPE_CLI_ANSWER_H
#define TROUPE_CLI_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/api.h>
#include <troupe/call.h>

#include "cli/document.h"
#include "cli/session.h"

/* Zeroed: nothing was said. */
typedef struct cli_answer {
    troupe_reply_t *reply;
    cli_document_t document;
} cli_answer_t;

/* Open what a reply that ended well has brought; takes the reply. False: *reason_out says in a
 * few words why it cannot be read, and the answer is empty. */
TROUPE_NODISCARD bool cli_answer_open(cli_answer_t *self, troupe_reply_t **reply_p,
                                      const char **reason_out);

/* Ask the node's own capability and wait; takes the message (NULL: none). Anything but CLI_OK
 * was explained, and the answer is empty. */
TROUPE_NODISCARD int cli_answer_ask(cli_answer_t *self, cli_session_t *session,
                                    const char *method, int64_t timeout_ms,
                                    troupe_message_t **message_p);

/* Let go of it; an empty one is fine. */
void cli_answer_close(cli_answer_t *self);

bool cli_answer_is_open(const cli_answer_t *self);

/* The map that was said; NULL of an empty answer. Borrowed until it is closed. */
const msgpack_object *cli_answer_root(const cli_answer_t *self);

#endif
