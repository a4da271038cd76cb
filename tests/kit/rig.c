#include "tests/kit/rig.h"

#include <arpa/inet.h>
#include <msgpack.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define YAML_SIZE 65536

int64_t rig_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the node ---- */

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

void rig_reserve(rig_t *self)
{
    *self = (rig_t){.folder = "/tmp/troupe-rig-XXXXXX"};
    assert_non_null(mkdtemp(self->folder));
    snprintf(self->ipc, sizeof self->ipc, "ipc://%s/n.sock", self->folder);
    snprintf(self->tcp, sizeof self->tcp, "tcp://127.0.0.1:%u", free_port());
}

void rig_start(rig_t *self, const troupe_behaviour_t *const *behaviours, const char *top,
               const char *children)
{
    setenv("TROUPE_LOG_LEVEL", "off", 0);
    rig_reserve(self);
    char yaml[YAML_SIZE];
    int length = snprintf(yaml, sizeof yaml,
                          "troupe: 1\n"
                          "listen: ['%s', '%s']\n"
                          "%s"
                          "supervisor:\n"
                          "  children:\n"
                          "%s",
                          self->ipc, self->tcp, top, children);
    assert_true(length > 0 && (size_t)length < sizeof yaml);
    self->node = troupe_node_new();
    assert_non_null(self->node);
    for (; *behaviours; behaviours++) {
        assert_status(troupe_node_register(self->node, *behaviours), TROUPE_OK);
    }
    assert_status(troupe_node_load_text(self->node, "rig.yaml", yaml, say, NULL), TROUPE_OK);
    assert_status(troupe_node_start(self->node, say, NULL), TROUPE_OK);
}

void rig_end(rig_t *self)
{
    troupe_client_destroy(&self->admin);
    troupe_node_destroy(&self->node);
    if (self->folder[0]) {
        unlink(self->ipc + strlen("ipc://"));
        rmdir(self->folder);
    }
    *self = (rig_t){.node = NULL};
}

/* ---- what the node says of itself ---- */

static troupe_reply_t *ask_admin(rig_t *self, const char *method, const char *text)
{
    if (!self->admin) {
        self->admin = troupe_client_new(self->ipc);
        assert_non_null(self->admin);
        assert_status(troupe_client_connect(self->admin, RIG_PATIENCE_MS), TROUPE_OK);
    }
    troupe_message_t *message = text ? troupe_message_from_text(text) : NULL;
    troupe_reply_t *reply = NULL;
    assert_status(troupe_client_call(
                      self->admin, "troupe.admin",
                      &(troupe_call_options_t){.method = method, .timeout_ms = RIG_PATIENCE_MS},
                      &message, NULL, NULL, &reply),
                  TROUPE_OK);
    return reply;
}

troupe_outcome_t rig_operate(rig_t *self, const char *method, const char *child)
{
    troupe_reply_t *reply = ask_admin(self, method, child);
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    troupe_reply_destroy(&reply);
    return outcome;
}

/* The value under `key` in a map, or NULL. */
static const msgpack_object *look_up(const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; map && map->type == MSGPACK_OBJECT_MAP && i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        if (pair->key.via.str.size == strlen(key) &&
            memcmp(pair->key.via.str.ptr, key, strlen(key)) == 0) {
            return &pair->val;
        }
    }
    return NULL;
}

