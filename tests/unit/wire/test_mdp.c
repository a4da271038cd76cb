/* Rows of frames and what they say; rows of what is malformed; and whatever random commands are
 * written must be read as they were.
 */

#include "tests/kit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/mdp.h"

#define MOST_FRAMES 12

/* Frames as text: separated by '|', with '.' for an empty one, and \x as C has it. */
typedef struct frames {
    tr_span_t all[MOST_FRAMES];
    size_t n;
} frames_t;

static frames_t split(const char *text, size_t size)
{
    frames_t frames = {.n = 0};
    const char *end = text + size;
    while (text < end) {
        const char *bar = memchr(text, '|', (size_t)(end - text));
        size_t length = (size_t)((bar ? bar : end) - text);
        assert_true(frames.n < MOST_FRAMES);
        frames.all[frames.n++] =
            length == 1 && *text == '.' ? (tr_span_t){"", 0} : (tr_span_t){text, length};
        text += length + 1;
    }
    return frames;
}

static troupe_status_t decode(const frames_t *frames, tr_mdp_t *out, const char **reason)
{
    /* What is beyond the head must not be looked at. */
    size_t n_seen = frames->n < TR_MDP_MAX_HEAD ? frames->n : TR_MDP_MAX_HEAD;
    tr_span_t *seen = malloc((n_seen ? n_seen : 1) * sizeof *seen);
    assert_non_null(seen);
    memcpy(seen, frames->all, n_seen * sizeof *seen);
    troupe_status_t status = tr_mdp_decode(seen, frames->n, out, reason);
    free(seen);
    return status;
}

struct good {
    const char *text;
    size_t size;
    tr_mdp_dialect_t dialect;
    tr_mdp_role_t role;
    tr_mdp_command_t command;
    const char *service;
    const char *address;
    size_t n_head;
};

static void is_read(void **state)
{
    const struct good *row = *state;
    frames_t frames = split(row->text, row->size);
    tr_mdp_t got;
    const char *reason;
    assert_status(decode(&frames, &got, &reason), TROUPE_OK);
    assert_int_equal(got.dialect, row->dialect);
    assert_int_equal(got.role, row->role);
    assert_int_equal(got.command, row->command);
    assert_true(tr_span_equals(got.service, row->service));
    assert_true(tr_span_equals(got.address, row->address));
    assert_int_equal(got.n_head, row->n_head);
    assert_null(reason);
}

struct bad {
    const char *text;
    size_t size;
    const char *reason;
};

static void is_refused(void **state)
{
    const struct bad *row = *state;
    frames_t frames = split(row->text, row->size);
    tr_mdp_t got;
    const char *reason;
    assert_status(decode(&frames, &got, &reason), TROUPE_ERR_PROTOCOL);
    assert_string_equal(reason, row->reason);
}

static void names_have_limits(void **state)
{
    (void)state;
    static char name[TR_MDP_MAX_ADDRESS + 1];
    memset(name, 0xff, sizeof name);
    for (size_t size = 0; size <= TR_MDP_MAX_SERVICE + 1; size++) {
        frames_t frames = {{{"MDPC02", 6}, {"\1", 1}, {name, size}, {"x", 1}}, 4};
        tr_mdp_t got;
        const char *reason;
        bool is_fine = size >= 1 && size <= TR_MDP_MAX_SERVICE;
        assert_status(decode(&frames, &got, &reason),
                      is_fine ? TROUPE_OK : TROUPE_ERR_PROTOCOL);
    }
    for (size_t size = 0; size <= TR_MDP_MAX_ADDRESS + 1; size++) {
        frames_t frames = {{{"MDPW02", 6}, {"\4", 1}, {name, size}, {"", 0}, {"x", 1}}, 5};
        tr_mdp_t got;
        const char *reason;
        bool is_fine = size >= 1 && size <= TR_MDP_MAX_ADDRESS;
        assert_status(decode(&frames, &got, &reason),
                      is_fine ? TROUPE_OK : TROUPE_ERR_PROTOCOL);
    }
}

/* ---- random commands ---- */

static uint64_t seed;

static unsigned random_below(unsigned bound)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % bound;
}

static tr_span_t random_bytes(char *room, size_t most)
{
    size_t size = 1 + random_below((unsigned)most);
    for (size_t i = 0; i < size; i++) {
        room[i] = (char)random_below(256);
    }
    return (tr_span_t){room, size};
}

