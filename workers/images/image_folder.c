/* A path is walked folder by folder, each opened from the one before with the kernel told not
 * to follow links: what was checked is what is used, so there is no moment at which somebody
 * could put a link where a folder has been. (openat2 says all that in one call, but not every
 * container allows it.)
 *
 * A file is opened without waiting, as a fifo would keep its reader until somebody writes, and
 * looked at when it is open, not before. It is read to its end and must then be as long as it
 * was at first: who writes an image in place instead of renaming it gets a refusal, not a
 * result of half an image.
 */

#include "image_folder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tr_image_folder {
    int root; /* the open folder; -1: paths are not allowed */
};

tr_image_folder_t *tr_image_folder_new(void)
{
    tr_image_folder_t *self = malloc(sizeof *self);
    if (self) {
        self->root = -1;
    }
    return self;
}

void tr_image_folder_destroy(tr_image_folder_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        if ((*self_p)->root >= 0) {
            close((*self_p)->root);
        }
        free(*self_p);
        *self_p = NULL;
    }
}

troupe_status_t tr_image_folder_open(tr_image_folder_t *self, const char *root,
                                     troupe_why_t *why)
{
    assert(self && self->root < 0 && why);

    if (!root) {
        return TROUPE_OK;
    }
    self->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self->root < 0) {
        troupe_why_set(why, "the folder of images cannot be opened: %s: %.200s",
                       strerror(errno), root);
        return TROUPE_NOT_FOUND;
    }
    return TROUPE_OK;
}

/* ---- finding ---- */

/* What a failed open of a step of `path` means to who named it. A path comes last in a line,
 * where it may be cut. */
static troupe_status_t explain_step(int error, const char *path, troupe_why_t *why)
{
    switch (error) {
    case ENOENT:
        troupe_why_set(why, "there is no such image: %s", path);
        return TROUPE_ERR_INVALID;
    case ELOOP:   /* a link at the end */
    case ENOTDIR: /* a link, or a file, on the way */
    case ENXIO:   /* a socket */
    case ENODEV:
        troupe_why_set(why, "no regular file, or behind a link, which is not followed: %s",
                       path);
        return TROUPE_ERR_INVALID;
    case EACCES:
    case EPERM:
        troupe_why_set(why, "the worker may not read the image: %s", path);
        return TROUPE_ERR_INVALID;
    default:
        troupe_why_set(why, "the image cannot be opened: %s: %s", strerror(error), path);
        return TROUPE_ERR_IO;
    }
}

/* Copy the first step of *path_p and go on to the next; false when it is none to take. */
static bool take_step(const char **path_p, char step[NAME_MAX + 1])
{
    size_t length = strcspn(*path_p, "/");
    if (length == 0 || length > NAME_MAX) {
        return false;
    }
    memcpy(step, *path_p, length);
    step[length] = '\0';
    *path_p += length;
    *path_p += strspn(*path_p, "/");
    return strcmp(step, "..") != 0;
}

/* Open the file at `path`, whatever it is, without following a link. */
static troupe_status_t walk(int root, const char *path, int *file_out, troupe_why_t *why)
{
    char step[NAME_MAX + 1];
    const char *left = path;
    int at = root;

    do {
        if (!take_step(&left, step)) {
            if (at != root) {
                close(at);
            }
            troupe_why_set(why, "no path of a file below the folder of images: %s", path);
            return TROUPE_ERR_INVALID;
        }
        /* A slash at the end asks for a folder, and gets it. */
        bool is_last = *left == '\0' && left[-1] != '/';
        int flags = is_last ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH | O_DIRECTORY;
        int next = openat(at, step, flags | O_NOFOLLOW | O_CLOEXEC);
        int error = errno;
        if (at != root) {
            close(at);
        }
        if (next < 0) {
            return explain_step(error, path, why);
        }
        at = next;
    } while (*left != '\0');

    *file_out = at;
    return TROUPE_OK;
}

/* ---- reading ---- */

/* Up to `size` bytes, fewer at the end of the file; -1 and errno when it cannot be read. */
static ssize_t read_all(int file, char *buffer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(file, buffer + done, size - done);
        if (n == 0) {
            break;
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static troupe_status_t read_file(int file, const char *path, tr_image_bytes_t *out,
                                 troupe_why_t *why)
{
    struct stat about;
    if (fstat(file, &about) != 0) {
        troupe_why_set(why, "the image cannot be read: %s: %s", strerror(errno), path);
        return TROUPE_ERR_IO;
    }
    if (!S_ISREG(about.st_mode)) {
        return explain_step(ENODEV, path, why);
    }
    if (about.st_size > TROUPE_MAX_IMAGE) {
        troupe_why_set(why, "the image has %lld bytes, more than %d: %s",
                       (long long)about.st_size, TROUPE_MAX_IMAGE, path);
        return TROUPE_LIMIT;
    }
    /* Room for one more tells whether it has grown. */
    size_t size = (size_t)about.st_size;
    char *buffer = malloc(size + 1);
    if (!buffer) {
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    ssize_t n = read_all(file, buffer, size + 1);
    if (n < 0) {
        troupe_why_set(why, "the image cannot be read: %s: %s", strerror(errno), path);
        free(buffer);
        return TROUPE_ERR_IO;
    }
    if ((size_t)n != size) {
        troupe_why_set(why, "the image was changed while it was read: %s", path);
        free(buffer);
        return TROUPE_ERR_INVALID;
    }
    *out = (tr_image_bytes_t){.data = buffer, .size = size, .owned = buffer};
    return TROUPE_OK;
}

troupe_status_t tr_image_folder_bytes(const tr_image_folder_t *self,
                                      const troupe_image_t *image, tr_image_bytes_t *out,
                                      troupe_why_t *why)
{
    assert(self && image && out && why);

    if (!image->path) {
        if (image->size > TROUPE_MAX_IMAGE) {
            troupe_why_set(why, "the image has %zu bytes, more than %d", image->size,
                           TROUPE_MAX_IMAGE);
            return TROUPE_LIMIT;
        }
        *out = (tr_image_bytes_t){.data = image->data ? image->data : "", .size = image->size};
        return TROUPE_OK;
    }
    if (self->root < 0) {
        troupe_why_set(why,
                       "this worker has no folder of images (its arg `images`), send the image "
                       "itself");
        return TROUPE_ERR_INVALID;
    }
    if (strnlen(image->path, PATH_MAX) == PATH_MAX) {
        troupe_why_set(why, "the path of the image has more than %d bytes", PATH_MAX - 1);
        return TROUPE_ERR_INVALID;
    }
    int file = -1;
    troupe_status_t status = walk(self->root, image->path, &file, why);
    if (status != TROUPE_OK) {
        return status;
    }
    status = read_file(file, image->path, out, why);
    close(file);
    return status;
}

void tr_image_bytes_release(tr_image_bytes_t *bytes)
{
    assert(bytes);
    free(bytes->owned);
    *bytes = (tr_image_bytes_t){0};
}
