/* Many callers at once against one node: is each request answered once, to whom it belongs,
 * with its own bytes? From other threads over tcp and ipc, from inside the process, and with
 * callers that cancel, hurry and break workers. What is lost, doubled or mixed up between the
 * sockets, the queues and the books shows only when they are all busy.
 *
 * $TROUPE_LOAD_REQUESTS makes it smaller or larger; $TROUPE_LOAD_SEED repeats a mix. Asserts
 * belong to the main thread: the others count faults and say each on stderr.
 */

#include "tests/kit/check.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <troupe/caller.h>
#include <troupe/client.h>
#include <troupe/node.h>

#define THREADS     4
#define CLIENTS     25 /* of each thread */
#define WINDOW      10 /* requests in flight of each client */
#define CALL_WINDOW 250
#define SIZE        1024
#define PATIENCE_MS 60000

static atomic_size_t n_faults;

#define FAULT(...)                                                                             \
    do {                                                                                       \
        atomic_fetch_add(&n_faults, 1);                                                        \
        fprintf(stderr, __VA_ARGS__);                                                          \
        fputc('\n', stderr);                                                                   \
    } while (0)

/* ---- the node ---- */

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* "sleep" ends when nobody waits any more: only cancels and deadlines end it in time. */
static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)state;
    const char *method = troupe_request_method(request);
    if (strcmp(method, "broken") == 0) {
        troupe_worker_explain(self, "broken as asked");
        return -1;
    }
    if (strcmp(method, "sleep") == 0) {
        while (!troupe_request_cancelled(request)) {
            nap();
        }
        troupe_request_fail(request, "nobody waits");
        return 0;
    }
    troupe_message_t *reply = troupe_message_share(troupe_request_message(request));
    troupe_request_reply(request, &reply);
    return 0;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    (void)state;
    if (troupe_message_size(message, 0) == strlen("done")) {
        troupe_worker_end(self);
        return 0;
    }
    troupe_worker_explain(self, "broken as asked");
    return -1;
}

static const troupe_behaviour_t load = {.name = "load", .handle = handle, .receive = receive};

static char folder[] = "/tmp/troupe-load-XXXXXX";
static char tcp[64];
static char ipc[64];
static troupe_node_t *node;

static void say(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(probe >= 0);
    assert_int_equal(bind(probe, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&address, &size), 0);
    close(probe);
    return ntohs(address.sin_port);
}

static void start_node(const char *yaml)
{
    atomic_store(&n_faults, 0);
    node = troupe_node_new();
    assert_non_null(node);
    assert_status(troupe_node_register(node, &load), TROUPE_OK);
    assert_status(troupe_node_load_text(node, "load.yaml", yaml, say, NULL), TROUPE_OK);
    assert_status(troupe_node_start(node, say, NULL), TROUPE_OK);
}

static int start_pool(void **state)
{
    (void)state;
    char yaml[1024];
    snprintf(tcp, sizeof tcp, "tcp://127.0.0.1:%u", free_port());
    /* Another for each: libzmq closes a listener some time after its socket. */
    static unsigned n_nodes;
    snprintf(ipc, sizeof ipc, "ipc://%s/%u.sock", folder, ++n_nodes);
    snprintf(yaml, sizeof yaml,
             "troupe: 1\n"
             "listen: ['%s', '%s']\n"
             "supervisor:\n"
             "  children:\n"
             "    - capability: load\n"
             "      worker: {module: load}\n"
             "      workers: {min: 4, max: 4}\n"
             "      timeout: 10m\n"
             "      queue: {limit: 10000}\n"
             "      backoff: {min: 1ms, max: 5ms}\n"
             "      intensity: {restarts: 1000000, period: 1s}\n",
             tcp, ipc);
    start_node(yaml);
    return 0;
}

static int end_node(void **state)
{
    (void)state;
    troupe_node_destroy(&node);
    unlink(ipc + strlen("ipc://"));
    return 0;
}

