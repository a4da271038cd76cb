/* workers/text_to_text/dictionaries.h - the spellers of a few languages, loaded when first
 * asked for
 *
 * One language is always there; of the others as many as `TR_DICTIONARIES_MAX` allows, and the
 * one that was not asked for the longest makes room. Not thread-safe.
 */

#ifndef TROUPE_WORKERS_SPELLING_DICTIONARIES_H
#define TROUPE_WORKERS_SPELLING_DICTIONARIES_H

#include "speller.h"

enum { TR_DICTIONARIES_MAX = 3 };

typedef struct tr_dictionaries tr_dictionaries_t;

/* None yet, the caller's to destroy; NULL when out of memory. */
TROUPE_NODISCARD tr_dictionaries_t *tr_dictionaries_new(void);

/* Release all and set *self_p to NULL; NULL is fine. */
void tr_dictionaries_destroy(tr_dictionaries_t **self_p);

/* Load what is asked for when no language is named. `folder` is copied. Fails as
 * tr_speller_load does. */
TROUPE_NODISCARD troupe_status_t tr_dictionaries_open(tr_dictionaries_t *self,
                                                      const char *folder, const char *language,
                                                      troupe_why_t *why);

/* The speller of `language`, NULL: the first one. Borrowed until the next call. Fails as
 * tr_speller_load does. */
TROUPE_NODISCARD troupe_status_t tr_dictionaries_find(tr_dictionaries_t *self,
                                                      const char *language, tr_speller_t **out,
                                                      troupe_why_t *why);

#endif
