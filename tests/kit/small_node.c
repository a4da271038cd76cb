/* As a user would start it. */

#include "tests/kit/small_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YAML_SIZE 4096

static void report(void *arg, const char *problem)
{
    (void)arg;
    print_error("%s\n", problem);
}

troupe_node_t *small_node_start(const troupe_behaviour_t *const *behaviours,
                                const char *children)
{
    setenv("TROUPE_LOG_LEVEL", "off", 0);
    char yaml[YAML_SIZE];
    int length = snprintf(yaml, sizeof yaml,
                          "troupe: 1\n"
                          "supervisor:\n"
                          "  intensity: {restarts: 1000, period: 1s}\n"
                          "  children:\n"
                          "%s",
                          children);
    assert_true(length > 0 && (size_t)length < sizeof yaml);
    troupe_node_t *node = troupe_node_new();
    assert_non_null(node);
    for (; *behaviours; behaviours++) {
        assert_status(troupe_node_register(node, *behaviours), TROUPE_OK);
    }
    assert_status(troupe_node_load_text(node, "small.yaml", yaml, report, NULL), TROUPE_OK);
    assert_status(troupe_node_start(node, report, NULL), TROUPE_OK);
    return node;
}

troupe_ref_t *small_node_find(troupe_probe_t *probe, const char *name)
{
    troupe_ref_t *ref = troupe_probe_find(probe, name);
    assert_non_null(ref);
    return ref;
}

void small_node_tell(troupe_probe_t *probe, troupe_ref_t *to, const char *text)
{
    assert_status(troupe_probe_send_text(probe, to, text), TROUPE_OK);
}

bool says(const troupe_message_t *message, const char *text)
{
    return troupe_message_size(message, 0) == strlen(text) &&
           memcmp(troupe_message_data(message, 0), text, strlen(text)) == 0;
}
