/* cli/load.h - have many requests made of one capability, and note how each of them ended
 *
 * Each client has a connection and a thread of its own, and a tally that nobody else touches
 * until it has ended. What they share is constant, but for two flags and two descriptors.
 *
 * With a rate, a request is due at a time that does not depend on how fast others are answered,
 * and its latency counts from there: a node that stalls makes all that came due meanwhile late.
 * Without one, the next request is due when there is room for it among those outstanding.
 */

#ifndef TROUPE_CLI_LOAD_H
#define TROUPE_CLI_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>
#include <troupe/client.h>

#include "cli/histogram.h"

/* What is to be done. Strings and the message are borrowed while the load lasts. */
typedef struct cli_load_plan {
    const char *capability;
    troupe_call_options_t options;
    const troupe_message_t *request; /* each request is this */
    size_t n_clients;
    size_t n_outstanding; /* of each client, at most */
    uint64_t rate;        /* requests a second of all clients together; 0: as fast as it goes */
    uint64_t n_requests;  /* that count, of all clients together; 0: no bound */
    int64_t lasts_ms;     /* sending what counts */
    int64_t warm_up_ms;   /* before that; what is sent then does not count */
} cli_load_plan_t;

/* What was noted. Of requests that were sent while warming up only faults are. */
typedef struct cli_tally {
    cli_histogram_t *latency;    /* of those that ended ok, in ns */
    cli_histogram_t *first_part; /* the same, until the first part of their answer */
    uint64_t outcomes[TROUPE_N_OUTCOMES];
    uint64_t n_sent;
    uint64_t n_unsent;  /* due by the rate before sending was over, and not sent */
    uint64_t n_missing; /* sent, and no final came: a fault */
    uint64_t n_stray;   /* finals and parts of requests that had ended: a fault */
    uint64_t bytes_sent;
    uint64_t bytes_received;
    int64_t first_ns; /* when the first was due; 0: none was */
    int64_t last_ns;  /* when the last one ended */
} cli_tally_t;

typedef struct cli_load cli_load_t;

/* A load that has not begun. The clients are connected, as many as the plan has; they are
 * taken, and their places in the array become NULL. */
TROUPE_NODISCARD cli_load_t *cli_load_new(const cli_load_plan_t *plan,
                                          troupe_client_t **clients);

/* Ends what still runs, which takes two seconds at most. */
void cli_load_destroy(cli_load_t **self_p);

/* Begin; false when the system has no more threads: then what began has been ended. */
TROUPE_NODISCARD bool cli_load_start(cli_load_t *self);

/* Polls readable when all clients have ended. Borrowed; do not read it. */
int cli_load_fd(const cli_load_t *self);

/* When what is sent begins to count, by cli_now_ms. */
int64_t cli_load_counts_from_ms(const cli_load_t *self);

/* Send no more, and cancel what is outstanding. From the thread that started it. */
void cli_load_stop(cli_load_t *self);

/* Wait for all clients and add up what they have noted. Once. The tally is the load's own. */
const cli_tally_t *cli_load_finish(cli_load_t *self);

/* An outcome after which the load has ended by itself, because no other request would have
 * fared better, such as no_capability; TROUPE_OUTCOME_OK when there was none. Its text,
 * borrowed. After cli_load_finish. */
troupe_outcome_t cli_load_hopeless(const cli_load_t *self, const char **text_out);

/* When request `k`, from 0, of client `index` is due: so long after the beginning, in ns. The
 * clients take turns. Pure. */
int64_t cli_load_due_ns(uint64_t k, size_t index, size_t n_clients, uint64_t rate);

/* How many of that client's are due earlier than `after_ns` from the beginning. Pure. */
uint64_t cli_load_n_due(int64_t after_ns, size_t index, size_t n_clients, uint64_t rate);

#endif
