/* The doorkeeper asked as libzmq asks it, and as nobody should; and a gateway in a process
 * where somebody else has its place. */

#include "tests/kit/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "remote/doors/doorkeeper.h"
#include "remote/doors/refused.h"
#include "remote/doors/zap.h"
#include "remote/gateway/gateway.h"
#include "tests/kit/folder.h"

#define ALICE "1111111111111111111111111111111111111111"
#define BERT  "2222222222222222222222222222222222222222"
#define DOOR  "troupe tcp://0.0.0.0:5671"

#define PATIENCE_MS 10000

typedef struct scene {
    tr_runtime_t *runtime;
    tr_mailbox_t *parent;
    tr_keys_t *keys;
    tr_doorkeeper_t *doorkeeper;
    zsock_t *asker;
    char why[256];
} scene_t;

static tr_keys_t *keys_of(const char *name, const char *key)
{
    const tr_key_spec_t spec = {.name = name, .key = key};
    tr_keys_t *keys = tr_keys_new(&spec, 1);
    assert_non_null(keys);
    return keys;
}

static zsock_t *new_asker(int type)
{
    zsock_t *asker = zsock_new(type);
    assert_non_null(asker);
    zsock_set_linger(asker, 0);
    zsock_set_rcvtimeo(asker, PATIENCE_MS);
    assert_int_equal(zsock_connect(asker, "%s", TR_ZAP_ENDPOINT), 0);
    return asker;
}

static int begin(void **state)
{
    static scene_t scene;
    scene = (scene_t){
        .runtime = tr_runtime_new("test"),
        .parent = tr_mailbox_new("parent", 1, (tr_mailbox_limits_t){100, 100000}),
        .keys = keys_of("alice", ALICE),
    };
    assert_non_null(scene.runtime);
    assert_non_null(scene.parent);
    *state = &scene;
    return 0;
}

static void open_up(scene_t *scene)
{
    scene->doorkeeper = tr_doorkeeper_new(scene->runtime, scene->parent, scene->keys,
                                          scene->why, sizeof scene->why);
    assert_non_null(scene->doorkeeper);
    scene->asker = new_asker(ZMQ_REQ);
}

static int begin_open(void **state)
{
    begin(state);
    open_up(*state);
    return 0;
}

static int end(void **state)
{
    scene_t *scene = *state;
    zsock_destroy(&scene->asker);
    tr_doorkeeper_destroy(&scene->doorkeeper);
    tr_keys_release(&scene->keys);
    tr_mailbox_close(scene->parent);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene->parent, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
    tr_mailbox_release(&scene->parent);
    tr_runtime_release(&scene->runtime);
    return 0;
}

static void add_question(zmsg_t *question, const char *id, const char *key)
{
    unsigned char bytes[TR_CURVE_KEY_BYTES];
    assert_true(tr_curve_key_decode(key, bytes));
    zmsg_addstr(question, "1.0");
    zmsg_addstr(question, id);
    zmsg_addstr(question, DOOR);
    zmsg_addstr(question, "10.0.0.5");
    zmsg_addmem(question, "", 0);
    zmsg_addstr(question, "CURVE");
    zmsg_addmem(question, bytes, sizeof bytes);
}

static void assert_next(zmsg_t *answer, const char *text)
{
    char *frame = zmsg_popstr(answer);
    assert_non_null(frame);
    assert_string_equal(frame, text);
    zstr_free(&frame);
}

/* Six frames: what is said of who, and nothing of who is not let in. */
static void assert_answer(zmsg_t *answer, const char *id, const char *status, const char *name)
{
    assert_int_equal(zmsg_size(answer), 6);
    assert_next(answer, "1.0");
    assert_next(answer, id);
    assert_next(answer, status);
    char *text = zmsg_popstr(answer);
    assert_true(strlen(text) > 0 && strlen(text) < 256);
    zstr_free(&text);
    assert_next(answer, name);
    zframe_t *metadata = zmsg_pop(answer);
    assert_int_equal(zframe_size(metadata) > 0, name[0] != '\0');
    zframe_destroy(&metadata);
    zmsg_destroy(&answer);
}

static void ask(scene_t *scene, const char *id, const char *key)
{
    zmsg_t *question = zmsg_new();
    add_question(question, id, key);
    assert_int_equal(zmsg_send(&question, scene->asker), 0);
}

