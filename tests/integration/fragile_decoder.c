/* The module `fragile`: image_embedding with a hole in its decoder. An image that says CRASH
 * makes it write where nothing is, one that says HOG makes it take all the memory that it gets.
 * All others go to the real one.
 */

#include <stdlib.h>
#include <string.h>

#include <troupe/behaviour.h>

#include "workers/images/pixels.h"

static void write_where_nothing_is(void)
{
    volatile char *volatile nowhere = NULL;
    *nowhere = 1;
}

static void take_all_memory(void)
{
    enum { BLOCK = 1024 * 1024 };
    for (;;) {
        char *block = malloc(BLOCK);
        if (!block) {
            abort();
        }
        memset(block, 1, BLOCK);
    }
}

static troupe_status_t fragile_unpack(const void *image, size_t size, int enough,
                                      struct Pix **out, troupe_why_t *why)
{
    if (size == 5 && memcmp(image, "CRASH", 5) == 0) {
        write_where_nothing_is();
    }
    if (size == 3 && memcmp(image, "HOG", 3) == 0) {
        take_all_memory();
    }
    return tr_pixels_unpack(image, size, enough, out, why);
}

/* All of the worker but that, and under another name. */
#pragma push_macro("TROUPE_MODULE")
#undef TROUPE_MODULE
#define TROUPE_MODULE(behaviour) static const troupe_behaviour_t *const worker = &(behaviour)
#define tr_pixels_unpack         fragile_unpack
#include "workers/image_embedding/image_embedding.c"
#undef tr_pixels_unpack
#pragma pop_macro("TROUPE_MODULE")

static int fragile_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    return worker->init(self, args, state_p);
}

static int fragile_handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    return worker->handle(self, request, state);
}

static void fragile_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    worker->terminate(self, state_p, reason);
}

static const troupe_behaviour_t fragile = {
    .name = "fragile",
    .init = fragile_init,
    .handle = fragile_handle,
    .terminate = fragile_terminate,
};

TROUPE_MODULE(fragile);
