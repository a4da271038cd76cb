/* Every field has its fixed place:
 *
 *     00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *     0  3                                36               53
 */

#include "base/trace.h"

#include <assert.h>

enum {
    AT_VERSION = 0,
    AT_TRACE_ID = 3,
    AT_PARENT_ID = 36,
    AT_FLAGS = 53,
    SIZE = 55,
    SIZE_VERSION = 2,
    SIZE_TRACE_ID = 32,
    SIZE_PARENT_ID = 16,
    SIZE_FLAGS = 2
};

#define FLAG_SAMPLED 1

/* The value of a digit; -1 when it is none. */
static int digit_of(char sign)
{
    if (sign >= '0' && sign <= '9') {
        return sign - '0';
    }
    return sign >= 'a' && sign <= 'f' ? sign - 'a' + 10 : -1;
}

static bool is_hex(const char *field, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (digit_of(field[i]) < 0) {
            return false;
        }
    }
    return true;
}

/* All zeroes stand for "none". */
static bool is_id(const char *field, size_t size)
{
    bool is_zero = true;
    for (size_t i = 0; i < size; i++) {
        is_zero = is_zero && field[i] == '0';
    }
    return !is_zero && is_hex(field, size);
}

static bool is_version_of_size(const char *version, tr_span_t whole)
{
    if (!is_hex(version, SIZE_VERSION) || memcmp(version, "ff", SIZE_VERSION) == 0) {
        return false;
    }
    bool is_first = memcmp(version, "00", SIZE_VERSION) == 0;
    return whole.size == SIZE || (!is_first && whole.data[SIZE] == '-');
}

bool tr_trace_parse(tr_span_t traceparent, tr_trace_t *out)
{
    assert(out);
    if (traceparent.size < SIZE) {
        return false;
    }
    const char *data = traceparent.data;
    if (!is_version_of_size(data + AT_VERSION, traceparent) || data[AT_TRACE_ID - 1] != '-' ||
        !is_id(data + AT_TRACE_ID, SIZE_TRACE_ID) || data[AT_PARENT_ID - 1] != '-' ||
        !is_id(data + AT_PARENT_ID, SIZE_PARENT_ID) || data[AT_FLAGS - 1] != '-' ||
        !is_hex(data + AT_FLAGS, SIZE_FLAGS)) {
        return false;
    }
    *out = (tr_trace_t){0};
    memcpy(out->trace_id, data + AT_TRACE_ID, SIZE_TRACE_ID);
    memcpy(out->parent_id, data + AT_PARENT_ID, SIZE_PARENT_ID);
    out->is_sampled = (digit_of(data[AT_FLAGS + 1]) & FLAG_SAMPLED) != 0;
    return true;
}
