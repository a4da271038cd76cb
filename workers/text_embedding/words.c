/* Words are written in lower case into one buffer, and each is looked up in a table by its hash
 * when it ends; one that was there already is taken off the buffer again. Memory grows with the
 * largest text so far, and what a huge one took is given back at the next.
 *
 * Lower case is that of Latin, Greek and Cyrillic, by arithmetic: towlower depends on the
 * locale of the process, and vectors shall not.
 */

#include "words.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_SLOTS  1024   /* kept from text to text */
#define NO_CHARACTER 0xFFFF /* a noncharacter of Unicode, which no text may hold */

struct entry {
    uint32_t offset; /* into the buffer */
    uint32_t size;
    uint32_t hash;
    uint32_t count;
};

struct tr_words {
    char *buffer; /* the words, one behind the other */
    size_t buffer_room;
    size_t buffer_used;
    struct entry *entries; /* in the order seen */
    size_t n_entries;
    uint32_t *slots; /* index of an entry + 1, or 0; at most half of them are taken */
    size_t n_slots;  /* a power of two */
};

tr_words_t *tr_words_new(void)
{
    return calloc(1, sizeof(tr_words_t));
}

static void let_go(tr_words_t *self)
{
    free(self->buffer);
    free(self->entries);
    free(self->slots);
    memset(self, 0, sizeof *self);
}

void tr_words_destroy(tr_words_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        let_go(*self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

size_t tr_words_n(const tr_words_t *self)
{
    return self->n_entries;
}

tr_word_t tr_words_at(const tr_words_t *self, size_t index)
{
    assert(index < self->n_entries);
    const struct entry *entry = &self->entries[index];
    return (tr_word_t){self->buffer + entry->offset, entry->size, entry->hash, entry->count};
}

/* FNV-1a, whose low bits are then mixed with all others (Murmur's finish), as a table wants. */
uint32_t tr_word_hash(const char *text, size_t size)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 16777619U;
    }
    hash = (hash ^ hash >> 16) * 0x85EBCA6BU;
    hash = (hash ^ hash >> 13) * 0xC2B2AE35U;
    return hash ^ hash >> 16;
}

/* ---- characters ---- */

/* The character at `at`, and in *length_out of how many bytes; NO_CHARACTER, of one byte, for
 * what is no UTF-8. */
static uint32_t character_at(const char *at, size_t left, size_t *length_out)
{
    const unsigned char *byte = (const unsigned char *)at;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = byte[0] < 0x80                       ? 1
                    : byte[0] >= 0xC2 && byte[0] <= 0xDF ? 2
                    : byte[0] >= 0xE0 && byte[0] <= 0xEF ? 3
                    : byte[0] >= 0xF0 && byte[0] <= 0xF4 ? 4
                                                         : 0;
    *length_out = 1;
    if (length == 1) {
        return byte[0];
    }
    if (length == 0 || length > left) {
        return NO_CHARACTER;
    }
    uint32_t character = byte[0] & (0x7FU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xC0) != 0x80) {
            return NO_CHARACTER;
        }
        character = character << 6 | (byte[i] & 0x3F);
    }
    if (character < least[length] || character > 0x10FFFF ||
        (character >= 0xD800 && character <= 0xDFFF)) {
        return NO_CHARACTER;
    }
    *length_out = length;
    return character;
}

static bool is_within(uint32_t character, uint32_t first, uint32_t last)
{
    return character >= first && character <= last;
}

/* In the same number of bytes. */
static uint32_t to_lower(uint32_t character)
{
    if (is_within(character, 'A', 'Z') ||
        (is_within(character, 0xC0, 0xDE) && character != 0xD7) ||    /* À to Þ, but not × */
        (is_within(character, 0x391, 0x3A9) && character != 0x3A2) || /* Α to Ω */
        is_within(character, 0x410, 0x42F)) {                         /* А to Я */
        return character + 0x20;
    }
    if (is_within(character, 0x400, 0x40F)) { /* Ѐ to Џ */
        return character + 0x50;
    }
    /* Pairs with the capital first: Ā to ķ, Ŋ to ŷ, Ѡ to ҁ, Ҋ to ҿ; or last: Ĺ to ň, Ź to ž. */
    if ((is_within(character, 0x100, 0x137) && !is_within(character, 0x130, 0x131)) ||
        is_within(character, 0x14A, 0x177) || is_within(character, 0x460, 0x481) ||
        is_within(character, 0x48A, 0x4BF)) {
        return character | 1;
    }
    if (is_within(character, 0x139, 0x148) || is_within(character, 0x179, 0x17E)) {
        return character + (character & 1);
    }
    return character;
}

/* Beyond ASCII, where letters are many, what is none is listed: signs of Latin-1, punctuation
 * and symbols, those of East Asia, private use, and forms for specials. */
