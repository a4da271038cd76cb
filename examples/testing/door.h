/* door.h - the behaviour that is tested: a door that closes by itself
 *
 * "open" opens it for ten seconds more; whoever opened it last is told "closed" then. Asked, it
 * answers "open" or "closed". "kick" breaks it.
 */

#ifndef DOOR_H
#define DOOR_H

#include <troupe.h>

extern const troupe_behaviour_t door_behaviour;

#endif
