/* node/config/notes.h - what reading a configuration has found out
 *
 * Two things are kept while a file is read and checked: its problems, so that all of them can
 * be reported at once and in order of place; and where each field of the description was
 * written, so that a check across fields can point at the text.
 *
 * Notes never fail while they are taken: when memory runs out they say so at the end, and
 * the code that takes them needs no error paths.
 */

#ifndef TROUPE_NODE_CONFIG_NOTES_H
#define TROUPE_NODE_CONFIG_NOTES_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/api.h>

#include "node/config/config.h"

/* More problems than these are counted as one: nobody reads them, and they cost memory. */
enum { TR_CONFIG_PROBLEMS_MAX = 1000 };

/* So many words are compared with others for "did you mean": what a person has written needs
 * few, and each costs microseconds. */
enum { TR_CONFIG_GUESSES_MAX = 50000 };

/* Bytes of all texts together, those behind aliases and variables counted. */
enum { TR_CONFIG_TEXTS_MAX = 8 * 1024 * 1024 };

typedef struct tr_config_problem tr_config_problem_t;

/* Where one field was written. */
typedef struct tr_config_mark {
    const void *field; /* its address in the description */
    tr_config_place_t place;
    bool sound; /* false: what was written there is a problem already */
} tr_config_mark_t;

typedef struct tr_config_notes {
    tr_config_problem_t *problems;
    size_t n_problems;
    size_t n_problems_room;
    tr_config_mark_t *marks;
    size_t n_marks;
    size_t n_marks_room;
    size_t n_marks_sorted; /* those before are in order of address */
    size_t n_guesses;
    size_t text_bytes;
    bool nomem;
} tr_config_notes_t;

/* Empty notes; to be released with _finish. */
void tr_config_notes_init(tr_config_notes_t *self);
void tr_config_notes_finish(tr_config_notes_t *self);

/* What a person wrote, cut to fit into a problem: whole characters, then "..." if some are
 * missing. Returns `buffer`. */
enum { TR_CONFIG_CUT_BYTES = 68 };
const char *tr_config_cut(const char *text, char buffer[TR_CONFIG_CUT_BYTES]);

/* Take down a problem. Control characters in the text are shown as '?'. */
void tr_config_notes_problem(tr_config_notes_t *self, tr_config_place_t place,
                             const char *format, ...) TROUPE_PRINTF(3, 4);

/* Whether two words may be compared once more to guess what was meant; counts it. */
TROUPE_NODISCARD bool tr_config_notes_may_guess(tr_config_notes_t *self);

/* Whether there may be so many bytes of text more; counts them. The first time that there may
 * not is a problem of that place. */
TROUPE_NODISCARD bool tr_config_notes_may_keep(tr_config_notes_t *self, size_t n_bytes,
                                               tr_config_place_t place);

/* Take down where `field` was written. */
void tr_config_notes_mark(tr_config_notes_t *self, const void *field, tr_config_place_t place,
                          bool sound);

/* Where `field` was written, or NULL when it has its default. Borrowed until the next mark. */
const tr_config_mark_t *tr_config_notes_find(tr_config_notes_t *self, const void *field);

/* Where `field` was written; `otherwise` when it was not. */
tr_config_place_t tr_config_notes_place(tr_config_notes_t *self, const void *field,
                                        tr_config_place_t otherwise);

/* Whether what was written for `field` is no problem already; its default never is. */
bool tr_config_notes_is_sound(tr_config_notes_t *self, const void *field);

/* Report all problems, ordered by place, each once; those of one place in the order they were
 * found.
 *
 *   TROUPE_OK           there were none
 *   TROUPE_ERR_INVALID  there were, and `report` (which may be NULL) was told
 *   TROUPE_ERR_NOMEM    notes are missing; nothing was reported
 */
TROUPE_NODISCARD troupe_status_t tr_config_notes_report(tr_config_notes_t *self,
                                                        const char *file,
                                                        troupe_problem_fn *report, void *arg);

#endif