static int64_t n_refused(const scene_t *scene, const char *why)
{
    return tr_metric_value(tr_metrics_series(scene->runtime->metrics, TR_METRIC_COUNTER,
                                             "troupe_gateway_refused_total", "",
                                             (tr_label_t){"why", why}, (tr_label_t){0}));
}

static void known_keys_get_in_and_others_do_not(void **state)
{
    scene_t *scene = *state;
    ask(scene, "1", ALICE);
    assert_answer(zmsg_recv(scene->asker), "1", "200", "alice");
    ask(scene, "two", BERT);
    assert_answer(zmsg_recv(scene->asker), "two", "400", "");
    ask(scene, "1", ALICE);
    assert_answer(zmsg_recv(scene->asker), "1", "200", "alice");
    assert_int_equal(n_refused(scene, "key"), 1);
}

static void another_table_counts_from_then_on(void **state)
{
    scene_t *scene = *state;
    tr_keys_t *other = keys_of("bert", BERT);
    assert_status(tr_doorkeeper_set_keys(scene->doorkeeper, other), TROUPE_OK);
    tr_keys_release(&other);
    ask(scene, "1", BERT);
    assert_answer(zmsg_recv(scene->asker), "1", "200", "bert");
    ask(scene, "1", ALICE);
    assert_answer(zmsg_recv(scene->asker), "1", "400", "");
}

/* However many stand before the question, they come back before the answer. */
static void the_envelope_comes_back(void **state)
{
    scene_t *scene = *state;
    zsock_t *asker = new_asker(ZMQ_DEALER);
    for (int n = 0; n < 40; n += 13) {
        char text[16];
        zmsg_t *question = zmsg_new();
        for (int i = 0; i < n; i++) {
            snprintf(text, sizeof text, "hop %d", i);
            zmsg_addstr(question, text);
        }
        zmsg_addmem(question, "", 0);
        add_question(question, "7", ALICE);
        assert_int_equal(zmsg_send(&question, asker), 0);
        zmsg_t *answer = zmsg_recv(asker);
        assert_non_null(answer);
        for (int i = 0; i < n; i++) {
            snprintf(text, sizeof text, "hop %d", i);
            assert_next(answer, text);
        }
        assert_next(answer, "");
        assert_answer(answer, "7", "200", "alice");
    }
    zsock_destroy(&asker);
    (void)scene;
}

static void what_is_no_question_is_refused_or_dropped(void **state)
{
    scene_t *scene = *state;
    zsock_t *asker = new_asker(ZMQ_DEALER);
    zstr_send(asker, "no empty frame");
    zstr_sendx(asker, "a", "b", "c", NULL);
    zstr_send(asker, ""); /* an envelope, and nothing in it */
    zmsg_t *answer = zmsg_recv(asker);
    assert_non_null(answer);
    assert_next(answer, "");
    assert_answer(answer, "", "500", "");
    zstr_sendx(asker, "", "2.0", "9", NULL);
    answer = zmsg_recv(asker);
    assert_next(answer, "");
    assert_answer(answer, "9", "500", "");
    assert_int_equal(n_refused(scene, "malformed"), 4);
    zsock_destroy(&asker);
    ask(scene, "1", ALICE);
    assert_answer(zmsg_recv(scene->asker), "1", "200", "alice");
}

static void noise_does_it_no_harm(void **state)
{
    scene_t *scene = *state;
    zsock_t *asker = new_asker(ZMQ_DEALER);
    srand(11);
    for (int i = 0; i < 5000; i++) {
        zmsg_t *noise = zmsg_new();
        int n = 1 + rand() % 40;
        for (int j = 0; j < n; j++) {
            unsigned char bytes[300];
            size_t size = rand() % 3 == 0 ? 0 : (size_t)rand() % sizeof bytes;
            for (size_t k = 0; k < size; k++) {
                bytes[k] = (unsigned char)rand();
            }
            zmsg_addmem(noise, bytes, size);
        }
        zmsg_send(&noise, asker);
        zsock_set_rcvtimeo(asker, 0);
        zmsg_t *answer = zmsg_recv(asker);
        zmsg_destroy(&answer);
    }
    zsock_destroy(&asker); /* with answers on their way */
    ask(scene, "1", ALICE);
    assert_answer(zmsg_recv(scene->asker), "1", "200", "alice");
}

