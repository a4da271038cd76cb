/* cli/typed.h - calls of capabilities that have a contract, in JSON both ways */

#ifndef TROUPE_CLI_TYPED_H
#define TROUPE_CLI_TYPED_H

#include <stdbool.h>

#include <troupe/contract.h>

/* What --request and --contract said. */
typedef struct cli_typed {
    const char *json;     /* or "@FILE", or "-" for stdin; NULL: the call has no JSON form */
    const char *contract; /* NULL: it is called as the capability is */
    const troupe_contract_t *found;
    const char *method; /* that it came to; constant */
} cli_typed_t;

/* Make the request; `subject`, NULL for none, is what else was given. False after saying why
 * not. */
TROUPE_NODISCARD bool cli_typed_request(cli_typed_t *self, const char *capability,
                                        const char *method, const troupe_message_t *subject,
                                        troupe_message_t **out);

/* The same for what -d and -f gave, in place: at most one frame, which it is about. *method_p
 * is the method asked for, or NULL, and becomes that it came to. False after saying why not. */
TROUPE_NODISCARD bool cli_typed_apply(cli_typed_t *self, const char *capability,
                                      const char **method_p, troupe_message_t **message_p);

/* The reply in its JSON form, to be released with free(); NULL after saying why not. */
TROUPE_NODISCARD char *cli_typed_reply(const cli_typed_t *self, const char *capability,
                                       const troupe_message_t *reply);

#endif
