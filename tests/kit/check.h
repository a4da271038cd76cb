/* tests/kit/check.h - cmocka, and asserts that say a mismatch in words
 *
 * Asserts belong to the test's own thread: cmocka keeps its state per thread.
 */

#ifndef TROUPE_TESTS_KIT_CHECK_H
#define TROUPE_TESTS_KIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* From 2.0 on cmocka takes a common name for itself, and asks whether the numbers of a range
 * have a sign. */
#undef stop
#ifdef assert_int_in_range
#undef assert_in_range
#define assert_in_range(value, minimum, maximum)                                               \
    assert_int_in_range((intmax_t)(value), (intmax_t)(minimum), (intmax_t)(maximum))
#endif

#include <troupe/outcome.h>
#include <troupe/status.h>

#define assert_status(got, want)                                                               \
    do {                                                                                       \
        troupe_status_t got_status = (got);                                                    \
        troupe_status_t want_status = (want);                                                  \
        if (got_status != want_status) {                                                       \
            fail_msg("%s is %s, not %s", #got, troupe_status_name(got_status),                 \
                     troupe_status_name(want_status));                                         \
        }                                                                                      \
    } while (0)

#define assert_outcome(got, want)                                                              \
    do {                                                                                       \
        troupe_outcome_t got_outcome = (got);                                                  \
        troupe_outcome_t want_outcome = (want);                                                \
        if (got_outcome != want_outcome) {                                                     \
            fail_msg("%s is %s, not %s", #got, troupe_outcome_name(got_outcome),               \
                     troupe_outcome_name(want_outcome));                                       \
        }                                                                                      \
    } while (0)

#endif
