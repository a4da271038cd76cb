/* Pure, but for the two functions that open a socket. */

#include "node/http/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

#define BACKLOG 128

/* Cut `text` at its last colon into two buffers. */
static bool split(const char *text, char host[64], char port[8])
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || colon - text >= 64 || strlen(colon + 1) >= 8) {
        return false;
    }
    snprintf(host, 64, "%.*s", (int)(colon - text), text);
    snprintf(port, 8, "%s", colon + 1);
    return true;
}

static bool is_port(const char *text, int64_t *out)
{
    return text[0] != '0' && tr_text_number(text, out) == TROUPE_OK && *out <= 65535;
}

const char *tr_http_address_problem(const char *text, struct sockaddr_in *out)
{
    assert(text && out);
    char host[64];
    char digits[8];
    int64_t port = 0;
    if (text[0] == '[') {
        return "IPv6 is not available in this version; write 127.0.0.1";
    }
    if (strstr(text, "://")) {
        return "only the host and the port are written, as in 127.0.0.1:8670";
    }
    if (!split(text, host, digits)) {
        return "needs a host and a port, as in 127.0.0.1:8670";
    }
    if (!is_port(digits, &port)) {
        return "the port must be a number from 1 to 65535";
    }
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const char *address = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    return inet_pton(AF_INET, address, &out->sin_addr) == 1
               ? NULL
               : "the host must be an IPv4 address in digits, or localhost";
}

static int bound_socket(const struct sockaddr_in *address)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor >= 0 &&
        (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
         bind(descriptor, (const struct sockaddr *)address, sizeof *address) != 0)) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

troupe_status_t tr_http_address_check(const struct sockaddr_in *address, char *why, size_t size)
{
    assert(address && why && size > 0);
    int descriptor = bound_socket(address);
    if (descriptor < 0) {
        troupe_status_t status = errno == EADDRINUSE ? TROUPE_EXISTS : TROUPE_ERR_IO;
        snprintf(why, size, "%s", strerror(errno));
        return status;
    }
    close(descriptor);
    return TROUPE_OK;
}

int tr_http_address_listen(const struct sockaddr_in *address)
{
    assert(address);
    int descriptor = bound_socket(address);
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
    int64_t port = 0;
    return text[0] == '\0' || (text[0] == ':' && is_port(text + 1, &port));
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
