/* One table says which byte means which command; the three dialects differ in it, in the empty
 * frame before all, and in what an answer to a client bears.
 */

#include "wire/mdp.h"

#include <assert.h>

#define HEADER_SIZE 6

/* By dialect, role and command; 0: there is none. A client's commands in 0.1 have no byte. */
static const unsigned char codes[TR_MDP_N_DIALECTS][TR_MDP_N_ROLES][TR_MDP_N_COMMANDS] = {
    [TR_MDP_01][TR_MDP_WORKER] = {[TR_MDP_READY] = 1,
                                  [TR_MDP_REQUEST] = 2,
                                  [TR_MDP_FINAL] = 3,
                                  [TR_MDP_HEARTBEAT] = 4,
                                  [TR_MDP_DISCONNECT] = 5},
    [TR_MDP_02][TR_MDP_CLIENT] =
        {[TR_MDP_REQUEST] = 1, [TR_MDP_PARTIAL] = 2, [TR_MDP_FINAL] = 3},
    [TR_MDP_02][TR_MDP_WORKER] = {[TR_MDP_READY] = 1,
                                  [TR_MDP_REQUEST] = 2,
                                  [TR_MDP_PARTIAL] = 3,
                                  [TR_MDP_FINAL] = 4,
                                  [TR_MDP_HEARTBEAT] = 5,
                                  [TR_MDP_DISCONNECT] = 6},
    [TR_MDP_MAJORTOMO][TR_MDP_CLIENT] =
        {[TR_MDP_REQUEST] = 2, [TR_MDP_PARTIAL] = 3, [TR_MDP_FINAL] = 4},
    [TR_MDP_MAJORTOMO][TR_MDP_WORKER] = {[TR_MDP_READY] = 1,
                                         [TR_MDP_REQUEST] = 2,
                                         [TR_MDP_PARTIAL] = 3,
                                         [TR_MDP_FINAL] = 4,
                                         [TR_MDP_HEARTBEAT] = 5,
                                         [TR_MDP_DISCONNECT] = 6},
};

const char *tr_mdp_dialect_name(tr_mdp_dialect_t dialect)
{
    static const char *const names[] = {
        [TR_MDP_01] = "mdp0.1",
        [TR_MDP_02] = "mdp0.2",
        [TR_MDP_MAJORTOMO] = "majortomo",
    };
    assert(dialect < TR_MDP_N_DIALECTS);
    return names[dialect];
}

static bool has_envelope(tr_mdp_dialect_t dialect)
{
    return dialect != TR_MDP_02;
}

/* A client's commands in 0.1 are told apart by their direction. */
static bool has_command_frame(tr_mdp_dialect_t dialect, tr_mdp_role_t role)
{
    return dialect != TR_MDP_01 || role != TR_MDP_CLIENT;
}

bool tr_mdp_has(tr_mdp_dialect_t dialect, tr_mdp_role_t role, tr_mdp_command_t command)
{
    assert(dialect < TR_MDP_N_DIALECTS && role < TR_MDP_N_ROLES && command < TR_MDP_N_COMMANDS);
    return has_command_frame(dialect, role)
               ? codes[dialect][role][command] > 0
               : command == TR_MDP_REQUEST || command == TR_MDP_FINAL;
}

bool tr_mdp_has_body(tr_mdp_command_t command)
{
    return command == TR_MDP_REQUEST || command == TR_MDP_PARTIAL || command == TR_MDP_FINAL;
}

static bool has_service(const tr_mdp_t *self)
{
    return self->role == TR_MDP_CLIENT
               ? self->dialect != TR_MDP_MAJORTOMO || self->command == TR_MDP_REQUEST
               : self->command == TR_MDP_READY;
}

static bool has_address(const tr_mdp_t *self)
{
    return self->role == TR_MDP_WORKER && tr_mdp_has_body(self->command);
}

bool tr_mdp_recognise(const tr_span_t *frames, size_t n_frames, tr_mdp_dialect_t *dialect_out,
                      tr_mdp_role_t *role_out)
{
    assert((frames || n_frames == 0) && dialect_out && role_out);
    bool is_enveloped = n_frames > 1 && frames[0].size == 0;
    if (n_frames == 0) {
        return false;
    }
    tr_span_t header = frames[is_enveloped ? 1 : 0];
    for (tr_mdp_role_t role = 0; role < TR_MDP_N_ROLES; role++) {
        if (tr_span_equals(header, role == TR_MDP_CLIENT ? "MDPC02" : "MDPW02")) {
            *dialect_out = is_enveloped ? TR_MDP_MAJORTOMO : TR_MDP_02;
            *role_out = role;
            return true;
        }
        if (is_enveloped &&
            tr_span_equals(header, role == TR_MDP_CLIENT ? "MDPC01" : "MDPW01")) {
            *dialect_out = TR_MDP_01;
            *role_out = role;
            return true;
        }
    }
    return false;
}

