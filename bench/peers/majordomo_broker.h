/* bench/peers/majordomo_broker.h - a plain broker of the Majordomo protocol, MDP/0.1 (RFC 7) */

#ifndef TROUPE_BENCH_PEERS_MAJORDOMO_BROKER_H
#define TROUPE_BENCH_PEERS_MAJORDOMO_BROKER_H

/* Listen at some port of loopback, write its number, an int, to `port_fd`, and serve until the
 * process is ended. */
void majordomo_broker_run(int port_fd);

#endif
