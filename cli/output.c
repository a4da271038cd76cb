/* One failure is one line in one write: its text is cleaned on the way, because half of it may
 * come from a peer that would like to write a second one.
 */

#include "cli/output.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/text.h"

enum { MAX_COMPLAINT = 2000 };

static struct {
    bool on_terminal;
    bool has_colours;
    bool can_show_utf8;
} abilities;

void cli_output_init(void)
{
    setlocale(LC_CTYPE, "");
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    abilities.on_terminal = isatty(STDOUT_FILENO) == 1;
    abilities.has_colours = abilities.on_terminal && !(no_color && *no_color) && term &&
                            *term && strcmp(term, "dumb") != 0;
    abilities.can_show_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

bool cli_on_terminal(void)
{
    return abilities.on_terminal;
}

bool cli_can_show_utf8(void)
{
    return abilities.can_show_utf8;
}

void *cli_need(void *memory)
{
    if (!memory) {
        static const char line[] = "troupe: out of memory\n";
        ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
        (void)written;
        exit(CLI_FAILED);
    }
    return memory;
}

void cli_complain(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    cli_need(length < 0 ? NULL : text);

    char *clean = cli_clean(text, (size_t)length, MAX_COMPLAINT);
    fflush(stdout);
    fprintf(stderr, "troupe: %s\n", clean);
    free(clean);
    free(text);
}

bool cli_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return true;
    }
    cli_complain("cannot write to stdout: %s",
                 errno ? strerror(errno) : "an earlier write failed");
    return false;
}

static const char *colour_code(cli_colour_t colour)
{
    switch (colour) {
    case CLI_GREEN:
        return "\033[32m";
    case CLI_YELLOW:
        return "\033[33m";
    case CLI_RED:
        return "\033[31m";
    case CLI_BOLD:
        return "\033[1m";
    case CLI_DIM:
        return "\033[2m";
    case CLI_PLAIN:
        break;
    }
    return "";
}

void cli_print(cli_colour_t colour, const char *text)
{
    cli_print_to(stdout, colour, text);
}

void cli_print_to(FILE *stream, cli_colour_t colour, const char *text)
{
    bool is_coloured = abilities.has_colours && colour != CLI_PLAIN && *text;
    fprintf(stream, "%s%s%s", is_coloured ? colour_code(colour) : "", text,
            is_coloured ? "\033[0m" : "");
}
