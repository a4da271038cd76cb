#include "wire/sniff.h"

#include <assert.h>

#define ARRAY_4  0x94
#define ARRAY_16 0xdc
#define ARRAY_32 0xdd

/* TRP/1 begins with an array, whatever else may be wrong with it. */
static bool is_array(tr_span_t frame)
{
    unsigned char lead = frame.size > 0 ? (unsigned char)frame.data[0] : 0;
    return (lead & 0xf0) == (ARRAY_4 & 0xf0) || lead == ARRAY_16 || lead == ARRAY_32;
}

static bool begins_with(tr_span_t frame, const char *text)
{
    return frame.size >= strlen(text) && memcmp(frame.data, text, strlen(text)) == 0;
}

/* A worker of it says that it is ready, or lives, by one byte. */
static bool is_paranoid_pirate(tr_span_t frame)
{
    return frame.size == 1 && (frame.data[0] == 1 || frame.data[0] == 2);
}

static const char *describe(const tr_span_t *frames, size_t n_frames)
{
    bool is_enveloped = n_frames > 1 && frames[0].size == 0;
    tr_span_t header = frames[is_enveloped ? 1 : 0];
    if (begins_with(header, "MDPC01") || begins_with(header, "MDPW01")) {
        return "MDP/0.1 without its empty frame: a REQ socket, or an empty frame, is needed";
    }
    if (begins_with(header, "MDPC") || begins_with(header, "MDPW")) {
        return "Majordomo of a version that is not spoken here";
    }
    if (begins_with(header, "\xaa\xa4")) {
        return "Majordomo in the frames of zproto, which RFC 18 has not";
    }
    if (is_paranoid_pirate(header)) {
        return "Paranoid Pirate";
    }
    if (is_enveloped && is_array(header)) {
        return "TRP/1 behind an empty frame: a DEALER socket is needed";
    }
    if (is_enveloped) {
        return "a REQ socket that speaks nothing known here";
    }
    return header.size == 0 ? "an empty message" : "nothing known here";
}

tr_sniff_t tr_sniff(const tr_span_t *frames, size_t n_frames, tr_mdp_dialect_t *mdp_out,
                    const char **what_out)
{
    assert(frames && n_frames > 0 && mdp_out && what_out);
    *what_out = "";
    tr_mdp_role_t role;
    if (is_array(frames[0])) {
        return TR_SNIFF_TRP1;
    }
    if (tr_mdp_recognise(frames, n_frames, mdp_out, &role)) {
        return TR_SNIFF_MAJORDOMO;
    }
    *what_out = describe(frames, n_frames);
    return TR_SNIFF_OTHER;
}
