/* cli/load_report.h - what a load has come to, for people and for programs */

#ifndef TROUPE_CLI_LOAD_REPORT_H
#define TROUPE_CLI_LOAD_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <msgpack.h>

#include "cli/load.h"

typedef struct cli_load_report {
    const cli_load_plan_t *plan;
    const cli_tally_t *tally;
    const msgpack_object *before; /* the node's metrics then, and afterwards; NULL: not told */
    const msgpack_object *after;
    bool is_interrupted;
} cli_load_report_t;

/* Print it on stdout: tables, or one JSON object on a line. */
void cli_load_report_print(const cli_load_report_t *self);
void cli_load_report_json(const cli_load_report_t *self);

/* How many of those that count have ended otherwise than ok. */
uint64_t cli_load_n_failed(const cli_tally_t *tally);

#endif
