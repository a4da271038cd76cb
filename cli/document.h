/* cli/document.h - what a node says about itself, as msgpack
 *
 * It comes from outside, so it is refused when it is cut off, nested too deep or claims more
 * than it brings. Whatever is absent or of another type than expected reads as nothing, never
 * as an error.
 */

#ifndef TROUPE_CLI_DOCUMENT_H
#define TROUPE_CLI_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>
#include <troupe/api.h>

/* Above these a document is refused. A description may be 64 levels deep, and the account of it
 * a few more. */
enum {
    CLI_MAX_DOCUMENT = 16 << 20, /* bytes */
    CLI_MAX_OBJECTS = 1 << 19,
    CLI_MAX_DEPTH = 100,
};

typedef struct cli_document {
    msgpack_zone *zone;
    msgpack_object root;
} cli_document_t;

/* Read exactly one object that is a map. False: *reason_out says why not, in a few words, and
 * nothing is open. The bytes are borrowed until the document is closed. */
TROUPE_NODISCARD bool cli_document_open(cli_document_t *self, const void *data, size_t size,
                                        const char **reason_out);
void cli_document_close(cli_document_t *self);

/* The map itself, borrowed until the document is closed. */
const msgpack_object *cli_document_root(const cli_document_t *self);

/* The value of `key`; NULL when it is absent, when `map` is no map, or NULL. */
const msgpack_object *cli_member(const msgpack_object *map, const char *key);

/* The same, as text for a person: cleaned, at most `max` characters, "" when there is none.
 * Numbers are printed. A new string, to be released with free(). */
TROUPE_NODISCARD char *cli_member_text(const msgpack_object *map, const char *key, size_t max);

/* The same, as a number that is not negative; false, and *out untouched, when it is none. */
TROUPE_NODISCARD bool cli_member_number(const msgpack_object *map, const char *key,
                                        uint64_t *out);

/* The same, as an array; an empty one when it is none. */
msgpack_object_array cli_member_array(const msgpack_object *map, const char *key);

/* Any scalar as text for a person, like cli_member_text. NULL reads as "". */
TROUPE_NODISCARD char *cli_object_text(const msgpack_object *object, size_t max);

#endif
