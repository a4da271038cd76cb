/* A folder that is there already is not trusted: its name has 64 random bits, so whoever made
 * it did not come by it honestly.
 */

#include "actors/process/private_folder.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PATH 80

struct tr_private_folder {
    pthread_mutex_t mutex;
    bool is_made;
    char boot[32];
    char path[MAX_PATH];
};

tr_private_folder_t *tr_private_folder_new(const char *boot)
{
    assert(boot);
    tr_private_folder_t *self = calloc(1, sizeof *self);
    if (self) {
        pthread_mutex_init(&self->mutex, NULL);
        snprintf(self->boot, sizeof self->boot, "%s", boot);
    }
    return self;
}

/* libzmq removes the files of sockets a moment after they are closed. */
static void remove_with_all(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        unlinkat(dirfd(folder), entry->d_name, 0); /* "." and ".." stay */
    }
    if (folder) {
        closedir(folder);
    }
    rmdir(path);
}

void tr_private_folder_destroy(tr_private_folder_t **self_p)
{
    assert(self_p);
    tr_private_folder_t *self = *self_p;
    *self_p = NULL;
    if (self) {
        if (self->is_made) {
            remove_with_all(self->path);
        }
        pthread_mutex_destroy(&self->mutex);
        free(self);
    }
}

static bool make_under(tr_private_folder_t *self, const char *folder)
{
    int length =
        folder ? snprintf(self->path, MAX_PATH, "%s/troupe-%s", folder, self->boot) : -1;
    return length > 0 && length < MAX_PATH && folder[0] == '/' && mkdir(self->path, 0700) == 0;
}

const char *tr_private_folder_path(tr_private_folder_t *self, char *why, size_t size)
{
    assert(self && why);
    pthread_mutex_lock(&self->mutex);
    if (!self->is_made) {
        self->is_made = make_under(self, getenv("XDG_RUNTIME_DIR")) || make_under(self, "/tmp");
        if (!self->is_made) {
            snprintf(why, size, "cannot make the folder %s: %s", self->path, strerror(errno));
        }
    }
    bool is_made = self->is_made;
    pthread_mutex_unlock(&self->mutex);
    return is_made ? self->path : NULL;
}
