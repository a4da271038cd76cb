#include "node/http/readiness.h"

#include <assert.h>

#include "node/admin/account.h"

/* In one line, if it is a text and has something to say. */
static void add_value(tr_builder_t *to, const char *before, const msgpack_object *value)
{
    if (value && value->type == MSGPACK_OBJECT_STR && value->via.str.size > 0) {
        tr_builder_add_text(to, before);
        for (uint32_t i = 0; i < value->via.str.size; i++) {
            char byte = value->via.str.ptr[i];
            tr_builder_add_char(to, byte == '\n' || byte == '\r' ? ' ' : byte);
        }
    }
}

static void add_member(tr_builder_t *to, const char *before, const msgpack_object *map,
                       const char *key)
{
    add_value(to, before, tr_account_member(map, key));
}

/* The state of the node itself comes before all that it has. */
static bool is_up(const msgpack_object *state, tr_builder_t *why)
{
    if (tr_account_says(state, "state", "ready")) {
        return true;
    }
    tr_builder_add_text(why, "the node is");
    add_member(why, " ", state, "state");
    tr_builder_add_char(why, '\n');
    return false;
}

/* What a node that starts still waits for. */
static void add_what_starts(tr_builder_t *why, const msgpack_object *state)
{
    if (tr_account_says(state, "state", "starting")) {
        msgpack_object_array reasons = tr_account_list(state, "reasons");
        for (uint32_t i = 0; i < reasons.size; i++) {
            add_value(why, "", &reasons.ptr[i]);
            tr_builder_add_char(why, '\n');
        }
    }
}

static bool can_take_work(const msgpack_object *capability, tr_builder_t *why)
{
    bool may_queue = tr_account_says(capability, "state", "ready") ||
                     tr_account_says(capability, "state", "loading");
    bool is_full = tr_account_is(capability, "full");
    if (may_queue && !is_full) {
        return true;
    }
    add_member(why, "", capability, "name");
    add_member(why, " is ", capability, "state");
    if (is_full) {
        tr_builder_add_text(why, ", and its queue is full");
    }
    add_member(why, ": ", capability, "reason");
    tr_builder_add_char(why, '\n');
    return false;
}

tr_readiness_t tr_readiness_of_node(const msgpack_object *state, bool any, tr_builder_t *why)
{
    assert(state && why);
    if (!is_up(state, why)) {
        add_what_starts(why, state);
        return TR_UNREADY;
    }
    msgpack_object_array all = tr_account_list(state, "capabilities");
    uint32_t n_ready = 0;
    for (uint32_t i = 0; i < all.size; i++) {
        n_ready += can_take_work(&all.ptr[i], why);
    }
    return n_ready == all.size || (any && n_ready > 0) ? TR_READY : TR_UNREADY;
}

tr_readiness_t tr_readiness_of(const msgpack_object *state, const char *capability,
                               tr_builder_t *why)
{
    assert(state && capability && why);
    msgpack_object_array all = tr_account_list(state, "capabilities");
    for (uint32_t i = 0; i < all.size; i++) {
        if (tr_account_says(&all.ptr[i], "name", capability)) {
            bool is_ready = is_up(state, why) && can_take_work(&all.ptr[i], why);
            return is_ready ? TR_READY : TR_UNREADY;
        }
    }
    tr_builder_format(why, "there is no capability %s\n", capability);
    return TR_NO_SUCH_CAPABILITY;
}
