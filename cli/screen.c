/* Plain codes of ECMA-48 that every terminal of the last thirty years knows, and the alternate
 * screen of xterm: no library is needed for a dozen of them.
 */

#include "cli/screen.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cli/output.h"

/* The other screen, no cursor; and back, with colours off. */
#define ENTER "\033[?1049h\033[?25l\033[2J"
#define LEAVE "\033[0m\033[?25h\033[?1049l"

/* What has to be undone at the end of the process, however that comes about. */
static struct {
    bool is_taken;
    struct termios before;
} terminal;

bool cli_screen_is_possible(void)
{
    const char *term = getenv("TERM");
    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && term && *term &&
           strcmp(term, "dumb") != 0;
}

void cli_screen_show(const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n_written = write(STDOUT_FILENO, bytes, size);
        if (n_written < 0 && errno != EINTR && errno != EAGAIN) {
            return; /* it has gone, which the next key tells */
        }
        bytes += n_written > 0 ? n_written : 0;
        size -= n_written > 0 ? (size_t)n_written : 0;
    }
}

static void give_back(void)
{
    if (terminal.is_taken) {
        terminal.is_taken = false;
        cli_screen_show(LEAVE, strlen(LEAVE));
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal.before);
    }
}

/* Keys come one by one and unseen; Ctrl-C and Ctrl-Z stay signals. Output is left as it is. */
static bool take(void)
{
    if (tcgetattr(STDIN_FILENO, &terminal.before) != 0) {
        return false;
    }
    struct termios raw = terminal.before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
    raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0) {
        return false;
    }
    terminal.is_taken = true;
    cli_screen_show(ENTER, strlen(ENTER));
    return true;
}

static void measure(cli_screen_t *self)
{
    struct winsize size;
    bool is_told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col;
    self->rows = is_told ? size.ws_row : 24;
    self->columns = is_told ? size.ws_col : 80;
}

static int open_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGWINCH);
    sigaddset(&signals, SIGTSTP);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGQUIT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool cli_screen_open(cli_screen_t *self)
{
    static bool is_registered;
    *self = (cli_screen_t){.signals = open_signals()};
    if (!is_registered) {
        is_registered = atexit(give_back) == 0;
    }
    if (self->signals < 0 || !is_registered || !take()) {
        cli_complain("the terminal cannot be taken: %s", strerror(errno));
        cli_screen_close(self);
        return false;
    }
    measure(self);
    return true;
}

void cli_screen_close(cli_screen_t *self)
{
    give_back();
    if (self->signals >= 0) {
        close(self->signals);
        self->signals = -1;
    }
}

/* Ctrl-Z: whoever has the terminal meanwhile finds it as it was. */
static bool stop_for_a_while(void)
{
    give_back();
    raise(SIGSTOP);
    return take();
}

bool cli_screen_heed(cli_screen_t *self)
{
    struct signalfd_siginfo info;
    bool goes_on = true;
    while (goes_on && read(self->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        goes_on = info.ssi_signo == SIGTSTP ? stop_for_a_while() : info.ssi_signo == SIGWINCH;
    }
    measure(self);
    return goes_on;
}

/* ---- keys ---- */

static const struct {
    const char *bytes; /* behind the escape */
    cli_key_t key;
} sequences[] = {
    {"[A", CLI_SCREEN_UP},       {"OA", CLI_SCREEN_UP},         {"[B", CLI_SCREEN_DOWN},
    {"OB", CLI_SCREEN_DOWN},     {"[H", CLI_SCREEN_HOME},       {"OH", CLI_SCREEN_HOME},
    {"[1~", CLI_SCREEN_HOME},    {"[7~", CLI_SCREEN_HOME},      {"[F", CLI_SCREEN_END},
    {"OF", CLI_SCREEN_END},      {"[4~", CLI_SCREEN_END},       {"[8~", CLI_SCREEN_END},
    {"[5~", CLI_SCREEN_PAGE_UP}, {"[6~", CLI_SCREEN_PAGE_DOWN},
};

/* The length of a sequence: "O" and one more, or "[" and what follows up to its last byte;
 * 0 when it is not whole. */
static size_t sequence_length(const char *bytes, size_t size)
{
    if (size == 0 || (size == 1 && (bytes[0] == '[' || bytes[0] == 'O'))) {
        return 0;
    }
    if (bytes[0] != '[') {
        return bytes[0] == 'O' ? 2 : 1;
    }
    for (size_t i = 1; i < size; i++) {
        if (bytes[i] >= 0x40 && bytes[i] <= 0x7e) {
            return i + 1;
        }
    }
    return 0;
}

cli_key_t cli_screen_decode(const char *bytes, size_t size, size_t *used_out)
{
    *used_out = 1;
    if (bytes[0] != '\033') {
        return bytes[0] == '\0' ? CLI_SCREEN_OTHER : (cli_key_t)(unsigned char)bytes[0];
    }
    if (size > 1 && bytes[1] == '\033') {
        return CLI_SCREEN_ESCAPE;
    }
    size_t length = sequence_length(bytes + 1, size - 1);
    *used_out = length ? length + 1 : 0;
    for (size_t i = 0; length > 0 && i < sizeof sequences / sizeof sequences[0]; i++) {
        if (strlen(sequences[i].bytes) == length &&
            memcmp(sequences[i].bytes, bytes + 1, length) == 0) {
            return sequences[i].key;
        }
    }
    return length ? CLI_SCREEN_OTHER : CLI_SCREEN_NONE;
}

/* Read on; false when the terminal has gone. */
static bool read_keys(cli_screen_t *self)
{
    if (self->n_typed == sizeof self->typed) {
        self->n_typed = 0; /* no key is so long */
    }
    ssize_t n_read =
        read(STDIN_FILENO, self->typed + self->n_typed, sizeof self->typed - self->n_typed);
    self->n_typed += n_read > 0 ? (size_t)n_read : 0;
    return n_read >= 0 || errno == EAGAIN || errno == EINTR;
}

bool cli_screen_key(cli_screen_t *self, cli_key_t *out)
{
    size_t used = 0;
    *out = CLI_SCREEN_NONE;
    if (self->n_typed > 0) {
        *out = cli_screen_decode(self->typed, self->n_typed, &used);
    }
    if (used == 0) {
        if (!read_keys(self)) {
            return false;
        }
        if (self->n_typed > 0) {
            *out = cli_screen_decode(self->typed, self->n_typed, &used);
        }
    }
    memmove(self->typed, self->typed + used, self->n_typed - used);
    self->n_typed -= used;
    return true;
}
