/* What is written reads as it was, for any command with any headers, any bundle, and any
 * command of Majordomo.
 */

#include "tests/kit/check.h"

#include <string.h>

#include <troupe/call.h>

#include "base/utf8.h"
#include "tests/kit/random.h"
#include "wire/bundle.h"
#include "wire/mdp.h"
#include "wire/trp1.h"

#define N_ROUNDS 20000

static uint64_t random_state;

static int set_seed(void **state)
{
    (void)state;
    random_state = random_seed();
    return 0;
}

/* ---- TRP/1 ---- */

/* Every header, once. */
#define NUMBERS(X)                                                                             \
    X(version_min)                                                                             \
    X(version_max)                                                                             \
    X(heartbeat_ms)                                                                            \
    X(max_frame)                                                                               \
    X(max_open)                                                                                \
    X(bundle)                                                                                  \
    X(timeout_ms)                                                                              \
    X(credit)                                                                                  \
    X(batch)                                                                                   \
    X(parent)                                                                                  \
    X(sequence)                                                                                \
    X(hint_ms)                                                                                 \
    X(position)                                                                                \
    X(concurrency)                                                                             \
    X(memory)                                                                                  \
    X(running)                                                                                 \
    X(running_for)                                                                             \
    X(progress_age)                                                                            \
    X(done)                                                                                    \
    X(ref)                                                                                     \
    X(forward)                                                                                 \
    X(count)                                                                                   \
    X(reason_code)
#define TEXTS(X)                                                                               \
    X(node, TR_TRP1_MAX_WORD)                                                                  \
    X(boot, TR_TRP1_MAX_WORD)                                                                  \
    X(capability, TR_TRP1_MAX_NAME)                                                            \
    X(method, TR_TRP1_MAX_NAME)                                                                \
    X(sticky, TR_TRP1_MAX_KEY)                                                                 \
    X(dedup, TR_TRP1_MAX_KEY)                                                                  \
    X(traceparent, TR_TRP1_MAX_KEY)                                                            \
    X(actor, TR_TRP1_MAX_NAME)                                                                 \
    X(from, TR_TRP1_MAX_NAME)                                                                  \
    X(code, TR_TRP1_MAX_WORD)                                                                  \
    X(text, TR_TRP1_MAX_TEXT)                                                                  \
    X(state, TR_TRP1_MAX_WORD)                                                                 \
    X(token, TR_TRP1_MAX_WORD)                                                                 \
    X(reason, TR_TRP1_MAX_WORD)                                                                \
    X(group, TR_TRP1_MAX_NAME)
#define FLAGS(X)                                                                               \
    X(messages)                                                                                \
    X(wants_status)                                                                            \
    X(finish_on_disconnect)                                                                    \
    X(urgent)                                                                                  \
    X(confirm)                                                                                 \
    X(ask)

static tr_span_t random_span(char *room, size_t max_size)
{
    size_t size =
        random_once_in(&random_state, 4) ? max_size : 1 + random_below(&random_state, max_size);
    random_bytes(&random_state, room, size, false);
    return (tr_span_t){room, size};
}

/* Written into `room`. */
static void make_list(tr_trp1_t *command, char room[TR_TRP1_MAX_TEXT])
{
    static char names[TR_TRP1_MAX_LIST][TR_TRP1_MAX_NAME];
    tr_span_t texts[TR_TRP1_MAX_LIST] = {0};
    size_t n = 1 + random_below(&random_state, TR_TRP1_MAX_LIST);
    for (size_t i = 0; i < n; i++) {
        texts[i] = random_span(names[i], n > 4 ? 30 : TR_TRP1_MAX_NAME);
    }
    assert_status(tr_trp1_list_texts(texts, n, room, TR_TRP1_MAX_TEXT, &command->capabilities),
                  TROUPE_OK);
    tr_span_t left = command->capabilities;
    tr_span_t text;
    for (size_t i = 0; i < n; i++) {
        assert_true(tr_trp1_next_text(&left, &text));
        assert_int_equal(text.size, texts[i].size);
        assert_memory_equal(text.data, texts[i].data, text.size);
    }
    assert_false(tr_trp1_next_text(&left, &text));
}

