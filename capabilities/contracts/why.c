/* What is said of a request goes to whoever asked, onto a line of a log and onto a terminal. */

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <troupe/contract.h>

#include "base/utf8.h"

void troupe_why_set(troupe_why_t *self, const char *format, ...)
{
    assert(self && format);
    char line[2 * sizeof self->text];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    tr_span_t span = {line, length < 0 ? 0 : strlen(line)};
    size_t size = tr_utf8_cut(span, sizeof self->text - 1);
    memcpy(self->text, line, size);
    self->text[size] = '\0';
    tr_utf8_mend(self->text, size);
    for (char *byte = self->text; *byte; byte++) {
        if ((unsigned char)*byte < 0x20 || *byte == 0x7f) {
            *byte = '?';
        }
    }
}
