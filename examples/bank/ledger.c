#include "ledger.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Returns where the last whole line ends. */
static off_t read_lines(FILE *file, ledger_line_fn *on_line, void *arg)
{
    char *line = NULL;
    size_t room = 0;
    off_t end = 0;
    ssize_t size;
    while ((size = getline(&line, &room, file)) > 0 && line[size - 1] == '\n') {
        end += size;
        line[size - 1] = '\0';
        on_line(arg, line);
    }
    free(line);
    return end;
}

int ledger_open(const char *folder, const char *name, ledger_line_fn *on_line, void *arg)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int ledger = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    FILE *file = fopen(path, "re");
    bool is_read =
        ledger >= 0 && file && ftruncate(ledger, read_lines(file, on_line, arg)) == 0;
    if (file) {
        fclose(file);
    }
    if (ledger >= 0 && !is_read) {
        close(ledger);
    }
    return is_read ? ledger : -1;
}

bool ledger_write(int ledger, const char *format, ...)
{
    char line[200];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(line, sizeof line - 1, format, values);
    va_end(values);
    line[size] = '\n';
    return write(ledger, line, (size_t)size + 1) == size + 1 && fdatasync(ledger) == 0;
}
