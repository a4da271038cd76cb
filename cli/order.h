/* cli/order.h - what verbs share that ask the node for something and print one line about it */

#ifndef TROUPE_CLI_ORDER_H
#define TROUPE_CLI_ORDER_H

#include <troupe/message.h>

#include "cli/session.h"

#define CLI_LATER_OPTION                                                                       \
    {                                                                                          \
        CLI_KEY_IN, "in", "TIME", "do it after that time; says so at once"                     \
    }

/* What was given, beside the operands. */
typedef struct cli_order {
    cli_target_t target;
    int64_t timeout_ms;
    const char *file;  /* -f */
    const char *later; /* --in */
} cli_order_t;

/* Anything but CLI_OK was explained. */
TROUPE_NODISCARD int cli_order_read(const cli_args_t *args, cli_order_t *out);

/* Ask by a call of the method that is called like the verb, and print in one line what came of
 * it. Takes the message; without one (NULL) it is the operands, and the time to wait if there
 * is one. Returns what to exit with. */
TROUPE_NODISCARD int cli_order_give(const cli_args_t *args, const cli_order_t *order,
                                    troupe_message_t *message);

#endif
