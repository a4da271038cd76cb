/* A tcp host must be an IPv4 address in digits: ZeroMQ binds no host name, "localhost"
 * included. An ipc path must be a file, since an abstract socket has no mode that keeps others
 * out.
 */

#include "node/config/endpoint.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/tcp_address.h"

static const char ipc[] = "ipc://";
static const char tcp[] = "tcp://";

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *ipc_problem(const char *path)
{
    size_t size = strlen(path);
    if (size == 0) {
        return "ipc needs a path, as in ipc:///run/node.sock";
    }
    if (size > TR_ENDPOINT_PATH_MAX) {
        return "the path is longer than 107 bytes";
    }
    if (path[0] == '@' || strcmp(path, "*") == 0) {
        return "the path must name a file";
    }
    for (const char *byte = path; *byte; byte++) {
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f) {
            return "the path contains a control character";
        }
    }
    return path[size - 1] == '/' ? "the path must name a file" : NULL;
}

/* Of "HOST:PORT", whose host is none. */
static const char *host_problem(const char *rest)
{
    return begins_with(rest, "localhost:") ? "write 127.0.0.1 for localhost"
           : rest[0] == '['          ? "IPv6 is not available in this version; write 127.0.0.1"
           : begins_with(rest, "*:") ? "write 0.0.0.0 for all addresses of this host"
                                     : "the host must be an IPv4 address in digits, such as "
                                       "127.0.0.1";
}

static const char *tcp_problem(const char *rest)
{
    struct sockaddr_in address;
    switch (tr_tcp_address_read(rest, &address)) {
    case TR_TCP_LACKS_PART:
        return "tcp needs a host and a port, as in tcp://127.0.0.1:5670";
    case TR_TCP_BAD_HOST:
        return host_problem(rest);
    case TR_TCP_FINE:
        if (address.sin_port != 0) {
            return NULL;
        }
        break;
    case TR_TCP_BAD_PORT:
        break;
    }
    return "the port must be a number from 1 to 65535";
}

bool tr_config_endpoint_is_ipc(const char *endpoint)
{
    assert(endpoint);
    return begins_with(endpoint, ipc);
}

bool tr_config_endpoint_is_open(const char *endpoint)
{
    assert(endpoint);
    unsigned first = 0;
    return sscanf(endpoint, "tcp://%u.", &first) == 1 && first != 127;
}

const char *tr_config_endpoint_problem(const char *endpoint)
{
    assert(endpoint);
    if (begins_with(endpoint, ipc)) {
        return ipc_problem(endpoint + strlen(ipc));
    }
    if (begins_with(endpoint, tcp)) {
        return tcp_problem(endpoint + strlen(tcp));
    }
    return "must begin with ipc:// or tcp://";
}