static uint64_t number_of(const msgpack_object *map, const char *key)
{
    const msgpack_object *value = look_up(map, key);
    assert_non_null(value);
    assert_int_equal(value->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
    return value->via.u64;
}

static bool is_text(const msgpack_object *value, const char *text)
{
    return value && value->type == MSGPACK_OBJECT_STR && value->via.str.size == strlen(text) &&
           memcmp(value->via.str.ptr, text, strlen(text)) == 0;
}

static rig_books_t books_of(const msgpack_object *tree, const char *capability)
{
    const msgpack_object *all = look_up(tree, "capabilities");
    assert_non_null(all);
    for (uint32_t i = 0; i < all->via.array.size; i++) {
        const msgpack_object *one = &all->via.array.ptr[i];
        const msgpack_object *name = look_up(one, "name");
        if (is_text(name, capability)) {
            rig_books_t books = {
                .accepted = number_of(one, "accepted"),
                .finished = number_of(one, "finished"),
                .queue = number_of(one, "queue"),
                .pending = number_of(one, "pending"),
            };
            const msgpack_object *workers = look_up(one, "workers");
            for (uint32_t j = 0; j < workers->via.array.size; j++) {
                const msgpack_object *worker = &workers->via.array.ptr[j];
                books.restarts += number_of(worker, "restarts");
                books.idle += is_text(look_up(worker, "state"), "idle");
            }
            return books;
        }
    }
    fail_msg("the node has no capability %s", capability);
    return (rig_books_t){0};
}

rig_books_t rig_read_books(rig_t *self, const char *capability)
{
    troupe_reply_t *reply = ask_admin(self, "tree", NULL);
    assert_outcome(troupe_reply_outcome(reply), TROUPE_OUTCOME_OK);
    const troupe_message_t *message = troupe_reply_message(reply);
    msgpack_unpacked tree;
    msgpack_unpacked_init(&tree);
    assert_int_equal(msgpack_unpack_next(&tree, troupe_message_data(message, 0),
                                         troupe_message_size(message, 0), NULL),
                     MSGPACK_UNPACK_SUCCESS);
    rig_books_t books = books_of(&tree.data, capability);
    msgpack_unpacked_destroy(&tree);
    troupe_reply_destroy(&reply);
    return books;
}

static bool has_rest(const rig_books_t *books)
{
    return books->queue == 0 && books->pending == 0 && books->accepted == books->finished;
}

static void await_books(rig_t *self, const char *capability,
                        bool (*is_so)(const rig_books_t *books, const rig_books_t *wanted),
                        rig_books_t wanted)
{
    int64_t until_ms = rig_now_ms() + RIG_PATIENCE_MS;
    rig_books_t books = rig_read_books(self, capability);
    while (!is_so(&books, &wanted)) {
        if (rig_now_ms() > until_ms) {
            fail_msg("%s: accepted %ju, finished %ju, queue %ju, pending %ju", capability,
                     (uintmax_t)books.accepted, (uintmax_t)books.finished,
                     (uintmax_t)books.queue, (uintmax_t)books.pending);
        }
        books = rig_read_books(self, capability);
    }
}

static bool is_as_busy(const rig_books_t *books, const rig_books_t *wanted)
{
    return books->queue == wanted->queue && books->pending == wanted->pending;
}

static bool has_accepted(const rig_books_t *books, const rig_books_t *wanted)
{
    return books->accepted == wanted->accepted;
}

static bool is_at_rest(const rig_books_t *books, const rig_books_t *wanted)
{
    (void)wanted;
    return has_rest(books);
}

static bool are_idle(const rig_books_t *books, const rig_books_t *wanted)
{
    return books->idle == wanted->idle;
}

void rig_await(rig_t *self, const char *capability, uint64_t queue, uint64_t pending)
{
    await_books(self, capability, is_as_busy,
                (rig_books_t){.queue = queue, .pending = pending});
}

void rig_await_accepted(rig_t *self, const char *capability, uint64_t accepted)
{
    await_books(self, capability, has_accepted, (rig_books_t){.accepted = accepted});
}

void rig_await_idle(rig_t *self, const char *capability, uint64_t idle)
{
    await_books(self, capability, are_idle, (rig_books_t){.idle = idle});
}

void rig_await_rest(rig_t *self, const char *capability)
{
    await_books(self, capability, is_at_rest, (rig_books_t){0});
}

/* ---- lines ---- */

void line_open(line_t *self, const rig_t *rig, side_t side)
{
    *self = (line_t){.caller = NULL};
    if (side == INSIDE) {
        self->caller = troupe_caller_new(rig->node);
        assert_non_null(self->caller);
    } else {
        self->client = troupe_client_new(side == OVER_TCP ? rig->tcp : rig->ipc);
        assert_non_null(self->client);
        assert_status(troupe_client_connect(self->client, RIG_PATIENCE_MS), TROUPE_OK);
    }
}

void line_close(line_t *self)
{
    troupe_caller_destroy(&self->caller);
    troupe_client_destroy(&self->client);
    for (size_t i = 0; i < self->n_kept; i++) {
        troupe_reply_destroy(&self->kept[i]);
    }
    free(self->kept);
    *self = (line_t){.caller = NULL};
}

uint64_t line_start(line_t *self, const char *capability, const troupe_call_options_t *options,
                    const char *text)
{
    uint64_t id = 0;
    troupe_message_t *message = troupe_message_from_text(text);
    assert_non_null(message);
    troupe_status_t status =
        self->caller ? troupe_caller_start(self->caller, capability, options, &message, &id)
                     : troupe_client_start(self->client, capability, options, &message, &id);
    assert_status(status, TROUPE_OK);
    return id;
}

void line_cancel(line_t *self, uint64_t id)
{
    if (self->caller) {
        troupe_caller_cancel(self->caller, id);
    } else {
        troupe_client_cancel(self->client, id);
    }
}

static troupe_status_t look(line_t *self, int64_t timeout_ms, troupe_reply_t **out)
{
    return self->caller ? troupe_caller_next(self->caller, timeout_ms, out)
                        : troupe_client_next(self->client, timeout_ms, out);
}

static troupe_reply_t *take_kept(line_t *self, size_t index)
{
    troupe_reply_t *reply = self->kept[index];
    self->n_kept--;
    memmove(&self->kept[index], &self->kept[index + 1],
            (self->n_kept - index) * sizeof self->kept[0]);
    return reply;
}

static void keep(line_t *self, troupe_reply_t *reply)
{
    if (self->n_kept == self->n_room) {
        self->n_room = self->n_room ? 2 * self->n_room : 16;
        self->kept = realloc(self->kept, self->n_room * sizeof self->kept[0]);
        assert_non_null(self->kept);
    }
    self->kept[self->n_kept++] = reply;
}

troupe_reply_t *line_next(line_t *self)
{
    if (self->n_kept > 0) {
        return take_kept(self, 0);
    }
    troupe_reply_t *reply = NULL;
    assert_status(look(self, RIG_PATIENCE_MS, &reply), TROUPE_OK);
    return reply;
}

troupe_reply_t *line_take(line_t *self, uint64_t id)
{
    for (size_t i = 0; i < self->n_kept; i++) {
        if (troupe_reply_id(self->kept[i]) == id) {
            return take_kept(self, i);
        }
    }
    for (;;) {
        troupe_reply_t *reply = NULL;
        assert_status(look(self, RIG_PATIENCE_MS, &reply), TROUPE_OK);
        if (troupe_reply_id(reply) == id) {
            return reply;
        }
        keep(self, reply);
    }
}

troupe_reply_t *line_final(line_t *self, uint64_t id)
{
    troupe_reply_t *reply = line_take(self, id);
    while (!troupe_reply_is_final(reply)) {
        troupe_reply_destroy(&reply);
        reply = line_take(self, id);
    }
    return reply;
}

troupe_outcome_t line_outcome(line_t *self, uint64_t id)
{
    troupe_reply_t *reply = line_final(self, id);
    troupe_outcome_t outcome = troupe_reply_outcome(reply);
    troupe_reply_destroy(&reply);
    return outcome;
}

troupe_outcome_t line_call(line_t *self, const char *capability,
                           const troupe_call_options_t *options, const char *text)
{
    return line_outcome(self, line_start(self, capability, options, text));
}

void line_assert_quiet(line_t *self)
{
    troupe_reply_t *reply = NULL;
    assert_int_equal(self->n_kept, 0);
    assert_status(look(self, 0, &reply), TROUPE_NOT_FOUND);
}

bool reply_says(const troupe_reply_t *reply, const char *text)
{
    const troupe_message_t *message = troupe_reply_message(reply);
    return troupe_message_size(message, 0) == strlen(text) &&
           memcmp(troupe_message_data(message, 0), text, strlen(text)) == 0;
}
