/* rate_limiter.h - what bucket, clients and auditor have in common */

#ifndef RATE_LIMITER_H
#define RATE_LIMITER_H

#include <troupe.h>

#define BURST     10 /* how many may pass at once, after a pause */
#define PERIOD_MS 5  /* and then one every so often */

/* What the bucket answers to who may pass. */
struct leave {
    int64_t turn;  /* how many had passed before */
    int64_t at_us; /* when, by the clock of the bucket */
};

extern const troupe_behaviour_t bucket_behaviour;
extern const troupe_behaviour_t client_behaviour;
extern const troupe_behaviour_t auditor_behaviour;

#endif
