/* The lines are the node's, and short; what is no such line is skipped. A group that could not
 * be noted for want of memory is told on stderr, and is then in the hands of PR_SET_PDEATHSIG
 * only.
 *
 * The signals that a terminal or an init system sends to everybody are ignored: the node may
 * take its time to end, and is guarded until it has.
 */

#include "actors/exec/guard.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct guard {
    pid_t *groups;
    size_t n_groups;
    size_t n_room;
} guard_t;

static void note(guard_t *self, pid_t group)
{
    if (self->n_groups == self->n_room) {
        size_t n_room = self->n_room ? self->n_room * 2 : 64;
        pid_t *groups = realloc(self->groups, n_room * sizeof *groups);
        if (!groups) {
            fprintf(stderr, "troupe-exec: out of memory: group %ld is not guarded\n",
                    (long)group);
            return;
        }
        self->groups = groups;
        self->n_room = n_room;
    }
    self->groups[self->n_groups++] = group;
}

static void forget(guard_t *self, pid_t group)
{
    for (size_t i = 0; i < self->n_groups; i++) {
        if (self->groups[i] == group) {
            self->groups[i] = self->groups[--self->n_groups];
            return;
        }
    }
}

static void take_line(guard_t *self, const char *line)
{
    long group = strtol(line + (line[0] != '\0'), NULL, 10);
    if (group <= 1) { /* kill (-1) would be everybody */
        return;
    }
    if (line[0] == '+') {
        note(self, (pid_t)group);
    } else if (line[0] == '-') {
        forget(self, (pid_t)group);
    }
}

/* Take the whole lines of `text`; returns how many bytes are left for later. */
static size_t take_lines(guard_t *self, char *text, size_t size)
{
    char *line = text;
    char *end;
    while ((end = memchr(line, '\n', size - (size_t)(line - text))) != NULL) {
        *end = '\0';
        take_line(self, line);
        line = end + 1;
    }
    size_t left = size - (size_t)(line - text);
    memmove(text, line, left);
    return left;
}

static void listen_until_the_end(guard_t *self, int descriptor)
{
    char text[4096];
    size_t size = 0;
    for (;;) {
        ssize_t n = read(descriptor, text + size, sizeof text - size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        size = take_lines(self, text, size + (size_t)n);
        if (size == sizeof text) { /* no line of ours is that long */
            size = 0;
        }
    }
}

/* Sockets only, so that a wrong path costs nobody a file. */
static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        if (entry->d_type == DT_SOCK) {
            unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    if (folder) {
        closedir(folder);
        rmdir(path);
    }
}

int tr_guard_run(int descriptor, const char *folder)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        signal(ignored[i], SIG_IGN);
    }
    guard_t self = {0};
    listen_until_the_end(&self, descriptor);
    for (size_t i = 0; i < self.n_groups; i++) {
        kill(-self.groups[i], SIGKILL);
    }
    free(self.groups);
    if (folder) {
        remove_folder(folder);
    }
    return 0;
}
