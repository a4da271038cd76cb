/* A result is written beside its place and renamed over it, so that an interrupted command
 * never leaves half an image where a whole one was. A link is followed first: the file it
 * means is replaced, not the link.
 */

#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"

enum {
    FIRST_ROOM = 64 << 10,
    LARGEST_INPUT = 1 << 30,
};

/* False with errno set; EFBIG when there is more than we take. */
static bool read_all(int descriptor, char **data_out, size_t *size_out)
{
    size_t room = FIRST_ROOM;
    size_t used = 0;
    char *data = cli_need(malloc(room));
    for (;;) {
        ssize_t n_read = read(descriptor, data + used, room - used);
        if (n_read < 0 && errno == EINTR) {
            continue;
        }
        if (n_read <= 0) {
            *data_out = data;
            *size_out = used;
            return n_read == 0;
        }
        used += (size_t)n_read;
        if (used > LARGEST_INPUT) {
            errno = EFBIG;
            *data_out = data;
            return false;
        }
        if (used == room) {
            room *= 2;
            data = cli_need(realloc(data, room));
        }
    }
}

bool cli_file_read(const char *path, void **data_out, size_t *size_out)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int descriptor = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        cli_complain("cannot open %s: %s", path, strerror(errno));
        return false;
    }
    char *data = NULL;
    bool is_read = read_all(descriptor, &data, size_out);
    if (is_read) {
        *data_out = data;
    } else {
        cli_complain("cannot read %s: %s", is_stdin ? "stdin" : path,
                     errno == EFBIG ? "it is larger than 1 GiB" : strerror(errno));
        free(data);
    }
    if (!is_stdin) {
        close(descriptor);
    }
    return is_read;
}

static bool write_all(int descriptor, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n_written = write(descriptor, data, size);
        if (n_written < 0 && errno == EINTR) {
            continue;
        }
        if (n_written < 0) {
            return false;
        }
        data += n_written;
        size -= (size_t)n_written;
    }
    return true;
}

static bool write_in_place(const char *path, const void *data, size_t size)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    bool is_written = write_all(descriptor, data, size);
    return close(descriptor) == 0 && is_written;
}

/* The mode of the file that is replaced, or what a new file gets. */
static mode_t mode_for(const struct stat *old)
{
    if (old) {
        return old->st_mode & 07777;
    }
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

static bool write_beside(const char *path, const struct stat *old, const void *data,
                         size_t size)
{
    char name[PATH_MAX];
    int length = snprintf(name, sizeof name, "%s.XXXXXX", path);
    if (length < 0 || length >= (int)sizeof name) {
        errno = ENAMETOOLONG;
        return false;
    }
    int descriptor = mkostemp(name, O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    bool is_written =
        write_all(descriptor, data, size) && fchmod(descriptor, mode_for(old)) == 0;
    is_written = close(descriptor) == 0 && is_written;
    if (is_written && rename(name, path) == 0) {
        return true;
    }
    int cause = errno;
    unlink(name);
    errno = cause;
    return false;
}

bool cli_file_write(const char *path, const void *data, size_t size)
{
    struct stat old;
    char target[PATH_MAX];
    bool is_there = stat(path, &old) == 0 && realpath(path, target);
    bool is_written;
    if (!is_there) {
        is_written = write_beside(path, NULL, data, size);
    } else if (S_ISREG(old.st_mode)) {
        is_written = write_beside(target, &old, data, size);
    } else {
        is_written = write_in_place(path, data, size);
    }
    if (!is_written) {
        cli_complain("cannot write %s: %s", path, strerror(errno));
    }
    return is_written;
}
