/* Who may come in by CURVE. Only a whole question, of a door, with a key of the table lets
 * anybody in. The input is a list of frames; and as text, it is taken for a key.
 */

#include "tests/fuzz/target.h"

#include "remote/doors/zap.h"

static tr_keys_t *keys;

static void begin_keys(void)
{
    static const tr_key_spec_t specs[] = {
        {.name = "alice", .key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"},
        {.name = "bob", .key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"},
    };
    keys = tr_keys_new(specs, sizeof specs / sizeof specs[0]);
    HOLDS(keys);
}

static void end_keys(void)
{
    tr_keys_release(&keys);
}

static bool is_frame(tr_span_t span, const tr_span_t *frames, size_t n_frames)
{
    for (size_t i = 0; i < n_frames; i++) {
        if (span.data >= frames[i].data &&
            span.data + span.size <= frames[i].data + frames[i].size) {
            return true;
        }
    }
    return span.size == 0;
}

static void is_sound(const tr_zap_answer_t *answer, const tr_span_t *frames, size_t n_frames)
{
    HOLDS(answer->status && answer->text && answer->text[0]);
    HOLDS((strcmp(answer->status, "200") == 0) == (answer->key != NULL));
    HOLDS(answer->key || strcmp(answer->status, "400") == 0 ||
          strcmp(answer->status, "500") == 0);
    HOLDS(is_frame(answer->id, frames, n_frames) &&
          is_frame(answer->address, frames, n_frames));
    HOLDS(is_frame(answer->endpoint, frames, n_frames) &&
          is_frame(answer->key_bytes, frames, n_frames));
    HOLDS(answer->id.size <= 255 && answer->address.size <= 255);
}

/* Of who is let in. */
static void has_shown_it(const tr_zap_answer_t *answer, const tr_span_t *frames,
                         size_t n_frames)
{
    unsigned char metadata[TR_ZAP_MAX_METADATA];
    HOLDS(n_frames == 7 && tr_span_equals(frames[0], TR_ZAP_VERSION) &&
          tr_span_equals(frames[5], "CURVE") && frames[6].size == TR_CURVE_KEY_BYTES &&
          memcmp(frames[6].data, answer->key->bytes, TR_CURVE_KEY_BYTES) == 0);
    HOLDS(frames[2].size >= strlen(TR_ZAP_DOMAIN) &&
          memcmp(frames[2].data, TR_ZAP_DOMAIN, strlen(TR_ZAP_DOMAIN)) == 0);
    size_t size = tr_zap_metadata(answer->key, metadata);
    HOLDS(size > 0 && size <= sizeof metadata);
}

static void is_no_key_or_one(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    unsigned char bytes[TR_CURVE_KEY_BYTES];
    if (tr_curve_key_decode(text, bytes)) {
        HOLDS(strlen(text) == TR_CURVE_KEY_TEXT - 1);
        for (const char *at = text; *at; at++) {
            HOLDS(*at > 0x20 && *at < 0x7f);
        }
    }
    HOLDS(!tr_keys_check(keys, text, text));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!keys) {
        begin_keys();
        HOLDS(atexit(end_keys) == 0);
    }
    input_t input = {data, size};
    tr_span_t frames[INPUT_FRAMES];
    size_t n_frames = take_frames(&input, frames);
    tr_zap_answer_t answer = tr_zap_decide(
        keys, frames, n_frames < TR_ZAP_MAX_FRAMES ? n_frames : TR_ZAP_MAX_FRAMES);
    is_sound(&answer, frames, n_frames);
    if (answer.key) {
        has_shown_it(&answer, frames, n_frames);
    }
    free_frames(frames, n_frames);
    is_no_key_or_one(data, size);
    return 0;
}
