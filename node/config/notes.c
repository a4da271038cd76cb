/* Problems are found in the order of the code and read in the order of the file, so they are
 * collected and sorted. A text shared by several aliases is read several times and would be
 * reported as often; equal neighbours are reported once.
 *
 * Always true: problems[i].text is never NULL; nomem is never taken back.
 */

#include "node/config/notes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tr_config_problem {
    tr_config_place_t place;
    size_t rank; /* the how-manieth that was found */
    char *text;
};

void tr_config_notes_init(tr_config_notes_t *self)
{
    assert(self);
    memset(self, 0, sizeof *self);
}

void tr_config_notes_finish(tr_config_notes_t *self)
{
    assert(self);
    for (size_t i = 0; i < self->n_problems; i++) {
        free(self->problems[i].text);
    }
    free(self->problems);
    free(self->marks);
    tr_config_notes_init(self);
}

/* Room for one more of `size` bytes in `items`: the array to go on with, or NULL. */
static void *make_room(void *items, size_t used, size_t *room, size_t size)
{
    if (used < *room) {
        return items;
    }
    size_t wanted = *room ? *room * 2 : 32;
    void *larger = realloc(items, wanted * size);
    if (larger) {
        *room = wanted;
    }
    return larger;
}

const char *tr_config_cut(const char *text, char buffer[TR_CONFIG_CUT_BYTES])
{
    assert(text && buffer);
    const size_t most = TR_CONFIG_CUT_BYTES - sizeof "...";
    size_t size = strnlen(text, most + 1);
    bool is_long = size > most;
    if (is_long) {
        for (size = most; size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80;) {
            size--;
        }
    }
    snprintf(buffer, TR_CONFIG_CUT_BYTES, "%.*s%s", (int)size, text, is_long ? "..." : "");
    return buffer;
}

static void drop_controls(char *text)
{
    for (unsigned char *byte = (unsigned char *)text; *byte; byte++) {
        if (*byte < 0x20 || *byte == 0x7f) {
            *byte = '?';
        }
    }
}

/* Takes text. */
static void add_problem(tr_config_notes_t *self, tr_config_place_t place, char *text)
{
    tr_config_problem_t *problems =
        make_room(self->problems, self->n_problems, &self->n_problems_room, sizeof *problems);
    if (!problems) {
        free(text);
        self->nomem = true;
        return;
    }
    self->problems = problems;
    problems[self->n_problems] = (tr_config_problem_t){place, self->n_problems, text};
    self->n_problems++;
}

void tr_config_notes_problem(tr_config_notes_t *self, tr_config_place_t place,
                             const char *format, ...)
{
    assert(self && format);
    if (self->n_problems > TR_CONFIG_PROBLEMS_MAX) {
        return;
    }
    char *text = NULL;
    va_list values;
    va_start(values, format);
    bool last = self->n_problems == TR_CONFIG_PROBLEMS_MAX;
    int length = last ? asprintf(&text, "too many problems; those after this are not shown")
                      : vasprintf(&text, format, values);
    va_end(values);
    if (length < 0) {
        self->nomem = true;
        return;
    }
    drop_controls(text);
    add_problem(self, place, text);
}

bool tr_config_notes_may_guess(tr_config_notes_t *self)
{
    assert(self);
    return self->n_guesses < TR_CONFIG_GUESSES_MAX && ++self->n_guesses > 0;
}

bool tr_config_notes_may_keep(tr_config_notes_t *self, size_t n_bytes, tr_config_place_t place)
{
    assert(self);
    bool was_within = self->text_bytes <= TR_CONFIG_TEXTS_MAX;
    if (was_within && (self->text_bytes += n_bytes) > TR_CONFIG_TEXTS_MAX) {
        tr_config_notes_problem(self, place,
                                "more than %d bytes of text, that behind aliases and variables "
                                "counted",
                                TR_CONFIG_TEXTS_MAX);
    }
    return self->text_bytes <= TR_CONFIG_TEXTS_MAX;
}

void tr_config_notes_mark(tr_config_notes_t *self, const void *field, tr_config_place_t place,
                          bool sound)
{
    assert(self && field);
    tr_config_mark_t *marks =
        make_room(self->marks, self->n_marks, &self->n_marks_room, sizeof *marks);
    if (!marks) {
        self->nomem = true;
        return;
    }
    self->marks = marks;
    marks[self->n_marks++] = (tr_config_mark_t){field, place, sound};
}

static int by_address(const void *one, const void *other)
{
    uintptr_t a = (uintptr_t)((const tr_config_mark_t *)one)->field;
    uintptr_t b = (uintptr_t)((const tr_config_mark_t *)other)->field;
    return (a > b) - (a < b);
}

const tr_config_mark_t *tr_config_notes_find(tr_config_notes_t *self, const void *field)
{
    assert(self && field);
    if (self->n_marks == 0) {
        return NULL;
    }
    if (self->n_marks_sorted < self->n_marks) {
        qsort(self->marks, self->n_marks, sizeof *self->marks, by_address);
        self->n_marks_sorted = self->n_marks;
    }
    const tr_config_mark_t wanted = {.field = field};
    return bsearch(&wanted, self->marks, self->n_marks, sizeof *self->marks, by_address);
}

tr_config_place_t tr_config_notes_place(tr_config_notes_t *self, const void *field,
                                        tr_config_place_t otherwise)
{
    const tr_config_mark_t *mark = tr_config_notes_find(self, field);
    return mark ? mark->place : otherwise;
}

bool tr_config_notes_is_sound(tr_config_notes_t *self, const void *field)
{
    const tr_config_mark_t *mark = tr_config_notes_find(self, field);
    return !mark || mark->sound;
}

static int by_place(const void *one, const void *other)
{
    const tr_config_problem_t *a = one;
    const tr_config_problem_t *b = other;
    if (a->place.line != b->place.line) {
        return a->place.line < b->place.line ? -1 : 1;
    }
    if (a->place.column != b->place.column) {
        return a->place.column < b->place.column ? -1 : 1;
    }
    return a->rank < b->rank ? -1 : a->rank > b->rank;
}

static bool is_repeated(const tr_config_notes_t *self, size_t index)
{
    const tr_config_problem_t *problem = &self->problems[index];
    for (size_t i = index; i > 0; i--) {
        const tr_config_problem_t *before = &self->problems[i - 1];
        if (before->place.line != problem->place.line ||
            before->place.column != problem->place.column) {
            return false;
        }
        if (strcmp(before->text, problem->text) == 0) {
            return true;
        }
    }
    return false;
}

troupe_status_t tr_config_notes_report(tr_config_notes_t *self, const char *file,
                                       troupe_problem_fn *report, void *arg)
{
    assert(self && file);
    if (self->nomem) {
        return TROUPE_ERR_NOMEM;
    }
    if (self->n_problems == 0) {
        return TROUPE_OK;
    }
    qsort(self->problems, self->n_problems, sizeof *self->problems, by_place);
    for (size_t i = 0; report && i < self->n_problems; i++) {
        const tr_config_problem_t *problem = &self->problems[i];
        char *line = NULL;
        if (is_repeated(self, i)) {
            continue;
        }
        if (asprintf(&line, "%s:%d:%d: error: %s", file, problem->place.line,
                     problem->place.column, problem->text) < 0) {
            return TROUPE_ERR_NOMEM;
        }
        report(arg, line);
        free(line);
    }
    return TROUPE_ERR_INVALID;
}
