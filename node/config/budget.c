/* The sums go through the capabilities in the order of the file, and a problem stands at the
 * first one that does not fit any more: what comes before it fits.
 */

#include "node/config/budget.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "actors/grant.h"
#include "node/budget.h"
#include "node/config/resources.h"

struct account {
    tr_config_notes_t *notes;
    const tr_config_t *config; /* of the node */
    tr_budget_t budget;
    uint64_t taken[TR_N_RESOURCES]; /* by the `min` of those before */
    bool is_full[TR_N_RESOURCES];   /* told already */
};

/* False when there is nothing that workers could be compared with. */
static bool check_whole(struct account *account)
{
    const tr_config_t *config = account->config;
    const tr_budget_t *budget = &account->budget;
    if (!tr_config_notes_is_sound(account->notes, &config->memory_budget) ||
        !tr_config_notes_is_sound(account->notes, &config->memory_reserve)) {
        return false;
    }
    tr_config_place_t place =
        tr_config_notes_place(account->notes, &config->memory_reserve,
                              tr_config_notes_place(account->notes, &config->memory_budget,
                                                    (tr_config_place_t){1, 1}));
    char text[TR_BUDGET_TEXT];
    tr_budget_show(budget, text, sizeof text);
    if (budget->reserve > 0 && budget->bytes == 0) {
        tr_config_notes_problem(account->notes, place,
                                "the reserve leaves nothing: the budget "
                                "is %s",
                                text);
        return false;
    }
    if (budget->share > 0 && budget->bytes < TR_CONFIG_BUDGET_MIN) {
        tr_config_notes_problem(account->notes, place,
                                "too little memory to work with, less than 1MiB: the budget is "
                                "%s",
                                text);
        return false;
    }
    return true;
}

static void check_memory(struct account *account, const tr_config_child_t *child)
{
    const tr_config_mark_t *mark = tr_config_notes_find(account->notes, &child->memory);
    if (!mark || !mark->sound) {
        return;
    }
    tr_config_place_t place = mark->place;
    uint64_t one = (uint64_t)child->memory;
    char text[TR_BUDGET_TEXT];
    char needed[32];
    tr_budget_show(&account->budget, text, sizeof text);
    if (one > account->budget.bytes) {
        tr_config_notes_problem(account->notes, place,
                                "one worker needs %s, and the budget is %s",
                                tr_budget_show_bytes(one, needed, sizeof needed), text);
        return;
    }
    uint64_t *taken = &account->taken[TR_MEMORY];
    *taken = tr_budget_plus(*taken, tr_budget_times(one, (uint64_t)child->workers_min));
    if (*taken > account->budget.bytes && !account->is_full[TR_MEMORY]) {
        account->is_full[TR_MEMORY] = true;
        tr_config_notes_problem(account->notes, place,
                                "with these the workers that are always there ('min' of each "
                                "capability) need %s, and the budget is %s",
                                tr_budget_show_bytes(*taken, needed, sizeof needed), text);
    }
}

static void check_need(struct account *account, const tr_config_child_t *child,
                       const tr_config_arg_t *need)
{
    const tr_config_arg_t *resource = tr_config_resource(account->config, need->key);
    int64_t there = resource ? tr_config_resource_amount(resource) : -1;
    int64_t one = tr_config_resource_amount(need);
    size_t index = resource ? (size_t)(resource - account->config->resources.items) : 0;
    if (there < 0 || one < 0 || one > there || index + TR_MEMORY + 1 >= TR_N_RESOURCES) {
        return; /* told elsewhere */
    }
    uint64_t *taken = &account->taken[TR_MEMORY + 1 + index];
    bool *is_full = &account->is_full[TR_MEMORY + 1 + index];
    *taken =
        tr_budget_plus(*taken, tr_budget_times((uint64_t)one, (uint64_t)child->workers_min));
    if (*taken > (uint64_t)there && !*is_full) {
        *is_full = true;
        tr_config_notes_problem(
            account->notes, tr_config_notes_place(account->notes, &need->value, child->place),
            "with these the workers that are always there ('min' of each capability) need "
            "%" PRIu64 " of '%s', and there %s %" PRId64,
            *taken, need->key, there == 1 ? "is" : "are", there);
    }
}

static void check_child(struct account *account, const tr_config_child_t *child,
                        bool has_budget)
{
    if (child->kind == TR_CONFIG_CAPABILITY && has_budget) {
        check_memory(account, child);
    }
    bool has_few = account->config->resources.n + TR_MEMORY + 1 <= TR_N_RESOURCES;
    for (size_t i = 0; has_few && i < child->needs.n; i++) {
        check_need(account, child, &child->needs.items[i]);
    }
    for (size_t i = 0; i < child->n_children; i++) {
        check_child(account, &child->children[i], has_budget);
    }
}

/* One that has no worker at first must be able to have one beside those that are always there.
 */
static void check_beside(struct account *account, const tr_config_child_t *child)
{
    const tr_config_mark_t *mark = tr_config_notes_find(account->notes, &child->memory);
    uint64_t one = (uint64_t)child->memory;
    uint64_t always = account->taken[TR_MEMORY];
    if (mark && mark->sound && child->workers_min == 0 && one <= account->budget.bytes &&
        tr_budget_plus(always, one) > account->budget.bytes) {
        char needed[32], left[32];
        tr_config_notes_problem(
            account->notes, mark->place,
            "one worker needs %s, and those that are always there ('min' of each capability) "
            "leave %s of the budget: it could never be started",
            tr_budget_show_bytes(one, needed, sizeof needed),
            tr_budget_show_bytes(account->budget.bytes - always, left, sizeof left));
    }
    for (size_t i = 0; i < child->n_children; i++) {
        check_beside(account, &child->children[i]);
    }
}

static void check_children(struct account *account, const tr_config_child_t *root,
                           bool has_budget)
{
    check_child(account, root, has_budget);
    if (has_budget && account->taken[TR_MEMORY] <= account->budget.bytes) {
        check_beside(account, root);
    }
}

void tr_config_check_budget(tr_config_notes_t *notes, const tr_config_t *config,
                            tr_machine_memory_t there)
{
    assert(notes && config);
    struct account account = {
        .notes = notes,
        .config = config,
        .budget = tr_budget_of(config, there),
    };
    check_children(&account, &config->root, check_whole(&account));
}

void tr_config_check_share(tr_config_notes_t *notes, const tr_config_t *child,
                           const tr_config_t *node, tr_machine_memory_t there)
{
    assert(notes && child && node);
    struct account account = {
        .notes = notes,
        .config = node,
        .budget = tr_budget_of(node, there),
    };
    check_children(&account, &child->root, true);
}
