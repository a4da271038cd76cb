/* cli/outstanding.h - which requests of one client have been sent and have not ended
 *
 * Each is put in once and taken out once. What is asked for and not in here was never sent, or
 * has ended before: the caller counts that as a fault of the other side. Not thread-safe.
 */

#ifndef TROUPE_CLI_OUTSTANDING_H
#define TROUPE_CLI_OUTSTANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>

typedef struct cli_outstanding cli_outstanding_t;

typedef struct cli_sent {
    uint64_t id; /* not 0 */
    int64_t due_ns;
    bool counts;   /* false: it was sent to warm up */
    bool has_part; /* something of its answer has come */
} cli_sent_t;

/* Room for `most` requests at a time; the caller's to destroy. */
TROUPE_NODISCARD cli_outstanding_t *cli_outstanding_new(size_t most);
void cli_outstanding_destroy(cli_outstanding_t **self_p);

/* Put one in. There is room for it, and its id is not there yet. */
void cli_outstanding_add(cli_outstanding_t *self, const cli_sent_t *sent);

/* The one of that id, to be changed but for its id, until the next call that adds or takes one
 * out; NULL when there is none. */
cli_sent_t *cli_outstanding_find(cli_outstanding_t *self, uint64_t id);

/* Take out the one of that id; false when there is none. */
TROUPE_NODISCARD bool cli_outstanding_take(cli_outstanding_t *self, uint64_t id,
                                           cli_sent_t *out);

size_t cli_outstanding_n(const cli_outstanding_t *self);

/* Call `each (arg, sent)` for all that are in here; it neither adds nor takes. */
void cli_outstanding_each(const cli_outstanding_t *self,
                          void (*each)(void *arg, const cli_sent_t *sent), void *arg);

#endif
