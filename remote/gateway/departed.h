/* remote/gateway/departed.h - the routing ids of peers whose connections have ended
 *
 * What a peer said may be read after its connection has ended, and after it was forgotten: then
 * it is nobody new. A ROUTER numbers those who choose no routing id one after another, and
 * begins anywhere, so numbers can be compared as long as they are not far apart. Pure.
 */

#ifndef TROUPE_REMOTE_GATEWAY_DEPARTED_H
#define TROUPE_REMOTE_GATEWAY_DEPARTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_DEPARTED_KEPT 512

/* A zeroed one has none. */
typedef struct tr_departed {
    uint32_t numbers[TR_DEPARTED_KEPT];
    size_t n; /* that were ever noted */
    uint32_t newest;
    bool has_newest;
} tr_departed_t;

/* The number in a routing id. False: it was chosen, and has none. */
bool tr_departed_number(const void *routing_id, size_t size, uint32_t *number_out);

/* Whether the first was given before the second. */
bool tr_departed_is_before(uint32_t number, uint32_t other);

/* Somebody of that number has spoken; and has departed. */
void tr_departed_note_speaker(tr_departed_t *self, uint32_t number);
void tr_departed_add(tr_departed_t *self, uint32_t number);

bool tr_departed_has(const tr_departed_t *self, uint32_t number);

#endif
