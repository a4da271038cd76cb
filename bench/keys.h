/* bench/keys.h - the keys of a node and of its clients, where a bench encrypts
 *
 * Two pairs as `troupe keygen` makes them: the node's, and one that all clients share. Their
 * files have no names any more once they are made, so whatever becomes of the bench, no key
 * stays behind it.
 */

#ifndef TROUPE_BENCH_KEYS_H
#define TROUPE_BENCH_KEYS_H

#include <troupe.h>

typedef struct bench_keys {
    char node_file[32]; /* paths that this process can open as long as it lives */
    char client_file[32];
    char node_key[TROUPE_KEY_SIZE]; /* public, as files of a node can have it */
    char client_key[TROUPE_KEY_SIZE];
} bench_keys_t;

/* Make both pairs. */
void bench_keys_make(bench_keys_t *self);

/* Have a client that was just made use them. */
void bench_keys_give(const bench_keys_t *self, troupe_client_t *client);

#endif