static void another_has_its_place(void **state)
{
    scene_t *scene = *state;
    zsock_t *other = zsock_new_rep("@" TR_ZAP_ENDPOINT);
    assert_non_null(other);
    scene->doorkeeper = tr_doorkeeper_new(scene->runtime, scene->parent, scene->keys,
                                          scene->why, sizeof scene->why);
    assert_null(scene->doorkeeper);
    assert_non_null(strstr(scene->why, TR_ZAP_ENDPOINT " is taken"));
    assert_int_equal(zsock_unbind(other, "%s", TR_ZAP_ENDPOINT), 0);
    for (int i = 0; i < 100; i++) { /* its place is free as soon as it has gone */
        tr_doorkeeper_destroy(&scene->doorkeeper);
        scene->doorkeeper = tr_doorkeeper_new(scene->runtime, scene->parent, scene->keys,
                                              scene->why, sizeof scene->why);
        assert_non_null(scene->doorkeeper);
    }
    zsock_destroy(&other);
    assert_non_null(scene->doorkeeper);
    scene->asker = new_asker(ZMQ_REQ);
    ask(scene, "1", ALICE);
    assert_answer(zmsg_recv(scene->asker), "1", "200", "alice");
}

static tr_control_t next_word(scene_t *scene)
{
    int64_t until_ms = tr_clock_now_ms() + PATIENCE_MS;
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(scene->parent, NULL)) == NULL) {
        int64_t left_ms = until_ms - tr_clock_now_ms();
        if (left_ms <= 0) {
            fail_msg("nothing came");
        }
        if (tr_mailbox_park(scene->parent)) {
            struct pollfd bell = {.fd = tr_mailbox_bell(scene->parent), .events = POLLIN};
            poll(&bell, 1, (int)left_ms);
            tr_mailbox_unpark(scene->parent);
        }
    }
    assert_non_null(tr_control_in(letter));
    tr_control_t word = *tr_control_in(letter);
    tr_letter_destroy(&letter);
    return word;
}

static void a_gateway_says_that_another_has_its_place(void **state)
{
    scene_t *scene = *state;
    folder_t folder;
    tr_curve_pair_t pair;
    char path[128];
    char endpoint[128];
    struct stat info;
    folder_begin(&folder);
    snprintf(path, sizeof path, "%s/node.key", folder.path);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/n.sock", folder.path);
    assert_status(tr_curve_pair_write(path, "node", &pair, scene->why, sizeof scene->why),
                  TROUPE_OK);
    const tr_gateway_listener_t listener = {
        .endpoint = endpoint, .mode = 0600, .is_curve = true, .limits = TR_PEER_LIMITS};
    const tr_gateway_spec_t spec = {.listeners = &listener, .n_listeners = 1, .key_file = path};
    zsock_t *other = zsock_new_rep("@" TR_ZAP_ENDPOINT);
    assert_non_null(other);
    tr_actor_t *gateway = NULL;
    assert_status(tr_gateway_start(&(tr_birth_t){.what = &spec,
                                                 .name = "gateway",
                                                 .runtime = scene->runtime,
                                                 .parent = scene->parent},
                                   &gateway),
                  TROUPE_OK);
    tr_control_t word = next_word(scene);
    assert_int_equal(word.word, TR_WORD_ENDED);
    assert_non_null(strstr(word.reason.text, TR_ZAP_ENDPOINT " is taken"));
    assert_status(tr_actor_reap(&gateway, PATIENCE_MS), TROUPE_OK);
    assert_int_not_equal(stat(endpoint + strlen("ipc://"), &info), 0); /* no door was opened */
    assert_int_equal(zsock_unbind(other, "%s", TR_ZAP_ENDPOINT), 0);
    zsock_destroy(&other);
    tr_curve_pair_forget(&pair);
    folder_end(&folder);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, begin_open, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(known_keys_get_in_and_others_do_not),
        STORY(another_table_counts_from_then_on),
        STORY(the_envelope_comes_back),
        STORY(what_is_no_question_is_refused_or_dropped),
        STORY(noise_does_it_no_harm),
        cmocka_unit_test_setup_teardown(another_has_its_place, begin, end),
        cmocka_unit_test_setup_teardown(a_gateway_says_that_another_has_its_place, begin, end),
    };
    zsys_init();
    return cmocka_run_group_tests_name("remote/doorkeeper", tests, NULL, NULL) != 0;
}
