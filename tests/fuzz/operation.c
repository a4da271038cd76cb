/* What an operator calls of a node: methods, frames and times of any kind. What is begun is
 * within its bounds, and whoever called is answered exactly once.
 *
 * The input is a list of calls: bytes of method, time and number of frames, and then the
 * frames, each behind a byte of length.
 */

#include "tests/fuzz/target.h"

#include "base/log.h"
#include "mailbox/reply.h"
#include "node/admin/operation_inside.h"

#define MOST_FRAMES 4
#define MOST_CALLS  32
#define DELAY_MS    ((int64_t)30 * 24 * 3600 * 1000)

static struct world {
    tr_runtime_t *runtime;
    tr_self_t *admin;
    tr_mailbox_t *caller;
    tr_modules_t *modules;
} world;

static void begin_world(void)
{
    static const tr_mailbox_limits_t limits = {1000, 1 << 24};
    tr_log_set_level(TR_LOG_OFF);
    world.runtime = tr_runtime_new("studio");
    world.modules = tr_modules_new();
    world.caller = tr_mailbox_new("caller", 1, limits);
    world.admin = calloc(1, sizeof *world.admin);
    HOLDS(world.runtime && world.modules && world.caller && world.admin);
    atomic_store(&world.runtime->phase, TR_NODE_READY);
    world.admin->runtime = world.runtime;
    world.admin->mailbox = tr_mailbox_new("troupe.admin", 2, limits);
    HOLDS(world.admin->mailbox);
}

static tr_envelope_t *read_call(input_t *input, uint64_t id)
{
    const char *method = tr_deed_name((tr_deed_t)(take_byte(input) % TR_N_DEEDS));
    uint8_t time = take_byte(input);
    troupe_message_t *message = troupe_message_new();
    HOLDS(message);
    for (size_t n = take_byte(input) % (MOST_FRAMES + 1); n > 0; n--) {
        tr_span_t frame = take_bytes(input, take_byte(input));
        HOLDS(troupe_message_add(message, frame.data, frame.size) == TROUPE_OK);
    }
    const tr_header_t header = {
        .capability = tr_span_of("troupe.admin"),
        .method = tr_span_of(method),
        .timeout_ms = time,
    };
    tr_envelope_t *envelope = tr_envelope_new(id, world.caller, &header, &message);
    HOLDS(envelope);
    return envelope;
}

static void holds_bounds(const tr_operation_t *operation)
{
    HOLDS(operation->deed < TR_N_DEEDS);
    HOLDS(strnlen(operation->name, sizeof operation->name) < sizeof operation->name);
    HOLDS(operation->delay_ms >= 0 && operation->delay_ms <= DELAY_MS);
    HOLDS(operation->trace_ms >= 0 && operation->trace_ms <= TR_TRACE_MOST_MS);
    if (operation->deed == TR_DEED_SCALE) {
        HOLDS(operation->size.least <= TR_SIZE_MAX && operation->size.most <= TR_SIZE_MAX);
        HOLDS(operation->size.least >= 0 || operation->size.most > 0);
    }
}

/* Each answer is counted for its call. */
static void read_answers(unsigned n_answers[MOST_CALLS])
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.caller, NULL));) {
        HOLDS(letter->type == &tr_reply_type);
        const troupe_reply_t *reply = (const troupe_reply_t *)letter;
        HOLDS(reply->is_final && reply->id < MOST_CALLS);
        n_answers[reply->id]++;
        tr_letter_destroy(&letter);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!world.runtime) {
        begin_world();
    }
    input_t input = {data, size};
    unsigned n_answers[MOST_CALLS] = {0};
    size_t n_calls = 0;
    tr_operations_t operations;
    tr_operations_init(&operations, world.admin, world.modules, NULL);
    while (input.left > 0 && n_calls < MOST_CALLS) {
        uint64_t token = 0;
        if (tr_operations_begin(&operations, read_call(&input, n_calls++), &token)) {
            HOLDS(token > 0 && operations.first->token == token);
            holds_bounds(operations.first);
        }
    }
    read_answers(n_answers);
    tr_operations_expire(&operations, INT64_MAX / 2);
    HOLDS(!operations.first && operations.n == 0);
    tr_operations_finish(&operations);
    read_answers(n_answers);
    for (size_t i = 0; i < MOST_CALLS; i++) {
        HOLDS(n_answers[i] == (i < n_calls));
    }
    return 0;
}
