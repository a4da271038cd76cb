/* The first slot never changes; the others are in the order in which they were asked for, the
 * latest first. */

#include "dictionaries.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct tr_dictionaries {
    char *folder;
    tr_speller_t *spellers[TR_DICTIONARIES_MAX];
};

tr_dictionaries_t *tr_dictionaries_new(void)
{
    return calloc(1, sizeof(tr_dictionaries_t));
}

void tr_dictionaries_destroy(tr_dictionaries_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        for (size_t i = 0; i < TR_DICTIONARIES_MAX; i++) {
            tr_speller_destroy(&(*self_p)->spellers[i]);
        }
        free((*self_p)->folder);
        free(*self_p);
        *self_p = NULL;
    }
}

troupe_status_t tr_dictionaries_open(tr_dictionaries_t *self, const char *folder,
                                     const char *language, troupe_why_t *why)
{
    assert(self && !self->folder);
    self->folder = strdup(folder);
    if (!self->folder) {
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    return tr_speller_load(folder, language, &self->spellers[0], why);
}

/* Move slot `i` to where the latest is. */
static void move_to_front(tr_dictionaries_t *self, size_t i)
{
    tr_speller_t *latest = self->spellers[i];
    for (; i > 1; i--) {
        self->spellers[i] = self->spellers[i - 1];
    }
    self->spellers[1] = latest;
}

troupe_status_t tr_dictionaries_find(tr_dictionaries_t *self, const char *language,
                                     tr_speller_t **out, troupe_why_t *why)
{
    assert(self && self->spellers[0]);
    if (!language) {
        *out = self->spellers[0];
        return TROUPE_OK;
    }
    for (size_t i = 0; i < TR_DICTIONARIES_MAX && self->spellers[i]; i++) {
        if (strcmp(tr_speller_language(self->spellers[i]), language) == 0) {
            *out = self->spellers[i];
            if (i > 0) {
                move_to_front(self, i);
            }
            return TROUPE_OK;
        }
    }
    tr_speller_t *loaded = NULL;
    troupe_status_t status = tr_speller_load(self->folder, language, &loaded, why);
    if (status == TROUPE_OK) {
        tr_speller_destroy(&self->spellers[TR_DICTIONARIES_MAX - 1]);
        self->spellers[TR_DICTIONARIES_MAX - 1] = loaded;
        move_to_front(self, TR_DICTIONARIES_MAX - 1);
        *out = loaded;
    }
    return status;
}
