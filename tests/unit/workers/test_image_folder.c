#include "tests/kit/check.h"
#include "tests/kit/folder.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "workers/images/image_folder.h"

/* A folder of images beside a file that is nobody's business. */
struct world {
    folder_t disk;
    char root[100]; /* the folder `images` */
    tr_image_folder_t *folder;
};

static struct world world;

/* The path of `name` on the disk, until the next call. */
static const char *on_disk(const char *name)
{
    static char path[100];
    snprintf(path, sizeof path, "%s%s", world.disk.path, name);
    return path;
}

static void link_at(const char *name, const char *target)
{
    if (symlink(target, on_disk(name)) != 0) {
        fail_msg("no link %s", name);
    }
}

static void make_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", on_disk(name));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static int make_world(void **state)
{
    (void)state;
    troupe_why_t why = {""};
    folder_begin(&world.disk);
    folder_put(&world.disk, "/secret.png", "secret");
    folder_put(&world.disk, "/images/cat.png", "a cat");
    folder_put(&world.disk, "/images/deep/er/cat.png", "a deep cat");
    folder_put(&world.disk, "/images/..cat.png", "two dots and a cat");
    folder_put(&world.disk, "/images/empty.png", "");
    folder_put(&world.disk, "/images/locked.png", "nobody reads this");
    assert_int_equal(chmod(on_disk("/images/locked.png"), 0), 0);
    folder_put(&world.disk, "/images/huge.png", "");
    assert_int_equal(truncate(on_disk("/images/huge.png"), TROUPE_MAX_IMAGE + 1), 0);
    folder_put(&world.disk, "/images/large.png", "");
    assert_int_equal(truncate(on_disk("/images/large.png"), TROUPE_MAX_IMAGE), 0);

    link_at("/images/link.png", "../secret.png");
    link_at("/images/harmless.png", "cat.png");
    link_at("/images/nowhere.png", "nothing");
    link_at("/images/circle.png", "circle.png");
    link_at("/images/up", "..");
    link_at("/images/deep/sideways", "er");
    link_at("/also-images", "images");
    assert_int_equal(mkfifo(on_disk("/images/fifo.png"), 0600), 0);
    make_socket("/images/socket.png");

    snprintf(world.root, sizeof world.root, "%s", on_disk("/images"));
    world.folder = tr_image_folder_new();
    assert_non_null(world.folder);
    return tr_image_folder_open(world.folder, world.root, &why) == TROUPE_OK ? 0 : -1;
}

static int drop_world(void **state)
{
    (void)state;
    tr_image_folder_destroy(&world.folder);
    folder_end(&world.disk);
    return 0;
}

static troupe_status_t look_at(const tr_image_folder_t *folder, const char *path,
                               tr_image_bytes_t *out, troupe_why_t *why)
{
    troupe_image_t image = {.path = path, .data = "not this", .size = 8};
    return tr_image_folder_bytes(folder, &image, out, why);
}

/* Open descriptors of this process. */
static int n_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

/* ---- paths, one by one ---- */

struct row {
    const char *path;
    troupe_status_t status;
    const char *says; /* the file's bytes, or what the explanation contains */
};

static void row_holds(void **state)
{
    const struct row *row = *state;
    tr_image_bytes_t bytes = {0};
    troupe_why_t why = {""};
    int n_before = n_descriptors();

    troupe_status_t status = look_at(world.folder, row->path, &bytes, &why);
    if (status != row->status) {
        fail_msg("%s, not %s: %s", troupe_status_name(status), troupe_status_name(row->status),
                 why.text);
    }
    if (status == TROUPE_OK) {
        assert_int_equal(bytes.size, strlen(row->says));
        assert_memory_equal(bytes.data, row->says, bytes.size);
    } else {
        assert_null(bytes.data);
        assert_non_null(strstr(why.text, row->says));
    }
    tr_image_bytes_release(&bytes);
    assert_null(bytes.data);
    assert_int_equal(n_descriptors(), n_before);
}

