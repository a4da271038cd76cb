/* The client against a node that wants CURVE, or does not, and lets in whom it likes: whoever
 * is refused is told so, long before his time is over.
 */

#include "tests/kit/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <troupe/client.h>
#include <troupe/key.h>

#include "base/clock.h"
#include "remote/doors/zap.h"
#include "tests/kit/folder.h"
#include "wire/trp1.h"

#define LONG_MS (3600 * 1000)

typedef struct scene {
    folder_t folder;
    char endpoint[128];
    char key_file[128];
    char node_key[TROUPE_KEY_SIZE];
    char other_key[TROUPE_KEY_SIZE];
    char why[256];
    tr_curve_pair_t pair;
    void *context;
    void *router;
    void *handler;
    void *arrivals; /* one event for each that has connected */
    pthread_t thread;
    bool has_thread;
    atomic_bool must_stop;
    atomic_bool lets_in;
    troupe_client_t *client;
} scene_t;

/* ---- the node: greets, and replies with nothing; its thread asserts nothing ---- */

static void answer(scene_t *scene)
{
    unsigned char peer[256];
    unsigned char head[TR_TRP1_MAX_HEADER];
    unsigned char rest[64];
    int more = 1;
    size_t more_size = sizeof more;
    int peer_size = zmq_recv(scene->router, peer, sizeof peer, 0);
    int size = zmq_recv(scene->router, head, sizeof head, 0);
    while (zmq_getsockopt(scene->router, ZMQ_RCVMORE, &more, &more_size) == 0 && more) {
        zmq_recv(scene->router, rest, sizeof rest, 0);
    }
    tr_trp1_t command;
    const char *reason;
    if (peer_size < 0 || size < 0 ||
        tr_trp1_decode(head, (size_t)size, &command, &reason) != TROUPE_OK ||
        (command.command != TR_TRP1_HELLO && command.command != TR_TRP1_REQUEST)) {
        return;
    }
    tr_trp1_t reply;
    tr_trp1_init(&reply, command.command == TR_TRP1_HELLO ? TR_TRP1_HELLO : TR_TRP1_REPLY,
                 command.id);
    size_t head_size = 0;
    if (tr_trp1_encode(&reply, head, sizeof head, &head_size) == TROUPE_OK) {
        zmq_send(scene->router, peer, (size_t)peer_size, ZMQ_SNDMORE);
        zmq_send(scene->router, head, head_size, 0);
    }
}

