/* The vectors are the heart: the same file that other languages test with. Around them what no
 * list of frames can say: every cut, every flipped bit, every limit.
 */

#include "tests/kit/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/call.h>

#include "tests/unit/wire/vectors.h"
#include "wire/trp1.h"

#define MAX_BYTES 1024
#define MAX_TEXT  4096

/* A line of the file: KIND | HEX | WHAT | MEANING. */
typedef struct vector {
    char kind[16];
    unsigned char bytes[MAX_BYTES];
    size_t size;
    char what[MAX_TEXT];
    char meaning[256];
} vector_t;

/* The next column of the line, without the spaces around it; moves *line on. */
static char *column(char **line)
{
    char *start = *line;
    char *end = strstr(start, " | ");
    if (end) {
        *end = '\0';
        *line = end + 3;
    } else {
        start[strcspn(start, "\n")] = '\0';
        *line = start + strlen(start);
    }
    return start + strspn(start, " ");
}

static void read_hex(const char *hex, vector_t *out)
{
    out->size = 0;
    for (unsigned byte; *hex && *hex != ' '; hex += 2) {
        assert_true(out->size < MAX_BYTES);
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        out->bytes[out->size++] = (unsigned char)byte;
    }
}

static bool next_vector(FILE *file, vector_t *out)
{
    static char line[8192];
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#') {
            continue;
        }
        char *rest = line;
        snprintf(out->kind, sizeof out->kind, "%s", column(&rest));
        /* An empty HEX column leaves its two separators side by side. */
        read_hex(column(&rest), out);
        snprintf(out->what, sizeof out->what, "%s", column(&rest));
        snprintf(out->meaning, sizeof out->meaning, "%s", column(&rest));
        return true;
    }
    return false;
}

static FILE *open_vectors(void)
{
    FILE *file = fopen(TRP1_VECTORS, "r");
    if (!file) {
        fail_msg("%s: %s", TRP1_VECTORS, strerror(errno));
    }
    return file;
}

/* Append to the text at `at`, which ends at `end`; the new end of the text. */
__attribute__((format(printf, 3, 4))) static char *say(char *at, const char *end,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(at, (size_t)(end - at), format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && size < end - at);
    return at + size;
}

static char *say_number(char *at, const char *end, const char *key, int64_t value)
{
    return value < 0 ? at : say(at, end, " %s=%lld", key, (long long)value);
}

static char *say_flag(char *at, const char *end, const char *key, bool is_set)
{
    return is_set ? say(at, end, " %s=true", key) : at;
}

static char *say_span(char *at, const char *end, const char *key, tr_span_t span)
{
    if (span.size == 0) {
        return at;
    }
    at = say(at, end, " %s=\"", key);
    for (size_t i = 0; i < span.size; i++) {
        unsigned char byte = (unsigned char)span.data[i];
        bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
        at = is_plain ? say(at, end, "%c", byte) : say(at, end, "\\x%02x", byte);
    }
    return say(at, end, "\"");
}

static char *say_list(char *at, const char *end, const char *key, tr_span_t list)
{
    tr_span_t one;
    const char *before = "[";
    if (list.size == 0) {
        return at;
    }
    at = say(at, end, " %s=", key);
    while (tr_trp1_next_text(&list, &one)) {
        at = say(at, end, "%s\"%.*s\"", before, (int)one.size, one.data);
        before = ",";
    }
    return say(at, end, "]");
}

