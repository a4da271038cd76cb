/* The document borrows the bytes of the reply, so the two live and go together.
 */

#include "cli/answer.h"

#include "cli/output.h"

bool cli_answer_open(cli_answer_t *self, troupe_reply_t **reply_p, const char **reason_out)
{
    *self = (cli_answer_t){.reply = *reply_p};
    *reply_p = NULL;
    const troupe_message_t *message = troupe_reply_message(self->reply);
    if (!cli_document_open(&self->document, troupe_message_data(message, 0),
                           troupe_message_size(message, 0), reason_out)) {
        troupe_reply_destroy(&self->reply);
        return false;
    }
    return true;
}

int cli_answer_ask(cli_answer_t *self, cli_session_t *session, const char *method,
                   int64_t timeout_ms, troupe_message_t **message_p)
{
    *self = (cli_answer_t){.reply = NULL};
    troupe_reply_t *reply = NULL;
    troupe_status_t status =
        cli_session_admin(session, session->client, method, timeout_ms, message_p, &reply);
    if (status != TROUPE_OK) {
        return cli_explain_status(CLI_ADMIN, status);
    }
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        int code = cli_explain_outcome(CLI_ADMIN, reply);
        troupe_reply_destroy(&reply);
        return code;
    }
    const char *reason;
    if (!cli_answer_open(self, &reply, &reason)) {
        cli_complain("%s: the answer cannot be read: %s", CLI_ADMIN, reason);
        return CLI_FAILED;
    }
    return CLI_OK;
}

void cli_answer_close(cli_answer_t *self)
{
    if (self->reply) {
        cli_document_close(&self->document);
        troupe_reply_destroy(&self->reply);
    }
}

bool cli_answer_is_open(const cli_answer_t *self)
{
    return self->reply != NULL;
}

const msgpack_object *cli_answer_root(const cli_answer_t *self)
{
    return self->reply ? cli_document_root(&self->document) : NULL;
}
