/* Where a node listens: what may lie there, and that nobody gets in before he may. */

#include "tests/kit/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "remote/doors/endpoint.h"
#include "tests/kit/folder.h"

typedef struct scene {
    folder_t folder;
    char endpoint[128];
    const char *path;
    char why[256];
} scene_t;

static int begin(void **state)
{
    static scene_t scene;
    folder_begin(&scene.folder);
    snprintf(scene.endpoint, sizeof scene.endpoint, "ipc://%s/n.sock", scene.folder.path);
    scene.path = scene.endpoint + strlen("ipc://");
    *state = &scene;
    return 0;
}

static int end(void **state)
{
    scene_t *scene = *state;
    tr_endpoint_remove(scene->endpoint);
    folder_end(&scene->folder);
    return 0;
}

static int listen_there(scene_t *scene, unsigned mode, const char *owner)
{
    return tr_endpoint_listen(scene->endpoint, mode, owner, 10, scene->why, sizeof scene->why);
}

static troupe_status_t check(scene_t *scene)
{
    return tr_endpoint_check(scene->endpoint, scene->why, sizeof scene->why);
}

static int connect_there(const scene_t *scene)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, scene->path, strlen(scene->path));
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(descriptor, (struct sockaddr *)&address, sizeof address);
    int error = rc == 0 ? 0 : errno;
    close(descriptor);
    return error;
}

static unsigned mode_of(const scene_t *scene)
{
    struct stat info;
    assert_int_equal(lstat(scene->path, &info), 0);
    return info.st_mode & 07777;
}

static void it_has_its_mode_when_it_can_be_connected_to(void **state)
{
    static const unsigned modes[] = {0600, 0660, 0666, 0640};
    scene_t *scene = *state;
    mode_t mask = umask(0); /* as an operator may have it */
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_status(check(scene), TROUPE_OK);
        int listener = listen_there(scene, modes[i], NULL);
        assert_true(listener >= 0);
        assert_int_equal(mode_of(scene), modes[i]);
        assert_int_equal(connect_there(scene), 0);
        close(listener);
        assert_int_equal(connect_there(scene), ECONNREFUSED);
    }
    umask(mask);
}

static void its_owner_is_set(void **state)
{
    scene_t *scene = *state;
    char owner[64];
    struct stat info;
    bool is_root = geteuid() == 0;
    unsigned user = is_root ? 12 : geteuid();
    unsigned group = is_root ? 34 : getegid();
    snprintf(owner, sizeof owner, "%u:%u", user, group);
    int listener = listen_there(scene, 0660, owner);
    assert_true(listener >= 0);
    assert_int_equal(lstat(scene->path, &info), 0);
    assert_int_equal(info.st_uid, user);
    assert_int_equal(info.st_gid, group);
    assert_int_equal(mode_of(scene), 0660);
    snprintf(owner, sizeof owner, ":%u", is_root ? 56 : group);
    assert_status(
        tr_endpoint_set_access(scene->endpoint, 0600, owner, scene->why, sizeof scene->why),
        TROUPE_OK);
    assert_int_equal(lstat(scene->path, &info), 0);
    assert_int_equal(info.st_uid, user);
    assert_int_equal(info.st_gid, is_root ? 56 : group);
    assert_int_equal(mode_of(scene), 0600);
    close(listener);
}

static void an_owner_must_be_there(void **state)
{
    static const struct {
        const char *owner;
        troupe_status_t status;
    } rows[] = {
        {NULL, TROUPE_OK},
        {"root", TROUPE_OK},
        {"root:root", TROUPE_OK},
        {":root", TROUPE_OK},
        {"0:0", TROUPE_OK},
        {"4294967294", TROUPE_OK},
        {"no-such", TROUPE_NOT_FOUND},
        {"root:no-such", TROUPE_NOT_FOUND},
        {":no-such", TROUPE_NOT_FOUND},
        {"4294967295", TROUPE_NOT_FOUND},
        {"-1", TROUPE_NOT_FOUND},
        {"1x", TROUPE_NOT_FOUND},
    };
    scene_t *scene = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_status(tr_endpoint_check_owner(rows[i].owner, scene->why, sizeof scene->why),
                      rows[i].status);
    }
    assert_int_equal(listen_there(scene, 0600, "no-such"), -1);
    assert_non_null(strstr(scene->why, "there is no user 'no-such'"));
    assert_int_not_equal(access(scene->path, F_OK), 0); /* nothing is left */
}

static void a_live_one_is_not_taken(void **state)
{
    scene_t *scene = *state;
    int listener = listen_there(scene, 0600, NULL);
    assert_true(listener >= 0);
    assert_status(check(scene), TROUPE_EXISTS);
    close(listener);
    assert_status(check(scene), TROUPE_OK); /* that of one who was killed is */
}