static void a_file_that_only_others_may_read_is_refused(void **state)
{
    (void)state;
    tr_image_bytes_t bytes = {0};
    troupe_why_t why = {""};
    bool is_root = geteuid() == 0;
    if (is_root) {
        assert_int_equal(chmod(world.disk.path, 0755), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    troupe_status_t status = look_at(world.folder, "locked.png", &bytes, &why);
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    assert_status(status, TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "may not read the image: locked.png"));
}

static void as_much_as_an_image_may_have_is_read(void **state)
{
    (void)state;
    tr_image_bytes_t bytes = {0};
    troupe_why_t why = {""};
    assert_status(look_at(world.folder, "large.png", &bytes, &why), TROUPE_OK);
    assert_int_equal(bytes.size, TROUPE_MAX_IMAGE);
    tr_image_bytes_release(&bytes);
}

/* The longest path goes one step further than the kernel takes in one call. */
static void a_very_long_path_is_refused(void **state)
{
    (void)state;
    static const size_t lengths[] = {NAME_MAX + 1, PATH_MAX - 1, PATH_MAX, 1024 * 1024};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int with_steps = 0; with_steps < 2; with_steps++) {
            char *path = malloc(lengths[i] + 1);
            assert_non_null(path);
            memset(path, 'a', lengths[i]);
            path[lengths[i]] = '\0';
            for (size_t at = 1; with_steps && at < lengths[i]; at += 2) {
                path[at] = '/';
            }
            tr_image_bytes_t bytes = {0};
            troupe_why_t why = {""};
            assert_status(look_at(world.folder, path, &bytes, &why), TROUPE_ERR_INVALID);
            assert_true(why.text[0] != '\0');
            free(path);
        }
    }
}

/* A line that had to be cut is still UTF-8. */
static void a_long_name_is_cut_between_two_letters(void **state)
{
    (void)state;
    for (int n_before = 0; n_before < 2; n_before++) {
        char name[2 * 300 + 2] = "";
        strcat(name, n_before ? "x/" : "/");
        for (int i = 0; i < 299; i++) {
            strcat(name, "\xc3\xa4");
        }
        tr_image_bytes_t bytes = {0};
        troupe_why_t why = {""};
        assert_status(look_at(world.folder, name, &bytes, &why), TROUPE_ERR_INVALID);
        size_t length = strlen(why.text);
        assert_true(length > 250);
        assert_true((unsigned char)why.text[length - 1] == 0xa4);
    }
}

static void a_device_is_refused(void **state)
{
    (void)state;
    tr_image_folder_t *folder = tr_image_folder_new();
    tr_image_bytes_t bytes = {0};
    troupe_why_t why = {""};
    assert_non_null(folder);
    assert_status(tr_image_folder_open(folder, "/dev", &why), TROUPE_OK);
    assert_status(look_at(folder, "zero", &bytes, &why), TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "no regular file"));
    tr_image_folder_destroy(&folder);
}

/* ---- the folder itself ---- */

static void the_folder_may_be_a_link(void **state)
{
    (void)state;
    tr_image_folder_t *folder = tr_image_folder_new();
    tr_image_bytes_t bytes = {0};
    troupe_why_t why = {""};
    assert_non_null(folder);
    assert_status(tr_image_folder_open(folder, on_disk("/also-images"), &why), TROUPE_OK);
    assert_status(look_at(folder, "cat.png", &bytes, &why), TROUPE_OK);
    assert_memory_equal(bytes.data, "a cat", bytes.size);
    tr_image_bytes_release(&bytes);
    assert_status(look_at(folder, "../secret.png", &bytes, &why), TROUPE_ERR_INVALID);
    tr_image_folder_destroy(&folder);
    assert_null(folder);
}

static void what_is_no_folder_cannot_be_opened(void **state)
{
    (void)state;
    static const char *const names[] = {"/nothing", "/secret.png", "/images/fifo.png"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        tr_image_folder_t *folder = tr_image_folder_new();
        troupe_why_t why = {""};
        assert_non_null(folder);
        assert_status(tr_image_folder_open(folder, on_disk(names[i]), &why), TROUPE_NOT_FOUND);
        assert_non_null(strstr(why.text, names[i]));
        tr_image_folder_destroy(&folder);
    }
}

static void without_a_folder_there_are_no_paths(void **state)
{
    (void)state;
    tr_image_folder_t *folder = tr_image_folder_new();
    tr_image_bytes_t bytes = {0};
    troupe_why_t why = {""};
    assert_non_null(folder);
    assert_status(tr_image_folder_open(folder, NULL, &why), TROUPE_OK);
    assert_status(look_at(folder, "cat.png", &bytes, &why), TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "arg `images`"));
    tr_image_folder_destroy(&folder);
}

static void what_was_sent_is_not_copied(void **state)
{
    (void)state;
    tr_image_folder_t *folder = tr_image_folder_new();
    tr_image_bytes_t bytes = {0};
    troupe_why_t why = {""};
    troupe_image_t image = {.data = "bytes", .size = 5};
    assert_non_null(folder);

    assert_status(tr_image_folder_bytes(folder, &image, &bytes, &why), TROUPE_OK);
    assert_ptr_equal(bytes.data, image.data);
    assert_int_equal(bytes.size, 5);
    tr_image_bytes_release(&bytes);

    image = (troupe_image_t){0};
    assert_status(tr_image_folder_bytes(folder, &image, &bytes, &why), TROUPE_OK);
    assert_non_null(bytes.data);
    assert_int_equal(bytes.size, 0);

    image = (troupe_image_t){.data = "not looked at", .size = TROUPE_MAX_IMAGE + 1};
    assert_status(tr_image_folder_bytes(folder, &image, &bytes, &why), TROUPE_LIMIT);
    tr_image_folder_destroy(&folder);
}

