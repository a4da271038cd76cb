/* node/admin/account.h - reading the node's account of itself, as node/admin/state_document.h
 * writes it
 *
 * Pure. What is not there, or of another kind, reads as nothing. msgpack's own reader takes 32
 * levels, fewer than a description may have, so arrays and maps are read here.
 */

#ifndef TROUPE_NODE_ADMIN_ACCOUNT_H
#define TROUPE_NODE_ADMIN_ACCOUNT_H

#include <msgpack.h>
#include <stdbool.h>

#include <troupe/status.h>

#define TR_ACCOUNT_DEPTH                                                                       \
    160 /* of what lies in each other; a tree of supervisors may be deep                       \
         */

/* All zero: none. */
typedef struct tr_account {
    msgpack_zone *zone;
    msgpack_object root;
} tr_account_t;

/* Read it; its texts stay where they are, so the bytes must outlive it.
 *
 *   TROUPE_OK
 *   TROUPE_ERR_INVALID  it is no msgpack, or too deep
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_account_open(tr_account_t *self, const void *data,
                                                 size_t size);

/* None is fine. */
void tr_account_close(tr_account_t *self);

/* What a map has under `key`, or NULL. */
const msgpack_object *tr_account_member(const msgpack_object *map, const char *key);

/* Whether it has this text there. */
bool tr_account_says(const msgpack_object *map, const char *key, const char *text);

/* The list there. */
msgpack_object_array tr_account_list(const msgpack_object *map, const char *key);

/* Whether there is a yes. */
bool tr_account_is(const msgpack_object *map, const char *key);

#endif