static size_t n_requests(size_t fallback)
{
    const char *text = getenv("TROUPE_LOAD_REQUESTS");
    return text ? (size_t)strtoul(text, NULL, 10) : fallback;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- payloads that nobody else has ---- */

static void fill(unsigned char *bytes, uint64_t owner, uint64_t sequence)
{
    uint64_t number = owner << 40 | sequence;
    for (size_t i = 0; i < SIZE; i += sizeof number) {
        memcpy(bytes + i, &number, sizeof number);
        number = number * 6364136223846793005U + 1442695040888963407U;
    }
}

static bool is_own(const troupe_message_t *message, uint64_t owner, uint64_t sequence)
{
    unsigned char bytes[SIZE];
    fill(bytes, owner, sequence);
    return troupe_message_count(message) == 1 && troupe_message_size(message, 0) == SIZE &&
           memcmp(troupe_message_data(message, 0), bytes, SIZE) == 0;
}

static troupe_message_t *own_message(uint64_t owner, uint64_t sequence)
{
    unsigned char bytes[SIZE];
    fill(bytes, owner, sequence);
    return troupe_message_from(bytes, SIZE);
}

/* ---- who waits for what ---- */

/* What a request was for, and so which ends it may have. */
typedef enum wish { ECHO, HURRY, CANCEL, BREAK, N_WISHES } wish_t;

typedef struct slot {
    uint64_t id; /* 0: free */
    uint64_t sequence;
    wish_t wish;
} slot_t;

static bool may_end(wish_t wish, troupe_outcome_t outcome)
{
    switch (wish) {
    case HURRY:
        return outcome == TROUPE_OUTCOME_TIMEOUT || outcome == TROUPE_OUTCOME_NO_WORKERS ||
               outcome == TROUPE_OUTCOME_OK;
    case CANCEL:
        return outcome == TROUPE_OUTCOME_CANCELLED;
    case BREAK:
        return outcome == TROUPE_OUTCOME_WORKER_LOST;
    default:
        return outcome == TROUPE_OUTCOME_OK;
    }
}

static slot_t *find(slot_t *slots, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++) {
        if (slots[i].id == id) {
            return &slots[i];
        }
    }
    return NULL;
}

/* Check the reply against what was asked, and free its slot. Takes the reply. */
static void settle(slot_t *slots, size_t n, uint64_t owner, troupe_reply_t *reply)
{
    uint64_t id = troupe_reply_id(reply);
    slot_t *slot = id ? find(slots, n, id) : NULL;
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    if (!slot) {
        FAULT("%" PRIu64 ": an answer to %" PRIu64 ", which is not open", owner, id);
    } else if (!troupe_reply_is_final(reply)) {
        FAULT("%" PRIu64 ": a part that nobody sent", owner);
    } else {
        if (!may_end(slot->wish, outcome)) {
            FAULT("%" PRIu64 ": wish %d ended %s: %s", owner, (int)slot->wish,
                  troupe_outcome_name(outcome), troupe_reply_text(reply));
        } else if (outcome == TROUPE_OUTCOME_OK &&
                   !is_own(troupe_reply_message(reply), owner, slot->sequence)) {
            FAULT("%" PRIu64 ": the bytes of somebody else", owner);
        }
        slot->id = 0;
    }
    troupe_reply_destroy(&reply);
}

/* ---- over sockets ---- */

typedef struct remote {
    troupe_client_t *client;
    uint64_t owner;
    uint64_t n_sent;
    uint64_t n_answered;
    slot_t slots[WINDOW];
} remote_t;

typedef struct remote_load {
    pthread_t thread;
    size_t number;
    uint64_t quota; /* of each client */
} remote_load_t;

static void send_more(remote_t *remote, uint64_t quota)
{
    slot_t *slot;
    while (remote->n_sent < quota && (slot = find(remote->slots, WINDOW, 0)) != NULL) {
        *slot = (slot_t){.sequence = remote->n_sent++};
        troupe_message_t *message = own_message(remote->owner, slot->sequence);
        if (troupe_client_start(remote->client, "load", NULL, &message, &slot->id) !=
            TROUPE_OK) {
            FAULT("a request could not be started");
        }
    }
}

static bool take_all(remote_t *remote)
{
    troupe_reply_t *reply;
    bool has_any = false;
    while (troupe_client_next(remote->client, 0, &reply) == TROUPE_OK) {
        settle(remote->slots, WINDOW, remote->owner, reply);
        remote->n_answered++;
        has_any = true;
    }
    return has_any;
}

static void serve_until_done(remote_t *remotes, uint64_t quota)
{
    int64_t patience_ms = now_ms() + PATIENCE_MS;
    for (size_t n_done = 0; n_done < CLIENTS && now_ms() < patience_ms;) {
        struct pollfd items[CLIENTS];
        n_done = 0;
        for (size_t i = 0; i < CLIENTS; i++) {
            send_more(&remotes[i], quota);
            if (take_all(&remotes[i])) {
                patience_ms = now_ms() + PATIENCE_MS;
                send_more(&remotes[i], quota);
            }
            n_done += remotes[i].n_answered == quota;
            items[i] = (struct pollfd){troupe_client_fd(remotes[i].client), POLLIN, 0};
        }
        if (n_done < CLIENTS) {
            poll(items, CLIENTS, 1000);
        }
    }
}