static void what_is_no_socket_is_not_taken(void **state)
{
    scene_t *scene = *state;
    folder_put(&scene->folder, "/n.sock", "dear");
    assert_status(check(scene), TROUPE_ERR_IO);
    assert_int_equal(unlink(scene->path), 0);
    assert_int_equal(symlink("/etc/passwd", scene->path), 0);
    assert_status(check(scene), TROUPE_ERR_IO);
    assert_int_equal(unlink(scene->path), 0);
}

static void a_path_has_a_length(void **state)
{
    (void)state;
    char why[256];
    char endpoint[160] = "ipc:///tmp/";
    memset(endpoint + strlen(endpoint), 'a', 107 - strlen("/tmp/"));
    assert_status(tr_endpoint_check(endpoint, why, sizeof why), TROUPE_OK);
    strcat(endpoint, "a");
    assert_status(tr_endpoint_check(endpoint, why, sizeof why), TROUPE_ERR_IO);
    assert_status(tr_endpoint_check("ipc://", why, sizeof why), TROUPE_ERR_IO);
}

static void a_port_is_had_once(void **state)
{
    (void)state;
    char why[256];
    char endpoint[64];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int listener = tr_endpoint_listen("tcp://127.0.0.1:0", 0, NULL, 10, why, sizeof why);
    assert_true(listener >= 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
    assert_status(tr_endpoint_check(endpoint, why, sizeof why), TROUPE_EXISTS);
    assert_int_equal(tr_endpoint_listen(endpoint, 0, NULL, 10, why, sizeof why), -1);
    close(listener);
    assert_status(tr_endpoint_check(endpoint, why, sizeof why), TROUPE_OK);
    assert_status(tr_endpoint_check("tcp://localhost:80", why, sizeof why), TROUPE_ERR_IO);
    assert_int_equal(tr_endpoint_listen("tcp://localhost:80", 0, NULL, 10, why, sizeof why),
                     -1);
}

static int buffer_of(int descriptor, int direction)
{
    int n = 0;
    socklen_t size = sizeof n;
    assert_int_equal(getsockopt(descriptor, SOL_SOCKET, direction, &n, &size), 0);
    return n;
}

/* The system counts what it needs itself too, and doubles what it is told. */
static void who_comes_in_has_buffers_as_small_as_was_said(void **state)
{
    (void)state;
    char why[256];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int listener = tr_endpoint_listen("tcp://127.0.0.1:0", 0, NULL, 10, why, sizeof why);
    assert_true(listener >= 0);
    int before = buffer_of(listener, SO_RCVBUF);
    tr_endpoint_bound_buffers(listener, 0);
    assert_int_equal(buffer_of(listener, SO_RCVBUF), before);
    tr_endpoint_bound_buffers(listener, 20000);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    struct pollfd poller = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 10000), 1);
    int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(buffer_of(accepted, SO_RCVBUF), 40000);
    assert_int_equal(buffer_of(accepted, SO_SNDBUF), 40000);
    close(accepted);
    close(client);
    close(listener);
}

static int option_of(int descriptor, int level, int option)
{
    int n = 0;
    socklen_t size = sizeof n;
    assert_int_equal(getsockopt(descriptor, level, option, &n, &size), 0);
    return n;
}

static void who_comes_in_is_looked_after(void **state)
{
    (void)state;
    char why[256];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int listener = tr_endpoint_listen("tcp://127.0.0.1:0", 0, NULL, 10, why, sizeof why);
    assert_true(listener >= 0);
    tr_endpoint_look_after(listener);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    struct pollfd poller = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 10000), 1);
    int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(option_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    int gone_after_s = option_of(accepted, IPPROTO_TCP, TCP_KEEPIDLE) +
                       option_of(accepted, IPPROTO_TCP, TCP_KEEPINTVL) *
                           option_of(accepted, IPPROTO_TCP, TCP_KEEPCNT);
    assert_int_equal(gone_after_s, 30);
    close(accepted);
    close(client);
    close(listener);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(who_comes_in_has_buffers_as_small_as_was_said),
        STORY(who_comes_in_is_looked_after),
        STORY(it_has_its_mode_when_it_can_be_connected_to),
        STORY(its_owner_is_set),
        STORY(an_owner_must_be_there),
        STORY(a_live_one_is_not_taken),
        STORY(what_is_no_socket_is_not_taken),
        cmocka_unit_test(a_path_has_a_length),
        cmocka_unit_test(a_port_is_had_once),
    };
    return cmocka_run_group_tests_name("remote/endpoint", tests, NULL, NULL) != 0;
}