static void destroying_nothing_is_fine(void **state)
{
    (void)state;
    tr_image_folder_t *folder = NULL;
    tr_image_folder_destroy(&folder);
    assert_null(folder);
}

/* ---- somebody changes it meanwhile ---- */

/* A file of the kernel's that has another length than it says is one that was changed. */
static void a_file_that_has_grown_or_shrunk_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *root;
        const char *path;
    } rows[] = {
        {"/proc/self", "status"},              /* 0 bytes, and then has some */
        {"/sys/devices/system", "cpu/online"}, /* a page, and then has few */
    };
    int n_seen = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tr_image_folder_t *folder = tr_image_folder_new();
        tr_image_bytes_t bytes = {0};
        troupe_why_t why = {""};
        assert_non_null(folder);
        if (tr_image_folder_open(folder, rows[i].root, &why) == TROUPE_OK) {
            assert_status(look_at(folder, rows[i].path, &bytes, &why), TROUPE_ERR_INVALID);
            n_seen += strstr(why.text, "changed while it was read") != NULL;
        }
        tr_image_folder_destroy(&folder);
    }
    assert_true(n_seen >= 1);
}

/* Two names that are exchanged again and again until all was seen. */
struct juggler {
    char one[128];
    char other[128];
    atomic_bool is_over;
    atomic_uint n_exchanged;
};

static void *juggle(void *arg)
{
    struct juggler *juggler = arg;
    while (!atomic_load(&juggler->is_over)) {
        if (renameat2(AT_FDCWD, juggler->one, AT_FDCWD, juggler->other, RENAME_EXCHANGE) != 0) {
            break;
        }
        atomic_fetch_add(&juggler->n_exchanged, 1);
    }
    return NULL;
}

static void begin_to_juggle(struct juggler *juggler, pthread_t *thread, const char *one,
                            const char *other)
{
    snprintf(juggler->one, sizeof juggler->one, "%s", on_disk(one));
    snprintf(juggler->other, sizeof juggler->other, "%s", on_disk(other));
    assert_int_equal(pthread_create(thread, NULL, juggle, juggler), 0);
}

static void a_file_that_is_replaced_is_the_old_or_the_new(void **state)
{
    (void)state;
    char texts[2][20000];
    memset(texts[0], 'o', sizeof texts[0]);
    memset(texts[1], 'n', sizeof texts[1]);
    texts[0][10000] = '\0';
    texts[1][19999] = '\0';
    folder_put(&world.disk, "/images/replaced.png", texts[0]);
    folder_put(&world.disk, "/images/new.png", texts[1]);

    struct juggler juggler = {0};
    pthread_t thread;
    begin_to_juggle(&juggler, &thread, "/images/replaced.png", "/images/new.png");
    int n_seen[2] = {0};
    for (int i = 0; i < 1000000 && (n_seen[0] < 100 || n_seen[1] < 100); i++) {
        tr_image_bytes_t bytes = {0};
        troupe_why_t why = {""};
        assert_status(look_at(world.folder, "replaced.png", &bytes, &why), TROUPE_OK);
        int which = *(const char *)bytes.data == 'n';
        assert_int_equal(bytes.size, strlen(texts[which]));
        assert_memory_equal(bytes.data, texts[which], bytes.size);
        n_seen[which]++;
        tr_image_bytes_release(&bytes);
    }
    atomic_store(&juggler.is_over, true);
    pthread_join(thread, NULL);
    assert_true(n_seen[0] >= 100 && n_seen[1] >= 100);
}

static void a_folder_that_becomes_a_link_leads_nowhere(void **state)
{
    (void)state;
    folder_put(&world.disk, "/images/inside/it.png", "inside");
    folder_put(&world.disk, "/outside/it.png", "outside");
    link_at("/images/trap", "../outside");

    struct juggler juggler = {0};
    pthread_t thread;
    begin_to_juggle(&juggler, &thread, "/images/inside", "/images/trap");
    int n_inside = 0;
    int n_refused = 0;
    for (int i = 0; i < 1000000 && (n_inside < 500 || n_refused < 500); i++) {
        tr_image_bytes_t bytes = {0};
        troupe_why_t why = {""};
        if (look_at(world.folder, "inside/it.png", &bytes, &why) == TROUPE_OK) {
            assert_memory_equal(bytes.data, "inside", 6);
            n_inside++;
        } else {
            assert_non_null(strstr(why.text, "link"));
            n_refused++;
        }
        tr_image_bytes_release(&bytes);
    }
    atomic_store(&juggler.is_over, true);
    pthread_join(thread, NULL);
    assert_true(n_inside >= 500 && n_refused >= 500);
}