static bool are_equal(tr_span_t one, tr_span_t other)
{
    return one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

static tr_mdp_t random_command(char *service, char *address)
{
    tr_mdp_t mdp = {.dialect = random_below(TR_MDP_N_DIALECTS),
                    .role = random_below(TR_MDP_N_ROLES)};
    do {
        mdp.command = random_below(TR_MDP_N_COMMANDS);
    } while (!tr_mdp_has(mdp.dialect, mdp.role, mdp.command));
    bool names_service = mdp.role == TR_MDP_CLIENT
                             ? mdp.dialect != TR_MDP_MAJORTOMO || mdp.command == TR_MDP_REQUEST
                             : mdp.command == TR_MDP_READY;
    if (names_service) {
        mdp.service = random_bytes(service, TR_MDP_MAX_SERVICE);
    }
    if (mdp.role == TR_MDP_WORKER && tr_mdp_has_body(mdp.command)) {
        mdp.address = random_bytes(address, TR_MDP_MAX_ADDRESS);
    }
    return mdp;
}

static void is_read_as_it_was(const tr_mdp_t *want, size_t n_body)
{
    troupe_message_t *message = troupe_message_new();
    assert_non_null(message);
    assert_status(tr_mdp_encode(want, message), TROUPE_OK);
    size_t n_head = troupe_message_count(message);
    assert_true(n_head <= TR_MDP_MAX_HEAD);
    for (size_t i = 0; i < n_body; i++) {
        assert_status(troupe_message_add(message, "body", random_below(5)), TROUPE_OK);
    }
    frames_t frames = {.n = troupe_message_count(message)};
    for (size_t i = 0; i < frames.n; i++) {
        frames.all[i] =
            (tr_span_t){troupe_message_data(message, i), troupe_message_size(message, i)};
    }
    tr_mdp_t got;
    const char *reason;
    bool has_body = tr_mdp_has_body(want->command);
    assert_status(decode(&frames, &got, &reason),
                  has_body == (n_body > 0) ? TROUPE_OK : TROUPE_ERR_PROTOCOL);
    if (has_body == (n_body > 0)) {
        bool looks_like_a_request = want->dialect == TR_MDP_01 && want->role == TR_MDP_CLIENT;
        assert_int_equal(got.dialect, want->dialect);
        assert_int_equal(got.role, want->role);
        assert_int_equal(got.command, looks_like_a_request ? TR_MDP_REQUEST : want->command);
        assert_true(are_equal(got.service, want->service));
        assert_true(are_equal(got.address, want->address));
        assert_int_equal(got.n_head, n_head);
    }
    troupe_message_destroy(&message);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    seed = 20121126;
    for (int i = 0; i < 20000; i++) {
        char service[TR_MDP_MAX_SERVICE];
        char address[TR_MDP_MAX_ADDRESS];
        tr_mdp_t want = random_command(service, address);
        is_read_as_it_was(&want, random_below(6));
    }
}

/* Anything at all: whatever it is, only what is there is read. */
static void nonsense_is_survived(void **state)
{
    (void)state;
    static const char *const likely[] = {"",   "MDPC01", "MDPW01", "MDPC02", "MDPW02",
                                         "\1", "\2",     "\4",     "echo"};
    seed = 7;
    for (int i = 0; i < 50000; i++) {
        char room[MOST_FRAMES][16];
        frames_t frames = {.n = random_below(MOST_FRAMES)};
        for (size_t k = 0; k < frames.n; k++) {
            const char *text = likely[random_below(sizeof likely / sizeof likely[0])];
            frames.all[k] = random_below(4) ? (tr_span_t){text, strlen(text)}
                                            : random_bytes(room[k], sizeof room[k]);
        }
        tr_mdp_t got;
        const char *reason;
        if (decode(&frames, &got, &reason) == TROUPE_OK) {
            assert_true(got.n_head <= frames.n && got.n_head <= TR_MDP_MAX_HEAD);
            assert_true(tr_mdp_has(got.dialect, got.role, got.command));
        } else {
            assert_non_null(reason);
        }
    }
}

static void dialects_have_names(void **state)
{
    (void)state;
    assert_string_equal(tr_mdp_dialect_name(TR_MDP_01), "mdp0.1");
    assert_string_equal(tr_mdp_dialect_name(TR_MDP_02), "mdp0.2");
    assert_string_equal(tr_mdp_dialect_name(TR_MDP_MAJORTOMO), "majortomo");
}

/* clang-format off */
#define READ(title, frames, ...) \
    { .name = "reads " title, .test_func = is_read, \
      .initial_state = &(struct good){frames, sizeof frames - 1, __VA_ARGS__} }
#define REFUSED(title, frames, reason) \
    { .name = "refuses " title, .test_func = is_refused, \
      .initial_state = &(struct bad){frames, sizeof frames - 1, reason} }

int main(void)
{
    const struct CMUnitTest tests[] = {
        READ("a request of 0.1", ".|MDPC01|echo|a|b",
             TR_MDP_01, TR_MDP_CLIENT, TR_MDP_REQUEST, "echo", "", 3),
        READ("a request whose body is an empty frame", ".|MDPC01|echo|.",
             TR_MDP_01, TR_MDP_CLIENT, TR_MDP_REQUEST, "echo", "", 3),
        READ("a worker of 0.1 that is ready", ".|MDPW01|\1|echo",
             TR_MDP_01, TR_MDP_WORKER, TR_MDP_READY, "echo", "", 4),
        READ("its request", ".|MDPW01|\2|me|.|body",
             TR_MDP_01, TR_MDP_WORKER, TR_MDP_REQUEST, "", "me", 5),
        READ("its reply", ".|MDPW01|\3|me|.|a|b|c|d|e|f",
             TR_MDP_01, TR_MDP_WORKER, TR_MDP_FINAL, "", "me", 5),
        READ("its heartbeat", ".|MDPW01|\4",
             TR_MDP_01, TR_MDP_WORKER, TR_MDP_HEARTBEAT, "", "", 3),
        READ("its disconnect", ".|MDPW01|\5",
             TR_MDP_01, TR_MDP_WORKER, TR_MDP_DISCONNECT, "", "", 3),
        READ("a request of 0.2", "MDPC02|\1|echo|body",
             TR_MDP_02, TR_MDP_CLIENT, TR_MDP_REQUEST, "echo", "", 3),
        READ("a partial of 0.2", "MDPC02|\2|echo|body",
             TR_MDP_02, TR_MDP_CLIENT, TR_MDP_PARTIAL, "echo", "", 3),
        READ("a final of 0.2", "MDPC02|\3|echo|body",
             TR_MDP_02, TR_MDP_CLIENT, TR_MDP_FINAL, "echo", "", 3),
        READ("a worker of 0.2 that is ready", "MDPW02|\1|echo",
             TR_MDP_02, TR_MDP_WORKER, TR_MDP_READY, "echo", "", 3),
        READ("its partial", "MDPW02|\3|me|.|body",
             TR_MDP_02, TR_MDP_WORKER, TR_MDP_PARTIAL, "", "me", 4),
        READ("its final", "MDPW02|\4|me|.|body",
             TR_MDP_02, TR_MDP_WORKER, TR_MDP_FINAL, "", "me", 4),
        READ("its heartbeat of 0.2", "MDPW02|\5",
             TR_MDP_02, TR_MDP_WORKER, TR_MDP_HEARTBEAT, "", "", 2),
        READ("its disconnect of 0.2", "MDPW02|\6",
             TR_MDP_02, TR_MDP_WORKER, TR_MDP_DISCONNECT, "", "", 2),
        READ("a request of majortomo", ".|MDPC02|\2|echo|body",
             TR_MDP_MAJORTOMO, TR_MDP_CLIENT, TR_MDP_REQUEST, "echo", "", 4),
        READ("a final of majortomo, which names no service", ".|MDPC02|\4|body",
             TR_MDP_MAJORTOMO, TR_MDP_CLIENT, TR_MDP_FINAL, "", "", 3),
        READ("a worker of majortomo that is ready", ".|MDPW02|\1|echo",
             TR_MDP_MAJORTOMO, TR_MDP_WORKER, TR_MDP_READY, "echo", "", 4),
        READ("its final of majortomo", ".|MDPW02|\4|me|.|body",
             TR_MDP_MAJORTOMO, TR_MDP_WORKER, TR_MDP_FINAL, "", "me", 5),
        REFUSED("what is not Majordomo", "MDPC03|\1|echo|body", "not Majordomo"),
        REFUSED("0.1 without its empty frame", "MDPC01|echo|body", "not Majordomo"),
        REFUSED("nothing", "", "not Majordomo"),
        REFUSED("a lonely empty frame", ".", "not Majordomo"),
        REFUSED("a request without a service", ".|MDPC01", "the service is missing"),
        REFUSED("a request without a body", ".|MDPC01|echo", "the body is missing"),
        REFUSED("a request without a name", ".|MDPC01|.|body",
                "a service has a name of 1 to 128 bytes"),
        REFUSED("0.2 without a command", "MDPC02", "the command is missing"),
        REFUSED("a command of two bytes", "MDPC02|\1\1|echo|x", "there is no such command"),
        REFUSED("an empty command", "MDPC02|.|echo|x", "there is no such command"),
        REFUSED("a command that is zero", "MDPC02|\0|echo|x", "there is no such command"),
        REFUSED("a command too high", "MDPW02|\7", "there is no such command"),
        REFUSED("a partial of 0.1", ".|MDPW01|\6|me|.|x", "there is no such command"),
        REFUSED("the number of 0.2 behind an empty frame", ".|MDPC02|\1|echo|x",
                "there is no such command"),
        REFUSED("ready without a service", ".|MDPW01|\1", "the service is missing"),
        REFUSED("ready with more than a service", ".|MDPW01|\1|echo|more",
                "there are frames behind it"),
        REFUSED("a heartbeat with something behind it", ".|MDPW01|\4|.",
                "there are frames behind it"),
        REFUSED("a reply without an address", ".|MDPW01|\3", "the address is missing"),
        REFUSED("a reply without its empty frame", ".|MDPW01|\3|me", "the address is missing"),
        REFUSED("a reply with two addresses", ".|MDPW01|\3|me|you|.|x",
                "there must be one address frame, and an empty frame behind it"),
        REFUSED("a reply with an empty address", ".|MDPW01|\3|.|.|x",
                "an address has 1 to 255 bytes"),
        REFUSED("a reply without a body", ".|MDPW01|\3|me|.", "the body is missing"),
        cmocka_unit_test(names_have_limits),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(nonsense_is_survived),
        cmocka_unit_test(dialects_have_names),
    };
    return cmocka_run_group_tests_name("wire/mdp", tests, NULL, NULL) != 0;
}
/* clang-format on */
