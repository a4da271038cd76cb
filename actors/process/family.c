/* Relatives are found by going down from parent to child, thread by thread: a child is its
 * thread's. One that its parent has left behind belongs to init or to a subreaper, and is not
 * found any more.
 */

#include "actors/process/family.h"

#include <assert.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MS     5000
#define MAX_THREADS 512 /* looked at in one go, of all together */

struct listing {
    tr_process_family_t *family;
    size_t n_threads;
};

/* What /proc/PID/stat says: when it was born, in ticks, and its resident bytes. False when
 * there is no such process, or none that runs. */
static bool look_at(pid_t pid, uint64_t *born_out, int64_t *bytes_out)
{
    enum { BORN = 22 - 3, N_LINE = 1024 }; /* the words are counted from the third, the state */
    char path[64];
    char line[N_LINE];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(line, 1, sizeof line - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    line[size] = '\0';
    char *at = strrchr(line, ')'); /* its name may contain anything, but there is none later */
    for (int word = 0; at && word <= BORN; word++) {
        at = strchr(at + 1, ' ');
    }
    if (!at) {
        return false;
    }
    *born_out = strtoull(at, &at, 10);
    strtoull(at, &at, 10); /* the size of its addresses */
    *bytes_out = strtoll(at, NULL, 10) * sysconf(_SC_PAGESIZE);
    return true;
}

static void add(tr_process_family_t *family, pid_t pid)
{
    uint64_t born;
    int64_t bytes;
    if (family->n_members < TR_FAMILY_MAX && look_at(pid, &born, &bytes)) {
        family->members[family->n_members++] = (tr_relative_t){.pid = pid, .born = born};
    }
}

static void list_children_of_thread(struct listing *listing, pid_t pid, const char *thread)
{
    char path[320];
    snprintf(path, sizeof path, "/proc/%ld/task/%.255s/children", (long)pid, thread);
    FILE *file = fopen(path, "re");
    long child = 0;
    while (file && fscanf(file, "%ld", &child) == 1) {
        add(listing->family, (pid_t)child);
    }
    if (file) {
        fclose(file);
    }
}

static void list_children(struct listing *listing, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *threads = opendir(path);
    for (struct dirent *entry = threads ? readdir(threads) : NULL;
         entry && listing->n_threads < MAX_THREADS; entry = readdir(threads)) {
        if (entry->d_name[0] != '.') {
            listing->n_threads++;
            list_children_of_thread(listing, pid, entry->d_name);
        }
    }
    if (threads) {
        closedir(threads);
    }
}

static void list(tr_process_family_t *self, pid_t pid)
{
    struct listing listing = {.family = self};
    self->n_members = 0;
    list_children(&listing, pid);
    for (size_t i = 0; i < self->n_members; i++) { /* grows meanwhile */
        list_children(&listing, self->members[i].pid);
    }
}

tr_family_memory_t tr_process_family_measure(tr_process_family_t *self, pid_t pid, int64_t own,
                                             int64_t now_ms)
{
    assert(self && pid > 0);
    tr_family_memory_t memory = {.together = own, .largest = own};
    if (self->listed_ms == 0 || now_ms - self->listed_ms >= LIST_MS) {
        list(self, pid);
        self->listed_ms = now_ms;
    }
    for (size_t i = 0; i < self->n_members; i++) {
        uint64_t born;
        int64_t bytes;
        if (look_at(self->members[i].pid, &born, &bytes) && born == self->members[i].born) {
            memory.together += bytes;
            memory.largest = bytes > memory.largest ? bytes : memory.largest;
        }
    }
    return memory;
}
