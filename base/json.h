/* base/json.h - msgpack as JSON text
 *
 * One line of valid JSON in UTF-8, whatever goes in: what is no UTF-8 becomes the replacement
 * character, a number that is none becomes null, bytes that are no text become an object with
 * their base64. Pure.
 */

#ifndef TROUPE_BASE_JSON_H
#define TROUPE_BASE_JSON_H

#include <msgpack.h>

#include "base/builder.h"

#define TR_JSON_DEPTH 160 /* what lies deeper becomes null */

void tr_json_object(tr_builder_t *to, const msgpack_object *object);

/* A text in its quotes. */
void tr_json_string(tr_builder_t *to, const void *data, size_t size);

#endif