static bool is_of_a_word(uint32_t character)
{
    if (character < 0x80) {
        return is_within(character, 'a', 'z') || is_within(character, '0', '9');
    }
    return !(is_within(character, 0x80, 0xBF) && character != 0xAA && character != 0xB5 &&
             character != 0xBA) &&
           character != 0xD7 && character != 0xF7 && !is_within(character, 0x2000, 0x206F) &&
           !is_within(character, 0x20A0, 0x20CF) && !is_within(character, 0x2190, 0x2BFF) &&
           !is_within(character, 0x3000, 0x303F) && !is_within(character, 0xE000, 0xF8FF) &&
           !is_within(character, 0xFE00, 0xFE0F) && !is_within(character, 0xFE30, 0xFE4F) &&
           !is_within(character, 0xFF00, 0xFF0F) && !is_within(character, 0xFFF0, 0xFFFF) &&
           character < 0xF0000;
}

/* Kana, ideographs. */
static bool is_a_word(uint32_t character)
{
    return is_within(character, 0x3040, 0x30FF) || is_within(character, 0x3400, 0x4DBF) ||
           is_within(character, 0x4E00, 0x9FFF) || is_within(character, 0xF900, 0xFAFF) ||
           is_within(character, 0x20000, 0x3FFFF);
}

/* Write it as UTF-8; its length is that of what was read. */
static void put_character(char *at, uint32_t character, size_t length)
{
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i-- > 1; character >>= 6) {
        at[i] = (char)(0x80 | (character & 0x3F));
    }
    at[0] = (char)(first[length] | character);
}

/* ---- the table ---- */

static uint32_t *slot_of(const tr_words_t *self, const char *text, size_t size, uint32_t hash)
{
    size_t at = hash & (self->n_slots - 1);
    for (; self->slots[at]; at = (at + 1) & (self->n_slots - 1)) {
        const struct entry *entry = &self->entries[self->slots[at] - 1];
        if (entry->hash == hash && entry->size == size &&
            memcmp(self->buffer + entry->offset, text, size) == 0) {
            break;
        }
    }
    return &self->slots[at];
}

/* Room for one entry more. */
static bool make_room(tr_words_t *self)
{
    if (2 * (self->n_entries + 1) <= self->n_slots) {
        return true;
    }
    size_t n_slots = self->n_slots ? 2 * self->n_slots : SMALL_SLOTS;
    struct entry *entries = realloc(self->entries, n_slots / 2 * sizeof *entries);
    if (!entries) {
        return false;
    }
    self->entries = entries;
    uint32_t *slots = calloc(n_slots, sizeof *slots);
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < self->n_entries; i++) {
        size_t at = entries[i].hash & (n_slots - 1);
        while (slots[at]) {
            at = (at + 1) & (n_slots - 1);
        }
        slots[at] = (uint32_t)i + 1;
    }
    free(self->slots);
    self->slots = slots;
    self->n_slots = n_slots;
    return true;
}

/* The buffer's last bytes, from `offset` on, are a word. */
static bool take_word(tr_words_t *self, size_t offset)
{
    size_t size = self->buffer_used - offset;
    if (size == 0) {
        return true;
    }
    if (!make_room(self)) {
        return false;
    }
    uint32_t hash = tr_word_hash(self->buffer + offset, size);
    uint32_t *slot = slot_of(self, self->buffer + offset, size, hash);
    if (*slot) {
        self->entries[*slot - 1].count++;
        self->buffer_used = offset;
    } else {
        self->entries[self->n_entries++] =
            (struct entry){(uint32_t)offset, (uint32_t)size, hash, 1};
        *slot = (uint32_t)self->n_entries;
    }
    return true;
}

/* ---- counting ---- */

static bool begin(tr_words_t *self, size_t size)
{
    if (self->n_slots > SMALL_SLOTS || self->buffer_room > SMALL_SLOTS * TR_WORD_MAX_SIZE) {
        let_go(self);
    }
    if (self->slots) {
        memset(self->slots, 0, self->n_slots * sizeof *self->slots);
    }
    self->n_entries = 0;
    self->buffer_used = 0;
    if (size > self->buffer_room) {
        char *buffer = realloc(self->buffer, size);
        if (!buffer) {
            return false;
        }
        self->buffer = buffer;
        self->buffer_room = size;
    }
    return true;
}

static bool count(tr_words_t *self, const char *text, size_t size)
{
    size_t word = 0; /* where the one that is being read begins in the buffer */
    size_t length;
    for (size_t at = 0; at < size; at += length) {
        uint32_t character = to_lower(character_at(text + at, size - at, &length));
        bool is_part = character != NO_CHARACTER && is_of_a_word(character);
        bool is_alone = is_part && is_a_word(character);

        if (!is_part || is_alone || self->buffer_used - word + length > TR_WORD_MAX_SIZE) {
            if (!take_word(self, word)) {
                return false;
            }
            word = self->buffer_used;
        }
        if (is_part) {
            put_character(self->buffer + self->buffer_used, character, length);
            self->buffer_used += length;
        }
        if (is_alone) {
            if (!take_word(self, word)) {
                return false;
            }
            word = self->buffer_used;
        }
    }
    return take_word(self, word);
}

troupe_status_t tr_words_count(tr_words_t *self, const char *text, size_t size)
{
    assert(self && (text || size == 0));
    if (size > UINT32_MAX || !begin(self, size) || !count(self, text, size)) {
        let_go(self);
        return TROUPE_ERR_NOMEM;
    }
    return TROUPE_OK;
}
