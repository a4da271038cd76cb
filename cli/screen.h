/* cli/screen.h - the whole terminal, borrowed: keys as they are pressed, frames in one write
 *
 * It is given back as it was whatever happens: by closing, when the process exits by itself,
 * and while it is stopped by Ctrl-Z. Signals that would end the process are held back and told
 * instead; SIGINT and SIGTERM are the session's, which is to be open before. One at a time.
 */

#ifndef TROUPE_CLI_SCREEN_H
#define TROUPE_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/api.h>

/* A character as itself, or one of these. */
typedef enum cli_key {
    CLI_SCREEN_NONE = 0,
    CLI_SCREEN_UP = 256,
    CLI_SCREEN_DOWN,
    CLI_SCREEN_PAGE_UP,
    CLI_SCREEN_PAGE_DOWN,
    CLI_SCREEN_HOME,
    CLI_SCREEN_END,
    CLI_SCREEN_ESCAPE,
    CLI_SCREEN_OTHER, /* some key that nothing is known of */
} cli_key_t;

typedef struct cli_screen {
    int signals;
    size_t rows;
    size_t columns;
    char typed[64]; /* what was read and is no whole key yet */
    size_t n_typed;
} cli_screen_t;

/* Whether there is a terminal, at stdin and stdout, that can show frames. */
bool cli_screen_is_possible(void);

/* Take the terminal. False after saying why it cannot be had. */
TROUPE_NODISCARD bool cli_screen_open(cli_screen_t *self);

/* Give it back. Once open; a second time does nothing. */
void cli_screen_close(cli_screen_t *self);

/* Heed what its `signals` have brought, when they poll readable: another size, a stop. False
 * when the process is to end. What was shown is gone then: draw. */
TROUPE_NODISCARD bool cli_screen_heed(cli_screen_t *self);

/* The next key that was pressed; CLI_SCREEN_NONE when there is none. False when the terminal
 * has gone. Never waits: stdin polls readable before. */
TROUPE_NODISCARD bool cli_screen_key(cli_screen_t *self, cli_key_t *out);

/* Show it. */
void cli_screen_show(const char *bytes, size_t size);

/* The key that the bytes, one at least, begin with, and in *used_out how many they are; 0 when
 * they are the beginning of one only. Pure. */
cli_key_t cli_screen_decode(const char *bytes, size_t size, size_t *used_out);

#endif
