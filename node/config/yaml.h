/* node/config/yaml.h - bytes to a YAML document that is safe to walk
 *
 * Whoever has a document from here may walk it by plain recursion and follow every alias: it
 * is at most TR_CONFIG_DEPTH_MAX deep and TR_CONFIG_VALUES_MAX nodes large with all aliases
 * followed, has no cycle and carries no tags.
 */

#ifndef TROUPE_NODE_CONFIG_YAML_H
#define TROUPE_NODE_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include <yaml.h>

#include "node/config/notes.h"

enum {
    TR_CONFIG_BYTES_MAX = 1024 * 1024,
    TR_CONFIG_DEPTH_MAX = 64,
    TR_CONFIG_VALUES_MAX = 100000,
    TR_CONFIG_ANCHORS_MAX = 256,
};

/* Read the one document in `size` bytes of text, whatever they are. True when there is one:
 * it is then the caller's, to be released with yaml_document_delete. False when the notes
 * have a problem that left nothing to read, or no memory. */
TROUPE_NODISCARD bool tr_config_yaml_load(const char *text, size_t size,
                                          tr_config_notes_t *notes, yaml_document_t *out);

/* Where a mark of libyaml is, counted from one. */
tr_config_place_t tr_config_yaml_place(yaml_mark_t mark);

#endif