/* A header is there with one chance in `rarity`. The texts are in `room`. */
static void make_command(tr_trp1_t *command, char room[16][TR_TRP1_MAX_TEXT], size_t rarity)
{
    size_t n_rooms = 0;
    tr_trp1_init(command,
                 (tr_trp1_command_t)(1 + random_below(&random_state, TR_TRP1_LAST_COMMAND)),
                 (uint64_t)random_number(&random_state));
#define X(field)                                                                               \
    command->field =                                                                           \
        random_once_in(&random_state, rarity) ? random_number(&random_state) : command->field;
    NUMBERS(X)
#undef X
#define X(field, max_size)                                                                     \
    if (random_once_in(&random_state, rarity)) {                                               \
        command->field = random_span(room[n_rooms++], max_size);                               \
    }
    TEXTS(X)
#undef X
#define X(field) command->field = random_once_in(&random_state, rarity);
    FLAGS(X)
#undef X
    if (random_once_in(&random_state, 2 * rarity)) {
        make_list(command, room[n_rooms]);
        command->text.size = 0; /* there is no room for all at their largest */
    }
    tr_utf8_mend((char *)(uintptr_t)command->text.data, command->text.size);
    command->retryable = command->command == TR_TRP1_ERROR && random_below(&random_state, 2);
    command->priority = (int64_t)random_below(&random_state, TROUPE_PRIORITY_BATCH + 1);
    if (command->capability.size > 0) { /* one of them */
        command->actor.size = 0;
        command->ref = -1;
    } else if (command->command == TR_TRP1_REQUEST && command->actor.size == 0 &&
               command->ref < 0) {
        command->ref = 1;
    }
    command->id += command->command == TR_TRP1_REQUEST && command->id == 0;
}

static void assert_same(const tr_trp1_t *one, const tr_trp1_t *other)
{
    assert_int_equal(one->command, other->command);
    assert_int_equal(one->id, other->id);
    assert_int_equal(one->priority, other->priority);
    assert_int_equal(one->retryable, other->retryable);
#define X(field) assert_int_equal(one->field, other->field);
    NUMBERS(X)
    FLAGS(X)
#undef X
    assert_int_equal(one->capabilities.size, other->capabilities.size);
#define X(field, max_size)                                                                     \
    assert_int_equal(one->field.size, other->field.size);                                      \
    assert_memory_equal(one->field.data ? one->field.data : "",                                \
                        other->field.data ? other->field.data : "", one->field.size);
    TEXTS(X)
#undef X
}

static void any_command_reads_as_it_was(void **state)
{
    (void)state;
    static unsigned char bytes[TR_TRP1_MAX_HEADER];
    static char room[16][TR_TRP1_MAX_TEXT];
    for (size_t i = 0; i < N_ROUNDS; i++) {
        tr_trp1_t command;
        tr_trp1_t again;
        const char *reason = "";
        size_t size;
        make_command(&command, room, 1 + i % 8);
        assert_status(tr_trp1_encode(&command, bytes, sizeof bytes, &size), TROUPE_OK);
        if (tr_trp1_decode(bytes, size, &again, &reason) != TROUPE_OK) {
            fail_msg("%s: %s", tr_trp1_command_name(command.command), reason);
        }
        assert_same(&command, &again);
    }
}

/* ---- bundles ---- */

#define MOST_COMMANDS 40
#define MOST_FRAMES   5

typedef struct bundled {
    unsigned char head[TR_BUNDLE_MAX_HEAD];
    size_t head_size;
    size_t n_frames;
    char frames[MOST_FRAMES][300];
    size_t sizes[MOST_FRAMES];
} bundled_t;

/* False: it did not fit, and nothing of it is there. */
static bool put(tr_writer_t *writer, bundled_t *out)
{
    static char room[16][TR_TRP1_MAX_TEXT];
    tr_writer_t before = *writer;
    tr_trp1_t command;
    make_command(&command, room, 30);
    out->n_frames = random_below(&random_state, MOST_FRAMES + 1);
    bool fits = tr_bundle_put(writer, &command, out->n_frames);
    for (size_t i = 0; fits && i < out->n_frames; i++) {
        out->sizes[i] = random_below(&random_state, sizeof out->frames[i]);
        random_bytes(&random_state, out->frames[i], out->sizes[i], false);
        fits = tr_bundle_put_frame(writer, out->frames[i], out->sizes[i]);
    }
    if (!fits) {
        *writer = before;
        return false;
    }
    assert_status(tr_trp1_encode(&command, out->head, sizeof out->head, &out->head_size),
                  TROUPE_OK);
    return true;
}

