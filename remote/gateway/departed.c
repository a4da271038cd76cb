#include "remote/gateway/departed.h"

#include <assert.h>

bool tr_departed_number(const void *routing_id, size_t size, uint32_t *number_out)
{
    assert(routing_id && number_out);
    const unsigned char *bytes = routing_id;
    if (size != 5 || bytes[0] != 0) {
        return false;
    }
    *number_out = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 |
                  (uint32_t)bytes[3] << 8 | bytes[4];
    return true;
}

bool tr_departed_is_before(uint32_t number, uint32_t other)
{
    return number != other && other - number < UINT32_MAX / 2;
}

void tr_departed_note_speaker(tr_departed_t *self, uint32_t number)
{
    assert(self);
    if (!self->has_newest || tr_departed_is_before(self->newest, number)) {
        self->newest = number;
        self->has_newest = true;
    }
}

void tr_departed_add(tr_departed_t *self, uint32_t number)
{
    assert(self);
    self->numbers[self->n++ % TR_DEPARTED_KEPT] = number;
}

bool tr_departed_has(const tr_departed_t *self, uint32_t number)
{
    assert(self);
    size_t n = self->n < TR_DEPARTED_KEPT ? self->n : TR_DEPARTED_KEPT;
    for (size_t i = 0; i < n; i++) {
        if (self->numbers[i] == number) {
            return true;
        }
    }
    return false;
}
