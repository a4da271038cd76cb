/* tests/kit/small_node.h - a node that listens nowhere, and a probe in it
 *
 * Everything here asserts, and so belongs to the test's own thread.
 */

#ifndef TROUPE_TESTS_KIT_SMALL_NODE_H
#define TROUPE_TESTS_KIT_SMALL_NODE_H

#include "tests/kit/check.h"

#include <troupe/testkit.h>

#define PATIENCE_MS 10000 /* only what hangs takes so long */

/* Start a node with these behaviours, NULL at the end. `children` is a list in YAML, a line for
 * each, as "    - {actor: ...}\n". */
troupe_node_t *small_node_start(const troupe_behaviour_t *const *behaviours,
                                const char *children);

/* The actor of that name, as the probe finds it. */
troupe_ref_t *small_node_find(troupe_probe_t *probe, const char *name);

void small_node_tell(troupe_probe_t *probe, troupe_ref_t *to, const char *text);

/* What it said when something else came, or nothing, fails the test. */
#define assert_heard(probe, expected)                                                          \
    do {                                                                                       \
        if ((expected) != TROUPE_OK) {                                                         \
            fail_msg("%s", troupe_probe_complaint(probe));                                     \
        }                                                                                      \
    } while (0)

#define assert_text(probe, text)                                                               \
    assert_heard(probe, troupe_probe_expect_text(probe, PATIENCE_MS, text))

/* It is there already. */
#define assert_text_now(probe, text)                                                           \
    assert_heard(probe, troupe_probe_expect_text(probe, 0, text))

/* Whether the first frame is that text. */
bool says(const troupe_message_t *message, const char *text);

#endif