static void *load_remotely(void *arg)
{
    const remote_load_t *self = arg;
    remote_t *remotes = calloc(CLIENTS, sizeof *remotes);
    for (size_t i = 0; i < CLIENTS; i++) {
        remotes[i].owner = self->number * CLIENTS + i + 1;
        remotes[i].client = troupe_client_new(self->number % 2 ? ipc : tcp);
    }
    serve_until_done(remotes, self->quota);
    for (size_t i = 0; i < CLIENTS; i++) {
        if (remotes[i].n_answered != self->quota ||
            troupe_client_n_open(remotes[i].client) != 0) {
            FAULT("%" PRIu64 ": %" PRIu64 " answers, %zu open", remotes[i].owner,
                  remotes[i].n_answered, troupe_client_n_open(remotes[i].client));
        }
        troupe_client_destroy(&remotes[i].client);
    }
    free(remotes);
    return NULL;
}

/* In the node's account of itself, which is msgpack, each such number is the one-byte 0. */
static void check_zero(const char *bytes, size_t size, const char *key)
{
    char name[32];
    size_t length =
        (size_t)snprintf(name, sizeof name, "%c%s", (char)(0xa0 + strlen(key)), key);
    size_t n_found = 0;
    for (const char *at = bytes;
         (at = memmem(at, size - (size_t)(at - bytes), name, length)) != NULL; at += length) {
        assert_true(at + length < bytes + size);
        assert_int_equal(at[length], 0);
        n_found++;
    }
    assert_true(n_found > 0);
}

static void assert_idle(void)
{
    troupe_client_t *client = troupe_client_new(ipc);
    assert_non_null(client);
    troupe_message_t *nothing = NULL;
    troupe_reply_t *reply = NULL;
    assert_status(troupe_client_call(client, "troupe.admin",
                                     &(troupe_call_options_t){.method = "tree"}, &nothing, NULL,
                                     NULL, &reply),
                  TROUPE_OK);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    const troupe_message_t *tree = troupe_reply_message(reply);
    check_zero(troupe_message_data(tree, 0), troupe_message_size(tree, 0), "pending");
    check_zero(troupe_message_data(tree, 0), troupe_message_size(tree, 0), "queue");
    troupe_reply_destroy(&reply);
    troupe_client_destroy(&client);
}

