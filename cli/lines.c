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

static int show(const troupe_reply_t *reply)
{
    const troupe_message_t *answer = troupe_reply_message(reply);
    if (troupe_reply_outcome(reply) == TROUPE_OUTCOME_BAD_REQUEST) {
        const char *text = troupe_reply_text(reply);
        print_lines(stderr, text, strlen(text));
        return CLI_FAILED;
    }
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        return cli_explain_outcome(CLI_ADMIN, reply);
    }
    print_lines(stdout, troupe_message_data(answer, 0), troupe_message_size(answer, 0));
    size_t size = troupe_message_size(answer, 1);
    bool is_whole = size == 0 || (size == 1 && *(const char *)troupe_message_data(answer, 1) == '0');
    return is_whole ? CLI_OK : CLI_FAILED;
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
    troupe_reply_t *reply = NULL;
    troupe_status_t status =
        cli_session_admin(&session, session.client, method, timeout_ms, message_p, &reply);
    code = status == TROUPE_OK ? show(reply) : cli_explain_status(CLI_ADMIN, status);
    troupe_reply_destroy(&reply);
    cli_session_close(&session);
    return code;
}
