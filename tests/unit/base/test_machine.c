/* Machines made of files: what they have, and what their groups allow. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/machine.h"
#include "tests/kit/folder.h"

#define MEBIBYTE (UINT64_C(1) << 20)

/* A file and what is in it. */
struct file {
    const char *path;
    const char *text;
};

#define MEMINFO "/proc/meminfo", "MemTotal:       1048576 kB\nMemFree:            1 kB\n"
#define MOUNT_V2                                                                               \
    "/proc/self/mountinfo",                                                                    \
        "22 1 8:1 / / rw - ext4 /dev/sda rw\n"                                                 \
        "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define MOUNT_V1                                                                               \
    "/proc/self/mountinfo",                                                                    \
        "31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"                  \
        "35 30 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
#define MOUNT_BOTH                                                                             \
    "/proc/self/mountinfo",                                                                    \
        "35 30 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"           \
        "36 30 0:33 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
#define IN_V2  "/proc/self/cgroup", "0::/system/node\n"
#define IN_V1  "/proc/self/cgroup", "9:name=systemd:/\n4:cpu,cpuacct:/x\n3:memory:/a/b\n0::/\n"
#define GROUPS "/sys/fs/cgroup"
#define NO_MORE                                                                                \
    {                                                                                          \
        NULL, NULL                                                                             \
    }

/* One row, one machine. */
struct machine {
    uint64_t bytes;
    bool is_of_group;
    struct file files[8];
};

static void machine_has_so_much(void **state)
{
    const struct machine *machine = *state;
    folder_t folder;
    folder_begin(&folder);
    for (const struct file *file = machine->files; file->path; file++) {
        folder_put(&folder, file->path, file->text);
    }
    tr_machine_memory_t memory = tr_machine_memory(folder.path);
    folder_end(&folder);
    if (memory.bytes != machine->bytes || memory.is_of_group != machine->is_of_group) {
        fail_msg("%llu bytes%s, not %llu", (unsigned long long)memory.bytes,
                 memory.is_of_group ? " of its group" : "", (unsigned long long)machine->bytes);
    }
}

static void without_any_file_the_kernel_is_asked(void **state)
{
    (void)state;
    tr_machine_memory_t memory = tr_machine_memory("/nowhere");
    assert_false(memory.is_of_group);
    assert_true(memory.bytes >= 4 * MEBIBYTE);
}

static void this_machine_has_some(void **state)
{
    (void)state;
    tr_machine_memory_t memory = tr_machine_memory("");
    uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    assert_true(memory.bytes >= 4 * MEBIBYTE);
    assert_true(memory.bytes <= physical);
    assert_true(memory.is_of_group == (memory.bytes < physical));
}

/* A path so long that nothing could be below it. */
static void overlong_root_has_nothing(void **state)
{
    (void)state;
    char root[3000];
    memset(root, 'x', sizeof root);
    root[0] = '/';
    root[sizeof root - 1] = '\0';
    assert_false(tr_machine_memory(root).is_of_group);
}

