/* A dead socket file is what a killed node leaves: it may be taken over. A live one, anything
 * that is no socket, and a socket of another user may not.
 */

#include "remote/doors/endpoint.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/tcp_address.h"

#define IPC "ipc://"
#define TCP "tcp://"

/* When the system asks whether somebody is still there, and gives up. */
enum { SILENT_S = 10, ASK_AGAIN_S = 5, ASKED_TIMES = 4 };

bool tr_endpoint_is_ipc(const char *endpoint)
{
    assert(endpoint);
    return strncmp(endpoint, IPC, strlen(IPC)) == 0;
}

static bool is_answered(const struct sockaddr_un *address)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return false;
    }
    int rc = connect(probe, (const struct sockaddr *)address, sizeof *address);
    bool is_alive = rc == 0 || errno == EAGAIN || errno == EINPROGRESS;
    close(probe);
    return is_alive;
}

static troupe_status_t check_folder(const char *path, char *why, size_t size)
{
    char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash) {
        snprintf(folder, sizeof folder, ".");
    } else if (slash == folder) {
        folder[1] = '\0';
    } else {
        *slash = '\0';
    }
    if (access(folder, W_OK | X_OK) != 0) {
        snprintf(why, size, "the folder %s cannot be written to: %s", folder, strerror(errno));
        return TROUPE_ERR_IO;
    }
    return TROUPE_OK;
}

/* False: it is no IPv4 address in digits with a port. */
static bool read_tcp(const char *endpoint, struct sockaddr_in *out)
{
    return strncmp(endpoint, TCP, strlen(TCP)) == 0 &&
           tr_tcp_address_read(endpoint + strlen(TCP), out) == TR_TCP_FINE;
}

/* That a port is in use is told when half of the node has started, too. */
static troupe_status_t check_port(const char *endpoint, char *why, size_t size)
{
    struct sockaddr_in address;
    if (!read_tcp(endpoint, &address)) {
        snprintf(why, size, "it has no IPv4 address in digits, or no port");
        return TROUPE_ERR_IO;
    }
    return tr_tcp_address_check(&address, why, size);
}

troupe_status_t tr_endpoint_check(const char *endpoint, char *why, size_t size)
{
    assert(endpoint && why && size > 0);
    if (!tr_endpoint_is_ipc(endpoint)) {
        return check_port(endpoint, why, size);
    }
    const char *path = endpoint + strlen(IPC);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) == 0 || strlen(path) >= sizeof address.sun_path) {
        snprintf(why, size, "an ipc path has 1 to %zu bytes", sizeof address.sun_path - 1);
        return TROUPE_ERR_IO;
    }
    memcpy(address.sun_path, path, strlen(path));
    struct stat file;
    if (lstat(path, &file) != 0) {
        return check_folder(path, why, size);
    }
    if (!S_ISSOCK(file.st_mode)) {
        snprintf(why, size, "%s exists and is no socket", path);
        return TROUPE_ERR_IO;
    }
    if (is_answered(&address)) {
        snprintf(why, size, "another node listens there");
        return TROUPE_EXISTS;
    }
    if (file.st_uid != geteuid() && geteuid() != 0) {
        snprintf(why, size, "%s belongs to another user", path);
        return TROUPE_ERR_IO;
    }
    return check_folder(path, why, size);
}

/* ---- owners ---- */

#define NO_ID ((uint32_t)-1) /* what chown leaves alone */

static bool is_number(const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    *out = (uint32_t)number;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && number < NO_ID;
}

