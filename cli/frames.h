/* cli/frames.h - the frames of a request, as the command line gives them */

#ifndef TROUPE_CLI_FRAMES_H
#define TROUPE_CLI_FRAMES_H

#include <stdbool.h>

#include <troupe/api.h>
#include <troupe/message.h>

#include "cli/options.h"

#define CLI_FRAME_OPTIONS                                                                      \
    {'d', "data", "TEXT", "a frame of the request: this text"},                                \
    {                                                                                          \
        'f', "file", "FILE",                                                                   \
            "a frame of the request: what FILE holds ('-': stdin); -d and\n"                   \
            "-f may be given again, for several frames in that order"                          \
    }

/* What -d and -f gave, which may be nothing; NULL after saying what could not be read. */
TROUPE_NODISCARD troupe_message_t *cli_frames_read(const cli_args_t *args);

/* Append a frame with what the file holds, "-" for stdin. False after saying why not. */
TROUPE_NODISCARD bool cli_frames_add_file(troupe_message_t *message, const char *path);

#endif
