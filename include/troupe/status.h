/* troupe/status.h - how a call of this library went
 *
 * Zero is done; a positive status is an expected outcome that the caller handles
 * where it asked; a negative one is a fault to pass up after releasing what is
 * held. How a *request* ended is another type: troupe/outcome.h.
 */

#ifndef TROUPE_STATUS_H
#define TROUPE_STATUS_H

#include <troupe/api.h>

TROUPE_BEGIN_DECLS

/* X(name, value, text) */
#define TROUPE_STATUS_MAP(X)                                                                   \
    X(OK, 0, "done")                                                                           \
    X(TIMEOUT, 1, "the deadline passed first")                                                 \
    X(FULL, 2, "the mailbox or the window has no room")                                        \
    X(NOT_FOUND, 3, "nothing is known under that name")                                        \
    X(CLOSED, 4, "the other side is gone or draining")                                         \
    X(LIMIT, 5, "a configured limit was reached")                                              \
    X(EXISTS, 6, "that name is taken")                                                         \
    X(INTERRUPTED, 7, "stopped before it was done")                                            \
    X(FORBIDDEN, 8, "the other side does not let us in")                                       \
    X(ERR_NOMEM, -1, "out of memory")                                                          \
    X(ERR_INVALID, -2, "the caller broke the contract")                                        \
    X(ERR_PROTOCOL, -3, "the peer broke the protocol")                                         \
    X(ERR_IO, -4, "the operating system refused")

/* How a call went: one for each line of TROUPE_STATUS_MAP. */
typedef enum troupe_status {
#define X(name, value, text) TROUPE_##name = (value),
    TROUPE_STATUS_MAP(X)
#undef X
} troupe_status_t;

/* The status's name in lower case, as "not_found"; "unknown" for a value that is
 * none. The text is constant and lives for ever. Any thread. */
TROUPE_API const char *troupe_status_name(troupe_status_t status);

/* One line for a person. Constant, never NULL. Any thread. */
TROUPE_API const char *troupe_status_text(troupe_status_t status);

TROUPE_END_DECLS

#endif
