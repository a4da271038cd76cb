/* connection.h - the two ends of the line */

#ifndef CONNECTION_H
#define CONNECTION_H

#include <troupe.h>

extern const troupe_behaviour_t connection_behaviour;
extern const troupe_behaviour_t server_behaviour;

#endif
