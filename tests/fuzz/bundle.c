/* The body of a bundle, taken apart as the gateway does it, and item by item as it is. What was
 * taken is put again, and taken again.
 */

#include "tests/fuzz/target.h"

#include "mailbox/message.h"
#include "remote/bundle.h"

#define MOST_FRAMES 64

/* Items of any kind, each skipped with all that is inside it. */
static void pass_items(const uint8_t *data, size_t size)
{
    tr_reader_t reader = tr_reader_of(data, size);
    tr_item_t item;
    while (tr_bytes_left(&reader) > 0) {
        size_t before = tr_bytes_left(&reader);
        if (!tr_take_item(&reader, &item)) {
            return;
        }
        HOLDS(tr_bytes_left(&reader) < before);
        HOLDS(item.type != TR_ITEM_RUN || item.run.size < before);
        HOLDS(item.type != TR_ITEM_ARRAY || item.value <= tr_bytes_left(&reader));
        HOLDS(item.type != TR_ITEM_MAP || item.value <= tr_bytes_left(&reader) / 2);
        if (!tr_skip_inside(&reader, &item, TR_TRP1_MAX_DEPTH)) {
            return;
        }
    }
}

static void is_taken_again(const tr_trp1_t *command, const troupe_message_t *payload)
{
    tr_bundle_t bundle = {.body = NULL};
    size_t n_frames = payload ? troupe_message_count(payload) : 0;
    if (tr_bundle_add(&bundle, TR_BUNDLE_BODY, command, payload)) {
        HOLDS(bundle.n_commands == 1 && bundle.size <= TR_BUNDLE_BODY);
        tr_reader_t reader = tr_reader_of(bundle.body, bundle.size);
        tr_span_t head;
        uint64_t n_again;
        troupe_message_t *again = NULL;
        HOLDS(tr_bundle_take(&reader, &head, &n_again) && n_again == n_frames);
        HOLDS(head.size <= TR_BUNDLE_MAX_HEAD);
        HOLDS(tr_bundle_take_payload(&reader, n_again, MOST_FRAMES, &again) == TROUPE_OK);
        HOLDS(tr_bytes_left(&reader) == 0);
        for (size_t i = 0; i < n_frames; i++) {
            size_t size = troupe_message_size(payload, i);
            HOLDS(troupe_message_size(again, i) == size &&
                  memcmp(troupe_message_data(again, i), troupe_message_data(payload, i),
                         size) == 0);
        }
        troupe_message_destroy(&again);
    }
    tr_bundle_finish(&bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pass_items(data, size);
    tr_reader_t reader = tr_reader_of(data, size);
    tr_span_t head;
    uint64_t n_frames;
    while (tr_bytes_left(&reader) > 0 && tr_bundle_take(&reader, &head, &n_frames)) {
        troupe_message_t *payload = NULL;
        tr_trp1_t command;
        const char *reason = NULL;
        HOLDS(n_frames <= size);
        if (tr_bundle_take_payload(&reader, n_frames, MOST_FRAMES, &payload) != TROUPE_OK) {
            HOLDS(!payload);
            break;
        }
        HOLDS(!payload || troupe_message_count(payload) <= MOST_FRAMES);
        if (tr_trp1_decode(head.data, head.size, &command, &reason) == TROUPE_OK &&
            command.command != TR_TRP1_UNKNOWN) {
            is_taken_again(&command, payload);
        }
        troupe_message_destroy(&payload);
    }
    return 0;
}
