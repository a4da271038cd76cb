/* node/http/http.h - the actor that shows the node over HTTP
 *
 * Metrics, health, readiness, state and a dashboard, all of it for reading. It runs on a thread
 * of its own and asks the admin as anybody may; nothing that serves requests waits for it. Who
 * asks while a survey of the node is under way shares it.
 *
 * A build without libmicrohttpd has http/off.c instead: such a node refuses `http` in its file.
 */

#ifndef TROUPE_NODE_HTTP_HTTP_H
#define TROUPE_NODE_HTTP_HTTP_H

#include <netinet/in.h>

#include "actors/actor.h"

/* Borrowed: outlives the actor. */
typedef struct tr_http_spec {
    const char *address; /* as it was written */
    struct sockaddr_in at;
    int64_t patience_ms;       /* a connection has so long for each request; 0: the usual */
    unsigned most_connections; /* at once; 0: the usual */
} tr_http_spec_t;

/* Whether this build has it. */
bool tr_http_is_there(void);

/* Start it; `what` is a tr_http_spec_t. It has started when it listens, and fails with the
 * reason why it cannot. */
TROUPE_NODISCARD troupe_status_t tr_http_start(const tr_birth_t *birth, tr_actor_t **out);

#endif
