/* Majordomo, in all of its dialects and both roles, and telling languages apart by how a
 * message begins. What was read keeps its limits, can be written, and reads the same again.
 *
 * The input is a list of frames, each behind a byte of length; of 255 there are two bytes more.
 */

#include "tests/fuzz/target.h"

#include "wire/mdp.h"
#include "wire/sniff.h"
#include "wire/trp1.h"

static bool are_same(tr_span_t one, tr_span_t other)
{
    return one.size == other.size &&
           (one.size == 0 || memcmp(one.data, other.data, one.size) == 0);
}

static void holds_limits(const tr_mdp_t *mdp, size_t n_frames)
{
    HOLDS(mdp->dialect < TR_MDP_N_DIALECTS && mdp->role < TR_MDP_N_ROLES &&
          mdp->command < TR_MDP_N_COMMANDS);
    HOLDS(tr_mdp_has(mdp->dialect, mdp->role, mdp->command));
    HOLDS(mdp->service.size <= TR_MDP_MAX_SERVICE && mdp->address.size <= TR_MDP_MAX_ADDRESS);
    HOLDS(mdp->n_head <= TR_MDP_MAX_HEAD);
    HOLDS(tr_mdp_has_body(mdp->command) ? mdp->n_head < n_frames : mdp->n_head == n_frames);
}

static void is_read_again(const tr_mdp_t *mdp)
{
    troupe_message_t *message = troupe_message_new();
    HOLDS(message && tr_mdp_encode(mdp, message) == TROUPE_OK);
    if (tr_mdp_has_body(mdp->command)) {
        HOLDS(troupe_message_add(message, "body", 4) == TROUPE_OK);
    }
    tr_span_t frames[TR_MDP_MAX_HEAD];
    size_t n = troupe_message_count(message);
    for (size_t i = 0; i < n && i < TR_MDP_MAX_HEAD; i++) {
        frames[i] =
            (tr_span_t){troupe_message_data(message, i), troupe_message_size(message, i)};
    }
    tr_mdp_t again;
    const char *reason;
    HOLDS(tr_mdp_decode(frames, n, &again, &reason) == TROUPE_OK);
    HOLDS(again.dialect == mdp->dialect && again.role == mdp->role);
    HOLDS(again.command == mdp->command && again.n_head == mdp->n_head);
    HOLDS(are_same(again.service, mdp->service) && are_same(again.address, mdp->address));
    troupe_message_destroy(&message);
}

static void is_told_apart(const tr_span_t *frames, size_t n_frames, bool is_majordomo)
{
    tr_mdp_dialect_t dialect;
    const char *what = NULL;
    tr_sniff_t language = tr_sniff(frames, n_frames < 2 ? n_frames : 2, &dialect, &what);
    HOLDS(what && (language == TR_SNIFF_OTHER) == (what[0] != '\0'));
    HOLDS(!is_majordomo || language == TR_SNIFF_MAJORDOMO);
    HOLDS(!tr_trp1_recognise(frames[0].data, frames[0].size) || language == TR_SNIFF_TRP1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    tr_span_t frames[INPUT_FRAMES];
    size_t n_frames = take_frames(&input, frames);
    tr_mdp_t mdp;
    const char *reason = NULL;
    troupe_status_t status = tr_mdp_decode(frames, n_frames, &mdp, &reason);
    HOLDS((status == TROUPE_OK) == (reason == NULL));
    if (status == TROUPE_OK) {
        holds_limits(&mdp, n_frames);
        is_read_again(&mdp);
    }
    if (n_frames > 0) {
        is_told_apart(frames, n_frames, status == TROUPE_OK);
    }
    free_frames(frames, n_frames);
    return 0;
}
