/* A file is opened and then unlinked: what is left of it is the descriptor, which has a path of
 * its own in /proc, and stays open until the process ends.
 */

#include "bench/keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/measure.h"

static void make_pair(const char *folder, const char *name, char *public_key, char *file,
                      size_t size)
{
    char path[64];
    char why[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (troupe_key_make(path, name, public_key, why, sizeof why) != TROUPE_OK) {
        bench_give_up("no keys: %s", why);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    unlink(path);
    if (fd < 0) {
        bench_give_up("%s cannot be read", path);
    }
    snprintf(file, size, "/proc/self/fd/%d", fd);
}

void bench_keys_make(bench_keys_t *self)
{
    char folder[] = "/tmp/troupe-bench-XXXXXX";
    if (!mkdtemp(folder)) {
        bench_give_up("no folder for keys");
    }
    make_pair(folder, "node", self->node_key, self->node_file, sizeof self->node_file);
    make_pair(folder, "client", self->client_key, self->client_file, sizeof self->client_file);
    rmdir(folder);
}

void bench_keys_give(const bench_keys_t *self, troupe_client_t *client)
{
    char why[256];
    if (troupe_client_set_keys(client, self->client_file, self->node_key, why, sizeof why) !=
        TROUPE_OK) {
        bench_give_up("no keys for a client: %s", why);
    }
}
