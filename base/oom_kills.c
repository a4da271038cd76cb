/* Always true: `before` is LOOK_MS older than `latest`, or both are of the beginning. So what
 * is compared with the present is between LOOK_MS and twice that old.
 */

#include "base/oom_kills.h"

#include <assert.h>
#include <stdio.h>

#define LOOK_MS 5000

static tr_oom_look_t look(const tr_oom_watch_t *self)
{
    static const char key[] = "oom_kill";
    static const char *const files[] = {
        [TR_CGROUP_V1] = "memory.oom_control",
        [TR_CGROUP_V2] = "memory.events",
    };
    tr_oom_look_t seen = {{0}};
    char path[TR_CGROUP_PATH];
    int size = snprintf(path, sizeof path, "%s/proc/vmstat", self->root);
    if (size > 0 && (size_t)size < sizeof path) {
        (void)tr_cgroup_counter_in(path, key, &seen.killed[TR_OOM_MACHINE]);
    }
    for (int version = TR_CGROUP_V1; version <= TR_CGROUP_V2; version++) {
        if (self->groups[version].folder[0]) {
            (void)tr_cgroup_counter(&self->groups[version], files[version], key,
                                    &seen.killed[TR_OOM_GROUP_V1 + version]);
        }
    }
    return seen;
}

void tr_oom_watch_init(tr_oom_watch_t *self, const char *root, int64_t now_ms)
{
    assert(self && root);
    self->root = root;
    self->looked_ms = now_ms;
    for (int version = TR_CGROUP_V1; version <= TR_CGROUP_V2; version++) {
        if (!tr_cgroup_find(root, (tr_cgroup_version_t)version, &self->groups[version])) {
            self->groups[version].folder[0] = '\0';
        }
    }
    self->before = self->latest = look(self);
}

void tr_oom_watch_turn(tr_oom_watch_t *self, int64_t now_ms)
{
    assert(self);
    if (now_ms - self->looked_ms >= LOOK_MS) {
        self->before = self->latest;
        self->latest = look(self);
        self->looked_ms = now_ms;
    }
}

bool tr_oom_watch_has_moved(const tr_oom_watch_t *self)
{
    assert(self);
    tr_oom_look_t now = look(self);
    for (int i = 0; i < TR_N_OOM_COUNTERS; i++) {
        if (now.killed[i] > self->before.killed[i]) {
            return true;
        }
    }
    return false;
}
