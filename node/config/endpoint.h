/* node/config/endpoint.h - which endpoints a node can listen on
 *
 * Pure. Narrower than what ZeroMQ takes.
 */

#ifndef TROUPE_NODE_CONFIG_ENDPOINT_H
#define TROUPE_NODE_CONFIG_ENDPOINT_H

#include <stdbool.h>

/* The path of an ipc endpoint fits sockaddr_un with its NUL. */
enum { TR_ENDPOINT_PATH_MAX = 107 };

/* NULL when a node can listen on `endpoint`, else what is wrong, in words that go on after
 * "endpoint 'X': ". The text is constant. */
const char *tr_config_endpoint_problem(const char *endpoint);

/* Whether others than processes of this host can connect to an endpoint without a problem. */
bool tr_config_endpoint_is_open(const char *endpoint);

/* Whether an endpoint is a socket file, which has a mode. */
bool tr_config_endpoint_is_ipc(const char *endpoint);

#endif
