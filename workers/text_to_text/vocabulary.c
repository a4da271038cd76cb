/* A table with open addressing, at most half full, of entries in an arena. Texts come from
 * strangers, so where a word falls depends on a number that they do not know. */

#include "vocabulary.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_ROOM = 256 };

struct tr_vocabulary {
    tr_arena_t arena;
    tr_entry_t **slots;
    size_t room; /* a power of two */
    size_t used;
    uint64_t secret;
};

tr_vocabulary_t *tr_vocabulary_new(void)
{
    tr_vocabulary_t *self = calloc(1, sizeof *self);
    if (self) {
        self->room = FIRST_ROOM;
        self->slots = calloc(self->room, sizeof *self->slots);
        if (getrandom(&self->secret, sizeof self->secret, GRND_NONBLOCK) < 0) {
            self->secret = (uintptr_t)self; /* early after boot; better than nothing */
        }
        if (!self->slots) {
            tr_vocabulary_destroy(&self);
        }
    }
    return self;
}

void tr_vocabulary_destroy(tr_vocabulary_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        tr_arena_release(&(*self_p)->arena);
        free((*self_p)->slots);
        free(*self_p);
        *self_p = NULL;
    }
}

/* FNV-1a, begun with the secret, and mixed so that the low bits depend on all. */
static uint64_t hash(uint64_t secret, const char *word, size_t size)
{
    uint64_t h = secret;
    for (size_t i = 0; i < size; i++) {
        h = (h ^ (unsigned char)word[i]) * 0x100000001B3;
        h ^= h >> 29;
    }
    return h ^ h >> 32;
}

/* Where the word is, or would be. */
static tr_entry_t **slot_of(const tr_vocabulary_t *self, const char *word, size_t size)
{
    size_t at = (size_t)hash(self->secret, word, size) & (self->room - 1);
    while (self->slots[at] && (strncmp(self->slots[at]->text, word, size) != 0 ||
                               self->slots[at]->text[size] != '\0')) {
        at = (at + 1) & (self->room - 1);
    }
    return &self->slots[at];
}

static bool make_room(tr_vocabulary_t *self)
{
    tr_entry_t **old = self->slots;
    size_t n_old = self->room;
    tr_entry_t **slots = calloc(2 * n_old, sizeof *slots);
    if (!slots) {
        return false;
    }
    self->slots = slots;
    self->room = 2 * n_old;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i]) {
            *slot_of(self, old[i]->text, strlen(old[i]->text)) = old[i];
        }
    }
    free(old);
    return true;
}

tr_entry_t *tr_vocabulary_find(const tr_vocabulary_t *self, const char *word, size_t size)
{
    return *slot_of(self, word, size);
}

tr_entry_t *tr_vocabulary_add(tr_vocabulary_t *self, const char *word, size_t size)
{
    tr_entry_t **slot = slot_of(self, word, size);
    if (*slot) {
        return *slot;
    }
    if (self->used >= self->room / 2) {
        if (!make_room(self)) {
            return NULL;
        }
        slot = slot_of(self, word, size);
    }
    tr_entry_t *entry = tr_arena_take(&self->arena, sizeof *entry);
    if (!entry || !(entry->text = tr_arena_copy(&self->arena, word, size))) {
        return NULL;
    }
    self->used++;
    *slot = entry;
    return entry;
}

size_t tr_vocabulary_count(const tr_vocabulary_t *self, const char *word, size_t size)
{
    const tr_entry_t *entry = self ? tr_vocabulary_find(self, word, size) : NULL;
    return entry ? entry->count : 0;
}