/* Say a command as the vectors say it. */
static const char *tell(const tr_trp1_t *self)
{
    static char text[MAX_TEXT];
    char *at = text;
    const char *end = text + sizeof text;
    at = say(at, end, "%s %llu", tr_trp1_command_name(self->command),
             (unsigned long long)self->id);
    at = say_number(at, end, "version-min", self->version_min);
    at = say_number(at, end, "version-max", self->version_max);
    at = say_span(at, end, "node", self->node);
    at = say_span(at, end, "boot", self->boot);
    at = say_number(at, end, "heartbeat", self->heartbeat_ms);
    at = say_number(at, end, "max-frame", self->max_frame);
    at = say_number(at, end, "max-open", self->max_open);
    at = say_number(at, end, "bundle", self->bundle);
    at = say_flag(at, end, "messages", self->messages);
    at = say_span(at, end, "capability", self->capability);
    at = say_span(at, end, "method", self->method);
    at = say_number(at, end, "timeout", self->timeout_ms);
    if (self->priority) {
        at = say(at, end, " priority=\"%s\"",
                 troupe_priority_name((troupe_priority_t)self->priority));
    }
    at = say_span(at, end, "sticky", self->sticky);
    at = say_span(at, end, "dedup", self->dedup);
    at = say_span(at, end, "traceparent", self->traceparent);
    at = say_number(at, end, "credit", self->credit);
    at = say_flag(at, end, "wants-status", self->wants_status);
    at = say(at, end, "%s", self->finish_on_disconnect ? " on-disconnect=\"finish\"" : "");
    at = say_number(at, end, "batch", self->batch);
    at = say_number(at, end, "parent", self->parent);
    at = say_span(at, end, "actor", self->actor);
    at = say_flag(at, end, "urgent", self->urgent);
    at = say_flag(at, end, "confirm", self->confirm);
    at = say_span(at, end, "from", self->from);
    at = say_number(at, end, "sequence", self->sequence);
    at = say_span(at, end, "code", self->code);
    at = say_span(at, end, "text", self->text);
    if (self->command == TR_TRP1_ERROR) {
        at = say(at, end, " retryable=%s", self->retryable ? "true" : "false");
    }
    at = say_number(at, end, "hint", self->hint_ms);
    at = say_span(at, end, "state", self->state);
    at = say_number(at, end, "position", self->position);
    at = say_span(at, end, "token", self->token);
    at = say_number(at, end, "concurrency", self->concurrency);
    at = say_list(at, end, "capabilities", self->capabilities);
    at = say_number(at, end, "memory", self->memory);
    at = say_number(at, end, "running", self->running);
    at = say_number(at, end, "running-for", self->running_for);
    at = say_number(at, end, "progress-age", self->progress_age);
    at = say_number(at, end, "done", self->done);
    at = say_number(at, end, "ref", self->ref);
    at = say_flag(at, end, "ask", self->ask);
    at = say_number(at, end, "forward", self->forward);
    at = say_number(at, end, "count", self->count);
    at = say_span(at, end, "reason", self->reason);
    at = say_number(at, end, "reason-code", self->reason_code);
    say_span(at, end, "group", self->group);
    return text;
}

static void check_vector(const vector_t *vector)
{
    tr_trp1_t command;
    const char *reason = NULL;
    troupe_status_t status = tr_trp1_decode(vector->bytes, vector->size, &command, &reason);

    if (strcmp(vector->kind, "malformed") == 0) {
        char id[32];
        snprintf(id, sizeof id, "%llu", (unsigned long long)command.id);
        if (status != TROUPE_ERR_PROTOCOL || !reason || strcmp(id, vector->what) != 0) {
            fail_msg("%s: %s with id %s", vector->meaning, troupe_status_name(status), id);
        }
        return;
    }
    if (status != TROUPE_OK) {
        fail_msg("%s: %s", vector->meaning, reason);
    }
    assert_string_equal(tell(&command), vector->what);
    assert_true(tr_trp1_recognise(vector->bytes, vector->size));
    if (strcmp(vector->kind, "canonical") == 0) {
        unsigned char again[TR_TRP1_MAX_HEADER];
        size_t size = 0;
        assert_status(tr_trp1_encode(&command, again, sizeof again, &size), TROUPE_OK);
        assert_int_equal(size, vector->size);
        assert_memory_equal(again, vector->bytes, size);
    } else {
        assert_string_equal(vector->kind, "accepted");
    }
}

static void vectors_mean_what_they_say(void **state)
{
    (void)state;
    FILE *file = open_vectors();
    static vector_t vector;
    size_t n_vectors = 0;
    bool is_covered[TR_TRP1_LAST_COMMAND + 1] = {false};
    while (next_vector(file, &vector)) {
        check_vector(&vector);
        tr_trp1_t command;
        const char *reason;
        if (tr_trp1_decode(vector.bytes, vector.size, &command, &reason) == TROUPE_OK) {
            is_covered[command.command] = true;
        }
        n_vectors++;
    }
    fclose(file);
    assert_true(n_vectors > 40);
    for (size_t i = 0; i <= TR_TRP1_LAST_COMMAND; i++) {
        if (!is_covered[i]) {
            fail_msg("no vector for %s", tr_trp1_command_name((tr_trp1_command_t)i));
        }
    }
}

