/* node/http/address.h - where a node listens for HTTP, and by which names it may be asked there
 *
 * HOST:PORT, HOST an IPv4 address in digits or `localhost`. What the file says is what is
 * bound: only an address that is no loopback one opens the node's state to the network.
 */

#ifndef TROUPE_NODE_HTTP_ADDRESS_H
#define TROUPE_NODE_HTTP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>

/* What is wrong with the text, for whoever wrote it; NULL when nothing is, and then *out is the
 * address. */
const char *tr_http_address_problem(const char *text, struct sockaddr_in *out);

/* A socket that listens there, or -1 with errno. */
int tr_http_address_listen(const struct sockaddr_in *address);

/* Whether a request's Host may be answered: an IP address, `localhost`, or the machine's own
 * name, each with or without a port. A page from elsewhere, whose name was turned to point here
 * (DNS rebinding), comes with a name of its own. */
bool tr_http_host_is_ours(const char *host, const char *machine);

#endif
