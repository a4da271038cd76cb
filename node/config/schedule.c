/* An errand says when (every so long, or at a time of day) and what (evict, restart or scale,
 * and which capability). Either exactly once: two errands are two elements of the list.
 */

#include "node/config/schedule.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

static bool is_written(tr_config_notes_t *notes, const void *field)
{
    return tr_config_notes_find(notes, field) != NULL;
}

static void check_when(tr_config_notes_t *notes, const tr_config_errand_t *errand)
{
    bool has_every = is_written(notes, &errand->every_ms);
    const tr_config_mark_t *at = tr_config_notes_find(notes, &errand->at_s);
    if (has_every && at) {
        tr_config_notes_problem(notes, at->place, "an errand is 'every' or 'at', not both");
    } else if (!has_every && !at) {
        tr_config_notes_problem(notes, errand->place, "an errand needs 'every' or 'at'");
    }
}

struct search {
    tr_config_notes_t *notes;
    const char *name;
    const char *nearest;
    size_t distance; /* of the nearest; nothing further away is meant */
    bool is_found;
};

static void find_capability(const tr_config_child_t *child, struct search *search)
{
    if (child->kind == TR_CONFIG_CAPABILITY && child->name) {
        search->is_found |= strcmp(search->name, child->name) == 0;
        size_t distance = search->distance;
        if (!search->is_found && tr_config_notes_may_guess(search->notes)) {
            distance = tr_text_distance(search->name, child->name);
        }
        if (distance < search->distance) {
            search->distance = distance;
            search->nearest = child->name;
        }
    }
    for (size_t i = 0; i < child->n_children && !search->is_found; i++) {
        find_capability(&child->children[i], search);
    }
}

static void check_capability(tr_config_notes_t *notes, const tr_config_t *config,
                             const char *name, tr_config_place_t place)
{
    struct search search = {.notes = notes, .name = name, .distance = strlen(name) > 4 ? 3 : 2};
    find_capability(&config->root, &search);
    if (!search.is_found) {
        tr_config_notes_problem(notes, place, "there is no capability '%s'%s%s%s", name,
                                search.nearest ? "; did you mean '" : "",
                                search.nearest ? search.nearest : "",
                                search.nearest ? "'?" : "");
    }
}

static void check_what(tr_config_notes_t *notes, const tr_config_t *config,
                       const tr_config_errand_t *errand)
{
    char *const *const whats[] = {&errand->evict, &errand->restart, &errand->scale};
    size_t n_written = 0;
    for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
        const tr_config_mark_t *mark = tr_config_notes_find(notes, whats[i]);
        if (!mark) {
            continue;
        }
        tr_config_place_t place = mark->place;
        if (++n_written > 1) {
            tr_config_notes_problem(notes, place,
                                    "an errand is one of 'evict', 'restart' and 'scale'");
        }
        if (*whats[i]) {
            check_capability(notes, config, *whats[i], place);
        }
    }
    if (n_written == 0) {
        tr_config_notes_problem(notes, errand->place,
                                "an errand needs 'evict', 'restart' or 'scale'");
    }
}

static void check_scale(tr_config_notes_t *notes, const tr_config_errand_t *errand)
{
    const tr_config_mark_t *scale = tr_config_notes_find(notes, &errand->scale);
    const int64_t *const bounds[] = {&errand->min, &errand->max};
    const char *const names[] = {"min", "max"};
    if (!scale) {
        for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
            const tr_config_mark_t *mark = tr_config_notes_find(notes, bounds[i]);
            if (mark) {
                tr_config_notes_problem(notes, mark->place, "'%s' is for 'scale' only",
                                        names[i]);
            }
        }
    } else if (!is_written(notes, &errand->min) && !is_written(notes, &errand->max)) {
        tr_config_notes_problem(notes, scale->place, "'scale' needs 'min', 'max' or both");
    } else if (errand->max >= 0 && errand->min > errand->max &&
               tr_config_notes_is_sound(notes, &errand->min) &&
               tr_config_notes_is_sound(notes, &errand->max)) {
        tr_config_notes_problem(notes,
                                tr_config_notes_place(notes, &errand->min, errand->place),
                                "'min' %lld is more than 'max' %lld", (long long)errand->min,
                                (long long)errand->max);
    }
}

void tr_config_check_schedule(tr_config_notes_t *notes, const tr_config_t *config)
{
    assert(notes && config);
    if (config->n_errands > TR_CONFIG_ERRANDS_MAX) {
        tr_config_notes_problem(notes, config->schedule[TR_CONFIG_ERRANDS_MAX].place,
                                "more than %d errands", TR_CONFIG_ERRANDS_MAX);
    }
    for (size_t i = 0; i < config->n_errands && i < TR_CONFIG_ERRANDS_MAX; i++) {
        const tr_config_errand_t *errand = &config->schedule[i];
        if (tr_config_notes_is_sound(notes, errand)) {
            check_when(notes, errand);
            check_what(notes, config, errand);
            check_scale(notes, errand);
        }
    }
}
