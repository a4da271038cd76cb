/* node/http/path.h - what a request over HTTP is for
 *
 * Pure. Names have no character that needs escaping, so a path is taken as it is written, and
 * one with anything escaped in it is nobody's.
 */

#ifndef TROUPE_NODE_HTTP_PATH_H
#define TROUPE_NODE_HTTP_PATH_H

typedef enum tr_http_place {
    TR_HTTP_NOWHERE,
    TR_HTTP_DASHBOARD, /* / */
    TR_HTTP_METRICS,   /* /metrics */
    TR_HTTP_ALIVE,     /* /healthz, /v2/health/live */
    TR_HTTP_READY,     /* /readyz, /v2/health/ready */
    TR_HTTP_READY_ONE, /* /readyz/NAME, /v2/models/NAME/ready */
    TR_HTTP_STATE,     /* /state */
} tr_http_place_t;

typedef struct tr_http_path {
    tr_http_place_t place;
    char capability[80]; /* of TR_HTTP_READY_ONE; else "" */
} tr_http_path_t;

/* `path` is without the query. */
tr_http_path_t tr_http_path_of(const char *path);

#endif
