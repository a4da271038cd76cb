/* Nothing is remembered: a start of a process is rare, and a few access() are cheap beside it.
 */

#include "actors/process/libexec.h"

#include <assert.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TR_LIBEXEC_DIR
#define TR_LIBEXEC_DIR "/usr/libexec/troupe"
#endif

static bool try_folder(const char *folder, const char *name, char *path, size_t size)
{
    char relative[PATH_MAX];
    char absolute[PATH_MAX];
    int length = snprintf(relative, sizeof relative, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof relative || access(relative, X_OK) != 0 ||
        !realpath(relative, absolute) || strlen(absolute) >= size) {
        return false;
    }
    snprintf(path, size, "%s", absolute);
    return true;
}

static bool try_search_path(const char *folders, const char *name, char *path, size_t size)
{
    while (folders && *folders) {
        char folder[PATH_MAX];
        size_t length = strcspn(folders, ":");
        if (length > 0 && length < sizeof folder) {
            memcpy(folder, folders, length);
            folder[length] = '\0';
            if (try_folder(folder, name, path, size)) {
                return true;
            }
        }
        folders += length + (folders[length] == ':');
    }
    return false;
}

/* The folder of the object that this code is in: libtroupe.so, or a program linked with it. */
static bool find_own_folder(char *folder)
{
    Dl_info info;
    static const char anchor = 0; /* an address that is surely in this object */
    if (dladdr(&anchor, &info) == 0 || !info.dli_fname || !realpath(info.dli_fname, folder)) {
        /* A program is named as it was called, which need not be where it is. */
        ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
        folder[length > 0 ? length : 0] = '\0';
    }
    char *slash = strrchr(folder, '/');
    if (slash) {
        *slash = '\0';
    }
    return slash != NULL;
}

/* A build folder has the library at its root, the programs there and in cli, tests one below.
 */
static bool try_beside(const char *name, char *path, size_t size)
{
    static const char *const places[] = {".", "..", "cli", "../cli"};
    char own[PATH_MAX];
    bool is_found = false;
    if (find_own_folder(own)) {
        for (size_t i = 0; i < sizeof places / sizeof places[0] && !is_found; i++) {
            char folder[PATH_MAX + 16];
            snprintf(folder, sizeof folder, "%s/%s", own, places[i]);
            is_found = try_folder(folder, name, path, size);
        }
    }
    return is_found;
}

troupe_status_t tr_libexec_find(const char *name, char *path, size_t size)
{
    assert(name && path && size > 0);
    const char *folders = getenv("TROUPE_LIBEXEC_PATH");
    if (try_search_path(folders, name, path, size) || try_beside(name, path, size) ||
        try_folder(TR_LIBEXEC_DIR, name, path, size)) {
        return TROUPE_OK;
    }
    snprintf(path, size, "no program '%s': looked in %s%sthe folder of the library, %s", name,
             folders && *folders ? folders : "", folders && *folders ? ", " : "",
             TR_LIBEXEC_DIR);
    return TROUPE_NOT_FOUND;
}
