#include "base/cgroup.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a line of /proc/self/mountinfo says of the mount of a hierarchy. */
struct mount {
    char root[TR_CGROUP_PATH];  /* which group is mounted there */
    char point[TR_CGROUP_PATH]; /* and where */
};

static FILE *open_below(const char *root, const char *path)
{
    char whole[TR_CGROUP_PATH];
    int size = snprintf(whole, sizeof whole, "%s%s", root, path);
    return size > 0 && (size_t)size < sizeof whole ? fopen(whole, "re") : NULL;
}

/* The next line without its end, in a buffer that getline() keeps; false at the last. */
static bool next_line(FILE *file, char **line, size_t *room)
{
    ssize_t size = getline(line, room, file);
    if (size < 0) {
        return false;
    }
    if (size > 0 && (*line)[size - 1] == '\n') {
        (*line)[size - 1] = '\0';
    }
    return true;
}

static bool copy(char to[TR_CGROUP_PATH], const char *text)
{
    size_t size = strlen(text);
    if (size >= TR_CGROUP_PATH) {
        return false;
    }
    memcpy(to, text, size + 1);
    return true;
}

/* Whether `words`, divided by commas, has the word. */
static bool has_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, size) == 0 && (at[size] == ',' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

/* ---- which group: lines "4:memory:/path", and "0::/path" of version 2 ---- */

static const char *path_in(char *line, tr_cgroup_version_t version)
{
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path || path[1] != '/') {
        return NULL;
    }
    *path = '\0';
    bool is_it = version == TR_CGROUP_V2 ? strncmp(line, "0:", 2) == 0 && controllers[1] == '\0'
                                         : has_word(controllers + 1, "memory");
    return is_it ? path + 1 : NULL;
}

static bool find_path(const char *root, pid_t pid, tr_cgroup_version_t version,
                      char out[TR_CGROUP_PATH])
{
    char name[64] = "/proc/self/cgroup";
    if (pid > 0) {
        snprintf(name, sizeof name, "/proc/%ld/cgroup", (long)pid);
    }
    FILE *file = open_below(root, name);
    char *line = NULL;
    size_t room = 0;
    bool is_found = false;
    while (file && !is_found && next_line(file, &line, &room)) {
        const char *path = path_in(line, version);
        is_found = path && copy(out, path);
    }
    free(line);
    if (file) {
        fclose(file);
    }
    return is_found;
}

/* ---- where it is: "ID PARENT DEVICE ROOT POINT OPTIONS [MORE...] - TYPE SOURCE OPTIONS" ----
 */

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* The kernel writes a space in a path as \040, and likewise what else would be in the way. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static bool mount_in(char *line, tr_cgroup_version_t version, struct mount *out)
{
    enum { ROOT = 3, POINT = 4, N_FIRST = 6 };
    enum { TYPE, SOURCE, OPTIONS, N_LAST };
    char *words[N_FIRST + N_LAST];
    char *rest = strstr(line, " - ");
    if (!rest) {
        return false;
    }
    *rest = '\0';
    rest += 3;
    char *at = line;
    for (int i = 0; i < N_FIRST; i++) {
        words[i] = strsep(&at, " ");
    }
    at = rest;
    for (int i = N_FIRST; i < N_FIRST + N_LAST; i++) {
        words[i] = strsep(&at, " ");
    }
    const char *type = words[N_FIRST + TYPE];
    const char *options = words[N_FIRST + OPTIONS];
    if (!words[POINT] || !options) {
        return false;
    }
    bool is_it = version == TR_CGROUP_V2
                     ? strcmp(type, "cgroup2") == 0
                     : strcmp(type, "cgroup") == 0 && has_word(options, "memory");
    if (!is_it) {
        return false;
    }
    unescape(words[ROOT]);
    unescape(words[POINT]);
    return copy(out->root, words[ROOT]) && copy(out->point, words[POINT]);
}

