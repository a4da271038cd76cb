/* A resource with a problem of its own is not compared with what is needed of it: one mistake
 * is told once.
 */

#include "node/config/resources.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "actors/grant.h"
#include "base/text.h"

const tr_config_arg_t *tr_config_resource(const tr_config_t *config, const char *name)
{
    assert(config && name);
    for (size_t i = 0; i < config->resources.n; i++) {
        if (strcmp(config->resources.items[i].key, name) == 0) {
            return &config->resources.items[i];
        }
    }
    return NULL;
}

int64_t tr_config_resource_amount(const tr_config_arg_t *resource)
{
    assert(resource);
    int64_t amount = -1;
    bool fits = tr_text_number(resource->value, &amount) == TROUPE_OK &&
                amount <= TR_CONFIG_RESOURCE_MAX;
    return fits ? amount : -1;
}

/* The resource that is meant, as far as one can guess, or NULL. */
static const char *nearest(tr_config_notes_t *notes, const tr_config_t *config,
                           const char *name)
{
    size_t closest = strlen(name) > 4 ? 3 : 2;
    const char *found = NULL;
    for (size_t i = 0; i < config->resources.n && tr_config_notes_may_guess(notes); i++) {
        size_t distance = tr_text_distance(name, config->resources.items[i].key);
        if (distance < closest) {
            closest = distance;
            found = config->resources.items[i].key;
        }
    }
    return found;
}

static void check_amount(tr_config_notes_t *notes, const tr_config_arg_t *arg,
                         tr_config_place_t place)
{
    if (tr_config_resource_amount(arg) < 0) {
        char name[TR_CONFIG_CUT_BYTES];
        char value[TR_CONFIG_CUT_BYTES];
        tr_config_notes_problem(notes, tr_config_notes_place(notes, &arg->value, place),
                                "'%s' must be a number from 0 to %d, not '%s'",
                                tr_config_cut(arg->key, name), TR_CONFIG_RESOURCE_MAX,
                                tr_config_cut(arg->value, value));
    }
}

static void check_resource(tr_config_notes_t *notes, const tr_config_t *config, size_t index)
{
    const tr_config_arg_t *resource = &config->resources.items[index];
    tr_config_place_t place =
        tr_config_notes_place(notes, &resource->key, (tr_config_place_t){1, 1});
    char cut[TR_CONFIG_CUT_BYTES];
    if (index + TR_MEMORY + 1 == TR_N_RESOURCES) {
        tr_config_notes_problem(notes, place, "more than %d resources", TR_N_RESOURCES - 1);
        return;
    }
    if (strcmp(resource->key, "memory") == 0) {
        tr_config_notes_problem(notes, place,
                                "memory is no resource with a name; it has the key 'memory'");
    } else if (!tr_text_is_name(resource->key)) {
        tr_config_notes_problem(notes, place,
                                "a resource must have a name (1 to 64 of A-Z a-z 0-9 . _ -, "
                                "first a letter or digit), not '%s'",
                                tr_config_cut(resource->key, cut));
    }
    check_amount(notes, resource, place);
}

static void note_unknown(tr_config_notes_t *notes, const tr_config_t *config, const char *name,
                         tr_config_place_t place)
{
    char cut[TR_CONFIG_CUT_BYTES];
    const char *meant = nearest(notes, config, name);
    tr_config_notes_problem(notes, place, "there is no resource '%s'%s%s%s",
                            tr_config_cut(name, cut),
                            meant                     ? "; did you mean '"
                            : config->resources.n > 0 ? ""
                                                      : "; the file has no 'resources'",
                            meant ? meant : "", meant ? "'?" : "");
}

static void check_need(tr_config_notes_t *notes, const tr_config_t *config,
                       const tr_config_arg_t *need, tr_config_place_t otherwise)
{
    tr_config_place_t place = tr_config_notes_place(notes, &need->key, otherwise);
    const tr_config_arg_t *resource = tr_config_resource(config, need->key);
    if (!resource) {
        note_unknown(notes, config, need->key, place);
        return;
    }
    check_amount(notes, need, place);
    int64_t wanted = tr_config_resource_amount(need);
    int64_t there = tr_config_resource_amount(resource);
    if (there >= 0 && wanted > there) {
        tr_config_notes_problem(notes, tr_config_notes_place(notes, &need->value, place),
                                "one worker needs %" PRId64 " of '%s', and there %s %" PRId64,
                                wanted, need->key, there == 1 ? "is" : "are", there);
    }
}

static void check_needs_of(tr_config_notes_t *notes, const tr_config_t *config,
                           const tr_config_child_t *child)
{
    for (size_t i = 0; i < child->needs.n; i++) {
        check_need(notes, config, &child->needs.items[i], child->place);
    }
    for (size_t i = 0; i < child->n_children; i++) {
        check_needs_of(notes, config, &child->children[i]);
    }
}

void tr_config_check_needs(tr_config_notes_t *notes, const tr_config_t *child,
                           const tr_config_t *node)
{
    assert(notes && child && node);
    check_needs_of(notes, node, &child->root);
}

void tr_config_check_resources(tr_config_notes_t *notes, const tr_config_t *config)
{
    assert(notes && config);
    /* Each need is looked for among the resources: those are few, or nobody reads on. */
    for (size_t i = 0; i < config->resources.n && i + TR_MEMORY + 1 <= TR_N_RESOURCES; i++) {
        check_resource(notes, config, i);
    }
    if (config->resources.n + TR_MEMORY + 1 <= TR_N_RESOURCES) {
        check_needs_of(notes, config, &config->root);
    }
}
