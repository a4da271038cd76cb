/* A file becomes a frame without a copy.
 */

#include "cli/frames.h"

#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/output.h"

static void release(void *data, void *hint)
{
    (void)hint;
    free(data);
}

bool cli_frames_add_file(troupe_message_t *message, const char *path)
{
    void *data;
    size_t size;
    if (!cli_file_read(path, &data, &size)) {
        return false;
    }
    troupe_status_t status = troupe_message_add_owned(message, data, size, release, NULL);
    cli_need(status == TROUPE_OK ? message : NULL);
    return true;
}

troupe_message_t *cli_frames_read(const cli_args_t *args)
{
    troupe_message_t *message = cli_need(troupe_message_new());
    bool is_fine = true;
    for (size_t i = 0; i < args->n_given && is_fine; i++) {
        const cli_given_t *given = &args->given[i];
        if (given->key == 'd') {
            troupe_status_t status =
                troupe_message_add(message, given->value, strlen(given->value));
            cli_need(status == TROUPE_OK ? message : NULL);
        } else if (given->key == 'f') {
            is_fine = cli_frames_add_file(message, given->value);
        }
    }
    if (!is_fine) {
        troupe_message_destroy(&message);
    }
    return message;
}
