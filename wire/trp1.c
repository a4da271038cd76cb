/* One table says which headers there are, of what kind, and where they lie in tr_trp1_t;
 * encoding and decoding both walk it, so neither can forget a header that the other knows.
 *
 * The id is read before anything that can be wrong behind it, so that a malformed command can
 * still be answered. After a fault nothing of the headers is kept: half a command is none.
 */

#include "wire/trp1.h"

#include <assert.h>
#include <string.h>

#include <troupe/call.h>

#include "base/utf8.h"
#include "wire/items.h"

#define MAGIC "TRP1"

typedef enum header_kind {
    HEADER_NUMBER,  /* int64_t, -1 absent */
    HEADER_TEXT,    /* tr_span_t, empty absent, sent as str */
    HEADER_PROSE,   /* the same, cut instead of refused when too long */
    HEADER_KEY,     /* the same, any bytes, sent as bin */
    HEADER_FLAG,    /* bool, false absent */
    HEADER_VERDICT, /* bool, present in errors only, and always there */
    HEADER_PRIORITY,
    HEADER_ON_DISCONNECT,
    HEADER_LIST, /* tr_span_t of an array of texts, as it travels; empty absent */
} header_kind_t;

typedef struct header {
    tr_span_t key;
    header_kind_t kind;
    size_t offset;   /* in tr_trp1_t */
    size_t max_size; /* of texts, bytes */
} header_t;

#define WORD(word)                                                                             \
    {                                                                                          \
        word, sizeof word - 1                                                                  \
    }

/* X(NAME, key, KIND, field, largest size of a text), in the order in which they are written. */
#define HEADER_MAP(X)                                                                          \
    X(VERSION_MIN, "version-min", NUMBER, version_min, 0)                                      \
    X(VERSION_MAX, "version-max", NUMBER, version_max, 0)                                      \
    X(NODE, "node", TEXT, node, TR_TRP1_MAX_WORD)                                              \
    X(BOOT, "boot", TEXT, boot, TR_TRP1_MAX_WORD)                                              \
    X(HEARTBEAT, "heartbeat", NUMBER, heartbeat_ms, 0)                                         \
    X(MAX_FRAME, "max-frame", NUMBER, max_frame, 0)                                            \
    X(MAX_OPEN, "max-open", NUMBER, max_open, 0)                                               \
    X(BUNDLE, "bundle", NUMBER, bundle, 0)                                                     \
    X(MESSAGES, "messages", FLAG, messages, 0)                                                 \
    X(CAPABILITY, "capability", TEXT, capability, TR_TRP1_MAX_NAME)                            \
    X(METHOD, "method", TEXT, method, TR_TRP1_MAX_NAME)                                        \
    X(TIMEOUT, "timeout", NUMBER, timeout_ms, 0)                                               \
    X(PRIORITY, "priority", PRIORITY, priority, 0)                                             \
    X(STICKY, "sticky", KEY, sticky, TR_TRP1_MAX_KEY)                                          \
    X(DEDUP, "dedup", KEY, dedup, TR_TRP1_MAX_KEY)                                             \
    X(TRACEPARENT, "traceparent", TEXT, traceparent, TR_TRP1_MAX_KEY)                          \
    X(CREDIT, "credit", NUMBER, credit, 0)                                                     \
    X(WANTS_STATUS, "wants-status", FLAG, wants_status, 0)                                     \
    X(ON_DISCONNECT, "on-disconnect", ON_DISCONNECT, finish_on_disconnect, 0)                  \
    X(BATCH, "batch", NUMBER, batch, 0)                                                        \
    X(PARENT, "parent", NUMBER, parent, 0)                                                     \
    X(ACTOR, "actor", TEXT, actor, TR_TRP1_MAX_NAME)                                           \
    X(PEER, "peer", TEXT, peer, TR_TRP1_MAX_WORD)                                              \
    X(URGENT, "urgent", FLAG, urgent, 0)                                                       \
    X(CONFIRM, "confirm", FLAG, confirm, 0)                                                    \
    X(FROM, "from", TEXT, from, TR_TRP1_MAX_NAME)                                              \
    X(SEQUENCE, "sequence", NUMBER, sequence, 0)                                               \
    X(CODE, "code", TEXT, code, TR_TRP1_MAX_WORD)                                              \
    X(TEXT, "text", PROSE, text, TR_TRP1_MAX_TEXT)                                             \
    X(RETRYABLE, "retryable", VERDICT, retryable, 0)                                           \
    X(HINT, "hint", NUMBER, hint_ms, 0)                                                        \
    X(STATE, "state", TEXT, state, TR_TRP1_MAX_WORD)                                           \
    X(POSITION, "position", NUMBER, position, 0)                                               \
    X(TOKEN, "token", TEXT, token, TR_TRP1_MAX_WORD)                                           \
    X(CONCURRENCY, "concurrency", NUMBER, concurrency, 0)                                      \
    X(CAPABILITIES, "capabilities", LIST, capabilities, TR_TRP1_MAX_NAME)                      \
    X(MEMORY, "memory", NUMBER, memory, 0)                                                     \
    X(RUNNING, "running", NUMBER, running, 0)                                                  \
    X(RUNNING_FOR, "running-for", NUMBER, running_for, 0)                                      \
    X(PROGRESS_AGE, "progress-age", NUMBER, progress_age, 0)                                   \
    X(DONE, "done", NUMBER, done, 0)                                                           \
    X(REF, "ref", NUMBER, ref, 0)                                                              \
    X(ASK, "ask", FLAG, ask, 0)                                                                \
    X(FORWARD, "forward", NUMBER, forward, 0)                                                  \
    X(COUNT, "count", NUMBER, count, 0)                                                        \
    X(REASON, "reason", TEXT, reason, TR_TRP1_MAX_WORD)                                        \
    X(REASON_CODE, "reason-code", NUMBER, reason_code, 0)                                      \
    X(GROUP, "group", TEXT, group, TR_TRP1_MAX_NAME)

