/* check.h - the least that a test needs; any framework for C does as well */

#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);            \
            exit(EXIT_FAILURE);                                                                \
        }                                                                                      \
    } while (0)

/* Something that a probe expects comes, or the probe says what came instead. */
#define CHECK_COMES(probe, expectation)                                                        \
    do {                                                                                       \
        if ((expectation) != TROUPE_OK) {                                                      \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, troupe_probe_complaint(probe)); \
            exit(EXIT_FAILURE);                                                                \
        }                                                                                      \
    } while (0)

#endif
