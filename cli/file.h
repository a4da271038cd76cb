/* cli/file.h - whole files in, whole files out */

#ifndef TROUPE_CLI_FILE_H
#define TROUPE_CLI_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/api.h>

/* Read a file, or stdin for "-", to its end; at most 1 GiB. *data_out is to be released with
 * free(), and never NULL. False after saying why not. */
TROUPE_NODISCARD bool cli_file_read(const char *path, void **data_out, size_t *size_out);

/* Make `path` hold exactly these bytes: another reader sees the old file or the new one, never
 * a part of it. What is no plain file (a device, a pipe) is written to as it is. False after
 * saying why not. */
TROUPE_NODISCARD bool cli_file_write(const char *path, const void *data, size_t size);

#endif