enum header_number {
#define X(NAME, key, KIND, field, max_size) H_##NAME,
    HEADER_MAP(X)
#undef X
        N_HEADERS
};

static const header_t headers[] = {
#define X(NAME, key, KIND, field, max_size)                                                    \
    {WORD(key), HEADER_##KIND, offsetof(tr_trp1_t, field), max_size},
    HEADER_MAP(X)
#undef X
};

/* clang-format off */
static const tr_span_t command_names[] = {
    [TR_TRP1_UNKNOWN] = WORD("unknown"),
#define X(NAME, name) [TR_TRP1_##NAME] = WORD(#name),
    TR_TRP1_COMMAND_MAP(X)
#undef X
};
/* clang-format on */

#define N_COMMANDS (sizeof command_names / sizeof command_names[0])

const char *tr_trp1_command_name(tr_trp1_command_t command)
{
    return command_names[(size_t)command < N_COMMANDS ? command : TR_TRP1_UNKNOWN].data;
}

void tr_trp1_init(tr_trp1_t *self, tr_trp1_command_t command, uint64_t id)
{
    assert(self);
    *self = (tr_trp1_t){
        .command = command,
        .id = id,
        .version_min = -1,
        .version_max = -1,
        .heartbeat_ms = -1,
        .max_frame = -1,
        .max_open = -1,
        .bundle = -1,
        .timeout_ms = -1,
        .credit = -1,
        .batch = -1,
        .parent = -1,
        .sequence = -1,
        .hint_ms = -1,
        .position = -1,
        .concurrency = -1,
        .memory = -1,
        .running = -1,
        .running_for = -1,
        .progress_age = -1,
        .done = -1,
        .ref = -1,
        .forward = -1,
        .count = -1,
        .reason_code = -1,
    };
}

/* Neither is empty. The first byte tells most names apart, and is no call. */
static bool is_same(tr_span_t one, tr_span_t other)
{
    return one.size == other.size && one.data[0] == other.data[0] &&
           memcmp(one.data, other.data, one.size) == 0;
}

static int64_t number_of(const header_t *header, const tr_trp1_t *command)
{
    return *(const int64_t *)((const char *)command + header->offset);
}

static tr_span_t span_of(const header_t *header, const tr_trp1_t *command)
{
    return *(const tr_span_t *)((const char *)command + header->offset);
}

static bool flag_of(const header_t *header, const tr_trp1_t *command)
{
    return *(const bool *)((const char *)command + header->offset);
}

#define HAS_NUMBER(field)        (command->field >= 0)
#define HAS_TEXT(field)          (command->field.size > 0)
#define HAS_PROSE(field)         (command->field.size > 0)
#define HAS_KEY(field)           (command->field.size > 0)
#define HAS_FLAG(field)          (command->field)
#define HAS_VERDICT(field)       (command->command == TR_TRP1_ERROR)
#define HAS_PRIORITY(field)      (command->field != TROUPE_PRIORITY_DEFAULT)
#define HAS_ON_DISCONNECT(field) (command->field)
#define HAS_LIST(field)          (command->field.size > 0)

/* What is msgpack already. */
static void put_written(tr_writer_t *writer, tr_span_t written)
{
    writer->is_full = writer->is_full || written.size > (size_t)(writer->end - writer->at);
    if (!writer->is_full) {
        memcpy(writer->at, written.data, written.size);
        writer->at += written.size;
    }
}

static troupe_status_t put_header(tr_writer_t *writer, const header_t *header,
                                  const tr_trp1_t *command)
{
    tr_put_run(writer, header->key, false);
    switch (header->kind) {
    case HEADER_NUMBER:
        tr_put_number(writer, (uint64_t)number_of(header, command));
        break;
    case HEADER_TEXT:
    case HEADER_KEY: {
        tr_span_t span = span_of(header, command);
        if (span.size > header->max_size) {
            return TROUPE_LIMIT;
        }
        tr_put_run(writer, span, header->kind == HEADER_KEY);
        break;
    }
    case HEADER_PROSE: {
        tr_span_t span = span_of(header, command);
        span.size = tr_utf8_cut(span, header->max_size);
        char *sent = tr_put_run(writer, span, false);
        if (sent) {
            tr_utf8_mend(sent, span.size);
        }
        break;
    }
    case HEADER_FLAG:
    case HEADER_VERDICT:
        tr_put_bool(writer, flag_of(header, command));
        break;
    case HEADER_PRIORITY:
        tr_put_text(writer,
                    troupe_priority_name((troupe_priority_t)number_of(header, command)));
        break;
    case HEADER_ON_DISCONNECT:
        tr_put_text(writer, "finish");
        break;
    case HEADER_LIST:
        put_written(writer, span_of(header, command));
        break;
    }
    return TROUPE_OK;
}

/* Every message is asked for every header. The numbers, which are most, are asked in a row
 * without a branch: their sign says whether they are there. */
static uint64_t headers_in(const tr_trp1_t *command)
{
    uint64_t present = 0;
#define X(NAME, key, KIND, field, max_size) present |= (uint64_t)HAS_##KIND(field) << H_##NAME;
    HEADER_MAP(X)
#undef X
    return present;
}

troupe_status_t tr_trp1_encode(const tr_trp1_t *self, void *buffer, size_t capacity,
                               size_t *size_out)
{
    assert(self && buffer && size_out);
    assert(self->command > TR_TRP1_UNKNOWN && (size_t)self->command < N_COMMANDS);
    assert(self->id <= TR_TRP1_MAX_NUMBER);

    const uint64_t present = headers_in(self);
    tr_writer_t writer = {.at = buffer, .end = (unsigned char *)buffer + capacity};
    tr_put_array(&writer, 4);
    tr_put_text(&writer, MAGIC);
    tr_put_run(&writer, command_names[self->command], false);
    tr_put_number(&writer, self->id);
    tr_put_map(&writer, (size_t)__builtin_popcountll(present));
    for (uint64_t left = present; left != 0; left &= left - 1) {
        if (put_header(&writer, &headers[__builtin_ctzll(left)], self) != TROUPE_OK) {
            return TROUPE_LIMIT;
        }
    }
    if (writer.is_full) {
        return TROUPE_LIMIT;
    }
    *size_out = (size_t)(writer.at - (unsigned char *)buffer);
    return TROUPE_OK;
}

static bool parse_priority(tr_span_t name, int64_t *out)
{
    for (int i = TROUPE_PRIORITY_CRITICAL; i <= TROUPE_PRIORITY_BATCH; i++) {
        if (tr_span_equals(name, troupe_priority_name((troupe_priority_t)i))) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* The head of a list has been read as `item`, and `written` is all of it. */
static const char *fault_of_list(const header_t *header, const tr_item_t *item,
                                 tr_span_t written)
{
    tr_reader_t reader = tr_reader_of(written.data, written.size);
    tr_item_t text;
    if (item->type != TR_ITEM_ARRAY || !tr_take_item(&reader, &text)) {
        return "a header that must be a list of texts is not";
    }
    if (item->value > TR_TRP1_MAX_LIST) {
        return "a header's list is too long";
    }
    for (uint64_t i = 0; i < item->value; i++) {
        if (!tr_take_item(&reader, &text) || text.type != TR_ITEM_RUN || text.run.size == 0) {
            return "a header that must be a list of texts is not";
        }
        if (text.run.size > header->max_size) {
            return "a header's text is too long";
        }
    }
    return NULL;
}

/* Put the value, which is `written` so, into its field. Returns what is wrong with it, NULL
 * when nothing is. */
static const char *keep_value(const header_t *header, const tr_item_t *item, tr_span_t written,
                              tr_trp1_t *out)
{
    void *field = (char *)out + header->offset;
    switch (header->kind) {
    case HEADER_NUMBER:
        if (item->type != TR_ITEM_NUMBER || item->value > TR_TRP1_MAX_NUMBER) {
            return "a header that must be a number from 0 to 2^63 - 1 is not";
        }
        *(int64_t *)field = (int64_t)item->value;
        return NULL;
    case HEADER_TEXT:
    case HEADER_KEY:
    case HEADER_PROSE: {
        if (item->type != TR_ITEM_RUN) {
            return "a header that must be a text is not";
        }
        tr_span_t span = item->run;
        if (header->kind == HEADER_PROSE) {
            span.size = tr_utf8_cut(span, header->max_size);
        } else if (span.size > header->max_size) {
            return "a header's text is too long";
        }
        *(tr_span_t *)field = span;
        return NULL;
    }
    case HEADER_FLAG:
    case HEADER_VERDICT:
        if (item->type != TR_ITEM_BOOL) {
            return "a header that must be true or false is not";
        }
        *(bool *)field = item->value != 0;
        return NULL;
    case HEADER_PRIORITY:
        if (item->type != TR_ITEM_RUN || !parse_priority(item->run, field)) {
            return "priority is none of critical, high, normal, low, batch";
        }
        return NULL;
    case HEADER_ON_DISCONNECT:
        if (item->type != TR_ITEM_RUN ||
            !(tr_span_equals(item->run, "cancel") || tr_span_equals(item->run, "finish"))) {
            return "on-disconnect is neither cancel nor finish";
        }
        *(bool *)field = tr_span_equals(item->run, "finish");
        return NULL;
    case HEADER_LIST:
        *(tr_span_t *)field = item->value > 0 ? written : (tr_span_t){0};
        return fault_of_list(header, item, written);
    }
    return NULL;
}

/* Looks from `first` on and around: most writers keep to the order of the table. Returns
 * N_HEADERS for a key that is not known, or is no text. */
static size_t find_header(const tr_item_t *key, size_t first)
{
    if (key->type != TR_ITEM_RUN || key->run.size == 0) {
        return N_HEADERS;
    }
    for (size_t i = first; i < N_HEADERS; i++) {
        if (is_same(key->run, headers[i].key)) {
            return i;
        }
    }
    for (size_t i = 0; i < first; i++) {
        if (is_same(key->run, headers[i].key)) {
            return i;
        }
    }
    return N_HEADERS;
}

/* Take one key and its value; `seen` has a bit for each header that came before, `next` is the
 * one to expect. */
static const char *take_header(tr_reader_t *reader, uint64_t *seen, size_t *next,
                               tr_trp1_t *out)
{
    tr_item_t key;
    tr_item_t value;
    const unsigned char *start = NULL;
    if (!tr_take_item(reader, &key) || !tr_skip_inside(reader, &key, TR_TRP1_MAX_DEPTH - 2) ||
        !(start = reader->at) || !tr_take_item(reader, &value) ||
        !tr_skip_inside(reader, &value, TR_TRP1_MAX_DEPTH - 2)) {
        return "the headers are cut short, too deep or no msgpack";
    }
    size_t i = find_header(&key, *next);
    /* What the headers of a command that we do not know mean, we do not know either. */
    if (i == N_HEADERS || out->command == TR_TRP1_UNKNOWN) {
        return NULL;
    }
    if (*seen & UINT64_C(1) << i) {
        return "a header comes twice";
    }
    *seen |= UINT64_C(1) << i;
    *next = i + 1;
    tr_span_t written = {(const char *)start, (size_t)(reader->at - start)};
    return value.type == TR_ITEM_NIL ? NULL : keep_value(&headers[i], &value, written, out);
}

static bool take_magic(tr_reader_t *reader, uint64_t *n_items_out)
{
    tr_item_t array;
    tr_item_t magic;
    if (!tr_take_item(reader, &array) || array.type != TR_ITEM_ARRAY || array.value == 0 ||
        !tr_take_item(reader, &magic) || magic.type != TR_ITEM_RUN ||
        !tr_span_equals(magic.run, MAGIC)) {
        return false;
    }
    *n_items_out = array.value;
    return true;
}

static tr_trp1_command_t find_command(tr_span_t name)
{
    for (size_t i = TR_TRP1_UNKNOWN + 1; name.size > 0 && i < N_COMMANDS; i++) {
        if (is_same(name, command_names[i])) {
            return (tr_trp1_command_t)i;
        }
    }
    return TR_TRP1_UNKNOWN;
}

static const char *take_all(tr_reader_t *reader, size_t size, tr_trp1_t *out)
{
    uint64_t n_items;
    tr_item_t item;
    if (!take_magic(reader, &n_items) || n_items != 4) {
        return "frame 0 is no array of TRP1, command, id and headers";
    }
    if (!tr_take_item(reader, &item) || item.type != TR_ITEM_RUN) {
        return "the command is no text";
    }
    out->command = find_command(item.run);
    if (!tr_take_item(reader, &item) || item.type != TR_ITEM_NUMBER ||
        item.value > TR_TRP1_MAX_NUMBER) {
        return "the id is no number from 0 to 2^63 - 1";
    }
    out->id = item.value;
    if (size > TR_TRP1_MAX_HEADER) {
        return "frame 0 is too large";
    }
    if (!tr_take_item(reader, &item) || item.type != TR_ITEM_MAP) {
        return "the headers are no map";
    }
    uint64_t seen = 0;
    size_t next = out->command == TR_TRP1_REQUEST ? H_CAPABILITY : 0;
    static_assert(N_HEADERS <= 64, "a bit for each header");
    for (uint64_t i = 0; i < item.value; i++) {
        const char *fault = take_header(reader, &seen, &next, out);
        if (fault) {
            return fault;
        }
    }
    if (tr_bytes_left(reader) > 0) {
        return "bytes follow the array";
    }
    if (out->command == TR_TRP1_REQUEST && out->id == 0) {
        return "a request needs an id above 0";
    }
    bool has_actor = out->actor.size > 0 || out->ref >= 0;
    if (out->command == TR_TRP1_REQUEST && out->capability.size == 0 && !has_actor) {
        return "a request needs a capability or an actor";
    }
    if (out->capability.size > 0 && has_actor) {
        return "a request is for a capability or for an actor, not for both";
    }
    return NULL;
}

troupe_status_t tr_trp1_decode(const void *data, size_t size, tr_trp1_t *out,
                               const char **reason_out)
{
    assert((data || size == 0) && out && reason_out);

    tr_trp1_init(out, TR_TRP1_UNKNOWN, 0);
    tr_reader_t reader = tr_reader_of(data, size);
    const char *fault = take_all(&reader, size, out);
    if (fault) {
        tr_trp1_init(out, out->command, out->id);
        *reason_out = fault;
        return TROUPE_ERR_PROTOCOL;
    }
    return TROUPE_OK;
}

bool tr_trp1_recognise(const void *data, size_t size)
{
    assert(data || size == 0);
    tr_reader_t reader = tr_reader_of(data, size);
    uint64_t n_items;
    return take_magic(&reader, &n_items);
}

/* What is left of a list begins with its head only before the first text was taken. */
bool tr_trp1_next_text(tr_span_t *list, tr_span_t *text_out)
{
    assert(list && text_out);
    tr_reader_t reader = tr_reader_of(list->data, list->size);
    tr_item_t item;
    bool is_there = list->size > 0 && tr_take_item(&reader, &item) &&
                    (item.type != TR_ITEM_ARRAY || tr_take_item(&reader, &item)) &&
                    item.type == TR_ITEM_RUN;
    if (is_there) {
        *text_out = item.run;
        *list = (tr_span_t){(const char *)reader.at, tr_bytes_left(&reader)};
    }
    return is_there;
}

troupe_status_t tr_trp1_list_texts(const tr_span_t *texts, size_t n_texts, void *buffer,
                                   size_t capacity, tr_span_t *list_out)
{
    assert((texts || n_texts == 0) && n_texts <= TR_TRP1_MAX_LIST && buffer && list_out);
    tr_writer_t writer = {.at = buffer, .end = (unsigned char *)buffer + capacity};
    tr_put_array(&writer, n_texts);
    for (size_t i = 0; i < n_texts; i++) {
        tr_put_run(&writer, texts[i], false);
    }
    *list_out = (tr_span_t){buffer, (size_t)(writer.at - (unsigned char *)buffer)};
    return writer.is_full ? TROUPE_LIMIT : TROUPE_OK;
}
