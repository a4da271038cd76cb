/* node/account.h - reading the node's account of itself, as node/state_document.h writes it
 *
 * Pure. What is not there, or of another kind, reads as nothing.
 */

#ifndef TROUPE_NODE_ACCOUNT_H
#define TROUPE_NODE_ACCOUNT_H

#include <msgpack.h>
#include <stdbool.h>

/* What a map has under `key`, or NULL. */
const msgpack_object *tr_account_member(const msgpack_object *map, const char *key);

/* Whether it has this text there. */
bool tr_account_says(const msgpack_object *map, const char *key, const char *text);

/* The list there. */
msgpack_object_array tr_account_list(const msgpack_object *map, const char *key);

/* Whether there is a yes. */
bool tr_account_is(const msgpack_object *map, const char *key);

#endif
