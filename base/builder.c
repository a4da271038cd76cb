/* There is always room for a NUL behind the text. */

#include "base/builder.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 1024

static bool make_room(tr_builder_t *self, size_t size)
{
    if (self->is_out_of_memory || size >= SIZE_MAX / 2 - self->size) {
        self->is_out_of_memory = true;
        return false;
    }
    if (size < self->room - self->size) {
        return true;
    }
    size_t room = self->room ? self->room : FIRST_ROOM;
    while (room - self->size <= size) {
        room *= 2;
    }
    char *text = realloc(self->text, room);
    if (!text) {
        self->is_out_of_memory = true;
        return false;
    }
    self->text = text;
    self->room = room;
    return true;
}

void tr_builder_add(tr_builder_t *self, const void *bytes, size_t size)
{
    assert(self && (bytes || size == 0));
    if (size > 0 && make_room(self, size)) {
        memcpy(self->text + self->size, bytes, size);
        self->size += size;
        self->text[self->size] = '\0';
    }
}

void tr_builder_add_text(tr_builder_t *self, const char *text)
{
    assert(text);
    tr_builder_add(self, text, strlen(text));
}

void tr_builder_add_char(tr_builder_t *self, char letter)
{
    tr_builder_add(self, &letter, 1);
}

void tr_builder_format(tr_builder_t *self, const char *format, ...)
{
    assert(self && format);
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size > 0 && make_room(self, (size_t)size)) {
        va_start(args, format);
        vsnprintf(self->text + self->size, (size_t)size + 1, format, args);
        va_end(args);
        self->size += (size_t)size;
    }
}

char *tr_builder_take(tr_builder_t *self, size_t *size_out)
{
    assert(self && size_out);
    char *text = make_room(self, 0) ? self->text : NULL;
    if (!text) {
        tr_builder_finish(self);
        return NULL;
    }
    text[self->size] = '\0';
    *size_out = self->size;
    *self = (tr_builder_t){0};
    return text;
}

void tr_builder_finish(tr_builder_t *self)
{
    assert(self);
    free(self->text);
    *self = (tr_builder_t){0};
}
