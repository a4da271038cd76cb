/* troupe/text_to_text.h - the contract of `text_to_text`: a prompt or a conversation, a text
 * back
 *
 * Method `prompt`. The subject is the prompt; with `turns` it is empty. The reply's is the
 * text, which comes in parts, too. troupe/contract.h says what the functions do.
 */

#ifndef TROUPE_TEXT_TO_TEXT_H
#define TROUPE_TEXT_TO_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <troupe/contract.h>

TROUPE_BEGIN_DECLS

/* Who has said it. */
typedef enum troupe_role {
    TROUPE_ROLE_USER,      /* "user" */
    TROUPE_ROLE_ASSISTANT, /* "assistant" */
    TROUPE_ROLE_SYSTEM,    /* "system" */
} troupe_role_t;

/* One turn of a conversation. */
typedef struct troupe_turn {
    troupe_role_t role;  /* who */
    const char *content; /* what */
} troupe_turn_t;

/* What is asked: a prompt, or turns. */
typedef struct troupe_text_to_text_request {
    const char *prompt;         /* NULL with turns */
    const troupe_turn_t *turns; /* the oldest first */
    size_t n_turns;             /* 0 with a prompt */
    int64_t max_tokens;         /* of the reply; 0: the worker's */
    double temperature;         /* 0: always the likeliest; -1: the worker's */
    double top_p;               /* 0 to 1; 1: all */
    int64_t top_k;              /* 0: all */
    int64_t seed;               /* -1: any */
    const char *const *stop;    /* where it ends; what stops it is not part of the text */
    size_t n_stop;              /* how many of these */
    const char *language;       /* as "en_US", of workers that correct; NULL: theirs */
    const char *const *words;   /* likewise: also right */
    size_t n_words;             /* how many of these */
    bool suggest; /* likewise; false: the text is corrected. true: only suggestions */
    bool stream;  /* true: in parts, too */
    troupe_contract_memory_t *memory; /* of what was unpacked; else NULL */
} troupe_text_to_text_request_t;

/* Why the text ends where it does. */
typedef enum troupe_finish {
    TROUPE_FINISH_STOP,   /* "stop": it is complete, or `stop` was met */
    TROUPE_FINISH_LENGTH, /* "length": `max_tokens` were made, or there was no room for more */
} troupe_finish_t;

/* A word that was found wrong. */
typedef struct troupe_correction {
    const char *word;               /* as it stands in the prompt */
    int64_t offset;                 /* of its first byte in the prompt */
    const char *replacement;        /* what stands there now; NULL: it was left as it is */
    const char *const *suggestions; /* the best first */
    size_t n_suggestions;           /* how many of these */
} troupe_correction_t;

/* What comes back. */
typedef struct troupe_text_to_text_reply {
    const char *text;                       /* all of it */
    const char *model;                      /* what has written it */
    troupe_finish_t finish;                 /* why it ends */
    int64_t prompt_tokens;                  /* or words, of workers that know no tokens */
    int64_t reply_tokens;                   /* likewise */
    const troupe_correction_t *corrections; /* of workers that correct, in order */
    size_t n_corrections;                   /* how many of these */
    troupe_contract_memory_t *memory;       /* of what was unpacked; else NULL */
} troupe_text_to_text_reply_t;

TROUPE_CONTRACT(text_to_text)

TROUPE_END_DECLS

#endif