/* clang-format off */
#define ROW(title, ...) \
    { .name = title, .test_func = row_holds, .initial_state = &(struct row){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW("a file is read", "cat.png", TROUPE_OK, "a cat"),
        ROW("so is one further down", "deep/er/cat.png", TROUPE_OK, "a deep cat"),
        ROW("however often it is said", ".//deep/./er//cat.png", TROUPE_OK, "a deep cat"),
        ROW("two dots may begin a name", "..cat.png", TROUPE_OK, "two dots and a cat"),
        ROW("an empty file is for the decoder to refuse", "empty.png", TROUPE_OK, ""),
        ROW("there must be a file", "dog.png", TROUPE_ERR_INVALID, "no such image: dog.png"),
        ROW("there must be a folder", "x/cat.png", TROUPE_ERR_INVALID, "no such image"),
        ROW("no path is no file", "", TROUPE_ERR_INVALID, "no path of a file"),
        ROW("it does not begin at the root", "/etc/passwd", TROUPE_ERR_INVALID, "no path"),
        ROW("nor anywhere else", "//cat.png", TROUPE_ERR_INVALID, "no path of a file"),
        ROW("nothing leads up", "../secret.png", TROUPE_ERR_INVALID, "no path of a file"),
        ROW("nor down and up", "deep/../cat.png", TROUPE_ERR_INVALID, "no path of a file"),
        ROW("nor up at the end", "deep/..", TROUPE_ERR_INVALID, "no path of a file"),
        ROW("nor further", "deep/er/../../../secret.png", TROUPE_ERR_INVALID, "no path"),
        ROW("a URL is no path", "http://example.org/cat.png", TROUPE_ERR_INVALID, "no such"),
        ROW("a link is not followed", "link.png", TROUPE_ERR_INVALID, "link"),
        ROW("not even to here", "harmless.png", TROUPE_ERR_INVALID, "link"),
        ROW("nor to nothing", "nowhere.png", TROUPE_ERR_INVALID, "link"),
        ROW("nor to itself", "circle.png", TROUPE_ERR_INVALID, "link"),
        ROW("nor on the way", "up/secret.png", TROUPE_ERR_INVALID, "link"),
        ROW("nor further down", "deep/sideways/cat.png", TROUPE_ERR_INVALID, "link"),
        ROW("a folder is no file", "deep", TROUPE_ERR_INVALID, "no regular file"),
        ROW("nor with a slash", "deep/", TROUPE_ERR_INVALID, "no regular file"),
        ROW("nor is the folder itself", ".", TROUPE_ERR_INVALID, "no regular file"),
        ROW("a file is no folder", "cat.png/", TROUPE_ERR_INVALID, "no regular file"),
        ROW("nothing is below it", "cat.png/cat.png", TROUPE_ERR_INVALID, "no regular file"),
        ROW("a fifo is not waited for", "fifo.png", TROUPE_ERR_INVALID, "no regular file"),
        ROW("a socket is no file", "socket.png", TROUPE_ERR_INVALID, "no regular file"),
        ROW("nobody reads too much", "huge.png", TROUPE_LIMIT, "more than"),
        cmocka_unit_test(as_much_as_an_image_may_have_is_read),
        cmocka_unit_test(a_file_that_only_others_may_read_is_refused),
        cmocka_unit_test(a_very_long_path_is_refused),
        cmocka_unit_test(a_long_name_is_cut_between_two_letters),
        cmocka_unit_test(a_device_is_refused),
        cmocka_unit_test(the_folder_may_be_a_link),
        cmocka_unit_test(what_is_no_folder_cannot_be_opened),
        cmocka_unit_test(without_a_folder_there_are_no_paths),
        cmocka_unit_test(what_was_sent_is_not_copied),
        cmocka_unit_test(a_file_that_has_grown_or_shrunk_is_refused),
        cmocka_unit_test(a_file_that_is_replaced_is_the_old_or_the_new),
        cmocka_unit_test(a_folder_that_becomes_a_link_leads_nowhere),
        cmocka_unit_test(destroying_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("workers/image_folder", tests, make_world, drop_world) !=
           0;
}