/* Decode a copy that lies on the heap, exactly as long as it is, so that a sanitizer sees
 * every byte too many that is read. */
static troupe_status_t decode_exactly(const unsigned char *bytes, size_t size, tr_trp1_t *out)
{
    unsigned char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    const char *reason = NULL;
    troupe_status_t status = tr_trp1_decode(copy, size, out, &reason);
    assert_true(status == TROUPE_OK || reason);
    assert_true(out->id <= TR_TRP1_MAX_NUMBER);
    if (status == TROUPE_OK) {
        tell(out); /* reads every span */
    }
    (void)tr_trp1_recognise(copy, size);
    free(copy);
    return status;
}

static void every_cut_is_malformed(void **state)
{
    (void)state;
    FILE *file = open_vectors();
    static vector_t vector;
    while (next_vector(file, &vector)) {
        for (size_t size = 0; strcmp(vector.kind, "canonical") == 0 && size < vector.size;
             size++) {
            tr_trp1_t command;
            assert_status(decode_exactly(vector.bytes, size, &command), TROUPE_ERR_PROTOCOL);
        }
    }
    fclose(file);
}

/* xorshift64: small, and the same everywhere. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void flipped_bits_do_no_harm(void **state)
{
    (void)state;
    FILE *file = open_vectors();
    static vector_t vector;
    uint64_t seed = 20170401;
    while (next_vector(file, &vector)) {
        for (int round = 0; vector.size > 0 && round < 2000; round++) {
            unsigned char bytes[MAX_BYTES];
            memcpy(bytes, vector.bytes, vector.size);
            for (uint64_t n = 1 + next_random(&seed) % 4; n > 0; n--) {
                bytes[next_random(&seed) % vector.size] ^=
                    (unsigned char)(1u << next_random(&seed) % 8);
            }
            tr_trp1_t command;
            (void)decode_exactly(bytes, vector.size, &command);
        }
    }
    fclose(file);
}

static void random_bytes_behind_the_magic_do_no_harm(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 100000; round++) {
        unsigned char bytes[64] = {0x94, 0xa4, 'T', 'R', 'P', '1', 0xa4, 'p', 'i', 'n', 'g', 1};
        size_t size = 12 + next_random(&seed) % (sizeof bytes - 12);
        for (size_t i = 12; i < size; i++) {
            bytes[i] = (unsigned char)next_random(&seed);
        }
        bytes[12] = 0x80 | (bytes[12] & 0x0f);
        tr_trp1_t command;
        (void)decode_exactly(bytes, size, &command);
    }
}

static size_t encode(const tr_trp1_t *command, unsigned char *bytes)
{
    size_t size = 0;
    assert_status(tr_trp1_encode(command, bytes, TR_TRP1_MAX_HEADER, &size), TROUPE_OK);
    return size;
}

static tr_trp1_t request(void)
{
    tr_trp1_t command;
    tr_trp1_init(&command, TR_TRP1_REQUEST, 1);
    command.capability = tr_span_of("echo");
    return command;
}

static char long_text[8192];

static int fill_long_text(void **state)
{
    (void)state;
    memset(long_text, 'x', sizeof long_text);
    return 0;
}

static void fields_keep_their_limits(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        size_t limit;
    } rows[] = {
        {offsetof(tr_trp1_t, capability), 128},  {offsetof(tr_trp1_t, method), 128},
        {offsetof(tr_trp1_t, sticky), 256},      {offsetof(tr_trp1_t, dedup), 256},
        {offsetof(tr_trp1_t, traceparent), 256}, {offsetof(tr_trp1_t, node), 64},
        {offsetof(tr_trp1_t, boot), 64},         {offsetof(tr_trp1_t, code), 64},
        {offsetof(tr_trp1_t, state), 64},        {offsetof(tr_trp1_t, token), 64},
        {offsetof(tr_trp1_t, from), 128},        {offsetof(tr_trp1_t, actor), 128},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tr_trp1_t command = request();
        if (rows[i].offset == offsetof(tr_trp1_t, actor)) {
            command.capability = (tr_span_t){0};
        }
        tr_span_t *field = (tr_span_t *)((char *)&command + rows[i].offset);
        unsigned char bytes[TR_TRP1_MAX_HEADER];
        size_t size;

        *field = (tr_span_t){long_text, rows[i].limit};
        tr_trp1_t back;
        assert_status(decode_exactly(bytes, encode(&command, bytes), &back), TROUPE_OK);
        assert_int_equal(((tr_span_t *)((char *)&back + rows[i].offset))->size, field->size);

        field->size++;
        assert_status(tr_trp1_encode(&command, bytes, sizeof bytes, &size), TROUPE_LIMIT);
    }
}

static void lists_are_written_and_read(void **state)
{
    (void)state;
    tr_span_t texts[TR_TRP1_MAX_LIST];
    unsigned char list[TR_TRP1_MAX_HEADER], bytes[TR_TRP1_MAX_HEADER];
    tr_trp1_t ready, back;
    for (size_t i = 0; i < TR_TRP1_MAX_LIST; i++) {
        texts[i] = (tr_span_t){long_text, TR_TRP1_MAX_NAME - i};
    }
    tr_trp1_init(&ready, TR_TRP1_READY, 0);
    assert_status(
        tr_trp1_list_texts(texts, TR_TRP1_MAX_LIST, list, sizeof list, &ready.capabilities),
        TROUPE_OK);
    const char *reason;
    assert_status(tr_trp1_decode(bytes, encode(&ready, bytes), &back, &reason), TROUPE_OK);
    tr_span_t left = back.capabilities, text;
    for (size_t i = 0; i < TR_TRP1_MAX_LIST; i++) {
        assert_true(tr_trp1_next_text(&left, &text));
        assert_int_equal(text.size, TR_TRP1_MAX_NAME - i);
    }
    assert_false(tr_trp1_next_text(&left, &text));
    assert_status(tr_trp1_list_texts(texts, 2, list, TR_TRP1_MAX_NAME, &ready.capabilities),
                  TROUPE_LIMIT);
}

static void everything_at_its_limit_fits(void **state)
{
    (void)state;
    tr_trp1_t command = request();
    command.command = TR_TRP1_ERROR;
    command.id = TR_TRP1_MAX_NUMBER;
    command.version_min = command.version_max = command.heartbeat_ms = INT64_MAX;
    command.max_frame = command.max_open = command.bundle = INT64_MAX;
    command.timeout_ms = INT64_MAX;
    command.credit = command.sequence = command.hint_ms = command.position = INT64_MAX;
    command.concurrency = command.memory = command.running = INT64_MAX;
    command.running_for = command.progress_age = command.done = INT64_MAX;
    command.batch = command.parent = command.forward = command.count = INT64_MAX;
    command.messages = command.urgent = command.ask = true;
    command.from = (tr_span_t){long_text, 128};
    command.node = command.boot = command.code = command.state = (tr_span_t){long_text, 64};
    command.token = (tr_span_t){long_text, 64};
    command.capability = command.method = (tr_span_t){long_text, 128};
    command.sticky = command.dedup = command.traceparent = (tr_span_t){long_text, 256};
    command.text = (tr_span_t){long_text, sizeof long_text};
    command.priority = TROUPE_PRIORITY_CRITICAL;
    command.wants_status = command.finish_on_disconnect = command.retryable = true;

    unsigned char bytes[TR_TRP1_MAX_HEADER];
    size_t size = encode(&command, bytes);
    tr_trp1_t back;
    assert_status(decode_exactly(bytes, size, &back), TROUPE_OK);
    assert_int_equal(back.text.size, 1024);
    assert_int_equal(back.position, INT64_MAX);
    assert_int_equal(back.token.size, 64);
    assert_int_equal(back.done, INT64_MAX);
    assert_int_equal(back.parent, INT64_MAX);
    assert_int_equal(back.count, INT64_MAX);

    command.capability = (tr_span_t){0};
    command.actor = (tr_span_t){long_text, 128};
    command.ref = INT64_MAX;
    assert_status(decode_exactly(bytes, encode(&command, bytes), &back), TROUPE_OK);
    assert_int_equal(back.actor.size, 128);
    assert_int_equal(back.ref, INT64_MAX);
}

static void what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    tr_trp1_t command = request();
    command.timeout_ms = 70000;
    unsigned char bytes[TR_TRP1_MAX_HEADER];
    size_t size = encode(&command, bytes);
    for (size_t room = 0; room < size; room++) {
        unsigned char *exact = malloc(room > 0 ? room : 1);
        size_t untouched = 4711;
        assert_non_null(exact);
        assert_status(tr_trp1_encode(&command, exact, room, &untouched), TROUPE_LIMIT);
        assert_int_equal(untouched, 4711);
        free(exact);
    }
}

static void text_is_cut_and_mended(void **state)
{
    (void)state;
    static char prose[1026];
    memset(prose, 'x', sizeof prose);
    memcpy(prose + 1022, "\xe2\x82\xac", 3); /* one byte of the euro sign too many */
    prose[5] = (char)0xff;
    tr_trp1_t command;
    tr_trp1_init(&command, TR_TRP1_ERROR, 3);
    command.text = (tr_span_t){prose, sizeof prose};

    unsigned char bytes[TR_TRP1_MAX_HEADER];
    const char *reason;
    tr_trp1_t back;
    assert_status(tr_trp1_decode(bytes, encode(&command, bytes), &back, &reason), TROUPE_OK);
    assert_int_equal(back.text.size, 1022);
    assert_int_equal(back.text.data[5], '?');
    assert_int_equal(back.text.data[1021], 'x');
}

