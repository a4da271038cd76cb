/* The state comes from a behaviour, which may be wrong: it is read before it is handed on, byte
 * for byte.
 */

#include "node/admin/inspection_document.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/admin/account.h"
#include "wire/document.h"

/* False: `why` says what is wrong with it. */
static bool is_fit_to_show(const char *name, const troupe_message_t *state, char *why,
                           size_t size)
{
    size_t state_size = troupe_message_size(state, 0);
    if (state_size > TR_INSPECTION_MOST_STATE) {
        snprintf(why, size, "%.80s shows a state of %zu bytes, and %zu are the most", name,
                 state_size, TR_INSPECTION_MOST_STATE);
        return false;
    }
    tr_account_t reading = {0};
    troupe_status_t status =
        tr_account_open(&reading, troupe_message_data(state, 0), state_size);
    if (status == TROUPE_OK) {
        tr_account_close(&reading);
    } else if (status == TROUPE_ERR_INVALID) {
        snprintf(why, size, "%.80s shows a state that is no msgpack", name);
    }
    return status == TROUPE_OK;
}

static void write_inside(tr_document_t *to, const troupe_message_t *state)
{
    if (state) {
        tr_document_key(to, "inside");
        tr_document_packed(to, troupe_message_data(state, 0), troupe_message_size(state, 0));
    } else {
        tr_document_add_nothing(to, "inside");
    }
}

troupe_message_t *tr_inspection_document(const tr_inspection_t *inspection,
                                         const tr_report_child_t *child, bool is_traced,
                                         char *why, size_t size)
{
    assert(inspection && child && why && size > 0);
    why[0] = '\0';
    if (inspection->state && !is_fit_to_show(child->name, inspection->state, why, size)) {
        return NULL;
    }
    tr_document_t to;
    tr_document_begin(&to);
    bool has_nothing = !inspection->state && !inspection->remark[0];
    tr_document_map(&to, 17);
    tr_document_add_text(&to, "name", child->name);
    tr_document_add_text(&to, "kind", child->kind);
    tr_document_add_text(&to, "behaviour", inspection->behaviour);
    tr_document_add_text(&to, "state", child->state);
    tr_document_add_count(&to, "restarts", child->n_restarts);
    tr_document_add_flag(&to, "suspended", inspection->is_suspended);
    tr_document_add_flag(&to, "traced", is_traced);
    tr_document_add_count(&to, "mailbox", inspection->n_waiting);
    tr_document_add_count(&to, "messages", inspection->n_messages);
    tr_document_add_count(&to, "rate", inspection->rate);
    tr_document_add_count(&to, "aside", inspection->n_aside);
    tr_document_add_count(&to, "timers", inspection->n_timers);
    tr_document_add_count(&to, "monitors", inspection->n_monitors);
    tr_document_add_count(&to, "asks", inspection->n_asks);
    tr_document_add_count(&to, "calls", inspection->n_calls);
    write_inside(&to, inspection->state);
    tr_document_add_text(&to, "remark",
                         has_nothing ? "it has nothing to show" : inspection->remark);
    return tr_document_take(&to);
}
