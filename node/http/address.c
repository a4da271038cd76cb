/* Pure, but for the function that opens a socket. */

#include "node/http/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tcp_address.h"

#define BACKLOG 128

#define LOCALHOST "localhost:"

const char *tr_http_address_problem(const char *text, struct sockaddr_in *out)
{
    assert(text && out);
    char digits[32]; /* what is longer is no such address either */
    if (text[0] == '[') {
        return "IPv6 is not available in this version; write 127.0.0.1";
    }
    if (strstr(text, "://")) {
        return "only the host and the port are written, as in 127.0.0.1:8670";
    }
    if (strncmp(text, LOCALHOST, strlen(LOCALHOST)) == 0) {
        snprintf(digits, sizeof digits, "127.0.0.1:%s", text + strlen(LOCALHOST));
        text = digits;
    }
    switch (tr_tcp_address_read(text, out)) {
    case TR_TCP_LACKS_PART:
        return "needs a host and a port, as in 127.0.0.1:8670";
    case TR_TCP_BAD_HOST:
        return "the host must be an IPv4 address in digits, or localhost";
    case TR_TCP_FINE:
        if (out->sin_port != 0) {
            return NULL;
        }
        break;
    case TR_TCP_BAD_PORT:
        break;
    }
    return "the port must be a number from 1 to 65535";
}

int tr_http_address_listen(const struct sockaddr_in *address)
{
    assert(address);
    int descriptor = tr_tcp_address_bind(address);
    if (descriptor >= 0 && listen(descriptor, BACKLOG) != 0) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

/* ---- who was asked ---- */

static bool is_port_or_nothing(const char *text)
{
    uint16_t port = 0;
    return text[0] == '\0' || (text[0] == ':' && tr_tcp_port_read(text + 1, &port) && port > 0);
}

static bool is_ipv6(const char *host)
{
    char address[INET6_ADDRSTRLEN];
    const char *end = strchr(host, ']');
    if (host[0] != '[' || !end || end - host >= (ptrdiff_t)sizeof address ||
        !is_port_or_nothing(end + 1)) {
        return false;
    }
    snprintf(address, sizeof address, "%.*s", (int)(end - host - 1), host + 1);
    return inet_pton(AF_INET6, address, &(struct in6_addr){0}) == 1;
}

bool tr_http_host_is_ours(const char *host, const char *machine)
{
    assert(host && machine);
    if (host[0] == '[') {
        return is_ipv6(host);
    }
    char name[256];
    size_t size = strcspn(host, ":");
    if (size == 0 || size >= sizeof name || !is_port_or_nothing(host + size)) {
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)size, host);
    return inet_pton(AF_INET, name, &(struct in_addr){0}) == 1 ||
           strcasecmp(name, "localhost") == 0 || (machine[0] && strcasecmp(name, machine) == 0);
}
