/* A file is written under its own name at once: it is made new, for its owner alone, and taken
 * away again when it cannot be written whole.
 */

#include "wire/curve_key.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zmq.h>

/* A certificate is some 500 bytes; what is larger is something else. */
#define LARGEST_FILE 8192

bool tr_curve_key_decode(const char *text, unsigned char bytes[TR_CURVE_KEY_BYTES])
{
    assert(text);
    unsigned char unwanted[TR_CURVE_KEY_BYTES];
    bool is_key = strlen(text) == TR_CURVE_KEY_TEXT - 1 &&
                  zmq_z85_decode(bytes ? bytes : unwanted, text) != NULL;
    explicit_bzero(unwanted, sizeof unwanted);
    return is_key;
}

void tr_curve_pair_forget(tr_curve_pair_t *self)
{
    assert(self);
    explicit_bzero(self, sizeof *self);
}

/* ---- reading ---- */

/* Open to others: who may write it may have put his own key there. */
static troupe_status_t check_file(int fd, const char *path, char *why, size_t size)
{
    struct stat file;
    if (fstat(fd, &file) != 0) {
        snprintf(why, size, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(file.st_mode)) {
        snprintf(why, size, "%s is no plain file", path);
    } else if ((file.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        snprintf(why, size, "%s is open to others than its owner (its mode is %04o): chmod 600",
                 path, (unsigned)(file.st_mode & 07777));
    } else if (file.st_size > LARGEST_FILE) {
        snprintf(why, size, "%s is too large for a key", path);
    } else {
        return TROUPE_OK;
    }
    return TROUPE_ERR_IO;
}

/* The value of a line such as `public-key = "..."`, if it is a key. */
static void take_line(char *line, const char *name, char key[TR_CURVE_KEY_TEXT])
{
    static const char blank[] = " \t\r";
    line += strspn(line, blank);
    if (strncmp(line, name, strlen(name)) != 0) {
        return;
    }
    line += strlen(name);
    line += strspn(line, blank);
    if (*line++ != '=') {
        return;
    }
    line += strspn(line, " \t\"'");
    size_t size = TR_CURVE_KEY_TEXT - 1;
    if (strlen(line) < size || line[size + strspn(line + size, " \t\r\"'")] != '\0') {
        return;
    }
    char text[TR_CURVE_KEY_TEXT];
    memcpy(text, line, size);
    text[size] = '\0';
    if (tr_curve_key_decode(text, NULL)) {
        memcpy(key, text, sizeof text);
    }
    explicit_bzero(text, sizeof text);
}

/* A pair that does not belong together would let nobody in, and nobody would know why. */
static troupe_status_t parse(char *text, const char *path, tr_curve_pair_t *out, char *why,
                             size_t size)
{
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        take_line(line, "public-key", out->public_key);
        take_line(line, "secret-key", out->secret_key);
    }
    char derived[TR_CURVE_KEY_TEXT];
    if (!out->secret_key[0]) {
        snprintf(why, size, "%s has no secret key", path);
    } else if (zmq_curve_public(derived, out->secret_key) != 0) {
        snprintf(why, size, "%s: no CURVE in this libzmq", path);
    } else if (out->public_key[0] && strcmp(derived, out->public_key) != 0) {
        snprintf(why, size, "%s: its public and its secret key do not belong together", path);
    } else {
        memcpy(out->public_key, derived, sizeof derived);
        return TROUPE_OK;
    }
    return TROUPE_ERR_INVALID;
}

static ssize_t read_whole(int fd, char *text, size_t size)
{
    size_t used = 0;
    ssize_t got = 1;
    while (got != 0 && used < size) {
        got = read(fd, text + used, size - used);
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)used;
}

troupe_status_t tr_curve_pair_read(const char *path, tr_curve_pair_t *out, char *why,
                                   size_t size)
{
    assert(path && out && why && size > 0);
    char text[LARGEST_FILE + 1] = "";
    *out = (tr_curve_pair_t){0};
    /* Without waiting, should it be a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        snprintf(why, size, "%s: %s", path, strerror(errno));
        return TROUPE_ERR_IO;
    }
    troupe_status_t status = check_file(fd, path, why, size);
    ssize_t used = status == TROUPE_OK ? read_whole(fd, text, sizeof text - 1) : 0;
    if (used < 0) {
        snprintf(why, size, "%s: %s", path, strerror(errno));
        status = TROUPE_ERR_IO;
    }
    close(fd);
    if (status == TROUPE_OK) {
        text[used] = '\0';
        status = parse(text, path, out, why, size);
    }
    explicit_bzero(text, sizeof text);
    if (status != TROUPE_OK) {
        tr_curve_pair_forget(out);
    }
    return status;
}

/* ---- writing ---- */

static bool write_whole(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        text += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_pair(int fd, const char *name, const tr_curve_pair_t *pair)
{
    char text[1024];
    int size = snprintf(text, sizeof text,
                        "#   A pair of keys for CURVE. Whoever has this file is taken for %s:\n"
                        "#   keep it to yourself. Only the public key is for others.\n"
                        "\n"
                        "metadata\n"
                        "    name = \"%s\"\n"
                        "curve\n"
                        "    public-key = \"%s\"\n"
                        "    secret-key = \"%s\"\n",
                        name, name, pair->public_key, pair->secret_key);
    bool is_written = size > 0 && (size_t)size < sizeof text &&
                      write_whole(fd, text, (size_t)size) && fsync(fd) == 0;
    explicit_bzero(text, sizeof text);
    return is_written;
}

/* In a node's file a '$' begins a variable: a key without one can be pasted there as it is.
 * Some two of three have none. */
static bool make_pair(tr_curve_pair_t *out)
{
    bool is_made;
    do {
        is_made = zmq_curve_keypair(out->public_key, out->secret_key) == 0;
    } while (is_made && strchr(out->public_key, '$'));
    return is_made;
}

troupe_status_t tr_curve_pair_write(const char *path, const char *name, tr_curve_pair_t *out,
                                    char *why, size_t size)
{
    assert(path && name && out && why && size > 0);
    *out = (tr_curve_pair_t){0};
    if (!make_pair(out)) {
        snprintf(why, size, "no CURVE in this libzmq");
        return TROUPE_ERR_IO;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        troupe_status_t status = errno == EEXIST ? TROUPE_EXISTS : TROUPE_ERR_IO;
        snprintf(why, size, "%s: %s", path, strerror(errno));
        tr_curve_pair_forget(out);
        return status;
    }
    bool is_written = write_pair(fd, name, out);
    int error = errno;
    is_written = close(fd) == 0 && is_written;
    if (!is_written) {
        snprintf(why, size, "%s: %s", path, strerror(error));
        (void)unlink(path);
        tr_curve_pair_forget(out);
    }
    return is_written ? TROUPE_OK : TROUPE_ERR_IO;
}
