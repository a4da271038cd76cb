/* The first message decides, and of that the first two frames. */

#include "remote/gateway/dialect.h"

#include <assert.h>

#include "wire/sniff.h"

static tr_sniff_t sniff(tr_span_t first, const troupe_message_t *rest,
                        tr_mdp_dialect_t *mdp_out, const char **what_out)
{
    bool has_second = rest && troupe_message_count(rest) > 0;
    tr_span_t frames[2] = {first};
    if (has_second) {
        frames[1] = (tr_span_t){troupe_message_data(rest, 0), troupe_message_size(rest, 0)};
    }
    return tr_sniff(frames, has_second ? 2 : 1, mdp_out, what_out);
}

const tr_dialect_t *tr_dialect_of(tr_span_t first, const troupe_message_t *rest)
{
    tr_mdp_dialect_t mdp;
    const char *what;
    switch (sniff(first, rest, &mdp, &what)) {
    case TR_SNIFF_TRP1:
        return &tr_native;
    case TR_SNIFF_MAJORDOMO:
        return &tr_majordomo[mdp];
    default:
        return &tr_stranger;
    }
}

const char *tr_dialect_describe(tr_span_t first, const troupe_message_t *rest)
{
    tr_mdp_dialect_t mdp;
    const char *what;
    (void)sniff(first, rest, &mdp, &what);
    return what;
}

const char *tr_dialect_name(tr_dialect_number_t number)
{
    static const char *const names[TR_N_DIALECTS] = {
        [TR_DIALECT_TRP1] = "trp1",       [TR_DIALECT_MDP_01] = "mdp0.1",
        [TR_DIALECT_MDP_02] = "mdp0.2",   [TR_DIALECT_MAJORTOMO] = "majortomo",
        [TR_DIALECT_UNKNOWN] = "unknown",
    };
    assert(number < TR_N_DIALECTS);
    return names[number];
}
