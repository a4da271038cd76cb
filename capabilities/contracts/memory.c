#include "capabilities/contracts/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1024 }; /* most requests need no second one */

troupe_contract_memory_t *tr_contract_memory_new(void)
{
    troupe_contract_memory_t *self = calloc(1, sizeof *self);
    if (self && !msgpack_zone_init(&self->zone, CHUNK)) {
        free(self);
        self = NULL;
    }
    return self;
}

void troupe_contract_release(troupe_contract_memory_t **memory_p)
{
    assert(memory_p);
    if (*memory_p) {
        msgpack_zone_destroy(&(*memory_p)->zone);
        troupe_message_destroy(&(*memory_p)->message);
        free(*memory_p);
        *memory_p = NULL;
    }
}

void *tr_contract_room(troupe_contract_memory_t *self, size_t count, size_t size)
{
    assert(self && size > 0);
    if (count > (SIZE_MAX / 2) / size) {
        return NULL;
    }
    void *room = msgpack_zone_malloc(&self->zone, count * size + 1); /* never of no bytes */
    if (room) {
        memset(room, 0, count * size);
    }
    return room;
}

char *tr_contract_copy(troupe_contract_memory_t *self, const char *text, size_t size)
{
    assert(self && (text || size == 0));
    char *copy = msgpack_zone_malloc_no_align(&self->zone, size + 1);
    if (copy) {
        if (size > 0) {
            memcpy(copy, text, size);
        }
        copy[size] = '\0';
    }
    return copy;
}
