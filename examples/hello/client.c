/* client.c - a program that calls a node in another process: client ENDPOINT NAME */

#include <stdio.h>

#include <troupe.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s ENDPOINT NAME\n", argv[0]);
        return 2;
    }
    troupe_client_t *client = troupe_client_new(argv[1]);
    troupe_message_t *request = troupe_message_from_text(argv[2]);
    troupe_call_options_t options = {.timeout_ms = 5000};
    troupe_reply_t *reply = NULL;
    int code = 1;

    if (client && troupe_client_call(client, "hello", &options, &request, NULL, NULL, &reply) ==
                      TROUPE_OK) {
        const troupe_message_t *message = troupe_reply_message(reply);
        troupe_outcome_t outcome = troupe_reply_outcome(reply);
        printf("%s: %.*s%s\n", troupe_outcome_name(outcome),
               (int)troupe_message_size(message, 0),
               (const char *)troupe_message_data(message, 0), troupe_reply_text(reply));
        code = outcome == TROUPE_OUTCOME_OK ? 0 : 1;
    }
    troupe_reply_destroy(&reply);
    troupe_message_destroy(&request);
    troupe_client_destroy(&client);
    return code;
}
