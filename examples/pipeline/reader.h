/* reader.h - the behaviour that is linked into the program */

#ifndef READER_H
#define READER_H

#include <troupe.h>

extern const troupe_behaviour_t reader_behaviour;

#endif
