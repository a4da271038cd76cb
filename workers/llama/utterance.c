/* One byte after the other, so that tokens make no difference. `text` holds whole characters
 * only: first what was said, then, from `n_said` on, what may become a stop string, which is
 * the longest end of the text that is a beginning of one. A stop string is met with its last
 * byte, and then it is the end of the text.
 */

#include "utterance.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct tr_utterance {
    const char *const *stop;
    size_t n_stop;

    char *text; /* `size` bytes and a NUL */
    size_t size;
    size_t room;
    size_t n_said;
    bool is_stopped;

    unsigned char character[4]; /* one whose last bytes are still to come */
    size_t n_there;
};

tr_utterance_t *tr_utterance_new(const char *const *stop, size_t n_stop)
{
    tr_utterance_t *self = calloc(1, sizeof *self);
    if (self) {
        self->room = 256;
        self->text = calloc(1, self->room);
        self->stop = stop;
        self->n_stop = n_stop;
    }
    if (self && !self->text) {
        tr_utterance_destroy(&self);
    }
    return self;
}

void tr_utterance_destroy(tr_utterance_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->text);
        free(*self_p);
        *self_p = NULL;
    }
}

bool tr_utterance_is_stopped(const tr_utterance_t *self)
{
    return self->is_stopped;
}

const char *tr_utterance_text(const tr_utterance_t *self, size_t *size_out)
{
    *size_out = self->n_said;
    return self->text;
}

/* ---- stop strings ---- */

static bool ends_with(const tr_utterance_t *self, const char *part, size_t size)
{
    return size <= self->size - self->n_said &&
           memcmp(self->text + self->size - size, part, size) == 0;
}

/* The length of the longest stop string that the text ends with; 0: none. */
static size_t met(const tr_utterance_t *self)
{
    size_t longest = 0;
    for (size_t i = 0; i < self->n_stop; i++) {
        size_t size = strlen(self->stop[i]);
        if (size > longest && ends_with(self, self->stop[i], size)) {
            longest = size;
        }
    }
    return longest;
}

/* The length of the longest end of the text that is a beginning of a stop string. */
static size_t pending(const tr_utterance_t *self)
{
    size_t longest = 0;
    for (size_t i = 0; i < self->n_stop; i++) {
        size_t size = strlen(self->stop[i]);
        size_t held = self->size - self->n_said;
        for (size_t n = size < held ? size : held; n > longest; n--) {
            if (ends_with(self, self->stop[i], n)) {
                longest = n;
            }
        }
    }
    return longest;
}

static troupe_status_t append(tr_utterance_t *self, const void *character, size_t size)
{
    if (self->room - self->size <= size) {
        char *text = self->room > SIZE_MAX / 2 ? NULL : realloc(self->text, self->room * 2);
        if (!text) {
            return TROUPE_ERR_NOMEM;
        }
        self->text = text;
        self->room *= 2;
    }
    memcpy(self->text + self->size, character, size);
    self->size += size;

    size_t n_met = met(self);
    if (n_met > 0) {
        self->is_stopped = true;
        self->size -= n_met;
        self->n_said = self->size;
    } else {
        self->n_said = self->size - pending(self);
    }
    self->text[self->size] = '\0';
    return TROUPE_OK;
}

/* ---- characters ---- */

/* How many bytes a character has that begins so; 0: none does. */
static size_t length_by(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xC2) {
        return 0;
    }
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
}

/* Whether `byte` may come next. The second rules out what is overlong, half of a pair, or more
 * than U+10FFFF. */
static bool fits(const tr_utterance_t *self, unsigned char byte)
{
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (self->n_there == 1) {
        switch (self->character[0]) {
        case 0xE0:
            low = 0xA0;
            break;
        case 0xED:
            high = 0x9F;
            break;
        case 0xF0:
            low = 0x90;
            break;
        case 0xF4:
            high = 0x8F;
            break;
        default:
            break;
        }
    }
    return byte >= low && byte <= high;
}

static troupe_status_t replace(tr_utterance_t *self)
{
    self->n_there = 0;
    return append(self, "\xEF\xBF\xBD", 3);
}

static troupe_status_t take(tr_utterance_t *self, unsigned char byte)
{
    if (self->n_there > 0 && !fits(self, byte)) {
        troupe_status_t status = replace(self);
        if (status != TROUPE_OK || self->is_stopped) {
            return status;
        }
    }
    if (self->n_there == 0 && (length_by(byte) == 0 || byte == '\0')) {
        return replace(self); /* a text ends at a NUL */
    }
    self->character[self->n_there++] = byte;
    if (self->n_there < length_by(self->character[0])) {
        return TROUPE_OK;
    }
    size_t size = self->n_there;
    self->n_there = 0;
    return append(self, self->character, size);
}

troupe_status_t tr_utterance_add(tr_utterance_t *self, const char *bytes, size_t size)
{
    assert(self && (bytes || size == 0));
    troupe_status_t status = TROUPE_OK;
    for (size_t i = 0; i < size && status == TROUPE_OK && !self->is_stopped; i++) {
        status = take(self, (unsigned char)bytes[i]);
    }
    return status;
}

troupe_status_t tr_utterance_end(tr_utterance_t *self)
{
    assert(self);
    troupe_status_t status = TROUPE_OK;
    if (self->n_there > 0 && !self->is_stopped) {
        status = replace(self);
    }
    if (status == TROUPE_OK) {
        self->n_said = self->size;
    }
    return status;
}
