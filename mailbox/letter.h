/* mailbox/letter.h - what lies in a mailbox
 *
 * Every message between actors of one node begins with a letter, so that a mailbox can queue,
 * count and, when nobody takes it, destroy it without knowing what it says. A letter has
 * one owner: whoever made it, then the mailbox, then whoever took it out.
 */

#ifndef TROUPE_MAILBOX_LETTER_H
#define TROUPE_MAILBOX_LETTER_H

#include <assert.h>
#include <stddef.h>

typedef struct tr_letter tr_letter_t;

typedef struct tr_letter_type {
    const char *name; /* for dead letters and the log */
    void (*destroy)(tr_letter_t *letter);
} tr_letter_type_t;

struct tr_letter {
    tr_letter_t *next; /* belongs to whoever holds the list it is in */
    const tr_letter_type_t *type;
    size_t bytes; /* what it counts for in a bounded mailbox, payload included */
};

static inline void tr_letter_init(tr_letter_t *self, const tr_letter_type_t *type, size_t bytes)
{
    *self = (tr_letter_t){.next = NULL, .type = type, .bytes = bytes};
}

/* Destroy the letter with all it holds and set *self_p to NULL; NULL is fine. */
static inline void tr_letter_destroy(tr_letter_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        (*self_p)->type->destroy(*self_p);
        *self_p = NULL;
    }
}

#endif
