/* remote/doors/descriptor.h - the descriptor of a connection that libzmq owns
 *
 * libzmq has no word for closing one connection of a ROUTER. It does close one that is shut
 * down beneath it. But by the time that somebody wants that, the descriptor may stand for
 * something else: so it is known by the number that the kernel gives each socket and never
 * again, and is compared on a copy, which cannot change any more.
 */

#ifndef TROUPE_REMOTE_DOORS_DESCRIPTOR_H
#define TROUPE_REMOTE_DOORS_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

/* The number of a connection that came in by `endpoint`; 0 when the descriptor stands for
 * anything else. */
uint64_t tr_descriptor_cookie(int descriptor, const char *endpoint);

/* Shut the connection with that number down, if the descriptor still stands for it. False: it
 * does not, or the number is 0. */
bool tr_descriptor_shut(int descriptor, uint64_t cookie);

/* How many bytes have come by it, as far as the kernel says, which it does of tcp; else 0. That
 * is of whatever the descriptor stands for now. */
uint64_t tr_descriptor_received(int descriptor);

#endif
