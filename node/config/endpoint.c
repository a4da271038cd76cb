/* A tcp host must be an IPv4 address in digits: ZeroMQ binds no host name, "localhost"
 * included. An ipc path must be a file, since an abstract socket has no mode that keeps others
 * out.
 */

#include "node/config/endpoint.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

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

static bool is_port(const char *text)
{
    int64_t port = 0;
    return text[0] != '0' && tr_text_number(text, &port) == TROUPE_OK && port <= 65535;
}

static const char *host_problem(const char *host)
{
    struct in_addr address;
    if (strcmp(host, "localhost") == 0) {
        return "write 127.0.0.1 for localhost";
    }
    if (host[0] == '[') {
        return "IPv6 is not available in this version; write 127.0.0.1";
    }
    if (strcmp(host, "*") == 0) {
        return "write 0.0.0.0 for all addresses of this host";
    }
    return inet_pton(AF_INET, host, &address) == 1
               ? NULL
               : "the host must be an IPv4 address in digits, such as 127.0.0.1";
}

static const char *tcp_problem(const char *rest)
{
    char host[256];
    const char *colon = strrchr(rest, ':');
    if (!colon || colon == rest || (size_t)(colon - rest) >= sizeof host) {
        return "tcp needs a host and a port, as in tcp://127.0.0.1:5670";
    }
    if (!is_port(colon + 1)) {
        return "the port must be a number from 1 to 65535";
    }
    memcpy(host, rest, (size_t)(colon - rest));
    host[colon - rest] = '\0';
    return host_problem(host);
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
