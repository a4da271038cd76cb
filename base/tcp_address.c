#include "base/tcp_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

bool tr_tcp_port_read(const char *text, uint16_t *out)
{
    assert(text && out);
    int64_t port = 0;
    bool has_zeros = text[0] == '0' && text[1] != '\0';
    if (has_zeros || tr_text_number(text, &port) != TROUPE_OK || port > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)port;
    return true;
}

/* False: it is no IPv4 address in digits. */
static bool read_host(const char *text, size_t size, struct in_addr *out)
{
    char host[INET_ADDRSTRLEN];
    if (size >= sizeof host) {
        return false;
    }
    snprintf(host, sizeof host, "%.*s", (int)size, text);
    return inet_pton(AF_INET, host, out) == 1;
}

tr_tcp_fault_t tr_tcp_address_read(const char *text, struct sockaddr_in *out)
{
    assert(text && out);
    uint16_t port = 0;
    struct in_addr host;
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text) {
        return TR_TCP_LACKS_PART;
    }
    if (!tr_tcp_port_read(colon + 1, &port)) {
        return TR_TCP_BAD_PORT;
    }
    if (!read_host(text, (size_t)(colon - text), &host)) {
        return TR_TCP_BAD_HOST;
    }
    *out =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host};
    return TR_TCP_FINE;
}

int tr_tcp_address_bind(const struct sockaddr_in *address)
{
    assert(address);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor >= 0 &&
        (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
         bind(descriptor, (const struct sockaddr *)address, sizeof *address) != 0)) {
        int error = errno;
        close(descriptor);
        errno = error;
        descriptor = -1;
    }
    return descriptor;
}

troupe_status_t tr_tcp_address_check(const struct sockaddr_in *address, char *why, size_t size)
{
    assert(address && why && size > 0);
    int descriptor = tr_tcp_address_bind(address);
    if (descriptor < 0) {
        troupe_status_t status = errno == EADDRINUSE ? TROUPE_EXISTS : TROUPE_ERR_IO;
        snprintf(why, size, "%s", strerror(errno));
        return status;
    }
    close(descriptor);
    return TROUPE_OK;
}
