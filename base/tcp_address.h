/* base/tcp_address.h - HOST:PORT in digits: read, and bound
 *
 * The host is an IPv4 address in digits, so that what is written is what is bound, and nobody
 * is asked for a name. Any thread.
 */

#ifndef TROUPE_BASE_TCP_ADDRESS_H
#define TROUPE_BASE_TCP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/status.h>

typedef enum tr_tcp_fault {
    TR_TCP_FINE,
    TR_TCP_LACKS_PART, /* there is no host, or no colon behind it */
    TR_TCP_BAD_PORT,   /* no number from 0 to 65535 without zeros before it */
    TR_TCP_BAD_HOST,   /* no IPv4 address in digits */
} tr_tcp_fault_t;

/* Read "127.0.0.1:5670". What is wrong with it, and then *out is not touched. Port 0 is any
 * that is free. */
TROUPE_NODISCARD tr_tcp_fault_t tr_tcp_address_read(const char *text, struct sockaddr_in *out);

/* Whether `text` is a port as above; *out is not touched if not. */
bool tr_tcp_port_read(const char *text, uint16_t *out);

/* A socket that is bound there and blocks nobody, the caller's; -1 with errno. A port in
 * TIME_WAIT is free. */
int tr_tcp_address_bind(const struct sockaddr_in *address);

/* Whether it could be bound just now, which is tried and given up again. It never listens. On
 * failure `why` (of `size` bytes) gets one line.
 *
 *   TROUPE_OK
 *   TROUPE_EXISTS  somebody else does
 *   TROUPE_ERR_IO  the machine has no such address, or does not let us
 */
TROUPE_NODISCARD troupe_status_t tr_tcp_address_check(const struct sockaddr_in *address,
                                                      char *why, size_t size);

#endif