/* The command that the byte stands for; TR_MDP_N_COMMANDS: none. */
static tr_mdp_command_t command_of(const tr_mdp_t *self, tr_span_t frame)
{
    tr_mdp_command_t command = 0;
    unsigned char byte = frame.size == 1 ? (unsigned char)frame.data[0] : 0;
    while (command < TR_MDP_N_COMMANDS &&
           (byte == 0 || codes[self->dialect][self->role][command] != byte)) {
        command++;
    }
    return command;
}

/* What is wrong with the frames behind the command; NULL: nothing. */
static const char *take_names(tr_mdp_t *self, const tr_span_t *frames, size_t n_frames)
{
    if (has_service(self)) {
        if (self->n_head >= n_frames) {
            return "the service is missing";
        }
        self->service = frames[self->n_head++];
        if (self->service.size == 0 || self->service.size > TR_MDP_MAX_SERVICE) {
            return "a service has a name of 1 to 128 bytes";
        }
    }
    if (has_address(self)) {
        if (self->n_head + 1 >= n_frames) {
            return "the address is missing";
        }
        self->address = frames[self->n_head++];
        if (self->address.size == 0 || self->address.size > TR_MDP_MAX_ADDRESS) {
            return "an address has 1 to 255 bytes";
        }
        if (frames[self->n_head++].size > 0) {
            return "there must be one address frame, and an empty frame behind it";
        }
    }
    return NULL;
}

troupe_status_t tr_mdp_decode(const tr_span_t *frames, size_t n_frames, tr_mdp_t *out,
                              const char **reason)
{
    assert((frames || n_frames == 0) && out && reason);
    *out = (tr_mdp_t){.command = TR_MDP_REQUEST};
    *reason = NULL;
    if (!tr_mdp_recognise(frames, n_frames, &out->dialect, &out->role)) {
        *reason = "not Majordomo";
        return TROUPE_ERR_PROTOCOL;
    }
    out->n_head = has_envelope(out->dialect) ? 2 : 1;
    if (has_command_frame(out->dialect, out->role)) {
        if (out->n_head >= n_frames) {
            *reason = "the command is missing";
            return TROUPE_ERR_PROTOCOL;
        }
        out->command = command_of(out, frames[out->n_head++]);
        if (out->command == TR_MDP_N_COMMANDS) {
            *reason = "there is no such command";
            return TROUPE_ERR_PROTOCOL;
        }
    }
    *reason = take_names(out, frames, n_frames);
    if (*reason) {
        return TROUPE_ERR_PROTOCOL;
    }
    if (tr_mdp_has_body(out->command) != (n_frames > out->n_head)) {
        *reason = n_frames > out->n_head ? "there are frames behind it" : "the body is missing";
        return TROUPE_ERR_PROTOCOL;
    }
    return TROUPE_OK;
}

troupe_status_t tr_mdp_encode(const tr_mdp_t *self, troupe_message_t *to)
{
    static const char *const headers[TR_MDP_N_DIALECTS][TR_MDP_N_ROLES] = {
        [TR_MDP_01] = {"MDPC01", "MDPW01"},
        [TR_MDP_02] = {"MDPC02", "MDPW02"},
        [TR_MDP_MAJORTOMO] = {"MDPC02", "MDPW02"},
    };
    assert(self && to && tr_mdp_has(self->dialect, self->role, self->command));
    troupe_status_t status = TROUPE_OK;
    if (has_envelope(self->dialect)) {
        status = troupe_message_add(to, "", 0);
    }
    if (status == TROUPE_OK) {
        status = troupe_message_add(to, headers[self->dialect][self->role], HEADER_SIZE);
    }
    if (status == TROUPE_OK && has_command_frame(self->dialect, self->role)) {
        status = troupe_message_add(to, &codes[self->dialect][self->role][self->command], 1);
    }
    if (status == TROUPE_OK && has_service(self)) {
        assert(self->service.size > 0 && self->service.size <= TR_MDP_MAX_SERVICE);
        status = troupe_message_add(to, self->service.data, self->service.size);
    }
    if (status == TROUPE_OK && has_address(self)) {
        assert(self->address.size > 0 && self->address.size <= TR_MDP_MAX_ADDRESS);
        status = troupe_message_add(to, self->address.data, self->address.size);
        if (status == TROUPE_OK) {
            status = troupe_message_add(to, "", 0);
        }
    }
    return status;
}
