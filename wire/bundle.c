/* The length of frame 0 goes before it and is known only behind it: so it gets the one byte
 * that the longest needs, and frame 0 is written where it stays.
 */

#include "wire/bundle.h"

#include <assert.h>

#define BIN_8 0xc4
#define PLACE 2 /* of a bin's lead and length */

bool tr_bundle_put(tr_writer_t *writer, const tr_trp1_t *command, size_t n_frames)
{
    assert(writer && command);
    size_t room = (size_t)(writer->end - writer->at);
    if (writer->is_full || room <= PLACE) {
        return false;
    }
    room -= PLACE;
    size_t size;
    if (tr_trp1_encode(command, writer->at + PLACE,
                       room < TR_BUNDLE_MAX_HEAD ? room : TR_BUNDLE_MAX_HEAD,
                       &size) != TROUPE_OK) {
        return false;
    }
    writer->at[0] = BIN_8;
    writer->at[1] = (unsigned char)size;
    writer->at += PLACE + size;
    tr_put_array(writer, n_frames);
    return !writer->is_full;
}

bool tr_bundle_put_frame(tr_writer_t *writer, const void *data, size_t size)
{
    assert(writer && (data || size == 0));
    return tr_put_run(writer, (tr_span_t){data, size}, true) != NULL;
}

bool tr_bundle_take_frame(tr_reader_t *reader, tr_span_t *out)
{
    assert(reader && out);
    tr_item_t item;
    if (!tr_take_item(reader, &item) || item.type != TR_ITEM_RUN) {
        return false;
    }
    *out = item.run;
    return true;
}

bool tr_bundle_take(tr_reader_t *reader, tr_span_t *head_out, uint64_t *n_frames_out)
{
    assert(reader && head_out && n_frames_out);
    tr_item_t frames;
    if (!tr_bundle_take_frame(reader, head_out) || !tr_take_item(reader, &frames) ||
        frames.type != TR_ITEM_ARRAY) {
        return false;
    }
    *n_frames_out = frames.value;
    return true;
}
