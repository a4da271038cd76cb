/* bench/peers/peer.h - the command line and the line of result that all peers in C share
 *
 *     --mode M --transport T --workers N --window W --requests R --size B
 */

#ifndef TROUPE_BENCH_PEERS_PEER_H
#define TROUPE_BENCH_PEERS_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/requests.h"

#define PEER_MOST_WINDOW 1000

typedef struct peer_options {
    const char *mode;
    const char *transport;
    long workers;
    long window;
    long requests;
    size_t size;
} peer_options_t;

/* Read the options. `modes` and `transports` list what there is, NULL at the end; the first is
 * what holds without the option. Anything else ends the program with 2. */
peer_options_t peer_options(int argc, char **argv, const char *const *modes,
                            const char *const *transports);

bool peer_mode_is(const peer_options_t *options, const char *mode);

/* The requests that the options ask for. */
void peer_requests_init(bench_requests_t *requests, const peer_options_t *options);

/* Let the measured time end and print the line. */
void peer_print(bench_requests_t *requests, const char *name, const peer_options_t *options);

#endif