static void assert_taken(tr_reader_t *reader, const bundled_t *want)
{
    tr_span_t span;
    uint64_t n_frames;
    assert_true(tr_bundle_take(reader, &span, &n_frames));
    assert_int_equal(span.size, want->head_size);
    assert_memory_equal(span.data, want->head, span.size);
    assert_int_equal(n_frames, want->n_frames);
    for (size_t i = 0; i < n_frames; i++) {
        assert_true(tr_bundle_take_frame(reader, &span));
        assert_int_equal(span.size, want->sizes[i]);
        assert_memory_equal(span.data, want->frames[i], span.size);
    }
}

static void any_bundle_reads_as_it_was(void **state)
{
    (void)state;
    static unsigned char body[8000];
    static bundled_t bundled[MOST_COMMANDS];
    for (size_t round = 0; round < N_ROUNDS / 20; round++) {
        size_t room = random_below(&random_state, sizeof body + 1);
        tr_writer_t writer = {.at = body, .end = body + room};
        size_t n = 0;
        while (n < MOST_COMMANDS && put(&writer, &bundled[n])) {
            n++;
        }
        tr_reader_t reader = tr_reader_of(body, (size_t)(writer.at - body));
        for (size_t i = 0; i < n; i++) {
            assert_taken(&reader, &bundled[i]);
        }
        assert_int_equal(tr_bytes_left(&reader), 0);
    }
}

/* ---- Majordomo ---- */

static void any_majordomo_reads_as_it_was(void **state)
{
    (void)state;
    static char service[TR_MDP_MAX_SERVICE];
    static char address[TR_MDP_MAX_ADDRESS];
    for (size_t i = 0; i < N_ROUNDS; i++) {
        tr_mdp_t mdp = {
            .dialect = (tr_mdp_dialect_t)random_below(&random_state, TR_MDP_N_DIALECTS),
            .role = (tr_mdp_role_t)random_below(&random_state, TR_MDP_N_ROLES),
            .command = (tr_mdp_command_t)random_below(&random_state, TR_MDP_N_COMMANDS),
            .service = random_span(service, sizeof service),
            .address = random_span(address, sizeof address),
        };
        if (!tr_mdp_has(mdp.dialect, mdp.role, mdp.command)) {
            continue;
        }
        troupe_message_t *message = troupe_message_new();
        assert_status(tr_mdp_encode(&mdp, message), TROUPE_OK);
        if (tr_mdp_has_body(mdp.command)) {
            assert_status(troupe_message_add(message, "", 0), TROUPE_OK);
        }
        tr_span_t frames[TR_MDP_MAX_HEAD];
        size_t n = troupe_message_count(message);
        for (size_t k = 0; k < n && k < TR_MDP_MAX_HEAD; k++) {
            frames[k] =
                (tr_span_t){troupe_message_data(message, k), troupe_message_size(message, k)};
        }
        tr_mdp_t again;
        const char *reason;
        assert_status(tr_mdp_decode(frames, n, &again, &reason), TROUPE_OK);
        /* A client's answer of 0.1 looks like its request. */
        bool is_request = mdp.dialect == TR_MDP_01 && mdp.role == TR_MDP_CLIENT;
        assert_int_equal(again.command, is_request ? TR_MDP_REQUEST : mdp.command);
        assert_int_equal(again.dialect, mdp.dialect);
        assert_int_equal(again.role, mdp.role);
        if (again.service.size > 0) {
            assert_memory_equal(again.service.data, mdp.service.data, mdp.service.size);
        }
        if (again.address.size > 0) {
            assert_memory_equal(again.address.data, mdp.address.data, mdp.address.size);
        }
        troupe_message_destroy(&message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(any_command_reads_as_it_was, set_seed),
        cmocka_unit_test_setup(any_bundle_reads_as_it_was, set_seed),
        cmocka_unit_test_setup(any_majordomo_reads_as_it_was, set_seed),
    };
    return cmocka_run_group_tests_name("wire/round_trip", tests, NULL, NULL) != 0;
}
