/* node/config/check.h - what is legal but impossible
 *
 * The schema judges each value by itself; here they are judged together: names that must
 * differ, minimums above maximums, endpoints nobody can listen on.
 */

#ifndef TROUPE_NODE_CONFIG_CHECK_H
#define TROUPE_NODE_CONFIG_CHECK_H

#include "node/config/notes.h"

/* A node with more than these is a mistake, and comparing them pair by pair stays cheap. */
enum { TR_CONFIG_LISTENERS_MAX = 24 };

/* Note every such problem. The description may be incomplete: what reading has refused is
 * not judged again. */
void tr_config_check(tr_config_notes_t *notes, const tr_config_t *config);

#endif
