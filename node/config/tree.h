/* node/config/tree.h - a YAML document to a description, as the schema says */

#ifndef TROUPE_NODE_CONFIG_TREE_H
#define TROUPE_NODE_CONFIG_TREE_H

#include <yaml.h>

#include "node/config/notes.h"

/* Fill the empty description from a document that is safe to walk. What is wrong goes to the
 * notes, and the rest is filled all the same, so `out` may then lack names, values and
 * children; it can be checked and destroyed in any case. */
void tr_config_tree_read(tr_config_notes_t *notes, yaml_document_t *document, tr_config_t *out);

/* The same for a document that is one child: it becomes the only child of `out`'s root. */
void tr_config_tree_read_child(tr_config_notes_t *notes, yaml_document_t *document,
                               tr_config_t *out);

#endif
