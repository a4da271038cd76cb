/* node/config/schema.h - every key a configuration can have, as one table
 *
 * The table says what a key is called, where it may stand, what it holds, what it is when it
 * is absent, and which field of the description it fills. The reader obeys it; the reference
 * in docs/config.md is tested against it.
 *
 * What follows from more than one key (a default that depends on another, a minimum above a
 * maximum) is not here but in config.c and config/check.c.
 */

#ifndef TROUPE_NODE_CONFIG_SCHEMA_H
#define TROUPE_NODE_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The mappings of a file: where a key may stand. One bit each, so that a row can name several
 * and a search can ask for several. */
enum {
    TR_IN_FILE = 1u << 0,
    TR_IN_LISTENER = 1u << 1,
    TR_IN_ROOT = 1u << 2, /* the supervisor of the file */
    TR_IN_SUPERVISOR = 1u << 3,
    TR_IN_CAPABILITY = 1u << 4,
    TR_IN_ACTOR = 1u << 5,
    TR_IN_WORKER = 1u << 6,
    TR_IN_WORKERS = 1u << 7,
    TR_IN_QUEUE = 1u << 8,
    TR_IN_BACKOFF = 1u << 9,
    TR_IN_HEALTH = 1u << 10,
    TR_IN_INTENSITY = 1u << 11,      /* of a supervisor */
    TR_IN_POOL_INTENSITY = 1u << 12, /* of a capability */
    TR_IN_ACTOR_INTENSITY = 1u << 13,
    TR_IN_LIMITS = 1u << 14,
    TR_IN_RECYCLE = 1u << 15,
    TR_IN_BREAKER = 1u << 16,
    TR_IN_BATCH = 1u << 17,
    TR_IN_MEMORY = 1u << 18,
    TR_IN_CHILD = TR_IN_SUPERVISOR | TR_IN_CAPABILITY | TR_IN_ACTOR,
    TR_IN_ERRAND = 1u << 19, /* one of the schedule */
    TR_IN_MAILBOX = 1u << 20,
    TR_IN_SECURITY = 1u << 21,    /* of the file */
    TR_IN_PEER = 1u << 22,        /* one of those who may come in */
    TR_IN_PEER_LIMITS = 1u << 26, /* of a listener */
    TR_IN_NODE_LIMITS = 1u << 27,
    TR_IN_MAJORDOMO = 1u << 28,
    TR_IN_ANY = (1u << 29) - 1,
};

typedef enum tr_schema_type {
    TR_SCHEMA_NAME,      /* char * */
    TR_SCHEMA_TEXT,      /* char *, not empty */
    TR_SCHEMA_NUMBER,    /* int64_t */
    TR_SCHEMA_DURATION,  /* int64_t, ms */
    TR_SCHEMA_MOMENT,    /* int64_t, us */
    TR_SCHEMA_SIZE,      /* int64_t, bytes */
    TR_SCHEMA_SHARE,     /* double, 0..1 */
    TR_SCHEMA_AMOUNT,    /* tr_config_amount_t: a size or a share */
    TR_SCHEMA_CHOICE,    /* an enum whose values are the indices of `words` */
    TR_SCHEMA_SWITCH,    /* bool: the second of two words */
    TR_SCHEMA_MODE,      /* unsigned: three octal digits */
    TR_SCHEMA_CLOCK,     /* int64_t: seconds after midnight */
    TR_SCHEMA_ARGS,      /* tr_config_args_t: any keys, scalars */
    TR_SCHEMA_WORDS,     /* tr_config_words_t: a list of scalars, at least one */
    TR_SCHEMA_PATTERNS,  /* the same, or none */
    TR_SCHEMA_MAPPING,   /* the keys of `inside`, into the same description */
    TR_SCHEMA_LISTENERS, /* a list; a listener may be written as its endpoint alone */
    TR_SCHEMA_CHILDREN,  /* a list */
    TR_SCHEMA_ERRANDS,   /* a list */
    TR_SCHEMA_PEERS,     /* a list */
    TR_SCHEMA_LATER,     /* known, and not available in this version */
} tr_schema_type_t;

/* A row that fills no field. */
#define TR_SCHEMA_NO_FIELD SIZE_MAX

typedef struct tr_schema_row {
    const char *key;
    unsigned where; /* TR_IN_..., any number of them */
    tr_schema_type_t type;
    bool required;
    bool optional; /* a mapping whose keys have no defaults while it is absent */
    bool is_local; /* of a capability: it is about workers that the node starts */

    /* As a person would write it. NULL: there is none, or it depends on other keys. */
    const char *fallback;

    int64_t min, max;         /* a number, duration or size, both allowed */
    const char *word;         /* a duration may also be this word ... */
    int64_t word_ms;          /* ... and then is that */
    const char *const *words; /* ends with NULL */
    const char *later;        /* a word that is known, and not available in this version */

    unsigned inside; /* TR_IN_... that the mapping or the list's elements are */
    size_t offset; /* of the field in the description of `where`; of the part, for a mapping */
} tr_schema_row_t;

/* Longer than the table; a row's index fits an array of this size. */
enum { TR_SCHEMA_ROWS_MAX = 192 };

/* The table, and how long it is. */
extern const tr_schema_row_t tr_schema[];
extern const size_t tr_schema_rows;

/* The row of a key in one of the mappings of `where`, or NULL. */
const tr_schema_row_t *tr_schema_find(unsigned where, const char *key);

/* The key available in `where` that `key` most looks like, or NULL when none is close. */
const char *tr_schema_nearest(unsigned where, const char *key);

/* What a mapping is called in a problem: "a capability". `where` is one bit. */
const char *tr_schema_where(unsigned where);

#endif
