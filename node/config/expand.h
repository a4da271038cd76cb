/* node/config/expand.h - `${VAR}` in a configuration
 *
 * Pure but for the environment, which it only reads.
 */

#ifndef TROUPE_NODE_CONFIG_EXPAND_H
#define TROUPE_NODE_CONFIG_EXPAND_H

#include <stddef.h>

#include <troupe/api.h>
#include <troupe/status.h>

/* The longest text that comes out: one scalar cannot fill the memory. */
enum { TR_CONFIG_EXPANDED_MAX = 65536 };

/* Long enough for any text below. */
enum { TR_CONFIG_WHY_BYTES = 160 };

/* Replace `${VAR}` by what the environment has under that name, `${VAR:-default}` likewise, or
 * by `default` when it has nothing or the empty text, and `$$` by a dollar. What comes from
 * the environment is taken as it is.
 *
 *   TROUPE_OK           *out is a new string, to be released with free()
 *   TROUPE_ERR_INVALID  `why` says in words what is wrong
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_config_expand(const char *text,
                                                  char why[TR_CONFIG_WHY_BYTES], char **out);

#endif
