/* philosophers.h - what those at the table have in common */

#ifndef PHILOSOPHERS_H
#define PHILOSOPHERS_H

#include <troupe.h>

#define N_SEATS 5

/* What the table is asked with. */
struct note {
    int64_t seat; /* from 0 */
    bool begins;  /* a meal; else it ends */
};

extern const troupe_behaviour_t fork_behaviour;
extern const troupe_behaviour_t table_behaviour;
extern const troupe_behaviour_t philosopher_behaviour;

#endif