static void a_frame_too_large_still_tells_its_id(void **state)
{
    (void)state;
    static unsigned char bytes[TR_TRP1_MAX_HEADER + 1];
    static const unsigned char head[] = {0x94, 0xa4, 'T', 'R', 'P',  '1',  0xa5, 'r',  'e',
                                         'p',  'l',  'y', 9,   0x81, 0xa1, 'x',  0xc5, 0x0f};
    memcpy(bytes, head, sizeof head);
    bytes[sizeof head] = (unsigned char)(sizeof bytes - sizeof head - 1 - 0x0f00);
    const char *reason = NULL;
    tr_trp1_t command;
    assert_status(tr_trp1_decode(bytes, sizeof bytes, &command, &reason), TROUPE_ERR_PROTOCOL);
    assert_int_equal(command.id, 9);
    assert_string_equal(reason, "frame 0 is too large");
}

static void first_frames_are_recognised(void **state)
{
    (void)state;
    assert_true(tr_trp1_recognise("\x94\xa4TRP1 and no more of it", 24));
    assert_true(tr_trp1_recognise("\x92\xa4TRP1..", 8));
    assert_false(tr_trp1_recognise("\x94\xa4TRP", 5));
    assert_false(tr_trp1_recognise("\x94\xa4TRP2....", 10));
    assert_false(tr_trp1_recognise("MDPC01", 6));
    assert_false(tr_trp1_recognise("", 0));
    assert_false(tr_trp1_recognise(NULL, 0));
}

static void commands_have_names(void **state)
{
    (void)state;
    assert_string_equal(tr_trp1_command_name(TR_TRP1_HELLO), "hello");
    assert_string_equal(tr_trp1_command_name(TR_TRP1_STOP), "stop");
    assert_string_equal(tr_trp1_command_name(TR_TRP1_UNKNOWN), "unknown");
    assert_string_equal(tr_trp1_command_name((tr_trp1_command_t)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_mean_what_they_say),
        cmocka_unit_test(every_cut_is_malformed),
        cmocka_unit_test(flipped_bits_do_no_harm),
        cmocka_unit_test(random_bytes_behind_the_magic_do_no_harm),
        cmocka_unit_test(fields_keep_their_limits),
        cmocka_unit_test(everything_at_its_limit_fits),
        cmocka_unit_test(lists_are_written_and_read),
        cmocka_unit_test(what_does_not_fit_is_not_written),
        cmocka_unit_test(text_is_cut_and_mended),
        cmocka_unit_test(a_frame_too_large_still_tells_its_id),
        cmocka_unit_test(first_frames_are_recognised),
        cmocka_unit_test(commands_have_names),
    };
    return cmocka_run_group_tests_name("wire/trp1", tests, fill_long_text, NULL) != 0;
}
