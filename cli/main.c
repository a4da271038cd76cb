/* The command is a table of verbs. This file finds the row; the row does the work.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/output.h"
#include "cli/verbs.h"

static const cli_verb_t *const verbs[] = {
    &cli_verb_run,      &cli_verb_check,    &cli_verb_call,   &cli_verb_ask,
    &cli_verb_send,     &cli_verb_monitor,  &cli_verb_tree,   &cli_verb_stats,
    &cli_verb_requests, &cli_verb_events,   &cli_verb_add,    &cli_verb_terminate,
    &cli_verb_restart,  &cli_verb_remove,   &cli_verb_evict,  &cli_verb_scale,
    &cli_verb_pause,    &cli_verb_drain,    &cli_verb_resume, &cli_verb_suspend,
    &cli_verb_inspect,  &cli_verb_trace,    &cli_verb_reload, &cli_verb_stop,
    &cli_verb_keygen,   &cli_verb_contract, &cli_verb_bench,  &cli_verb_top,
};

enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

static const cli_verb_t *find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i]->name, name) == 0) {
            return verbs[i];
        }
    }
    return NULL;
}

static size_t shared_beginning(const char *one, const char *other)
{
    size_t length = 0;
    while (one[length] && one[length] == other[length]) {
        length++;
    }
    return length;
}

/* The verb that begins most like the word, by two letters at least; NULL when none does. */
static const cli_verb_t *guess_verb(const char *word)
{
    const cli_verb_t *guess = NULL;
    size_t longest = 1;
    for (size_t i = 0; i < N_VERBS; i++) {
        size_t length = shared_beginning(verbs[i]->name, word);
        if (length > longest) {
            longest = length;
            guess = verbs[i];
        }
    }
    return guess;
}

static int unknown_verb(const char *name)
{
    const cli_verb_t *guess = guess_verb(name);
    if (guess) {
        cli_complain("unknown verb '%s'; did you mean '%s'? see 'troupe help'", name,
                     guess->name);
    } else {
        cli_complain("unknown verb '%s'; see 'troupe help'", name);
    }
    return CLI_USAGE;
}

static void print_help(void)
{
    printf("usage: troupe VERB [OPERAND] [OPTION]...\n"
           "       troupe help [VERB]\n"
           "       troupe --version\n"
           "\n"
           "Run a node of supervised actors, call what it offers, look at it.\n"
           "\n"
           "verbs:\n");
    for (size_t i = 0; i < N_VERBS; i++) {
        char left[32];
        snprintf(left, sizeof left, "%s%s%s", verbs[i]->name, verbs[i]->operand ? " " : "",
                 verbs[i]->operand ? verbs[i]->operand : "");
        printf("  %-18s%s\n", left, verbs[i]->brief);
    }
    printf("\n"
           "environment:\n"
           "  TROUPE_ENDPOINT   the node to speak to, where -e does not say it\n"
           "  NO_COLOR          no colours, even on a terminal\n"
           "\n"
           "exit status:\n"
           "  0    fine                        4    timed out\n"
           "  1    the call or check failed    70   the root supervisor gave up\n"
           "  2    wrong usage                 130  interrupted\n"
           "  3    no node answers\n");
}

static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_help();
        return CLI_OK;
    }
    if (argc > 2) {
        cli_complain("help: '%s' is one word too many; see 'troupe help'", argv[2]);
        return CLI_USAGE;
    }
    const cli_verb_t *verb = find_verb(argv[1]);
    if (!verb) {
        return unknown_verb(argv[1]);
    }
    cli_verb_help(verb);
    return CLI_OK;
}

static int run_verb(const cli_verb_t *verb, int argc, char **argv)
{
    cli_args_t args;
    int code;
    if (cli_args_parse(verb, argc, argv, &args, &code)) {
        code = verb->run(&args);
        cli_args_finish(&args);
    }
    return code;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        cli_complain("what is to be done? say run, check, call or tree; see 'troupe help'");
        return CLI_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return help(argc - 1, argv + 1);
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("troupe %s\n", troupe_version());
        return CLI_OK;
    }
    if (*word == '-') {
        cli_complain("unknown option '%s'; a verb comes first, see 'troupe help'", word);
        return CLI_USAGE;
    }
    const cli_verb_t *verb = find_verb(word);
    return verb ? run_verb(verb, argc - 1, argv + 1) : unknown_verb(word);
}

int main(int argc, char **argv)
{
    cli_output_init();
    int code = dispatch(argc, argv);
    return cli_flush() || code != CLI_OK ? code : CLI_FAILED;
}
