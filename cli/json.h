/* cli/json.h - JSON on stdout, from bytes and from msgpack
 *
 * Whatever goes in, what comes out is valid JSON on one line. Nesting is the caller's to bound:
 * cli/document.h does.
 */

#ifndef TROUPE_CLI_JSON_H
#define TROUPE_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>
#include <troupe/api.h>
#include <troupe/message.h>

/* A string in quotes; bytes that are no UTF-8 become U+FFFD. */
void cli_json_string(const void *data, size_t size);

/* Text as a string, anything else as {"base64": "..."}. */
void cli_json_bytes(const void *data, size_t size);

/* The frames of a message as an array. */
void cli_json_frames(const troupe_message_t *message);

/* Any msgpack object. Keys of maps become strings; what JSON cannot say (NaN, infinities, a
 * container as a key) becomes null or a word in its place. */
void cli_json_object(const msgpack_object *object);

#endif
