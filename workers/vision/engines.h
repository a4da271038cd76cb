/* workers/vision/engines.h - Tesseract ready for a language, and a few more
 *
 * One language is there from the start. Others that are asked for are loaded when they are,
 * which takes a tenth of a second or more, and kept: as many as TR_ENGINES_MAX in all, of which
 * the one not used for longest makes room for another.
 *
 * Always true here: only the LSTM engine is loaded. It does not learn while it reads, so no
 * request leaves a trace in the next.
 *
 * They belong to one thread at a time. Loading binds the calling thread to compute alone: from
 * then on OpenMP starts no threads for it, unless OMP_THREAD_LIMIT is set. What scales is a
 * pool of readers, not threads inside one. So load where you read.
 */

#ifndef TROUPE_WORKERS_ENGINES_H
#define TROUPE_WORKERS_ENGINES_H

#include <stdbool.h>

#include <troupe/contract.h>
#include <troupe/status.h>

struct TessBaseAPI; /* Tesseract's */

enum {
    TR_ENGINES_MAX = 3,
    TR_ENGINES_MAX_NAME = 100, /* bytes of the name of a language, or several */
};

typedef struct tr_engines tr_engines_t;

/* None yet, the caller's; NULL when out of memory. */
TROUPE_NODISCARD tr_engines_t *tr_engines_new(void);

/* Release all and set *self_p to NULL; NULL is fine. */
void tr_engines_destroy(tr_engines_t **self_p);

/* Load the language that is always there, as "eng" or "eng+deu", from the folder `tessdata`, or
 * from where Tesseract was told to look when that is NULL. Once, and first.
 *
 *   TROUPE_OK
 *   TROUPE_NOT_FOUND  the data of a language are not there; *why names their package
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_engines_load(tr_engines_t *self, const char *language,
                                                 const char *tessdata, troupe_why_t *why);

/* The engine for `language`, which a stranger may have named; NULL means the one that is always
 * there. It is lent until the next call. *name_out, unless NULL, becomes what it is called,
 * lent likewise.
 *
 *   TROUPE_OK
 *   TROUPE_ERR_INVALID  no such name, or its data are not there; *why names their package
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_engines_use(tr_engines_t *self, const char *language,
                                                struct TessBaseAPI **engine_out,
                                                const char **name_out, troupe_why_t *why);

/* Whether the data of each language of `language` are installed. */
bool tr_engines_has(tr_engines_t *self, const char *language);

/* The languages that are installed, as "deu, eng", as far as `size` bytes go. */
void tr_engines_list(tr_engines_t *self, char *text, size_t size);

#endif
