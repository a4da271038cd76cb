#include "remote/doors/zap.h"

#include <assert.h>
#include <string.h>

enum { VERSION, ID, DOMAIN_NAME, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS, N_OF_CURVE };

#define LONGEST 255 /* of all texts */

static tr_zap_answer_t refused(tr_zap_answer_t answer, const char *status, tr_refused_why_t why,
                               const char *text)
{
    answer.status = status;
    answer.why = why;
    answer.text = text;
    return answer;
}

static bool are_texts_short(const tr_span_t *frames)
{
    for (size_t i = ID; i <= MECHANISM; i++) {
        if (frames[i].size > LONGEST) {
            return false;
        }
    }
    return true;
}

static bool begins_with(tr_span_t text, const char *beginning)
{
    return text.size >= strlen(beginning) &&
           memcmp(text.data, beginning, strlen(beginning)) == 0;
}

tr_zap_answer_t tr_zap_decide(const tr_keys_t *keys, const tr_span_t *frames, size_t n_frames)
{
    assert(keys && (frames || n_frames == 0));
    tr_zap_answer_t answer = {.id = {"", 0}};
    if (n_frames > ID && frames[ID].size <= LONGEST) {
        answer.id = frames[ID];
    }
    if (n_frames == 0 || !tr_span_equals(frames[VERSION], TR_ZAP_VERSION)) {
        return refused(answer, "500", TR_REFUSED_MALFORMED, "version 1.0 is spoken here");
    }
    if (n_frames <= MECHANISM || !are_texts_short(frames)) {
        return refused(answer, "500", TR_REFUSED_MALFORMED, "not a request of version 1.0");
    }
    answer.address = frames[ADDRESS];
    if (!begins_with(frames[DOMAIN_NAME], TR_ZAP_DOMAIN)) {
        return refused(answer, "400", TR_REFUSED_MALFORMED, "unknown domain");
    }
    answer.endpoint = (tr_span_t){frames[DOMAIN_NAME].data + strlen(TR_ZAP_DOMAIN),
                                  frames[DOMAIN_NAME].size - strlen(TR_ZAP_DOMAIN)};
    if (!tr_span_equals(frames[MECHANISM], "CURVE")) {
        return refused(answer, "400", TR_REFUSED_MECHANISM, "only CURVE is let in");
    }
    if (n_frames != N_OF_CURVE || frames[CREDENTIALS].size != TR_CURVE_KEY_BYTES) {
        return refused(answer, "400", TR_REFUSED_MALFORMED, "CURVE has one key of 32 bytes");
    }
    answer.key_bytes = frames[CREDENTIALS];
    answer.key = tr_keys_find(keys, frames[CREDENTIALS]);
    if (!answer.key) {
        return refused(answer, "400", TR_REFUSED_KEY, "unknown key");
    }
    answer.status = "200";
    answer.text = "OK";
    return answer;
}

/* A property is its name behind one byte of length, and its value behind four. */
size_t tr_zap_metadata(const tr_key_t *key, unsigned char metadata[TR_ZAP_MAX_METADATA])
{
    assert(key);
    const size_t name_size = strlen(TR_ZAP_KEY_PROPERTY);
    const size_t value_size = strlen(key->text);
    unsigned char *at = metadata;
    *at++ = (unsigned char)name_size;
    memcpy(at, TR_ZAP_KEY_PROPERTY, name_size);
    at += name_size;
    memset(at, 0, 3);
    at[3] = (unsigned char)value_size;
    at += 4;
    memcpy(at, key->text, value_size);
    return (size_t)(at + value_size - metadata);
}
