/* node/config/security.h - who may come in, and what for: defaults and checks
 *
 * Pure.
 */

#ifndef TROUPE_NODE_CONFIG_SECURITY_H
#define TROUPE_NODE_CONFIG_SECURITY_H

#include "node/config/config.h"
#include "node/config/notes.h"

/* Fill what the file leaves out of listeners and of `security`. */
void tr_config_complete_security(tr_config_notes_t *notes, tr_config_t *config);

/* So many peers may be named. */
enum { TR_CONFIG_PEERS_MAX = 1000 };

/* Note what is wrong with rights, keys, and endpoints that are open to the network. */
void tr_config_check_security(tr_config_notes_t *notes, const tr_config_t *config);

#endif
