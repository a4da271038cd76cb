/* Always true: `before` is LOOK_MS older than `latest`, or both are of the beginning, or of
 * when the process was first seen in that group. So what is compared with the present is
 * between LOOK_MS and twice that old.
 */

#include "base/oom_kills.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS 5000

static const char key[] = "oom_kill";

static int64_t count_of_group(const tr_cgroup_t *group, int version)
{
    static const char *const files[] = {
        [TR_CGROUP_V1] = "memory.oom_control",
        [TR_CGROUP_V2] = "memory.events",
    };
    uint64_t number = 0;
    bool is_there = group->folder[0] && tr_cgroup_counter(group, files[version], key, &number);
    return is_there && number <= INT64_MAX ? (int64_t)number : -1;
}

static int64_t count_of_machine(const char *root)
{
    char path[TR_CGROUP_PATH];
    uint64_t number = 0;
    int size = snprintf(path, sizeof path, "%s/proc/vmstat", root);
    bool is_there =
        size > 0 && (size_t)size < sizeof path && tr_cgroup_counter_in(path, key, &number);
    return is_there && number <= INT64_MAX ? (int64_t)number : -1;
}

static tr_oom_look_t look(const tr_oom_watch_t *self)
{
    return (tr_oom_look_t){{
        [TR_OOM_GROUP_V1] = count_of_group(&self->groups[TR_CGROUP_V1], TR_CGROUP_V1),
        [TR_OOM_GROUP_V2] = count_of_group(&self->groups[TR_CGROUP_V2], TR_CGROUP_V2),
        [TR_OOM_MACHINE] = count_of_machine(self->root),
    }};
}

void tr_oom_watch_init(tr_oom_watch_t *self, const char *root, int64_t now_ms)
{
    assert(self && root);
    self->root = root;
    self->looked_ms = now_ms;
    self->is_followed = false;
    for (int version = TR_CGROUP_V1; version <= TR_CGROUP_V2; version++) {
        if (!tr_cgroup_find(root, 0, (tr_cgroup_version_t)version, &self->groups[version])) {
            self->groups[version].folder[0] = '\0';
        }
    }
    self->before = self->latest = look(self);
}

void tr_oom_watch_follow(tr_oom_watch_t *self, pid_t pid)
{
    assert(self && pid > 0);
    for (int version = TR_CGROUP_V1; version <= TR_CGROUP_V2; version++) {
        tr_cgroup_t group;
        if (!tr_cgroup_find(self->root, pid, (tr_cgroup_version_t)version, &group)) {
            continue;
        }
        self->is_followed = true;
        if (strcmp(group.folder, self->groups[version].folder) != 0) {
            self->groups[version] = group;
            self->before.killed[version] = self->latest.killed[version] =
                count_of_group(&group, version);
        }
    }
}

void tr_oom_watch_turn(tr_oom_watch_t *self, pid_t pid, int64_t now_ms)
{
    assert(self);
    if (now_ms - self->looked_ms >= LOOK_MS) {
        tr_oom_watch_follow(self, pid);
        self->before = self->latest;
        self->latest = look(self);
        self->looked_ms = now_ms;
    }
}

/* Whether a counter says more than it did. One that was not there before says nothing. */
static bool has_grown(int64_t before, int64_t now)
{
    return before >= 0 && now > before;
}

bool tr_oom_watch_has_moved(const tr_oom_watch_t *self, bool anywhere)
{
    assert(self);
    tr_oom_look_t now = look(self);
    bool is_counted = false;
    for (int version = TR_OOM_GROUP_V1; version <= TR_OOM_GROUP_V2; version++) {
        if (has_grown(self->before.killed[version], now.killed[version])) {
            return true;
        }
        is_counted |= self->is_followed && now.killed[version] >= 0;
    }
    return (anywhere || !is_counted) &&
           has_grown(self->before.killed[TR_OOM_MACHINE], now.killed[TR_OOM_MACHINE]);
}
