/* Keys as text, and the files that have them: who may read such a file, and what is in it. */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/kit/folder.h"
#include "wire/curve_key.h"

typedef struct scene {
    folder_t folder;
    char path[128];
    char why[256];
    tr_curve_pair_t pair;
} scene_t;

static int begin(void **state)
{
    static scene_t scene;
    scene = (scene_t){0};
    folder_begin(&scene.folder);
    snprintf(scene.path, sizeof scene.path, "%s/a.key", scene.folder.path);
    *state = &scene;
    return 0;
}

static int end(void **state)
{
    scene_t *scene = *state;
    folder_end(&scene->folder);
    return 0;
}

static void write_pair(scene_t *scene)
{
    assert_status(
        tr_curve_pair_write(scene->path, "alice", &scene->pair, scene->why, sizeof scene->why),
        TROUPE_OK);
}

static troupe_status_t read_pair(scene_t *scene, tr_curve_pair_t *out)
{
    return tr_curve_pair_read(scene->path, out, scene->why, sizeof scene->why);
}

static void assert_empty(const tr_curve_pair_t *pair)
{
    static const tr_curve_pair_t empty;
    assert_memory_equal(pair, &empty, sizeof empty);
}

/* What is there is replaced. */
static void put(scene_t *scene, const char *text)
{
    (void)unlink(scene->path);
    folder_put(&scene->folder, "/a.key", text);
    assert_int_equal(chmod(scene->path, 0600), 0);
}

static void texts_are_keys_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_key;
    } rows[] = {
        {"1111111111111111111111111111111111111111", true},
        {"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", true},
        {"111111111111111111111111111111111111111", false},
        {"11111111111111111111111111111111111111111", false},
        {"", false},
        {"11111111111111111111 1111111111111111111", false},
        {"~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~", false},
    };
    unsigned char bytes[TR_CURVE_KEY_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(tr_curve_key_decode(rows[i].text, bytes), rows[i].is_key);
        assert_int_equal(tr_curve_key_decode(rows[i].text, NULL), rows[i].is_key);
    }
}

static void what_is_written_is_read(void **state)
{
    scene_t *scene = *state;
    struct stat info;
    tr_curve_pair_t other;
    write_pair(scene);
    assert_int_equal(stat(scene->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_null(strchr(scene->pair.public_key, '$'));
    assert_status(read_pair(scene, &other), TROUPE_OK);
    assert_string_equal(other.public_key, scene->pair.public_key);
    assert_string_equal(other.secret_key, scene->pair.secret_key);
    tr_curve_pair_forget(&other);
    assert_empty(&other);
}

static void nothing_is_overwritten(void **state)
{
    scene_t *scene = *state;
    tr_curve_pair_t other;
    write_pair(scene);
    assert_status(
        tr_curve_pair_write(scene->path, "bert", &other, scene->why, sizeof scene->why),
        TROUPE_EXISTS);
    assert_empty(&other);
    assert_status(read_pair(scene, &other), TROUPE_OK);
    assert_string_equal(other.secret_key, scene->pair.secret_key);
}

static void a_file_for_nowhere(void **state)
{
    scene_t *scene = *state;
    tr_curve_pair_t pair;
    snprintf(scene->path, sizeof scene->path, "%s/none/a.key", scene->folder.path);
    assert_status(
        tr_curve_pair_write(scene->path, "bert", &pair, scene->why, sizeof scene->why),
        TROUPE_ERR_IO);
    assert_status(read_pair(scene, &pair), TROUPE_ERR_IO);
    assert_empty(&pair);
}

static void a_file_that_is_open_to_others_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666};
    scene_t *scene = *state;
    tr_curve_pair_t pair;
    write_pair(scene);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(scene->path, modes[i]), 0);
        assert_status(read_pair(scene, &pair), TROUPE_ERR_IO);
        assert_non_null(strstr(scene->why, "open to others"));
        assert_empty(&pair);
    }
    assert_int_equal(chmod(scene->path, 0400), 0);
    assert_status(read_pair(scene, &pair), TROUPE_OK);
}

static void what_is_no_plain_file_is_refused(void **state)
{
    scene_t *scene = *state;
    tr_curve_pair_t pair;
    assert_int_equal(mkfifo(scene->path, 0600), 0);
    assert_status(read_pair(scene, &pair), TROUPE_ERR_IO);
    assert_int_equal(unlink(scene->path), 0);
    assert_int_equal(mkdir(scene->path, 0700), 0);
    assert_status(read_pair(scene, &pair), TROUPE_ERR_IO);
    assert_int_equal(rmdir(scene->path), 0);
}

static void only_a_pair_will_do(void **state)
{
    scene_t *scene = *state;
    char text[512];
    tr_curve_pair_t pair;
    write_pair(scene);
    const tr_curve_pair_t good = scene->pair;

    put(scene, "");
    assert_status(read_pair(scene, &pair), TROUPE_ERR_INVALID);
    snprintf(text, sizeof text, "curve\n    public-key = \"%s\"\n", good.public_key);
    put(scene, text);
    assert_status(read_pair(scene, &pair), TROUPE_ERR_INVALID);
    snprintf(text, sizeof text, "curve\n public-key = \"%s\"\n secret-key = \"%s\"\n",
             "1111111111111111111111111111111111111111", good.secret_key);
    put(scene, text);
    assert_status(read_pair(scene, &pair), TROUPE_ERR_INVALID);
    assert_non_null(strstr(scene->why, "do not belong together"));
    assert_empty(&pair);
    snprintf(text, sizeof text, "secret-key = \"%.39s\"\n", good.secret_key);
    put(scene, text);
    assert_status(read_pair(scene, &pair), TROUPE_ERR_INVALID);

    /* The public one follows from the secret one. */
    snprintf(text, sizeof text, "# no\n\tsecret-key='%s' \r\n", good.secret_key);
    put(scene, text);
    assert_status(read_pair(scene, &pair), TROUPE_OK);
    assert_string_equal(pair.public_key, good.public_key);
}

static void what_is_too_large_is_no_key(void **state)
{
    scene_t *scene = *state;
    tr_curve_pair_t pair;
    char *text = calloc(1, 9001);
    assert_non_null(text);
    memset(text, '#', 9000);
    put(scene, text);
    assert_status(read_pair(scene, &pair), TROUPE_ERR_IO);
    free(text);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_keys_or_not),
        STORY(what_is_written_is_read),
        STORY(nothing_is_overwritten),
        STORY(a_file_for_nowhere),
        STORY(a_file_that_is_open_to_others_is_refused),
        STORY(what_is_no_plain_file_is_refused),
        STORY(only_a_pair_will_do),
        STORY(what_is_too_large_is_no_key),
    };
    return cmocka_run_group_tests_name("wire/curve_key", tests, NULL, NULL) != 0;
}