/* clang-format off */
#define MACHINE(title, ...) \
    { .name = title, .test_func = machine_has_so_much, .initial_state = &(struct machine){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        MACHINE("no groups", 1024 * MEBIBYTE, false, {{MEMINFO}}),
        MACHINE("a group without a limit", 1024 * MEBIBYTE, false,
                {{MEMINFO},
                 {IN_V2},
                 {MOUNT_V2},
                 {GROUPS "/system/node/memory.max", "max\n"},
                 {GROUPS "/system/memory.max", "max\n"}}),
        MACHINE("a group with one", 512 * MEBIBYTE, true,
                {{MEMINFO},
                 {IN_V2},
                 {MOUNT_V2},
                 {GROUPS "/system/node/memory.max", "536870912\n"}}),
        MACHINE("a group above with a smaller one", 256 * MEBIBYTE, true,
                {{MEMINFO},
                 {IN_V2},
                 {MOUNT_V2},
                 {GROUPS "/system/node/memory.max", "536870912\n"},
                 {GROUPS "/system/memory.max", "268435456\n"}}),
        MACHINE("a group above with a larger one", 128 * MEBIBYTE, true,
                {{MEMINFO},
                 {IN_V2},
                 {MOUNT_V2},
                 {GROUPS "/system/node/memory.max", "134217728\n"},
                 {GROUPS "/system/memory.max", "268435456\n"}}),
        MACHINE("the topmost group of a namespace has one", 64 * MEBIBYTE, true,
                {{MEMINFO},
                 {"/proc/self/cgroup", "0::/\n"},
                 {MOUNT_V2},
                 {GROUPS "/memory.max", "67108864\n"}}),
        MACHINE("one that allows more than there is", 1024 * MEBIBYTE, false,
                {{MEMINFO},
                 {IN_V2},
                 {MOUNT_V2},
                 {GROUPS "/system/node/memory.max", "4294967296\n"}}),
        MACHINE("a tiny one", 4096, true,
                {{MEMINFO}, {IN_V2}, {MOUNT_V2}, {GROUPS "/system/node/memory.max", "4096\n"}}),
        MACHINE("one of nothing", 0, true,
                {{MEMINFO}, {IN_V2}, {MOUNT_V2}, {GROUPS "/system/node/memory.max", "0\n"}}),
        MACHINE("numbers that are none are no limits", 1024 * MEBIBYTE, false,
                {{MEMINFO},
                 {IN_V2},
                 {MOUNT_V2},
                 {GROUPS "/system/node/memory.max", "12x\n"},
                 {GROUPS "/system/memory.max", "-5\n"},
                 {GROUPS "/memory.max", ""}}),
        MACHINE("numbers that do not fit are no limits", 1024 * MEBIBYTE, false,
                {{MEMINFO},
                 {IN_V2},
                 {MOUNT_V2},
                 {GROUPS "/system/node/memory.max", "99999999999999999999\n"},
                 {GROUPS "/system/memory.max", "18446744073709551615\n"}}),
        MACHINE("a file without an end of line", 8192, true,
                {{MEMINFO}, {IN_V2}, {MOUNT_V2}, {GROUPS "/system/node/memory.max", "8192"}}),
        MACHINE("version 1", 512 * MEBIBYTE, true,
                {{MEMINFO},
                 {IN_V1},
                 {MOUNT_V1},
                 {GROUPS "/memory/a/b/memory.limit_in_bytes", "536870912\n"},
                 {GROUPS "/cpu/x/memory.limit_in_bytes", "1\n"}}),
        MACHINE("version 1, without a limit", 1024 * MEBIBYTE, false,
                {{MEMINFO},
                 {IN_V1},
                 {MOUNT_V1},
                 {GROUPS "/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n"},
                 {GROUPS "/memory/a/memory.limit_in_bytes", "9223372036854710272\n"},
                 {GROUPS "/memory/memory.limit_in_bytes", "9223372036854775807\n"}}),
        MACHINE("version 1, the limit above", 32 * MEBIBYTE, true,
                {{MEMINFO},
                 {IN_V1},
                 {MOUNT_V1},
                 {GROUPS "/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n"},
                 {GROUPS "/memory/a/memory.limit_in_bytes", "33554432\n"}}),
        MACHINE("both, and version 1 has the memory", 16 * MEBIBYTE, true,
                {{MEMINFO},
                 {IN_V1},
                 {MOUNT_BOTH},
                 {GROUPS "/memory/a/b/memory.limit_in_bytes", "16777216\n"},
                 {GROUPS "/unified/cgroup.procs", "1\n"}}),
        MACHINE("both, and the smaller counts", 8 * MEBIBYTE, true,
                {{MEMINFO},
                 {IN_V1},
                 {MOUNT_BOTH},
                 {GROUPS "/memory/a/b/memory.limit_in_bytes", "16777216\n"},
                 {GROUPS "/unified/memory.max", "8388608\n"}}),
        MACHINE(
            "a container that sees its own group as the topmost", 4 * MEBIBYTE, true,
            {{MEMINFO},
             {"/proc/self/cgroup", "3:memory:/docker/abc\n"},
             {"/proc/self/mountinfo",
              "35 30 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"},
             {GROUPS "/memory/memory.limit_in_bytes", "4194304\n"}}),
        MACHINE(
            "a group below that of the container", 2 * MEBIBYTE, true,
            {{MEMINFO},
             {"/proc/self/cgroup", "3:memory:/docker/abc/node\n"},
             {"/proc/self/mountinfo",
              "35 30 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"},
             {GROUPS "/memory/memory.limit_in_bytes", "4194304\n"},
             {GROUPS "/memory/node/memory.limit_in_bytes", "2097152\n"}}),
        MACHINE(
            "a group called almost like that of the container", 4 * MEBIBYTE, true,
            {{MEMINFO},
             {"/proc/self/cgroup", "3:memory:/docker/abcd\n"},
             {"/proc/self/mountinfo",
              "35 30 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"},
             {GROUPS "/memory/memory.limit_in_bytes", "4194304\n"},
             {GROUPS "/memoryd/memory.limit_in_bytes", "1\n"}}),
        MACHINE("a group outside of the namespace", 4 * MEBIBYTE, true,
                {{MEMINFO},
                 {"/proc/self/cgroup", "0::/../other\n"},
                 {MOUNT_V2},
                 {GROUPS "/memory.max", "4194304\n"},
                 {"/sys/fs/other/memory.max", "1\n"}}),
        MACHINE(
            "a mount with a space in its path", 4 * MEBIBYTE, true,
            {{MEMINFO},
             {IN_V2},
             {"/proc/self/mountinfo", "30 22 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n"},
             {"/my groups/system/node/memory.max", "4194304\n"}}),
        MACHINE("no word of where groups are", 1024 * MEBIBYTE, false,
                {{MEMINFO}, {IN_V2}, {GROUPS "/system/node/memory.max", "4096\n"}}),
        MACHINE(
            "lines that are none", 1024 * MEBIBYTE, false,
            {{MEMINFO},
             {"/proc/self/cgroup", "\n0\n0:\n0::\n:::\n0::relative\n3:memory:\n"},
             {"/proc/self/mountinfo",
              "\n - \n - cgroup2\n1 2 3 - cgroup2 a b\n30 22 0:26 / - cgroup2 cgroup2 rw\n"},
             {GROUPS "/memory.max", "4096\n"}}),
        MACHINE("a machine with more than can be counted", UINT64_C(1) << 61, false,
                {{"/proc/meminfo", "MemTotal: 9223372036854775807 kB\n"}}),
        cmocka_unit_test(without_any_file_the_kernel_is_asked),
        cmocka_unit_test(this_machine_has_some),
        cmocka_unit_test(overlong_root_has_nothing),
    };
    return cmocka_run_group_tests_name("base/machine", tests, NULL, NULL) != 0;
}
