/* actors/worker/args.h - the `args` of a worker, as its behaviour reads them */

#ifndef TROUPE_ACTORS_WORKER_ARGS_H
#define TROUPE_ACTORS_WORKER_ARGS_H

#include <stddef.h>

#include <troupe/behaviour.h>

typedef struct tr_arg {
    const char *key;
    const char *value;
} tr_arg_t;

/* Borrowed: lives as long as the description of the tree, which outlives every worker. */
struct troupe_args {
    const tr_arg_t *items;
    size_t n_items;
};

#endif