static void each_remote_caller_gets_its_own(void **state)
{
    (void)state;
    uint64_t quota = n_requests(100000) / (THREADS * CLIENTS);
    remote_load_t loads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        loads[i] = (remote_load_t){.number = i, .quota = quota ? quota : 1};
        assert_int_equal(pthread_create(&loads[i].thread, NULL, load_remotely, &loads[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(loads[i].thread, NULL);
    }
    assert_int_equal(atomic_load(&n_faults), 0);
    assert_idle();
}

/* ---- inside the process ---- */

typedef struct local_load {
    pthread_t thread;
    uint64_t owner;
    uint64_t quota;
    bool is_mixed;
    unsigned seed;
    troupe_caller_t *caller;
    slot_t slots[CALL_WINDOW];
} local_load_t;

static wish_t wish_of(local_load_t *self)
{
    static const wish_t often[] = {ECHO, ECHO, ECHO, ECHO, HURRY, HURRY, CANCEL, BREAK};
    return self->is_mixed
               ? often[(size_t)rand_r(&self->seed) % (sizeof often / sizeof often[0])]
               : ECHO;
}

static void start_one(local_load_t *self, slot_t *slot, uint64_t sequence)
{
    *slot = (slot_t){.sequence = sequence, .wish = wish_of(self)};
    troupe_call_options_t options = {0};
    if (slot->wish == HURRY) {
        options.timeout_ms = 1 + rand_r(&self->seed) % 3;
        options.method = rand_r(&self->seed) % 2 ? "sleep" : "";
    } else if (slot->wish == CANCEL) {
        options.method = "sleep";
    } else if (slot->wish == BREAK) {
        options.method = "broken";
    }
    troupe_message_t *message = own_message(self->owner, sequence);
    if (troupe_caller_start(self->caller, "load", &options, &message, &slot->id) != TROUPE_OK) {
        FAULT("a request could not be started");
    }
}

/* Sleepers hold the workers until somebody cancels them: at once, or one reply later. */
static void cancel_some(local_load_t *self, bool all)
{
    for (size_t i = 0; i < CALL_WINDOW; i++) {
        slot_t *slot = &self->slots[i];
        if (slot->id && slot->wish == CANCEL && (all || rand_r(&self->seed) % 2)) {
            troupe_caller_cancel(self->caller, slot->id);
        }
    }
}

static void *load_locally(void *arg)
{
    local_load_t *self = arg;
    uint64_t n_sent = 0;
    uint64_t n_answered = 0;
    int64_t patience_ms = now_ms() + PATIENCE_MS;
    self->caller = troupe_caller_new(node);
    while (n_answered < self->quota && now_ms() < patience_ms) {
        slot_t *slot;
        while (n_sent < self->quota && (slot = find(self->slots, CALL_WINDOW, 0)) != NULL) {
            start_one(self, slot, n_sent++);
        }
        troupe_reply_t *reply = NULL;
        troupe_status_t status = troupe_caller_next(self->caller, 5, &reply);
        if (status == TROUPE_OK) {
            settle(self->slots, CALL_WINDOW, self->owner, reply);
            n_answered++;
            patience_ms = now_ms() + PATIENCE_MS;
        }
        if (self->is_mixed && (status != TROUPE_OK || n_answered % 16 == 0)) {
            cancel_some(self, status != TROUPE_OK);
        }
    }
    troupe_reply_t *reply = NULL;
    if (n_answered != self->quota || troupe_caller_n_open(self->caller) != 0 ||
        troupe_caller_next(self->caller, 0, &reply) != TROUPE_NOT_FOUND) {
        FAULT("%" PRIu64 ": %" PRIu64 " answers, %zu open", self->owner, n_answered,
              troupe_caller_n_open(self->caller));
    }
    troupe_reply_destroy(&reply);
    troupe_caller_destroy(&self->caller);
    return NULL;
}

static void run_locally(uint64_t requests, bool is_mixed, unsigned seed)
{
    local_load_t *loads = calloc(THREADS, sizeof *loads);
    assert_non_null(loads);
    for (size_t i = 0; i < THREADS; i++) {
        loads[i].owner = i + 1;
        loads[i].quota = requests / THREADS;
        loads[i].is_mixed = is_mixed;
        loads[i].seed = seed + (unsigned)i;
        assert_int_equal(pthread_create(&loads[i].thread, NULL, load_locally, &loads[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(loads[i].thread, NULL);
    }
    free(loads);
    assert_int_equal(atomic_load(&n_faults), 0);
}

static void each_caller_inside_gets_its_own(void **state)
{
    (void)state;
    run_locally(n_requests(100000), false, 0);
    assert_idle();
}

static void each_request_of_a_mix_ends_once(void **state)
{
    (void)state;
    const char *text = getenv("TROUPE_LOAD_SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 10)
                         : (unsigned)time(NULL) ^ (unsigned)getpid() << 16;
    printf("TROUPE_LOAD_SEED=%u\n", seed);
    run_locally(n_requests(20000) / 5 + THREADS, true, seed);
}

/* ---- and an actor, which has no caller to tell ---- */

static void an_actor_that_fails_too_often_ends_the_node(void **state)
{
    (void)state;
    start_node("troupe: 1\n"
               "supervisor:\n"
               "  intensity: {restarts: 2, period: 1m}\n"
               "  children:\n"
               "    - actor: store\n"
               "      worker: {module: load}\n"
               "      backoff: {min: 1ms, max: 5ms}\n");
    int code = -1;
    troupe_status_t status = TROUPE_TIMEOUT;
    int64_t until_ms = now_ms() + PATIENCE_MS;
    while (status == TROUPE_TIMEOUT && now_ms() < until_ms) {
        troupe_message_t *message = troupe_message_from_text("broken");
        troupe_status_t sent = troupe_node_send(node, "store", &message);
        assert_true(sent == TROUPE_OK || sent == TROUPE_NOT_FOUND);
        status = troupe_node_wait(node, 5, &code);
    }
    assert_status(status, TROUPE_OK);
    assert_int_equal(code, TROUPE_EXIT_GAVE_UP);
}

/* Its work is done, and so is its supervisor's, and so the node's: that is no failure. */
static void an_actor_that_is_done_ends_the_node_well(void **state)
{
    (void)state;
    start_node("troupe: 1\n"
               "supervisor:\n"
               "  auto-shutdown: any_significant\n"
               "  children:\n"
               "    - supervisor: import\n"
               "      auto-shutdown: all_significant\n"
               "      restart: transient\n"
               "      significant: true\n"
               "      children:\n"
               "        - actor: store\n"
               "          worker: {module: load}\n"
               "          restart: transient\n"
               "          significant: true\n"
               "    - actor: bystander\n"
               "      worker: {module: load}\n");
    troupe_message_t *message = troupe_message_from_text("done");
    assert_status(troupe_node_send(node, "store", &message), TROUPE_OK);
    int code = -1;
    assert_status(troupe_node_wait(node, PATIENCE_MS, &code), TROUPE_OK);
    assert_int_equal(code, TROUPE_EXIT_OK);
}

static int make_folder(void **state)
{
    (void)state;
    setenv("TROUPE_LOG_LEVEL", "off", 1);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_remote_caller_gets_its_own, start_pool, end_node),
        cmocka_unit_test_setup_teardown(each_caller_inside_gets_its_own, start_pool, end_node),
        cmocka_unit_test_setup_teardown(each_request_of_a_mix_ends_once, start_pool, end_node),
        cmocka_unit_test_teardown(an_actor_that_fails_too_often_ends_the_node, end_node),
        cmocka_unit_test_teardown(an_actor_that_is_done_ends_the_node_well, end_node),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