static bool find_mount(const char *root, tr_cgroup_version_t version, struct mount *out)
{
    FILE *file = open_below(root, "/proc/self/mountinfo");
    char *line = NULL;
    size_t room = 0;
    bool is_found = false;
    while (file && !is_found && next_line(file, &line, &room)) {
        is_found = mount_in(line, version, out);
    }
    free(line);
    if (file) {
        fclose(file);
    }
    return is_found;
}

/* ---- both together ---- */

/* The rest of `path` behind that of the mounted group. A group that is not below that one (a
 * container's, seen from the inside, with the path that it has outside) is the mounted one. */
static const char *below(const char *path, const char *mounted)
{
    size_t size = strcmp(mounted, "/") == 0 ? 0 : strlen(mounted);
    bool is_below = strncmp(path, mounted, size) == 0 && (path[size] == '/' || !path[size]);
    return is_below && !strstr(path, "/..") && strcmp(path + size, "/") != 0 ? path + size : "";
}

bool tr_cgroup_find(const char *root, pid_t pid, tr_cgroup_version_t version, tr_cgroup_t *out)
{
    assert(root && out);
    char path[TR_CGROUP_PATH];
    struct mount mount;
    if (!find_path(root, pid, version, path) || !find_mount(root, version, &mount)) {
        return false;
    }
    int top = snprintf(out->folder, sizeof out->folder, "%s%s", root, mount.point);
    if (top < 0 || (size_t)top >= sizeof out->folder) {
        return false;
    }
    out->top = (size_t)top;
    const char *rest = below(path, mount.root);
    if (strlen(rest) >= sizeof out->folder - out->top) {
        return false;
    }
    memcpy(out->folder + out->top, rest, strlen(rest) + 1);
    return true;
}

bool tr_cgroup_ascend(tr_cgroup_t *self)
{
    assert(self);
    char *last = strlen(self->folder) > self->top ? strrchr(self->folder, '/') : NULL;
    if (!last) {
        return false;
    }
    *last = '\0';
    return true;
}

/* ---- numbers ---- */

static bool parse(const char *text, uint64_t *out)
{
    if (*text < '0' || *text > '9') { /* strtoull would take a sign */
        return false;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *out = number;
    return true;
}

static bool path_of(const tr_cgroup_t *self, const char *file, char path[TR_CGROUP_PATH])
{
    int size =
        snprintf(path, TR_CGROUP_PATH, "%.*s/%s", TR_CGROUP_PATH - 64, self->folder, file);
    return size > 0 && (size_t)size < TR_CGROUP_PATH &&
           strlen(self->folder) <= TR_CGROUP_PATH - 64;
}

bool tr_cgroup_number(const tr_cgroup_t *self, const char *file, uint64_t *out)
{
    assert(self && file && out);
    char path[TR_CGROUP_PATH];
    FILE *stream = path_of(self, file, path) ? fopen(path, "re") : NULL;
    if (!stream) {
        return false;
    }
    char *line = NULL;
    size_t room = 0;
    bool is_number = next_line(stream, &line, &room) && parse(line, out);
    free(line);
    fclose(stream);
    return is_number;
}

bool tr_cgroup_counter_in(const char *path, const char *key, uint64_t *out)
{
    assert(path && key && out);
    FILE *stream = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    size_t size = strlen(key);
    bool is_found = false;
    while (stream && !is_found && next_line(stream, &line, &room)) {
        is_found =
            strncmp(line, key, size) == 0 && line[size] == ' ' && parse(line + size + 1, out);
    }
    free(line);
    if (stream) {
        fclose(stream);
    }
    return is_found;
}

bool tr_cgroup_counter(const tr_cgroup_t *self, const char *file, const char *key,
                       uint64_t *out)
{
    assert(self && file && key && out);
    char path[TR_CGROUP_PATH];
    return path_of(self, file, path) && tr_cgroup_counter_in(path, key, out);
}
