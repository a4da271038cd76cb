/* The linker sends the library's calls of `malloc` to `__wrap_malloc`, and so on; those of
 * other libraries are not touched. */

#include "tests/kit/fault_point.h"

#include <stdlib.h>
#include <string.h>

tr_fault_point_t tr_fault_memory;

void tr_fault_arm(tr_fault_point_t *self, size_t after_passes, size_t n_faults)
{
    self->n_faults = 0;
    self->n_hits = 0;
    self->n_passes = after_passes;
    self->n_faults = n_faults;
}

void tr_fault_disarm(tr_fault_point_t *self)
{
    self->n_faults = 0;
}

bool tr_fault_strikes(tr_fault_point_t *self)
{
    if (self->n_faults == 0) {
        return false;
    }
    if (self->n_passes > 0) {
        self->n_passes--;
        return false;
    }
    self->n_faults--;
    self->n_hits++;
    return true;
}

void *__real_malloc(size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_tr_slab_alloc(size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_tr_slab_alloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return tr_fault_strikes(&tr_fault_memory) ? NULL : __real_aligned_alloc(alignment, size);
}

/* It keeps some of what it got from malloc, so it is struck by itself. */
void *__wrap_tr_slab_alloc(size_t size)
{
    return tr_fault_strikes(&tr_fault_memory) ? NULL : __real_tr_slab_alloc(size);
}

void *__wrap_malloc(size_t size)
{
    return tr_fault_strikes(&tr_fault_memory) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return tr_fault_strikes(&tr_fault_memory) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return tr_fault_strikes(&tr_fault_memory) ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return tr_fault_strikes(&tr_fault_memory) ? NULL : __real_strdup(text);
}
