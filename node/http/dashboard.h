/* node/http/dashboard.h - the page that shows a node; made of dashboard.html at build time */

#ifndef TROUPE_NODE_HTTP_DASHBOARD_H
#define TROUPE_NODE_HTTP_DASHBOARD_H

#include <stddef.h>

extern const char tr_dashboard_page[];
extern const size_t tr_dashboard_size;

/* Content-Security-Policy: the page's own script and style, by their hashes, and the node. */
extern const char tr_dashboard_policy[];

#endif
