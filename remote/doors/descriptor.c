#include "remote/doors/descriptor.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "remote/doors/endpoint.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

typedef union tr_any_address {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
    struct sockaddr_un local;
    struct sockaddr_storage room;
} tr_any_address_t;

static uint64_t cookie_of(int descriptor)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

static bool is_of_path(const tr_any_address_t *address, const char *endpoint)
{
    return address->any.sa_family == AF_UNIX &&
           strcmp(address->local.sun_path, endpoint + strlen("ipc://")) == 0;
}

static bool is_of_port(const tr_any_address_t *address, const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
    return (address->any.sa_family == AF_INET && ntohs(address->ip4.sin_port) == port) ||
           (address->any.sa_family == AF_INET6 && ntohs(address->ip6.sin6_port) == port);
}

uint64_t tr_descriptor_cookie(int descriptor, const char *endpoint)
{
    assert(endpoint);
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return 0;
    }
    tr_any_address_t address = {0};
    socklen_t size = sizeof address - 1;
    bool is_ours = getsockname(copy, &address.any, &size) == 0 &&
                   (tr_endpoint_is_ipc(endpoint) ? is_of_path(&address, endpoint)
                                                 : is_of_port(&address, endpoint));
    uint64_t cookie = is_ours ? cookie_of(copy) : 0;
    close(copy);
    return cookie;
}

bool tr_descriptor_shut(int descriptor, uint64_t cookie)
{
    int copy = cookie > 0 ? fcntl(descriptor, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy < 0) {
        return false;
    }
    bool is_it = cookie_of(copy) == cookie;
    if (is_it) {
        (void)shutdown(copy, SHUT_RDWR); /* it has gone by itself: as good */
    }
    close(copy);
    return is_it;
}

uint64_t tr_descriptor_received(int descriptor)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    bool is_known = getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
                    size >= offsetof(struct tcp_info, tcpi_bytes_received) +
                                sizeof info.tcpi_bytes_received;
    return is_known ? info.tcpi_bytes_received : 0;
}
