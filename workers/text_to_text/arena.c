/* Blocks are chained, the newest first, and cut from front to back. What is large gets a block
 * of its own, so no more than the rest of one block is wasted for each. */

#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16 * 1024, ALIGNED = _Alignof(max_align_t) };

struct tr_arena_block {
    struct tr_arena_block *older;
    size_t size;
    size_t used;
    _Alignas(max_align_t) unsigned char bytes[];
};

static struct tr_arena_block *add_block(tr_arena_t *self, size_t size)
{
    struct tr_arena_block *block = calloc(1, sizeof *block + size);
    if (block) {
        block->older = self->newest;
        block->size = size;
        self->newest = block;
    }
    return block;
}

void *tr_arena_take(tr_arena_t *self, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size = (size + ALIGNED - 1) / ALIGNED * ALIGNED;
    struct tr_arena_block *block = self->newest;
    if (!block || block->size - block->used < size) {
        block = add_block(self, size > BLOCK ? size : BLOCK);
    }
    if (!block) {
        return NULL;
    }
    void *taken = block->bytes + block->used;
    block->used += size;
    return taken;
}

char *tr_arena_copy(tr_arena_t *self, const char *text, size_t size)
{
    char *copy = tr_arena_take(self, size + 1);
    if (copy && size > 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

void tr_arena_release(tr_arena_t *self)
{
    while (self->newest) {
        struct tr_arena_block *block = self->newest;
        self->newest = block->older;
        free(block);
    }
}
