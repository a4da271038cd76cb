/* The option tables are turned into what getopt_long wants, and its answers into a list that
 * the verbs walk: getopt's global state never leaves this file. getopt_long's own messages
 * are off, because a failure is one line in one form.
 */

#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

enum {
    MAX_OPTIONS = 24,
    HELP_COLUMN = 30, /* where the texts of options begin */
    LETTERS = 256,    /* keys below are letters */
};

static const cli_option_t help_option = {'h', "help", NULL, "print this help"};

int cli_wrong_usage(const char *verb, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    cli_complain("%s: %s; see 'troupe help %s'", verb, text, verb);
    return CLI_USAGE;
}

/* What the user typed is at argv[optind - 1] for long options; letters may share a word. */
static int explain_refusal(const cli_verb_t *verb, int refusal, char **argv)
{
    const char *word = argv[optind - 1];
    if (refusal == ':') {
        return cli_wrong_usage(verb->name, "option '%s' needs a value", word);
    }
    if (optopt == 0) {
        return cli_wrong_usage(verb->name, "unknown option '%s'", word);
    }
    if (strncmp(word, "--", 2) == 0 && strchr(word, '=')) {
        return cli_wrong_usage(verb->name, "option '%.*s' takes no value",
                               (int)strcspn(word, "="), word);
    }
    return cli_wrong_usage(verb->name, "unknown option '-%c'", optopt);
}

/* getopt's two descriptions of the same options. */
struct grammar {
    struct option names[MAX_OPTIONS + 1];
    char letters[2 * MAX_OPTIONS + 2];
};

static void describe(const cli_option_t *option, struct grammar *grammar, size_t n)
{
    assert(n < MAX_OPTIONS);
    grammar->names[n] = (struct option){
        .name = option->name,
        .has_arg = option->value ? required_argument : no_argument,
        .val = option->key,
    };
    if (option->key < LETTERS) {
        size_t length = strlen(grammar->letters);
        grammar->letters[length] = (char)option->key;
        grammar->letters[length + 1] = option->value ? ':' : '\0';
    }
}

static void describe_all(const cli_verb_t *verb, struct grammar *grammar)
{
    *grammar =
        (struct grammar){.letters = ":"}; /* tell a missing value from an unknown option */
    size_t n = 0;
    describe(&help_option, grammar, n++);
    for (const cli_option_t *option = verb->options; option && option->name; option++) {
        describe(option, grammar, n++);
    }
}

static int check_operands(const cli_verb_t *verb, int n_words, char **words)
{
    int n_most = (verb->operand ? 1 : 0) + (verb->second ? 1 : 0);
    int n_least = verb->operand && *verb->operand == '[' ? 0 : n_most;
    if (n_words < n_least) {
        return cli_wrong_usage(verb->name, "%s is missing",
                               n_words == 0 ? verb->operand : verb->second);
    }
    if (n_words > n_most) {
        return cli_wrong_usage(verb->name, "'%s' is one word too many", words[n_most]);
    }
    return CLI_OK;
}

bool cli_args_parse(const cli_verb_t *verb, int argc, char **argv, cli_args_t *out,
                    int *exit_out)
{
    assert(argc > 0);
    struct grammar grammar;
    describe_all(verb, &grammar);

    cli_args_t args = {.verb = verb->name};
    args.given = cli_need(calloc((size_t)argc, sizeof *args.given));
    opterr = 0;
    optind = 1;
    int key;
    while ((key = getopt_long(argc, argv, grammar.letters, grammar.names, NULL)) != -1) {
        if (key == '?' || key == ':') {
            *exit_out = explain_refusal(verb, key, argv);
            goto refused;
        }
        if (key == help_option.key) {
            cli_verb_help(verb);
            *exit_out = CLI_OK;
            goto refused;
        }
        args.given[args.n_given++] = (cli_given_t){key, optarg};
    }
    *exit_out = check_operands(verb, argc - optind, argv + optind);
    if (*exit_out != CLI_OK) {
        goto refused;
    }
    args.operand = argc - optind > 0 ? argv[optind] : NULL;
    args.second = argc - optind > 1 ? argv[optind + 1] : NULL;
    *out = args;
    return true;

refused:
    cli_args_finish(&args);
    return false;
}

void cli_args_finish(cli_args_t *self)
{
    free(self->given);
    self->given = NULL;
    self->n_given = 0;
}

/* The option on the left, its text on the right, further lines under the text. */
static void print_option(const cli_option_t *option)
{
    char left[64];
    int length =
        snprintf(left, sizeof left, "  %c%c%s --%s%s%s", option->key < LETTERS ? '-' : ' ',
                 option->key < LETTERS ? option->key : ' ', option->key < LETTERS ? "," : " ",
                 option->name, option->value ? " " : "", option->value ? option->value : "");
    assert(length > 0 && length < (int)sizeof left);
    printf("%-*s", HELP_COLUMN, left);
    if (length >= HELP_COLUMN) {
        printf("\n%*s", HELP_COLUMN, "");
    }
    for (const char *line = option->help;; line++) {
        size_t size = strcspn(line, "\n");
        printf("%.*s\n", (int)size, line);
        line += size;
        if (!*line) {
            return;
        }
        printf("%*s", HELP_COLUMN, "");
    }
}

void cli_verb_help(const cli_verb_t *verb)
{
    printf("usage: troupe %s%s%s%s%s [OPTION]...\n\n%s\n", verb->name, verb->operand ? " " : "",
           verb->operand ? verb->operand : "", verb->second ? " " : "",
           verb->second ? verb->second : "", verb->about);
    printf("options:\n");
    for (const cli_option_t *option = verb->options; option && option->name; option++) {
        print_option(option);
    }
    print_option(&help_option);
    printf("\nexamples:\n%s", verb->examples);
}

bool cli_parse_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t number = 0;
    const char *digit = text;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        uint64_t value = (uint64_t)(*digit - '0');
        if (value > max || number > (max - value) / 10) {
            return false;
        }
        number = number * 10 + value;
    }
    if (digit == text || *digit) {
        return false;
    }
    *out = number;
    return true;
}

/* The digits that a text begins with, and what is behind them; false when they are too many. */
static bool split_digits(const char *text, char digits[static 24], const char **unit_out)
{
    size_t n_digits = strspn(text, "0123456789");
    if (n_digits >= 24) {
        return false;
    }
    memcpy(digits, text, n_digits);
    digits[n_digits] = '\0';
    *unit_out = text + n_digits;
    return true;
}

bool cli_parse_size(const char *text, uint64_t max, uint64_t *out)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    char digits[24];
    const char *unit;
    if (!split_digits(text, digits, &unit)) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        uint64_t number;
        if (strcmp(unit, units[i].name) == 0 &&
            cli_parse_number(digits, max / units[i].bytes, &number)) {
            *out = number * units[i].bytes;
            return true;
        }
    }
    return false;
}

bool cli_parse_duration(const char *text, int64_t *ms_out)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}};
    const uint64_t max_ms = UINT64_C(30) * 24 * 3600 * 1000;

    char digits[24];
    const char *unit;
    if (!split_digits(text, digits, &unit)) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        uint64_t number;
        if (strcmp(unit, units[i].name) == 0 &&
            cli_parse_number(digits, max_ms / units[i].ms, &number) && number > 0) {
            *ms_out = (int64_t)(number * units[i].ms);
            return true;
        }
    }
    return false;
}