static void decide(scene_t *scene)
{
    char id[256];
    char rest[256];
    int more = 1;
    size_t more_size = sizeof more;
    zmq_recv(scene->handler, rest, sizeof rest, 0);
    int size = zmq_recv(scene->handler, id, sizeof id, 0);
    while (zmq_getsockopt(scene->handler, ZMQ_RCVMORE, &more, &more_size) == 0 && more) {
        zmq_recv(scene->handler, rest, sizeof rest, 0);
    }
    const char *status = atomic_load(&scene->lets_in) ? "200" : "400";
    zmq_send(scene->handler, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(scene->handler, id, (size_t)size, ZMQ_SNDMORE);
    zmq_send(scene->handler, status, 3, ZMQ_SNDMORE);
    zmq_send(scene->handler, "as told", 7, ZMQ_SNDMORE);
    zmq_send(scene->handler, "", 0, ZMQ_SNDMORE);
    zmq_send(scene->handler, "", 0, 0);
}

static void *serve(void *arg)
{
    scene_t *scene = arg;
    while (!atomic_load(&scene->must_stop)) {
        zmq_pollitem_t items[] = {{.socket = scene->router, .events = ZMQ_POLLIN},
                                  {.socket = scene->handler, .events = ZMQ_POLLIN}};
        zmq_poll(items, 2, 20);
        if (items[0].revents) {
            answer(scene);
        }
        if (items[1].revents) {
            decide(scene);
        }
    }
    return NULL;
}

static void watch_arrivals(scene_t *scene)
{
    const int none = 0;
    scene->arrivals = zmq_socket(scene->context, ZMQ_PAIR);
    zmq_setsockopt(scene->arrivals, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_socket_monitor(scene->router, "inproc://arrivals", ZMQ_EVENT_ACCEPTED),
                     0);
    assert_int_equal(zmq_connect(scene->arrivals, "inproc://arrivals"), 0);
}

static int n_arrivals(scene_t *scene)
{
    int n_frames = 0;
    while (zmq_recv(scene->arrivals, NULL, 0, ZMQ_DONTWAIT) >= 0) {
        n_frames++;
    }
    return n_frames / 2; /* the event, and where */
}

static void open_node(scene_t *scene, bool is_curve)
{
    const int yes = 1;
    const int none = 0;
    scene->router = zmq_socket(scene->context, ZMQ_ROUTER);
    scene->handler = zmq_socket(scene->context, ZMQ_REP);
    zmq_setsockopt(scene->router, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(scene->handler, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_bind(scene->handler, TR_ZAP_ENDPOINT), 0);
    if (is_curve) {
        zmq_setsockopt(scene->router, ZMQ_CURVE_SERVER, &yes, sizeof yes);
        zmq_setsockopt(scene->router, ZMQ_CURVE_SECRETKEY, scene->pair.secret_key,
                       TR_CURVE_KEY_TEXT);
        zmq_setsockopt(scene->router, ZMQ_ZAP_DOMAIN, "test", 4);
    }
    watch_arrivals(scene);
    assert_int_equal(zmq_bind(scene->router, scene->endpoint), 0);
    scene->has_thread = pthread_create(&scene->thread, NULL, serve, scene) == 0;
    assert_true(scene->has_thread);
}

static int begin(void **state)
{
    static scene_t scene;
    memset(&scene, 0, sizeof scene);
    char path[128];
    folder_begin(&scene.folder);
    snprintf(scene.endpoint, sizeof scene.endpoint, "ipc://%s/n.sock", scene.folder.path);
    snprintf(scene.key_file, sizeof scene.key_file, "%s/alice.key", scene.folder.path);
    snprintf(path, sizeof path, "%s/node.key", scene.folder.path);
    assert_status(troupe_key_make(path, "node", scene.node_key, scene.why, sizeof scene.why),
                  TROUPE_OK);
    assert_status(tr_curve_pair_read(path, &scene.pair, scene.why, sizeof scene.why),
                  TROUPE_OK);
    assert_string_equal(scene.pair.public_key, scene.node_key);
    assert_status(
        troupe_key_make(scene.key_file, "alice", scene.other_key, scene.why, sizeof scene.why),
        TROUPE_OK);
    scene.context = zmq_ctx_new();
    scene.client = troupe_client_new(scene.endpoint);
    assert_non_null(scene.client);
    *state = &scene;
    return 0;
}

static int end(void **state)
{
    scene_t *scene = *state;
    troupe_client_destroy(&scene->client);
    atomic_store(&scene->must_stop, true);
    if (scene->has_thread) {
        pthread_join(scene->thread, NULL);
        zmq_close(scene->arrivals);
        zmq_close(scene->router);
        zmq_close(scene->handler);
    }
    zmq_ctx_term(scene->context);
    folder_end(&scene->folder);
    return 0;
}

static void set_keys(scene_t *scene, const char *node_key)
{
    assert_status(troupe_client_set_keys(scene->client, scene->key_file, node_key, scene->why,
                                         sizeof scene->why),
                  TROUPE_OK);
}

static troupe_outcome_t call(scene_t *scene, char text[512])
{
    const troupe_call_options_t options = {.timeout_ms = LONG_MS};
    troupe_message_t *message = troupe_message_from_text("x");
    troupe_reply_t *reply = NULL;
    assert_status(
        troupe_client_call(scene->client, "echo", &options, &message, NULL, NULL, &reply),
        TROUPE_OK);
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    snprintf(text, 512, "%s", troupe_reply_text(reply));
    troupe_reply_destroy(&reply);
    return outcome;
}

static void assert_forbidden(scene_t *scene, const char *because)
{
    char text[512];
    assert_outcome(call(scene, text), TROUPE_OUTCOME_FORBIDDEN);
    assert_non_null(strstr(text, because));
    assert_non_null(strstr(text, scene->endpoint));
    assert_status(troupe_client_connect(scene->client, LONG_MS), TROUPE_FORBIDDEN);
    assert_non_null(strstr(troupe_client_refusal(scene->client), because));
    assert_int_equal(troupe_client_n_open(scene->client), 0);
}

static void keys_that_fit(void **state)
{
    scene_t *scene = *state;
    char text[512];
    scene->lets_in = true;
    open_node(scene, true);
    set_keys(scene, scene->node_key);
    assert_outcome(call(scene, text), TROUPE_OUTCOME_OK);
    assert_status(troupe_client_connect(scene->client, LONG_MS), TROUPE_OK);
    assert_string_equal(troupe_client_refusal(scene->client), "");
}

/* Whoever came without them would be told of as refused. */
static void a_client_does_not_come_before_it_has_its_keys(void **state)
{
    scene_t *scene = *state;
    char text[512];
    scene->lets_in = true;
    open_node(scene, true);
    for (int i = 1; i <= 10; i++) {
        troupe_client_destroy(&scene->client);
        scene->client = troupe_client_new(scene->endpoint);
        assert_non_null(scene->client);
        set_keys(scene, scene->node_key);
        assert_outcome(call(scene, text), TROUPE_OUTCOME_OK);
        assert_int_equal(n_arrivals(scene), 1);
    }
}

static void a_key_that_becomes_known(void **state)
{
    scene_t *scene = *state;
    char text[512];
    open_node(scene, true);
    set_keys(scene, scene->node_key);
    assert_forbidden(scene, "does not know our key");
    assert_forbidden(scene, "does not know our key");
    atomic_store(&scene->lets_in, true);
    troupe_outcome_t outcome;
    int64_t until_ms = tr_clock_now_ms() + 10000;
    do { /* it may be in the middle of a try that is refused */
        outcome = call(scene, text);
    } while (outcome == TROUPE_OUTCOME_FORBIDDEN && tr_clock_now_ms() < until_ms);
    assert_outcome(outcome, TROUPE_OUTCOME_OK);
    assert_string_equal(troupe_client_refusal(scene->client), "");
}

static void all_that_wait_are_told(void **state)
{
    scene_t *scene = *state;
    uint64_t id;
    set_keys(scene, scene->node_key);
    for (int i = 0; i < 10; i++) { /* before there is a node */
        troupe_message_t *message = NULL;
        assert_status(troupe_client_start(scene->client, "echo", NULL, &message, &id),
                      TROUPE_OK);
    }
    open_node(scene, true);
    for (int i = 0; i < 10; i++) {
        troupe_reply_t *reply = NULL;
        assert_status(troupe_client_next(scene->client, -1, &reply), TROUPE_OK);
        assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_FORBIDDEN);
        troupe_reply_destroy(&reply);
    }
}

static void another_node(void **state)
{
    scene_t *scene = *state;
    scene->lets_in = true;
    open_node(scene, true);
    set_keys(scene, scene->other_key);
    assert_forbidden(scene, "hangs up: its key is another");
}

static void no_key(void **state)
{
    scene_t *scene = *state;
    scene->lets_in = true;
    open_node(scene, true);
    assert_forbidden(scene, "only who has a key");
}

static void a_node_without_curve(void **state)
{
    scene_t *scene = *state;
    open_node(scene, false);
    set_keys(scene, scene->node_key);
    assert_forbidden(scene, "CURVE");
}

static void keys_that_are_none(void **state)
{
    scene_t *scene = *state;
    char *why = scene->why;
    size_t size = sizeof scene->why;
    assert_status(troupe_client_set_keys(scene->client, "/nowhere", scene->node_key, why, size),
                  TROUPE_ERR_IO);
    assert_status(troupe_client_set_keys(scene->client, scene->key_file, "short", why, size),
                  TROUPE_ERR_INVALID);
    assert_int_equal(chmod(scene->key_file, 0644), 0);
    assert_status(
        troupe_client_set_keys(scene->client, scene->key_file, scene->node_key, why, size),
        TROUPE_ERR_IO);
    assert_non_null(strstr(why, "open to others"));
    char key[TROUPE_KEY_SIZE];
    assert_status(troupe_key_make(scene->key_file, "alice", key, why, size), TROUPE_EXISTS);
    assert_status(troupe_key_make(scene->key_file, "al ice", key, why, size),
                  TROUPE_ERR_INVALID);
    open_node(scene, false); /* the client is as it was */
    char text[512];
    assert_outcome(call(scene, text), TROUPE_OUTCOME_OK);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(keys_that_fit),
        STORY(a_client_does_not_come_before_it_has_its_keys),
        STORY(a_key_that_becomes_known),
        STORY(all_that_wait_are_told),
        STORY(another_node),
        STORY(no_key),
        STORY(a_node_without_curve),
        STORY(keys_that_are_none),
    };
    return cmocka_run_group_tests_name("remote/client_keys", tests, NULL, NULL) != 0;
}
