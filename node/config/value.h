/* node/config/value.h - one scalar of a file to one field of the description
 *
 * Everything about a single value is decided here: `${VAR}`, its type, its range. What is
 * wrong goes to the notes; the field then stays as it is, and is marked as not sound.
 */

#ifndef TROUPE_NODE_CONFIG_VALUE_H
#define TROUPE_NODE_CONFIG_VALUE_H

#include <yaml.h>

#include "node/config/notes.h"
#include "node/config/schema.h"

/* Note that `key` holds something else than `expected`, such as "a list". */
void tr_config_value_refuse(tr_config_notes_t *notes, const yaml_node_t *node, const char *key,
                            const char *expected);

/* The text of a scalar, expanded, as a new string; NULL when a problem was noted. */
TROUPE_NODISCARD char *tr_config_value_text(tr_config_notes_t *notes, const yaml_node_t *node,
                                            const char *key, const char *expected);

/* Read `node` as the row says, into its field of the description at `base`. The row's type is
 * one of those that a scalar holds. */
void tr_config_value_read(tr_config_notes_t *notes, const tr_schema_row_t *row,
                          const yaml_node_t *node, void *base);

/* Give the field its default; without one it stays as it is. */
void tr_config_value_default(tr_config_notes_t *notes, const tr_schema_row_t *row, void *base);

#endif
