/* cli/session.h - one command's connection to a node
 *
 * Waiting always looks at two things: what the node sends, and Ctrl-C. SIGINT and SIGTERM are
 * held back as long as a session is open and read from a descriptor, so that a call can be
 * cancelled at the node instead of being left behind.
 */

#ifndef TROUPE_CLI_SESSION_H
#define TROUPE_CLI_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/api.h>
#include <troupe/client.h>

#include "cli/options.h"

#define CLI_ADMIN "troupe.admin"

/* Options of every verb that speaks to a node; cli_target_option reads them. */
#define CLI_TARGET_OPTIONS                                                                     \
    {'e', "endpoint", "ENDPOINT",                                                              \
     "the node, as ipc:///run/troupe.sock or tcp://127.0.0.1:5670;\n"                          \
     "default: $TROUPE_ENDPOINT, else $XDG_RUNTIME_DIR/troupe.sock\n"                          \
     "when there is one, else ipc:///tmp/troupe-studio.sock"},                                 \
        {CLI_KEY_KEY, "key", "FILE",                                                           \
         "who we are, to a node that wants CURVE: the file that 'troupe\n"                     \
         "keygen' has written; default: $TROUPE_KEY"},                                         \
        {CLI_KEY_SERVER_KEY, "server-key", "KEY",                                              \
         "the node's public key; default: $TROUPE_SERVER_KEY"},                                \
    {                                                                                          \
        CLI_KEY_CONNECT_TIMEOUT, "connect-timeout", "TIME",                                    \
            "how long to wait for the node to answer (default 3s)"                             \
    }

typedef struct cli_target {
    char endpoint[512];
    const char *key;        /* a file; NULL: none. These two are borrowed */
    const char *server_key; /* or NULL */
    int64_t connect_timeout_ms;
} cli_target_t;

/* The defaults. */
void cli_target_init(cli_target_t *self);

/* Take an option that is one of CLI_TARGET_OPTIONS. CLI_OK when it was, or was none of them;
 * CLI_USAGE after saying what is wrong with it. */
TROUPE_NODISCARD int cli_target_option(cli_target_t *self, const char *verb,
                                       const cli_given_t *given);

typedef struct cli_session {
    troupe_client_t *client;
    int signals; /* readable once Ctrl-C was pressed; -1: not open */
} cli_session_t;

/* Connect. Anything but CLI_OK was explained, and nothing is open. */
TROUPE_NODISCARD int cli_session_open(cli_session_t *self, const cli_target_t *target);
void cli_session_close(cli_session_t *self);

/* Connect a second client within `timeout_ms`, to see whether the node is still there.
 * Statuses as troupe_client_connect, TROUPE_INTERRUPTED on Ctrl-C; the client is the caller's
 * to destroy on TROUPE_OK. */
TROUPE_NODISCARD troupe_status_t cli_session_probe(cli_session_t *self,
                                                   const cli_target_t *target,
                                                   int64_t timeout_ms, troupe_client_t **out);

/* Wait up to `timeout_ms` (-1: as long as the call lasts) for the next part or final.
 *
 *   TROUPE_OK           *out is the caller's to destroy
 *   TROUPE_TIMEOUT      nothing came
 *   TROUPE_NOT_FOUND    no call is open
 *   TROUPE_INTERRUPTED  Ctrl-C, once for each
 */
TROUPE_NODISCARD troupe_status_t cli_session_next(cli_session_t *self, troupe_client_t *client,
                                                  int64_t timeout_ms, troupe_reply_t **out);

/* Call a method of the node's own capability and wait for the end of it; parts are dropped.
 * Takes the message (NULL: none).
 * TROUPE_OK with the final reply, TROUPE_INTERRUPTED, or what else went wrong. */
TROUPE_NODISCARD troupe_status_t cli_session_admin(cli_session_t *self, troupe_client_t *client,
                                                   const char *method, int64_t timeout_ms,
                                                   troupe_message_t **message_p,
                                                   troupe_reply_t **out);

/* Wait for Ctrl-C up to `timeout_ms`; true when it came. */
bool cli_session_pause(cli_session_t *self, int64_t timeout_ms);

/* Say in one line how a request to `capability` ended that did not end well; returns what to
 * exit with. */
int cli_explain_outcome(const char *capability, const troupe_reply_t *reply);

/* The same for a call that did not even get a reply. */
int cli_explain_status(const char *capability, troupe_status_t status);

/* Monotonic ms. */
int64_t cli_now_ms(void);

#endif
