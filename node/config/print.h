/* node/config/print.h - a description back to text, by the same table that read it
 *
 * What is printed with every default filled in means what was read: reading it again gives an
 * equal description. Values are compared as what they mean, so that `1s` is `1000ms` and the
 * order of the keys in a mapping is nothing.
 *
 * Pure.
 */

#ifndef TROUPE_NODE_CONFIG_PRINT_H
#define TROUPE_NODE_CONFIG_PRINT_H

#include <stdio.h>

#include "node/config/config.h"
#include "node/config/schema.h"

/* The whole file, in YAML's block style. */
void tr_config_print(const tr_config_t *config, FILE *out);

/* Whether the mapping at `base` would have this key, one that is no list, if it were printed.
 */
bool tr_config_has(const tr_schema_row_t *row, const void *base);

/* The value of a key that is no mapping and no list of mappings, in one line: "10s", "a text",
 * "(none)". */
void tr_config_show(const tr_schema_row_t *row, const void *base, FILE *out);

/* Whether two mappings have the same under this key, which is no mapping and no list of
 * mappings. */
bool tr_config_is_equal(const tr_schema_row_t *row, const void *one, const void *other);

/* A text in double quotes, as YAML has it. */
void tr_config_quote(const char *text, FILE *out);

#endif
