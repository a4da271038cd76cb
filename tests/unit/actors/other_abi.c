/* A module from another time: everything is right but the number. */

#include <troupe/behaviour.h>

TROUPE_API extern const unsigned troupe_behaviour_abi;
TROUPE_API extern const troupe_behaviour_t *const troupe_behaviour;

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    (void)self;
    (void)request;
    (void)state;
    return -1;
}

static const troupe_behaviour_t old = {.name = "other_abi", .handle = handle};

const unsigned troupe_behaviour_abi = TROUPE_ABI_VERSION + 1000;
const troupe_behaviour_t *const troupe_behaviour = &old;