static bool find_user(const char *name, uint32_t *out)
{
    char room[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    if (is_number(name, out)) {
        return true;
    }
    bool is_there = getpwnam_r(name, &entry, room, sizeof room, &found) == 0 && found != NULL;
    *out = is_there ? entry.pw_uid : NO_ID;
    return is_there;
}

/* A group may have many members, and needs room for their names. */
static bool find_group(const char *name, uint32_t *out)
{
    if (is_number(name, out)) {
        return true;
    }
    int error = ERANGE;
    struct group entry;
    struct group *found = NULL;
    for (size_t size = 4096; error == ERANGE && size <= ((size_t)1 << 20); size *= 4) {
        char *room = malloc(size);
        error = room ? getgrnam_r(name, &entry, room, size, &found) : ENOMEM;
        *out = error == 0 && found ? entry.gr_gid : NO_ID;
        free(room);
    }
    return error == 0 && found;
}

static troupe_status_t find_owner(const char *owner, uint32_t *user, uint32_t *group, char *why,
                                  size_t size)
{
    char name[256];
    *user = *group = NO_ID;
    const char *colon = strchr(owner, ':');
    size_t length = colon ? (size_t)(colon - owner) : strlen(owner);
    snprintf(name, sizeof name, "%.*s", (int)length, owner);
    if (length > 0 && !find_user(name, user)) {
        snprintf(why, size, "there is no user '%.100s'", name);
        return TROUPE_NOT_FOUND;
    }
    if (colon && !find_group(colon + 1, group)) {
        snprintf(why, size, "there is no group '%.100s'", colon + 1);
        return TROUPE_NOT_FOUND;
    }
    return TROUPE_OK;
}

troupe_status_t tr_endpoint_check_owner(const char *owner, char *why, size_t size)
{
    assert(why && size > 0);
    uint32_t user;
    uint32_t group;
    return owner ? find_owner(owner, &user, &group, why, size) : TROUPE_OK;
}

/* First it is nobody's: who is neither the old owner nor the new has no moment. False, with
 * errno: it is as it was. */
static bool give_away(const char *path, uint32_t user, uint32_t group)
{
    struct stat before;
    if (lstat(path, &before) != 0 || chmod(path, 0) != 0) {
        return false;
    }
    bool is_given = lchown(path, user, group) == 0;
    int error = errno;
    if (!is_given) {
        (void)chmod(path, before.st_mode & 07777);
    }
    errno = error;
    return is_given;
}

troupe_status_t tr_endpoint_set_access(const char *endpoint, unsigned mode, const char *owner,
                                       char *why, size_t size)
{
    assert(endpoint && why && size > 0);
    uint32_t user = NO_ID;
    uint32_t group = NO_ID;
    if (!tr_endpoint_is_ipc(endpoint)) {
        return TROUPE_OK;
    }
    const char *path = endpoint + strlen(IPC);
    if (owner && find_owner(owner, &user, &group, why, size) != TROUPE_OK) {
        return TROUPE_ERR_IO;
    }
    if (owner && !give_away(path, user, group)) {
        snprintf(why, size, "its owner cannot be set: %s", strerror(errno));
        return TROUPE_ERR_IO;
    }
    if (chmod(path, (mode_t)mode) != 0) {
        snprintf(why, size, "its mode cannot be set: %s", strerror(errno));
        return TROUPE_ERR_IO;
    }
    return TROUPE_OK;
}

/* -1: `why` says why. */
static int bind_ipc(const char *endpoint, unsigned mode, const char *owner, char *why,
                    size_t size)
{
    const char *path = endpoint + strlen(IPC);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        snprintf(why, size, "%s", strerror(errno));
        return -1;
    }
    (void)unlink(path); /* what a killed node has left */
    if (bind(descriptor, (const struct sockaddr *)&address, sizeof address) != 0) {
        snprintf(why, size, "%s", strerror(errno));
        close(descriptor);
        return -1;
    }
    if (tr_endpoint_set_access(endpoint, mode, owner, why, size) != TROUPE_OK) {
        (void)unlink(path);
        close(descriptor);
        return -1;
    }
    return descriptor;
}

/* Whoever connects before listen() is refused. */
int tr_endpoint_listen(const char *endpoint, unsigned mode, const char *owner, int backlog,
                       char *why, size_t size)
{
    assert(endpoint && why && size > 0);
    struct sockaddr_in address;
    int descriptor = -1;
    if (tr_endpoint_is_ipc(endpoint)) {
        descriptor = bind_ipc(endpoint, mode, owner, why, size);
        if (descriptor < 0) {
            return -1;
        }
    } else if (read_tcp(endpoint, &address)) {
        descriptor = tr_tcp_address_bind(&address);
    } else {
        errno = EINVAL;
    }
    if (descriptor >= 0 && listen(descriptor, backlog) == 0) {
        return descriptor;
    }
    snprintf(why, size, "%s", strerror(errno));
    if (descriptor >= 0) {
        close(descriptor);
        tr_endpoint_remove(endpoint);
    }
    return -1;
}

/* What is accepted has the listener's. Where the system does not do it, connections are as they
 * would be without. */
void tr_endpoint_bound_buffers(int listener, size_t bytes)
{
    int n = bytes > INT_MAX / 2 ? INT_MAX / 2 : (int)bytes;
    if (n > 0) {
        (void)setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &n, sizeof n);
        (void)setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &n, sizeof n);
    }
}

/* libzmq could ask, too, but ends the process when it does so behind a connection that has
 * ended with messages before it which nobody takes. */
void tr_endpoint_look_after(int listener)
{
    static const struct {
        int level;
        int option;
        int value;
    } settings[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, SILENT_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, ASK_AGAIN_S},
        {IPPROTO_TCP, TCP_KEEPCNT, ASKED_TIMES},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        (void)setsockopt(listener, settings[i].level, settings[i].option, &settings[i].value,
                         sizeof settings[i].value);
    }
}

void tr_endpoint_remove(const char *endpoint)
{
    assert(endpoint);
    if (tr_endpoint_is_ipc(endpoint)) {
        (void)unlink(endpoint + strlen(IPC)); /* gone already is as good */
    }
}
