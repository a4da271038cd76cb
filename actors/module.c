/* Folders are tried in order: added ones, $TROUPE_MODULE_PATH (colon-separated), the installed
 * one. dlclose is never called: see the header.
 */

#include "actors/module.h"

#include <assert.h>
#include <czmq.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TR_MODULE_DIR
#define TR_MODULE_DIR "/usr/lib/troupe"
#endif

#define MAX_PATH 4096

struct tr_modules {
    zlistx_t *behaviours; /* const troupe_behaviour_t *, borrowed */
    zlistx_t *folders;    /* char *, owned */
};

static void free_text(void **text_p)
{
    free(*text_p);
    *text_p = NULL;
}

tr_modules_t *tr_modules_new(void)
{
    tr_modules_t *self = calloc(1, sizeof *self);
    if (!self) {
        return NULL;
    }
    self->behaviours = zlistx_new();
    self->folders = zlistx_new();
    if (!self->behaviours || !self->folders) {
        tr_modules_destroy(&self);
        return NULL;
    }
    zlistx_set_destructor(self->folders, free_text);
    return self;
}

void tr_modules_destroy(tr_modules_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->behaviours);
        zlistx_destroy(&(*self_p)->folders);
        free(*self_p);
        *self_p = NULL;
    }
}

static const troupe_behaviour_t *find_known(tr_modules_t *self, const char *name)
{
    for (void *item = zlistx_first(self->behaviours); item;
         item = zlistx_next(self->behaviours)) {
        const troupe_behaviour_t *behaviour = item;
        if (strcmp(behaviour->name, name) == 0) {
            return behaviour;
        }
    }
    return NULL;
}

static bool is_usable(const troupe_behaviour_t *behaviour)
{
    return behaviour && behaviour->name && behaviour->name[0] &&
           (behaviour->handle || behaviour->receive);
}

troupe_status_t tr_modules_register(tr_modules_t *self, const troupe_behaviour_t *behaviour)
{
    assert(self);
    if (!is_usable(behaviour)) {
        return TROUPE_ERR_INVALID;
    }
    if (find_known(self, behaviour->name)) {
        return TROUPE_EXISTS;
    }
    return zlistx_add_end(self->behaviours, (void *)behaviour) ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

troupe_status_t tr_modules_add_path(tr_modules_t *self, const char *folder)
{
    assert(self && folder);
    char *copy = strdup(folder);
    if (!copy || !zlistx_add_end(self->folders, copy)) {
        free(copy);
        return TROUPE_ERR_NOMEM;
    }
    return TROUPE_OK;
}

troupe_status_t tr_modules_load_file(const char *file, const troupe_behaviour_t **out,
                                     char *why, size_t size)
{
    assert(file && out && why && size > 0);
    void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        snprintf(why, size, "%s", dlerror());
        return TROUPE_ERR_INVALID;
    }
    const unsigned *abi = dlsym(object, "troupe_behaviour_abi");
    const troupe_behaviour_t *const *behaviour = dlsym(object, "troupe_behaviour");
    if (!abi || !behaviour) {
        snprintf(why, size, "%s is no behaviour module: it lacks TROUPE_MODULE", file);
    } else if (*abi != TROUPE_ABI_VERSION) {
        snprintf(why, size, "%s was built for ABI %u, this library has %d: build it again",
                 file, *abi, TROUPE_ABI_VERSION);
    } else if (!is_usable(*behaviour)) {
        snprintf(why, size, "%s has no name, or neither handle nor receive", file);
    } else {
        *out = *behaviour;
        return TROUPE_OK;
    }
    return TROUPE_ERR_INVALID;
}

/* Load FILE, which is to hold `name`. */
static troupe_status_t load(const char *file, const char *name, const troupe_behaviour_t **out,
                            char *why, size_t size)
{
    const troupe_behaviour_t *behaviour = NULL;
    troupe_status_t status = tr_modules_load_file(file, &behaviour, why, size);
    if (status == TROUPE_OK && strcmp(behaviour->name, name) != 0) {
        snprintf(why, size, "%s calls its behaviour '%s', not '%s'", file, behaviour->name,
                 name);
        return TROUPE_ERR_INVALID;
    }
    if (status == TROUPE_OK) {
        *out = behaviour;
    }
    return status;
}

/* Whether there is FOLDER/NAME.so; `path` gets it. */
static bool is_in_folder(const char *folder, const char *name, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/%s.so", folder, name);
    return length >= 0 && (size_t)length < size && access(path, F_OK) == 0;
}

static bool is_in_search_path(const char *folders, const char *name, char *path, size_t size)
{
    bool is_found = false;
    while (folders && *folders && !is_found) {
        char folder[MAX_PATH];
        size_t length = strcspn(folders, ":");
        if (length > 0 && length < sizeof folder) {
            memcpy(folder, folders, length);
            folder[length] = '\0';
            is_found = is_in_folder(folder, name, path, size);
        }
        folders += length + (folders[length] == ':');
    }
    return is_found;
}

static bool find_file(tr_modules_t *self, const char *name, char *path, size_t size)
{
    for (void *folder = zlistx_first(self->folders); folder;
         folder = zlistx_next(self->folders)) {
        if (is_in_folder(folder, name, path, size)) {
            return true;
        }
    }
    return is_in_search_path(getenv("TROUPE_MODULE_PATH"), name, path, size) ||
           is_in_folder(TR_MODULE_DIR, name, path, size);
}

/* Who misspelt a folder should see it. */
static void say_where(tr_modules_t *self, const char *name, char *why, size_t size)
{
    const char *path = getenv("TROUPE_MODULE_PATH");
    size_t length =
        (size_t)snprintf(why, size, "no module '%s': looked for %s.so in", name, name);
    for (const char *folder = zlistx_first(self->folders); folder && length < size;
         folder = zlistx_next(self->folders)) {
        length += (size_t)snprintf(why + length, size - length, " %s,", folder);
    }
    if (length < size && path && *path) {
        length += (size_t)snprintf(why + length, size - length, " %s,", path);
    }
    if (length < size) {
        snprintf(why + length, size - length, " %s", TR_MODULE_DIR);
    }
}

troupe_status_t tr_modules_find(tr_modules_t *self, const char *name,
                                const troupe_behaviour_t **out, char *why, size_t size)
{
    assert(self && name && out && why && size > 0);
    const troupe_behaviour_t *behaviour = find_known(self, name);
    if (behaviour) {
        *out = behaviour;
        return TROUPE_OK;
    }
    char file[MAX_PATH];
    if (!find_file(self, name, file, sizeof file)) {
        say_where(self, name, why, size);
        return TROUPE_NOT_FOUND;
    }
    troupe_status_t status = load(file, name, &behaviour, why, size);
    if (status == TROUPE_OK) {
        *out = behaviour;
        status = tr_modules_register(self, behaviour);
    }
    return status;
}

troupe_status_t tr_modules_locate(tr_modules_t *self, const char *name, char *path,
                                  size_t path_size, char *why, size_t size)
{
    assert(self && name && path && path_size > 0 && why && size > 0);
    if (find_file(self, name, path, path_size)) {
        return TROUPE_OK;
    }
    if (find_known(self, name)) {
        snprintf(why, size,
                 "'%s' is linked into this program: there is no file of it that a "
                 "process of its own could load",
                 name);
    } else {
        say_where(self, name, why, size);
    }
    return TROUPE_NOT_FOUND;
}
