#include "cli/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/text.h"

enum { LINE_LENGTH = 4000 };

/* Each line with its control characters replaced. */
static void print_lines(FILE *out, const char *text, size_t size)
{
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;
        char *clean = cli_clean(text, length, LINE_LENGTH);
        fprintf(out, "%s\n", clean);
        free(clean);
        length += end != NULL;
        text += length;
        size -= length;
    }
}

static void print_frame(FILE *out, const troupe_message_t *message)
{
    print_lines(out, troupe_message_data(message, 0), troupe_message_size(message, 0));
}

/* `problems` is the part with all of them, when there are many; or NULL. */
static int show(const troupe_reply_t *reply, const troupe_reply_t *problems)
{
    const troupe_message_t *answer = troupe_reply_message(reply);
    if (troupe_reply_outcome(reply) == TROUPE_OUTCOME_BAD_REQUEST) {
        const char *text = troupe_reply_text(reply);
        if (problems) {
            print_frame(stderr, troupe_reply_message(problems));
        } else {
            print_lines(stderr, text, strlen(text));
        }
        return CLI_FAILED;
    }
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        return cli_explain_outcome(CLI_ADMIN, reply);
    }
    print_frame(stdout, answer);
    size_t size = troupe_message_size(answer, 1);
    bool is_whole =
        size == 0 || (size == 1 && *(const char *)troupe_message_data(answer, 1) == '0');
    return is_whole ? CLI_OK : CLI_FAILED;
}

/* Until the end of the call; the last part before it is kept. */
static int wait_for_end(cli_session_t *session)
{
    troupe_reply_t *problems = NULL;
    for (;;) {
        troupe_reply_t *reply = NULL;
        troupe_status_t status = cli_session_next(session, session->client, -1, &reply);
        bool is_over = status != TROUPE_OK || troupe_reply_is_final(reply);
        int code = status != TROUPE_OK ? cli_explain_status(CLI_ADMIN, status)
                   : is_over           ? show(reply, problems)
                                       : CLI_OK;
        troupe_reply_destroy(&problems);
        if (is_over) {
            troupe_reply_destroy(&reply);
            return code;
        }
        problems = reply;
    }
}

int cli_ask_for_lines(const cli_target_t *target, const char *method, int64_t timeout_ms,
                      troupe_message_t **message_p)
{
    cli_session_t session;
    int code = cli_session_open(&session, target);
    if (code != CLI_OK) {
        if (message_p) {
            troupe_message_destroy(message_p);
        }
        return code;
    }
    const troupe_call_options_t options = {.method = method, .timeout_ms = timeout_ms};
    troupe_message_t *empty = NULL;
    uint64_t id;
    troupe_status_t status = troupe_client_start(session.client, CLI_ADMIN, &options,
                                                 message_p ? message_p : &empty, &id);
    code = status == TROUPE_OK ? wait_for_end(&session) : cli_explain_status(CLI_ADMIN, status);
    cli_session_close(&session);
    return code;
}
