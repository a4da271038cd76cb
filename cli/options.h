/* cli/options.h - the command line: verbs, their options, what wrong usage says
 *
 * A verb is one row: its name, its options with their help texts, its examples, and the
 * function that does it. Parsing and --help both read that row, so that no option can be
 * accepted and not explained, or the other way round.
 */

#ifndef TROUPE_CLI_OPTIONS_H
#define TROUPE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/api.h>
#include <troupe/node.h>

/* What the process exits with. Scripts rely on these: docs/cli.md. */
enum {
    CLI_OK = TROUPE_EXIT_OK,
    CLI_FAILED = TROUPE_EXIT_FAILED,
    CLI_USAGE = 2,
    CLI_UNREACHABLE = 3,
    CLI_TIMEOUT = 4,
    CLI_GAVE_UP = TROUPE_EXIT_GAVE_UP,
    CLI_INTERRUPTED = 130, /* what a shell reports for SIGINT */
};

/* Keys of options that have no letter. Shared, so that a key means one thing in all verbs. */
enum {
    CLI_KEY_CONNECT_TIMEOUT = 256,
    CLI_KEY_AGAINST,
    CLI_KEY_CONTRACT,
    CLI_KEY_DEDUP,
    CLI_KEY_EFFECTIVE,
    CLI_KEY_FOR,
    CLI_KEY_FRAME,
    CLI_KEY_IN,
    CLI_KEY_JSON,
    CLI_KEY_KEY,
    CLI_KEY_LOG_FORMAT,
    CLI_KEY_LOG_LEVEL,
    CLI_KEY_MODULE_PATH,
    CLI_KEY_OFF,
    CLI_KEY_PLAIN,
    CLI_KEY_RATE,
    CLI_KEY_REPLAY,
    CLI_KEY_SERVER_KEY,
    CLI_KEY_SIZE,
    CLI_KEY_STATUS,
    CLI_KEY_STICKY,
    CLI_KEY_TRACEPARENT,
    CLI_KEY_WARM_UP,
};

typedef struct cli_option {
    int key;           /* the letter, or one of the keys above */
    const char *name;  /* the long form, without dashes */
    const char *value; /* what its value is called in the help; NULL: it takes none */
    const char *help;  /* one line; more after each '\n' */
} cli_option_t;

/* One option as it was given; `value` is NULL where it takes none. Borrowed from argv. */
typedef struct cli_given {
    int key;
    const char *value;
} cli_given_t;

typedef struct cli_args {
    const char *verb;
    const char *operand; /* NULL when the verb takes none, or may do without and has none */
    const char *second;  /* the same of the second */
    size_t n_given;
    cli_given_t *given; /* in the order of the command line */
} cli_args_t;

typedef struct cli_verb {
    const char *name;
    const char *operand; /* what it works on, "FILE", or "[FILE]" when it may do without;
                            NULL: nothing */
    const char *second;  /* and then this; NULL: nothing */
    const char *brief;   /* a few words, for the list of verbs */
    const char *about;   /* what it does, whole lines */
    const cli_option_t *options; /* ends with a row without name; NULL: none */
    const char *examples;        /* whole lines */
    int (*run)(const cli_args_t *args);
} cli_verb_t;

/* Read what follows the verb. argv[0] is the verb itself. True: *out is filled, and to be
 * given to cli_args_finish. False: *exit_out says how to leave; wrong usage was explained,
 * or the help was printed as asked. */
TROUPE_NODISCARD bool cli_args_parse(const cli_verb_t *verb, int argc, char **argv,
                                     cli_args_t *out, int *exit_out);
void cli_args_finish(cli_args_t *self);

/* Print the verb's help on stdout. */
void cli_verb_help(const cli_verb_t *verb);

/* Say on one line of stderr what is wrong with the way `verb` was used and where to read
 * more; returns CLI_USAGE. */
int cli_wrong_usage(const char *verb, const char *format, ...) TROUPE_PRINTF(2, 3);

/* "250ms", "5s", "10m", "1h", at most 30 days; false, and *ms_out untouched, for anything
 * else and for nothing at all ("0s"). */
TROUPE_NODISCARD bool cli_parse_duration(const char *text, int64_t *ms_out);

/* "64", "512KiB", "4MiB", up to `max` bytes; false, and *out untouched, for anything else. */
TROUPE_NODISCARD bool cli_parse_size(const char *text, uint64_t max, uint64_t *out);

/* A whole number up to `max`, without sign; false leaves *out alone. */
TROUPE_NODISCARD bool cli_parse_number(const char *text, uint64_t max, uint64_t *out);

#endif
